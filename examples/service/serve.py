"""Serve a saved model with one process or several.

    python examples/service/serve.py flats.safetensors --workers 2 --port 8000

It is `uvicorn app:app --workers 2` with TCP_NODELAY: the socket that uvicorn shares between its
processes does not have it, and Linux then holds back the end of each answer for 40 ms.
"""

import argparse
import os
import socket
from pathlib import Path
from typing import Any

import uvicorn


def serve(application: str, host: str, port: int, workers: int, **options: Any) -> None:
    """Run an application until it is interrupted."""
    with socket.create_server((host, port), backlog=2048) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it
        listener.set_inheritable(True)
        uvicorn.run(application, fd=listener.fileno(), workers=workers, **options)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    os.environ["MODEL"] = str(arguments.model)
    serve("app:app", arguments.host, arguments.port, arguments.workers, log_level="warning")
