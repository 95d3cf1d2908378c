"""Time the first minutes of a newcomer, from `pip install .` to the first result that matters.

    python benches/newcomer.py

In a fresh environment it installs this clone, and then runs the start page of each of the three
users in a new process: to learn, to predict, to serve. Writes benches/results/newcomer.json.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine

PROJECT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "newcomer.json"
PAGES = {
    "learn": "the equations of a step, checked by differences",
    "predict": "answers to new rows, with the score on rows that were held out",
    "serve": "a saved and exported network",
}


def seconds(command, **options):
    """Return the seconds that a command takes; it must succeed."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)
    return time.perf_counter() - begin


def program(page):
    """Return the Python of a page."""
    text = (PROJECT / "docs" / "start" / f"{page}.md").read_text("utf-8")
    return "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.M | re.S))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        environment.pop("PYTHONPATH", None)
        made = seconds([sys.executable, "-m", "venv", str(folder / "env")])
        python = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
        install = [str(python), "-m", "pip", "install", "--quiet", str(PROJECT)]
        installed = made + seconds(install, env=environment)
        print(f"pip install . took {installed:.1f} s")
        results = []
        for page, result in PAGES.items():
            own = folder / page
            own.mkdir()
            took = seconds([str(python), "-c", program(page)], cwd=own, env=environment)
            results.append({"user": page, "result": result, "seconds": took})
            print(f"to {page}: {result} after {took:.1f} s more")
    record = {"machine": machine.describe(), "installed": installed, "results": results}
    arguments.json.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
