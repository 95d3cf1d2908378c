"""The table of initializers, which draw the parameters of a new layer.

The biases are zero unless an entry draws them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._internal import random
from .registry import ANY, POSITIVE, Setting, parse

Array = NDArray[np.float64]
Stream = tuple[int, int]  # a seed, and the number of the layer

# Laws: n_out rows of n_in weights, scaled by a size.


def constant(size: float, n_out: int, n_in: int, stream: Stream) -> Array:
    """Return equal weights."""
    return np.full((n_out, n_in), size)


def uniform(size: float, n_out: int, n_in: int, stream: Stream) -> Array:
    """Return numbers in [-size, size)."""
    return of_uniform(size, stream, n_out * n_in).reshape(n_out, n_in)


def normal(size: float, n_out: int, n_in: int, stream: Stream) -> Array:
    """Return normal numbers with mean 0 and standard deviation `size`."""
    return size * normals(stream, n_out * n_in).reshape(n_out, n_in)


def truncated(size: float, n_out: int, n_in: int, stream: Stream) -> Array:
    """Return normal numbers; those beyond two standard deviations are drawn again."""
    n = drawn = n_out * n_in
    kept = np.empty(0)
    while len(kept) < n:
        drawn = drawn + drawn // 8 + 16
        numbers = normals(stream, drawn)
        kept = numbers[np.abs(numbers) <= 2]
    return size * kept[:n].reshape(n_out, n_in)


def orthogonal(size: float, n_out: int, n_in: int, stream: Stream) -> Array:
    """Return orthonormal rows, or columns if they are fewer, by modified Gram-Schmidt."""
    few, many = sorted((n_in, n_out))
    rows = normals(stream, few * many).reshape(few, many)
    for i, row in enumerate(rows):
        row /= np.sqrt(row @ row)
        rows[i + 1 :] -= np.outer(rows[i + 1 :] @ row, row)
    return size * (rows if n_out <= n_in else rows.T)


def of_uniform(limit: float, stream: Stream, n: int, skip: int = 0) -> Array:
    """Return n numbers in [-limit, limit) of a stream after the first `skip`."""
    u = random.uniform(stream[0], random.INIT, stream[1], skip + n)[skip:]
    numbers: Array = limit * (2 * u - 1)
    return numbers


def normals(stream: Stream, n: int) -> Array:
    """Return n standard normal numbers of a stream."""
    return random.normal(stream[0], random.INIT, stream[1], n)


class Init(NamedTuple):
    """One entry of the table; `size` gives the size of its law for n_in, n_out, an activation."""

    name: str
    law: Callable[[float, int, int, Stream], Array]
    size: Callable[[int, int, str], float]
    formula: str
    source: str
    settings: tuple[Setting, ...] = ()
    biases: bool = False  # drawn from the law of the weights, which is uniform
    follows_hidden: bool = False  # the output layer uses the activation of the last hidden layer

    def parameters(
        self, n_in: int, n_out: int, activation: str, seed: int, layer: int
    ) -> tuple[Array, Array]:
        """Draw weights (n_out, n_in) and biases of a layer, from one random stream each."""
        entry, stream = self.before(activation), (seed, layer)
        size = entry.size(n_in, n_out, activation)
        weights = entry.law(size, n_out, n_in, stream)
        if not entry.biases:
            return weights, np.zeros(n_out)
        return weights, of_uniform(size, stream, n_out, skip=n_out * n_in)

    def before(self, activation: str) -> Init:
        """Return the entry to use before an activation; only auto depends on it."""
        return AUTO.get(activation, GLOROT_UNIFORM) if self.name == "auto" else self

    def having(self, values: Mapping[str, float]) -> Init:
        """Return this entry with its setting."""
        return self._replace(size=lambda *layer: next(iter(values.values()))) if values else self


def init(text: str) -> Init:
    """Return the initializer of a text.

    >>> init("constant(0.5)").parameters(2, 1, "tanh", seed=0, layer=0)
    (array([[0.5, 0.5]]), array([0.]))
    """
    entry, values = parse("init", text, INITS)
    return entry.having(values)


def drawn(
    init: Init, sizes: Iterable[tuple[int, int]], names: list[str], seed: int
) -> list[tuple[Array, Array]]:
    """Draw weights and biases for layers of (n_in, n_out), by the names of their activations."""
    last = max(len(names) - 2, 0) if init.follows_hidden else len(names)
    return [
        init.parameters(n_in, n_out, names[min(layer, last)], seed, layer)
        for layer, (n_in, n_out) in enumerate(sizes)
    ]


def of_scikit_learn(n_in: int, n_out: int, activation: str) -> float:
    """Return the limit of scikit-learn's MLPClassifier."""
    return sqrt((2 if activation == "sigmoid" else 6) / (n_in + n_out))


