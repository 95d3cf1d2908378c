"""A report with one line for each column of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .._internal.html_table import html_table
from .._internal.printable import printable
from .column_statistics import ColumnStatistics
from .columns import Level

MOSTLY = 0.5
DOMINANT = 0.99
FAR = 1000
"""Values further from the median than this many distances of the quartiles are extreme."""

PLACEHOLDERS = (-99999.0, -9999.0, -999.0, -99.0, 9999.0, 99999.0, 999999.0)
"""Numbers that often stand for a missing cell."""

DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
PAIR = re.compile(r"\d+:[-+.\deE]+")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?")

HEADINGS = ("column", "kind", "missing", "distinct", "features", "remarks")


@dataclass(frozen=True)
class ColumnSummary:
    """One line of a report.

    Attributes
    ----------
    name, kind : str
    n, n_missing, n_distinct : int
        The number of training rows, of missing cells, and of distinct values.
    n_features : int
        The number of features that the column becomes; 0 for a target.
    remarks : tuple of str
        Signs of possible problems.
    """

    name: str
    kind: str
    n: int
    n_missing: int
    n_distinct: int
    n_features: int
    remarks: tuple[str, ...] = ()

    @property
    def cells(self) -> list[str]:
        """The line as texts."""
        missing = f"{self.n_missing:,}" if self.n_missing else ""
        distinct = f"{self.n_distinct:,}" if self.n else ""  # not known of an imported model
        features = str(self.n_features) if self.n_features else ""
        return [
            printable(self.name),
            self.kind,
            missing,
            distinct,
            features,
            printable("; ".join(self.remarks)),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the line for JSON."""
        return asdict(self) | {"remarks": list(self.remarks)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ColumnSummary:
        """Return the line that `to_dict` has described."""
        counts = {key: int(values[key]) for key in ("n", "n_missing", "n_distinct", "n_features")}
        remarks = tuple(map(str, values["remarks"]))
        return cls(str(values["name"]), str(values["kind"]), remarks=remarks, **counts)


@dataclass(frozen=True)
class ColumnReport(Sequence[ColumnSummary]):
    """A sequence of `ColumnSummary`, shown as a table of text or, in Jupyter, of HTML."""

    lines: tuple[ColumnSummary, ...]

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self.lines)

    def __getitem__(self, k: Any) -> Any:
        """Return a line."""
        return self.lines[k]

    def __iter__(self) -> Iterator[ColumnSummary]:
        """Iterate over the lines."""
        return iter(self.lines)

    def __str__(self) -> str:
        table = [list(HEADINGS), *(line.cells for line in self)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        right = {2, 3, 4}
        rows = (
            "  ".join(
                cell.rjust(width) if k in right else cell.ljust(width)
                for k, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in table
        )
        return "\n".join(rows)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(HEADINGS, [line.cells for line in self])


def remarks_of(statistics: ColumnStatistics) -> tuple[str, ...]:
    """Return signs of possible problems in a column."""
    if statistics.kind is None:
        return ("no value: not used",)
    remarks = []
    if statistics.is_constant:
        remarks.append("constant")
    if statistics.n_missing > MOSTLY * statistics.n:
        remarks.append("mostly missing")
    if statistics.kind == "number" and not statistics.is_constant:
        remarks += _remarks_of_numbers(statistics)
    if statistics.kind == "category":
        remarks += _remarks_of_levels(statistics)
    return tuple(remarks)


def _remarks_of_numbers(statistics: ColumnStatistics) -> list[str]:
    counts, remarks = statistics.numbers, []
    values = counts.values
    is_whole = bool((values % 1 == 0).all())
    if counts.is_exact and is_whole and counts.n_distinct == counts.n >= 20:
        remarks.append("all values differ: an identifier?")
    next_to_ends = {counts.min: values[1], counts.max: values[-2]}
    for end, neighbor in next_to_ends.items():
        if end in PLACEHOLDERS and abs(end) > 3 * abs(neighbor):
            remarks.append(f"{end:g} may stand for missing")
    lower, median, upper = (counts.quantile(share) for share in (0.25, 0.5, 0.75))
    reach = max(counts.max - median, median - counts.min)
    if upper > lower and reach > FAR * (upper - lower):
        remarks.append(f"extreme values, from {counts.min:.3g} to {counts.max:.3g}")
    return remarks


def _remarks_of_levels(statistics: ColumnStatistics) -> list[str]:
    remarks = []
    once = sum(count == 1 for count in statistics.levels.values())
    if once and len(statistics.levels) > 2:
        remarks.append(f"{once} level{'s' * (once != 1)} in one row only")
    level, count = max(statistics.levels.items(), key=lambda item: item[1])
    if not statistics.is_constant and count > DOMINANT * statistics.n_known:
        remarks.append(f"{level!r:.40} in {count:,} of {statistics.n_known:,} rows")
    look = looks_like(statistics.levels)
    if look:
        remarks.append(f"looks like {look}")
    return remarks


def looks_like(levels: Mapping[Level, int] | Sequence[Level]) -> str:
    """Return the notation of texts that are not categories, otherwise "".

    >>> looks_like(["0,5", "1,25"]), looks_like(["2024-01-31"]), looks_like(["red", "1"])
    ('numbers with decimal commas', 'dates', '')
    """
    texts = [level for level in levels if isinstance(level, str)]
    if not texts or len(texts) < len(levels):
        return ""
    for pattern, what in (
        (DECIMAL_COMMA, "numbers with decimal commas"),
        (PAIR, "cells of a LIBSVM file"),
        (NUMBER, "numbers"),
        (DATE, "dates"),
    ):
        if all(pattern.fullmatch(text.strip()) for text in texts):
            return what
    return ""
