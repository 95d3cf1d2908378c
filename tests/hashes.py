"""Hashes of trained parameters, one for each case, optimizer and dtype.

`python tests/hashes.py > tests/hashes.json` renews the hashes that `test_bits.py` compares; the
changelog must name any change.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from itertools import product

import backprop_rs as bp
import numpy as np
from backprop_rs import _core
from backprop_rs._internal.random import SPLIT, raw, uniform
from backprop_rs.tables.activation import ACTIVATIONS
from backprop_rs.tables.cost import COSTS

DTYPES = ("float32", "float64")
HIDDEN = [row.name for row in ACTIVATIONS if row.elementwise]
FIRST_HIDDEN = ["identity", "sigmoid", "tanh", "relu"]
FIRST_PAIRS = [
    *(("squared_error", output) for output in [*FIRST_HIDDEN, "softmax"]),
    *(("cross_entropy", output) for output in ("sigmoid", "softmax")),
]
# These are for every optimizer, the others for the first two.
CHOSEN = ("alone", "small", "shared", "chunked")
EMBEDDED = {
    "embedding": [bp.PBLD([0, 4]), bp.PiecewiseLinear({1: [-1, -0.5, 0.1, 1], 5: [-0.3, 0.4]})],
    "input_scale": True,
}


@dataclass(frozen=True)
class Case:
    """A network and its training: two epochs whose last batch has fewer samples."""

    name: str
    sizes: list[int]
    activation: str | list[str]
    output: str
    cost: str
    rows: int
    batch_size: int
    labels: bool = False
    embedded: bool = False  # bins and waves of the inputs, and factors of them

    def data(self, dtype):
        """Return X and y, the same on every machine."""
        n_in, n_out = self.sizes[0], self.sizes[-1]
        X = 2 * uniform(0, SPLIT, 0, self.rows * n_in).reshape(self.rows, n_in) - 1
        if self.labels:
            return X.astype(dtype), (raw(0, SPLIT, 1, self.rows) % n_out).astype(int)
        y = uniform(0, SPLIT, 1, self.rows * n_out).reshape(self.rows, n_out)
        return X.astype(dtype), y.astype(dtype)

    def network(self, dtype):
        more = EMBEDDED if self.embedded else {}
        names = (self.activation, self.output, self.cost)
        return bp.Network(self.sizes, *names, seed=3, dtype=dtype, **more)

    def train(self, optimizer, dtype):
        """Return the hash of the parameters and of the costs."""
        net = self.network(dtype)
        fit = {"epochs": 2, "batch_size": self.batch_size, "learning_rate": 0.01}
        history = net.fit(*self.data(dtype), optimizer=optimizer, **fit)
        of_inputs = [array for array in (net.scales, net.embeddings) if array is not None]
        return digest(net.weights + net.biases + of_inputs, history.cost)


def digest(parameters, costs=()):
    """Return the hash of numbers in the byte order of the files."""
    numbers = sha256()
    for array in [*parameters, np.array(costs, float)]:
        numbers.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return numbers.hexdigest()


CASES = [
    Case("alone", [2, 3, 2], "sigmoid", "sigmoid", "squared_error", 7, 1),
    Case("small", [4, 16, 3], "tanh", "softmax", "cross_entropy", 45, 10, labels=True),
    Case("narrow", [70, 1, 40], "relu", "identity", "squared_error", 90, 64),
    Case("shared", [90, 37, 65, 7], "tanh", "softmax", "cross_entropy", 670, 300, labels=True),
    Case("blocked", [600, 20, 9], "sigmoid", "sigmoid", "squared_error", 130, 64),
    Case("embedded", [6, 40, 7], "tanh", "sigmoid", "cross_entropy", 2400, 1300, embedded=True),
    Case("chunked", [5, 20, 9], "sigmoid", "sigmoid", "cross_entropy", 2400, 1300),
    *(
        Case(f"{cost}-{output}", [6, 17, 9, 33, 12, 5], FIRST_HIDDEN, output, cost, 100, 33)
        for cost, output in FIRST_PAIRS
    ),
    # Every cost with one output, and every hidden activation between two of tanh.
    *(
        Case(cost.name, [6, 17, 5], "tanh", sorted(cost.outputs)[-1], cost.name, 100, 33)
        for cost in COSTS
    ),
    *(
        Case(name, [6, 17, 33, 9, 5], ["tanh", name, "tanh"], "sigmoid", "squared_error", 100, 33)
        for name in HIDDEN
    ),
]


def combinations():
    rules = [name for name, _ in _core.table("optimizer")]
    chosen = [case for case in CASES if case.name in CHOSEN]
    return [*product(CASES, rules[:2], DTYPES), *product(chosen, rules[2:], DTYPES)]


def name(combination):
    case, optimizer, dtype = combination
    return f"{case.name} {optimizer} {dtype}"


def hashes():
    return {name(row): row[0].train(*row[1:]) for row in combinations()}


def train_shared(threads):
    """Return the hash of a training on `threads` threads."""
    bp.set_num_threads(threads)
    return next(case for case in CASES if case.name == "shared").train("sgd", "float32")


if __name__ == "__main__":
    print(json.dumps(hashes(), indent=0))
