"""Convert and check arrays of numbers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._internal import interop
from .._internal.stacklevel import level_of_caller
from ..exceptions import MaskedValues


def array_of(argument: str, values: ArrayLike) -> NDArray[Any]:
    """Return an array, or raise ValueError if values are masked or rows differ in length."""
    try:
        return interop.array_of(argument, values)  # type: ignore[no-any-return]
    except MaskedValues:
        raise
    except ValueError:
        raise ValueError(f"{argument} must be an array; got rows of unequal length") from None


def rows_of(X: ArrayLike) -> NDArray[Any]:
    """Return X as an array (m, n_0) of real numbers, or raise ValueError or TypeError."""
    rows = array_of("X", X)
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(
            f"X must have shape (samples, features), both at least 1; got shape {rows.shape}"
        )
    check_real("X", rows)
    return rows


def check_real(argument: str, array: NDArray[Any]) -> None:
    """Raise TypeError unless the array holds bools, integers or floats."""
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{argument} must hold real numbers; got dtype {array.dtype}")


MAX_ROUNDING = 1e-3
"""Rounding to float32, in standard deviations of a feature, above which a warning is due."""


def warn_of_rounding(name: str, values: NDArray[Any]) -> None:
    """Warn if float32 rounds the values (m,) of a feature by much of their deviation."""
    if values.dtype.itemsize > 4 and len(values):
        known = values[np.isfinite(values)]
        if len(known):
            largest = max(abs(float(known.min())), abs(float(known.max())))
            warn_of_spread(name, largest, float(known.std(dtype=np.float64)))


def warn_of_spread(name: str, largest: float, deviation: float) -> None:
    """Warn if float32 rounds the largest value of a feature by much of its deviation."""
    if 0 < deviation < largest * 2.0**-24 / MAX_ROUNDING:
        warnings.warn(
            f"feature {name!r} has values up to {largest:.6g} that differ by little "
            f"(standard deviation {deviation:.3g}): float32 rounds them; subtract a constant "
            "from it first",
            stacklevel=level_of_caller(),
        )


def finite(argument: str, array: NDArray[Any]) -> NDArray[np.float32]:
    """Return a C-contiguous float32 array, or raise ValueError that names the first bad value."""
    with np.errstate(over="ignore"):  # values that overflow become infinite, and are reported below
        values = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(values).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        place = ", ".join(f"{axis} {i}" for axis, i in zip(("row", "column"), at, strict=False))
        raise ValueError(
            f"{argument} must hold finite float32 numbers; got {array[at]} at {place} "
            "(counted from 0)"
        )
    return values
