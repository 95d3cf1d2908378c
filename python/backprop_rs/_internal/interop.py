"""Convert foreign arrays to NumPy: frames, masked arrays and arrays with DLPack."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..exceptions import MaskedValues, NotNumbers
from . import frames


def array_of(name: str, data: Any) -> Any:
    """Return a NumPy array, without a copy if possible.

    Raises
    ------
    MaskedValues
        If values are masked, because NumPy would read the values below the mask.
    NotNumbers
        If a column of a frame does not hold numbers.
    """
    if isinstance(data, np.ndarray):
        return np.asarray(unmasked(name, data))
    if frames.library_of(data) is not None:
        return frames.array_of_frame(name, data)
    if frames.library_of(data, frames.COLUMNS) is not None:
        return frames.array_of_column(data)
    if hasattr(data, "toarray") and hasattr(data, "nnz"):
        raise NotNumbers(
            f"{name} must be dense; got a sparse {type(data).__name__}: give {name}.toarray()"
        )
    array = np.asarray(unmasked(name, data))
    if array.dtype == object and array is not data and hasattr(data, "__dlpack__"):
        return np.from_dlpack(data)
    return array


def unmasked(name: str, data: Any) -> Any:
    # Without a complete import of numpy.ma there are no masked arrays.
    """Return the argument, or raise MaskedValues if values are masked."""
    ma: Any = sys.modules.get("numpy.ma")
    if not hasattr(ma, "is_masked"):
        return data
    rows = data if isinstance(data, (list, tuple)) else [data]
    for number, row in enumerate(rows):
        if isinstance(row, ma.MaskedArray) and ma.is_masked(row):
            place = np.argwhere(ma.getmaskarray(row))[0].tolist()
            first = place if row is data else [number, *place]
            raise MaskedValues(
                f"{name} must hold no masked values; got one at {tuple(first)} (counted from 0)"
            )
    return data
