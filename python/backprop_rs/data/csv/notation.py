"""How the cells of a column are written: as numbers, dates, times or texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?inf(inity)?", re.ASCII | re.I)
ORDERS = ("ymd", "dmy", "mdy")
FLAGS = {
    "names": "names of months",
    "short": "years of two digits (1969 to 2068)",
    "half day": "AM and PM",
    "zone": "time zones",
}
"""What dates may have, in the core and in notes."""

STYLES = {
    "parentheses": "negative numbers in parentheses",
    "trailing minus": "the minus after the digits",
    "minus sign": "the minus sign U+2212",
    "exponent D": "exponents that begin with D",
}
"""How negative numbers and exponents may be written, in the core and in notes."""


@dataclass(frozen=True)
class Notation:
    """The kind of the cells of a column in the core, and its options there."""

    kind: str
    """ "skip", "number", "time", "date" or "text"."""
    options: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """The name of a cell of this kind, in messages."""
        names = {"number": "a number", "time": "a time of day", "date": "a date"}
        if self == DURATIONS:
            return "a duration"
        return names.get(self.kind, "a text")

    def describe(self) -> str:
        """Return the kind and all that is not plain about it.

        >>> number(",", ".", suffix="€").describe()
        "numbers with decimal ',', thousands '.' and '€'"
        >>> dates("dmy", "names", "short").describe()
        'dates in the order dmy, with names of months, years of two digits (1969 to 2068)'
        """
        if self.kind == "date":
            order, *flags = self.options
            if "compact" in flags:
                return "dates of eight digits"
            more = ", ".join(FLAGS[flag] for flag in flags)
            return f"dates in the order {order}" + (f", with {more}" if more else "")
        if self.kind == "time":
            return "durations, in seconds" if self == DURATIONS else "times of day, in seconds"
        if self.kind == "number":
            decimal, thousands, prefix, suffix, style = self.options
            signs = [f"decimal {decimal!r}"] * (decimal != ".")
            signs += [f"thousands {thousands!r}"] * bool(thousands)
            signs += [repr(sign) for sign in (prefix, suffix) if sign]
            signs += [STYLES[style]] if style else []
            listed = " and ".join([", ".join(signs[:-1]), signs[-1]] if signs[1:] else signs)
            return f"numbers with {listed}" if signs else "numbers"
        return "texts"


TEXT = Notation("text")
SKIPPED = Notation("skip")
TIMES = Notation("time")
HALF_DAYS = Notation("time", ("half day",))
DURATIONS = Notation("time", ("duration",))


def number(
    decimal: str = ".", thousands: str = "", prefix: str = "", suffix: str = "", style: str = ""
) -> Notation:
    """Return the notation of a column of numbers."""
    return Notation("number", (decimal, thousands, prefix, suffix, style))


def dates(order: str, *flags: str) -> Notation:
    """Return the notation of a column of dates."""
    return Notation("date", (order, *flags))


def is_number(cell: str) -> bool:
    """Return True if a cell is a number with a decimal point and nothing else.

    >>> [is_number(cell) for cell in ("-1.5e3", ".5", "inf", "1_0", "1,5", "nan")]
    [True, True, True, False, False, False]
    """
    return PLAIN.fullmatch(cell) is not None


def fits(notation: Notation, cells: Sequence[str]) -> list[bool]:
    """Return for each cell if it is in a notation, as the core reads it."""
    from ..._core import csv_fits

    return csv_fits(notation.kind, notation.options, cells)


@dataclass(frozen=True)
class Cells:
    """Distinct cells of a column that are not missing, and how often each occurs."""

    counts: Mapping[str, int]

    @classmethod
    def of(cls, cells: Iterable[str]) -> Cells:
        """Count cells."""
        counts: dict[str, int] = {}
        for cell in cells:
            counts[cell] = counts.get(cell, 0) + 1
        return cls(counts)

    @property
    def total(self) -> int:
        """The number of cells."""
        return sum(self.counts.values())

    def fitting(self, notation: Notation) -> int:
        """Return how many cells are in a notation."""
        fitting = fits(notation, list(self.counts))
        return sum(count for count, fit in zip(self.counts.values(), fitting, strict=True) if fit)
