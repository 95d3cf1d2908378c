"""The table of optimisers: hyper-parameters, memory, and one `update`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from .activation import Array
from .table import FRACTION, POSITIVE, Setting, parse


class Optimizer(Protocol):
    """Changes the parameters in place, along their gradients (same order, same shapes)."""

    def update(
        self, parameters: Sequence[Array], gradients: Sequence[Array], learning_rate: float
    ) -> None: ...


class GradientDescent:
    """theta := theta - alpha dC/dtheta."""

    def update(
        self, parameters: Sequence[Array], gradients: Sequence[Array], learning_rate: float
    ) -> None:
        for theta, grad in zip(parameters, gradients, strict=True):
            theta -= learning_rate * grad


class Adam:
    """Kingma & Ba 2015, Algorithm 1: gradient descent over running means of g and g^2."""

    def __init__(self, beta1: float, beta2: float, epsilon: float) -> None:
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.t = 0
        self.moments: list[tuple[Array, Array]] = []

    def update(
        self, parameters: Sequence[Array], gradients: Sequence[Array], learning_rate: float
    ) -> None:
        if not self.moments:
            self.moments = [(np.zeros_like(g), np.zeros_like(g)) for g in gradients]
        self.t += 1
        unbias_m = 1 - self.beta1**self.t  # both means start from zero
        unbias_v = 1 - self.beta2**self.t
        for theta, g, (m, v) in zip(parameters, gradients, self.moments, strict=True):
            m[...] = self.beta1 * m + (1 - self.beta1) * g
            v[...] = self.beta2 * v + (1 - self.beta2) * g * g
            theta -= learning_rate * (m / unbias_m) / (np.sqrt(v / unbias_v) + self.epsilon)


class Row(NamedTuple):
    """One row of the table; `settings` are the arguments of `make`."""

    name: str
    make: type[GradientDescent] | type[Adam]
    settings: tuple[Setting, ...]
    formula: str
    source: str


OPTIMIZERS = (
    Row("sgd", GradientDescent, (), "w - learning_rate g", "derivation, gradient descent"),
    Row(
        "adam",
        Adam,
        (
            Setting("beta1", 0.9, FRACTION),
            Setting("beta2", 0.999, FRACTION),
            Setting("epsilon", 1e-8, POSITIVE),
        ),
        "w - learning_rate m / (sqrt(v) + epsilon)",
        "Kingma & Ba 2015, Adam, Algorithm 1",
    ),
)


def optimizer(text: str) -> Optimizer:
    """The optimiser that `text` writes, with its memory empty.

    >>> optimizer("adam(beta1=0.8)").beta1
    0.8
    """
    row, settings = parse("optimizer", text, OPTIMIZERS)
    return row.make(**settings)
