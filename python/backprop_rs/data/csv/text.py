"""Read the text of a file as UTF-8 bytes, from any encoding."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Protocol

from ..._internal.printable import printable
from ..io import Path, open_binary

CHUNK = 2**20
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks; that of UTF-16 is the start of that of UTF-32, which comes first."""


class Bytes(Protocol):
    """A stream of bytes."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill a buffer from its start and return the number of bytes; 0 is the end."""


@contextmanager
def open_utf8(path: Path, encoding: str) -> Iterator[Bytes]:
    """Open a file, which may be compressed with gzip, as UTF-8 without a byte order mark.

    "auto" is UTF-8 unless the file has the byte order mark of another encoding.
    """
    with open_binary(path) as raw:
        start = raw.read(4)
        raw.seek(0)
        mark = next((mark for mark in MARKS if start.startswith(mark)), b"")
        if encoding == "auto":
            encoding = MARKS.get(mark, "utf-8")
        if known_name(encoding) not in ("utf-8", "utf-8-sig"):
            yield Decoded(raw, path, encoding)
            return
        raw.read(len(mark) if mark == codecs.BOM_UTF8 else 0)
        yield raw  # type: ignore[misc]


def known_name(encoding: str) -> str:
    """Return the name of an encoding in Python, or raise ValueError if there is none."""
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise ValueError(f"encoding must be a known one; got {encoding!r}") from None


class Decoded:
    """The text of a stream in another encoding, as UTF-8."""

    def __init__(self, raw: BinaryIO, path: Path, encoding: str) -> None:
        self.raw, self.path, self.encoding = raw, path, encoding
        self.decoder = codecs.getincrementaldecoder(encoding)()
        self.rest, self.ended = b"", False

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill a buffer from its start and return the number of bytes; 0 is the end."""
        while not self.rest and not self.ended:
            data = self.raw.read(CHUNK)
            self.ended = not data
            try:
                self.rest = self.decoder.decode(data, self.ended).encode()
            except UnicodeDecodeError as error:
                raise bad_encoding(self.path, self.encoding, error.object[error.start]) from None
            except UnicodeError as error:
                raise bad_encoding(self.path, self.encoding, str(error)) from None
        n = min(len(buffer), len(self.rest))
        buffer[:n] = self.rest[:n]
        self.rest = self.rest[n:]
        return n


def bad_encoding(
    path: Path, encoding: str, found: int | str, line: int | None = None
) -> ValueError:
    """Return the error for bytes that are not in the encoding of a file."""
    place = printable(path) + ("" if line is None else f", line {line}")
    name = "utf-8" if encoding == "auto" else encoding
    fault = f"the byte {found:#04x}" if isinstance(found, int) else found
    return ValueError(
        f"{place}: the file must be text in the encoding {name!r}, or encoding must name its own, "
        f"such as 'latin-1', 'cp1252' or 'utf-16'; got {fault}"
    )
