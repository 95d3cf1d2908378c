"""JSON lines, and JSON files of rows or columns."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..._internal.printable import printable
from ..columns import Table
from ..io import Path, title
from .cells import column_of_cells
from .contents import text_of

ACCEPTED = "one object a line, a list of objects or rows, or an object of columns"


def read_json(path: Path) -> Table:
    """Read rows or columns of numbers, texts and booleans; null and absent cells are missing."""
    shown = printable(path)
    text = text_of(path)
    columns, row_name = columns_of_text(text, shown)
    lengths = {name: len(cells) for name, cells in columns.items()}
    if not columns or not max(lengths.values()) or len(set(lengths.values())) > 1:
        raise ValueError(f"{shown} must hold {ACCEPTED}, all of one length; got {lengths!r:.100}")

    def place(row: int, name: str) -> str:
        return f"{shown}, {row_name(row)}, column {name!r}"

    for name, cells in columns.items():
        for row, cell in enumerate(cells):
            if isinstance(cell, dict | list):
                raise ValueError(
                    f"{place(row, name)}: a cell must be a number, a text, true, false or null; "
                    f"got {json.dumps(cell)[:60]}"
                )
    return Table(
        [
            column_of_cells(name, cells, lambda row, name=name: place(row, name), ())  # type: ignore[misc]
            for name, cells in columns.items()
        ],
        title(path),
        place,
    )


def columns_of_text(text: str, shown: str) -> tuple[dict[str, list[Any]], Callable[[int], str]]:
    """Return the columns of a JSON text, and the function that names a row."""
    try:
        data = json.loads(text)
    except ValueError:
        rows, lines = rows_of_lines(text, shown)
        return columns_of_rows(rows, shown), lambda row: f"line {lines[row]}"
    if isinstance(data, dict) and not any(isinstance(cell, dict | list) for cell in data.values()):
        data = [data]  # one line
    if isinstance(data, list):
        columns = columns_of_rows(data, shown)
    elif {"columns", "data"} <= data.keys():  # pandas' orient="split"
        columns = columns_of_rows(
            [dict(zip(data["columns"], row, strict=True)) for row in data["data"]], shown
        )
    else:
        columns = {
            name: list(cells.values()) if isinstance(cells, dict) else cells
            for name, cells in data.items()
        }
        single = [name for name, cells in columns.items() if not isinstance(cells, list)]
        if single:
            raise ValueError(f"{shown} must hold {ACCEPTED}; {single[0]!r} is no column")
    return columns, lambda row: f"row {row} (counted from 0)"


def rows_of_lines(text: str, shown: str) -> tuple[list[Any], list[int]]:
    """Return the objects of JSON lines, and their lines counted from 1."""
    rows, lines = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise ValueError(f"{shown}, line {number}: the line must be JSON: {error}") from None
        lines.append(number)
    return rows, lines


def columns_of_rows(rows: list[Any], shown: str) -> dict[str, list[Any]]:
    """Return the columns of rows, which are objects or lists."""
    if rows and all(isinstance(row, list) for row in rows):
        names = [f"x{k}" for k in range(len(rows[0]))]
        if any(len(row) != len(names) for row in rows):
            raise ValueError(f"{shown} must hold rows of one length")
        rows = [dict(zip(names, row, strict=True)) for row in rows]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{shown} must hold {ACCEPTED}")
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}
