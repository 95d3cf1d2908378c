"""Those who look at a training at places of their own, such as `Health` and a film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from ..base_network import BaseNetwork
    from .out_of_core import Streamed
    from .samples import Samples

Place = tuple[int, int]  # epochs and, of the next one, steps that are done


@dataclass(frozen=True)
class Course:
    """What lies ahead when a training begins."""

    samples: Samples | Streamed
    batch_size: int
    start: Place
    last: int  # the epochs that are done after it
    may_end_early: bool = False  # by early stopping

    @property
    def steps(self) -> int:
        """The steps of an epoch; 0 for a stream whose length is not known yet."""
        return -(-len(self.samples) // self.batch_size)


@runtime_checkable
class Watcher(Protocol):
    """A callback that has the training stop where it wants to look; it changes nothing."""

    def begin(self, net: BaseNetwork, course: Course) -> None:
        """Look before the first step."""

    def next_stop(self) -> Place:
        """Where to look next; beyond the end for nowhere."""

    def look(self, net: BaseNetwork, at: Place) -> None:
        """Look, at the place that `next_stop` has named; later where there was no stop then."""


@runtime_checkable
class Watching(Protocol):
    """Settings of a watcher, which any number of trainings may share."""

    def watcher(self) -> Watcher:
        """Return a watcher for one training."""


def watchers_of(callbacks: Sequence[Any]) -> list[Watcher]:
    return [one for one in callbacks if isinstance(one, Watcher)]


class Watchers:
    """All watchers of a training."""

    def __init__(self, given: Sequence[Watcher]) -> None:
        self.given = list(given)

    def begin(self, net: BaseNetwork, course: Course) -> None:
        for one in self.given:
            one.begin(net, course)

    def stop(self, at: Place, epoch: int) -> dict[str, int]:
        """Where the core has to come back after `at`: at the latest at the end of `epoch`."""
        stops = [one.next_stop() for one in self.given]
        place = min([(epoch, 0), *(stop for stop in stops if stop > at)])
        return {"stop_epoch": place[0], "stop_step": place[1]}

    def look(self, net: BaseNetwork, at: Place) -> None:
        for one in self.given:
            if one.next_stop() <= at:
                one.look(net, at)
