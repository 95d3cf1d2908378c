"""Measure the cost of fit(health=True): seconds of trainings with and without it, in turn.

python benches/health.py [--repeat N] prints a table.
In trainings with more than 30 measurements the last column must stay under 5 %; trainings with
more epochs have at least 30.
"""

import argparse
from time import perf_counter

import backprop_rs as bp
import numpy as np

# Sizes, rows, batch, epochs: some seconds each, like a training that a person monitors.
CASES = {
    "4-16-3": ([4, 16, 3], 150, 10, 20_000),
    "30-100-1": ([30, 100, 1], 20_000, 200, 100),
    "784-128-10": ([784, 128, 10], 20_000, 32, 10),
    "784-512-256-10": ([784, 512, 256, 10], 20_000, 128, 4),
    "784-1024-1024-10": ([784, 1024, 1024, 10], 10_000, 256, 4),
}
SEED = 0


def samples(sizes, rows):
    random = np.random.default_rng(SEED)
    X = random.normal(size=(rows, sizes[0])).astype(np.float32)
    y = random.integers(0, 2, rows) if sizes[-1] == 1 else random.integers(0, sizes[-1], rows)
    return X, y


def seconds(sizes, X, y, batch, epochs, health):
    output = "sigmoid" if sizes[-1] == 1 else "softmax"
    net = bp.Network(sizes, "relu", output, "cross_entropy", seed=SEED)
    start = perf_counter()
    history = net.fit(X, y, epochs, batch, 0.01, health=health, progress=False)
    return perf_counter() - start, len(history.health or ())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3)
    repeat = parser.parse_args().repeat
    print("| network | epochs | seconds without | with | measurements | more |")
    print("|---|---|---|---|---|---|")
    for name, (sizes, rows, batch, epochs) in CASES.items():
        X, y = samples(sizes, rows)
        without, watched, count = [], [], 0
        for _ in range(repeat):
            without.append(seconds(sizes, X, y, batch, epochs, False)[0])
            took, count = seconds(sizes, X, y, batch, epochs, True)
            watched.append(took)
        one, other = min(without), min(watched)
        more = f"{other / one - 1:+.1%}"
        print(f"| {name} | {epochs:,} | {one:.2f} | {other:.2f} | {count} | {more} |", flush=True)


if __name__ == "__main__":
    main()
