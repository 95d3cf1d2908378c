"""Open files that may be compressed with gzip, regardless of their name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from os import PathLike, fspath
from os.path import exists, isdir, isfile
from typing import BinaryIO, cast

from .._internal.printable import printable

Path = str | PathLike[str]

GZIP_MAGIC = b"\x1f\x8b"


def check_path(path: object) -> None:
    """Raise TypeError unless `path` is a name: open() takes a number for a file descriptor."""
    if not isinstance(path, str | PathLike):
        raise TypeError(f"path must be a file name; got {type(path).__name__}")


@dataclass(frozen=True)
class Contents(PathLike[str]):
    """The bytes of a stream that can be read only once; a substitute for the path of a file."""

    name: str
    data: bytes = field(repr=False)

    def __str__(self) -> str:
        return self.name

    def __fspath__(self) -> str:
        return self.name


def once_read(path: Path) -> Path:
    """Return the contents of a pipe, which cannot be opened again, or the path of a file."""
    check_path(path)
    if isinstance(path, Contents) or not exists(path) or isfile(path) or isdir(path):
        return path
    with open(path, "rb") as raw:
        return Contents(fspath(path), raw.read())


@contextmanager
def open_binary(path: Path) -> Iterator[BinaryIO]:
    """Open `path` for reading bytes; raise ValueError if a gzip file proves to be damaged."""
    import gzip
    import zlib

    path = once_read(path)
    raw: BinaryIO
    with BytesIO(path.data) if isinstance(path, Contents) else open(path, "rb") as raw:
        is_gzip = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        if not is_gzip:
            yield raw
            return
        try:
            with gzip.open(raw) as unpacked:
                yield cast(BinaryIO, unpacked)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{printable(path)} is a damaged gzip file: {error}") from None


def title(path: Path) -> str:
    """Return the name of a file without folder and extensions: the name of its data set."""
    from pathlib import PurePath

    name = PurePath(path).name.removesuffix(".gz")
    return name.rsplit(".", 1)[0] or name
