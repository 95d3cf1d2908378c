"""A progress bar of one line: tqdm if it is installed, otherwise a plain one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from shutil import get_terminal_size
from time import perf_counter
from typing import Any, Protocol

WIDTH = 10  # of the bar, in characters; the text needs the rest of 80 columns
PAUSE = 0.1  # seconds between two updates


class Bar(Protocol):
    """The interface of a progress bar."""

    def wants(self) -> bool:
        """Return True if the next update is due."""

    def show(self, fraction: float, text: str) -> None:
        """Show a fraction from 0 to 1 with a text."""

    def close(self) -> None:
        """Leave the last state of the bar as one line."""


def progress_bar(show: bool | None) -> Bar:
    """Return a bar on standard error; with None it shows in terminals and in Jupyter only."""
    if show is not None and not isinstance(show, bool):
        raise TypeError(f"progress must be True, False or None; got {show!r}")
    part = PART.get()
    if part is not None and show is not False:
        return part
    if show is None:
        show = in_terminal() or in_jupyter()
    if not show:
        return Silent()
    try:
        return Tqdm()
    except ImportError:
        return Plain()


class Part:
    """The share of a training in the bar of several, one after another.

    Parameters
    ----------
    bar : Bar
        The bar of all trainings.
    n : int
        Their number.
    """

    def __init__(self, bar: Bar, n: int) -> None:
        """Begin with the first training."""
        self.bar, self.n, self.number = bar, n, 0

    def wants(self) -> bool:
        """Return True if the next update is due."""
        return self.bar.wants()

    def show(self, fraction: float, text: str) -> None:
        """Show the fraction of all trainings, and which of them it is."""
        several = f"network {self.number + 1}/{self.n}, " if self.n > 1 else ""
        self.bar.show((self.number + fraction) / self.n, several + text)

    def close(self) -> None:
        """Go on to the next training, if there is one."""
        self.number = min(self.number + 1, self.n - 1)


PART: ContextVar[Part | None] = ContextVar("PART", default=None)


@contextmanager
def one_bar(show: bool | None, n: int) -> Iterator[None]:
    """Let the next n trainings, which follow each other, share one bar."""
    bar = progress_bar(show)
    token = PART.set(Part(bar, n))
    try:
        yield
    finally:
        PART.reset(token)
        bar.close()


def in_terminal() -> bool:
    """Return True if standard error is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


def in_jupyter() -> bool:
    """Return True in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and type(ipython.get_ipython()).__name__ == "ZMQInteractiveShell"


class Silent:
    """A bar that shows nothing."""

    def wants(self) -> bool:
        """Return False."""
        return False

    def show(self, fraction: float, text: str) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Do nothing."""


class Plain:
    """A bar on one line that each update overwrites.

    In a terminal it is cut to the width: a carriage return does not go back over the end of a line.
    """

    def __init__(self) -> None:
        """Show nothing yet."""
        self.line = ""
        self.due = 0.0

    def wants(self) -> bool:
        """Return True if the next update is due."""
        return perf_counter() >= self.due

    def show(self, fraction: float, text: str) -> None:
        """Overwrite the line."""
        self.due = perf_counter() + PAUSE
        done = int(WIDTH * fraction)
        line = f"[{'#' * done}{'.' * (WIDTH - done)}] {text}"
        if in_terminal():
            line = line[: get_terminal_size().columns - 1]
        sys.stderr.write("\r" + line.ljust(len(self.line)))
        sys.stderr.flush()
        self.line = line

    def close(self) -> None:
        """End the line."""
        if self.line:
            sys.stderr.write("\n")


class Tqdm:
    """The bar of tqdm, a widget in Jupyter if ipywidgets is installed."""

    def __init__(self) -> None:
        """Open the bar, or raise ImportError without tqdm."""
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tqdm warns if ipywidgets is missing
            from tqdm.autonotebook import tqdm
        layout = f"{{percentage:3.0f}}%|{{bar:{WIDTH}}}| {{desc}}"
        self.bar: Any = tqdm(total=1.0, bar_format=layout, dynamic_ncols=True)
        self.due = 0.0

    def wants(self) -> bool:
        """Return True if the next update is due."""
        return perf_counter() >= self.due

    def show(self, fraction: float, text: str) -> None:
        """Update the bar."""
        self.due = perf_counter() + PAUSE
        self.bar.set_description_str(text, refresh=False)
        self.bar.update(fraction - self.bar.n)

    def close(self) -> None:
        """Close the bar."""
        self.bar.close()
