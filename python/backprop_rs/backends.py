"""The choice between the Rust core and its NumPy twin."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from ._internal.error import unknown_name

if TYPE_CHECKING:
    from ._internal.core import Backend

BACKENDS = ("auto", "rust", "numpy")


def check(backend: str) -> None:
    """Raise ValueError if `backend` is not the name of a backend."""
    if backend not in BACKENDS:
        raise unknown_name("backend", backend, BACKENDS)


def choose(backend: str) -> tuple[str, Backend]:
    """Return the name of the backend, "rust" or "numpy", and its module.

    "auto" is the Rust core, or the NumPy twin with a warning if the core cannot be imported.
    """
    check(backend)
    if backend != "numpy":
        try:
            from . import _core

            core: Backend = _core
            return "rust", core
        except ImportError as error:
            if backend == "rust":
                raise
            warnings.warn(
                "the NumPy backend is used, because the compiled core cannot be imported "
                f"({error})",
                RuntimeWarning,
                stacklevel=3,
            )
    from . import reference

    twin: Backend = reference
    return "numpy", twin
