"""Read the cells of a CSV file, some rows at a time, as `load_csv` reads them.

`csv_rows` defines the meaning of a cell. Arrow parses columns of numbers, to the same bits, and
returns the texts of the other columns. If Arrow refuses a file, or may read it differently from
`load_csv`, it is read row by row.
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
ROWS = 8192  # per block, if a file is read row by row

Cells = dict[str, NDArray[Any]]
"""Columns by name: float64 with NaN, or objects with None, for missing cells."""


@dataclass(frozen=True)
class ColumnRequest:
    """The columns to read.

    Attributes
    ----------
    numbers, texts : tuple of str
    strict : frozenset of str
        The columns that must not have a missing cell.
    known : mapping from column to texts
        The accepted texts of some columns.
    """

    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    strict: frozenset[str] = frozenset()
    known: Mapping[str, Collection[str]] = field(default_factory=dict)

    @property
    def all(self) -> list[str]:
        """All columns, in the order in which they are read."""
        return [*self.numbers, *self.texts]


class ArrowMismatch(Exception):
    """Arrow may read the cells differently from `load_csv`, or cannot name the line of a fault."""


def cells_of(layout: CsvFile, request: ColumnRequest) -> Iterator[Cells]:
    r"""Read a file; an error names the line and column of the first cell that does not fit.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "two.csv")
    >>> path.write_text("a;b\n1; x\n3;\"y\"\n") > 0
    True
    >>> layout = CsvFile.examine(path, "utf-8", "auto", "auto")
    >>> [{name: cells.tolist() for name, cells in some.items()}
    ...  for some in cells_of(layout, ColumnRequest(("a",), ("b",)))]
    [{'a': [1.0, 3.0], 'b': ['x', 'y']}]
    >>> list(cells_of(layout, ColumnRequest(("a", "b"), ())))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: ...two.csv, line 2, column 2 ('b'): 'x' is not a number; leave the column out ...
    """
    done = 0
    try:
        for cells in by_arrow(layout, request):
            yield cells
            done += len(next(iter(cells.values())))
    except (OSError, ValueError, ArrowMismatch):  # ArrowInvalid is a ValueError
        yield from by_row(layout, request, done)


def by_arrow(layout: CsvFile, request: ColumnRequest) -> Iterator[Cells]:
    """Read a file by Arrow, in blocks of about 1 MB."""
    pa = arrow("lib")
    arrow_names = names_by_arrow(layout)
    types = dict.fromkeys(request.numbers, pa.float64()) | dict.fromkeys(request.texts, pa.string())
    options = {
        "column_types": {arrow_names[name]: dtype for name, dtype in types.items()},
        "include_columns": [arrow_names[name] for name in request.all],
    }
    with open_csv(layout, **options) as batches:
        for batch in batches:
            cells: Cells = {}
            for k, name in enumerate(request.all):
                column = batch.column(k)
                if name in request.texts:
                    cells[name], texts = texts_of(column)
                    missing = None in texts
                    if texts - {None} - set(request.known.get(name, texts)):
                        raise ArrowMismatch
                else:
                    cells[name] = column.to_numpy(zero_copy_only=False)
                    missing = bool(np.isnan(cells[name]).any())
                if missing and name in request.strict:
                    raise ArrowMismatch
            if batch.num_rows:
                yield cells


def texts_of(column: Any) -> tuple[NDArray[Any], set[str | None]]:
    """Return the stripped texts of a column, and the set of them; None is a missing cell."""
    coded = column.dictionary_encode()
    texts = coded.dictionary.to_pylist()
    if any('"' in text or "\n" in text or "\r" in text for text in texts):
        raise ArrowMismatch  # perhaps a quotation mark after a blank, or one that is not closed
    stripped = [text.strip() for text in texts]
    known = np.array([None if is_missing(text) else text for text in stripped] + [None], object)
    positions = coded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    return known[positions], set(known.tolist() if column.null_count else known[:-1].tolist())


def by_row(layout: CsvFile, request: ColumnRequest, done: int) -> Iterator[Cells]:
    """Read the rows after the first `done` ones, cell by cell."""
    names, file_name = layout.names, printable(layout.path)
    columns = {name: names.index(name) for name in request.all}
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
                    cells.append(value_of(row[k], name, request))
                except ValueError as error:
                    place = f"{file_name}, line {line}, column {k + 1} ({name!r})"
                    raise ValueError(f"{place}: {error}") from None
            rows.append(cells)
            if len(rows) == ROWS:
                yield as_cells(rows, request)
                rows = []
    if rows:
        yield as_cells(rows, request)


def value_of(cell: str, name: str, request: ColumnRequest) -> float | str | None:
    """Return the number or the text of a cell."""
    number = name in request.numbers
    if is_missing(cell):
        if name in request.strict:
            raise ValueError("the cell is missing")
        return np.nan if number else None
    if number:
        value = parsed(cell)
        if value is None:
            raise ValueError(f"{cell!r} is not a number{ADVICE}")
        return value
    known = request.known.get(name)
    if known is not None and cell not in known:
        raise ValueError(f"{cell!r} is not one of {listed(list(known))}")
    return cell


def as_cells(rows: list[list[Any]], request: ColumnRequest) -> Cells:
    """Return rows of cells as columns."""
    columns = zip(*rows, strict=True)
    return {
        name: np.array(column, np.float64 if name in request.numbers else object)
        for name, column in zip(request.all, columns, strict=True)
    }


def open_csv(layout: CsvFile, **options: Any) -> Any:
    """Open a file with Arrow; if it has no header, its columns get the names of the layout."""
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
    """Return the name of each column in Arrow, which keeps the blanks around it."""
    with open_csv(layout) as batches:
        names = batches.schema.names
    plain = [name.strip() or f"column_{k + 1}" for k, name in enumerate(names)]
    if plain != layout.names:
        raise ArrowMismatch
    return dict(zip(layout.names, names, strict=True))
