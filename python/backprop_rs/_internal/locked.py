"""A lock around the methods of a network of the NumPy backend, for threads and handlers.

The compiled core has its own lock with the same rules.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import RLock, get_ident
from typing import Any

# The methods that change a network. All others read it.
WRITES = frozenset(
    {"apply_gradient", "go_back", "initialize", "set_alphas", "set_biases", "set_embeddings"}
    | {"set_gains", "set_optimizer", "set_part", "set_scales", "set_shifts", "set_state"}
    | {"set_weights", "step", "sum_gradient", "train"}
)
MAX_NESTED = 8  # nested reading calls of one thread
POLL = 0.03  # seconds between two checks for a deadlock

WAITING: dict[int, Locked] = {}  # the object that each thread waits for


class Locked:
    """An object whose methods are called by one thread at a time.

    A call may run signal handlers, finalizers and functions of the user, which may call the same
    object again. They may read it if the outer call only reads it too.

    >>> Locked([3, 1]).index(1)
    1
    """

    def __init__(self, served: Any) -> None:
        """Lock the methods of `served`."""
        self._served, self._lock = served, RLock()
        self._depth, self._writing, self._holder = 0, False, 0

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._served, name)
        return self._locked(member, name in WRITES) if callable(member) else member

    def _locked(self, method: Callable[..., Any], writes: bool) -> Callable[..., Any]:
        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            self._wait(writes)
            try:
                depth, writing, holder = self._depth, self._writing, self._holder
                if writing or (writes and depth) or depth > MAX_NESTED:
                    raise RuntimeError(in_use("changed" if writes else "read"))
                try:
                    self._depth, self._writing, self._holder = depth + 1, writes, get_ident()
                    return method(*args, **kwargs)
                finally:
                    self._depth, self._writing, self._holder = depth, writing, holder
            finally:
                self._lock.release()

        return call

    def _wait(self, writes: bool) -> None:
        """Wait for the lock, or raise RuntimeError if its holder waits for this thread."""
        if self._lock.acquire(blocking=False):
            return
        me = get_ident()
        while True:
            WAITING[me] = self
            try:
                if self._lock.acquire(timeout=POLL):
                    return
            finally:
                WAITING.pop(me, None)
            if self._waits_for(me):
                raise RuntimeError(in_use("changed" if writes else "read"))

    def _waits_for(self, me: int) -> bool:
        """Return True if the holder waits, itself or through others, for a lock of this thread."""
        holder = self._holder
        for _ in range(len(WAITING) + 1):
            if holder == me:
                return True
            other = WAITING.get(holder)
            if other is None:
                return False
            holder = other._holder
        return False


def in_use(what: str) -> str:
    """Return the sentence for a call from within a call."""
    return (
        f"this network must not be {what} here: the call that runs this signal handler, finalizer "
        "or function is using it; its sizes and names can be read"
    )
