"""What one streaming pass tells of a source: its length, scales, ranges and classes."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..labels import MOST_CLASSES
from ..scaling import Scaling
from .base import Source

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

MOST_VALUES = 1000  # different cells of a target that are kept


class Moments:
    """Mean and sum of squared deviations of each column, in float64, from blocks of rows.

    Source: Chan, Golub and LeVeque 1979, Updating Formulae and a Pairwise Algorithm for Computing
    Sample Variances.

    >>> moments = Moments()
    >>> for block in ([[0.0], [2.0]], [[4.0], [6.0]]):
    ...     moments.add(block)
    >>> moments.scaling().mean, moments.scaling().scale ** 2
    (array([3.]), array([5.]))
    """

    def __init__(self) -> None:
        self.n = 0
        self.mean: NDArray[np.float64] = np.zeros(0)
        self.squares: NDArray[np.float64] = np.zeros(0)
        self.least: NDArray[np.float64] = np.zeros(0)
        self.most: NDArray[np.float64] = np.zeros(0)
        self.whole = True

    def add(self, rows: ArrayLike) -> None:
        """Take some rows (m, n_0) in."""
        X = np.asarray(rows, np.float64)
        if self.n == 0:
            n = X.shape[1]
            self.mean, self.squares = np.zeros(n), np.zeros(n)
            self.least, self.most = np.full(n, inf), np.full(n, -inf)
        m, mean = len(X), X.mean(axis=0)
        squares = np.square(X - mean).sum(axis=0)
        apart, together = mean - self.mean, self.n + m
        self.mean = self.mean + apart * (m / together)
        self.squares = self.squares + squares + apart**2 * (self.n * m / together)
        self.n = together
        self.least = np.minimum(self.least, X.min(axis=0))
        self.most = np.maximum(self.most, X.max(axis=0))
        self.whole = self.whole and not (X % 1).any()

    def scaling(self) -> Scaling:
        """The mean and standard deviation; a constant column gets scale 1."""
        constant = self.least == self.most
        deviation = np.sqrt(self.squares / self.n)
        return Scaling(
            np.where(constant, self.least, self.mean), np.where(constant, 1.0, deviation)
        )

    def range_scaling(self) -> Scaling:
        """What divides all columns by the largest number."""
        n = len(self.most)
        return Scaling(np.zeros(n), np.full(n, self.most.max()))


class Places:
    """The cell of each sample's target as its place among the different cells: two bytes a sample.

    >>> places = Places()
    >>> for cells in (["b", "a"], ["c", "b"]):
    ...     places.add(np.array(cells, object))
    >>> places.labels(["a", "b", "c"]).tolist()
    [1, 0, 2, 1]
    """

    def __init__(self) -> None:
        self.known: dict[Any, int] = {}
        self.parts: list[NDArray[np.uint16]] = []

    def add(self, y: NDArray[Any]) -> None:
        """Take the cells of some samples in, as long as there are no more than a thousand."""
        if len(self.known) > MOST_VALUES:
            return
        values, inverse = np.unique(y, return_inverse=True)
        for value in values.tolist():
            self.known.setdefault(value, len(self.known))
        if len(self.known) > MOST_VALUES:
            self.parts = []
            return
        table = np.array([self.known[value] for value in values.tolist()], np.uint16)
        self.parts.append(table[inverse.reshape(-1)])

    def labels(self, classes: list[Any]) -> NDArray[np.uint16]:
        """The position of each sample's cell among the classes."""
        order = {value: label for label, value in enumerate(classes)}
        table = np.array([order[value] for value in self.known], np.uint16)
        return table[np.concatenate(self.parts)]


@dataclass
class Survey:
    """What a pass over a source has found.

    Attributes
    ----------
    features : Moments
        Of each column of X.
    targets : Moments or None
        Of each column of y, where it holds numbers.
    places : Places
        The different cells of a target of one column, as far as there are no more than a thousand,
        and which of them each sample has.
    has_target, one_column : bool
    """

    features: Moments = field(default_factory=Moments)
    targets: Moments | None = None
    places: Places = field(default_factory=Places)
    has_target: bool = False
    one_column: bool = True

    @property
    def values(self) -> set[Any]:
        """The different cells of a target of one column."""
        return set(self.places.known)

    @property
    def has_texts(self) -> bool:
        """Whether the target is one column of texts."""
        return self.has_target and self.one_column and self.targets is None

    @property
    def length(self) -> int:
        return self.features.n

    @property
    def scaling(self) -> Scaling:
        return self.features.scaling()

    def classes_for(self, choice: bool | str) -> list[Any] | None:
        """The classes where they are to be found out, wanted (True) or not (False)."""
        if choice is False:
            return None
        if choice is True and self.has_target and self.one_column:
            if len(self.values) > MOST_VALUES:
                raise ValueError(
                    f"the target has more than {MOST_VALUES} different cells, too many for classes"
                )
            return sorted(self.values)
        return self.classes

    @property
    def classes(self) -> list[Any] | None:
        """The cells of the target in order, where they are classes as in `load_csv`."""
        if not (self.has_target and self.one_column and len(self.values) <= MOST_VALUES):
            return None
        if self.targets is None:
            return sorted(self.values)
        few = len(self.values) <= MOST_CLASSES and 2 * len(self.values) <= self.length
        return sorted(self.values) if few and self.targets.whole else None


def survey(source: Source) -> Survey:
    """Read a source through once."""
    found = Survey()
    for block in source.blocks():
        found.features.add(checked(block.X, source.name))
        if block.y is None:
            continue
        found.has_target = True
        y = block.y.reshape(len(block), -1)
        found.one_column = y.shape[1] == 1
        if found.one_column:
            found.places.add(y)
        if y.dtype.kind in "biuf":
            found.targets = found.targets or Moments()
            found.targets.add(checked(y, source.name))
    if found.length == 0:
        raise ValueError(f"{source.name} must hold at least one sample; it is empty")
    if source.length is None:
        source.length = found.length
    return found


def checked(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold numbers; got {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(
            f"{name} must hold finite numbers; got {array[row, column]} in column {column}"
        )
    return array
