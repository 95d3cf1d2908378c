"""Convert foreign arrays to NumPy: frames, masked arrays and arrays with DLPack."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..exceptions import MaskedValues
from . import frames


def array_of(name: str, given: Any) -> Any:
    """Return a NumPy array, without a copy if possible.

    Raises
    ------
    MaskedValues
        If values are masked, because NumPy would read the values below the mask.
    NotNumbers
        If a column of a frame does not hold numbers.
    """
    if isinstance(given, np.ndarray):
        return np.asarray(unmasked(name, given))
    if frames.library_of(given) is not None:
        return frames.array_of_frame(name, given)
    if frames.library_of(given, frames.COLUMNS) is not None:
        return frames.array_of_column(given)
    array = np.asarray(unmasked(name, given))
    if array.dtype == object and array is not given and hasattr(given, "__dlpack__"):
        return np.from_dlpack(given)
    return array


def unmasked(name: str, given: Any) -> Any:
    # Without a complete import of numpy.ma there are no masked arrays.
    """Return the argument, or raise MaskedValues if values are masked."""
    ma: Any = sys.modules.get("numpy.ma")
    if not hasattr(ma, "is_masked"):
        return given
    rows = given if isinstance(given, (list, tuple)) else [given]
    for number, row in enumerate(rows):
        if isinstance(row, ma.MaskedArray) and ma.is_masked(row):
            place = np.argwhere(ma.getmaskarray(row))[0].tolist()
            first = place if row is given else [number, *place]
            raise MaskedValues(
                f"{name} must hold no masked values; got one at {tuple(first)} (counted from 0)"
            )
    return given
