"""Calls that take turns, so that threads and handlers can share a network of the NumPy backend.

The compiled core has turns of its own, by the same rules.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import RLock, get_ident
from typing import Any

# The methods that change a network. All others read it.
WRITES = frozenset(
    {"apply_gradient", "go_back", "initialize", "set_biases", "set_gains", "set_optimizer"}
    | {"set_part", "set_shifts", "set_state", "set_weights", "step", "sum_gradient", "train"}
)
MOST_NESTED = 8  # calls of one thread that may read within each other
LOOK = 0.03  # seconds between two searches for a circle

WAITING: dict[int, Turns] = {}  # what each thread waits for


class Turns:
    """An object whose methods are called by one thread at a time.

    A call may run signal handlers, finalizers and functions of the user, which may ask for the
    same object. They may read it if the call only reads it too.

    >>> Turns([3, 1]).index(1)
    1
    """

    def __init__(self, served: Any) -> None:
        self._served, self._lock = served, RLock()
        self._depth, self._writing, self._holder = 0, False, 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._served, name)
        return self._in_turn(found, name in WRITES) if callable(found) else found

    def _in_turn(self, method: Callable[..., Any], writes: bool) -> Callable[..., Any]:
        @wraps(method)
        def call(*given: Any, **named: Any) -> Any:
            self._wait(writes)
            try:
                depth, writing, holder = self._depth, self._writing, self._holder
                if writing or (writes and depth) or depth > MOST_NESTED:
                    raise RuntimeError(in_use("changed" if writes else "read"))
                try:
                    self._depth, self._writing, self._holder = depth + 1, writes, get_ident()
                    return method(*given, **named)
                finally:
                    self._depth, self._writing, self._holder = depth, writing, holder
            finally:
                self._lock.release()

        return call

    def _wait(self, writes: bool) -> None:
        """Wait for a turn, unless those before wait for this thread."""
        if self._lock.acquire(blocking=False):
            return
        me = get_ident()
        while True:
            WAITING[me] = self
            try:
                if self._lock.acquire(timeout=LOOK):
                    return
            finally:
                WAITING.pop(me, None)
            if self._waits_for(me):
                raise RuntimeError(in_use("changed" if writes else "read"))

    def _waits_for(self, me: int) -> bool:
        """Whether the holder waits, itself or through others, for what a thread holds."""
        holder = self._holder
        for _ in range(len(WAITING) + 1):
            if holder == me:
                return True
            next_one = WAITING.get(holder)
            if next_one is None:
                return False
            holder = next_one._holder
        return False


def in_use(what: str) -> str:
    """The sentence for foreign code within a call; `src/python/lock.rs` has the same one."""
    return (
        f"this network must not be {what} here: the call that runs this signal handler, finalizer "
        "or function is using it; its sizes and names can be read"
    )
