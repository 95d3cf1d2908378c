"""Samples that a training is judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .._internal.random import SPLIT, raw
from .._internal.safetensors import digest
from ..data.labels import class_labels, target_labels
from .metrics import score

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..base_network import BaseNetwork
    from .metrics import Metrics

T = TypeVar("T")


@dataclass
class Samples:
    """Checked samples, ready for the core."""

    net: BaseNetwork
    X: Array
    y: AnyArray
    weights: Array | None = None

    @cached_property
    def labels(self) -> AnyArray | None:
        """The class of each sample (m,), where it has one."""
        return class_labels(self.y, self.net.output, self.net.cost)

    @cached_property
    def judged(self) -> AnyArray | None:
        """The classes, or several labels a sample, that metrics are of; None for values."""
        net = self.net
        return target_labels(self.y, net.output, net.cost, net._several_labels)

    def __len__(self) -> int:
        return len(self.X)

    alone = True  # nobody waits for the steps of this training
    can_go_back = True
    is_first = True

    def train(
        self, core: Any, settings: dict[str, Any], at: tuple[int, int, float, float]
    ) -> tuple[list[float], int, int, float, float, str | BaseException]:
        """Some time in the core."""
        outcome: Any = core.train(self.X, self.y, settings, at, self.weights)
        return outcome  # type: ignore[no-any-return]

    def metric_scores(self, metrics: Metrics) -> dict[str, float]:
        """The scores of what the network predicts at this moment."""
        if not metrics.rows:
            return {}
        a = self.net._outputs(self.X)
        return metrics.scores(self.y, self.judged, a, self.weights)

    def score(self, metrics: Metrics) -> dict[str, float]:
        """The mean cost, the accuracy where y are classes, and the metrics."""
        return score(self.net, self.X, self.y, self.judged, self.weights, metrics)

    def identity(self) -> dict[str, Any]:
        """What tells these samples from others."""
        arrays = {"X": self.X, "y": self.y, "weights": self.weights}
        return {name: None if one is None else digest(one) for name, one in arrays.items()}

    def agree(self, value: T) -> T:
        """Return the value of the first of all who train together; here there is one alone."""
        return value

    def together(self, point: str, make: Callable[[], T]) -> list[T]:
        """Call `make` with all who train together, and return what each has made.

        `point` names the point of the training that they must all have come to.
        """
        return [make()]

    def tell(self, error: BaseException) -> None:
        """Tell all who train together of an exception that may be known here alone."""

    def close(self) -> None:
        """Nothing is open."""

    def rows(self, chosen: AnyArray) -> Samples:
        """Some of them, copied."""
        part: list[Any] = [
            None if array is None else np.ascontiguousarray(array[chosen])
            for array in (self.X, self.y, self.weights)
        ]
        some = Samples(self.net, *part)
        some.labels = None if self.labels is None else self.labels[chosen]
        some.judged = None if self.judged is None else self.judged[chosen]
        return some


def hold_back(samples: Samples, fraction: float, seed: int) -> tuple[Samples, Samples]:
    """Split off a share of the samples, of each class alike, by the seed alone."""
    order = np.argsort(raw(seed, SPLIT, 1, len(samples)), kind="stable")
    held = np.zeros(len(samples), bool)
    for rows in groups(samples.labels, order):
        held[rows[: round(fraction * len(rows))]] = True
    if not held.any() or held.all():
        raise ValueError(
            "validation_fraction must leave samples on both sides; "
            f"got {fraction} of {len(samples)} samples"
        )
    return samples.rows(~held), samples.rows(held)


def groups(labels: AnyArray | None, order: AnyArray) -> list[AnyArray]:
    """The rows of each class, in an order of all rows; or all rows."""
    if labels is None:
        return [order]
    in_order = labels[order]
    by_class = np.argsort(in_order, kind="stable")
    ends = np.flatnonzero(np.diff(in_order[by_class])) + 1
    return np.split(order[by_class], ends)
