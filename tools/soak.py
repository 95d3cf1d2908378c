"""Soak test: do everything a service does with networks for an hour; watch memory and speed.

    python tools/soak.py --minutes 60

Every round trains, resumes, predicts, saves, loads, pickles, copies, evaluates and provokes errors,
on both number types and from several threads, and checks bits that must not change. It
prints a line per minute, and at the end the change of memory and of the time of a round since the
second tenth of the rounds. It fails if memory has grown by more than --mebibytes.
"""

import argparse
import copy
import pickle
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter

import backprop_rs as bp
import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "benches"))

SIZES = [[4, 16, 3], [30, 100, 3], [200, 256, 128, 3]]
RUN = {"epochs": 2, "batch_size": 32, "progress": False}


def resident():
    """Return the resident memory of this process in MiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20


def bits(net):
    return b"".join(array.tobytes() for array in net.weights + net.biases)


class Round:
    """One network of the service and the calls of a round."""

    def __init__(self, sizes, dtype, folder):
        self.sizes, self.dtype = sizes, dtype
        self.file = folder / f"{'-'.join(map(str, sizes))}-{dtype}"
        random = np.random.default_rng(0)
        self.X = random.normal(size=(512, sizes[0])).astype(dtype)
        self.y = random.integers(sizes[-1], size=512)
        self.expected = None

    def network(self):
        layers = [*self.sizes[:-2], bp.Dense(self.sizes[-2], "relu", dropout=0.1), self.sizes[-1]]
        return bp.Network(layers, "tanh", "softmax", "cross_entropy", seed=1, dtype=self.dtype)

    def __call__(self):
        net, path = self.network(), self.file.with_suffix(".checkpoint")
        run = RUN | {"optimizer": "adam", "schedule": "cosine", "validation_fraction": 0.2}
        net.fit(self.X, self.y, **run, checkpoint=path, checkpoint_every=1)
        resumed = self.network()
        resumed.fit(self.X, self.y, **run, resume=path)
        twin = copy.deepcopy(pickle.loads(pickle.dumps(net)))
        net.save(self.file)
        loaded = bp.Network.load(self.file)
        distinct = {bits(one) for one in (net, resumed, twin, loaded)}
        self.expected = self.expected or distinct
        assert distinct == self.expected, "other bits"
        out = np.empty((512, self.sizes[-1]), self.dtype)
        for _ in range(20):
            net.predict(self.X, out)
            net.predict(self.X[0])
        net.step(self.X[:16], self.y[:16], 0.1)
        net.backward(self.X, self.y)
        net.evaluate(self.X, self.y)
        self.provoke(net)

    def provoke(self, net):
        """Check that errors leave no change behind."""
        wrong = [self.X[:, 1:], np.full_like(self.X, np.nan), [["a"] * self.sizes[0]], None]
        for X in wrong:
            try:
                net.fit(X, self.y)
            except (TypeError, ValueError):
                continue
            raise AssertionError("no error")


def main():
    from machine import describe

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=2, help="Python threads")
    parser.add_argument("--mebibytes", type=float, default=16.0, help="accepted growth of memory")
    chosen = parser.parse_args()
    print(describe())
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(chosen.threads) as pool:
        rounds = [Round(n, dtype, Path(folder)) for n in SIZES for dtype in ("float32", "float64")]
        samples = watch(rounds, pool, chosen.minutes * 60)
    sys.exit(report(samples, chosen.mebibytes))


def watch(rounds, pool, seconds):
    """Return (seconds, MiB, seconds of the round) after each round."""
    started = perf_counter()
    samples, line_due = [], 0.0
    while not samples or samples[-1][0] < seconds:
        begun = perf_counter()
        list(pool.map(lambda one: one(), rounds))
        now = perf_counter()
        samples.append((now - started, resident(), now - begun))
        if samples[-1][0] >= line_due:
            line_due += 60
            at, memory, took = samples[-1]
            print(f"{at / 60:6.1f} min  {memory:8.1f} MiB  {took * 1e3:8.1f} ms", flush=True)
    return samples


def report(samples, most):
    """Print the figures; return 1 if memory has grown too much."""
    tenth = max(len(samples) // 10, 1)
    first, last = samples[tenth : 2 * tenth] or samples, samples[-tenth:]
    (memory, took), (memory_end, took_end) = (
        (median(one[1] for one in part), median(one[2] for one in part)) for part in (first, last)
    )
    grown = memory_end - memory
    print(f"\n{len(samples):,} rounds in {samples[-1][0] / 60:.1f} min")
    print(f"memory: {memory:.1f} -> {memory_end:.1f} MiB ({grown:+.1f})")
    print(f"a round: {took * 1e3:.1f} -> {took_end * 1e3:.1f} ms ({took_end / took - 1:+.1%})")
    return int(grown > most)


if __name__ == "__main__":
    main()
