"""Scale one column of numbers: robust, standard, by quantiles, or not at all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import fsum
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .value_counts import deviation_of, quantile_of

LARGEST = 1e30
"""Scaled values are cut off there, so that they and their sums are finite in float32."""

HUGE = 1e290
"""A number that is smaller changes no number by so much that it overflows."""

CLIP = 3.0
"""Robust scaling gives values between -3 and 3."""

MAX_KNOTS = 256
"""The number of values at which quantile scaling is exact; between them it is linear."""

Values = NDArray[np.float64]


class Scaler(ABC):
    """A function of one column of float64 numbers, fitted on the training rows."""

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def fit(cls, values: Values, counts: NDArray[np.int64]) -> Scaler:
        """Fit to sorted distinct values that occur so many times."""

    @abstractmethod
    def apply(self, x: Values) -> Values:
        """Return scaled numbers, in float64."""

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters, for JSON."""
        return {"name": self.name, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class NoScaler(Scaler):
    """Numbers as they are, cut off at 1e30."""

    name = "none"

    @classmethod
    def fit(cls, values: Values, counts: NDArray[np.int64]) -> NoScaler:
        """Return the scaler; it has no parameters."""
        return cls()

    def apply(self, x: Values) -> Values:
        """Return the numbers."""
        return np.clip(x, -LARGEST, LARGEST)


@dataclass(frozen=True)
class StandardScaler(Scaler):
    """(x - mean) / deviation, with the standard deviation over n.

    >>> StandardScaler.fit(np.array([0.0, 4.0]), np.array([1, 1])).apply(np.array([2.0, 6.0]))
    array([0., 2.])
    """

    mean: float
    deviation: float
    name = "standard"

    @classmethod
    def fit(cls, values: Values, counts: NDArray[np.int64]) -> StandardScaler:
        """Return the mean and deviation; a constant column gets its value and 1."""
        if len(values) == 1:
            return cls(float(values[0]), 1.0)
        n = int(counts.sum())
        mean = float(np.clip(fsum((values * (counts / n)).tolist()), values[0], values[-1]))
        return cls(mean, deviation_of(values, counts) or 1.0)

    def apply(self, x: Values) -> Values:
        """Return (x - mean) / deviation."""
        return _linear(x, self.mean, self.deviation)

    def invert(self, z: Values) -> Values:
        """Return z deviation + mean."""
        return z * self.deviation + self.mean


@dataclass(frozen=True)
class RobustScaler(Scaler):
    """z = (x - median) / (Q3 - Q1), then z / sqrt(1 + (z / 3)^2), which lies between -3 and 3.

    Half of the values lie within 1 of each other, and extreme values keep their order without
    reaching far. If the quartiles are equal, half of the range takes the place of their distance.
    Source: Holzmüller, Grinsztajn and Steinwart 2024, Better by Default: Strong Pre-Tuned MLPs and
    Boosted Trees on Tabular Data.

    >>> scaler = RobustScaler.fit(np.array([0.0, 2.0, 4.0]), np.array([1, 1, 1]))
    >>> scaler
    RobustScaler(median=2.0, distance=2.0)
    >>> scaler.apply(np.array([2.0, 4.0, 1e300])).round(4)
    array([0.    , 0.9487, 3.    ])
    """

    median: float
    distance: float
    name = "robust"

    @classmethod
    def fit(cls, values: Values, counts: NDArray[np.int64]) -> RobustScaler:
        """Return the median and the distance of the quartiles."""
        lower, median, upper = (quantile_of(values, counts, share) for share in (0.25, 0.5, 0.75))
        distance = upper - lower
        if distance == 0:
            distance = float(values[-1]) / 2 - float(values[0]) / 2
        return cls(median, min(distance, float(np.finfo(float).max)) or 1.0)

    def apply(self, x: Values) -> Values:
        """Return the scaled and smoothly clipped numbers."""
        z = _linear(x, self.median, self.distance)
        clipped: Values = z / np.sqrt(1 + np.square(z / CLIP))
        return clipped


@dataclass(frozen=True)
class QuantileScaler(Scaler):
    """Each number as the normal score of its rank, linear between at most 256 knots.

    A value whose rank is the share p of the training rows (counting half of the equal ones)
    becomes the number below which a standard normal distribution has the share p.

    >>> scaler = QuantileScaler.fit(np.array([1.0, 10.0, 1000.0]), np.array([1, 1, 1]))
    >>> scaler.apply(np.array([-5.0, 10.0, 505.0])).round(3)
    array([-0.967,  0.   ,  0.484])
    """

    knots: tuple[float, ...]
    scores: tuple[float, ...]
    name = "quantile"

    @classmethod
    def fit(cls, values: Values, counts: NDArray[np.int64]) -> QuantileScaler:
        """Return the values at evenly spaced ranks, with their normal scores."""
        ends = np.cumsum(counts)
        shares = (ends - counts / 2) / ends[-1]
        if len(values) > MAX_KNOTS:
            wanted = np.linspace(shares[0], shares[-1], MAX_KNOTS)
            chosen = np.unique(np.searchsorted(shares, wanted).clip(0, len(values) - 1))
            values, shares = values[chosen], shares[chosen]
        knots, first = np.unique(np.clip(values, -LARGEST, LARGEST), return_index=True)
        normal = NormalDist()
        scores = list(map(normal.inv_cdf, shares[first].tolist()))
        points = knots.tolist()
        if len(points) == 1:  # all values are beyond the same end
            points, scores = sorted([points[0], 2 * points[0]]), scores * 2
        return cls(tuple(points), tuple(scores))

    def apply(self, x: Values) -> Values:
        """Return the normal scores; beyond the knots they are constant."""
        knots, scores = np.array(self.knots), np.array(self.scores)
        x = np.clip(x, knots[0], knots[-1])
        k = np.searchsorted(knots[1:-1], x, side="right")
        share = (x - knots[k]) / (knots[k + 1] - knots[k])
        result: Values = scores[k] + share * (scores[k + 1] - scores[k])
        return result


SCALERS: dict[str, type[Scaler]] = {
    scaler.name: scaler for scaler in (RobustScaler, StandardScaler, QuantileScaler, NoScaler)
}


def scaler_of(parameters: Mapping[str, Any]) -> Scaler:
    """Return the scaler that `to_dict` has described.

    >>> scaler_of({"name": "standard", "mean": 0.0, "deviation": 2.0})
    StandardScaler(mean=0.0, deviation=2.0)
    """
    name = parameters.get("name")
    if name not in SCALERS:
        raise ValueError(f"a scaler must be one of {', '.join(SCALERS)}; got {name!r:.60}")
    values = {key: value for key, value in parameters.items() if key != "name"}
    plain = {
        key: tuple(map(float, value)) if isinstance(value, list) else float(value)
        for key, value in values.items()
    }
    for key, value in plain.items():
        if not np.isfinite(value).all() or (key in ("deviation", "distance") and value <= 0):  # type: ignore[operator]
            raise ValueError(
                f"a scaler must have finite numbers and a width > 0; got {key}={value}"
            )
    if name == "quantile":
        knots, scores = np.array(plain["knots"]), np.array(plain["scores"])
        if len(knots) < 2 or len(knots) != len(scores) or (np.diff(knots) <= 0).any():
            raise ValueError("quantiles must have 2 or more growing knots, and a score for each")
    return SCALERS[name](**plain)


def is_huge(center: float) -> bool:
    """Return True if x - center may overflow; halves of x, center and width give the same bits."""
    return abs(center) > HUGE


def _linear(x: Values, center: float, width: float) -> Values:
    if is_huge(center):
        x, center, width = x / 2, center / 2, width / 2
    with np.errstate(over="ignore"):  # infinite values are cut off
        return np.clip((x - center) / width, -LARGEST, LARGEST)
