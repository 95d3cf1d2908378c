"""Find the layout of a CSV file from its first rows: delimiter, header and names of columns."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import islice

from ..._internal.printable import printable
from ..file_formats import LIBSVM, format_of_start
from ..io import Path
from ..table_options import check_unique
from .file_layout import Layout
from .notation import TEXT, is_number
from .options import CsvOptions
from .parsing import parse, parser_of
from .text import Bytes, bad_encoding, open_utf8

DELIMITERS = ("\t", ";", "|", ",", " ")
"""Tried in this order: the comma comes late, because numbers and texts may contain it."""

SAMPLE_BYTES = 2**16
LARGEST_SAMPLE = 2**26
SAMPLE_ROWS = 50
"""Rows that decide the delimiter, the header and a first guess of the kind of each column."""

YEARS = range(1500, 2201)

Row = tuple[int, list[str], int, int]
"""The line (counted from 0), the cells, and the position and the line after them."""


def examine(path: Path, options: CsvOptions, requested: Collection[object] = ()) -> Layout:
    """Find the layout of a file.

    `requested` are columns that are asked for by name; if the first row has all of them, it is the
    header.
    """
    shown = printable(path)
    with open_utf8(path, options.encoding) as file:
        sample, is_last = read_sample(file)
        check_format(sample, shown)
        delimiter, skipped = options.delimiter, 0
        declared = re.match(rb"sep=(.)\r?\n", sample)
        if declared and delimiter == "auto":  # Excel's own line
            delimiter, skipped = declared[1].decode("latin-1"), declared.end()
        n_skipped = max(options.skip_rows, 1 if skipped else 0)
        if options.skip_rows:
            skipped = start_of_line(sample, n_skipped, shown)
        sample = sample[skipped:]
        comment = options.comment or None
        if delimiter == "auto":
            delimiter = delimiter_of(sample, comment, is_last)
        rows = split(sample, delimiter, comment, is_last)
        while not rows and not is_last and len(sample) < LARGEST_SAMPLE:
            more, is_last = read_sample(file, 3 * len(sample))
            sample += more
            rows = split(sample, delimiter, comment, is_last)
    if not rows:
        raise no_rows(Layout(path, options, delimiter, comment, skipped, n_skipped))
    check_encoding(sample[: rows[0][2]], rows[0], path, options, n_skipped)
    check_comments(sample, rows, delimiter, options, is_last, shown)
    if not n_skipped:
        check_title(sample, rows, delimiter, options, is_last, shown)
    check_libsvm([cells for _, cells, _, _ in rows], delimiter, shown)
    if len(rows) == 1 and sample[rows[0][2] :].strip():  # the second one cannot be read
        rows.append((rows[0][3], [], len(sample), rows[0][3]))
    rows = [(line + n_skipped, cells, end, after + n_skipped) for line, cells, end, after in rows]
    layout = of_rows(path, options, delimiter, rows, requested)
    line = layout.line if layout.has_header else n_skipped
    return replace(layout, start=layout.start + skipped, line=line)


def start_of_line(sample: bytes, n_lines: int, shown: str) -> int:
    """Return the position after the first lines."""
    ends = [end.end() for end in islice(re.finditer(rb"\r\n|\n|\r", sample), n_lines)]
    if len(ends) < n_lines:
        raise ValueError(f"{shown} must have more than skip_rows={n_lines} lines; got {len(ends)}")
    return ends[-1]


def no_rows(layout: Layout) -> ValueError:
    """Return the error of a file whose first row cannot be read, or that has none."""
    try:
        for _ in parse(layout, parser_of(layout, [TEXT], {})):
            pass
    except ValueError as error:
        return error
    return ValueError(f"{printable(layout.path)} must have at least one row; it is empty")


def check_encoding(
    data: bytes, first: Row, path: Path, options: CsvOptions, n_skipped: int
) -> None:
    """Raise ValueError if the first row, which may be a header, is not in the encoding.

    The parser checks the rows below. `data` are the bytes to the end of the row.
    """
    if not any("\ufffd" in cell for cell in first[1]):
        return
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start) + n_skipped
        raise bad_encoding(path, options.encoding, data[error.start], line) from None


def read_sample(file: Bytes, size: int = SAMPLE_BYTES) -> tuple[bytes, bool]:
    """Return the next bytes of a file, and True if there are no more."""
    buffer = bytearray(size)
    have = 0
    with memoryview(buffer) as view:
        while have < size:
            n = file.readinto(view[have:])
            if not n:
                break
            have += n
    return bytes(buffer[:have]), have < size


def split(sample: bytes, delimiter: str, comment: str | None, is_last: bool) -> list[Row]:
    """Return the first rows."""
    from ..._core import csv_first_rows

    return csv_first_rows(sample, ord(delimiter), comment, SAMPLE_ROWS + 1, is_last)


def delimiter_of(sample: bytes, comment: str | None, is_last: bool) -> str:
    """Return the first delimiter that splits all rows into equally many cells, at least 2."""
    first: dict[str, int] = {}
    for delimiter in DELIMITERS:
        rows = split(sample, delimiter, comment, is_last)
        widths = {len(cells) for _, cells, _, _ in rows}
        if len(widths) == 1 and widths != {1}:
            return delimiter
        widths = {width_of(cells) for _, cells, _, _ in rows if any(cells)}
        if len(widths) == 1 and widths != {1}:  # except for delimiters at the ends of lines
            return delimiter
        widths = {len(cells) for _, cells, _, _ in rows[1:]}
        if rows and widths == {len(rows[0][1]) + 1}:  # a header without a name for the index
            return delimiter
        if delimiter != " ":
            first[delimiter] = len(rows[0][1]) if rows else 1
    widest = max(first, key=first.__getitem__)
    return widest if first[widest] > 1 else ","


def width_of(cells: Sequence[str]) -> int:
    """Return the number of cells without empty ones at the end."""
    return max((k + 1 for k, cell in enumerate(cells) if cell), default=0)


def of_rows(
    path: Path,
    options: CsvOptions,
    delimiter: str,
    rows: Sequence[Row],
    requested: Collection[object],
) -> Layout:
    """Return the layout of a file from its first rows."""
    shown = printable(path)
    cells = [cells for _, cells, _, _ in rows]
    first, rest = cells[0], [row for row in cells[1:] if any(row)]
    has_header = options.header is True or (
        options.header == "auto" and names_columns(first, rest, rows[0][0], requested, shown)
    )
    notes = []
    if has_header:
        if not rest and len(rows) == 1:
            raise ValueError(f"{shown} must have at least one row; got a header only")
        widths = {width_of(row) for row in rest}
        if len(widths) == 1 and widths == {len(first) + 1}:
            if options.index != True:  # noqa: E712 "auto" is no decision
                raise ValueError(
                    f"{shown}, line {rows[1][0] + 1}: each row has one cell more than the header "
                    f"({len(first)}); give index=True if the first cell names the row, or "
                    f"skip_rows if the header is below; got {rest[0][0]!r}"
                )
            first = ["", *first]
    width = len(first)
    while width > 1 and is_empty_column(width - 1, first, rest, has_header):
        width -= 1
    if width < len(first):
        notes.append(
            f"the lines end with {len(first) - width} delimiters, after which nothing follows"
            if len(first) - width > 1
            else "the lines end with a delimiter, after which nothing follows"
        )
    names = [f"column_{k + 1}" for k in range(width)]
    if has_header:
        names = [cell or name for cell, name in zip(first, names, strict=False)]
        check_unique(names, shown)
    unnamed = has_header and not first[0]
    start, line = (rows[0][2], rows[0][3]) if has_header else (0, 0)
    return Layout(
        path,
        options,
        delimiter,
        options.comment or None,
        start,
        line,
        names,
        has_header,
        unnamed,
        len(first) - width,
        [row for row in (cells[1:] if has_header else cells) if row],
        tuple(notes),
    )


def is_empty_column(
    k: int, first: Sequence[str], rest: Sequence[Sequence[str]], has_header: bool
) -> bool:
    """Return True if a column has neither a name nor a cell in the first rows."""
    n_rows = len(rest) + (not has_header)
    return (
        not first[k]
        and n_rows > (not has_header)
        and not any(cell for row in rest for cell in row[k : k + 1])
    )


def names_columns(
    first: Sequence[str],
    rest: Sequence[Sequence[str]],
    line: int,
    requested: Collection[object],
    shown: str,
) -> bool:
    """Return True if the first row names the columns.

    Raises
    ------
    ValueError
        If the first row may be either.
    """
    asked = [name for name in requested if isinstance(name, str)]
    if asked and all(name in first for name in asked):
        return True
    numbers = [cell for cell in first if is_number(cell)]
    below = list(zip(*[row for row in rest if len(row) >= len(first)], strict=False))
    if numbers:
        if looks_numbered(numbers) and not any(
            looks_numbered([cell for cell in row if is_number(cell)]) for row in rest[:5]
        ):
            raise ValueError(
                f"{shown}, line {line + 1}, column {first.index(numbers[0]) + 1}: the first row "
                f"may name the columns; got {numbers[0]!r}; give header=True if it does, or "
                "header=False"
            )
        return False
    cells_below = [[cell for cell in column if cell] for column in below[: len(first)]]
    if any(cells and all(map(has_digits_alone, cells)) for cells in cells_below):
        return True  # a text above numbers, dates or times
    for k, others in enumerate(cells_below):
        if first[k] in others:
            raise ValueError(
                f"{shown}, line {line + 1}, column {k + 1}: the first row may be data, because "
                f"{first[k]!r} occurs again below; give header=False if it is, or header=True"
            )
    return True


def has_digits_alone(cell: str) -> bool:
    """Return True if a cell has digits and no letters, as numbers, dates and times do."""
    return any(map(str.isdecimal, cell)) and not any(map(str.isalpha, cell))


def looks_numbered(cells: Sequence[str]) -> bool:
    """Return True if numbers are 0, 1, 2, ... or 1, 2, 3, ... or increasing years.

    >>> looks_numbered(["0", "1", "2"]), looks_numbered(["2019", "2020"]), looks_numbered(["5"])
    (True, True, False)
    """
    if not all(cell.isdecimal() for cell in cells):
        return False
    numbers = list(map(int, cells))
    if len(numbers) > 1 and all(number in YEARS for number in numbers):
        return numbers == sorted(set(numbers))
    start = numbers[0] if numbers else 2
    if start not in (0, 1) or len(numbers) < 3 + start:  # 1,2,3 may well be data
        return False
    return numbers == list(range(start, start + len(numbers)))


def check_format(sample: bytes, shown: str) -> None:
    """Raise ValueError if a file is known to be in another format."""
    found = format_of_start(sample)
    if found is not None and found != LIBSVM:  # `check_libsvm` names a cell
        advice = "read it with bp.data.read_table" if found.key else found.advice
        raise ValueError(f"{shown} must be CSV; got {found.noun}; {advice}")
    if b"\0" in sample:
        raise ValueError(
            f"{shown} must be CSV; got bytes of 0; give encoding='utf-16-le' if it is UTF-16 "
            "without a byte order mark"
        )


def check_comments(
    sample: bytes,
    rows: Sequence[Row],
    delimiter: str,
    options: CsvOptions,
    is_last: bool,
    shown: str,
) -> None:
    """Raise ValueError if the first line looks like a comment and `comment` is not given."""
    line, first, _, _ = rows[0]
    if options.comment is not None or not first[0].startswith(("#", "%")):
        return
    sign = first[0][0]
    others = split(sample, delimiter_of(sample, sign, is_last), sign, is_last)
    if others and len(others[0][1]) != len(first):
        raise ValueError(
            f"{shown}, line {line + 1}: the line begins with {sign!r}; give comment={sign!r} if "
            "such lines are comments, or comment='' if they are rows"
        )


def check_title(
    sample: bytes,
    rows: Sequence[Row],
    delimiter: str,
    options: CsvOptions,
    is_last: bool,
    shown: str,
) -> None:
    """Raise ValueError if the first lines have one cell each, and a table follows them."""
    if len(rows[0][1]) > 1 or not rows[0][1][0]:
        return
    for sign in [delimiter] if options.delimiter != "auto" else DELIMITERS[:-1]:
        found = split(sample, sign, options.comment, is_last)
        widths = [width_of(cells) for _, cells, _, _ in found]
        n = next((k for k, width in enumerate(widths) if width > 1), 0)
        below = set(widths[n:])
        if n and len(widths) > n + 1 and len(below) == 1 and (n < found[n][0] or below != {2}):
            lines = found[n][0]
            raise ValueError(
                f"{shown}, line 1: the line has one cell, but the lines from line {lines + 1} on "
                f"have {widths[n]}; give skip_rows={lines} if the table begins there; "
                f"got {rows[0][1][0]!r}"
            )


def check_libsvm(rows: Sequence[Sequence[str]], delimiter: str, shown: str) -> None:
    """Raise ValueError if all cells after the first are pairs of a position and a number."""
    pair = re.compile(r"\d+:[-+]?[\d.]+([eE][-+]?\d+)?")
    pairs = [cell for row in rows for cell in row[1:] if cell]
    if delimiter == " " and pairs and all(map(pair.fullmatch, pairs)):
        raise ValueError(
            f"{shown} must be CSV; its cells, such as {pairs[0]!r}, look like the cells of a "
            "LIBSVM file, which is not CSV; read it with bp.data.read_table"
        )
