"""Fixtures: one of them runs a test on both backends, the Rust core and its NumPy twin."""

import os
import sys
from importlib import import_module
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")  # pictures need no screen
sys.path.append(str(Path(__file__).parent))  # for helpers such as bounds.py


def missing_core():
    """Return the reason why the compiled core cannot be imported, or None."""
    try:
        import_module("backprop_rs._core")
    except ImportError as error:
        return f"the compiled core cannot be imported: {error}"
    return None


MISSING = missing_core()


@pytest.fixture(autouse=True)
def closed_figures():
    """Close all figures after a test; Matplotlib would warn of too many."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(params=["rust", "numpy"], scope="session")
def backend(request):
    """Return the name of a backend, for `Network(..., backend=backend)`."""
    if request.param == "rust" and MISSING:
        pytest.skip(MISSING)
    return request.param


@pytest.fixture(scope="session")
def core(backend):
    """Return the module of a backend, without the checks of the public interface."""
    return import_module("backprop_rs._core" if backend == "rust" else "backprop_rs.reference")


@pytest.fixture(scope="session")
def both():
    """Return the modules of both backends, Rust first, for tests that compare them."""
    if MISSING:
        pytest.skip(MISSING)
    return import_module("backprop_rs._core"), import_module("backprop_rs.reference")
