"""Handle signals during a training: record them immediately, act on them between two steps."""

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

PATIENCE = 0.1  # seconds that a handler of the user waits before it cuts the current step short
NUMBERS = sorted(map(int, signal.valid_signals()))
# The C module: the enumerations of `signal` take most of the time of asking for all handlers.
raw = getattr(signal, "_signal", signal)


class Interrupts:
    """Record the signals that arrive during a training.

    Python may run a signal handler anywhere: within a step, or between an update and its record.
    Within a `with` block of the main thread signals are therefore only recorded. Between two
    steps, when the network is consistent, the training calls the handlers of the user with
    `deliver`, and it ends if Ctrl-C has been pressed. In callbacks, metrics and waits for samples
    signals act immediately.

    Parameters
    ----------
    shared : Interrupts, optional
        The signals of the main thread, for a training in another thread, which receives none.
    """

    def __init__(self, shared: Interrupts | None = None) -> None:
        self.shared = shared
        self.requested = False  # Ctrl-C has been pressed
        self.raising = False  # Ctrl-C raises immediately
        self.open = False  # handlers of the user run immediately
        self.raised: BaseException | None = None  # by a handler of the user
        self.patient = False  # handlers of the user wait for the end of the step
        self.pending: deque[tuple[float, Handler, int, FrameType | None]] = deque()
        self.before: dict[int, Handler] = {}
        self.replaced: list[int] = []
        self.recording: Handler = self.record  # one object, to recognize it as the handler

    def __enter__(self) -> Interrupts:
        """Replace the handlers, in the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return self
        try:
            for number in NUMBERS:
                handler = raw.getsignal(number)
                if callable(handler):
                    self.before[number] = handler
                    self.replaced.append(number)
                    raw.signal(number, self.recording)
        except BaseException:  # of a handler, which `signal.signal` runs first
            self.restore()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        """Restore the handlers, and call those that wait."""
        self.restore()
        # The user may have kept our handler, and may install it again.
        self.raising = self.open = True
        self.deliver()

    def restore(self) -> None:
        """Put the handlers back, unless the user has set others meanwhile."""
        try:
            while self.replaced:
                number = self.replaced[-1]
                if raw.getsignal(number) is self.recording:
                    raw.signal(number, self.before[number])
                self.replaced.pop()
        except BaseException:  # of a handler that is back already
            self.restore()
            raise

    def record(self, number: int, frame: FrameType | None) -> None:
        """Record a signal, or act on it if that is safe."""
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
            self.pending.append((monotonic(), handler, number, frame))

    def pressed(self) -> bool:
        """Return True if Ctrl-C has been pressed."""
        return self.requested or (self.shared is not None and self.shared.requested)

    def asked(self) -> bool:
        """Return True if the current step must be cut short; the core calls this too."""
        if self.pressed():
            return True
        waits = bool(self.pending) and monotonic() - self.pending[0][0] > PATIENCE
        return waits and not self.patient

    def deliver(self) -> None:
        """Call the handlers of the user that wait; this raises what they raise."""
        while self.pending:
            # Signals that arrive at high rates must not cut each step short.
            self.patient = True
            _, handler, number, frame = self.pending.popleft()
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
    def raise_in_user_code(self) -> Iterator[None]:
        """Let signals act immediately in callbacks and metrics, as they do without a training."""
        before = self.raising, self.open
        self.raising = self.open = True
        try:
            self.obey()
            yield
            self.obey()  # the code of the user may have caught the exception
        finally:
            self.raising, self.open = before

    @contextmanager
    def raise_while_waiting(self) -> Iterator[None]:
        """Let signals act immediately in a wait for samples, which can be cut short."""
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
    def raise_on_ctrl_c(self) -> Iterator[None]:
        """Let Ctrl-C raise KeyboardInterrupt immediately; handlers of the user wait."""
        before, self.raising = self.raising, True
        try:
            yield
        finally:
            self.raising = before


# The signals that the trainings of `train_many` share.
SHARED: ContextVar[Interrupts | None] = ContextVar("shared interrupts", default=None)


def current() -> Interrupts:
    """Return the interrupts for a training of this thread."""
    return Interrupts(SHARED.get())
