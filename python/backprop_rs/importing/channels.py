"""The columns between two steps of a pipeline, each as a formula of one raw cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..data.encoders import Encoder, NumberEncoder
from ..data.level_codes import CodedEncoder
from ..data.scalers import StandardScaler


@dataclass(frozen=True)
class Channel:
    """A column of numbers that comes from one raw column.

    Parameters
    ----------
    column : int
        The number of the raw column.
    """

    column: int

    def scaled(self, center: float, width: float) -> Channel:
        """Return (x - center) / width."""
        raise NotImplementedError

    def filled(self, value: Any) -> Channel:
        """Return the same with a value for a missing cell."""
        raise NotImplementedError


@dataclass(frozen=True)
class Cell(Channel):
    """A raw cell, a number or a category, with the value of a missing one."""

    fill: Any = None

    def scaled(self, center: float, width: float) -> Channel:
        """Return (x - center) / width."""
        fill = None if self.fill is None else float(self.fill)
        return Scaled(self.column, float(center), float(width), fill)

    def filled(self, value: Any) -> Channel:
        """Return the same with a value for a missing cell."""
        return self if self.fill is not None else replace(self, fill=value)


@dataclass(frozen=True)
class Scaled(Channel):
    """(x - center) / width of a number x, with the x of a missing cell."""

    center: float = 0.0
    width: float = 1.0
    fill: float | None = None

    def scaled(self, center: float, width: float) -> Channel:
        """Return (x - center) / width."""
        center = self.center + float(center) * self.width
        return replace(self, center=center, width=self.width * float(width))

    def filled(self, value: Any) -> Channel:
        """Return the same with a value for a missing cell."""
        if self.fill is not None:
            return self
        return replace(self, fill=self.center + float(value) * self.width)


@dataclass(frozen=True)
class Missing(Channel):
    """factor i + term, where i is 1 for a missing cell and 0 otherwise."""

    factor: float = 1.0
    term: float = 0.0

    def scaled(self, center: float, width: float) -> Channel:
        """Return (x - center) / width."""
        width = float(width)
        return replace(self, factor=self.factor / width, term=(self.term - float(center)) / width)

    def filled(self, value: Any) -> Channel:
        """Return the same: it is never missing."""
        return self


@dataclass(frozen=True)
class Coded(Channel):
    """A number for each level of a category; NaN is missing.

    Parameters
    ----------
    levels : tuple of (level, number)
    missing, unknown : float
    name : str
        What it is, such as "=red".
    """

    levels: tuple[tuple[Any, float], ...] = ()
    missing: float = np.nan
    unknown: float = np.nan
    name: str = ""

    def scaled(self, center: float, width: float) -> Channel:
        """Return (x - center) / width."""
        return self._changed(lambda value: (value - float(center)) / float(width))

    def filled(self, value: Any) -> Channel:
        """Return the same with a value for a missing cell."""
        return self._changed(lambda code: float(value) if code != code else code)

    def _changed(self, change: Any) -> Coded:
        levels = tuple((level, change(number)) for level, number in self.levels)
        return replace(
            self, levels=levels, missing=change(self.missing), unknown=change(self.unknown)
        )


@dataclass(frozen=True)
class Prepared:
    """Encoders, and where the input of each channel is among their features.

    The value of a channel is factor f + term for its feature f.
    """

    encoders: tuple[Encoder, ...]
    places: tuple[int, ...]
    factors: tuple[float, ...]
    terms: tuple[float, ...]


def prepared(channels: Sequence[Channel], names: Sequence[str]) -> Prepared:
    """Return encoders that compute the channels.

    Raises
    ------
    ValueError
        If a column reaches the network in two forms.
    """
    by_column: dict[int, list[int]] = {}
    for k, channel in enumerate(channels):
        by_column.setdefault(channel.column, []).append(k)
    encoders: list[Encoder] = []
    places, factors, terms = (np.zeros(len(channels)) for _ in range(3))
    start = 0
    for column in sorted(by_column):
        own = [channels[k] for k in by_column[column]]
        if all(isinstance(channel, Coded) for channel in own):
            encoder: Encoder = category(names[column], own)  # type: ignore[arg-type]
            positions = list(range(len(own)))
        else:
            encoder, positions = number(names[column], own)
        for k, position in zip(by_column[column], positions, strict=True):
            channel = channels[k]
            places[k], factors[k] = start + position, 1.0
            if isinstance(channel, Missing):
                factors[k], terms[k] = channel.factor, channel.term
        encoders.append(encoder)
        start += len(encoder.features)
    order = tuple(int(place) for place in places)
    return Prepared(tuple(encoders), order, tuple(factors.tolist()), tuple(terms.tolist()))


def number(name: str, channels: Sequence[Channel]) -> tuple[Encoder, list[int]]:
    """Return the encoder of a number, and the position of each channel among its features."""
    values = [
        channel.scaled(0.0, 1.0) if isinstance(channel, Cell) else channel for channel in channels
    ]
    scaled = [channel for channel in values if isinstance(channel, Scaled)]
    missing = [channel for channel in values if isinstance(channel, Missing)]
    if len(scaled) > 1 or len(missing) > 1 or len(scaled) + len(missing) < len(values):
        raise ValueError(
            f"each column must reach the network once; {name!r} goes through several transformers"
        )
    scaler, fill = None, 0.0
    if scaled:
        (only,) = scaled
        scaler = StandardScaler(only.center, only.width)
        fill = only.center if only.fill is None else only.fill
    positions = [0 if isinstance(channel, Scaled) else len(scaled) for channel in values]
    return NumberEncoder(name, fill, scaler, bool(missing)), positions


def category(name: str, channels: Sequence[Coded]) -> Encoder:
    """Return the encoder of a category."""
    levels = [level for level, _ in channels[0].levels]
    for channel in channels:
        if [level for level, _ in channel.levels] != levels:
            raise ValueError(
                f"each column must reach the network once; {name!r} goes through several encoders"
            )
    codes = [[value for _, value in channel.levels] for channel in channels]
    # Rows that scikit-learn refuses get the middle of the codes.
    rows = [*zip(*codes, strict=True)] if levels else []
    missing = [known(channel.missing, row) for channel, row in zip(channels, codes, strict=True)]
    unknown = [known(channel.unknown, row) for channel, row in zip(channels, codes, strict=True)]
    table = tuple(tuple(map(float, row)) for row in [*rows, missing, unknown])
    names = tuple(f"{name}{channel.name}" for channel in channels)
    return CodedEncoder(name, tuple(levels), False, "category", table, names)


def known(code: float, codes: Sequence[float]) -> float:
    """Return a code, or the mean of the others if it is missing."""
    return code if code == code else float(np.mean(codes)) if codes else 0.0


def python_level(level: Any) -> Any:
    """Return a level of a category as a Python object; None is missing."""
    level = level.item() if isinstance(level, np.generic) else level
    return None if level is None or level != level else level


def codes_of(
    column: int,
    fill: Any,
    levels: Mapping[Any, float],
    missing: float,
    unknown: float,
    name: str = "",
) -> Coded:
    """Return a channel of codes; a missing cell becomes `fill` first, if that is given."""
    if fill is not None:
        missing = levels.get(fill, unknown)
    return Coded(column, tuple(levels.items()), missing, unknown, name)
