"""Decide how the cells of a column are written: as numbers, dates, times or texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from .options import CsvOptions

CURRENCIES = "$€£¥₹₽₩₪₺฿"
AFFIXES = CURRENCIES + "%‰"
GROUP_SIGNS = (",", ".", " ", "\u00a0", "\u202f", "'", "\u2019")
BLANKS = " \u00a0\u202f"

PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?inf(inity)?", re.ASCII | re.I)
TIME = re.compile(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?", re.ASCII)
DATE = re.compile(
    r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})"
    r"((?:T| +)([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?)?( *(Z|[-+]\d\d(:?[0-5]\d)?))?",
    re.ASCII,
)
ORDERS = ("ymd", "dmy", "mdy")


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
        return names.get(self.kind, "a text")

    def describe(self) -> str:
        """Return the kind and all that is not plain about it.

        >>> number(",", ".", suffix="€").describe()
        "numbers with decimal ',', thousands '.' and '€'"
        """
        if self.kind == "date":
            zone = ", with time zones" if self.options[1] else ""
            return f"dates in the order {self.options[0]}{zone}"
        if self.kind == "time":
            return "times of day, in seconds"
        if self.kind == "number":
            decimal, thousands, *affixes = self.options
            signs = [f"decimal {decimal!r}"] * (decimal != ".")
            signs += [f"thousands {thousands!r}"] * bool(thousands)
            signs += [repr(sign) for sign in affixes if sign]
            listed = " and ".join([", ".join(signs[:-1]), signs[-1]] if signs[1:] else signs)
            return f"numbers with {listed}" if signs else "numbers"
        return "texts"


TEXT = Notation("text")
SKIPPED = Notation("skip")
TIMES = Notation("time")


def number(decimal: str = ".", thousands: str = "", prefix: str = "", suffix: str = "") -> Notation:
    """Return the notation of a column of numbers."""
    return Notation("number", (decimal, thousands, prefix, suffix))


def dates(order: str, has_zone: bool) -> Notation:
    """Return the notation of a column of dates."""
    return Notation("date", (order, "zone" if has_zone else ""))


def is_number(cell: str) -> bool:
    """Return True if a cell is a number with a decimal point and nothing else.

    >>> [is_number(cell) for cell in ("-1.5e3", ".5", "inf", "1_0", "1,5", "nan")]
    [True, True, True, False, False, False]
    """
    return PLAIN.fullmatch(cell) is not None


def reader_of(notation: Notation) -> Callable[[str], bool]:
    """Return the function that tells if a cell is in a notation, as the core reads it."""
    if notation.kind == "number":
        return _number_reader(*notation.options)
    if notation.kind == "date":
        return lambda cell: _is_date(cell, notation.options[0], bool(notation.options[1]))
    if notation.kind == "time":
        return lambda cell: TIME.fullmatch(cell) is not None
    return lambda cell: True


def _number_reader(decimal: str, thousands: str, prefix: str, suffix: str) -> Callable[[str], bool]:
    if (decimal, thousands, prefix, suffix) == (".", "", "", ""):
        return is_number
    point, group = re.escape(decimal), re.escape(thousands)
    before, after = re.escape(prefix), re.escape(suffix)
    digits = rf"(?:[0-9]+|[0-9]{{1,3}}(?:{group}[0-9]{{3}})+)" if thousands else "[0-9]+"
    signs = rf"(?:[-+]?{before}\s*|{before}\s*[-+])" if prefix else "[-+]?"
    signs += r"\s*" if suffix and not prefix else ""
    plain = rf"(?:{digits}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][-+]?[0-9]+)?"
    pattern = signs + plain + (rf"\s*{after}" if suffix else "")
    if not thousands + prefix + suffix:
        pattern += "|[-+]?(?i:inf(?:inity)?)"
    compiled = re.compile(pattern)
    return lambda cell: compiled.fullmatch(cell) is not None


def _is_date(cell: str, order: str, has_zone: bool) -> bool:
    parts = DATE.fullmatch(cell)
    if parts is None or bool(parts[9]) != has_zone or (has_zone and not parts[5]):
        return False
    first, second, third = parts[1], parts[3], parts[4]
    by_order = {"ymd": (first, second, third), "dmy": (third, second, first),
                "mdy": (third, first, second)}  # fmt: skip
    year, month, day = by_order[order]
    if len(year) != 4 or len(month) > 2 or len(day) > 2 or not 1678 <= int(year) <= 2261:
        return False
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


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
        reads = reader_of(notation)
        return sum(count for cell, count in self.counts.items() if reads(cell))


@dataclass(frozen=True)
class Candidates:
    """The notations that fit most cells of a column equally well, the simplest first."""

    notations: tuple[Notation, ...]
    fitting: int
    total: int

    def is_decided(self, strict: bool) -> bool:
        """Return True if more than half of the cells fit; all of them if `strict`."""
        return bool(self.notations) and (
            self.fitting == self.total if strict else 2 * self.fitting > self.total
        )


def candidates(cells: Cells, options: CsvOptions, kind: str | None = None) -> Candidates:
    """Return the notations of numbers, dates and times that fit most of the cells.

    `kind` limits them to "number" or "datetime".
    """
    best: list[Notation] = []
    most = 0
    for notation in _possible(cells, options, kind):
        fitting = cells.fitting(notation)
        if fitting > most:
            best, most = [notation], fitting
        elif fitting == most and fitting:
            best.append(notation)
    return Candidates(tuple(best), most, cells.total)


def _possible(cells: Cells, options: CsvOptions, kind: str | None) -> list[Notation]:
    """Return the notations that are worth a try, the simplest first."""
    signs = (".", ",") if options.decimal == "auto" else (options.decimal,)
    decimals = [sign for sign in signs if sign != options.thousands]
    some = list(cells.counts)
    if kind != "datetime" and "." in decimals and all(map(is_number, some)):
        return [number(), *_with_decimal_comma(some, decimals, options)]
    characters = set().union(*some) if some else set()
    possible: list[Notation] = []
    if kind != "datetime":
        prefix = _common(some, lambda cell: cell.lstrip("+-")[:1])
        suffix = "" if prefix else _common(some, lambda cell: cell[-1:])
        for thousands in ("", *_group_signs(options)):
            if thousands and thousands not in characters:
                continue
            possible += [
                number(decimal, thousands, prefix, suffix)
                for decimal in decimals
                if decimal != thousands
            ]
        if ":" in characters:
            possible.append(TIMES)
    if kind != "number" and characters & set("-/."):
        orders = ORDERS if options.dates == "auto" else (options.dates,)
        possible += [dates(order, has_zone) for has_zone in (False, True) for order in orders]
    return possible


def _with_decimal_comma(
    cells: Sequence[str], decimals: Sequence[str], options: CsvOptions
) -> list[Notation]:
    """Return how plain numbers are read if the decimal sign of the file is a comma."""
    if "," not in decimals:
        return []
    if not any("." in cell for cell in cells):
        return [number(",")]
    grouped = re.compile(r"[-+]?\d{1,3}(\.\d{3})*")
    may_group = options.thousands in ("auto", ".") and all(map(grouped.fullmatch, cells))
    return [number(",", ".")] if may_group else []


def _group_signs(options: CsvOptions) -> tuple[str, ...]:
    if options.thousands == "auto":
        return GROUP_SIGNS
    if options.thousands == " ":
        return tuple(BLANKS)
    if options.thousands == "'":
        return ("'", "\u2019")
    return (options.thousands,) if options.thousands else ()


def _common(cells: Sequence[str], sign: Callable[[str], str]) -> str:
    """Return the currency or percent sign that most cells have."""
    counts: dict[str, int] = {}
    for cell in cells:
        affix = sign(cell)
        if affix and affix in AFFIXES:
            counts[affix] = counts.get(affix, 0) + 1
    most = max(counts, key=counts.__getitem__, default="")
    return most if most and 2 * counts[most] > len(cells) else ""


MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"

DISGUISES = {
    re.compile(r"\d+:[-+.\deE]+"): "the cells of a LIBSVM file, which is not CSV",
    re.compile(r"\d{1,2}([-/.])\d{1,2}\1\d{2}( .*)?"): "dates with years of two digits",
    re.compile(
        r"(\d{1,2}[-/. ]+)?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-/., ]+\d.*",
        re.I,
    ): "dates with names of months",
    re.compile(r"[-+]?\d+,\d+"): "numbers with commas",
    re.compile(r"\([\d.,]+\)"): "negative numbers in parentheses",
}
"""Texts that are numbers or dates in a notation that is not read."""


def disguise_of(texts: Iterable[str]) -> str | None:
    """Return a description of all texts if they look like numbers or dates.

    >>> disguise_of(["1.2.99", "24.12.99"])
    'dates with years of two digits'
    """
    known = list(texts)
    for pattern, what in DISGUISES.items():
        if known and all(map(pattern.fullmatch, known)):
            return what
    return None
