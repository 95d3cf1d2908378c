"""Rows in the memory of many ranks, as one source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.sources.base import Source
from ..data.sources.block import Block, Change, Epoch, Pass, shuffled
from .sharding import partition

if TYPE_CHECKING:
    from ..training.samples import Samples
    from .agreement import Agreement


def rows_of_rank(
    rows: int, batch_size: int, rank: int, ranks: int, reduction: str
) -> NDArray[np.intp]:
    """Return the rows of a rank among those of some batches, of which the last may be incomplete.

    >>> rows_of_rank(1100, 512, 1, 2, "exact")[[0, 255, 256, -1]].tolist()
    [256, 511, 768, 1099]
    """
    of_batches = []
    for start in range(0, rows, batch_size):
        batch = partition(min(batch_size, rows - start), ranks, reduction)
        first, last = batch.rows[rank]
        of_batches.append(np.arange(start + first, start + last))
    return np.concatenate(of_batches) if of_batches else np.empty(0, np.intp)


class GatheredSource(Source):
    """The rows of all ranks, in the order of the ranks, as if they were one array.

    All ranks read the same parts of an epoch at the same time: each sends the rows that others
    train on and receives its own, so that batches and bits are those of one process with all rows.
    """

    repeatable = True

    def __init__(self, agreement: Agreement, local: Samples) -> None:
        self.agreement, self.comm = agreement, agreement.comm
        self.local, self.name = local, "the rows of all ranks"
        lengths = agreement.all("the numbers of rows", lambda: len(local))
        self.starts = np.cumsum([0, *lengths])
        self.length = int(self.starts[-1])

    def open(self, epoch: Epoch, prepare: Change) -> Pass:
        """Begin a pass; the samples are ready for the core, and `prepare` is not needed."""
        return GatheredPass(self, epoch)


class GatheredPass(Pass):
    """One pass over the rows of all ranks in the order of its epoch."""

    def __init__(self, source: GatheredSource, epoch: Epoch) -> None:
        self.source, self.comm = source, source.comm
        n = len(source)
        self.order = shuffled(n, epoch.seed, (epoch.number, 0, 0)) if epoch.shuffle else None

    def rows(
        self, first: int, last: int, mine: NDArray[np.intp] | None = None
    ) -> tuple[Block | None, NDArray[np.uint64], int]:
        """Raise TypeError: a rank cannot read rows without the others."""
        raise TypeError("the rows of all ranks must be read by all: use rows_for")

    def rows_for(
        self, first: int, last: int, wanted: list[NDArray[np.intp]]
    ) -> tuple[Block | None, NDArray[np.uint64], int]:
        """Read the rows of this rank; `wanted` has those of every rank, and all must call this.

        The arguments and the result are those of `rows`.
        """
        rank, starts = self.comm.Get_rank(), self.source.starts
        order = np.arange(first, last) if self.order is None else self.order[first:last]
        by_rank = [order[rows].astype(np.int64) for rows in wanted]
        low, high = starts[rank], starts[rank + 1]
        to_send = [rows[(rows >= low) & (rows < high)] - low for rows in by_rank]
        mine = by_rank[rank]
        owners = np.searchsorted(starts, mine, side="right") - 1
        counts = np.bincount(owners, minlength=self.comm.Get_size())
        # Rows arrive sorted by their owner, and within an owner in the order of `mine`.
        positions = np.argsort(owners, kind="stable")
        local = self.source.local
        exchanges: list[RowExchange | None] = []

        def prepare() -> None:
            for array in (local.X, local.y, local.weights):
                exchange = None if array is None else RowExchange(array, to_send, counts, positions)
                exchanges.append(exchange)

        self.source.agreement.all("the exchange of rows", prepare)
        arrays: list[Any] = [
            None if exchange is None else exchange.run(self.comm) for exchange in exchanges
        ]
        block = Block(*arrays) if len(mine) else None
        return block, mine.astype(np.uint64), last - first


class RowExchange:
    """The exchange of rows of one array.

    It allocates all memory before any rank sends, so that no rank can fail in the middle.

    Parameters
    ----------
    array : (n, ...) array
        The rows of this rank.
    to_send : list of int arrays
        For each rank, the rows to send.
    counts : (ranks,) array
        The number of rows to receive from each rank.
    positions : array
        The position in the result of each row that is received.
    """

    def __init__(
        self,
        array: NDArray[Any],
        to_send: list[NDArray[np.int64]],
        counts: NDArray[np.int64],
        positions: NDArray[np.int64],
    ) -> None:
        width = int(np.prod(array.shape[1:], dtype=int))
        sent = np.ascontiguousarray(array[np.concatenate(to_send)])
        self.received = np.empty((len(positions), *array.shape[1:]), array.dtype)
        self.result, self.positions = np.empty_like(self.received), positions
        self.send_spec = [sent, [len(rows) * width for rows in to_send]]
        self.receive_spec = [self.received, (counts * width).tolist()]

    def run(self, comm: Any) -> NDArray[Any]:
        """Send and receive; all ranks must call this."""
        comm.Alltoallv(self.send_spec, self.receive_spec)
        self.result[self.positions] = self.received
        return self.result
