"""Arrays of numbers from whatever is given."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._internal import backends, interop
from ..exceptions import MaskedValues


def array_of(argument: str, given: ArrayLike) -> NDArray[Any]:
    """Return an array, or raise ValueError where values are masked or rows of unequal length."""
    try:
        return interop.array_of(argument, given)  # type: ignore[no-any-return]
    except MaskedValues:
        raise
    except ValueError:
        raise ValueError(f"{argument} must be an array; got rows of unequal length") from None


def rows_of(X: ArrayLike) -> NDArray[Any]:
    """Return X as an array (m, n_0) of real numbers, or raise ValueError or TypeError."""
    given = array_of("X", X)
    if given.ndim != 2 or 0 in given.shape:
        raise ValueError(
            f"X must have shape (samples, features), both at least 1; got shape {given.shape}"
        )
    check_real("X", given)
    return given


def check_real(argument: str, given: NDArray[Any]) -> None:
    """Raise TypeError unless the array holds bools, integers or floats."""
    if given.dtype.kind not in "biuf":
        raise TypeError(f"{argument} must hold real numbers; got dtype {given.dtype}")


COARSE = 1e-3
"""Rounding to float32, in standard deviations of a feature, that is worth a warning."""


def warn_of_rounding(name: str, values: NDArray[Any]) -> None:
    """Warn if float32 cannot tell the values (m,) of a feature apart well."""
    if values.dtype.itemsize > 4 and len(values):
        known = values[np.isfinite(values)]
        if len(known):
            reach = max(abs(float(known.min())), abs(float(known.max())))
            warn_of_spread(name, reach, float(known.std(dtype=np.float64)))


def warn_of_spread(name: str, reach: float, deviation: float) -> None:
    """Warn of a feature whose largest value float32 rounds by much of its deviation."""
    if 0 < deviation < reach * 2.0**-24 / COARSE:
        warnings.warn(
            f"feature {name!r} has values up to {reach:.6g} that differ by little "
            f"(standard deviation {deviation:.3g}): float32 rounds them; subtract a constant "
            "from it before",
            stacklevel=backends.level_of_caller(),
        )


def finite(argument: str, given: NDArray[Any]) -> NDArray[np.float32]:
    """Return a C-contiguous float32 array, or raise ValueError naming the first bad place."""
    with np.errstate(over="ignore"):  # what overflows is infinite, and reported below
        values = np.ascontiguousarray(given, dtype=np.float32)
    if not np.isfinite(values).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        place = ", ".join(f"{axis} {i}" for axis, i in zip(("row", "column"), at, strict=False))
        raise ValueError(
            f"{argument} must hold finite float32 numbers; got {given[at]} at {place} "
            "(counted from 0)"
        )
    return values
