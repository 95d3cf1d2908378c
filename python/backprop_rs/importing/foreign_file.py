"""Arrays of a safetensors file that another program wrote.

There is no checksum and there are no settings in such a file; what its header says is held against
its size before anything is allocated.
"""

from __future__ import annotations

import os
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from .._safetensors import Refused, are_counts, header_of, size_of

if TYPE_CHECKING:
    from .._types import AnyArray, Path

# The name of a type in the header, and of the type to read it as.
TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def read(path: Path) -> dict[str, AnyArray]:
    """The arrays by their names.

    Raises
    ------
    ValueError
        If it is not a safetensors file, or holds anything but floating-point arrays.
    """
    try:
        size = size_of(path)
        with open(path, "rb") as file:
            header, begin = header_of(file, size)
            header.pop("__metadata__", None)
            places = {name: place(name, entry, size - begin) for name, entry in header.items()}
            return {name: array(file, begin, *found) for name, found in places.items()}
    except Refused as reason:
        sentence = "arrays must name a safetensors file of weights and biases"
        raise ValueError(f"{sentence}; {os.fspath(path)!r} {reason}") from None


def place(name: str, entry: Any, size: int) -> tuple[str, tuple[int, ...], int]:
    """The type, the shape and the first byte of an array that lies within the file."""
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
        raise Refused(f"must have dtype, shape and data_offsets of {name} in its header")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in TYPES:
        raise Refused(f"has {name} of dtype {dtype!r}, and not of {', '.join(TYPES)}")
    if not are_counts(shape) or not are_counts(offsets) or len(offsets) != 2:
        raise Refused(f"has {name} with a shape or data_offsets that are not counts")
    start, end = offsets
    if end > size or end - start != prod(shape) * np.dtype(TYPES[dtype]).itemsize:
        raise Refused(f"has {name} of shape {shape} in {end - start} bytes of {size}")
    return dtype, tuple(shape), start


def array(file: BinaryIO, begin: int, dtype: str, shape: tuple[int, ...], start: int) -> AnyArray:
    file.seek(begin + start)
    kind = np.dtype(TYPES[dtype])
    values = np.frombuffer(file.read(prod(shape) * kind.itemsize), kind).reshape(shape)
    if dtype == "BF16":  # the upper half of a float32
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values
