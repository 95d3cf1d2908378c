"""Sum over samples in a fixed tree: pairwise over shards of 256 rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SHARD = 256


class ShardTree:
    """A sum of numbers that arrive in parts, with the bits of `mean_cost` of all at once.

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
        """Add more numbers."""
        self.count += len(numbers)
        numbers = np.concatenate([self.rest, numbers])
        whole = len(numbers) // SHARD * SHARD
        # `accumulate` adds in order, unlike `sum`, whose order depends on the instruction set.
        for sums in np.add.accumulate(numbers[:whole].reshape(-1, SHARD), axis=1):
            self.push(float(sums[-1]))
        self.rest = numbers[whole:].copy()

    def push(self, number: float) -> None:
        """Add the sum of a shard: two subtrees of equal size make one of twice the size."""
        level = 0
        while level < len(self.levels) and (subtree := self.levels[level]) is not None:
            number, self.levels[level] = number + subtree, None
            level += 1
        self.levels += [None] * (level + 1 - len(self.levels))
        self.levels[level] = number

    def total(self) -> float:
        """Return the sum of all numbers so far."""
        rest = [float(np.add.accumulate(self.rest)[-1])] if len(self.rest) else []
        return sum_of_levels([*rest, *(level for level in self.levels if level is not None)])


def sum_of_levels(lowest_first: Sequence[float]) -> float:
    """Return the sum of subtrees, the smallest first."""
    total = lowest_first[0] if lowest_first else 0.0
    for higher in lowest_first[1:]:
        total += higher
    return total
