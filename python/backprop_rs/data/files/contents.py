"""The bytes and the text of a file, which may be compressed with gzip."""

from __future__ import annotations

import codecs
from io import BytesIO
from os import fspath
from typing import BinaryIO

from ..._internal.printable import printable
from ..io import GZIP_MAGIC, Contents, Path, open_binary

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def opened(path: Path) -> str | BinaryIO:
    """Return the name of a plain file, or the unpacked bytes of any other."""
    if not isinstance(path, Contents):
        with open(path, "rb") as file:
            if file.read(2) != GZIP_MAGIC:
                return fspath(path)
    with open_binary(path) as unpacked:
        return BytesIO(unpacked.read())


def text_of(path: Path) -> str:
    """Return the text of a file in UTF-8, or with the byte order mark of UTF-16.

    Raises
    ------
    ValueError
        If it is in another encoding.
    """
    with open_binary(path) as file:
        data = file.read()
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{printable(path)}, line {line}: the file must be text in UTF-8; got the byte "
            f"{data[error.start]:#04x}"
        ) from None
