"""Monitors: callbacks that stop the core where they want to look, such as `Health` and a film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from .state import Stop

if TYPE_CHECKING:
    from ..base_network import BaseNetwork
    from .samples import TrainingData


@dataclass(frozen=True)
class Course:
    """The samples and the epochs of a training that begins.

    Attributes
    ----------
    samples : TrainingData
    batch_size : int
    start : Stop
    last : int
        The epochs that are done when the training ends.
    may_end_early : bool
        True with early stopping.
    least : int
        The epochs after which early stopping may end the training, from its start.
    """

    samples: TrainingData
    batch_size: int
    start: Stop
    last: int
    may_end_early: bool = False
    least: int = 1

    @property
    def steps(self) -> int:
        """The steps of an epoch; 0 for a stream whose length is not known yet."""
        return -(-len(self.samples) // self.batch_size)


@runtime_checkable
class Monitor(Protocol):
    """A callback that stops the core where it wants to look; it changes nothing."""

    def begin(self, net: BaseNetwork, course: Course) -> None:
        """Look before the first step."""

    def next_stop(self) -> Stop:
        """Return where to look next; a stop after the end of the training for nowhere."""

    def look(self, net: BaseNetwork, at: Stop) -> None:
        """Look, at the stop that `next_stop` has named or after it."""


@runtime_checkable
class MonitorSettings(Protocol):
    """The settings of a monitor, which any number of trainings may share."""

    def new_monitor(self) -> Monitor:
        """Return a monitor for one training."""


class Monitors:
    """All monitors of a training."""

    def __init__(self, monitors: Sequence[Monitor]) -> None:
        self.monitors = list(monitors)

    def begin(self, net: BaseNetwork, course: Course) -> None:
        """Let all look before the first step."""
        for monitor in self.monitors:
            monitor.begin(net, course)

    def stop(self, at: Stop, epoch: int) -> Stop:
        """Return the next stop of the core after `at`: at the latest the end of `epoch`."""
        stops = [monitor.next_stop() for monitor in self.monitors]
        return min([(epoch, 0), *(stop for stop in stops if stop > at)])

    def look(self, net: BaseNetwork, at: Stop) -> None:
        """Let those look whose stop has come."""
        for monitor in self.monitors:
            if monitor.next_stop() <= at:
                monitor.look(net, at)
