"""Read the arrays of an .npz file, which is a zip archive of .npy files.

NumPy's own reader allocates the size in a header before it reads the numbers. This reader compares
the header with the size of its member first, so that memory depends on the real size.
"""

from __future__ import annotations

import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .._internal import memory
from .._internal.printable import printable
from .io import Path, check_path

HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    EOFError,
    OSError,
    NotImplementedError,  # an unknown compression
    RuntimeError,  # a password
    SyntaxError,  # this and the next two: a header, which is Python source
    tokenize.TokenError,
    RecursionError,
)


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays by their names in lower case."""
    check_path(path)
    with open(path, "rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError(f"{printable(path)} is not an .npz file, or is truncated")
        name = ""
        try:
            with zipfile.ZipFile(file) as archive:
                arrays = {}
                members = archive.infolist()
                check_members(members, os.fstat(file.fileno()).st_size)
                for member in members:
                    name = member.filename.removesuffix(".npy")
                    if name != member.filename:
                        with archive.open(member) as opened:
                            arrays[name.lower()] = _array(opened, member.file_size)
                return arrays
        except DAMAGE as error:
            reason = " ".join(str(error).split())
            raise ValueError(
                f"{printable(path)}: array {name!r:.100} cannot be read: {reason:.300}"
            ) from None


def check_members(members: Sequence[zipfile.ZipInfo], size: int) -> None:
    """Raise ValueError if members share bytes of the file, MemoryError if they are too large.

    Members must be stored or deflated, as NumPy writes them: deflate expands by a factor of 1032
    at most, and other methods have no limit.
    """
    if sum(member.compress_size for member in members) > size:
        raise ValueError("its members are larger than the file")
    for member in members:
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError("its members must be stored or deflated, as NumPy writes them")
    memory.need(sum(member.file_size for member in members), "uint8", "an .npz file")


def _array(file: IO[bytes], size: int) -> NDArray[Any]:
    """Read an .npy file of `size` bytes (numpy.lib.format)."""
    version = np.lib.format.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"its format version must be 1.0 or 2.0; got {version}")
    shape, by_columns, dtype = HEADERS[version](file)
    if dtype.hasobject:
        raise ValueError("Object arrays may hold programs")
    expected, actual = math.prod(shape) * dtype.itemsize, size - file.tell()
    if min(shape, default=0) < 0 or expected != actual:
        raise ValueError(f"shape {shape} of {dtype} needs {expected} bytes; its file has {actual}")
    return np.ndarray(shape, dtype, file.read(), order="F" if by_columns else "C")
