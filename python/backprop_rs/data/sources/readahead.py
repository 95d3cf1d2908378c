"""Ask the OS to prefetch byte ranges of a file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np

CAN_PREFETCH = hasattr(os, "posix_fadvise")
MAX_BYTES = 2**27  # of one call


def prefetch(path: str | os.PathLike[str], ranges: Iterable[tuple[int, int]]) -> None:
    """Ask the OS to read ranges (first byte, number of bytes) of a file into its page cache."""
    left = MAX_BYTES
    with suppress(OSError):  # reading the file reports it
        file = os.open(path, os.O_RDONLY)
        try:
            for first, size in ranges:
                os.posix_fadvise(file, first, min(size, left), os.POSIX_FADV_WILLNEED)
                left -= min(size, left)
                if not left:
                    return
        finally:
            os.close(file)


def is_mapped_file(array: Any) -> bool:
    """Return True if an array is the memory map of a whole file, row by row."""
    whole = isinstance(array, np.memmap) and array.flags.c_contiguous
    return whole and array.filename is not None and not isinstance(array.base, np.ndarray)


def prefetch_rows(array: Any, first: int, last: int) -> None:
    """Ask the OS to prefetch the rows `first` to `last` of a memory map."""
    row = array.nbytes // len(array)
    prefetch(array.filename, [(array.offset + first * row, (last - first) * row)])
