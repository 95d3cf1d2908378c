"""The cells of a CSV file, some rows at a time, with the meaning that they have to `load_csv`.

`csv_rows` decides what a cell means. Arrow gives the numbers of number columns, which it parses to
the same bits, and the texts of the others, of which each different one is looked at. Whatever Arrow
refuses, or may read in another way, is read row by row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._internal.printable import printable
from ..csv_file import CsvFile
from ..csv_rows import is_missing, open_text, parsed, split_rows
from ..table_options import listed
from .arrow import arrow, arrow_nulls

ADVICE = "; leave the column out with ignore, or code it as numbers"
ROWS = 8192  # that are read row by row at a time

Cells = dict[str, NDArray[Any]]
"""Columns by name: float64 with NaN, or objects with None, in the place of missing cells."""


@dataclass(frozen=True)
class Wanted:
    """The columns to read.

    Attributes
    ----------
    numbers, texts : columns by name
    strict : columns that must have no missing cell
    known : for some columns of texts, those that there may be
    """

    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    strict: frozenset[str] = frozenset()
    known: Mapping[str, Collection[str]] = field(default_factory=dict)

    @property
    def all(self) -> list[str]:
        return [*self.numbers, *self.texts]


class Unsure(Exception):
    """`load_csv` may read the cells in another way, or name the line of a fault."""


def cells_of(layout: CsvFile, wanted: Wanted) -> Iterator[Cells]:
    """Read a file; the first row that does not fit is named by line and column.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "two.csv")
    >>> path.write_text("a;b\\n1; x\\n3;\\"y\\"\\n") > 0
    True
    >>> layout = CsvFile.examine(path, "utf-8", "auto", "auto")
    >>> [{name: cells.tolist() for name, cells in some.items()}
    ...  for some in cells_of(layout, Wanted(("a",), ("b",)))]
    [{'a': [1.0, 3.0], 'b': ['x', 'y']}]
    >>> list(cells_of(layout, Wanted(("a", "b"), ())))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: ...two.csv, line 2, column 2 ('b'): 'x' is not a number; leave the column out ...
    """
    done = 0
    try:
        for cells in by_arrow(layout, wanted):
            yield cells
            done += len(next(iter(cells.values())))
    except (OSError, ValueError, Unsure):  # ArrowInvalid is a ValueError
        yield from by_row(layout, wanted, done)


def by_arrow(layout: CsvFile, wanted: Wanted) -> Iterator[Cells]:
    """Read record batches; no more is in memory than a block of about 1 MB."""
    pa = arrow("lib")
    called = names_by_arrow(layout)
    types = dict.fromkeys(wanted.numbers, pa.float64()) | dict.fromkeys(wanted.texts, pa.string())
    options = {
        "column_types": {called[name]: kind for name, kind in types.items()},
        "include_columns": [called[name] for name in wanted.all],
    }
    with open_csv(layout, **options) as batches:
        for batch in batches:
            cells: Cells = {}
            for k, name in enumerate(wanted.all):
                column = batch.column(k)
                if name in wanted.texts:
                    cells[name], texts = texts_of(column)
                    missing = None in texts
                    if texts - {None} - set(wanted.known.get(name, texts)):
                        raise Unsure
                else:
                    cells[name] = column.to_numpy(zero_copy_only=False)
                    missing = bool(np.isnan(cells[name]).any())
                if missing and name in wanted.strict:
                    raise Unsure
            if batch.num_rows:
                yield cells


def texts_of(column: Any) -> tuple[NDArray[Any], set[str | None]]:
    """Return texts without the white space around them, and the different ones.

    None is a missing cell.
    """
    coded = column.dictionary_encode()
    given = coded.dictionary.to_pylist()
    if any('"' in text or "\n" in text or "\r" in text for text in given):
        raise Unsure  # perhaps a quotation mark after a blank, or one that is not closed
    stripped = [text.strip() for text in given]
    known = np.array([None if is_missing(text) else text for text in stripped] + [None], object)
    places = coded.indices.fill_null(len(given)).to_numpy(zero_copy_only=False)
    return known[places], set(known.tolist() if column.null_count else known[:-1].tolist())


def by_row(layout: CsvFile, wanted: Wanted, done: int) -> Iterator[Cells]:
    """Read the rows after the first ones, cell by cell."""
    names, file_name = layout.names, printable(layout.path)
    columns = {name: names.index(name) for name in wanted.all}
    rows: list[list[Any]] = []
    with open_text(layout.path, layout.encoding) as file:
        lines = split_rows(file, layout.delimiter, file_name)
        for number, (line, row) in enumerate(lines, -int(layout.has_header)):
            if len(row) != len(names):
                raise ValueError(
                    f"{file_name}, line {line}: a row must have as many cells as the first row "
                    f"({len(names)}); got {len(row)}"
                )
            if number < done:
                continue
            cells = []
            for name, k in columns.items():
                try:
                    cells.append(value_of(row[k], name, wanted))
                except ValueError as error:
                    place = f"{file_name}, line {line}, column {k + 1} ({name!r})"
                    raise ValueError(f"{place}: {error}") from None
            rows.append(cells)
            if len(rows) == ROWS:
                yield as_cells(rows, wanted)
                rows = []
    if rows:
        yield as_cells(rows, wanted)


def value_of(cell: str, name: str, wanted: Wanted) -> float | str | None:
    """Return the number or the text of a cell."""
    number = name in wanted.numbers
    if is_missing(cell):
        if name in wanted.strict:
            raise ValueError("the cell is missing")
        return np.nan if number else None
    if number:
        value = parsed(cell)
        if value is None:
            raise ValueError(f"{cell!r} is not a number{ADVICE}")
        return value
    known = wanted.known.get(name)
    if known is not None and cell not in known:
        raise ValueError(f"{cell!r} is none of {listed(list(known))}")
    return cell


def as_cells(rows: list[list[Any]], wanted: Wanted) -> Cells:
    columns = zip(*rows, strict=True)
    return {
        name: np.array(column, np.float64 if name in wanted.numbers else object)
        for name, column in zip(wanted.all, columns, strict=True)
    }


def open_csv(layout: CsvFile, **options: Any) -> Any:
    """Open a file with Arrow; without a header its columns get the names of the layout."""
    module = arrow("csv")
    names = None if layout.has_header else layout.names
    return module.open_csv(
        layout.path,
        read_options=module.ReadOptions(column_names=names),
        parse_options=module.ParseOptions(delimiter=layout.delimiter),
        convert_options=module.ConvertOptions(
            null_values=arrow_nulls(), strings_can_be_null=True, **options
        ),
    )


def names_by_arrow(layout: CsvFile) -> dict[str, str]:
    """Return what Arrow calls each column, which keeps blanks around a name."""
    with open_csv(layout) as batches:
        names = batches.schema.names
    plain = [name.strip() or f"column_{k + 1}" for k, name in enumerate(names)]
    if plain != layout.names:
        raise Unsure
    return dict(zip(layout.names, names, strict=True))
