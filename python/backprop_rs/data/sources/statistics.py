"""Statistics of a source from one pass: its length, scales, ranges and classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..labels import MAX_CLASSES
from ..scaling import Scaling
from .block import Block

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

MAX_TARGET_VALUES = 1000  # distinct values of a target that are counted


class ColumnStats:
    """Mean and sum of squared deviations of each column, in float64, from blocks of rows.

    Source: Chan, Golub and LeVeque 1979, Updating Formulae and a Pairwise Algorithm for Computing
    Sample Variances.

    Attributes
    ----------
    n : int
        The number of rows.
    mean, squares : (n_0,) arrays
        The mean, and the sum of squared deviations from it.
    min, max : (n_0,) arrays
    is_integer : bool
        True if all values are integers.

    Examples
    --------
    >>> stats = ColumnStats()
    >>> for block in ([[0.0], [2.0]], [[4.0], [6.0]]):
    ...     stats.add(block)
    >>> stats.scaling().mean, stats.scaling().scale ** 2
    (array([3.]), array([5.]))
    """

    def __init__(self) -> None:
        self.n = 0
        self.mean: NDArray[np.float64] = np.zeros(0)
        self.squares: NDArray[np.float64] = np.zeros(0)
        self.min: NDArray[np.float64] = np.zeros(0)
        self.max: NDArray[np.float64] = np.zeros(0)
        self.is_integer = True

    def add(self, rows: ArrayLike) -> None:
        """Add rows, an array (m, n_0)."""
        X = np.asarray(rows, np.float64)
        if self.n == 0:
            n = X.shape[1]
            self.mean, self.squares = np.zeros(n), np.zeros(n)
            self.min, self.max = np.full(n, inf), np.full(n, -inf)
        m, mean = len(X), X.mean(axis=0)
        squares = np.square(X - mean).sum(axis=0)
        difference, total = mean - self.mean, self.n + m
        self.mean = self.mean + difference * (m / total)
        self.squares = self.squares + squares + difference**2 * (self.n * m / total)
        self.n = total
        self.min = np.minimum(self.min, X.min(axis=0))
        self.max = np.maximum(self.max, X.max(axis=0))
        self.is_integer = self.is_integer and not (X % 1).any()

    def scaling(self) -> Scaling:
        """Return the mean and standard deviation; a constant column gets scale 1."""
        constant = self.min == self.max
        deviation = np.sqrt(self.squares / self.n)
        return Scaling(np.where(constant, self.min, self.mean), np.where(constant, 1.0, deviation))

    def range_scaling(self) -> Scaling:
        """Return the scaling that divides all columns by the largest value."""
        n = len(self.max)
        return Scaling(np.zeros(n), np.full(n, self.max.max()))


class TargetCodes:
    """The target of each sample as its position among the distinct values: two bytes a sample.

    >>> codes = TargetCodes()
    >>> for values in (["b", "a"], ["c", "b"]):
    ...     codes.add(np.array(values, object))
    >>> codes.labels(["a", "b", "c"]).tolist()
    [1, 0, 2, 1]
    """

    def __init__(self) -> None:
        self.known: dict[Any, int] = {}
        self.parts: list[NDArray[np.uint16]] = []

    def add(self, y: NDArray[Any]) -> None:
        """Add targets; do nothing after more than `MAX_TARGET_VALUES` distinct values."""
        if len(self.known) > MAX_TARGET_VALUES:
            return
        values, inverse = np.unique(y, return_inverse=True)
        for value in values.tolist():
            self.known.setdefault(value, len(self.known))
        if len(self.known) > MAX_TARGET_VALUES:
            self.parts = []
            return
        codes = np.array([self.known[value] for value in values.tolist()], np.uint16)
        self.parts.append(codes[inverse.reshape(-1)])

    def labels(self, classes: list[Any]) -> NDArray[np.uint16]:
        """Return the position of each target among `classes`."""
        order = {value: label for label, value in enumerate(classes)}
        labels = np.array([order[value] for value in self.known], np.uint16)
        return labels[np.concatenate(self.parts)]


@dataclass
class SourceStats:
    """Statistics of a source.

    Attributes
    ----------
    features : ColumnStats
        Of the columns of X.
    targets : ColumnStats or None
        Of the columns of y, if they hold numbers.
    codes : TargetCodes
        The distinct values of a target of one column, if there are at most a thousand.
    has_target, one_column : bool
        True if there is a target, and if it has one column.
    """

    features: ColumnStats = field(default_factory=ColumnStats)
    targets: ColumnStats | None = None
    codes: TargetCodes = field(default_factory=TargetCodes)
    has_target: bool = False
    one_column: bool = True

    @property
    def values(self) -> set[Any]:
        """The distinct values of a target of one column."""
        return set(self.codes.known)

    @property
    def has_texts(self) -> bool:
        """True if the target is one column of texts."""
        return self.has_target and self.one_column and self.targets is None

    @property
    def length(self) -> int:
        """The number of samples."""
        return self.features.n

    @property
    def scaling(self) -> Scaling:
        """The mean and standard deviation of the features."""
        return self.features.scaling()

    def classes_for(self, choice: bool | str) -> list[Any] | None:
        """Return the classes if the target is classes ("auto"), always (True) or never (False)."""
        if choice is False:
            return None
        if choice is True and self.has_target and self.one_column:
            if len(self.values) > MAX_TARGET_VALUES:
                raise ValueError(
                    f"the target has more than {MAX_TARGET_VALUES} distinct values, too many for "
                    "classes"
                )
            return sorted(self.values)
        return self.classes

    @property
    def classes(self) -> list[Any] | None:
        """The sorted values of the target if they are classes, decided as in `load_csv`."""
        if not (self.has_target and self.one_column and len(self.values) <= MAX_TARGET_VALUES):
            return None
        if self.targets is None:
            return sorted(self.values)
        few = len(self.values) <= MAX_CLASSES and 2 * len(self.values) <= self.length
        return sorted(self.values) if few and self.targets.is_integer else None


def stats_of(blocks: Iterable[Block], name: str) -> SourceStats:
    """Return the statistics of all blocks of a source called `name`."""
    stats = SourceStats()
    for block in blocks:
        stats.features.add(check_numbers(block.X, name))
        if block.y is None:
            continue
        stats.has_target = True
        y = block.y.reshape(len(block), -1)
        stats.one_column = y.shape[1] == 1
        if stats.one_column:
            stats.codes.add(y)
        if y.dtype.kind in "biuf":
            stats.targets = stats.targets or ColumnStats()
            stats.targets.add(check_numbers(y, name))
    if stats.length == 0:
        raise ValueError(f"{name} must hold at least one sample; it is empty")
    return stats


def check_numbers(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return the array if it holds finite numbers, otherwise raise ValueError."""
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold numbers; got {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(
            f"{name} must hold finite numbers; got {array[row, column]} in column {column}"
        )
    return array
