"""How the rows of a batch are dealt to ranks, and how their sums meet.

The sum over a batch is a pairwise tree over shards of 256 rows. Each rank has a run of whole
shards; the largest subtrees that lie in its run are its *nodes*. Whoever adds up all nodes in the
order of the tree has the bits of one process, for any number of ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeVar

SHARD = 256
REDUCTIONS = ("exact", "fast")
T = TypeVar("T")


@dataclass(frozen=True)
class Deal:
    """The rows of one batch on some ranks.

    >>> deal(2000, 3, "exact").rows
    ((0, 512), (512, 1280), (1280, 2000))
    >>> deal(2000, 3, "exact").parts
    ((512,), (512, 256), (256, 464))
    """

    rows: tuple[tuple[int, int], ...]  # of each rank, from and to
    parts: tuple[tuple[int, ...], ...]  # the rows of each node of each rank
    places: tuple[tuple[int, int], ...]  # of all nodes: the first shard, and how many


@lru_cache(maxsize=64)
def deal(m: int, ranks: int, reduction: str) -> Deal:
    """Deal m rows: whole shards where the reduction is exact, otherwise as many to each."""
    if reduction == "fast":
        rows = tuple(pairwise(m * rank // ranks for rank in range(ranks + 1)))
        parts = tuple((last - first,) if last > first else () for first, last in rows)
        return Deal(rows, parts, ())
    shards = -(-m // SHARD)
    cuts = [shards * rank // ranks for rank in range(ranks + 1)]
    nodes = [nodes_of(first, last) for first, last in pairwise(cuts)]
    return Deal(
        tuple((min(a * SHARD, m), min(b * SHARD, m)) for a, b in pairwise(cuts)),
        tuple(tuple(min((at + n) * SHARD, m) - at * SHARD for at, n in one) for one in nodes),
        tuple(place for one in nodes for place in one),
    )


def nodes_of(first: int, last: int) -> list[tuple[int, int]]:
    """The largest subtrees within a run of shards: the first shard and how many, a power of 2.

    >>> nodes_of(3, 8)
    [(3, 1), (4, 4)]
    """
    nodes = []
    while first < last:
        size = first & -first or 1 << (last - first).bit_length()
        while first + size > last:
            size //= 2
        nodes.append((first, size))
        first += size
    return nodes


def total(places: Sequence[tuple[int, int]], sums: Sequence[Any]) -> Any:
    """The sum over a batch from those of its nodes, in the order of the tree.

    >>> total([(0, 2), (2, 1), (3, 1), (4, 1)], [1.0, 2.0, 3.0, 4.0])
    10.0
    """
    stack: list[tuple[int, Any]] = []  # sizes fall from the first to the last
    for (_, size), number in zip(places, sums, strict=True):
        while stack and stack[-1][0] == size:
            number = stack.pop()[1] + number
            size *= 2
        stack.append((size, number))
    _, found = stack.pop()
    while stack:
        found = found + stack.pop()[1]
    return found
