"""The state of a training: the trainer owns it, and a checkpoint saves and restores it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from ..history import History

if TYPE_CHECKING:
    from ..base_network import BaseNetwork

Stop = tuple[int, int]
"""A point of a training: the epochs that are done, and the steps of the next epoch."""


class Position(NamedTuple):
    """The progress of a training.

    Attributes
    ----------
    epoch : int
        The epochs that are done, over all calls of `fit`.
    step : int
        The steps of the next epoch that are done.
    cost_sum, weight_sum : float
        sum w_i C_i and sum w_i over the samples of these steps.
    """

    epoch: int
    step: int
    cost_sum: float = 0.0
    weight_sum: float = 0.0

    @property
    def stop(self) -> Stop:
        """The position without its sums."""
        return self.epoch, self.step


@dataclass
class Best:
    """The best epoch so far by the score that early stopping monitors.

    Attributes
    ----------
    epoch : int
        Before the first score, the epochs that were done when the training began.
    score : float
        Negated if higher is better, so that lower is always better.
    parameters : dict, optional
        The state of the core after that epoch.
    """

    epoch: int
    score: float = inf
    parameters: Any = None


@dataclass
class TrainingState:
    """All that changes in a training, except the parameters and the optimizer in the core.

    Attributes
    ----------
    position : Position
    rate : float
        The learning rate before its schedule, as callbacks have set it.
    rates : list of float
        The learning rate of each epoch so far, before its schedule.
    plateau : tuple, optional
        The state of a schedule that reacts to the cost; its first number multiplies the rate.
    history : History
    best : Best, optional
        None without early stopping.
    """

    position: Position
    rate: float
    rates: list[float] = field(default_factory=list)
    plateau: Any = None
    history: History = field(default_factory=History)
    best: Best | None = None

    @property
    def present_rate(self) -> float:
        """The learning rate of the next step before its schedule."""
        return self.rate * (self.plateau[0] if self.plateau else 1.0)


@contextmanager
def exclusive(net: BaseNetwork) -> Iterator[None]:
    """Mark the network as being trained; raise RuntimeError if it is marked already."""
    if not net._busy.acquire(blocking=False):
        raise RuntimeError(
            "fit must not be called on a network that is being trained, in a callback or in "
            "another thread"
        )
    try:
        yield
    finally:
        net._busy.release()
