"""Return to the last good step after the cost has become NaN or infinite."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .state import Position

if TYPE_CHECKING:
    from .._internal.core import CoreNetwork

EVERY = 1.0  # seconds between two snapshots
SHARE = 0.02  # the largest share of the time that goes into snapshots


class Snapshots:
    """The last two snapshots of a core, with the positions at which they were taken.

    Parameters
    ----------
    core : core of a network
    steps : int
        The steps of an epoch.
    """

    def __init__(self, core: CoreNetwork, steps: int) -> None:
        self.core, self.steps = core, steps
        self.kept: list[tuple[Position, Any]] = []
        self.due = 0.0

    def take(
        self,
        position: Position,
        agree: Callable[[bool], bool],
        interrupted: Callable[[], bool] | None,
    ) -> bool:
        """Take a snapshot if one is due; the more time it takes, the later the next one is due.

        Returns False if `interrupted` has ended it: the system may take long to provide memory.
        """
        now = perf_counter()
        if agree(now >= self.due):
            snapshot = self.core.snapshot(interrupted)
            if snapshot is None:
                return False
            # Two, because the newer one may follow the update that made the parameters NaN.
            self.kept = [*self.kept[-1:], (position, snapshot)]
            self.due = now + max(EVERY, (perf_counter() - now) / SHARE)
        return True

    def go_back_to(self, step: int, repeat: Callable[[Position, Position], Position]) -> int:
        """Restore the core as it was after `step` steps of all epochs; return its epoch.

        `repeat` trains again from one position to another, which gives the same bits.
        """
        counted = [(at.epoch * self.steps + at.step, at, snapshot) for at, snapshot in self.kept]
        earlier = [entry for entry in counted if entry[0] <= step]
        start, position, snapshot = earlier[-1] if earlier else counted[0]
        self.core.go_back(snapshot)
        last, rest = divmod(max(step, start), self.steps)
        for epoch in range(position.epoch, last + 1):
            end = Position(last, rest) if epoch == last else Position(epoch + 1, 0)
            position = repeat(position, end)
        return last

    def go_back_to_snapshot(self) -> int:
        """Restore the last snapshot without NaN and return its epoch.

        For samples that can be read only once: the steps after it cannot be repeated.
        """
        finite = (entry for entry in reversed(self.kept) if entry[1].is_finite())
        position, snapshot = next(finite, self.kept[0])
        self.core.go_back(snapshot)
        return position.epoch
