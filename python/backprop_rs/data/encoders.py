"""Code one column of a table as features, with statistics of the training rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi, sin
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .column_statistics import (
    DATE_PARTS,
    PERIODS,
    ColumnStatistics,
    as_kind,
    check_finite,
    part_of,
)
from .columns import NO_TIME, Column, Kind, Level, Place
from .scalers import SCALERS, Scaler, scaler_of
from .value_counts import quantile_of

SECOND = 1e9  # in nanoseconds


class Encoder(ABC):
    """The features of one column.

    Attributes
    ----------
    name : str
        The name of the column.
    kind : str
        "number", "boolean", "category" or "datetime".
    features : tuple of str
        The names of the features.
    """

    name: str
    kind: Kind
    features: tuple[str, ...]
    label: ClassVar[str]

    @abstractmethod
    def encode(self, column: Column, place: Place | None = None) -> NDArray[np.float64]:
        """Return the features (m, k) of a column of this kind."""

    def unknown(self, column: Column) -> NDArray[np.bool_]:
        """Return the cells (m,) that hold a level which the training rows do not have."""
        return np.zeros(len(column), np.bool_)

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the parameters for JSON."""


@dataclass(frozen=True)
class NumberEncoder(Encoder):
    """A scaled number, and 1 if the cell is missing.

    A missing cell becomes the median of the training rows. The indicator is there if a training
    row misses the number; without it, a missing cell is the median alone.
    """

    name: str
    fill: float
    scaler: Scaler | None
    indicator: bool
    kind: Kind = "number"
    label = "number"

    @classmethod
    def fit(cls, statistics: ColumnStatistics, scaling: str) -> NumberEncoder:
        """Return the encoder for the statistics of a column."""
        counts = statistics.numbers
        scaler = None
        if not statistics.is_constant:
            scaler = SCALERS[scaling].fit(counts.values, counts.counts)
        fill = counts.quantile(0.5)
        return cls(statistics.name, fill, scaler, statistics.n_missing > 0)

    @property
    def features(self) -> tuple[str, ...]:  # type: ignore[override]
        """The number unless it is constant, and the indicator."""
        return (self.name,) * (self.scaler is not None) + _indicator(self.name, self.indicator)

    def encode(self, column: Column, place: Place | None = None) -> NDArray[np.float64]:
        """Return the features (m, k)."""
        check_finite(column, place)
        missing = column.missing
        blocks = []
        if self.scaler is not None:
            blocks.append(self.scaler.apply(np.where(missing, self.fill, column.values)))
        return _columns(blocks, missing, self.indicator)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters for JSON."""
        scaler = None if self.scaler is None else self.scaler.to_dict()
        return {
            "label": self.label,
            "name": self.name,
            "fill": self.fill,
            "scaler": scaler,
            "indicator": self.indicator,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NumberEncoder:
        """Return the encoder that `to_dict` has described."""
        scaler = None if values["scaler"] is None else scaler_of(values["scaler"])
        return cls(_name(values), _finite(values["fill"]), scaler, bool(values["indicator"]))


@dataclass(frozen=True)
class CategoryEncoder(Encoder):
    """One feature of 0 and 1 for each level; for two levels a single feature of -1 and 1.

    A level that the training rows do not have is neutral: all of these features are 0. A missing
    cell is neutral too, and if a training row misses the category, missing is a level of its own:
    one more feature is 1 for it.
    """

    name: str
    levels: tuple[Level, ...]
    indicator: bool
    kind: Kind = "category"
    label = "category"

    @classmethod
    def fit(cls, statistics: ColumnStatistics) -> CategoryEncoder:
        """Return the encoder for the statistics of a column of categories or booleans."""
        indicator = statistics.n_missing > 0
        if statistics.kind == "boolean":
            values = statistics.numbers.values.tolist()
            levels: list[Level] = [bool(value) for value in values]
            return cls(statistics.name, tuple(levels), indicator, "boolean")
        levels = sorted_levels(statistics.levels)
        return cls(statistics.name, tuple(levels), indicator)

    @property
    def features(self) -> tuple[str, ...]:  # type: ignore[override]
        """One name for each feature, such as "color=red"."""
        named = {0: [], 1: [], 2: self.levels[1:]}.get(len(self.levels), self.levels)
        if self.kind == "boolean":
            values = (self.name,) * len(named)
        else:
            values = tuple(f"{self.name}={level}" for level in named)
        return values + _indicator(self.name, self.indicator)

    @property
    def codes(self) -> NDArray[np.float64]:
        """The features of each level, then of a missing cell, then of an unknown level."""
        n = len(self.levels)
        table = np.zeros((n + 2, len(self.features)))
        if n == 2:
            table[:2, 0] = (-1, 1)
        elif n > 2:
            table[:n, :n] = np.eye(n)
        if self.indicator:
            table[n, -1] = 1
        return table

    def positions(self, column: Column) -> NDArray[np.intp]:
        """Return the row of `codes` for each cell."""
        n = len(self.levels)
        known = {level: k for k, level in enumerate(self.levels)}
        levels: Sequence[Level] = (False, True) if column.kind == "boolean" else column.levels
        table = np.array([known.get(level, n + 1) for level in levels] + [n], np.intp)
        positions: NDArray[np.intp] = table[column.values]  # -1 is the last entry: missing
        return positions

    def unknown(self, column: Column) -> NDArray[np.bool_]:
        """Return the cells (m,) that hold a level which the training rows do not have."""
        unknown: NDArray[np.bool_] = self.positions(column) == len(self.levels) + 1
        return unknown

    def encode(self, column: Column, place: Place | None = None) -> NDArray[np.float64]:
        """Return the features (m, k)."""
        return self.codes[self.positions(column)]

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters for JSON."""
        return {
            "label": self.label,
            "name": self.name,
            "levels": list(self.levels),
            "indicator": self.indicator,
            "kind": self.kind,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CategoryEncoder:
        """Return the encoder that `to_dict` has described."""
        if values["kind"] not in ("category", "boolean"):
            raise ValueError(f"kind must be category or boolean; got {values['kind']!r:.60}")
        levels = _levels(values["levels"])
        return cls(_name(values), levels, bool(values["indicator"]), values["kind"])


@dataclass(frozen=True)
class DateEncoder(Encoder):
    """The parts of a date: the year, month, day, weekday, hour, and the seconds since a start.

    Month, day, weekday and hour are a sine and a cosine each, so that December is next to
    January. The year and the seconds since the first date of the training rows are scaled numbers.
    A missing cell has 0 for sines and cosines, and the medians for the numbers.
    """

    name: str
    parts: tuple[str, ...]
    start: int
    fills: tuple[float, ...]
    scalers: tuple[Scaler, ...]
    indicator: bool
    kind: Kind = "datetime"
    label = "datetime"

    @classmethod
    def fit(
        cls, statistics: ColumnStatistics, scaling: str, parts: Sequence[str] | None
    ) -> DateEncoder:
        """Return the encoder for the statistics of a column of dates; by default the varying parts.

        If only the seconds vary, they are the only part.
        """
        times = statistics.times
        start = int(times.min)
        varying = [part for part, values in statistics.parts.items() if len(values) > 1]
        if not statistics.is_constant:
            varying.append("seconds")
        chosen = [
            part for part in DATE_PARTS if part in varying and (parts is None or part in parts)
        ]
        fills, scalers = [], []
        for part in chosen:
            if part in PERIODS:
                continue
            values = _numeric_part(times.values.astype(np.int64), part, start)
            fills.append(quantile_of(values, times.counts, 0.5))
            scalers.append(SCALERS[scaling].fit(values, times.counts))
        indicator = statistics.n_missing > 0
        name = statistics.name
        return cls(name, tuple(chosen), start, tuple(fills), tuple(scalers), indicator)

    @property
    def features(self) -> tuple[str, ...]:  # type: ignore[override]
        """One name for each feature, such as "day (year)" and "day (month, sine)"."""
        names: list[str] = []
        for part in self.parts:
            pair = [f"{part}, sine", f"{part}, cosine"]
            names += [f"{self.name} ({each})" for each in (pair if part in PERIODS else [part])]
        return tuple(names) + _indicator(self.name, self.indicator)

    def encode(self, column: Column, place: Place | None = None) -> NDArray[np.float64]:
        """Return the features (m, k)."""
        missing = column.missing
        times = np.where(missing, self.start, column.values)
        numeric = iter(zip(self.fills, self.scalers, strict=True))
        blocks = []
        for part in self.parts:
            if part in PERIODS:
                positions = part_of(times, part)
                blocks += [np.where(missing, 0.0, wave[positions]) for wave in waves(part)]
            else:
                fill, scaler = next(numeric)
                values = _numeric_part(times, part, self.start)
                blocks.append(scaler.apply(np.where(missing, fill, values)))
        return _columns(blocks, missing, self.indicator)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters for JSON."""
        return {
            "label": self.label,
            "name": self.name,
            "parts": list(self.parts),
            "start": self.start,
            "fills": list(self.fills),
            "scalers": [scaler.to_dict() for scaler in self.scalers],
            "indicator": self.indicator,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DateEncoder:
        """Return the encoder that `to_dict` has described."""
        parts, start = tuple(values["parts"]), values["start"]
        if not set(parts) <= set(DATE_PARTS) or not _is_time(start):
            raise ValueError(f"parts of a date must be of {', '.join(DATE_PARTS)}; got {parts}")
        fills = tuple(map(_finite, values["fills"]))
        scalers = tuple(map(scaler_of, values["scalers"]))
        if not len(fills) == len(scalers) == sum(part not in PERIODS for part in parts):
            raise ValueError("a date must have a fill and a scaler for each number")
        return cls(_name(values), parts, start, fills, scalers, bool(values["indicator"]))


def waves(part: str) -> list[NDArray[np.float64]]:
    """Return the sine and the cosine of each value of a part of a date."""
    n = PERIODS[part]
    angles = [2 * pi * k / n for k in range(n)]
    return [np.array([function(angle) for angle in angles]) for function in (sin, cos)]


def sorted_levels(levels: Mapping[Level, int] | Sequence[Level]) -> list[Level]:
    """Return levels in order: numbers by size, texts by code points, and numbers before texts."""
    return sorted(levels, key=lambda level: (isinstance(level, str), level))


def coded(encoder: Encoder, column: Column) -> Column:
    """Return a column in the kind that an encoder takes."""
    return as_kind(column, encoder.kind)


def _numeric_part(times: NDArray[np.int64], part: str, start: int) -> NDArray[np.float64]:
    if part == "year":
        return part_of(times, "year").astype(np.float64)
    return times / SECOND - start / SECOND


def _indicator(name: str, indicator: bool) -> tuple[str, ...]:
    return (f"{name} is missing",) * indicator


def _columns(
    blocks: list[NDArray[np.float64]], missing: NDArray[np.bool_], indicator: bool
) -> NDArray[np.float64]:
    blocks = blocks + [missing.astype(np.float64)] * indicator
    return np.stack(blocks, axis=1) if blocks else np.empty((len(missing), 0))


def _is_time(start: object) -> bool:
    return type(start) is int and NO_TIME < start <= -(NO_TIME + 1)


def _name(values: Mapping[str, Any]) -> str:
    if not isinstance(values["name"], str):
        raise ValueError(f"the name of a column must be a text; got {values['name']!r:.60}")
    return values["name"]


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError(f"a fill must be a finite number; got {value!r:.60}")
    return float(value)


def _levels(levels: Any) -> tuple[Level, ...]:
    if not isinstance(levels, list) or not all(
        isinstance(level, str | int | float | bool) for level in levels
    ):
        raise ValueError(f"levels must be a list of texts and numbers; got {levels!r:.60}")
    return tuple(levels)
