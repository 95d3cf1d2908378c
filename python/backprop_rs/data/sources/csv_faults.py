"""Where a CSV file is wrong: Arrow says what, this finds the line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from os import fspath

from ..csv_file import CsvFile
from ..csv_rows import is_missing, open_text, parsed, split_rows

ADVICE = "; leave the column out with ignore, or code it as numbers"


def fault(layout: CsvFile, used: Collection[str], numeric: Collection[str]) -> str | None:
    """The first fault of a file, named by line and column, or None where there is none to be seen.

    The file is read row by row, once more: only where Arrow has given up.

    Parameters
    ----------
    layout : CsvFile
    used : the columns that must have no missing cells
    numeric : those of them that must be numbers

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "two.csv")
    >>> path.write_text("a;b\\n1;2\\n3;x\\n") > 0
    True
    >>> layout = CsvFile.examine(path, "utf-8", "auto", "auto")
    >>> fault(layout, ["a", "b"], ["a"])
    >>> fault(layout, ["a", "b"], ["a", "b"]).partition("two.csv")[2]
    ", line 3, column 2 ('b'): 'x' is not a number; leave the column out with ignore, or ..."
    """
    names, file_name = layout.names, fspath(layout.path)
    places = {k: name in numeric for k, name in enumerate(names) if name in used}
    try:
        with open_text(layout.path, layout.encoding) as file:
            rows = split_rows(file, layout.delimiter, file_name)
            if layout.has_header:
                next(rows, None)
            for line, row in rows:
                what = fault_of_row(row, names, places)
                if what:
                    return f"{file_name}, line {line}{what}"
    except ValueError as error:  # no text, or no CSV, which is a fault with a place of its own
        return str(error)
    return None


def fault_of_row(row: list[str], names: Sequence[str], places: dict[int, bool]) -> str | None:
    """What is wrong with the cells of a row."""
    if len(row) != len(names):
        return f": a row must have as many cells as the first row ({len(names)}); got {len(row)}"
    for k, number in places.items():
        place = f", column {k + 1} ({names[k]!r}): "
        if is_missing(row[k]):
            return f"{place}the cell is missing"
        if number and parsed(row[k]) is None:
            return f"{place}{row[k]!r} is not a number{ADVICE}"
    return None
