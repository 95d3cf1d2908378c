"""Add up the gradients of all ranks: exactly, in the order of the tree, or as fast as MPI can.

Exact: each rank owns a part of the numbers. The nodes of all ranks go to the owners of the parts
(all-to-all), who add them up in the order of the tree, and the sums go to all (all-gather). Fast:
one all-reduce. Both proceed layer by layer, from the last to the first, while the layers before
are still being computed; small layers travel together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .sharding import Partition, tree_sum

BUNDLE = 64 * 1024  # bytes below which layers travel together

Floats = NDArray[Any]


class Exchange:
    """The exchange of one step after the other.

    Parameters
    ----------
    comm : mpi4py communicator
    lengths : list of int
        The length of the summed gradient of each layer.
    dtype : str
    reduction : "exact" or "fast"
    """

    def __init__(self, comm: Any, lengths: list[int], dtype: str, reduction: str) -> None:
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        # On one communicator all ranks must make their calls in the same order. The three kinds
        # of calls overlap, and so each kind has its own.
        self.out, self.back, self.small = comm.Dup(), comm.Dup(), comm.Dup()
        self.lengths, self.dtype, self.reduction = lengths, np.dtype(dtype), reduction
        self.bundles = bundles_of(lengths, self.dtype.itemsize)
        self.open: list[Bundle] = []
        self.waiting: dict[int, Floats] = {}
        self.next = len(lengths) - 1  # the layer whose sums come next
        self.broken = False  # an exception has left this rank behind the others

    def begin(self, batch: Partition) -> None:
        """Begin a step."""
        self.batch, self.open, self.waiting = batch, [], {}
        self.next = len(self.lengths) - 1

    def ready(self, layer: int, sums: Floats) -> None:
        """Take the sums of a layer, one row per node; send its bundle if it is complete."""
        self.broken = True
        self.send(layer, sums)
        self.broken = False

    def send(self, layer: int, sums: Floats) -> None:
        """Send the bundle of a layer if it is complete, and advance those that are open."""
        self.waiting[layer] = sums
        layers = self.bundles[len(self.open)]
        if layer == layers[-1]:
            rows = [self.waiting.pop(number) for number in layers]
            numbers = rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)
            kind = FastBundle if self.reduction == "fast" else ExactBundle
            self.open.append(kind(self, layers, numbers))
        self.next = layer - 1
        self.advance()

    def nothing(self) -> None:
        """Take part in the rest of a step with sums of zero."""
        nodes = len(self.batch.parts[self.rank])
        for layer in reversed(range(self.next + 1)):
            self.ready(layer, np.zeros((nodes, self.lengths[layer]), self.dtype))

    def advance(self) -> None:
        """Let the bundles that have arrived take their next step, in order."""
        for bundle in self.open:
            if not bundle.arrived():
                return

    def finish(self) -> list[Floats]:
        """Wait for the sums of all layers, and return them from the first to the last."""
        for bundle in self.open:
            bundle.second_half()
        sums: dict[int, Floats] = {}
        for bundle in self.open:
            sums |= bundle.layers_of(bundle.finish())
        return [sums[layer] for layer in range(len(self.lengths))]

    def scalars(
        self, mine: list[tuple[float, float]], flag: float
    ) -> tuple[float, float, list[float]]:
        """Return the sums of costs and of weights over the batch, and the flags of all ranks.

        `mine` has the sums of costs and of weights of each node of this rank.
        """
        counts = [1 + 2 * len(parts) for parts in self.batch.parts]
        sent = np.array([flag, *(number for pair in mine for number in pair)])
        received = np.empty(sum(counts))
        self.small.Allgatherv(sent, [received, counts])
        flags, costs, weights, start = [], [], [], 0
        for count in counts:
            end = start + count
            flags.append(float(received[start]))
            costs += received[start + 1 : end : 2].tolist()
            weights += received[start + 2 : end : 2].tolist()
            start = end
        if self.reduction == "fast":
            return sum(costs), sum(weights), flags
        nodes = self.batch.nodes
        return tree_sum(nodes, costs), tree_sum(nodes, weights), flags

    def close(self) -> None:
        """Free the communicators; all ranks must call this."""
        for comm in (self.out, self.back, self.small):
            comm.Free()


def bundles_of(lengths: list[int], itemsize: int) -> list[list[int]]:
    """Return the layers from the last to the first, small ones together.

    >>> bundles_of([100_000, 10, 20], 4)
    [[2, 1, 0]]
    >>> bundles_of([100_000, 20_000, 10], 4)
    [[2, 1], [0]]
    """
    bundles: list[list[int]] = [[]]
    for layer in reversed(range(len(lengths))):
        if sum(lengths[number] for number in bundles[-1]) * itemsize >= BUNDLE:
            bundles.append([])
        bundles[-1].append(layer)
    return bundles


class Bundle(ABC):
    """Some layers on their way."""

    def __init__(self, exchange: Exchange, layers: list[int], sums: Floats) -> None:
        self.exchange, self.layers = exchange, layers
        self.lengths = [exchange.lengths[layer] for layer in layers]
        self.n = sum(self.lengths)
        self.request = self.first_half(sums)

    @abstractmethod
    def first_half(self, sums: Floats) -> Any:
        """Send the sums, and return the request."""

    @abstractmethod
    def arrived(self) -> bool:
        """Return True if the first half is done; begin the second half then."""

    @abstractmethod
    def second_half(self) -> None:
        """Wait for the first half, and begin the second half."""

    @abstractmethod
    def finish(self) -> Floats:
        """Wait for the second half, and return the sums of all ranks."""

    def layers_of(self, numbers: Floats) -> dict[int, Floats]:
        """Split the numbers of the bundle into those of its layers."""
        ends = np.cumsum(self.lengths)[:-1]
        return dict(zip(self.layers, np.split(numbers, ends), strict=True))


class FastBundle(Bundle):
    """One all-reduce, which adds in any order."""

    def first_half(self, sums: Floats) -> Any:
        """Begin the all-reduce."""
        zeros = np.zeros(self.n, self.exchange.dtype)
        self.sent = np.ascontiguousarray(sums[0]) if len(sums) else zeros
        self.sum = np.empty(self.n, self.exchange.dtype)
        return self.exchange.out.Iallreduce(self.sent, self.sum)

    def arrived(self) -> bool:
        """Return True if the all-reduce is done."""
        return bool(self.request.Test())

    def second_half(self) -> None:
        """Do nothing: there is one half."""

    def finish(self) -> Floats:
        """Wait for the all-reduce, and return its sums."""
        self.request.Wait()
        return self.sum


class ExactBundle(Bundle):
    """All-to-all of the nodes to the owners of parts, and all-gather of their sums."""

    def first_half(self, sums: Floats) -> Any:
        """Send the nodes to the owners."""
        exchange, ranks = self.exchange, self.exchange.size
        cuts = [self.n * rank // ranks for rank in range(ranks + 1)]
        self.parts = [end - start for start, end in pairwise(cuts)]
        mine = self.parts[exchange.rank]
        counts = [len(parts) for parts in exchange.batch.parts]
        # Each owner gets its part of all nodes, one node after the other.
        pieces = [sums[:, start:end].ravel() for start, end in pairwise(cuts)]
        self.sent = sums[0] if len(sums) == 1 else np.concatenate(pieces)
        self.received = np.empty(sum(counts) * mine, exchange.dtype)
        self.gathering: Any = None
        return exchange.out.Ialltoallv(
            [self.sent, [len(piece) for piece in pieces]],
            [self.received, [count * mine for count in counts]],
        )

    def arrived(self) -> bool:
        """Return True if the nodes have arrived; send the sum of this rank's part then."""
        if self.gathering is None:
            if not self.request.Test():
                return False
            self.second_half()
        self.gathering.Test()  # lets MPI make progress
        return True

    def second_half(self) -> None:
        """Add up the part of this rank, and send it to all."""
        if self.gathering is not None:
            return
        self.request.Wait()
        exchange = self.exchange
        nodes = exchange.batch.nodes
        rows = self.received.reshape(len(nodes), -1)
        self.part = np.ascontiguousarray(tree_sum(nodes, list(rows)))
        self.sum = np.empty(self.n, exchange.dtype)
        self.gathering = exchange.back.Iallgatherv(self.part, [self.sum, self.parts])

    def finish(self) -> Floats:
        """Wait for the parts of all ranks, and return the sums."""
        self.gathering.Wait()
        return self.sum
