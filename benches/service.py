"""Time requests to a web service that answers with this package, and with ONNX Runtime.

    python benches/service.py [--requests 2000] [--clients 1 8 32] [--processes 1 2]

Both run in the same FastAPI application, one after the other; a request has one row of 30 numbers
for a network 30-100-100-2. Prints requests per second and the percentiles of the milliseconds to
the answer, and writes benches/results/service.json. Needs fastapi, uvicorn and onnxruntime.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from importlib.metadata import version
from pathlib import Path

import backprop_rs as bp
import machine
import numpy as np

sys.path.append(str(Path(__file__).parent.parent / "examples" / "service"))
from serve import serve

RESULTS = Path(__file__).parent / "results" / "service.json"
SIZES = [30, 100, 100, 2]
SERVERS = ("backprop_rs", "onnxruntime")
SECONDS = 60  # until a server answers
LIBRARIES = ("fastapi", "uvicorn", "onnxruntime", "numpy")


def application():
    """Return the application that uvicorn serves in its own process."""
    from fastapi import FastAPI
    from pydantic import BaseModel

    folder, server = Path(os.environ["SERVICE_FOLDER"]), os.environ["SERVICE_SERVER"]
    if server == "backprop_rs":
        bp.set_num_threads(1)
        predict_rows = bp.Network.load(folder / "net.safetensors").predict
    else:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(folder / "net.onnx", options)

        def predict_rows(X):
            return session.run(["probabilities"], {"X": X})[0]

    app = FastAPI()

    class Rows(BaseModel):
        X: list[list[float]]

    def predict(request):
        return {"answers": predict_rows(np.array(request.X, dtype=np.float32)).tolist()}

    predict.__annotations__["request"] = Rows
    app.post("/predict")(predict)
    return app


class Client:
    """One connection, which is kept open."""

    def __init__(self, port, body):
        self.connection, self.body = HTTPConnection("127.0.0.1", port, timeout=SECONDS), body

    def ask(self):
        """Return the milliseconds until the answer."""
        begin = time.perf_counter()
        self.connection.request("POST", "/predict", self.body, {"content-type": "application/json"})
        answer = self.connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        return 1e3 * (time.perf_counter() - begin)

    def ask_often(self, requests):
        return [self.ask() for _ in range(requests)]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(client, server):
    end = time.monotonic() + SECONDS
    while True:
        try:
            client.ask()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > end:
                raise SystemExit("the server does not answer") from None
            client.connection.close()
            time.sleep(0.05)


def measured(server, folder, body, processes, all_clients, requests):
    """Return a result for each number of clients."""
    port = free_port()
    command = [sys.executable, __file__, "--serve", str(port), str(processes)]
    environment = os.environ | {"SERVICE_FOLDER": str(folder), "SERVICE_SERVER": server}
    results = []
    with subprocess.Popen(command, env=environment) as running:
        try:
            wait_for(Client(port, body), running)
            for clients in all_clients:
                asking = [Client(port, body) for _ in range(clients)]
                each = max(1, requests // clients)
                with ThreadPoolExecutor(clients) as pool:
                    list(pool.map(Client.ask_often, asking, [20] * clients))  # warm
                    begin = time.perf_counter()
                    parts = pool.map(Client.ask_often, asking, [each] * clients)
                    times = np.concatenate(list(parts))
                    seconds = time.perf_counter() - begin
                results.append(
                    {
                        "server": server,
                        "processes": processes,
                        "clients": clients,
                        "rate": len(times) / seconds,
                        "p50": float(np.percentile(times, 50)),
                        "p99": float(np.percentile(times, 99)),
                    }
                )
                print(row(results[-1]))
        finally:
            running.terminate()
    return results


def row(one):
    return (
        f"| {one['server']} | {one['processes']} | {one['clients']} | {one['rate']:,.0f} "
        f"| {one['p50']:.3g} | {one['p99']:.3g} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--json", type=Path, default=RESULTS)
    parser.add_argument("--serve", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        port, processes = arguments.serve
        serve(
            "service:application", "127.0.0.1", port, processes, factory=True, log_level="warning"
        )
        return
    print("| server | processes | clients | requests/s | p50, ms | p99, ms |")
    print("|---|---|---|---|---|---|")
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        net = bp.Network(SIZES, "relu", "softmax", "cross_entropy", seed=0)
        net.save(folder / "net.safetensors")
        net.export(folder / "net.onnx")
        X = np.random.default_rng(0).normal(size=(1, SIZES[0])).round(4)
        body = json.dumps({"X": X.tolist()})
        for processes in arguments.processes:
            for server in SERVERS:
                results += measured(
                    server, folder, body, processes, arguments.clients, arguments.requests
                )
    versions = {library: version(library) for library in LIBRARIES}
    record = {"machine": machine.describe(), "versions": versions, "results": results}
    arguments.json.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
