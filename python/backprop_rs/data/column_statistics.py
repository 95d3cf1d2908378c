"""Statistics of one column from any number of parts, and columns of another kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .as_table import category, to_nanoseconds
from .columns import NO_TIME, Column, Kind, Level, Place, Table, row_and_column
from .value_counts import ValueCounts

MAX_LEVELS = 2**16
"""The number of distinct texts that are counted."""

DAY, HOUR = 86_400 * 10**9, 3_600 * 10**9  # in nanoseconds

PERIODS = {"month": 12, "day": 31, "weekday": 7, "hour": 24}
"""The parts of a date that repeat, and how many values they have."""

DATE_PARTS = ("year", *PERIODS, "seconds")

WORDS = {
    "number": "numbers",
    "boolean": "booleans",
    "category": "categories",
    "datetime": "dates",
    "text": "texts",
}
"""The kinds of a column in error messages."""


class ColumnStatistics:
    """Counts of the cells of a column, from any number of parts.

    The result depends on the cells alone, not on their order or on the parts.

    Attributes
    ----------
    name : str
    kind : str or None
        None if all cells are missing.
    n, n_missing : int
        The number of cells, and of missing ones.
    numbers : ValueCounts
        Of a column of numbers or booleans.
    times : ValueCounts
        Of a column of dates, in nanoseconds.
    levels : dict
        How often each level of a category occurs.
    parts : dict
        The values of year, month, day, weekday and hour that occur.
    dtype : str
        The NumPy type of the numbers.

    Examples
    --------
    >>> statistics = ColumnStatistics("a")
    >>> for part in ([1.0, 2.0], [float("nan"), 2.0]):
    ...     statistics.add(Column("a", "number", part))
    >>> statistics.n, statistics.n_missing, statistics.numbers.n_distinct
    (4, 1, 2)
    """

    def __init__(self, name: str, kind: Kind | None = None) -> None:
        self.name, self.chosen = name, kind
        self.kind: Kind | None = kind
        self.n = self.n_missing = 0
        self.numbers = ValueCounts()
        self.times = ValueCounts(is_integer=True)
        self.levels: dict[Level, int] = {}
        self.parts: dict[str, set[int]] = {part: set() for part in ("year", *PERIODS)}
        self.dtype = ""

    def add(self, column: Column, place: Place | None = None) -> None:
        """Add the cells of a part of the column."""
        missing = column.missing
        self.n += len(column)
        self.n_missing += int(missing.sum())
        if missing.all():
            return
        column = self._of_one_kind(column)
        values = column.values[~missing]
        if self.kind in ("number", "boolean"):
            check_finite(column, place)
            self.numbers.add(values.astype(np.float64))
            self.dtype = common_dtype(self.dtype, column.dtype)
        elif self.kind == "datetime":
            self.times.add(values)
            for part, known in self.parts.items():
                known.update(np.unique(part_of(values, part)).tolist())
        else:
            self._count_levels(values, column.levels)

    def _of_one_kind(self, column: Column) -> Column:
        if column.kind == "text":
            column = category(column.name, column.values.tolist())
        if self.chosen is not None:
            return as_kind(column, self.chosen)
        if self.kind is None or self.kind == column.kind:
            self.kind = column.kind
        elif {self.kind, column.kind} == {"number", "boolean"}:
            self.kind, column = "number", as_kind(column, "number")
        else:
            raise TypeError(
                f"column {self.name!r} must hold values of one kind; got {WORDS[self.kind]} and "
                f"then {WORDS[column.kind]}"
            )
        return column

    def _count_levels(self, codes: NDArray[np.int32], levels: Sequence[Level]) -> None:
        counts = np.bincount(codes, minlength=len(levels)).tolist()
        for level, count in zip(levels, counts, strict=True):
            if count and (level in self.levels or len(self.levels) <= MAX_LEVELS):
                self.levels[level] = self.levels.get(level, 0) + count

    @property
    def n_known(self) -> int:
        """The number of cells that are not missing."""
        return self.n - self.n_missing

    @property
    def n_distinct(self) -> int:
        """The number of distinct values; at most 65,537 are counted."""
        counts = {"datetime": self.times.n_distinct, "category": len(self.levels)}
        return counts.get(self.kind or "", self.numbers.n_distinct)

    @property
    def is_constant(self) -> bool:
        """True if all cells that are not missing are equal."""
        if self.kind == "category":
            return len(self.levels) <= 1
        counts = self.times if self.kind == "datetime" else self.numbers
        return counts.n == 0 or counts.min == counts.max


def check_finite(column: Column, place: Place | None = None) -> None:
    """Raise ValueError that names the first infinite cell of a column of numbers."""
    infinite = np.isinf(column.values)
    if column.kind == "number" and infinite.any():
        row = int(infinite.argmax())
        cell = (place or row_and_column)(row, column.name)
        raise ValueError(f"{cell}: a number must be finite; got {column.values[row]}")


def common_dtype(first: str, second: str) -> str:
    """Return the NumPy type of numbers of two types; "" is no type yet."""
    return np.result_type(first, second).name if first else second


def part_of(times: NDArray[np.int64], part: str) -> NDArray[np.int64]:
    """Return a part of dates in nanoseconds; month, day and weekday count from 0 (Monday).

    >>> times = np.array([np.datetime64("2024-02-29T13:45", "ns")]).view(np.int64)
    >>> {part: part_of(times, part).item() for part in ("year", *PERIODS)}
    {'year': 2024, 'month': 1, 'day': 28, 'weekday': 3, 'hour': 13}
    """
    if part == "hour":
        return times // HOUR % 24
    days = times // DAY
    if part == "weekday":
        return (days + 3) % 7  # 1970-01-01 was a Thursday
    months = days.view("datetime64[D]").astype("datetime64[M]")
    if part == "day":
        return days - months.astype("datetime64[D]").view(np.int64)
    count = months.view(np.int64)
    return count % 12 if part == "month" else count // 12 + 1970


def with_kinds(table: Table, kinds: Mapping[str, Kind]) -> Table:
    """Return a table whose named columns have the given kinds."""
    columns = [as_kind(column, kinds.get(column.name, column.kind)) for column in table]
    return Table(columns, table.name, table.place, table.notes)


def as_kind(column: Column, kind: Kind) -> Column:
    """Return a column as one of another kind, if its cells are such values too.

    0 and 1 are booleans, numbers are categories, and numbers and dates in ISO 8601 may be texts. A
    column without any cell is of any kind.

    Raises
    ------
    TypeError
        If the cells are no such values.

    Examples
    --------
    >>> as_kind(Column("zip", "number", [10115, 20095]), "category").levels
    (10115, 20095)
    """
    if column.kind == kind:
        return column
    missing = column.missing
    if missing.all():
        fill: dict[str, Any] = {"number": np.nan, "datetime": NO_TIME, "text": None}
        return Column(column.name, kind, np.full(len(column), fill.get(kind, -1)))
    if column.kind == "text":
        return as_kind(category(column.name, column.values.tolist()), kind)
    converted = None
    if kind in ("number", "boolean"):
        converted = _as_numbers(column, kind, missing)
    elif kind == "category":
        converted = _as_category(column)
    elif kind == "datetime":
        converted = _as_dates(column)
    if converted is None:
        raise TypeError(
            f"column {column.name!r} must hold {WORDS[kind]}, as in the training; got "
            f"{WORDS[column.kind]}{_example(column)}"
        )
    return converted


def _as_numbers(column: Column, kind: Kind, missing: NDArray[np.bool_]) -> Column | None:
    if column.kind == "category":
        try:
            known = np.array([float(level) for level in column.levels])
        except ValueError:
            return None
        if not np.isfinite(known).all():  # the texts "nan" and "inf"
            return None
        values = np.append(known, np.nan)[column.values]
    elif column.kind == "datetime":
        return None
    else:
        values = np.where(missing, np.nan, column.values.astype(np.float64))
    if kind == "number":
        return Column(column.name, "number", values)
    if not np.isin(values[~missing], (0, 1)).all():
        return None
    return Column(column.name, "boolean", np.where(missing, -1, values))


def _as_category(column: Column) -> Column | None:
    if column.kind == "datetime":
        return None
    cells = column.to_list()
    if column.kind == "number":
        cells = [int(cell) if cell is not None and cell == int(cell) else cell for cell in cells]
    return category(column.name, cells)


def _as_dates(column: Column) -> Column | None:
    if column.kind != "category" or not all(isinstance(level, str) for level in column.levels):
        return None
    try:
        dates = np.array(column.levels, "datetime64[us]")
    except ValueError:
        return None
    times = to_nanoseconds(column.name, dates.view(np.int64), 1000, np.isnat(dates))
    return Column(column.name, "datetime", np.append(times, NO_TIME)[column.values])


def _example(column: Column) -> str:
    known = np.flatnonzero(~column.missing)
    return f" such as {column.take(known[:1]).to_list()[0]!r:.60}"
