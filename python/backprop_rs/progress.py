"""A progress bar: tqdm if it is installed, otherwise a plain one."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any, Protocol

WIDTH = 24  # of the plain bar, in characters
PAUSE = 0.1  # seconds between two updates


class Bar(Protocol):
    """The interface of a progress bar."""

    def wants(self) -> bool:
        """Return True if the next update is due."""

    def show(self, fraction: float, text: str) -> None:
        """Show a fraction from 0 to 1 with a text."""

    def close(self) -> None:
        """Remove the bar."""


def progress_bar(show: bool | None) -> Bar:
    """Return a bar on standard error; with None it shows in terminals and in Jupyter only."""
    if show is not None and not isinstance(show, bool):
        raise TypeError(f"progress must be True, False or None; got {show!r}")
    if show is None:
        show = in_terminal() or in_jupyter()
    if not show:
        return Silent()
    try:
        return Tqdm()
    except ImportError:
        return Plain()


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
    """A bar on one line that each update overwrites."""

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
        layout = "{percentage:3.0f}%|{bar}| [{elapsed}<{remaining}] {desc}"
        self.bar: Any = tqdm(total=1.0, bar_format=layout)
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
