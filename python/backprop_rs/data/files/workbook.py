"""Excel workbooks (.xlsx, .xlsm, .xlsb, .xls) and OpenDocument spreadsheets, by python-calamine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..._internal.printable import printable
from ..columns import Table
from ..csv.options import MISSING_WORDS
from ..io import Path, title
from ..table_options import check_unique, left_out_index, listed, one_of
from .cells import column_of_cells, header_of
from .contents import opened
from .library import library


def read_workbook(
    path: Path,
    noun: str,
    *,
    sheet: str | int | None = None,
    header: bool | str = "auto",
    index: bool | str = "auto",
    missing_values: Sequence[str] = MISSING_WORDS,
) -> Table:
    """Read one sheet; the parameters are those of `read_table`."""
    one_of("header", header, ("auto", True, False))
    one_of("index", index, ("auto", True, False))
    calamine = library("python_calamine", "python-calamine", path, noun)
    try:
        with calamine.load_workbook(opened(path)) as book:
            name, start, rows = sheet_of(path, book, sheet)
    except (calamine.CalamineError, OSError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{printable(path)} cannot be read as {noun}: {reason:.300}") from None
    where = f"{printable(path)}, sheet {name!r}"
    names, body, first = split_header(where, rows, header)
    filled = [row for row in range(len(body)) if any(cell != "" for cell in body[row])]
    unnamed = header is not False and first == 1 and rows[0][0] == ""
    left_out = {0} if index is True else set()
    if index == "auto":
        left_out = left_out_index(names, (), (), unnamed)
    lines = [start[0] + first + row + 1 for row in filled]

    def place(row: int, column: str) -> str:
        return f"{where}, cell {letters(start[1] + names.index(column))}{lines[row]}"

    words = frozenset(word.lower() for word in missing_values) | {""}
    columns = []
    for k, column in enumerate(names):
        cells = [body[row][k] for row in filled]
        if k in left_out or (column == f"column_{k + 1}" and all(cell == "" for cell in cells)):
            continue
        columns.append(
            column_of_cells(column, cells, lambda row, name=column: place(row, name), words)  # type: ignore[misc]
        )
    if not columns:
        raise ValueError(f"{where} must have a column with a name or cells; got none")
    return Table(columns, title(path), place)


def sheet_of(
    path: Path, book: Any, sheet: str | int | None
) -> tuple[str, tuple[int, int], list[list[Any]]]:
    """Return the name, the first cell and the rows of the sheet that is asked for."""
    visible = [
        data.name
        for data in book.sheets_metadata
        if str(data.visible).endswith(".Visible") and str(data.typ).endswith(".WorkSheet")
    ]
    names = list(book.sheet_names)
    if isinstance(sheet, str):
        if sheet not in names:
            raise ValueError(f"sheet must be one of {listed(names)}; got {sheet!r}")
        chosen = [sheet]
    elif sheet is not None:
        if isinstance(sheet, bool) or not isinstance(sheet, int):
            raise TypeError(f"sheet must be a name or a position; got {sheet!r}")
        if not -len(names) <= sheet < len(names):
            raise ValueError(
                f"sheet must be a position in {-len(names)}..{len(names) - 1}; got {sheet}"
            )
        chosen = [names[sheet]]
    else:
        chosen = visible
    sheets = [book.get_sheet_by_name(name) for name in chosen]
    filled = [each for each in sheets if each.start is not None]
    if len(filled) > 1:
        raise ValueError(
            f"{printable(path)} has several sheets ({listed([each.name for each in filled])}); "
            "give sheet= the name of one"
        )
    if not filled:
        raise ValueError(
            f"{printable(path)} must have a sheet with cells; {listed(chosen)} is empty"
        )
    return filled[0].name, filled[0].start, filled[0].to_python(skip_empty_area=True)


def split_header(
    where: str, rows: list[list[Any]], header: bool | str
) -> tuple[list[str], list[list[Any]], int]:
    """Return the names, the rows below them and their position."""
    has_names = all(isinstance(cell, str) for cell in rows[0]) if header == "auto" else header
    if not has_names:
        return [f"column_{k + 1}" for k in range(len(rows[0]))], rows, 0
    names = header_of(rows[0])
    check_unique(names, where)
    if len(rows) == 1:
        raise ValueError(f"{where} must have a row below its header; got none")
    return names, rows[1:], 1


def letters(column: int) -> str:
    """Return the name of a column in a sheet, counted from 0.

    >>> letters(0), letters(25), letters(26), letters(702)
    ('A', 'Z', 'AA', 'AAA')
    """
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
