"""Signals during a training: heard at once, obeyed between two steps."""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any]

PATIENCE = 0.1  # seconds that a handler of the user waits before it ends the step that is made
NUMBERS = sorted(map(int, signal.valid_signals()))
# Without the enumerations of `signal`, which take most of the time where so many are asked for.
raw = getattr(signal, "_signal", signal)


class Interrupts:
    """The signals that a training has heard.

    Python runs signal handlers wherever it happens to be, which may be within a step, or between
    an update and the record of it. Within a `with` block of the main thread signals are noted
    instead. Between two steps, when nobody has the network, the training calls the handlers of
    the user with `deliver`, and ends if Ctrl-C has been pressed. Callbacks, metrics and waits for
    samples have their signals at once.
    """

    def __init__(self, shared: Interrupts | None = None) -> None:
        self.shared = shared  # of other threads, which hear no signals of their own
        self.requested = False
        self.raising = False  # Ctrl-C raises at once
        self.open = False  # handlers of the user run at once
        self.raised: BaseException | None = None  # by a handler of the user
        self.patient = False  # handlers of the user wait for the end of the step
        self.heard: deque[tuple[float, Handler, int, FrameType | None]] = deque()
        self.before: dict[int, Handler] = {}
        self.replaced: list[int] = []
        self.noting: Handler = self.hear

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is not threading.main_thread():
            return self
        try:
            for number in NUMBERS:
                handler = raw.getsignal(number)
                if callable(handler):
                    self.before[number] = handler
                    self.replaced.append(number)
                    raw.signal(number, self.noting)
        except BaseException:  # of a handler, which `signal.signal` lets run first
            self.restore()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.restore()
        self.raising = self.open = True  # the user may have kept `noting`, and install it again
        self.deliver()

    def restore(self) -> None:
        """Put the handlers back, unless the user has set others meanwhile."""
        try:
            while self.replaced:
                number = self.replaced[-1]
                if raw.getsignal(number) is self.noting:
                    raw.signal(number, self.before[number])
                self.replaced.pop()
        except BaseException:  # of a handler that is back already
            self.restore()
            raise

    def hear(self, number: int, frame: FrameType | None) -> None:
        handler = self.before[number]
        if handler is signal.default_int_handler:
            self.requested = True
            if self.raising:
                raise KeyboardInterrupt
        elif self.open:
            try:
                handler(number, frame)
            except BaseException as error:
                self.raised = error
                raise
        else:
            self.heard.append((monotonic(), handler, number, frame))

    def pressed(self) -> bool:
        """Whether Ctrl-C has been pressed."""
        return self.requested or (self.shared is not None and self.shared.requested)

    def asked(self) -> bool:
        """Whether to give up the present step; the core asks this too."""
        if self.pressed():
            return True
        waits = bool(self.heard) and monotonic() - self.heard[0][0] > PATIENCE
        return waits and not self.patient

    def deliver(self) -> None:
        """Call the handlers of the user that wait; what they raise comes from here."""
        while self.heard:
            # Signals that come in at high rates must not end each step.
            self.patient = True
            _, handler, number, frame = self.heard.popleft()
            before, self.open = self.open, True
            try:
                handler(number, frame)
            finally:
                self.open = before

    def obey(self) -> None:
        """Call the handlers that wait; raise KeyboardInterrupt if Ctrl-C has been pressed."""
        self.deliver()
        if self.pressed():
            raise KeyboardInterrupt

    @contextmanager
    def ending_what_the_user_does(self) -> Iterator[None]:
        """Signals are heard in callbacks and metrics as they always are."""
        before = self.raising, self.open
        self.raising = self.open = True
        try:
            self.obey()
            yield
            self.obey()  # also where the user's code has caught the exception
        finally:
            self.raising, self.open = before

    @contextmanager
    def ending_what_waits(self) -> Iterator[None]:
        """Signals are heard at once in a wait for samples, which knows what to do then."""
        before = self.raising, self.open
        self.raising, self.open, self.raised = True, True, None
        try:
            self.deliver()
            yield
        except BaseException as error:
            if self.raised not in (None, error):
                raise self.raised from None  # the source took it for an error of its own
            raise
        finally:
            self.raising, self.open = before

    @contextmanager
    def ending_a_pass(self) -> Iterator[None]:
        """Ctrl-C raises KeyboardInterrupt at once; handlers of the user wait."""
        before, self.raising = self.raising, True
        try:
            yield
        finally:
            self.raising = before


# What the trainings of `train_many` listen to.
SHARED: ContextVar[Interrupts | None] = ContextVar("shared interrupts", default=None)


def present() -> Interrupts:
    """What a training of this thread is to listen to."""
    return Interrupts(SHARED.get())
