"""Run the notebooks and keep their outputs: python docs/notebooks/run.py [NAME ...].

`make notebooks` does it. A test runs them too and compares their texts.
"""

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
SECONDS = 300  # for one cell, on a busy machine


def executed(name: str) -> nbformat.NotebookNode:
    """Return a notebook with its outputs, run in an empty folder; an error in a cell is raised."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(
            notebook, timeout=SECONDS, kernel_name="python3", resources=resources
        )
        client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # the times of the run
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output["data"].pop("text/html", None)  # the same picture once more, for dark pages
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.ipynb"))


if __name__ == "__main__":
    for name in sys.argv[1:] or names():
        nbformat.write(executed(name), FOLDER / f"{name}.ipynb")
