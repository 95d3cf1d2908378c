"""Training, scores and predictions from a `Source`: chunk by chunk, read ahead by a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .._internal import frames
from ..data.labels import class_labels, is_multilabel, target_labels
from ..data.scaling import Scaling
from ..data.sources.base import Source
from ..data.sources.block import Block, Change, Epoch, Pass, Piece, concatenate
from ..data.sources.prefetch import Prefetcher
from ..threads import get_num_threads, processors
from .metrics import Metrics
from .pairwise_sum import ShardTree
from .sample_weights import weights_of
from .tally import Tally

if TYPE_CHECKING:
    from ..base_network import BaseNetwork

T = TypeVar("T")
Place = tuple[int, int, float, float]  # epoch, step, sum w_i C_i and sum w_i
Outcome = tuple[list[float], int, int, float, float, str | BaseException]
Kept = tuple[NDArray[Any] | None, NDArray[Any], NDArray[Any] | None]  # y, activations and weights
SHARD = 256
QUEUED = 1  # chunks, beside the one that is trained on and the one that is being made


@dataclass
class Chunk:
    """Whole batches of an epoch, in its order, ready for the core; the last may hold a rest."""

    epoch: int
    first_step: int
    steps: int
    samples: Block | None  # None where all rows are those of other ranks
    names: NDArray[np.uint64]
    order: NDArray[np.uint32] | None  # of the samples; None is as they stand
    rows: int  # of the whole epoch; where that is not known yet, more than all so far

    def holds(self, at: Place) -> bool:
        return self.epoch == at[0] and 0 <= at[1] - self.first_step < self.steps


class Streamed:
    """The samples of a source, as a training sees them.

    Parameters
    ----------
    net : BaseNetwork
    source : Source
    batch_size : int
    class_weight : mapping, optional
    """

    is_first = True
    reads_ahead = True

    def __init__(
        self, net: BaseNetwork, source: Source, batch_size: int = SHARD, class_weight: Any = None
    ) -> None:
        self.net, self.source, self.batch_size = net, in_order(source, net), batch_size
        self.class_weight = class_weight
        self.last_epoch = 0
        self.chunk: Chunk | None = None
        self.reader: Iterator[Chunk] | None = None
        self.next: tuple[int, int] | None = None
        # What surrounds a wait for samples.
        self.waiting: Callable[[], AbstractContextManager[None]] = nullcontext

    def __len__(self) -> int:
        return self.source.length or 0

    def __bool__(self) -> bool:
        return True  # also where the length is not known yet

    alone = True  # nobody waits for the steps of this training

    @property
    def can_go_back(self) -> bool:
        return self.source.repeatable

    def prepare(self) -> Change:
        """What makes a block ready for the core, or says what is wrong with it."""
        net, class_weight = self.net, self.class_weight

        def ready(block: Block) -> Block:
            if block.y is None:
                raise ValueError("a source must have a target to train or to evaluate")
            X, y = net._samples(block.X, block.y)
            labels = class_labels(y, net.output, net.cost) if class_weight is not None else None
            classes = (labels, max(net.sizes[-1], 2))
            weights = weights_of(block.weights, class_weight, classes, len(X), net.dtype)
            return Block(X, y, weights)

        return ready

    # Training.

    def train(self, core: Any, settings: dict[str, Any], at: Place) -> Outcome:
        """As `core.train`, whose X and y are all samples in the order of the epoch."""
        deadline = perf_counter() + settings["budget"]
        stop = (settings["stop_epoch"], settings.get("stop_step", 0))
        costs: list[float] = []
        while at[:2] < stop:
            try:
                with self.waiting():
                    chunk = self.chunk_at(at, settings)
            except BaseException as error:  # the steps before it have been made
                return costs, *at, error
            run = settings | {
                "window": (chunk.rows, chunk.first_step),
                "names": chunk.names,
                "shuffle": False,
                "budget": max(deadline - perf_counter(), 0.0),
            }
            if chunk.order is not None:
                run |= {"orders": chunk.order[None], "orders_from": chunk.epoch}
            assert chunk.samples is not None
            X, y, weights = chunk.samples.X, chunk.samples.y, chunk.samples.weights
            assert y is not None
            net = self.net
            if not net._several_labels:
                net._several_labels = is_multilabel(y, net.output, net.cost)
            more, *place, reason = core.train(X, y, run, at, weights)
            at = tuple(place)
            costs += more
            if reason not in ("done", "time"):
                return costs, *at, reason
            if perf_counter() >= deadline and at[:2] < stop:
                return costs, *at, "time"
        return costs, *at, "done"

    def chunk_at(self, at: Place, settings: dict[str, Any]) -> Chunk:
        """The chunk that a step is in: the one at hand, the next, or that of a new reader."""
        if self.chunk is None or not self.chunk.holds(at):
            self.chunk = None  # let it go before the next one is waited for
            if self.reader is None or self.next != at[:2]:
                self.end_reader()
                chunks = self.chunks(at, settings)
                self.reader = Prefetcher(chunks, QUEUED) if self.reads_beside else chunks
            try:
                self.chunk = next(self.reader)
            except BaseException:
                self.end_reader()
                raise
            whole = -(-self.chunk.rows // self.batch_size)
            after = self.chunk.first_step + self.chunk.steps
            self.next = (at[0] + 1, 0) if after >= whole else (at[0], after)
        return self.chunk

    def chunks(self, at: Place, settings: dict[str, Any]) -> Iterator[Chunk]:
        """The chunks from a step on, epoch after epoch."""
        epoch, step = at[:2]
        last = settings["stop_epoch"] + bool(settings.get("stop_step", 0))
        while epoch < max(self.last_epoch, last):
            one = Epoch(epoch, settings["seed"], settings["shuffle"])
            yield from self.chunks_of(one, step)
            epoch, step = epoch + 1, 0

    def chunks_of(self, epoch: Epoch, step: int) -> Iterator[Chunk]:
        """The chunks of one epoch; each is held back until it is known whether it is the last."""
        size, n, first = self.batch_size, self.source.length, step * self.batch_size
        held: Chunk | None = None
        for piece in self.pieces(self.source.begin(epoch, self.prepare()), first):
            if held is not None:
                yield held
            steps, rows = -(-piece.rows // size), n or first + piece.rows + 1
            samples = (piece.block, piece.row_ids, piece.order)
            held = Chunk(epoch.number, first // size, steps, *samples, rows)
            first += piece.rows
            if n is not None and first >= n:
                break
            if n is not None and piece.rows == steps * size:
                yield held
                held = None
        yield from self.ended(held, first)

    def pieces(self, run: Pass, first: int) -> Iterator[Piece]:
        """An epoch from a row on, in pieces of whole batches."""
        return run.pieces(first, self.batch_size, self.batches_at_once())

    def ended(self, held: Chunk | None, rows: int) -> Iterator[Chunk]:
        """The last chunk of an epoch of so many rows."""
        n = self.source.length
        if rows == 0:
            raise ValueError(f"{self.source.name} must hold at least one sample; it is empty")
        if n is not None and rows != n:
            raise ValueError(
                f"{self.source.name} must hold {n:,} samples; the pass ended after {rows:,}"
            )
        self.source.length = rows
        if held is not None:
            held.rows = rows
            yield held

    @property
    def reads_beside(self) -> bool:
        """Whether a thread makes the chunks while others train.

        Where no processor is left for it, it would halt all threads of the training, which wait for
        each other in every step: there it only has the bytes brought, and all processors make them
        a chunk between two trainings.
        """
        spare = get_num_threads() < processors()
        return self.reads_ahead and (spare or not self.source.can_prefetch)

    def batches_at_once(self) -> int:
        row = self.net.sizes[0] * np.dtype(self.net.dtype).itemsize
        return int(max(self.source.chunk_bytes // (row * self.batch_size), 1))

    def rows_at_once(self) -> int:
        """Whole shards of about `chunk_bytes`."""
        row = self.net.sizes[0] * np.dtype(self.net.dtype).itemsize
        return int(max(self.source.chunk_bytes // row // SHARD, 1)) * SHARD

    def close(self) -> None:
        """Leave nothing open."""
        self.end_reader()

    def end_reader(self) -> None:
        """End the thread that reads ahead."""
        if isinstance(self.reader, Prefetcher):
            self.reader.close()
        self.reader = self.chunk = self.next = None

    def rows(self, chosen: NDArray[Any]) -> Block:
        """Some of the samples, in their natural order: the source is read up to the last."""
        if not self.source.repeatable:
            raise ValueError(f"{self.source.name} can be read only once: give X and y beside it")
        wanted, found, first = np.sort(chosen), [], 0
        run, many = self.source.begin(Epoch(), self.prepare()), self.rows_at_once()
        while len(wanted) and first <= wanted[-1]:
            here = wanted[(wanted >= first) & (wanted < first + many)] - first
            block, _, _ = run.rows(first, first + many, here.astype(np.intp))
            found += [] if block is None else [block]
            first += many
        return concatenate(found)

    # Scores.

    def blocks(self) -> Iterator[Block]:
        """All samples in their natural order, read ahead."""
        rows = self.rows_at_once()
        run, first = self.source.begin(Epoch(), self.prepare()), 0

        def read() -> Iterator[Block]:
            at = first
            while True:
                block, _, found = run.rows(at, at + rows)
                if block is not None:
                    yield block
                if found < rows:
                    return
                at += found

        with Prefetcher(read()) as ahead:
            yield from ahead

    def score(self, metrics: Metrics) -> dict[str, float]:
        """The mean cost, with the bits of one array, the accuracy of classes, and the metrics."""
        net, cost, total = self.net, ShardTree(), ShardTree()
        tally, kept = Tally(net), list[Kept]()
        for block in self.blocks():
            assert block.y is not None
            costs = net._core.costs(block.X, block.y)
            weights = block.weights
            if weights is not None:
                costs = (costs.astype(net.dtype) * weights).astype(float)
                total.add(weights.astype(float))
            cost.add(costs)
            if tally.is_open or metrics.rows:
                a = net._outputs(block.X)
                tally.add(block.y, a, weights)
                kept += [(block.y, a, weights)] if metrics.rows else []
        if cost.count == 0:
            raise ValueError(f"{self.source.name} must hold at least one sample; it is empty")
        whole = total.total() if total.count else float(cost.count)
        if not whole:
            raise ValueError(
                f"the weights of {self.source.name} must not be all 0; got {cost.count:,} of 0"
            )
        scores = {"cost": cost.total() / whole}
        if tally.right is not None:
            scores["accuracy"] = tally.right / whole
        return scores | self.scores_of(metrics, kept)

    def metric_scores(self, metrics: Metrics) -> dict[str, float]:
        """Metrics see all targets and activations at once, and so these are kept in memory."""
        if not metrics.rows:
            return {}
        blocks = self.blocks()
        kept = [(one.y, self.net._outputs(one.X), one.weights) for one in blocks]
        return self.scores_of(metrics, kept)

    def scores_of(self, metrics: Metrics, kept: Sequence[Kept]) -> dict[str, float]:
        """The metrics of all samples, of which these are the parts."""
        if not metrics.rows:
            return {}
        columns: Any = zip(*kept, strict=True)
        whole: Any = (None if one[0] is None else np.concatenate(one) for one in columns)
        y, a, weights = whole
        net = self.net
        labels = target_labels(y, net.output, net.cost, net._several_labels)
        return metrics.scores(y, labels, a, weights)

    def identity(self) -> dict[str, Any]:
        """What tells this source from others: not its numbers, which would have to be read."""
        return {"source": list(self.source.shares())}

    def agree(self, value: T) -> T:
        """Return the value of the first of all who train together; here there is one alone."""
        return value

    def together(self, point: str, make: Callable[[], T]) -> list[T]:
        """Call `make` with all who train together, and return what each has made.

        `point` names the point of the training that they must all have come to.
        """
        return [make()]

    def tell(self, error: BaseException) -> None:
        """Tell all who train together of an exception that may be known here alone."""


def in_order(source: Source, net: BaseNetwork) -> Source:
    """Return a source with its columns in the order of those that the network was trained on."""
    known, names = net._feature_names(), source.feature_names
    if not known or not names or names == known:
        return source
    frames.check_names(source.name, names, known)
    chosen = [names.index(name) for name in known]
    other, before = copy(source), source.change

    def change(block: Block) -> Block:
        block = block if before is None else before(block)
        return replace(block, X=np.asarray(block.X)[:, chosen])

    other.change, other.feature_names = change, known
    if source.scaling is not None:
        other.scaling = Scaling(source.scaling.mean[chosen], source.scaling.scale[chosen])
    return other


def evaluate(net: BaseNetwork, source: Source, metrics: Metrics) -> dict[str, float]:
    """What `Network.evaluate` does with a source."""
    return Streamed(net, source).score(metrics)


def predict(net: BaseNetwork, source: Source, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """What `Network.predict` does with a source: rows in their natural order."""
    from .._internal import checks

    n_in, *_, n_out = net.sizes
    source = in_order(source, net)
    n = source.count()
    if out is None:
        out = np.empty((n, n_out), net.dtype)
    checks.output(out, (n, n_out), net.dtype)
    # Blocks are read while earlier ones are predicted: what is still to come must stay as it is.
    to = np.empty_like(out) if source.shares_memory(out) else out
    rows = max(source.chunk_bytes // (n_in * np.dtype(net.dtype).itemsize), 1)

    def ready(block: Block) -> Block:
        return Block(checks.inputs(block.X, n_in, net.dtype))

    def read() -> Iterator[Block]:
        run, first = source.begin(Epoch(), ready), 0
        while first < n:
            block, _, found = run.rows(first, first + rows)
            if block is None:
                raise ValueError(f"{source.name} must hold {n:,} samples; it ended after {first:,}")
            yield block
            first += found

    with Prefetcher(read()) as blocks:
        at = 0
        for block in blocks:
            net._outputs(block.X, to[at : at + len(block)])
            at += len(block)
    if to is not out:
        out[...] = to
    return out
