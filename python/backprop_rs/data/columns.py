"""`Column` and `Table`: named columns of numbers, categories and dates, with missing cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._internal.checks import choice
from .._internal.html_table import html_table
from .._internal.printable import printable

Kind = Literal["number", "boolean", "category", "datetime", "text"]

Level = str | int | float | bool
"""A value of a category, in its own type."""

KINDS: dict[str, str] = {
    "number": "float64",
    "boolean": "int8",
    "category": "int32",
    "datetime": "int64",
    "text": "object",
}
"""The kinds of a column and the type of their values."""

NO_TIME = np.iinfo(np.int64).min
"""The value of a missing date: NaT of NumPy."""

MAX_SHOWN_ROWS, MAX_SHOWN_COLUMNS, MAX_SHOWN_TEXT = 8, 16, 60
"""What Jupyter shows of a table."""

Place = Callable[[int, str], str]
"""Describes the position of a cell, from its row (counted from 0) and the name of its column."""


def row_and_column(row: int, name: str) -> str:
    """Return the position of a cell of a table that is not a file."""
    return f"row {row} (counted from 0), column {name!r}"


def place_in(file: str) -> Place:
    """Return the function that describes the position of a cell of a file without lines."""
    return lambda row, name: f"{file}, {row_and_column(row, name)}"


@dataclass(frozen=True, eq=False, repr=False)
class Column:
    """A named column of one kind, with missing cells.

    Parameters
    ----------
    name : str
    kind : {"number", "boolean", "category", "datetime", "text"}
    values : array-like, shape (m,)
        The cells:

        - number: float64; NaN is missing.
        - boolean: int8, 0 or 1; -1 is missing.
        - category: int32, positions in `levels`; -1 is missing.
        - datetime: int64, nanoseconds since 1970-01-01 UTC; the smallest int64 (NaT) is missing.
        - text: objects of type str; None is missing.
    levels : sequence of str, int, float or bool, optional
        The distinct values of a category, each in its own type.
    dtype : str, optional
        The NumPy type of a number before it became float64, such as "int64": predictions of the
        column get this type again. By default "float64".

    Raises
    ------
    ValueError, TypeError
        If a kind, shape, type or value does not fit.

    Examples
    --------
    >>> color = Column("color", "category", [0, -1, 1], ["red", "blue"])
    >>> color
    Column('color', category, 3 rows, 1 missing, 2 levels)
    >>> color.to_list()
    ['red', None, 'blue']
    >>> Column("height", "number", [1.5, float("nan")]).missing
    array([False,  True])
    """

    name: str
    kind: Kind
    values: NDArray[Any]
    levels: tuple[Level, ...] = ()
    dtype: str = "float64"

    def __init__(
        self,
        name: str,
        kind: Kind,
        values: ArrayLike,
        levels: Sequence[Level] = (),
        dtype: str = "float64",
    ) -> None:
        choice("kind", kind, list(KINDS))
        array = np.ascontiguousarray(values, dtype=KINDS[kind])
        if array.ndim != 1:
            raise ValueError(f"values must have shape (m,); got shape {array.shape}")
        if levels and kind != "category":
            raise ValueError(f"levels go with kind 'category'; got kind {kind!r}")
        if kind == "category" and len(array) and not _are_codes(array, len(levels)):
            raise ValueError(
                f"values of a category must lie in -1..{len(levels) - 1}, "
                f"its {len(levels)} levels; got {array.min()}..{array.max()}"
            )
        fields = {"name": name, "kind": kind, "values": array, "levels": tuple(levels)}
        for key, value in {**fields, "dtype": dtype}.items():
            object.__setattr__(self, key, value)

    def __len__(self) -> int:
        """Return the number of rows, m."""
        return len(self.values)

    @property
    def missing(self) -> NDArray[np.bool_]:
        """True for missing cells, shape (m,)."""
        missing: NDArray[np.bool_]
        if self.kind == "number":
            missing = np.isnan(self.values)
        elif self.kind == "datetime":
            missing = self.values == NO_TIME
        elif self.kind == "text":
            missing = np.array([cell is None for cell in self.values], np.bool_)
        else:
            missing = self.values < 0
        return missing

    def take(self, rows: ArrayLike | slice) -> Column:
        """Return the column of the given rows: indices, a mask or a slice."""
        index = rows if isinstance(rows, slice) else np.asarray(rows)
        return self._with(self.values[index])

    def renamed(self, name: str) -> Column:
        """Return the same column with another name."""
        return replace(self, name=name)

    def without(self, cells: NDArray[np.bool_]) -> Column:
        """Return the column with missing cells where `cells` (m,) is True."""
        missing: dict[str, Any] = {"number": np.nan, "datetime": NO_TIME, "text": None}
        return self._with(np.where(cells, missing.get(self.kind, -1), self.values))

    def to_list(self) -> list[Any]:
        """Return the cells as Python objects; None is missing, and a date is a `datetime64`.

        Examples
        --------
        >>> Column("n", "number", [2, float("nan")], dtype="int64").to_list()
        [2, None]
        """
        cells: list[Any]
        if self.kind == "category":
            cells = [self.levels[code] if code >= 0 else None for code in self.values.tolist()]
        elif self.kind == "boolean":
            cells = [bool(code) if code >= 0 else None for code in self.values.tolist()]
        elif self.kind == "datetime":
            dates = self.values.view("datetime64[ns]")
            cells = [None if date == NO_TIME else dates[i] for i, date in enumerate(self.values)]
        elif self.kind == "number":
            whole = np.dtype(self.dtype).kind in "iu"
            cells = [
                None if value != value else int(value) if whole else value
                for value in self.values.tolist()
            ]
        else:
            cells = self.values.tolist()
        return cells

    def __repr__(self) -> str:
        counts = [f"{len(self):,} row{'s' * (len(self) != 1)}"]
        if n_missing := int(self.missing.sum()):
            counts.append(f"{n_missing:,} missing")
        if self.kind == "category":
            counts.append(f"{len(self.levels):,} level{'s' * (len(self.levels) != 1)}")
        return f"Column({self.name!r}, {self.kind}, {', '.join(counts)})"

    def _with(self, values: NDArray[Any]) -> Column:
        return replace(self, values=values)


def _are_codes(values: NDArray[np.int32], n_levels: int) -> bool:
    return bool(values.min() >= -1 and values.max() < n_levels)


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Columns of the same length, in order, by their names.

    Parameters
    ----------
    columns : iterable of Column
        At least one; no name occurs twice.
    name : str, optional
        Name of the table, such as that of its file.
    place : function, optional
        Returns the position of a cell for error messages, from its row (counted from 0) and the
        name of its column.
    notes : sequence of str, optional
        The decisions about the cells that a reader of a file inferred and that are not evident.

    Raises
    ------
    ValueError
        If there is no column, two have the same name, or they differ in length.

    Examples
    --------
    >>> table = Table([Column("a", "number", [1, 2]), Column("on", "boolean", [1, 0])])
    >>> table
    Table(2 rows, 2 columns: a, on)
    >>> table["on"].to_list()
    [True, False]
    >>> table.select(["on"]).take([0]).to_dict()
    {'on': [True]}
    """

    columns: tuple[Column, ...]
    name: str = ""
    place: Place = field(default=row_and_column)
    notes: tuple[str, ...] = ()

    def __init__(
        self,
        columns: Iterable[Column],
        name: str = "",
        place: Place = row_and_column,
        notes: Iterable[str] = (),
    ) -> None:
        object.__setattr__(self, "columns", tuple(columns))
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "place", place)
        object.__setattr__(self, "notes", tuple(notes))
        if not self.columns:
            raise ValueError("a table must have at least one column; got none")
        for column in self.columns:
            if len(column) != len(self):
                raise ValueError(
                    f"columns must have the same length; {self.columns[0].name!r} has "
                    f"{len(self)} rows and {column.name!r} has {len(column)}"
                )
        check_unique(self.names)
        positions = {column.name: k for k, column in enumerate(self.columns)}
        object.__setattr__(self, "_positions", positions)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def __len__(self) -> int:
        """Return the number of rows, m."""
        return len(self.columns[0])

    def __iter__(self) -> Iterator[Column]:
        """Iterate over the columns."""
        return iter(self.columns)

    def __contains__(self, name: object) -> bool:
        """Return True if there is a column of that name."""
        return name in self._positions  # type: ignore[attr-defined]

    def __getitem__(self, name: str) -> Column:
        """Return the column of that name, or raise KeyError that lists the names."""
        if name not in self:
            raise KeyError(f"there is no column {name!r}; the columns are {shown(self.names)}")
        return self.columns[self._positions[name]]  # type: ignore[attr-defined]

    def select(self, names: Iterable[str]) -> Table:
        """Return the table of the named columns, in that order."""
        return Table([self[name] for name in names], self.name, self.place, self.notes)

    def drop(self, names: Iterable[str]) -> Table:
        """Return the table without the named columns."""
        dropped = {self[name].name for name in names}
        kept = [column for column in self if column.name not in dropped]
        return Table(kept, self.name, self.place, self.notes)

    def take(self, rows: ArrayLike | slice) -> Table:
        """Return the table of the given rows: indices, a mask or a slice, in that order."""
        index = np.arange(len(self))[rows if isinstance(rows, slice) else np.asarray(rows)]
        before = self.place

        def place(row: int, name: str) -> str:
            return before(int(index[row]), name)

        return Table([column.take(index) for column in self], self.name, place, self.notes)

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the cells of each column as Python objects, by name; None is missing."""
        return {column.name: column.to_list() for column in self}

    def __repr__(self) -> str:
        name = f"{self.name!r}: " if self.name else ""
        counts = [(len(self), "row"), (len(self.columns), "column")]
        sizes = [f"{n:,} {noun}{'s' * (n != 1)}" for n, noun in counts]
        names = ", ".join(map(printable, self.names[:10])) + ", ..." * (len(self.names) > 10)
        return f"Table({name}{', '.join(sizes)}: {names})"

    def _repr_html_(self) -> str:
        return table_as_html(self)


def table_as_html(table: Table) -> str:
    """Return the first rows and columns of a table in HTML.

    >>> table = Table([Column("on", "boolean", [1, -1])], "lamps")
    >>> table_as_html(table).partition("</style>")[2].partition("<table")[0]
    '<div class="bp-title">lamps: 2 rows, 1 column</div>'
    """
    shown = table.columns[:MAX_SHOWN_COLUMNS]
    few = [column.take(slice(0, MAX_SHOWN_ROWS)).to_list() for column in shown]
    rows = [[shown_cell(cell) for cell in row] for row in zip(*few, strict=True)]
    names, kinds = [printable(column.name) for column in shown], [c.kind for c in shown]
    left = len(table.columns) - len(shown)
    if left:
        names, kinds = [*names, f"... {left:,} more"], [*kinds, ""]  # type: ignore[list-item]
        rows = [[*row, ""] for row in rows]
    counts = [(len(table), "row"), (len(table.columns), "column")]
    sizes = ", ".join(f"{n:,} {noun}{'s' * (n != 1)}" for n, noun in counts)
    name = f"{printable(table.name)}: " if table.name else ""
    if len(table) > MAX_SHOWN_ROWS:
        sizes += f"; the first {MAX_SHOWN_ROWS} rows"
    return html_table(names, rows, f"{name}{sizes}", kinds)


def shown_cell(cell: Any) -> str:
    """Return a cell for a table in HTML."""
    if cell is None:
        return ""
    if isinstance(cell, np.datetime64):
        return date_text(str(cell))
    text = f"{cell:.6g}" if isinstance(cell, float) else printable(str(cell))
    return text if len(text) <= MAX_SHOWN_TEXT else f"{text[:MAX_SHOWN_TEXT]}..."


def date_text(date: str) -> str:
    """Return a date in ISO 8601 without the parts that are 0.

    >>> date_text("2024-02-29T00:00:00.000000000"), date_text("2024-02-29T23:05:00.000000000")
    ('2024-02-29', '2024-02-29 23:05')
    """
    whole, _, fraction = date.partition(".")
    fraction = fraction.rstrip("0")
    if fraction:
        return f"{whole}.{fraction}".replace("T", " ")
    return whole.removesuffix(":00").removesuffix("T00:00").replace("T", " ")


def check_unique(names: Sequence[str]) -> None:
    """Raise ValueError that names the first column name that occurs twice."""
    known = set()
    for name in names:
        if name in known:
            raise ValueError(f"column names must differ; {name!r} occurs more than once")
        known.add(name)


def shown(names: Sequence[str]) -> str:
    """Return the first names of a list, quoted."""
    some = ", ".join(repr(name) for name in names[:10])
    return some + (f", ... ({len(names)} in all)" if len(names) > 10 else "")
