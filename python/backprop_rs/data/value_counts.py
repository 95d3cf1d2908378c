"""`ValueCounts`: the distinct values of a column and how often each occurs."""

from __future__ import annotations

from math import fsum, inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_VALUES = 2**16
"""With more distinct values, neighbors are counted together."""

SIGN = np.int64(2**63 - 1)


class ValueCounts:
    """Counts of the values of a column, from any number of parts.

    The counts are exact for up to 65,536 distinct values. Beyond that, values that agree in their
    leading bits are counted together, with as many bits as give at most 65,536 groups; this is a
    histogram whose bins have about the same relative width. The result depends on the values
    alone, not on their order or on the parts in which they come, so that a table in memory and the
    same table as a stream give the same statistics to the last bit.

    Parameters
    ----------
    is_integer : bool, default False
        True for int64 values, such as dates; otherwise values are float64 and never NaN.
    max_values : int, default 65,536
        At least 2, for a group of negative values and another of the rest.

    Attributes
    ----------
    n : int
        The number of values.
    min, max : float or int
        Exact.

    Examples
    --------
    >>> counts = ValueCounts()
    >>> for part in ([3.0, 1.0], [1.0, 8.0]):
    ...     counts.add(np.array(part))
    >>> counts.values, counts.counts
    (array([1., 3., 8.]), array([2, 1, 1]))
    >>> counts.quantile(0.5), counts.mean(), counts.deviation()
    (2.0, 3.25, 2.861380785564899)
    """

    def __init__(self, is_integer: bool = False, max_values: int = MAX_VALUES) -> None:
        self.is_integer, self.max_values = is_integer, max_values
        self.n = 0
        self.min: float = inf
        self.max: float = -inf
        self.shift = 0
        self.keys: NDArray[np.int64] = np.zeros(0, np.int64)
        self.counts: NDArray[np.int64] = np.zeros(0, np.int64)

    @property
    def is_exact(self) -> bool:
        """True if no values are counted together."""
        return self.shift == 0

    @property
    def n_distinct(self) -> int:
        """The number of distinct values, or of groups if the counts are not exact."""
        return len(self.keys)

    def add(self, values: NDArray[np.float64] | NDArray[np.int64]) -> None:
        """Add values."""
        if len(values) == 0:
            return
        values = values + 0  # -0.0 becomes 0.0, or `min` and `max` would depend on the order
        self.n += len(values)
        self.min = min(self.min, values.min().item())
        self.max = max(self.max, values.max().item())
        keys, counts = np.unique(self._keys_of(values) >> self.shift, return_counts=True)
        self._merge(np.concatenate([self.keys, keys]), np.concatenate([self.counts, counts]))
        while len(self.keys) > self.max_values:
            self.shift += 1
            self._merge(self.keys >> 1, self.counts)

    def _merge(self, keys: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        order = np.argsort(keys, kind="stable")
        keys, counts = keys[order], counts[order]
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        self.keys, self.counts = keys[first], np.add.reduceat(counts, first)

    def _keys_of(self, values: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Return integers in the order of the values."""
        if self.is_integer:
            return values.astype(np.int64, copy=False)
        bits: NDArray[np.int64] = values.view(np.int64)
        return bits ^ ((bits >> 63) & SIGN)

    @property
    def values(self) -> NDArray[Any]:
        """The distinct values, sorted; the middle of a group of values."""
        keys = self.keys << self.shift
        if self.shift:
            keys = keys + (1 << (self.shift - 1))
        if self.is_integer:
            values: NDArray[Any] = keys
        else:
            values = (keys ^ ((keys >> 63) & SIGN)).view(np.float64)
        return values.clip(self.min, self.max)

    def mean(self) -> float:
        """Return the mean, rounded once."""
        return _mean(self.values.astype(np.float64), self.counts)

    def deviation(self) -> float:
        """Return the standard deviation (over n, not n - 1)."""
        return deviation_of(self.values.astype(np.float64), self.counts)

    def quantile(self, share: float) -> float:
        """Return a quantile by linear interpolation, as `numpy.quantile` does."""
        return quantile_of(self.values.astype(np.float64), self.counts, share)


def _mean(values: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    n = int(counts.sum())
    # The shares keep sums of the largest floats finite.
    return fsum((values * (counts / n)).tolist())


def deviation_of(values: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """Return the standard deviation of values that occur so many times.

    >>> deviation_of(np.array([0.0, 2.0]), np.array([1, 1]))
    1.0
    """
    half = np.abs(values / 2 - _mean(values, counts) / 2)  # the halves cannot overflow
    largest = half.max()
    if largest == 0:
        return 0.0
    squares = np.square(half / largest) * (counts / counts.sum())
    return float(min(fsum(squares.tolist()) ** 0.5 * largest * 2, np.finfo(float).max))


def quantile_of(values: NDArray[np.float64], counts: NDArray[np.int64], share: float) -> float:
    """Return a quantile of sorted values that occur so many times.

    >>> quantile_of(np.array([1.0, 2.0]), np.array([1, 3]), 0.25)
    1.75
    """
    ends = np.cumsum(counts)
    position = share * (int(ends[-1]) - 1)
    below = int(position)
    fraction = position - below
    left = float(values[np.searchsorted(ends, below, side="right")])
    if fraction == 0:
        return left
    right = float(values[np.searchsorted(ends, below + 1, side="right")])
    return left if left == right else left * (1 - fraction) + right * fraction
