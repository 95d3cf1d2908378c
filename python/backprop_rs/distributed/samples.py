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
from ..training.out_of_core import Predicted, Streamed
from ..training.samples import Outcome, Samples
from ..training.state import Position
from .exchange import Exchange
from .rows import GatheredSource, rows_of_rank
from .sharding import Partition, partition

if TYPE_CHECKING:
    from .._internal.core import CoreNetwork
    from ..base_network import BaseNetwork
    from .agreement import Agreement

GO_ON, TIME, INTERRUPTED, FAILED = 0.0, 1.0, 2.0, 3.0  # the flag that a rank sends with a step

T = TypeVar("T")


class DistributedSamples(Streamed):
    """Samples whose steps all ranks make together.

    Parameters
    ----------
    net : BaseNetwork
    local : Samples or Streamed
        The rows of this rank, or a source of all rows, of which each rank reads its own.
    agreement : Agreement
    reduction : "exact" or "fast"
    """

    alone = False

    def __init__(
        self, net: BaseNetwork, local: Samples | Streamed, agreement: Agreement, reduction: str
    ) -> None:
        self.agreement, self.reduction = agreement, reduction
        self.local = local.in_memory
        if isinstance(local, Streamed):
            super().__init__(net, local.source, class_weight=local.class_weight)
        else:
            super().__init__(net, GatheredSource(agreement, local))
            # The ranks exchange rows by collective calls, which no other thread may make.
            self.reads_ahead = False
        self.rank, self.ranks = agreement.rank, agreement.size
        self.is_first = self.rank == 0
        self.exchange: Exchange | None = None
        self.failure: BaseException | None = None  # which the other ranks do not know of yet

    @property
    def in_memory(self) -> Samples | None:
        """The rows of this rank; None for a source."""
        return self.local

    def pieces(self, run: Any, first: int) -> Iterator[Piece]:
        """Yield the rows of this rank of an epoch from a row on, in pieces of whole batches."""
        rows = self.batches_at_once() * self.batch_size
        return read_pieces(partial(self.read_rows, run), first, rows)

    def read_rows(
        self, run: Any, first: int, last: int
    ) -> tuple[Block | None, NDArray[np.uint64], int]:
        """Read the rows of this rank of some batches."""
        last = min(last, len(self.source))
        wanted = partial(
            rows_of_rank,
            last - first,
            self.batch_size,
            ranks=self.ranks,
            reduction=self.reduction,
        )
        result: tuple[Block | None, NDArray[np.uint64], int]
        if self.local is None:
            result = run.rows(first, last, wanted(rank=self.rank))
        else:
            # Each rank sends rows to the others, and so must know the wishes of all.
            result = run.rows_for(first, last, [wanted(rank=rank) for rank in range(self.ranks)])
        return result

    # Steps.

    def train(self, core: CoreNetwork, settings: dict[str, Any], position: Position) -> Outcome:
        """Train in the core together with the other ranks."""
        # Failures before this point are told here: after it the ranks meet in steps only.
        self.agreement.all("the next steps", self.open_exchange)
        outcome = self.steps(core, settings, position)
        self.raise_failure()
        return outcome

    def steps(self, core: CoreNetwork, settings: dict[str, Any], position: Position) -> Outcome:
        """Make steps until the time is over, or until the stop."""
        deadline = perf_counter() + settings["budget"]
        stop = (settings["stop_epoch"], settings.get("stop_step", 0))
        costs: list[float] = []
        steps = -(-len(self.source) // self.batch_size)
        while position.stop < stop:
            try:
                sums, flags = self.step(core, settings, position, deadline)
            except KeyboardInterrupt as error:
                if error is not self.agreement.known:
                    raise
                self.failure = None
                return Outcome(costs, position, "interrupted")
            if sums is None:
                return Outcome(costs, position, "nonfinite")
            position = self.after_step(position, sums, steps)
            if position.step == 0:
                cost_sum, weight_sum = position.cost_sum, position.weight_sum
                costs.append(cost_sum / weight_sum if weight_sum else 0.0)
            if INTERRUPTED in flags:
                return Outcome(costs, position, "interrupted")
            # The clock of rank 0 decides for all.
            if flags[0] == TIME and position.stop < stop:
                return Outcome(costs, position, "time")
        return Outcome(costs, position, "done")

    def after_step(self, before: Position, sums: tuple[float, float], steps: int) -> Position:
        """Return the position after a step; `sums` are those of its costs and weights."""
        cost_sum, weight_sum = (before.cost_sum, before.weight_sum) if before.step else (0.0, 0.0)
        cost_sum, weight_sum = cost_sum + sums[0], weight_sum + sums[1]
        if before.step + 1 == steps:
            return Position(before.epoch + 1, 0, cost_sum, weight_sum)
        return Position(before.epoch, before.step + 1, cost_sum, weight_sum)

    def open_exchange(self) -> None:
        """Open the exchange of gradients, if it is not open yet."""
        if self.exchange is None:
            lengths, comm = self.net._core.sum_lengths(), self.agreement.comm
            self.exchange = Exchange(comm, lengths, self.net.dtype, self.reduction)
            self.agreement.at_end.append(self.exchange.close)

    def step(
        self, core: CoreNetwork, settings: dict[str, Any], position: Position, deadline: float
    ) -> tuple[tuple[float, float] | None, list[float]]:
        """Make one step of all ranks; return the sums of its costs and weights, and all flags.

        A rank that fails takes part with zeros and says so, so that the others do not wait. The
        sums are None if the cost is not finite.
        """
        exchange, size, n = self.exchange, self.batch_size, len(self.source)
        assert exchange is not None
        m = min(size, n - position.step * size)
        batch = partition(m, self.ranks, self.reduction)
        exchange.begin(batch)
        try:
            sums = self.sum_gradient(core, settings, position, batch, exchange)
        except BaseException as error:
            if error is self.agreement.known:
                raise
            if exchange.broken:
                self.agreement.end_job(error)
            self.failure = error
            exchange.nothing()
            sums = [(0.0, 0.0)] * len(batch.parts[self.rank])
        cost, weight, flags = exchange.scalars(sums, self.flag(settings, deadline))
        gradient, steps = exchange.finish(), -(-n // size)
        if FAILED in flags:
            self.agreement.all("a step that has failed", self.raise_failure)
        try:
            totals = (cost, weight, m)
            return core.apply_gradient(gradient, totals, settings, position.stop, steps), flags
        except BaseException as error:
            # The others are told with the next step, or after the last one.
            self.failure = error
            return ((0.0, weight) if isfinite(cost) else None), flags

    def sum_gradient(
        self,
        core: CoreNetwork,
        settings: dict[str, Any],
        position: Position,
        batch: Partition,
        exchange: Exchange,
    ) -> list[tuple[float, float]]:
        """Send this rank's sums of the gradient; return those of costs and weights."""
        self.raise_failure()
        chunk = self.chunk_at(position, settings)
        first, last = batch.rows[self.rank]
        if first == last:
            exchange.nothing()
            return []
        start = (position.step - chunk.first_step) * self.rows_per_batch()
        rows = slice(start, start + last - first)
        assert chunk.samples is not None and chunk.samples.y is not None
        X, y, weights = chunk.samples.X, chunk.samples.y, chunk.samples.weights
        run = settings | {
            "window": (len(self.source), 0),
            "names": chunk.row_ids[rows],
            "shuffle": False,
        }
        sums: list[tuple[float, float]] = core.sum_gradient(
            X[rows],
            y[rows],
            run,
            position.stop,
            -(-len(self.source) // self.batch_size),
            batch.parts[self.rank],
            exchange.ready,
            None if weights is None else weights[rows],
        )
        return sums

    def flag(self, settings: dict[str, Any], deadline: float) -> float:
        """Return the flag that this rank sends with a step."""
        if self.failure is not None:
            return FAILED
        if "interrupted" in settings and settings["interrupted"]():
            return INTERRUPTED
        return TIME if perf_counter() >= deadline else GO_ON

    def raise_failure(self) -> None:
        """Raise the exception that this rank still has to raise."""
        if self.failure is not None:
            raise self.failure

    def rows_per_batch(self) -> int:
        """Return the number of rows of this rank in a whole batch."""
        first, last = partition(self.batch_size, self.ranks, self.reduction).rows[self.rank]
        return last - first

    # Agreement.

    def metric_scores(self, metrics: Metrics) -> dict[str, float]:
        """Return the metrics; each rank predicts its own rows, and receives those of all."""
        if not metrics or self.local is None:
            return super().metric_scores(metrics)
        local = self.local

        def predict() -> Predicted:
            return local.y, self.net._outputs(local.X), local.weights

        return self.scores_of(metrics, self.agreement.all("the metrics", predict))

    def together(self, point: str, make: Callable[[], T]) -> list[T]:
        """Call `make` on all ranks, and return what each has made."""
        return self.agreement.all(point, make)

    def agree(self, value: T) -> T:
        """Return the value of rank 0."""
        return self.agreement.first("a decision", value)

    def tell(self, error: BaseException) -> None:
        """Tell all ranks of an exception that may be known on this rank only."""
        self.agreement.tell(error)
