"""`read_csv`: a `Table` of a CSV file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..columns import Column, Kind, Table
from ..io import Path, once_read, title
from ..table_options import left_out_index
from .columns import RawColumn, Request, columns_of
from .file_layout import Layout
from .layout import examine
from .options import MISSING_WORDS, TRUTH, CsvOptions

FEW_CATEGORIES = 20
LARGEST_INTEGER = 2.0**53


def read_csv(
    path: Path,
    *,
    header: bool | str = "auto",
    delimiter: str = "auto",
    encoding: str = "auto",
    decimal: str = "auto",
    thousands: str = "auto",
    missing_values: Sequence[str] = MISSING_WORDS,
    dates: str = "auto",
    kinds: Mapping[str, str] | None = None,
    index: bool | str = "auto",
    comment: str | None = None,
    skip_rows: int = 0,
) -> Table:
    r"""Read a CSV file as a `Table` of numbers, booleans, categories, dates and texts.

    The kind of a column is what all its cells agree on: numbers, dates or times if more than half
    of its cells are, and any other cell is then an error; otherwise texts. Notations that are not
    evident, such as decimal commas, are inferred if exactly one of them fits all cells, and are
    listed as `notes` of the table, together with the words that stand for missing cells. If several
    fit, an error names a cell and the option that decides. So do errors about cells that a number
    would change: codes such as 01234, integers beyond 2^53 that float64 rounds, and 1e400; and
    errors about texts that may be meant as numbers, such as "12 kg". Texts are categories, unless
    there are more than 20 that occur less than twice on average.

    Parameters
    ----------
    path : str or path-like
        The file, which may be compressed with gzip.
    header : "auto", True or False, default "auto"
        True if the first row names the columns; "auto" decides that it does if none of its cells
        is a number. Columns without names are called column_1, column_2, ...
    delimiter : str, default "auto"
        One ASCII character; " " is any run of white space. "auto" takes the first of tab,
        semicolon, bar, comma and white space that splits all first rows into the same number of
        cells.
    encoding : str, default "auto"
        The text encoding; "auto" is UTF-8, or that of the byte order mark.
    decimal : "auto", "." or ",", default "auto"
        The sign before decimals.
    thousands : "auto", "", ",", ".", " " or "'", default "auto"
        The sign between groups of three digits; "" for none.
    missing_values : sequence of str, optional
        The words for a missing cell, in upper or lower case, in place of NA, N/A, #N/A, <NA>, NaN,
        null, None and ?. An empty cell is always missing. Give [] to keep a class called None.
    dates : "auto", "ymd", "dmy" or "mdy", default "auto"
        The order of year, month and day. Months may have English names, and years two digits if all
        dates of the column have: 69 to 99 are 1969 to 1999, and 00 to 68 are 2000 to 2068.
    kinds : mapping from column to kind, optional
        The kinds of some columns: "number", "boolean", "category", "datetime" or "text". Numbers
        then lose leading zeros and a text that most cells have before or after them, such as a
        unit; booleans may be true, yes, y, t, on or 1 and their opposites; dates may be 20240131.
    index : "auto", True or False, default "auto"
        True to leave out the first column, which names the rows. "auto" does so, with a warning, if
        it has no name or is called "Unnamed: 0", as data frames write it.
    comment : str, optional
        The start of lines that are skipped.
    skip_rows : int, default 0
        The number of lines at the start of the file to skip, such as a title above the header.

    Returns
    -------
    Table
        Numbers are float64 with NaN for missing cells. A percent or currency sign that all cells
        have is left out: 53% is 53. Times of day and durations are numbers of seconds. Dates are
        nanoseconds, in UTC if they have time zones. Levels of categories are sorted.

    Raises
    ------
    ValueError, TypeError
        If the file or an option does not fit; an error about a cell names its line (counted
        from 1) and column.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "trees.csv")
    >>> path.write_text("tree;height;planted\noak;8,5;1990-03-01\nelm;;1995-10-12\n") > 0
    True
    >>> trees = read_csv(path)
    >>> trees
    Table('trees': 2 rows, 3 columns: tree, height, planted)
    >>> trees["height"].to_list()
    [8.5, None]
    >>> [column.kind for column in trees]
    ['category', 'number', 'datetime']
    >>> print(*trees.notes, sep="; ")
    column 'height' holds numbers with decimal ','; column 'planted' holds dates in the order ymd
    """
    options = CsvOptions(
        header, delimiter, encoding, decimal, thousands, missing_values, dates, dict(kinds or {}),
        index, comment, skip_rows,
    )  # fmt: skip
    layout = examine(once_read(path), options, options.kinds)
    options.check_kinds(layout.names)
    columns = columns_of(layout, lambda layout: request_of(layout, options))
    names = columns.layout.names
    return Table(
        [
            table_column(names[k], raw, options.kinds.get(names[k]))
            for k, raw in columns.raw.items()
        ],
        title(layout.path),
        lambda row, name: columns.place(row, names.index(name)),
        columns.notes,
    )


def column_names(path: Path, **options: Any) -> list[str]:
    """Return the names of the columns; `options` are those of `read_csv`."""
    how = CsvOptions(**options)
    return examine(once_read(path), how, how.kinds).names


def request_of(layout: Layout, options: CsvOptions) -> Request:
    """Return the columns of a table to read."""
    names, kinds = layout.names, options.kinds
    left_out = {0} if options.index is True else set()
    if options.index == "auto":
        left_out = left_out_index(names, kinds, (), layout.unnamed)
    used = tuple(k for k in range(len(names)) if k not in left_out)
    return Request(used, {k: kinds[name] for k, name in enumerate(names) if name in kinds})


def table_column(name: str, raw: RawColumn, kind: str | None) -> Column:
    """Return a column of a table."""
    if raw.notation.kind == "date":
        return Column(name, "datetime", raw.values)
    if raw.notation.kind != "text":
        values = raw.values
        whole = raw.are_integers and bool((np.abs(values) < LARGEST_INTEGER).all())
        return Column(name, "number", values, dtype="int64" if whole else "float64")
    return text_column(name, raw.values, raw.texts, kind)


def text_column(
    name: str, codes: NDArray[np.int32], texts: Sequence[str], kind: str | None
) -> Column:
    """Return a column of booleans, categories or texts."""
    is_evident = bool(texts) and {text.lower() for text in texts} <= {"true", "false"}
    if kind == "boolean" or (kind is None and is_evident):
        truth = [TRUTH.get(text.lower(), -1) for text in texts]
        if -1 in truth:
            raise ValueError(
                f"column {name!r} must hold True and False, or yes and no, y and n, t and f, on "
                f"and off, 1 and 0; got {texts[truth.index(-1)]!r}"
            )
        return Column(name, "boolean", np.array([*truth, -1], np.int8)[codes])
    if kind is None:
        is_text = len(texts) > FEW_CATEGORIES and 2 * len(texts) > len(codes)
        kind = "text" if is_text else "category"
    if kind == "text":
        return Column(name, "text", np.array([*texts, None], object)[codes])
    order = sorted(range(len(texts)), key=texts.__getitem__)
    position = np.empty(len(texts) + 1, np.int32)
    position[order] = np.arange(len(texts))
    position[-1] = -1  # the code of a missing cell
    return Column(name, cast(Kind, kind), position[codes], [texts[k] for k in order])
