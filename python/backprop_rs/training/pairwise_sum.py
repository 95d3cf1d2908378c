"""The tree by which sums over samples are added up: pairwise over shards of 256 rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

SHARD = 256
T = TypeVar("T")


class ShardTree:
    """The sum of numbers that come bit by bit, with the bits of `mean_cost` of all at once.

    >>> tree = ShardTree()
    >>> for _ in range(3):
    ...     tree.add(np.full(200, 0.5))
    >>> tree.total()
    300.0
    """

    def __init__(self) -> None:
        self.count = 0
        self.levels: list[float | None] = []
        self.rest: NDArray[np.float64] = np.zeros(0)

    def add(self, numbers: NDArray[np.float64]) -> None:
        """Take more numbers in."""
        self.count += len(numbers)
        numbers = np.concatenate([self.rest, numbers])
        whole = len(numbers) // SHARD * SHARD
        for sum_of_shard in np.add.accumulate(numbers[:whole].reshape(-1, SHARD), axis=1)[:, -1:]:
            self.push(float(sum_of_shard[0]))
        self.rest = numbers[whole:].copy()

    def push(self, number: float) -> None:
        level = 0
        while level < len(self.levels) and (kept := self.levels[level]) is not None:
            number, self.levels[level] = number + kept, None
            level += 1
        self.levels += [None] * (level + 1 - len(self.levels))
        self.levels[level] = number

    def total(self) -> float:
        """The sum of all so far."""
        rest = [float(np.add.accumulate(self.rest)[-1])] if len(self.rest) else []
        return sum_of_levels([*rest, *(kept for kept in self.levels if kept is not None)])


def sum_of_levels(lowest_first: Sequence[float]) -> float:
    total = lowest_first[0] if lowest_first else 0.0
    for higher in lowest_first[1:]:
        total += higher
    return total
