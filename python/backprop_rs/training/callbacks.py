"""What a training shows after each epoch, and whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .watching import Watcher

if TYPE_CHECKING:
    from ..history import History
    from ..network import Network


class Epoch:
    """An epoch that has ended, as callbacks see it.

    Attributes
    ----------
    net : Network
        With the parameters of this moment; it may be evaluated and saved, but not trained.
    number : int
        The number of the epoch, counted from 1 over all calls of `fit`.
    scores : dict of float
        Its cost and metrics, and those of the validation data.
    history : History
        Of this call of `fit` so far.
    learning_rate : float
        That of the next epoch before its schedule; it may be set.
    """

    def __init__(self, net: Network, history: History, learning_rate: float) -> None:
        self.net, self.history, self.learning_rate = net, history, learning_rate
        self.number = history.epoch[-1]
        self.scores = history.last()
        self.stopped = False

    def stop(self) -> None:
        """End the training after this epoch."""
        self.stopped = True

    def __repr__(self) -> str:
        scores = ", ".join(f"{name} {value:.4g}" for name, value in self.scores.items())
        return f"Epoch({self.number}, {scores})"


MOMENTS = ("on_fit_begin", "on_epoch_end", "on_fit_end")


class Callbacks:
    """The callbacks of a training: functions of an `Epoch`, or objects with some of `MOMENTS`."""

    def __init__(self, given: Any) -> None:
        several: Sequence[Any] = given if isinstance(given, (list, tuple)) else [given]
        for one in several:
            known = isinstance(one, Watcher) or any(hasattr(one, moment) for moment in MOMENTS)
            if not callable(one) and not known:
                raise TypeError(
                    f"callbacks must be functions or objects with one of {', '.join(MOMENTS)}; "
                    f"got {type(one).__name__}"
                )
        self.given = several

    def __bool__(self) -> bool:
        return bool(self.given)

    @property
    def each_epoch(self) -> bool:
        """Whether there is someone to call after each epoch."""
        return bool(self.at("on_epoch_end"))

    def at(self, moment: str) -> list[Callable[[Any], object]]:
        """Whom to call at one of the moments."""
        methods = [getattr(one, moment, None) for one in self.given]
        if moment == "on_epoch_end":
            pairs = zip(methods, self.given, strict=True)
            methods = [method or (one if callable(one) else None) for method, one in pairs]
        return [method for method in methods if method]

    def call(self, moment: str, event: Any) -> None:
        for function in self.at(moment):
            function(event)
