"""Arrays of others, as NumPy sees them: masked ones, and those that come by DLPack alone."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..exceptions import MaskedValues
from . import frames


def array_of(name: str, given: Any) -> Any:
    """What NumPy makes of `given`, without a copy where there need be none.

    Raises
    ------
    ValueError
        Where values are masked: NumPy would take what lies beneath the mask.
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
    ma: Any = sys.modules.get(
        "numpy.ma"
    )  # where it was not imported (to its end) nothing is masked
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
