"""Training problems of the benchmarks.

A case is written as ``sizes@batch``: ``784-128-10@32`` is a network of 784, 128 and 10 neurons
trained on batches of 32 rows, with sigmoid layers, squared error and gradient descent; ``64x11``
stands for eleven 64s. ``:adam`` at the end means relu layers, softmax, cross-entropy and Adam.
"""

from dataclasses import dataclass

import numpy as np

# Each case with the smallest accepted ratio to the fastest peer, in float32.
MAIN = {
    "2-3-2@1": 1.2,
    "4-16-3@10": 10.0,
    "784-30-10@10": 2.5,
    "30-100-1@200": 2.0,
    "784-128-10@32": 1.5,
    "784-128-10@128": 1.25,
    "64x11@64": 2.0,
    "784-512-256-10@128": 1.15,
    "784-1024-1024-10@256": 1.05,
    "4096-4096-4096@1024": 1.0,
    "100-256-256-10@128:adam": 1.5,
}
# The smallest accepted share of the machine's peak of fused multiply-adds, in float32.
PEAK_SHARE = {"784-1024-1024-10@256": 0.80, "4096-4096-4096@1024": 0.85}
# Awkward shapes; none may be slower than a peer.
ODD = [
    "13-47-129-5@7",
    "47-129-13@1",
    "129-1000-13@64",
    "1000-13-1000@1",
    "1000-1-1000@32",
    "1-1000-1@32",
    "1000-1000@7",
    "64-64-64@1",
    "784-128-10@1",
    "784-128-10@7",
    "784-128-10@60000",
    "13-47-5@60000:adam",
]

EPOCH_FLOP = 2e10  # of work in a timed epoch: a tenth of a second or more
MOST_ROWS = 100_000


@dataclass(frozen=True)
class Case:
    """A network with its batch size and way of training."""

    name: str
    sizes: tuple[int, ...]
    batch: int
    adam: bool

    @classmethod
    def parse(cls, name):
        net, _, rest = name.partition("@")
        batch, _, suffix = rest.partition(":")
        if suffix not in ("", "adam"):
            raise ValueError(f"a case is sizes@batch or sizes@batch:adam; got {name!r}")
        sizes = []
        for part in net.split("-"):
            size, _, times = part.partition("x")
            sizes += [int(size)] * int(times or 1)
        return cls(name, tuple(sizes), int(batch), suffix == "adam")

    @property
    def classes(self):
        """Return True if the targets are classes."""
        return self.adam

    @property
    def activation(self):
        return "relu" if self.adam else "sigmoid"

    @property
    def output(self):
        return "softmax" if self.adam else "sigmoid"

    @property
    def cost(self):
        return "cross_entropy" if self.adam else "squared_error"

    @property
    def optimizer(self):
        return "adam" if self.adam else "sgd"

    @property
    def layer_norm(self):
        """Return the activation of the hidden layers."""
        return False

    @property
    def learning_rate(self):
        return 0.001 if self.adam else 0.1

    @property
    def flop(self):
        """Return the operations of a step: 2 each for forward, δ and gradient, but no δ of X."""
        products = [n_in * n_out for n_in, n_out in zip(self.sizes, self.sizes[1:], strict=False)]
        return self.batch * (6 * sum(products) - 2 * products[0])

    @property
    def steps(self):
        """Return the steps of a timed epoch."""
        return max(1, min(round(EPOCH_FLOP / self.flop), MOST_ROWS // self.batch))

    def target(self, dtype):
        """Return the least ratio to the fastest peer."""
        return MAIN.get(self.name, 1.0) if dtype == "float32" else 1.0


@dataclass(frozen=True)
class Problem:
    """Data and first weights of a case, the same for every peer."""

    X: np.ndarray  # (rows, n_0)
    y: np.ndarray  # (rows, n_L); one-hot if the case has classes
    labels: np.ndarray  # (rows,) int64
    weights: list[np.ndarray]  # (n_l, n_{l-1}) each
    biases: list[np.ndarray]  # (n_l,) each

    @classmethod
    def of(cls, case, dtype, steps=None):
        rng = np.random.default_rng(0)
        rows, n_out = (steps or case.steps) * case.batch, case.sizes[-1]
        X = rng.random((rows, case.sizes[0]), dtype=dtype)
        labels = rng.integers(0, n_out, rows)
        y = np.eye(n_out, dtype=dtype)[labels] if case.classes else rng.random((rows, n_out), dtype)
        layers = list(zip(case.sizes, case.sizes[1:], strict=False))
        weights = [rng.standard_normal((o, i), dtype) / np.sqrt(i).astype(dtype) for i, o in layers]
        return cls(X, y, labels, weights, [np.zeros(o, dtype) for _, o in layers])


def select(patterns):
    """Return the cases of names, ``main``, ``odd`` or ``all``."""
    groups = {"main": list(MAIN), "odd": ODD, "all": [*MAIN, *ODD]}
    names = [name for pattern in patterns for name in groups.get(pattern, [pattern])]
    return [Case.parse(name) for name in dict.fromkeys(names)]
