"""Arrays of numbers from whatever is given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _foreign
from ..exceptions import MaskedValues


def array_of(argument: str, given: ArrayLike) -> NDArray[Any]:
    """Return an array, or raise ValueError where values are masked or rows of unequal length."""
    try:
        return _foreign.array_of(argument, given)  # type: ignore[no-any-return]
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
