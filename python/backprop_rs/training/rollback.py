"""Back to the last good step, where a cost is no longer finite."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

EVERY = 1.0  # seconds between two copies
COPYING = 0.02  # the most of the time that goes into copies

Place = tuple[int, int, float, float]  # epoch, step, and sum w_i C_i and sum w_i of its samples


class Copies:
    """The last two copies of a core's state, with the places where they were taken."""

    def __init__(self, core: Any, steps: int) -> None:
        self.core, self.steps = core, steps
        self.kept: list[tuple[Place, Any]] = []
        self.due = 0.0

    def keep(
        self, at: Place, agree: Callable[[bool], bool], interrupted: Callable[[], bool] | None
    ) -> bool:
        """Take a copy now and then; more rarely where it takes long.

        Returns False if `interrupted` has ended it: new memory for a copy may be long in coming.
        """
        now = perf_counter()
        if agree(now >= self.due):
            copy = self.core.snapshot(interrupted)
            if copy is None:
                return False
            self.kept = [*self.kept[-1:], (at, copy)]
            self.due = now + max(EVERY, (perf_counter() - now) / COPYING)
        return True

    def go_back_to(self, step: int, again: Callable[[Place, Place], Place]) -> int:
        """Bring the core to where it was after `step` steps of all; returns the epoch it is in.

        `again` repeats the training from one place to another, which gives the same bits.
        """
        places = [(place[0] * self.steps + place[1], place, state) for place, state in self.kept]
        earlier = [copy for copy in places if copy[0] <= step]
        start, at, state = earlier[-1] if earlier else places[0]
        self.core.go_back(state)
        last, rest = divmod(max(step, start), self.steps)
        for epoch in range(at[0], last + 1):
            at = again(at, (last, rest, 0.0, 0.0) if epoch == last else (epoch + 1, 0, 0.0, 0.0))
        return last

    def go_back_to_a_copy(self) -> int:
        """The last copy without NaN, where the samples between cannot be had again; its epoch."""
        whole = (copy for copy in reversed(self.kept) if copy[1].is_finite())
        at, state = next(whole, self.kept[0])
        self.core.go_back(state)
        return at[0]
