"""The samples of a training on many ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import isfinite
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..data.sources.block import Block, Piece, read_pieces
from ..training.metrics import Metrics
from ..training.out_of_core import Kept, Outcome, Place, Streamed
from ..training.samples import Samples
from .exchange import Exchange
from .rows import GatheredSource, rows_of_rank
from .sharding import Deal, deal

if TYPE_CHECKING:
    from ..base_network import BaseNetwork
    from .agreement import Agreement

GO_ON, TIME, INTERRUPTED, FAILED = 0.0, 1.0, 2.0, 3.0  # what a rank says with every step

T = TypeVar("T")


class Distributed(Streamed):
    """Samples whose steps are taken by all ranks together.

    Parameters
    ----------
    net : BaseNetwork
    given : Samples or Streamed
        This rank's rows, or a source of all rows, of which each rank reads its own.
    agreement : Agreement
    reduction : "exact" or "fast"
    """

    alone = False

    def __init__(
        self, net: BaseNetwork, given: Samples | Streamed, agreement: Agreement, reduction: str
    ) -> None:
        self.agreement, self.reduction = agreement, reduction
        self.local = given if isinstance(given, Samples) else None
        if isinstance(given, Samples):
            super().__init__(net, GatheredSource(agreement, given))
            # Rows that other ranks hold come by calls that all must make at the same time.
            self.reads_ahead = False
        else:
            super().__init__(net, given.source, class_weight=given.class_weight)
        self.rank, self.ranks = agreement.rank, agreement.size
        self.is_first = self.rank == 0
        self.exchange: Exchange | None = None
        self.failure: BaseException | None = None  # that the others do not know of yet

    def pieces(self, run: Any, first: int) -> Iterator[Piece]:
        rows = self.batches_at_once() * self.batch_size
        return read_pieces(partial(self.read_rows, run), first, rows)

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
        # Whoever has failed before is heard of here: from now on the ranks meet in steps.
        self.agreement.all("the next steps", self.open_exchange)
        outcome = self.steps(core, settings, at)
        self.fail()
        return outcome

    def steps(self, core: Any, settings: dict[str, Any], at: Place) -> Outcome:
        deadline = perf_counter() + settings["budget"]
        stop = (settings["stop_epoch"], settings.get("stop_step", 0))
        n, costs = len(self.source), list[float]()
        steps = -(-n // self.batch_size)
        while at[:2] < stop:
            try:
                found, flags = self.step(core, settings, at, deadline)
            except KeyboardInterrupt as error:
                if error is not self.agreement.known:
                    raise
                self.failure = None
                return costs, *at, "interrupted"
            if found is None:
                return costs, *at, "nonfinite"
            cost_sum, weight_sum = at[2:] if at[1] else (0.0, 0.0)
            at = (at[0], at[1] + 1, cost_sum + found[0], weight_sum + found[1])
            if at[1] == steps:
                costs.append(at[2] / at[3] if at[3] else 0.0)
                at = (at[0] + 1, 0, at[2], at[3])
            if INTERRUPTED in flags:
                return costs, *at, "interrupted"
            if flags[0] == TIME and at[:2] < stop:
                return costs, *at, "time"
        return costs, *at, "done"

    def open_exchange(self) -> None:
        if self.exchange is None:
            lengths, comm = self.net._core.sum_lengths(), self.agreement.comm
            self.exchange = Exchange(comm, lengths, self.net.dtype, self.reduction)
            self.agreement.at_end.append(self.exchange.close)

    def step(
        self, core: Any, settings: dict[str, Any], at: Place, deadline: float
    ) -> tuple[tuple[float, float] | None, list[float]]:
        """One step of all ranks; the sums of its costs and weights, and what every rank says.

        A rank that fails takes part with zeros, so that the others do not wait, and says so.
        """
        exchange, size, n = self.exchange, self.batch_size, len(self.source)
        assert exchange is not None
        m = min(size, n - at[1] * size)
        dealt = deal(m, self.ranks, self.reduction)
        exchange.begin(dealt)
        try:
            sums = self.sum_gradient(core, settings, at, dealt, exchange)
        except BaseException as error:
            if error is self.agreement.known:
                raise
            if exchange.broken:
                self.agreement.end_job(error)
            self.failure = error
            exchange.nothing()
            sums = [(0.0, 0.0)] * len(dealt.parts[self.rank])
        cost, weight, flags = exchange.scalars(sums, self.flag(settings, deadline))
        gradient, steps = exchange.finish(), -(-n // size)
        if FAILED in flags:
            self.agreement.all("a step that has failed", self.fail)
        try:
            return core.apply_gradient(gradient, (cost, weight, m), settings, at[:2], steps), flags
        except BaseException as error:
            self.failure = error  # which the others hear of with the next step, or after the last
            return ((0.0, weight) if isfinite(cost) else None), flags

    def sum_gradient(
        self, core: Any, settings: dict[str, Any], at: Place, dealt: Deal, exchange: Exchange
    ) -> list[tuple[float, float]]:
        """This rank's sums of costs and weights; those of the gradient go to the exchange."""
        self.fail()
        chunk = self.chunk_at(at, settings)
        first, last = dealt.rows[self.rank]
        if first == last:
            exchange.nothing()
            return []
        start = (at[1] - chunk.first_step) * self.rows_a_batch()
        rows = slice(start, start + last - first)
        assert chunk.samples is not None and chunk.samples.y is not None
        X, y, weights = chunk.samples.X, chunk.samples.y, chunk.samples.weights
        weights = None if weights is None else weights[rows]
        window = {"window": (len(self.source), 0), "names": chunk.names[rows], "shuffle": False}
        parts, run = dealt.parts[self.rank], settings | window
        found: list[tuple[float, float]] = core.sum_gradient(
            X[rows], y[rows], run, at[0], parts, exchange.ready, weights
        )
        return found

    def flag(self, settings: dict[str, Any], deadline: float) -> float:
        """What this rank says with a step."""
        if self.failure is not None:
            return FAILED
        if "interrupted" in settings and settings["interrupted"]():
            return INTERRUPTED
        return TIME if perf_counter() >= deadline else GO_ON

    def fail(self) -> None:
        """Raise what has failed on this rank."""
        if self.failure is not None:
            raise self.failure

    def rows_a_batch(self) -> int:
        """This rank's rows of every whole batch."""
        first, last = deal(self.batch_size, self.ranks, self.reduction).rows[self.rank]
        return int(last - first)

    # What all know.

    def metric_scores(self, metrics: Metrics) -> dict[str, float]:
        """Every rank predicts its own rows, and all see all targets and activations."""
        if not metrics.rows or self.local is None:
            return super().metric_scores(metrics)
        local = self.local

        def mine() -> Kept:
            return local.y, self.net._outputs(local.X), local.weights

        return self.scores_of(metrics, self.agreement.all("the metrics", mine))

    def together(self, point: str, make: Callable[[], T]) -> list[T]:
        return self.agreement.all(point, make)

    def agree(self, value: T) -> T:
        return self.agreement.first("a decision", value)

    def tell(self, error: BaseException) -> None:
        self.agreement.tell(error)
