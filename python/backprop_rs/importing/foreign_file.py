"""Arrays of a safetensors file that another program wrote.

There is no checksum and there are no settings in such a file. Its header is read and limited as
that of a model is: arrays share the bytes of the file without holes and overlaps, so that reading
takes memory in proportion to its size.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from .._internal.printable import printable
from .._internal.safetensors import Refused, read_foreign

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Path

# The name of a type in the header, and of the type to read it as.
TYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "uint16"}


def read(path: Path) -> dict[str, AnyArray]:
    """The arrays by their names.

    Raises
    ------
    ValueError
        If it is not a safetensors file, or holds anything but floating-point arrays.
    """
    try:
        found = read_foreign(path, TYPES)
    except Refused as reason:
        sentence = "arrays must name a safetensors file of weights and biases"
        text = f"{printable(reason):.1000}"
        raise ValueError(f"{sentence}; {os.fspath(path)!r} {text}") from None
    return {name: numbers(dtype, array) for name, (dtype, array) in found.items()}


def numbers(dtype: str, array: AnyArray) -> AnyArray:
    """The numbers of an array as it was read."""
    if dtype == "BF16":  # the upper half of a float32
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array
