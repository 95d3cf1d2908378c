"""The number of threads that the Rust core may use.

The default is `BACKPROP_RS_NUM_THREADS`, otherwise `OMP_NUM_THREADS` (which joblib sets for its
workers, so that n processes do not start n x n threads), otherwise the processors that this process
may use. Small work runs on one thread in any case, and results never depend on the number.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock, RLock

CHANGING = RLock()  # a signal handler may open a block too
BLOCKS: list[list[int]] = []  # the number that each open `with num_threads` block restores


def set_num_threads(n: int) -> None:
    """Set the number of threads that the Rust core may use; results never depend on it.

    Parameters
    ----------
    n : int
        At least 1; more than 1024 counts as 1024. The default is the number of processors that
        this process may use.

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
    """Return the number of threads that the Rust core may use; 1 without the core.

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

    The setting holds for the whole process, with all Python threads.

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
            place = next(i for i, block in enumerate(BLOCKS) if block is mine)
            if place + 1 < len(BLOCKS):
                BLOCKS[place + 1][0] = mine[0]  # the last block to end restores the first number
            else:
                set_num_threads(mine[0])
            del BLOCKS[place]


def processors() -> int:
    """Return the number of processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


@contextmanager
def alone() -> Iterator[None]:
    """Run the core's calls of this thread on this thread alone, within a `with` block."""
    try:
        from ._core import limit_threads
    except ImportError:
        yield
        return
    before = limit_threads(1)
    try:
        yield
    finally:
        limit_threads(before)


class Team:
    """Trainings in threads of Python that share the threads of the core.

    Each uses one thread while there are enough trainings; otherwise they divide the threads as
    evenly as possible.

    Parameters
    ----------
    n : int
        The number of threads of all.
    waiting : int
        The number of trainings, which have not begun yet.
    """

    def __init__(self, n: int, waiting: int) -> None:
        self.n, self.waiting = n, waiting
        self.members: list[object] = []  # those that run
        self.lock = Lock()

    @contextmanager
    def member(self) -> Iterator[object]:
        """Take part from this thread, within a `with` block; yield what `share` takes."""
        me = object()
        with self.lock:
            self.waiting -= 1
            self.members.append(me)
        token = TEAM.set((self, me))
        try:
            with alone():
                renew_share()
                yield me
        finally:
            TEAM.reset(token)
            with self.lock:
                self.members.remove(me)

    def share(self, member: object) -> int:
        """Return the number of threads of one member."""
        with self.lock:
            others = len(self.members) + self.waiting
            each, more = divmod(self.n, others)
            return max(each + (self.members.index(member) < more), 1)


TEAM: ContextVar[tuple[Team, object] | None] = ContextVar("TEAM", default=None)


def renew_share() -> None:
    """Let the core's next calls of this thread use its present share of its team's threads."""
    team = TEAM.get()
    if team is None:
        return
    try:
        from ._core import limit_threads
    except ImportError:
        return
    limit_threads(team[0].share(team[1]))