GLOROT = "Glorot & Bengio 2010, eq. 12 and 16"
HE = "He et al. 2015, Delving Deep into Rectifiers, eq. 10"
LECUN = "LeCun et al. 1998, Efficient BackProp, eq. 16"
SAXE = "Saxe, McClelland & Ganguli 2014, Exact Solutions to Nonlinear Dynamics"
LIMIT = (Setting("limit", 0.05, POSITIVE),)
STD = (Setting("std", 0.05, POSITIVE),)


def from_setting(n_in: int, n_out: int, activation: str) -> float:
    """Stand in for a size that is a setting."""
    raise AssertionError("the entry must get its setting by `having`")


GLOROT_UNIFORM = Init(
    "glorot_uniform",
    uniform,
    lambda n_in, n_out, _: sqrt(6 / (n_in + n_out)),
    "limit sqrt(6 / (n_in + n_out))",
    GLOROT,
)
HE_UNIFORM = Init(
    "he_uniform", uniform, lambda n_in, n_out, _: sqrt(6 / n_in), "limit sqrt(6 / n_in)", HE
)
LECUN_NORMAL = Init(
    "lecun_normal", normal, lambda n_in, n_out, _: sqrt(1 / n_in), "std sqrt(1 / n_in)", LECUN
)
RECTIFIERS = ("relu", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "mish", "softplus", "relu6")
AUTO = {name: HE_UNIFORM for name in RECTIFIERS} | {"selu": LECUN_NORMAL}

INITS = (
    Init(
        "auto",
        uniform,
        from_setting,  # `before` replaces the entry
        "he_uniform for relu and its like, lecun_normal for selu, otherwise glorot_uniform",
        f"{HE}; Klambauer et al. 2017; {GLOROT}",
    ),
    Init("zeros", constant, lambda *_: 0.0, "0", "for lessons: all neurons stay equal"),
    Init("constant", constant, from_setting, "value", "for lessons", (Setting("value", 0.0, ANY),)),
    Init("uniform", uniform, from_setting, "in [-limit, limit)", "Keras's RandomUniform", LIMIT),
    Init("normal", normal, from_setting, "std times normal numbers", "Keras's RandomNormal", STD),
    Init(
        "truncated_normal",
        truncated,
        from_setting,
        "normal within two std",
        "Keras's TruncatedNormal",
        STD,
    ),
    GLOROT_UNIFORM,
    Init(
        "glorot_normal",
        normal,
        lambda n_in, n_out, _: sqrt(2 / (n_in + n_out)),
        "std sqrt(2 / (n_in + n_out))",
        GLOROT,
    ),
    HE_UNIFORM,
    Init("he_normal", normal, lambda n_in, n_out, _: sqrt(2 / n_in), "std sqrt(2 / n_in)", HE),
    Init(
        "lecun_uniform",
        uniform,
        lambda n_in, n_out, _: sqrt(3 / n_in),
        "limit sqrt(3 / n_in)",
        LECUN,
    ),
    LECUN_NORMAL,
    Init(
        "orthogonal",
        orthogonal,
        from_setting,
        "gain times orthonormal rows, or columns",
        SAXE,
        (Setting("gain", 1.0, POSITIVE),),
    ),
    Init(
        "scikit_learn",
        uniform,
        of_scikit_learn,
        "limit sqrt(6 / (n_in + n_out)), 2 in place of 6 for sigmoid; biases too",
        "scikit-learn's MLPClassifier and MLPRegressor",
        biases=True,
        follows_hidden=True,
    ),
    Init(
        "pytorch",
        uniform,
        lambda n_in, n_out, _: sqrt(1 / n_in),
        "limit sqrt(1 / n_in); biases too",
        "PyTorch's nn.Linear",
        biases=True,
    ),
)
