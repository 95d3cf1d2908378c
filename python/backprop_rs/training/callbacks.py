"""What a training shows on its way, and whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .monitors import Watcher, Watching

if TYPE_CHECKING:
    from ..base_network import BaseNetwork
    from ..history import History


class Event:
    """Something that has happened in a training, as callbacks see it.

    Attributes
    ----------
    net : BaseNetwork
        With the parameters of this moment; it may be evaluated and saved, but not changed.
    """

    def __init__(self, net: BaseNetwork) -> None:
        self.net = net
        self.stopped = False

    def stop(self) -> None:
        """End the training here."""
        self.stopped = True


class Epoch(Event):
    """An epoch that has ended.

    Attributes
    ----------
    net : BaseNetwork
        With the parameters of this moment; it may be evaluated and saved, but not changed.
    number : int
        The number of the epoch, counted from 1 over all calls of `fit`.
    scores : dict of float
        Its cost and metrics, and those of the validation data.
    history : History
        Of this call of `fit` so far.
    learning_rate : float
        That of the next epochs before the schedule; it may be set.
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
    """An update that has been made.

    Attributes
    ----------
    net : BaseNetwork
        With the parameters of this moment; it may be evaluated and saved, but not changed.
    epoch : int
        The number of its epoch, counted from 1 over all calls of `fit`.
    number : int
        Its number in the epoch, counted from 1.
    cost : float
        Of its batch, before the update.
    """

    def __init__(self, net: BaseNetwork, epoch: int, number: int, cost: float) -> None:
        super().__init__(net)
        self.epoch, self.number, self.cost = epoch, number, cost

    def __repr__(self) -> str:
        return f"Step({self.epoch}, {self.number}, cost {self.cost:.4g})"


# The methods of a callback, and what each is given.
MOMENTS = {
    "on_fit_begin": "the network",
    "on_epoch_begin": "the network",
    "on_step_end": "a Step",
    "on_epoch_end": "an Epoch",
    "on_fit_end": "the network",
}

OF_EPOCHS = ("on_epoch_begin", "on_step_end", "on_epoch_end")  # for which each epoch has to end


class Callbacks:
    """The callbacks of a training: functions of an `Epoch`, or objects with some of `MOMENTS`."""

    def __init__(self, given: Any) -> None:
        several: Sequence[Any] = given if isinstance(given, (list, tuple)) else [given]
        for one in several:
            watches = isinstance(one, (Watcher, Watching))
            known = watches or any(map(one_has(one), MOMENTS))
            if isinstance(one, type) or not (callable(one) or known):
                raise TypeError(
                    f"callbacks must be functions or objects with one of {', '.join(MOMENTS)}; "
                    f"got {one!r}"
                )
        # What a watcher has seen belongs to this training, its settings to any number of them.
        self.given = [one.watcher() if isinstance(one, Watching) else one for one in several]

    def __bool__(self) -> bool:
        return bool(self.given)

    def at(self, moment: str) -> list[Callable[[Any], object]]:
        """Whom to call at one of the moments."""
        methods = [getattr(one, moment, None) for one in self.given]
        if moment == "on_epoch_end":
            for i, one in enumerate(self.given):
                if callable(one) and not any(map(one_has(one), MOMENTS)):
                    methods[i] = one
        return [method for method in methods if method]


def one_has(one: object) -> Callable[[str], bool]:
    return lambda moment: hasattr(one, moment)
