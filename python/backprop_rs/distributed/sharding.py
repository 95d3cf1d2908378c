"""Split the rows of a batch among ranks, and add up their sums.

The sum over a batch is a pairwise tree over shards of 256 rows. Each rank has a run of whole
shards; the largest subtrees within its run are its *nodes*. The sum of all nodes in the order of
the tree has the bits of one process, for any number of ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from ..training.pairwise_sum import SHARD

REDUCTIONS = ("exact", "fast")


@dataclass(frozen=True)
class Partition:
    """The rows of one batch on some ranks.

    Attributes
    ----------
    rows : tuple of (int, int)
        The first row of each rank, and the row after its last one.
    parts : tuple of tuple of int
        The number of rows of each node of each rank.
    nodes : tuple of (int, int)
        The first shard of each node of all ranks, and its number of shards.

    Examples
    --------
    >>> partition(2000, 3, "exact").rows
    ((0, 512), (512, 1280), (1280, 2000))
    >>> partition(2000, 3, "exact").parts
    ((512,), (512, 256), (256, 464))
    """

    rows: tuple[tuple[int, int], ...]
    parts: tuple[tuple[int, ...], ...]
    nodes: tuple[tuple[int, int], ...]


@lru_cache(maxsize=64)
def partition(m: int, ranks: int, reduction: str) -> Partition:
    """Split m rows: into whole shards if the reduction is exact, otherwise evenly."""
    if reduction == "fast":
        rows = tuple(pairwise(m * rank // ranks for rank in range(ranks + 1)))
        parts = tuple((last - first,) if last > first else () for first, last in rows)
        return Partition(rows, parts, ())
    shards = -(-m // SHARD)
    cuts = [shards * rank // ranks for rank in range(ranks + 1)]
    nodes = [nodes_of(first, last) for first, last in pairwise(cuts)]
    # The last shard may be incomplete.
    return Partition(
        rows=tuple((min(first * SHARD, m), min(last * SHARD, m)) for first, last in pairwise(cuts)),
        parts=tuple(
            tuple(min((first + size) * SHARD, m) - first * SHARD for first, size in of_rank)
            for of_rank in nodes
        ),
        nodes=tuple(node for of_rank in nodes for node in of_rank),
    )


def nodes_of(first: int, last: int) -> list[tuple[int, int]]:
    """Return the largest subtrees in a run of shards: first shard, and size, a power of 2.

    >>> nodes_of(3, 8)
    [(3, 1), (4, 4)]
    """
    nodes = []
    while first < last:
        # A subtree of size s begins at a multiple of s; at 0 any size fits.
        size = first & -first or 1 << (last - first).bit_length()
        while first + size > last:
            size //= 2
        nodes.append((first, size))
        first += size
    return nodes


def tree_sum(nodes: Sequence[tuple[int, int]], sums: Sequence[Any]) -> Any:
    """Return the sum over a batch from those of its nodes, in the order of the tree.

    >>> tree_sum([(0, 2), (2, 1), (3, 1), (4, 1)], [1.0, 2.0, 3.0, 4.0])
    10.0
    """
    stack: list[tuple[int, Any]] = []  # sizes decrease from the first to the last
    for (_, size), number in zip(nodes, sums, strict=True):
        while stack and stack[-1][0] == size:
            number = stack.pop()[1] + number
            size *= 2
        stack.append((size, number))
    _, total = stack.pop()
    while stack:
        total = total + stack.pop()[1]
    return total
