"""Training callbacks and the events they receive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .monitors import Monitor, MonitorSettings

if TYPE_CHECKING:
    from ..base_network import BaseNetwork
    from ..history import History


class Event:
    """An event of a training, as callbacks receive it.

    Attributes
    ----------
    net : BaseNetwork
        The network with its parameters at this moment; it may be evaluated and saved, but not
        changed.
    """

    def __init__(self, net: BaseNetwork) -> None:
        self.net = net
        self.stopped = False

    def stop(self) -> None:
        """End the training after this event."""
        self.stopped = True


class Epoch(Event):
    """The end of an epoch.

    Attributes
    ----------
    net : BaseNetwork
        The network with its parameters at this moment; it may be evaluated and saved, but not
        changed.
    number : int
        The number of the epoch, counted from 1 over all calls of `fit`.
    scores : dict of float
        The cost and metrics of the epoch, and those of the validation data.
    history : History
        The history of this call of `fit` so far.
    learning_rate : float
        The rate of the next epochs before the schedule; it may be set.
    """

    def __init__(self, net: BaseNetwork, history: History, learning_rate: float) -> None:
        super().__init__(net)
        self.history, self.learning_rate = history, learning_rate
        self.number = history.epoch[-1]
        self.scores = history.last()

    def __repr__(self) -> str:
        scores = ", ".join(f"{name} {value:.4g}" for name, value in self.scores.items())
        return f"Epoch({self.number}, {scores})"


class Step(Event):
    """An update of the parameters.

    Attributes
    ----------
    net : BaseNetwork
        The network with its parameters at this moment; it may be evaluated and saved, but not
        changed.
    epoch : int
        The number of its epoch, counted from 1 over all calls of `fit`.
    number : int
        Its number in the epoch, counted from 1.
    cost : float
        The cost of its batch before the update.
    """

    def __init__(self, net: BaseNetwork, epoch: int, number: int, cost: float) -> None:
        super().__init__(net)
        self.epoch, self.number, self.cost = epoch, number, cost

    def __repr__(self) -> str:
        return f"Step({self.epoch}, {self.number}, cost {self.cost:.4g})"


# The methods of a callback, and the argument of each.
MOMENTS = {
    "on_fit_begin": "the network",
    "on_epoch_begin": "the network",
    "on_step_end": "a Step",
    "on_epoch_end": "an Epoch",
    "on_fit_end": "the network",
}

# The core must return after each epoch for these.
OF_EPOCHS = ("on_epoch_begin", "on_step_end", "on_epoch_end")


class Callbacks:
    """The callbacks of a training.

    Parameters
    ----------
    callbacks : function of an `Epoch`, object with some of `MOMENTS`, or sequence of them
    """

    def __init__(self, callbacks: Any) -> None:
        several: Sequence[Any] = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
        for callback in several:
            is_monitor = isinstance(callback, (Monitor, MonitorSettings))
            known = is_monitor or has_moments(callback)
            if isinstance(callback, type) or not (callable(callback) or known):
                raise TypeError(
                    f"callbacks must be functions or objects with one of {', '.join(MOMENTS)}; "
                    f"got {callback!r}"
                )
        # A monitor belongs to this training; its settings may be shared with others.
        self.callbacks = [
            callback.new_monitor() if isinstance(callback, MonitorSettings) else callback
            for callback in several
        ]

    @property
    def monitors(self) -> list[Monitor]:
        """The monitors among the callbacks."""
        return [callback for callback in self.callbacks if isinstance(callback, Monitor)]

    def at(self, moment: str) -> list[Callable[[Any], object]]:
        """Return the functions to call at one of the moments."""
        functions = []
        for callback in self.callbacks:
            function = getattr(callback, moment, None)
            if moment == "on_epoch_end" and callable(callback) and not has_moments(callback):
                function = callback
            if function is not None:
                functions.append(function)
        return functions


def has_moments(callback: object) -> bool:
    """Return True if a callback has at least one of `MOMENTS`."""
    return any(hasattr(callback, moment) for moment in MOMENTS)
