"""Compare train_many with trainings one after another.

    python benches/many.py

The same networks are trained by `train_many` and, one after another, by `fit` with all threads;
in turn, several rounds, and the best round of each counts. On two cores it must be at least 1.8
times as fast for networks under 0.2 MFLOP a step. The trained parameters are compared too.
"""

import argparse
from time import perf_counter

import backprop_rs as bp
import numpy as np
from cases import Case

CASES = ("4-16-3@10", "10-32-1@16", "13-24-12-3@32", "30-50-2@16", "64-16-10@16")
NETWORKS, ROWS = 8, 2000
LEAST = 1.8


def problem(case):
    random = np.random.default_rng(0)
    X = random.random((ROWS, case.sizes[0]), np.float32)
    return X, random.random((ROWS, case.sizes[-1]), np.float32)


def configs(case, epochs):
    common = {"sizes": list(case.sizes), "batch_size": case.batch, "epochs": epochs}
    return [common | {"learning_rate": 0.1, "seed": seed} for seed in range(NETWORKS)]


def one_after_another(chosen, X, y):
    nets = []
    for config in chosen:
        net = bp.Network(config["sizes"], seed=config["seed"])
        rest = {name: value for name, value in config.items() if name not in ("sizes", "seed")}
        net.fit(X, y, progress=False, **rest)
        nets.append(net)
    return nets


def timed(train, *arguments):
    start = perf_counter()
    return train(*arguments), perf_counter() - start


def measure(case, threads, epochs, repeat):
    """Return the seconds of each way, the best of several rounds."""
    X, y = problem(case)
    chosen = configs(case, epochs)
    bp.set_num_threads(threads)
    best = [np.inf, np.inf]
    for _ in range(repeat):
        many, together = timed(lambda: bp.train_many(chosen, X, y, threads=threads))
        alone, in_turn = timed(one_after_another, chosen, X, y)
        best = [min(best[0], in_turn), min(best[1], together)]
        for one, net in zip(many, alone, strict=True):
            assert all(map(np.array_equal, one.net.weights, net.weights))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", default=CASES, help="sizes@batch")
    parser.add_argument("--threads", type=int, default=bp.get_num_threads())
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{NETWORKS} networks, {arguments.threads} threads, {ROWS} rows")
    print(f"{'case':20}{'MFLOP a step':>14}{'in turn, s':>12}{'at once, s':>12}{'times':>8}")
    for name in arguments.cases:
        case = Case.parse(name)
        in_turn, together = measure(case, arguments.threads, arguments.epochs, arguments.repeat)
        missed = " missed" * (in_turn / together < LEAST and case.flop < 2e5)
        print(
            f"{name:20}{case.flop / 1e6:14.3f}{in_turn:12.3f}{together:12.3f}"
            f"{in_turn / together:8.2f}{missed}",
            flush=True,
        )


if __name__ == "__main__":
    main()
