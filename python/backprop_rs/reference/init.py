"""The table of initialisers: the limit of the uniform distribution of a layer's weights."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import random
from .table import Setting


def zeros(n_in: int, n_out: int, activation: str) -> float:
    return 0.0


def glorot_uniform(n_in: int, n_out: int, activation: str) -> float:
    return sqrt(6 / (n_in + n_out))


def he_uniform(n_in: int, n_out: int, activation: str) -> float:
    return sqrt(6 / n_in)


def lecun_uniform(n_in: int, n_out: int, activation: str) -> float:
    return sqrt(3 / n_in)


def auto(n_in: int, n_out: int, activation: str) -> float:
    """he_uniform before relu, which stops half of its inputs; otherwise glorot_uniform."""
    rule = he_uniform if activation == "relu" else glorot_uniform
    return rule(n_in, n_out, activation)


class Init(NamedTuple):
    """One row of the table: weights are uniform in [-limit, limit), biases are zero."""

    name: str
    limit: Callable[[int, int, str], float]
    formula: str
    source: str
    settings: tuple[Setting, ...] = ()

    def weights(
        self, n_in: int, n_out: int, activation: str, seed: int, stream: int
    ) -> NDArray[np.float64]:
        """The first weights of a layer, (n_out, n_in), from one random stream a layer."""
        limit = self.limit(n_in, n_out, activation)
        u = random.uniform(seed, random.INIT, stream, n_out * n_in)
        w: NDArray[np.float64] = limit * (2 * u - 1)
        return w.reshape(n_out, n_in)


GLOROT = "Glorot & Bengio 2010, eq. 16"
HE = "He et al. 2015, Delving Deep into Rectifiers, eq. 10"
LECUN = "LeCun et al. 1998, Efficient BackProp, eq. 16"

INITS = (
    Init("auto", auto, "he_uniform for relu, otherwise glorot_uniform", f"{HE}; {GLOROT}"),
    Init("zeros", zeros, "0", "for parameters that are set afterwards"),
    Init("glorot_uniform", glorot_uniform, "sqrt(6 / (n_in + n_out))", GLOROT),
    Init("he_uniform", he_uniform, "sqrt(6 / n_in)", HE),
    Init("lecun_uniform", lecun_uniform, "sqrt(3 / n_in)", LECUN),
)
