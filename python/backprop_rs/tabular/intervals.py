"""Intervals of values by the out-of-fold residuals: conformal prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST = 1001
"""A file keeps at most so many residuals of a group, evenly spaced by rank."""

GROUP = 200
"""A group of predictions has about so many rows or more, and at least half of them."""

MAX_GROUPS = 10


@dataclass(frozen=True)
class Residuals:
    """Sorted residuals y - prediction of n rows that no member has learned from.

    Parameters
    ----------
    sorted : (k,) array
    n : int
        The number of rows; with more than 1,001 only residuals of evenly spaced ranks are kept,
        and ranks between them are rounded outwards.

    Examples
    --------
    >>> residuals = Residuals.of(np.array([0.5, -1.0, 2.0]))
    >>> residuals.at(1, upwards=False), residuals.at(2.2, upwards=True)
    (-1.0, 2.0)
    """

    sorted: Array
    n: int

    @classmethod
    def of(cls, values: NDArray[Any]) -> Residuals:
        """Return residuals (n,), sorted."""
        ordered = np.sort(np.asarray(values, np.float64))
        n = len(ordered)
        return cls(ordered if n <= MOST else ordered[positions(n)], n)

    def has(self, rank: float, upwards: bool) -> bool:
        """Return True if there is a residual of a rank from 1 to n."""
        return 1 <= whole(rank, upwards) <= self.n

    def at(self, rank: float, upwards: bool) -> float:
        """Return the residual of a rank from 1 to n."""
        known = np.arange(self.n) if self.n <= MOST else positions(self.n)
        place = whole(rank, upwards) - 1
        if upwards:
            return float(self.sorted[np.searchsorted(known, place, side="left")])
        return float(self.sorted[np.searchsorted(known, place, side="right") - 1])


@dataclass(frozen=True)
class Spread:
    """Residuals of all rows, and of groups of rows whose predictions lie next to each other.

    There are at most 10 groups of about 200 rows or more. Residuals of a group of n rows give an
    interval of coverage c from rank floor((n + 1) (1 - c) / 2) to rank ceil((n + 1) (1 + c) / 2),
    so that a new row of the same distribution lies inside with about this probability, also among
    the rows with such predictions alone. If a group has too few rows for a rank, all residuals
    count. Sources: Barber, Candès, Ramdas and Tibshirani 2021, Predictive Inference with the
    Jackknife+; Boström, Johansson and Löfström 2021, Mondrian Conformal Predictive Distributions.

    Parameters
    ----------
    every : Residuals
    edges : (g - 1,) array
        A prediction from edge k on belongs to group k + 1.
    groups : tuple of Residuals
    """

    every: Residuals
    edges: Array
    groups: tuple[Residuals, ...]

    @classmethod
    def of(cls, predictions: Array, residuals: Array) -> Spread:
        """Return the spread of residuals (n,) around predictions (n,)."""
        order = np.argsort(predictions, kind="stable")
        ordered, n = predictions[order], len(order)
        n_groups = max(min(n // GROUP, MAX_GROUPS), 1)
        starts: list[int] = []
        for k in range(1, n_groups):
            # Equal predictions stay in one group.
            start = int(np.searchsorted(ordered, ordered[k * n // n_groups], side="left"))
            if min(start - (starts[-1] if starts else 0), n - start) >= GROUP // 2:
                starts.append(start)
        parts = np.split(residuals[order], starts)
        edges = ordered[starts].astype(np.float64)
        return cls(Residuals.of(residuals), edges, tuple(map(Residuals.of, parts)))

    def quantile(self, predictions: Array, share: float) -> Array:
        """Return the quantile of the target for predictions (m,): outwards, from the median."""
        ends = np.array([self._residual(group, share) for group in self.groups])
        found: Array = predictions + ends[np.searchsorted(self.edges, predictions, side="right")]
        return found

    def _residual(self, group: Residuals, share: float) -> float:
        upwards = share >= 0.5
        for residuals in (group, self.every):
            rank = (residuals.n + 1) * share
            if residuals.has(rank, upwards):
                return residuals.at(rank, upwards)
        n = self.every.n
        raise ValueError(
            f"coverage and quantiles must be possible with the out-of-fold residuals of {n:,} "
            f"rows: quantiles from {1 / (n + 1):.3g} to {n / (n + 1):.3g}, and a coverage of at "
            f"most {(n - 1) / (n + 1):.3g}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the residuals for JSON."""
        each = (self.every, *self.groups)
        return {
            "edges": self.edges.tolist(),
            "residuals": [residuals.sorted.tolist() for residuals in each],
            "n": [residuals.n for residuals in each],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Spread:
        """Return the spread that `to_dict` has described."""
        pairs = zip(values["residuals"], values["n"], strict=True)
        each = [Residuals(np.array(residuals, np.float64), int(n)) for residuals, n in pairs]
        edges = np.array(values["edges"], np.float64)
        if len(each) != len(edges) + 2 or any(
            len(residuals.sorted) != min(residuals.n, len(positions(residuals.n)))
            or not np.isfinite(residuals.sorted).all()
            for residuals in each
        ):
            raise ValueError("residuals must be finite, and fit the groups of predictions")
        return cls(each[0], edges, tuple(each[1:]))


def whole(rank: float, upwards: bool) -> int:
    """Return a rank as an integer, rounded outwards."""
    return ceil(round(rank, 9)) if upwards else floor(round(rank, 9))


def positions(n: int) -> NDArray[np.intp]:
    """Return the ranks that are kept, counted from 0."""
    return np.unique(np.round(np.linspace(0, n - 1, min(n, MOST))).astype(np.intp))
