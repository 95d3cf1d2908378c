"""How many threads the Rust core may use.

The default is `BACKPROP_RS_NUM_THREADS`, else `OMP_NUM_THREADS` (which joblib sets for its
workers, so that n processes do not start n x n threads), else the processors that this process may
use. Work too small to share runs on one thread whatever is set, and results never depend on it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

CHANGING = RLock()  # a signal handler may have a block of its own
BLOCKS: list[list[int]] = []  # what each `with num_threads` block that is open restores


def set_num_threads(n: int) -> None:
    """Set how many threads the Rust core may use; results never depend on it.

    Parameters
    ----------
    n : int
        At least 1; more than 1024 are 1024. The default is the number of processors this
        process may use.

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
    from ._internal.checks import integer

    n = min(integer("n", n, least=1), 1024)
    try:
        from . import _core
    except ImportError:
        if n != get_num_threads():
            message = "set_num_threads has no effect because the compiled core cannot be imported"
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


@contextmanager
def num_threads(n: int) -> Iterator[None]:
    """Let the Rust core use n threads within a `with` block.

    The setting is that of the whole process, other Python threads included.

    Parameters
    ----------
    n : int
        At least 1.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> with bp.num_threads(1):
    ...     bp.get_num_threads()
    1
    """
    with CHANGING:
        mine = [get_num_threads()]
        set_num_threads(n)
        BLOCKS.append(mine)
    try:
        yield
    finally:
        with CHANGING:
            place = next(i for i, one in enumerate(BLOCKS) if one is mine)
            if place + 1 < len(BLOCKS):
                BLOCKS[place + 1][0] = mine[0]  # whoever ends last restores what was first
            else:
                set_num_threads(mine[0])
            del BLOCKS[place]


def processors() -> int:
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


@contextmanager
def alone() -> Iterator[None]:
    """Run the core's calls of this thread on this thread alone, within a `with` block."""
    try:
        from ._core import set_alone
    except ImportError:
        yield
        return
    before = set_alone(True)
    try:
        yield
    finally:
        set_alone(before)
