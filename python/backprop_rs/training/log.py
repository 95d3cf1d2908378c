"""Write the course of a training to the logger "backprop_rs" of the standard `logging`."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from ..base_network import BaseNetwork
    from ..history import History

NAME = "backprop_rs"
INTERVAL = 10.0  # seconds between two messages about progress
DEBUG, INFO, WARNING = 10, 20, 30  # levels of `logging`


def logger() -> Logger | None:
    """Return the logger, or None if the program has not imported `logging`: nobody listens.

    It has a handler that drops everything, so that the last resort of `logging` prints nothing.
    """
    logging = sys.modules.get("logging")
    if logging is None:
        return None
    found: Logger = logging.getLogger(NAME)
    if not any(isinstance(handler, logging.NullHandler) for handler in found.handlers):
        found.addHandler(logging.NullHandler())
    return found


class TrainingLog:
    """The messages about one training.

    Parameters
    ----------
    net : BaseNetwork
    is_on : bool, default True
        False on ranks that leave the messages to rank 0.
    """

    def __init__(self, net: BaseNetwork, is_on: bool = True) -> None:
        self.logger = logger() if is_on else None
        self.net = net
        self.n_logged = 0
        self.started = self.latest = perf_counter()

    def writes(self, level: int) -> bool:
        """Return True if somebody listens at this level."""
        return self.logger is not None and self.logger.isEnabledFor(level)

    def write(self, level: int, event: str, text: str, **facts: Any) -> None:
        """Write a message; the record has the event and its facts as attributes too."""
        if self.logger is None or not self.logger.isEnabledFor(level):
            return
        sizes = "-".join(map(str, self.net.sizes))
        self.logger.log(
            level,
            "%s with seed %d: %s",
            f"Network({sizes})",
            self.net.seed,
            text,
            extra={"event": event, **facts},
        )

    def begin(self, settings: dict[str, Any], history: History) -> None:
        """Tell that a training begins, with its settings."""
        self.n_logged = len(history)
        self.started = self.latest = perf_counter()
        if self.writes(INFO):
            shown = ", ".join(f"{name} {brief(value)}" for name, value in settings.items())
            self.write(INFO, "begin", f"training begins: {shown}", settings=settings)

    def progress(self, history: History, last_epoch: int, speed: Callable[[], list[str]]) -> None:
        """Tell the epochs that have ended, and from time to time the progress."""
        if self.writes(DEBUG):
            for k in range(self.n_logged, len(history)):
                columns = history.scores().items()
                scores = {name: column[k] for name, column in columns if k < len(column)}
                text = f"epoch {history.epoch[k]} of {last_epoch}, {listed(scores)}"
                self.write(DEBUG, "epoch", text, epoch=history.epoch[k], scores=scores)
        self.n_logged = len(history)
        if self.writes(INFO) and perf_counter() >= self.latest + INTERVAL and len(history):
            self.latest = perf_counter()
            scores = history.last()
            parts = [f"epoch {history.epoch[-1]} of {last_epoch}", listed(scores), *speed()]
            text = ", ".join(parts)
            self.write(INFO, "progress", text, epoch=history.epoch[-1], scores=scores)

    def end(self, history: History) -> None:
        """Tell how a training ends."""
        level = WARNING if history.stopped in ("interrupted", "nan") else INFO
        if not self.writes(level):
            return
        scores = history.last() if len(history) else {}
        epoch = self.net.epochs_trained
        parts = [f"training ends after epoch {epoch} ({history.stopped})"]
        parts += [listed(scores)] * bool(scores)
        if history.best_epoch is not None:
            parts.append(f"with the parameters of epoch {history.best_epoch}")
        parts.append(f"{perf_counter() - self.started:.3g} s")
        text = ", ".join(parts)
        self.write(level, "end", text, epoch=epoch, scores=scores, stopped=history.stopped)

    def fail(self, error: BaseException) -> None:
        """Tell that an error ends a training."""
        text = f"training ends after epoch {self.net.epochs_trained}: {type(error).__name__}"
        self.write(WARNING, "error", f"{text}: {error}", epoch=self.net.epochs_trained)


def listed(scores: dict[str, float]) -> str:
    """Return scores as a text.

    >>> listed({"cost": 0.123456, "val_cost": 2.0})
    'cost 0.1235, val_cost 2'
    """
    return ", ".join(f"{name} {value:.4g}" for name, value in scores.items())


def brief(value: object) -> str:
    """Return a setting as a short text."""
    text = f"{value:,}" if type(value) is int else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
