"""Bytes of files that are needed soon."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np

CAN_ASK = hasattr(os, "posix_fadvise")
MOST = 2**27  # bytes that are asked for at a time


def bring(path: str | os.PathLike[str], ranges: Iterable[tuple[int, int]]) -> None:
    """Have the system read ranges (first byte, how many) of a file into its page cache."""
    left = MOST
    with suppress(OSError):  # whoever reads the file hears of it
        file = os.open(path, os.O_RDONLY)
        try:
            for first, size in ranges:
                os.posix_fadvise(file, first, min(size, left), os.POSIX_FADV_WILLNEED)
                left -= min(size, left)
                if not left:
                    return
        finally:
            os.close(file)


def is_file(array: Any) -> bool:
    """Whether an array is a whole file's memory map, row by row."""
    whole = isinstance(array, np.memmap) and array.flags.c_contiguous
    return whole and array.filename is not None and not isinstance(array.base, np.ndarray)


def bring_rows(array: Any, first: int, last: int) -> None:
    """[`bring`] for rows of a memory map."""
    row = array.nbytes // len(array)
    bring(array.filename, [(array.offset + first * row, (last - first) * row)])
