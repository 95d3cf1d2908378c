"""The choice between the Rust core and its NumPy twin."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ._types import Array

BACKENDS = ("auto", "rust", "numpy")


def choose(backend: str) -> tuple[str, Any]:
    """The name of the backend, "rust" or "numpy", and its module."""
    if backend not in BACKENDS:
        from .reference.error import unknown_name

        raise unknown_name("backend", backend, BACKENDS)
    if backend != "numpy":
        try:
            from . import _core

            return "rust", _core
        except ImportError as error:
            if backend == "rust":
                raise
            warnings.warn(
                f"the NumPy backend is used, as the compiled core cannot be imported ({error})",
                RuntimeWarning,
                stacklevel=3,
            )
    from . import reference

    return "numpy", reference


@cache
def finder() -> Callable[[Array], int | None]:
    """What finds the row-major index of the first NaN or infinity; None where all is finite."""
    try:
        from ._core import first_nonfinite
    except ImportError:
        return first_nonfinite_of_numpy
    return first_nonfinite


def first_nonfinite_of_numpy(array: Array) -> int | None:
    bad = ~np.isfinite(array)
    return int(bad.argmax()) if bad.any() else None


def set_num_threads(n: int) -> None:
    """Set how many threads the Rust core may use; results never depend on it.

    Parameters
    ----------
    n : int
        At least 1. The default is the number of processors this process may use.

    Raises
    ------
    TypeError, ValueError
        If n is not an integer >= 1.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> n = bp.get_num_threads()
    >>> bp.set_num_threads(n)
    """
    from ._check import integer

    n = integer("n", n, least=1)
    try:
        from . import _core
    except ImportError:
        if n != get_num_threads():
            message = "set_num_threads has no effect, as the compiled core cannot be imported"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
    else:
        _core.set_num_threads(n)


def get_num_threads() -> int:
    """How many threads the Rust core may use; 1 where it cannot be imported.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> bp.get_num_threads() >= 1
    True
    """
    try:
        from . import _core
    except ImportError:
        return 1
    return _core.get_num_threads()
