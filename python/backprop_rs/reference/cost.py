"""The table of costs: the cost of each sample beside the error term of the output layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from .activation import ACTIVATIONS, Activation, Array
from .table import Setting


def squared_error(z: Array, a: Array, y: Array) -> Array:
    """C_i = sum_j (a_j - y_j)^2 (eq. costZero)."""
    cost: Array = np.square(a - y).sum(axis=1, dtype=np.float64)
    return cost


def squared_error_delta(activation: Activation, z: Array, a: Array, y: Array) -> Array:
    """delta = 2 (a - y) ⊙ sigma'(z) (eq. costZeroWRTAct, deltaDef)."""
    return activation.delta(z, a, 2 * (a - y))


# Cross-entropy is computed from z: the log of a rounded a loses all digits near 0 and 1.


def binary_cross_entropy(z: Array, a: Array, y: Array) -> Array:
    """C_i = -sum_j [y_j log a_j + (1 - y_j) log(1 - a_j)], which is softplus(z) - y z."""
    softplus = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
    cost: Array = (softplus - y * z).sum(axis=1, dtype=np.float64)
    return cost


def binary_cross_entropy_delta(z: Array, a: Array, y: Array) -> Array:
    """delta = a - y: the sigma' = a (1 - a) has cancelled."""
    return a - y


def categorical_cross_entropy(z: Array, a: Array, y: Array) -> Array:
    """C_i = -sum_j y_j log a_j, with log a_j = z_j - logsumexp(z)."""
    z = z - z.max(axis=1, keepdims=True)
    logsumexp = np.log(np.exp(z).sum(axis=1, keepdims=True))
    cost: Array = (y * (logsumexp - z)).sum(axis=1, dtype=np.float64)
    return cost


def categorical_cross_entropy_delta(z: Array, a: Array, y: Array) -> Array:
    """delta_j = a_j sum(y) - y_j, which is a - y where y is a class."""
    delta: Array = a * y.sum(axis=1, keepdims=True) - y
    return delta


class Pair(NamedTuple):
    """A cost with one output activation: both take z, a, y of the output layer, (m, n_L)."""

    cost: Callable[[Array, Array, Array], Array]  # (m,), in float64
    delta: Callable[[Array, Array, Array], Array]  # (m, n_L)


class Cost(NamedTuple):
    """One row of the table; `pairs` holds the output activations that the cost goes with."""

    name: str
    pairs: Mapping[str, Pair]
    formula: str
    source: str
    settings: tuple[Setting, ...] = ()


COSTS = (
    Cost(
        "squared_error",
        {row.name: Pair(squared_error, partial(squared_error_delta, row)) for row in ACTIVATIONS},
        "sum((a - y)^2)",
        "derivation, eq. costZero",
    ),
    Cost(
        "cross_entropy",
        {
            "sigmoid": Pair(binary_cross_entropy, binary_cross_entropy_delta),
            "softmax": Pair(categorical_cross_entropy, categorical_cross_entropy_delta),
        },
        "-sum(y log a + (1 - y) log(1 - a)); with softmax -sum(y log a)",
        "Bishop 2006, Pattern Recognition and Machine Learning, eq. 5.21 and 5.24",
    ),
)
