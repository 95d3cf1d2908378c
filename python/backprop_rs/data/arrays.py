"""Convert and check arrays of numbers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._internal import interop
from .._internal.stacklevel import level_of_caller
from ..exceptions import MaskedValues

MAX_EXAMINED = 1000
"""The number of rows that `warn_of_rounding` looks at."""


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


def warn_of_rounding(X: NDArray[Any], names: Sequence[str] = ()) -> None:
    """Warn if float32 rounds the values of a feature (m, n_0) by much of their deviation.

    At most `MAX_EXAMINED` rows are examined.
    """
    if X.ndim != 2 or X.dtype.itemsize <= 4 or 0 in X.shape:
        return
    rows = X[:: -(-len(X) // MAX_EXAMINED)].astype(np.float64)
    largest, deviations = np.abs(rows).max(axis=0), rows.std(axis=0)
    rounded = (deviations > 0) & (deviations < largest * 2.0**-24 / MAX_ROUNDING)
    for k in np.flatnonzero(rounded).tolist():
        warnings.warn(
            f"feature {names[k] if names else f'x{k}'!r} has values up to {largest[k]:.6g} that "
            f"differ by little (standard deviation {deviations[k]:.3g}): float32 rounds them; "
            "scale it first, as data.standardize does",
            stacklevel=level_of_caller(),
        )


def finite(argument: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return a C-contiguous array of the same type, without a copy if it is one already.

    Raise ValueError that names the first value that is not finite.
    """
    native = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    values = np.ascontiguousarray(native)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        place = ", ".join(f"{axis} {i}" for axis, i in zip(("row", "column"), at, strict=False))
        raise ValueError(
            f"{argument} must hold finite numbers; got {array[at]} at {place} (counted from 0)"
        )
    return values
