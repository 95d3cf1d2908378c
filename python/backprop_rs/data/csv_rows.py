"""Split a CSV file into rows and cells."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from .._internal.printable import printable
from .io import Path, open_binary

DELIMITERS = ("\t", ";", "|", ",", " ")
"""Tried in this order: the comma comes late, because numbers and texts may contain it."""

MISSING_WORDS = frozenset({"", "?", "na", "n/a", "#n/a", "<na>", "nan", "null", "none"})
"""A cell that is one of these, in upper or lower case, is missing."""


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[TextIO]:
    """Open `path` for reading lines; raise ValueError if its text is not in `encoding`."""
    import io

    if encoding.lower() in ("utf-8", "utf8"):
        encoding = "utf-8-sig"  # skips a byte order mark
    with open_binary(path) as raw:
        try:
            with io.TextIOWrapper(raw, encoding, newline="") as file:
                yield file
        except UnicodeError as error:
            fault = str(error)
            if isinstance(error, UnicodeDecodeError):
                fault = f"the byte {error.object[error.start]:#04x}"
            raise ValueError(
                f"{printable(path)} must be text in the encoding "
                f"{encoding.removesuffix('-sig')!r}, or encoding must name its own; got {fault}"
            ) from None
        except LookupError:
            raise ValueError(f"encoding must be a known one; got {encoding!r}") from None


def split_rows(
    lines: Iterable[str], delimiter: str, source: str, *, strict: bool = True
) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line (counted from 1) and the stripped cells of each non-blank row."""
    import csv

    if delimiter == " ":
        lines = (line.strip().replace("\t", " ") for line in lines)
    rows = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=strict)
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise ValueError(f"{source}, line {line}: the row must be CSV; got {error}") from None
        if row is None:
            return
        cells = [cell.strip() for cell in row]
        if cells and cells != [""]:
            yield line, cells


def delimiter_of(lines: Sequence[str], source: str) -> str:
    """Return the first delimiter that splits all lines into equally many cells, at least 2."""
    widths = {}
    for delimiter in DELIMITERS:
        rows = list(split_rows(lines, delimiter, source, strict=False))
        # The last row may end inside a quoted cell.
        widths[delimiter] = [len(row) for _, row in rows[: max(1, len(rows) - 1)]]
        if len(set(widths[delimiter])) == 1 and widths[delimiter][0] > 1:
            return delimiter
    first = {delimiter: widths[delimiter][:1] for delimiter in DELIMITERS[:-1]}
    widest = max(first, key=first.__getitem__)
    return widest if first[widest] > [1] else ","


def is_missing(cell: str) -> bool:
    """Return True if a stripped cell is missing."""
    return cell.lower() in MISSING_WORDS


def parsed(cell: str) -> float | None:
    """Return the number that a cell holds, or None."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return None if math.isnan(value) or "_" in cell else value


def cell_coder(codes: dict[str, float]) -> Callable[[str], float]:
    """Return the function that numbers texts in order of appearance, and keeps them in `codes`."""

    def code(cell: str) -> float:
        known = codes.get(cell)
        if known is not None:
            return known
        cell = cell.strip()
        return math.nan if is_missing(cell) else codes.setdefault(cell, float(len(codes)))

    return code
