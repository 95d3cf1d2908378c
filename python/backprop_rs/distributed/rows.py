"""Rows that lie in the memory of many ranks, as one source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.sources.base import Source
from ..data.sources.block import Block, Change, Epoch, Pass, shuffled
from .sharding import deal

if TYPE_CHECKING:
    from ..training.samples import Samples
    from .agreement import Agreement


def rows_of_rank(
    rows: int, batch_size: int, rank: int, ranks: int, reduction: str
) -> NDArray[np.intp]:
    """The rows of some whole batches and a rest that are those of a rank.

    >>> rows_of_rank(1100, 512, 1, 2, "exact")[[0, 255, 256, -1]].tolist()
    [256, 511, 768, 1099]
    """
    found = []
    for start in range(0, rows, batch_size):
        dealt = deal(min(batch_size, rows - start), ranks, reduction)
        first, last = dealt.rows[rank]
        found.append(np.arange(start + first, start + last))
    return np.concatenate(found) if found else np.empty(0, np.intp)


class GatheredSource(Source):
    """The rows of all ranks, one rank's below the other's, as if they were one array.

    All ranks read the same parts of an epoch at the same time: each sends the rows that others are
    to train on and gets its own, so that batches and bits are those of one process with all rows.
    """

    repeatable = True

    def __init__(self, agreement: Agreement, local: Samples) -> None:
        self.agreement, self.comm = agreement, agreement.comm
        self.local, self.name = local, "the rows of all ranks"
        lengths = agreement.all("the numbers of rows", lambda: len(local))
        self.starts = np.cumsum([0, *lengths])
        self.length = int(self.starts[-1])

    def open(self, epoch: Epoch, prepare: Change) -> Pass:
        return GatheredPass(self, epoch)


class GatheredPass(Pass):
    def __init__(self, source: GatheredSource, epoch: Epoch) -> None:
        self.source, self.comm = source, source.comm
        n = len(source)
        self.order = shuffled(n, epoch.seed, (epoch.number, 0, 0)) if epoch.shuffle else None

    def rows(
        self, first: int, last: int, mine: NDArray[np.intp] | None = None
    ) -> tuple[Block | None, NDArray[np.uint64], int]:
        raise TypeError("the rows of all ranks must be read by all: use rows_for")

    def rows_for(
        self, first: int, last: int, wanted: list[NDArray[np.intp]]
    ) -> tuple[Block | None, NDArray[np.uint64], int]:
        """The rows of one's own, where `wanted` has those of every rank; all ranks must ask."""
        order = np.arange(first, last) if self.order is None else self.order[first:last]
        asked = [order[rows].astype(np.int64) for rows in wanted]
        low, high = (
            self.source.starts[self.comm.Get_rank()],
            self.source.starts[self.comm.Get_rank() + 1],
        )
        to_send = [rows[(rows >= low) & (rows < high)] - low for rows in asked]
        mine = asked[self.comm.Get_rank()]
        owners = np.searchsorted(self.source.starts, mine, side="right") - 1
        counts = np.bincount(owners, minlength=self.comm.Get_size())
        # What comes is sorted by its owner, and then as it was asked for.
        places = np.argsort(owners, kind="stable")
        local = self.source.local
        trades: list[Trade | None] = []

        def prepare() -> None:
            for array in (local.X, local.y, local.weights):
                trades.append(None if array is None else Trade(array, to_send, counts, places))

        self.source.agreement.all("the exchange of rows", prepare)
        arrays: list[Any] = [None if one is None else one.run(self.comm) for one in trades]
        block = Block(*arrays) if len(mine) else None
        return block, mine.astype(np.uint64), last - first


class Trade:
    """Rows of one array, mine for those of others; all memory is there before any are sent."""

    def __init__(
        self,
        array: NDArray[Any],
        to_send: list[NDArray[np.int64]],
        counts: NDArray[np.int64],
        places: NDArray[np.int64],
    ) -> None:
        width = int(np.prod(array.shape[1:], dtype=int))
        sent = np.ascontiguousarray(array[np.concatenate(to_send)])
        self.received = np.empty((len(places), *array.shape[1:]), array.dtype)
        self.result, self.places = np.empty_like(self.received), places
        self.sent = [sent, [len(rows) * width for rows in to_send]]
        self.wanted = [self.received, (counts * width).tolist()]

    def run(self, comm: Any) -> NDArray[Any]:
        """Send and receive; all ranks must do so."""
        comm.Alltoallv(self.sent, self.wanted)
        self.result[self.places] = self.received
        return self.result
