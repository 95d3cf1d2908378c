"""The samples of a training on many ranks."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import current_thread, main_thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.sources.base import Block, Piece, pieces_of
from ..network.computes import has_several_labels
from ..training.metrics import Metrics
from ..training.streams import Chunk, Outcome, Place, Streamed
from ..training.validation import Samples
from .dealing import deal
from .exchange import Exchange
from .rows import GatheredSource, rows_of_rank

if TYPE_CHECKING:
    from ..network import Network

GO_ON, TIME, INTERRUPTED = 0.0, 1.0, 2.0  # what a rank says with every step


class Distributed(Streamed):
    """Samples whose steps are taken by all ranks together.

    Parameters
    ----------
    net : Network
    given : Samples or Streamed
        This rank's rows, or a source of all rows, of which each rank reads its own.
    comm : mpi4py communicator
    reduction : "exact" or "fast"
    """

    alone = False

    def __init__(self, net: Network, given: Samples | Streamed, comm: Any, reduction: str) -> None:
        self.local = given if isinstance(given, Samples) else None
        if isinstance(given, Samples):
            super().__init__(net, GatheredSource(comm, given))
            several = has_several_labels(given.y, net.output, net.cost)
            net._several_labels = any(comm.allgather(net._several_labels or several))
            # Rows that other ranks hold come by calls that all must make at the same time.
            self.reads_ahead = False
        else:
            super().__init__(net, given.source, class_weight=given.class_weight)
        self.comm, self.reduction = comm, reduction
        self.rank, self.ranks = comm.Get_rank(), comm.Get_size()
        self.is_first = self.rank == 0
        self.exchange: Exchange | None = None
        self.interrupted = False

    def pieces(self, run: Any, first: int) -> Iterator[Piece]:
        rows = self.batches_at_once() * self.batch_size
        return pieces_of(partial(self.read_rows, run), first, rows)

    def read_rows(
        self, run: Any, first: int, last: int
    ) -> tuple[Block | None, NDArray[np.uint64], int]:
        """This rank's rows of some batches."""
        last = min(last, len(self.source))
        how = (self.ranks, self.reduction)
        if self.local is None:
            mine = rows_of_rank(last - first, self.batch_size, self.rank, *how)
            found: tuple[Block | None, NDArray[np.uint64], int] = run.rows(first, last, mine)
            return found
        wanted = [
            rows_of_rank(last - first, self.batch_size, rank, *how) for rank in range(self.ranks)
        ]
        found = run.rows_for(first, last, wanted)
        return found

    # Steps.

    def train(self, core: Any, settings: dict[str, Any], at: Place) -> Outcome:
        deadline = perf_counter() + settings["budget"]
        stop = (settings["stop_epoch"], settings.get("stop_step", 0))
        n, costs = len(self.source), list[float]()
        steps = -(-n // self.batch_size)
        if self.exchange is None:
            lengths = core.sum_lengths()
            self.exchange = Exchange(self.comm, lengths, self.net.dtype, self.reduction)
        with self.noting_interrupts():
            while at[:2] < stop:
                chunk = self.chunk_at(at, settings)
                cost, flags = self.step(core, settings, at, chunk, deadline)
                if cost is None:
                    return costs, *at, "nonfinite"
                at = (at[0], at[1] + 1, at[2] + cost)
                if at[1] == steps:
                    costs.append(at[2] / n)
                    at = (at[0] + 1, 0, 0.0)
                if INTERRUPTED in flags:
                    return costs, *at, "interrupted"
                if flags[0] == TIME and at[:2] < stop:
                    return costs, *at, "time"
        return costs, *at, "done"

    def step(
        self, core: Any, settings: dict[str, Any], at: Place, chunk: Chunk, deadline: float
    ) -> tuple[float | None, list[float]]:
        """One step of all ranks; the sum of its costs, and what every rank says."""
        exchange, size, n = self.exchange, self.batch_size, len(self.source)
        assert exchange is not None
        m = min(size, n - at[1] * size)
        dealt = deal(m, self.ranks, self.reduction)
        exchange.begin(dealt)
        first, last = dealt.rows[self.rank]
        sums: list[tuple[float, float]] = []
        if first == last:
            exchange.nothing()
        else:
            start = (at[1] - chunk.first_step) * self.rows_a_batch()
            rows = slice(start, start + last - first)
            assert chunk.samples is not None and chunk.samples.y is not None
            X, y, weights = chunk.samples.X, chunk.samples.y, chunk.samples.weights
            weights = None if weights is None else weights[rows]
            run = settings | {"window": (n, 0), "names": chunk.names[rows], "shuffle": False}
            parts = dealt.parts[self.rank]
            sums = core.sum_gradient(X[rows], y[rows], run, at[0], parts, exchange.ready, weights)
        flag = TIME if perf_counter() >= deadline else GO_ON
        cost, weight, flags = exchange.scalars(sums, INTERRUPTED if self.interrupted else flag)
        gradient, steps = exchange.finish(), -(-n // size)
        return core.apply_gradient(gradient, (cost, weight, m), settings, at, steps), flags

    def rows_a_batch(self) -> int:
        """This rank's rows of every whole batch."""
        first, last = deal(self.batch_size, self.ranks, self.reduction).rows[self.rank]
        return int(last - first)

    @contextmanager
    def noting_interrupts(self) -> Iterator[None]:
        """Ctrl-C ends the training of all ranks after the same step."""
        if current_thread() is not main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)

        def note(*_: object) -> None:
            self.interrupted = True

        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    # What all know.

    def metric_scores(self, metrics: Metrics) -> dict[str, float]:
        """Every rank predicts its own rows, and all see all targets and activations."""
        if not metrics.rows or self.local is None:
            return super().metric_scores(metrics)
        local = self.local
        mine = (local.y, self.net._core.predict(local.X), local.weights)
        return self.scores_of(metrics, self.comm.allgather(mine))

    def agree(self, value: Any) -> Any:
        return self.comm.bcast(value, root=0)

    def close(self) -> None:
        super().close()
        if self.exchange is not None:
            self.exchange.close()
            self.exchange = None
