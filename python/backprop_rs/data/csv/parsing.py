"""Run the parser of the core over a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..._internal.printable import printable
from .file_layout import Layout
from .notation import Notation
from .text import bad_encoding, open_utf8

if TYPE_CHECKING:
    from ..._core import CsvParser

BUFFER_BYTES = 2**22
FIRST_BYTES = 2**16


def parser_of(
    layout: Layout, notations: Sequence[Notation], kept: Mapping[int, Sequence[str]]
) -> CsvParser:
    """Return a parser of the rows below the header.

    `kept` are words that are not missing in some columns.
    """
    columns = [
        (notation.kind, list(notation.options), list(kept.get(k, ())))
        for k, notation in enumerate(notations)
    ]
    from ..._core import CsvParser

    words = list(layout.options.missing_values)
    return CsvParser(ord(layout.delimiter), layout.comment, columns, words, layout.line)


def parse(layout: Layout, parser: CsvParser, n_bytes: int = BUFFER_BYTES) -> Iterator[bool]:
    """Parse a file, and yield after each buffer if it is the last one.

    Raises
    ------
    ValueError
        If a record cannot be read; the error names its line.
    """
    buffer = np.empty(min(n_bytes, FIRST_BYTES), np.uint8)
    with open_utf8(layout.path, layout.options.encoding) as file:
        skip = layout.start
        while skip:
            skip -= file.readinto(buffer.data[: min(skip, len(buffer))])
        have, is_last = 0, False
        while not is_last:
            n = file.readinto(buffer.data[have:])
            is_full, is_last = have + n == len(buffer), not n
            have += n
            used = parser.parse(buffer, have, is_last)
            check_records(layout, parser)
            have -= used
            buffer[:have] = buffer[used : used + have]
            # A record is longer than the buffer, or the file is longer than the first buffers.
            if have == len(buffer) or (is_full and len(buffer) < n_bytes):
                buffer = np.concatenate([buffer, np.empty_like(buffer)])
            yield is_last


def check_records(layout: Layout, parser: CsvParser) -> None:
    """Raise ValueError that names the line of a record that cannot be read."""
    bad = parser.bad_record
    if bad is None:
        return
    line, reason, detail = bad
    if reason == "encoding":
        raise bad_encoding(layout.path, layout.options.encoding, detail, line + 1)
    place = f"{printable(layout.path)}, line {line + 1}"
    if reason == "cells":
        raise ValueError(
            f"{place}: a row must have as many cells as the first row ({len(layout.names)}); "
            f"got {detail}"
        )
    delimiter = layout.delimiter
    what = {
        "unclosed": "unexpected end of data in a cell whose quotation mark is not closed",
        "after quote": f"{chr(detail)!r} after the end of a quoted cell, where {delimiter!r} was "
        "expected",
        "too long": "field larger than 131072 bytes, perhaps after a quotation mark that is not "
        "closed",
    }[reason]
    raise ValueError(f"{place}: the row must be CSV; got {what}")


def find_row(layout: Layout, row: int) -> tuple[int, list[str]]:
    """Return the line (counted from 1) and the cells of a row below the header."""
    from ..._core import csv_find_row

    buffer = bytearray()
    line = layout.line
    with open_utf8(layout.path, layout.options.encoding) as file:
        chunk = bytearray(FIRST_BYTES)
        skip = layout.start
        while skip:
            skip -= file.readinto(memoryview(chunk)[: min(skip, len(chunk))])
        while True:
            n = file.readinto(memoryview(chunk))
            buffer += chunk[:n]
            passed, lines, used, found = csv_find_row(
                bytes(buffer), ord(layout.delimiter), layout.comment, row, not n
            )
            if found is not None:
                return line + found[0] + 1, found[1]
            if not n:
                raise IndexError(f"{printable(layout.path)} has no row {row}: it has changed")
            row -= passed
            line += lines
            del buffer[:used]
