"""Measure how time and memory of fit grow with the rows and the parameters.

Every point is measured in a separate process; memory is the increase of the peak
resident size over that with X and y alone. Writes benches/results/growth.json and draws
docs/growth.svg.
"""

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import machine
import numpy as np

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "growth.json"
BATCH = 128
ROWS = [10**3, 10**4, 10**5, 10**6, 10**7]
ROWS_NET = [10, 32, 1]
WIDTHS = [8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]
LEAST_SECONDS = 0.2  # of a timed point


def peak_memory():
    """Return the peak memory of this process so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def point(sizes, rows):
    """Return the seconds of an epoch, and the bytes that the first fit added."""
    import backprop_rs

    random = np.random.default_rng(0)
    X = random.random((rows, sizes[0]), dtype=np.float32)
    y = random.random((rows, sizes[-1]), dtype=np.float32)
    net = backprop_rs.Network(sizes, backend="rust", seed=0)
    small = slice(0, BATCH)
    net.fit(X[small], y[small], epochs=1, batch_size=BATCH, progress=False)  # threads, code pages

    def seconds(epochs):
        start = perf_counter()
        net.fit(X, y, epochs=epochs, batch_size=BATCH, learning_rate=0.01, progress=False)
        return (perf_counter() - start) / epochs

    before = peak_memory()
    first = seconds(1)
    added = peak_memory() - before
    epochs = max(1, min(1000, round(LEAST_SECONDS / first)))
    return {
        "sizes": sizes,
        "rows": rows,
        "parameters": net.n_parameters,
        "seconds": min(first, *(seconds(epochs) for _ in range(3))),
        "data_bytes": X.nbytes + y.nbytes,
        "added_bytes": added,
    }


def in_process(sizes, rows):
    command = [sys.executable, __file__, "--point", json.dumps([sizes, rows])]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def show(row):
    print(
        f"{'-'.join(map(str, row['sizes'])):>16} {row['rows']:>10,} rows "
        f"{row['parameters']:>11,} parameters {row['seconds'] * 1e3:>12,.3f} ms an epoch "
        f"{row['seconds'] / row['rows'] * 1e9:>10,.1f} ns a row; memory: data "
        f"{row['data_bytes'] / 1e6:>7,.1f} MB, fit adds {row['added_bytes'] / 1e6:>7,.1f} MB",
        flush=True,
    )
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most-rows", type=int, default=ROWS[-1])
    parser.add_argument("--point", help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, default=RESULTS)
    parser.add_argument("--no-plot", dest="plot", action="store_false")
    arguments = parser.parse_args()
    if arguments.point:
        print(json.dumps(point(*json.loads(arguments.point))))
        return
    rows = [show(in_process(ROWS_NET, n)) for n in ROWS if n <= arguments.most_rows]
    widths = [show(in_process([w, w, w], 4 * BATCH)) for w in WIDTHS]
    record = {"machine": machine.describe(), "batch": BATCH, "rows": rows, "parameters": widths}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    if arguments.plot:
        import picture

        picture.growth(record, HERE.parent / "docs" / "growth.svg")


if __name__ == "__main__":
    main()
