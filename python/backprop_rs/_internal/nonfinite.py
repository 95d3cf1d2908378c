"""Find the first NaN or infinity of an array."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .types import Array


@cache
def finder() -> Callable[[Array], int | None]:
    """Return the fastest function for the search.

    It returns the row-major index of the first NaN or infinity, or None if all are finite.
    """
    try:
        from .._core import first_nonfinite
    except ImportError:
        return first_nonfinite_of_numpy
    return first_nonfinite


def first_nonfinite_of_numpy(array: Array) -> int | None:
    """Return the row-major index of the first NaN or infinity, or None if all are finite."""
    bad = ~np.isfinite(array)
    return int(bad.argmax()) if bad.any() else None
