"""Measure how long a training takes to return after Ctrl-C.

    python tools/interrupt.py [--cases NAME ...]

A process trains, gets a real SIGINT at a random moment, and reports when `fit` or `train_many` has
returned. Half of the runs take no longer than the median; the worst must stay under 100 ms.
"""

import argparse
import json
import random
import signal
import statistics
import subprocess
import sys
import time

LEAST, MOST = 0.5, 2.0  # seconds of training before the signal
LIMIT = 0.1  # seconds

PROGRAM = """
import json, sys, time
import numpy as np
import backprop_rs as bp
case = json.loads(sys.argv[1])
bp.set_num_threads(case["threads"])
sizes, settings = case["sizes"], case["fit"]
def samples(rows):
    draw = np.random.default_rng(0)
    shapes = (rows, sizes[0]), (rows, sizes[-1])
    return [draw.random(shape, dtype=np.float32) for shape in shapes]
X, y = samples(case["rows"])
if "validation" in case:
    settings["validation_data"] = samples(case["validation"])
net = bp.Network(sizes, output="identity", seed=0)
def train(epochs):
    if "networks" not in case:
        return net.fit(X, y, epochs=epochs, **settings).stopped
    one = {"sizes": sizes, "output": "identity", "seed": 0, "epochs": epochs} | settings
    return bp.train_many([one] * case["networks"], X, y)[0].history.stopped
train(1)
print("ready", flush=True)
stopped = train(10**7)
print(time.monotonic(), stopped, flush=True)
"""


def steps(sizes, batch, rows=None, **more):
    """Return a mini-batch training that changes nothing."""
    fit = {"batch_size": batch, "learning_rate": 0.0} | more.pop("fit", {})
    return {"sizes": sizes, "rows": rows or 4 * batch, "fit": fit} | more


LARGEST = [4096, 4096, 4096]
CASES = {
    "4-16-3@10": steps([4, 16, 3], 10, 150),
    "784-128-10@128": steps([784, 128, 10], 128, 10_000),
    "784-1024-1024-10@256": steps([784, 1024, 1024, 10], 256),
    "4096-4096-4096@1024": steps(LARGEST, 1024),
    "4096-4096-4096@1024:adam": steps(LARGEST, 1024, fit={"optimizer": "adam"}),
    "validation": steps([784, 1024, 1024, 10], 256, validation=30_000),
    "train_many": steps([4, 16, 3], 10, 150, networks=8),
    "lbfgs": {
        "sizes": [784, 128, 10],
        "rows": 60_000,
        "fit": {"optimizer": "lbfgs(tolerance=0)"},
    },
}


def seconds(case, threads):
    """Return the seconds from the signal to the return, by the clock of the machine."""
    command = [sys.executable, "-c", PROGRAM, json.dumps(case | {"threads": threads})]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        child.stdout.readline()
        time.sleep(random.uniform(LEAST, MOST))
        start = time.monotonic()
        child.send_signal(signal.SIGINT)
        end, stopped = child.stdout.readline().split()
    assert stopped == "interrupted", stopped
    return float(end) - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    arguments = parser.parse_args()
    print("| training | threads | median, ms | worst, ms |\n|---|---|---|---|")
    for name in arguments.cases:
        for threads in arguments.threads:
            took = [seconds(CASES[name], threads) for _ in range(arguments.repeat)]
            missed = " missed" * (max(took) > LIMIT)
            median, worst = 1e3 * statistics.median(took), 1e3 * max(took)
            print(f"| {name} | {threads} | {median:.1f} | {worst:.1f}{missed} |", flush=True)


if __name__ == "__main__":
    main()
