"""How the sums of a gradient meet: exactly, in the order of the tree, or as fast as MPI can.

Exact: each rank adds up a part of the numbers. The nodes of all ranks go to the owners of the
parts (all-to-all), who add them up in the order of the tree, and the sums go to all (all-gather).
Fast: one all-reduce. Both go layer by layer, from the last to the first, while the layers before
are still to be computed; small layers go together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .sharding import Deal, total

BUNDLE = 64 * 1024  # bytes under which layers go together

Floats = NDArray[Any]


class Exchange:
    """The exchange of one step after the other.

    Parameters
    ----------
    comm : mpi4py communicator
    lengths : list of int
        How many numbers the sum of the gradient of each layer has.
    dtype : str
    reduction : "exact" or "fast"
    """

    def __init__(self, comm: Any, lengths: list[int], dtype: str, reduction: str) -> None:
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        # Calls of one kind must come in the same order on all ranks, but not those of two kinds.
        self.out, self.back, self.small = comm.Dup(), comm.Dup(), comm.Dup()
        self.lengths, self.dtype, self.reduction = lengths, np.dtype(dtype), reduction
        self.bundles = bundles_of(lengths, self.dtype.itemsize)
        self.open: list[Bundle] = []
        self.waiting: dict[int, Floats] = {}
        self.next = len(lengths) - 1  # the layer whose sums come next
        self.broken = False  # an exception has left this rank behind the others

    def begin(self, deal: Deal) -> None:
        """Begin a step."""
        self.deal, self.open, self.waiting = deal, [], {}
        self.next = len(self.lengths) - 1

    def ready(self, layer: int, sums: Floats) -> None:
        """Take the sums of a layer, one row a node, and send its bundle off if that is whole."""
        self.broken = True
        self.send(layer, sums)
        self.broken = False

    def send(self, layer: int, sums: Floats) -> None:
        self.waiting[layer] = sums
        layers = self.bundles[len(self.open)]
        if layer == layers[-1]:
            rows = [self.waiting.pop(one) for one in layers]
            numbers = rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)
            kind = FastBundle if self.reduction == "fast" else ExactBundle
            self.open.append(kind(self, layers, numbers))
        self.next = layer - 1
        self.go_on()

    def nothing(self) -> None:
        """Take part in a step, or in the rest of it, without sums of one's own."""
        nodes = len(self.deal.parts[self.rank])
        for layer in reversed(range(self.next + 1)):
            self.ready(layer, np.zeros((nodes, self.lengths[layer]), self.dtype))

    def go_on(self) -> None:
        """Let what has arrived take its next step, in order."""
        for bundle in self.open:
            if not bundle.arrived():
                return

    def finish(self) -> list[Floats]:
        """Wait for the sums of all layers, from the first to the last."""
        for bundle in self.open:
            bundle.second_half()
        found: dict[int, Floats] = {}
        for bundle in self.open:
            found |= bundle.layers_of(bundle.finish())
        return [found[layer] for layer in range(len(self.lengths))]

    def scalars(
        self, mine: list[tuple[float, float]], flag: float
    ) -> tuple[float, float, list[float]]:
        """The sums of costs and of weights over the batch, and the flags of all ranks."""
        counts = [1 + 2 * len(parts) for parts in self.deal.parts]
        send = np.array([flag, *(number for pair in mine for number in pair)])
        receive = np.empty(sum(counts))
        self.small.Allgatherv(send, [receive, counts])
        flags, costs, weights, at = [], [], [], 0
        for count in counts:
            flags.append(float(receive[at]))
            costs += receive[at + 1 : at + count : 2].tolist()
            weights += receive[at + 2 : at + count : 2].tolist()
            at += count
        if self.reduction == "fast":
            return sum(costs), sum(weights), flags
        return total(self.deal.places, costs), total(self.deal.places, weights), flags

    def close(self) -> None:
        for comm in (self.out, self.back, self.small):
            comm.Free()


def bundles_of(lengths: list[int], itemsize: int) -> list[list[int]]:
    """Layers from the last to the first, small ones together.

    >>> bundles_of([100_000, 10, 20], 4)
    [[2, 1, 0]]
    >>> bundles_of([100_000, 20_000, 10], 4)
    [[2, 1], [0]]
    """
    bundles: list[list[int]] = [[]]
    for layer in reversed(range(len(lengths))):
        if sum(lengths[one] for one in bundles[-1]) * itemsize >= BUNDLE:
            bundles.append([])
        bundles[-1].append(layer)
    return bundles


class Bundle:
    """Some layers on their way."""

    def __init__(self, exchange: Exchange, layers: list[int], sums: Floats) -> None:
        self.exchange, self.layers = exchange, layers
        self.lengths = [exchange.lengths[layer] for layer in layers]
        self.n = sum(self.lengths)
        self.request = self.first_half(sums)

    def first_half(self, sums: Floats) -> Any:
        raise NotImplementedError

    def arrived(self) -> bool:
        raise NotImplementedError

    def second_half(self) -> None:
        raise NotImplementedError

    def finish(self) -> Floats:
        raise NotImplementedError

    def layers_of(self, numbers: Floats) -> dict[int, Floats]:
        ends = np.cumsum(self.lengths)[:-1]
        return dict(zip(self.layers, np.split(numbers, ends), strict=True))


class FastBundle(Bundle):
    """One all-reduce, in whatever order MPI adds."""

    def first_half(self, sums: Floats) -> Any:
        zeros = np.zeros(self.n, self.exchange.dtype)
        self.sent = np.ascontiguousarray(sums[0]) if len(sums) else zeros
        self.sum = np.empty(self.n, self.exchange.dtype)
        return self.exchange.out.Iallreduce(self.sent, self.sum)

    def arrived(self) -> bool:
        return bool(self.request.Test())

    def second_half(self) -> None:
        pass

    def finish(self) -> Floats:
        self.request.Wait()
        return self.sum


class ExactBundle(Bundle):
    """Nodes to the owners of parts, and their sums to all."""

    def first_half(self, sums: Floats) -> Any:
        exchange, ranks = self.exchange, self.exchange.size
        self.cuts = [self.n * rank // ranks for rank in range(ranks + 1)]
        self.parts = [b - a for a, b in zip(self.cuts[:-1], self.cuts[1:], strict=True)]
        nodes = [len(parts) for parts in exchange.deal.parts]
        mine = self.parts[exchange.rank]
        # To each owner all nodes' numbers of its part, one node after the other.
        pieces = [sums[:, a:b].ravel() for a, b in zip(self.cuts[:-1], self.cuts[1:], strict=True)]
        self.sent = sums[0] if len(sums) == 1 else np.concatenate(pieces)
        self.received = np.empty(sum(nodes) * mine, exchange.dtype)
        self.gathering: Any = None
        return exchange.out.Ialltoallv(
            [self.sent, [len(piece) for piece in pieces]],
            [self.received, [count * mine for count in nodes]],
        )

    def arrived(self) -> bool:
        if self.gathering is None:
            if not self.request.Test():
                return False
            self.second_half()
        self.gathering.Test()
        return True

    def second_half(self) -> None:
        """Add up my part, and let all have it."""
        if self.gathering is not None:
            return
        self.request.Wait()
        exchange = self.exchange
        nodes = self.received.reshape(len(exchange.deal.places), -1)
        self.part = np.ascontiguousarray(total(exchange.deal.places, list(nodes)))
        self.sum = np.empty(self.n, exchange.dtype)
        self.gathering = exchange.back.Iallgatherv(self.part, [self.sum, self.parts])

    def finish(self) -> Floats:
        self.gathering.Wait()
        return self.sum
