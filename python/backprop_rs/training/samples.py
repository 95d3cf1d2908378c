"""The samples of a training: `TrainingData`, those in memory, their weights and their split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import numpy as np

from .._internal import checks
from .._internal.random import SPLIT, raw
from .._internal.safetensors import digest
from ..data.labels import class_labels, target_labels
from .metrics import score
from .state import Position

if TYPE_CHECKING:
    from .._internal.core import CoreNetwork
    from .._internal.types import AnyArray, Array, Data
    from ..base_network import BaseNetwork
    from .metrics import Metrics

T = TypeVar("T")
Waiting = Callable[[], AbstractContextManager[None]]


class Outcome(NamedTuple):
    """The result of some steps in the core.

    Attributes
    ----------
    costs : list of float
        The mean cost of each epoch that has ended.
    position : Position
        Where the core has stopped.
    reason : str or exception
        "done", "time", "interrupted" or "nonfinite".
    """

    costs: list[float]
    position: Position
    reason: str | BaseException


class TrainingData(Protocol):
    """The interface of samples in memory, of a source, and of the samples of many ranks.

    The members with a body are those of one process that trains alone.

    Attributes
    ----------
    alone : bool
        False if other ranks take every step together with this process.
    is_first : bool
        True in one process alone and on rank 0.
    """

    alone: bool = True
    is_first: bool = True

    def __len__(self) -> int:
        """Return the number of samples; 0 if it is not known yet."""
        ...

    @property
    def can_go_back(self) -> bool:
        """True if the samples can be read again."""
        ...

    @property
    def in_memory(self) -> Samples | None:
        """The samples that lie in the memory of this process; None for a source."""
        ...

    def begin_training(self, batch_size: int, last_epoch: int, waiting: Waiting) -> None:
        """Prepare for the batches of a training.

        `waiting` makes the context in which to wait for samples.
        """
        return None

    def train(self, core: CoreNetwork, settings: dict[str, Any], position: Position) -> Outcome:
        """Train in the core from a position on, for some time or until some stop."""
        ...

    def score(self, metrics: Metrics) -> dict[str, float]:
        """Return the mean cost, the accuracy if the targets are classes, and the metrics."""
        ...

    def metric_scores(self, metrics: Metrics) -> dict[str, float]:
        """Return the metrics of the present predictions."""
        ...

    def head(self, n: int) -> tuple[Array, AnyArray]:
        """Return X and y of the first n samples."""
        ...

    def identity(self) -> dict[str, Any]:
        """Return what distinguishes the samples from others, for a checkpoint."""
        ...

    def agree(self, value: T) -> T:
        """Return the value of rank 0."""
        return value

    def together(self, point: str, make: Callable[[], T]) -> list[T]:
        """Call `make` on all ranks, and return what each has made.

        `point` names the point of the training that all must have reached.
        """
        return [make()]

    def tell(self, error: BaseException) -> None:
        """Tell all ranks of an exception that may be known on this rank only."""
        return None

    def close(self) -> None:
        """Close what is open."""
        return None


@dataclass
class Samples(TrainingData):
    """Checked samples in memory, ready for the core."""

    net: BaseNetwork
    X: Array
    y: AnyArray
    weights: Array | None = None

    @cached_property
    def labels(self) -> AnyArray | None:
        """The class of each sample (m,), if the targets are classes."""
        return class_labels(self.y, self.net.output, self.net.cost)

    @cached_property
    def judged(self) -> AnyArray | None:
        """The classes, or several labels per sample, for the metrics; None for values."""
        net = self.net
        return target_labels(self.y, net.output, net.cost, net._several_labels)

    def __len__(self) -> int:
        return len(self.X)

    @property
    def can_go_back(self) -> bool:
        """True: arrays can be read again."""
        return True

    @property
    def in_memory(self) -> Samples:
        """The samples themselves."""
        return self

    def train(self, core: CoreNetwork, settings: dict[str, Any], position: Position) -> Outcome:
        """Train in the core from a position on, for some time or until some stop."""
        return train_in_core(core, self.X, self.y, settings, position, self.weights)

    def metric_scores(self, metrics: Metrics) -> dict[str, float]:
        """Return the metrics of the present predictions."""
        if not metrics:
            return {}
        a = self.net._outputs(self.X)
        return metrics.scores(self.y, self.judged, a, self.weights)

    def score(self, metrics: Metrics) -> dict[str, float]:
        """Return the mean cost, the accuracy if the targets are classes, and the metrics."""
        return score(self.net, self.X, self.y, self.judged, self.weights, metrics)

    def head(self, n: int) -> tuple[Array, AnyArray]:
        """Return X and y of the first n samples."""
        return self.X[:n], self.y[:n]

    def identity(self) -> dict[str, Any]:
        """Return digests of the arrays."""
        arrays = {"X": self.X, "y": self.y, "weights": self.weights}
        return {name: None if array is None else digest(array) for name, array in arrays.items()}

    def rows(self, chosen: AnyArray) -> Samples:
        """Return a copy of some of the samples, given as positions or as a mask."""
        part: list[Any] = [
            None if array is None else np.ascontiguousarray(array[chosen])
            for array in (self.X, self.y, self.weights)
        ]
        some = Samples(self.net, *part)
        some.labels = None if self.labels is None else self.labels[chosen]
        some.judged = None if self.judged is None else self.judged[chosen]
        return some


def train_in_core(
    core: CoreNetwork,
    X: Array,
    y: AnyArray,
    settings: dict[str, Any],
    position: Position,
    weights: Array | None,
) -> Outcome:
    """Call `core.train`, and name the parts of its answer."""
    costs, epoch, step, cost_sum, weight_sum, reason = core.train(X, y, settings, position, weights)
    return Outcome(costs, Position(epoch, step, cost_sum, weight_sum), reason)


def samples_of(
    net: BaseNetwork, X: Data, y: Data, sample_weight: Data | None = None, class_weight: Any = None
) -> Samples:
    """Check arrays, and return them as samples."""
    samples = Samples(net, *net._samples(X, y))
    labels = None if class_weight is None else samples.labels
    n_classes = max(net.sizes[-1], 2)
    samples.weights = weights_of(
        sample_weight, class_weight, labels, n_classes, len(samples), net.dtype
    )
    return samples


# Weights of samples and of classes.


def weights_of(
    sample_weight: Data | None,
    class_weight: Any,
    labels: AnyArray | None,
    n_classes: int,
    m: int,
    dtype: str,
) -> Array | None:
    """Return the weight of each sample times that of its class, (m,); None if all are equal."""
    weights = None
    if sample_weight is not None:
        weights = checks.sample_weight(sample_weight, m, dtype)
    if class_weight is None:
        return weights
    if labels is None:
        raise ValueError("class_weight requires targets that are classes; got values")
    if isinstance(class_weight, Mapping):
        check_class_weight(class_weight, n_classes)
    of_class = class_weights(class_weight, labels)
    if weights is None:
        checks.weights("class_weight", of_class, dtype)
        rounded: Array = np.asarray(of_class, dtype)
        return rounded
    # The product is checked before it is rounded, because a float32 may overflow.
    checks.weights("sample_weight times class_weight", weights.astype(float) * of_class, dtype)
    product: Array = weights * of_class.astype(dtype)
    return product


def as_mapping(class_weight: Any) -> Any:
    """Return a dict for an object that only resembles one, such as a Series of pandas."""
    if isinstance(class_weight, Mapping) or not callable(getattr(class_weight, "items", None)):
        return class_weight
    return dict(class_weight.items())


def is_balanced(class_weight: Any) -> bool:
    """Return True for "balanced"; arrays cannot be compared with a text."""
    return isinstance(class_weight, str) and class_weight == "balanced"


def check_class_weight(class_weight: Mapping[Any, Any], n_classes: int) -> None:
    """Raise ValueError or TypeError if a class or its weight is not valid."""
    for label, weight in class_weight.items():
        if label not in range(n_classes):
            raise ValueError(
                f"class_weight must name classes from 0 to {n_classes - 1}; "
                f"got {checks.shown(label)}"
            )
        checks.nonnegative(f"class_weight of class {label}", weight)


def class_weights(class_weight: Any, labels: AnyArray) -> AnyArray:
    """Return the weight of the class of each sample."""
    classes, positions, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if is_balanced(class_weight):
        weights: AnyArray = len(labels) / (len(classes) * counts)
        return weights[positions]
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            "class_weight must be 'balanced' or a mapping from class to weight; "
            f"got {checks.shown(class_weight)}"
        )
    return np.array([float(class_weight.get(int(label), 1.0)) for label in classes])[positions]


# The split of validation data.


def hold_back(samples: Samples, fraction: float, seed: int) -> tuple[Samples, Samples]:
    """Return the training samples and the validation samples: a share of each class.

    The seed alone determines which samples these are.
    """
    order = np.argsort(raw(seed, SPLIT, 1, len(samples)), kind="stable")
    held_back = np.zeros(len(samples), bool)
    for rows in rows_by_class(samples.labels, order):
        held_back[rows[: round(fraction * len(rows))]] = True
    if not held_back.any() or held_back.all():
        raise ValueError(
            "validation_fraction must leave samples on both sides; "
            f"got {fraction} of {len(samples)} samples"
        )
    return samples.rows(~held_back), samples.rows(held_back)


def rows_by_class(labels: AnyArray | None, order: AnyArray) -> list[AnyArray]:
    """Return the rows of each class in the order given; all rows together without classes."""
    if labels is None:
        return [order]
    in_order = labels[order]
    by_class = np.argsort(in_order, kind="stable")
    ends = np.flatnonzero(np.diff(in_order[by_class])) + 1
    return np.split(order[by_class], ends)
