"""Scores by name, or any function of (y_true, y_pred) such as scikit-learn's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .._types import AnyArray, Array
    from .validation import Samples

Metric = Callable[[Any, Any], float]


def accuracy(y: AnyArray, p: AnyArray) -> float:
    """The share of samples whose classes are right."""
    return float((y == p).mean())


def r2(y: AnyArray, p: AnyArray) -> float:
    """1 - sum (y - p)^2 / sum (y - mean y)^2, the mean over the outputs."""
    rest = np.square(y - p).sum(axis=0, dtype=float)
    spread = np.square(y - y.mean(axis=0)).sum(axis=0, dtype=float)
    varies = spread > 0
    shares = np.where(varies, rest / np.where(varies, spread, 1), rest > 0)  # as scikit-learn's
    return float((1 - shares).mean())


def mae(y: AnyArray, p: AnyArray) -> float:
    """The mean of |y - p|."""
    return float(np.abs(y - p).mean(dtype=float))


def rmse(y: AnyArray, p: AnyArray) -> float:
    """The root of the mean of (y - p)^2."""
    return float(np.sqrt(np.square(y - p).mean(dtype=float)))


METRICS: dict[str, Metric] = {row.__name__: row for row in (accuracy, r2, mae, rmse)}
OF_CLASSES = ("accuracy",)


class Metrics:
    """The metrics that a training was asked for.

    A metric of classes gets labels, a metric of values gets (m, n_L) targets and activations. A
    function of the user's gets labels where the targets are classes, otherwise values. One output
    stands for class 1 from `threshold` on.
    """

    def __init__(
        self, given: Sequence[str | Metric] | str | Metric, threshold: float = 0.5
    ) -> None:
        self.threshold = threshold
        several = given if isinstance(given, (list, tuple)) else [given]
        self.rows = [row_of(one) for one in several]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.rows]

    def check(self, samples: Samples) -> None:
        """Refuse a metric of classes where the targets are values."""
        for name in self.names:
            if name in OF_CLASSES and samples.labels is None:
                raise ValueError(f"metric {name!r} must have classes as targets; got values")

    def scores(self, y: AnyArray, labels: AnyArray | None, a: Array) -> dict[str, float]:
        """The scores of activations `a` (m, n_L) of the output layer."""
        return {name: self.score(name, metric, y, labels, a) for name, metric in self.rows}

    def score(
        self, name: str, metric: Metric, y: AnyArray, labels: AnyArray | None, a: Array
    ) -> float:
        values = name in METRICS and name not in OF_CLASSES
        if labels is None or values:
            return float(metric(*matching(y if y.ndim == 2 else one_hot(y, a), a)))
        return float(metric(labels, classes_of(a, self.threshold)))


def row_of(given: object) -> tuple[str, Metric]:
    if callable(given):
        return getattr(given, "__name__", type(given).__name__), given
    if isinstance(given, str) and given in METRICS:
        return given, METRICS[given]
    raise ValueError(f"metrics must be functions or among {', '.join(METRICS)}; got {given!r}")


def matching(y: AnyArray, a: Array) -> tuple[AnyArray, Array]:
    """One column alone as a vector."""
    return (y[:, 0], a[:, 0]) if a.shape[1] == 1 else (y, a)


def one_hot(labels: AnyArray, a: Array) -> Array:
    rows: Array = np.eye(a.shape[1], dtype=a.dtype)[labels]
    return rows


def classes_of(a: Array, threshold: float = 0.5) -> AnyArray:
    """The classes that activations of the output layer stand for."""
    if a.shape[1] > 1:
        classes: AnyArray = a.argmax(axis=1)
        return classes
    return (a[:, 0] >= threshold).astype(np.int64)
