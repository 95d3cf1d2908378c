"""Ctrl-C during a training: heard at once, obeyed between two steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any


class Interrupts:
    """Whether a training has been asked to end.

    Python raises KeyboardInterrupt wherever it happens to be, which may be between an update and
    the record of it. Within a `with` block of the main thread Ctrl-C is noted instead, and the
    training looks at `requested` between two steps. A handler of the user's own is left alone.
    """

    def __init__(self, shared: Interrupts | None = None) -> None:
        self.shared = shared  # of other threads, which hear no signals of their own
        self.requested = False
        self.raising = False
        self.before: Any = None

    def __enter__(self) -> Interrupts:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self.before = signal.signal(signal.SIGINT, self.hear)
        return self

    def __exit__(self, *error: object) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)
            self.before = None

    def hear(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        if self.raising:
            raise KeyboardInterrupt

    def asked(self) -> bool:
        """Whether to give up; the core asks this too."""
        return self.requested or (self.shared is not None and self.shared.requested)

    @contextmanager
    def ending_what_the_user_does(self) -> Iterator[None]:
        """Ctrl-C in callbacks and metrics raises KeyboardInterrupt there, as it always does."""
        self.raising = True
        try:
            self.obey()
            yield
            self.obey()  # also where the user's code has caught the exception
        finally:
            self.raising = False

    @contextmanager
    def ending_what_waits(self) -> Iterator[None]:
        """Ctrl-C raises KeyboardInterrupt in a wait for samples, which knows what to do then."""
        self.raising = True
        try:
            yield
        finally:
            self.raising = False

    def obey(self) -> None:
        if self.asked():
            raise KeyboardInterrupt


# What the trainings of `train_many` listen to.
SHARED: ContextVar[Interrupts | None] = ContextVar("shared interrupts", default=None)


def present() -> Interrupts:
    """What a training of this thread is to listen to."""
    return Interrupts(SHARED.get())
