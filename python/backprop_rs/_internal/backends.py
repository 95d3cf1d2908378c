"""The choice between the Rust core and its NumPy twin."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .types import Array

BACKENDS = ("auto", "rust", "numpy")


def check(backend: str) -> None:
    """Refuse what is no name of a backend."""
    if backend not in BACKENDS:
        from .error import unknown_name

        raise unknown_name("backend", backend, BACKENDS)


def choose(backend: str) -> tuple[str, Any]:
    """The name of the backend, "rust" or "numpy", and its module."""
    check(backend)
    if backend != "numpy":
        try:
            from .. import _core

            return "rust", _core
        except ImportError as error:
            if backend == "rust":
                raise
            warnings.warn(
                f"the NumPy backend is used, as the compiled core cannot be imported ({error})",
                RuntimeWarning,
                stacklevel=3,
            )
    from .. import reference

    return "numpy", reference


@contextmanager
def alone() -> Iterator[None]:
    """Let the core's calls from this thread use no other within a `with` block."""
    try:
        from .._core import set_alone
    except ImportError:
        yield
        return
    before = set_alone(True)
    try:
        yield
    finally:
        set_alone(before)


@cache
def finder() -> Callable[[Array], int | None]:
    """What finds the row-major index of the first NaN or infinity; None where all is finite."""
    try:
        from .._core import first_nonfinite
    except ImportError:
        return first_nonfinite_of_numpy
    return first_nonfinite


def first_nonfinite_of_numpy(array: Array) -> int | None:
    bad = ~np.isfinite(array)
    return int(bad.argmax()) if bad.any() else None


def level_of_caller() -> int:
    """Return the `stacklevel` at which a warning points at the first line outside this package."""
    package = __name__.partition(".")[0]
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals["__name__"].partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    return level
