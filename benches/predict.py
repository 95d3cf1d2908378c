"""Compare prediction with NumPy, scikit-learn, JAX, PyTorch and ONNX Runtime in float32.

One row through 4-16-3 from Python, in microseconds a call, then 10,000 rows through four networks,
in million rows a second. Each library runs in a separate process, pinned to the same cores.
"""

import argparse
import importlib.util
import json
from pathlib import Path

import machine
from predictors import PREDICTORS
from workers import Worker

ONE_ROW = "4-16-3@1"
MANY_ROWS = ["4-16-3@10000", "30-100-1@10000", "784-128-10@10000", "784-1024-1024-10@10000"]
RESULTS = Path(__file__).parent / "results" / "predict.json"


def time_case(workers, name, repeat):
    """Return the microseconds per call, the best of several rounds in turn."""
    ready = [peer for peer, worker in workers.items() if worker.ask("prepare", name)]
    rounds = [{peer: workers[peer].ask("measure") for peer in ready} for _ in range(repeat)]
    return {peer: min(times[peer] for times in rounds) for peer in ready}


def line(first, cells):
    return f"{first:26}" + "".join(f"{cell:>13}" for cell in cells)


def show(name, times, unit, value):
    cells = [f"{value(times[p]):,.3f}" if p in times else "-" for p in PREDICTORS]
    print(line(name, cells) + f"  {unit}", flush=True)


def main():
    present = [p for p, kind in PREDICTORS.items() if importlib.util.find_spec(kind.module)]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--peers", nargs="+", default=present, choices=list(PREDICTORS))
    parser.add_argument("--repeat", type=int, default=7, help="rounds, of which the best counts")
    parser.add_argument("--json", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    results = []
    for threads in arguments.threads:
        workers = {p: Worker("predict", p, "float32", threads) for p in arguments.peers}
        print(f"\n{threads} thread{'s' * (threads > 1)}\n{line('case', PREDICTORS)}")
        for name in [ONE_ROW, *MANY_ROWS]:
            times = time_case(workers, name, arguments.repeat)
            results.append({"case": name, "threads": threads, "microseconds": times})
            if name == ONE_ROW:
                show(name, times, "µs a call", lambda time: time)
            else:
                rows = int(name.split("@")[1])
                show(name, times, "Mrow/s", lambda time, rows=rows: rows / time)
        for worker in workers.values():
            worker.close()
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    record = {"machine": machine.describe(), "results": results}
    arguments.json.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
