"""Calls that take turns, so that two threads can share a network of the NumPy backend.

The compiled core has a lock of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import Any


class Turns:
    """An object whose methods are called by one thread at a time.

    >>> Turns([3, 1]).index(1)
    1
    """

    def __init__(self, served: Any) -> None:
        self._served, self._lock = served, RLock()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._served, name)
        return self._in_turn(found) if callable(found) else found

    def _in_turn(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*given: Any, **named: Any) -> Any:
            with self._lock:
                return method(*given, **named)

        return call
