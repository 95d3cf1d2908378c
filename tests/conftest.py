"""Settings and fixtures of all tests.

`backend` and `core` run a test with the Rust core and with its NumPy twin; `sweep` shortens a long
series of cases, unless pytest has the option `--full`.
"""

import os
import signal
import sys
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import settings

# No deadlines, because other workers use the processors, too. Every run makes the same examples, so
# that a change is not held up by a fault that it does not have; `--full` draws new ones.
settings.register_profile("full", deadline=None)
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")
os.environ.setdefault("MPLBACKEND", "Agg")  # pictures need no screen
# The products of the tests are small: threads of OpenBLAS only wait for each other, which takes
# several times the time if other workers use the processors.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a shell does so for `pytest &`
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests' processes inherit it
sys.path.append(str(Path(__file__).parent))  # for helpers such as bounds.py


def missing_core():
    """Return the reason why the compiled core cannot be imported, or None."""
    try:
        import_module("backprop_rs._core")
    except ImportError as error:
        return f"the compiled core cannot be imported: {error}"
    return None


MISSING = missing_core()


MAX_WORKERS = 8  # each has threads of its own and some 500 MB of memory


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="run long series of cases in full length")


def pytest_xdist_auto_num_workers(config):
    """Return one worker for each processor; for single files, none, because they start slowly."""
    if config.option.numprocesses == "auto":  # which the user has chosen: see `addopts`
        return None
    if not all(Path(path).is_dir() for path in config.args):
        return 0
    return min(processors(), MAX_WORKERS)


def processors():
    """Return the number of processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def pytest_configure(config):
    """Draw new examples with `--full`."""
    if config.getoption("full"):
        settings.load_profile("full")


@pytest.hookimpl(tryfirst=True)  # before `-m full` chooses
def pytest_collection_modifyitems(config, items):
    """Leave out the tests of `--full` alone, and give its marker to those that it makes longer."""
    if not config.getoption("full"):
        config.hook.pytest_deselected(items=[item for item in items if is_full(item)])
        items[:] = [item for item in items if not is_full(item)]
    for item in items:
        if "sweep" in getattr(item, "fixturenames", ()):
            item.add_marker("full")


def is_full(item):
    return item.get_closest_marker("full") is not None


@pytest.fixture
def sweep(request):
    """Return a function that gives `n` of some cases, evenly spaced; with `--full`, all."""

    def choose(cases, n):
        cases = list(cases)
        if request.config.getoption("full") or len(cases) <= n:
            return cases
        return [cases[i * (len(cases) - 1) // (n - 1)] for i in range(n)]

    return choose


@pytest.fixture(autouse=True)
def closed_figures():
    """Close all figures after a test; Matplotlib would warn of too many."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(params=["rust", "numpy"], scope="module")
def backend(request):
    """Return the name of a backend, for `Network(..., backend=backend)`."""
    if request.param == "rust" and MISSING:
        pytest.skip(MISSING)
    return request.param


@pytest.fixture(scope="module")
def core(backend):
    """Return the module of a backend, without the checks of the public interface."""
    return import_module("backprop_rs._core" if backend == "rust" else "backprop_rs.reference")


@pytest.fixture(scope="session")
def both():
    """Return the modules of both backends, Rust first, for tests that compare them."""
    if MISSING:
        pytest.skip(MISSING)
    return import_module("backprop_rs._core"), import_module("backprop_rs.reference")
