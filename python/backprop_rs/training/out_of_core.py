"""Train, score and predict from a `Source`, chunk by chunk; a thread reads ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from copy import copy
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._internal import checks, frames
from ..data.labels import class_labels, is_multilabel, target_labels
from ..data.scaling import Scaling
from ..data.sources.base import Source
from ..data.sources.block import Block, Change, Epoch, Pass, Piece
from ..data.sources.prefetch import Prefetcher
from ..threads import get_num_threads, processors
from .metrics import Metrics
from .pairwise_sum import SHARD, ShardTree
from .samples import Outcome, Samples, TrainingData, Waiting, train_in_core, weights_of
from .state import Position, Stop
from .tally import Tally

if TYPE_CHECKING:
    from .._internal.core import CoreNetwork
    from .._internal.types import AnyArray, Array
    from ..base_network import BaseNetwork

Predicted = tuple[NDArray[Any] | None, NDArray[Any], NDArray[Any] | None]
"""Targets, activations and weights of some samples."""

QUEUED = 1  # chunks, in addition to the one that is trained on and the one that is being made


@dataclass
class Chunk:
    """Whole batches of an epoch in its order, ready for the core; the last one may be incomplete.

    Attributes
    ----------
    epoch, first_step, steps : int
        The epoch, its first step in the chunk, and the number of steps.
    samples : Block or None
        None if all rows belong to other ranks.
    row_ids : (len(samples),) array
        The number of each sample in the whole data.
    order : array or None
        The order of the samples; None keeps the order of the block.
    rows : int
        The samples of the whole epoch; while that is not known, more than all so far.
    """

    epoch: int
    first_step: int
    steps: int
    samples: Block | None
    row_ids: NDArray[np.uint64]
    order: NDArray[np.uint32] | None
    rows: int

    def holds(self, position: Position) -> bool:
        """Return True if the next step is one of the chunk."""
        return self.epoch == position.epoch and 0 <= position.step - self.first_step < self.steps


class Streamed(TrainingData):
    """The samples of a source for training and for scores.

    Parameters
    ----------
    net : BaseNetwork
    source : Source
    batch_size : int
    class_weight : mapping, optional
    """

    reads_ahead = True

    def __init__(
        self, net: BaseNetwork, source: Source, batch_size: int = SHARD, class_weight: Any = None
    ) -> None:
        self.net, self.source, self.batch_size = net, in_order(source, net), batch_size
        self.class_weight = class_weight
        self.last_epoch = 0
        self.waiting: Waiting = nullcontext
        self.chunk: Chunk | None = None
        self.reader: Iterator[Chunk] | None = None
        self.next: Stop | None = None  # where the next chunk of the reader begins

    def __len__(self) -> int:
        return self.source.length or 0

    @property
    def can_go_back(self) -> bool:
        """True if the source can be read again."""
        return self.source.repeatable

    @property
    def in_memory(self) -> Samples | None:
        """None: the samples are read when they are needed."""
        return None

    def begin_training(self, batch_size: int, last_epoch: int, waiting: Waiting) -> None:
        """Prepare for the batches of a training."""
        self.batch_size, self.last_epoch = batch_size, last_epoch
        if self.alone:
            self.waiting = waiting

    def prepare(self) -> Change:
        """Return the function that checks a block and makes it ready for the core."""
        net, class_weight = self.net, self.class_weight

        def ready(block: Block) -> Block:
            if block.y is None:
                raise ValueError("a source must have a target to train or to evaluate")
            X, y = net._samples(block.X, block.y)
            labels = class_labels(y, net.output, net.cost) if class_weight is not None else None
            n_classes = max(net.sizes[-1], 2)
            weights = weights_of(block.weights, class_weight, labels, n_classes, len(X), net.dtype)
            return Block(X, y, weights)

        return ready

    # Training.

    def train(self, core: CoreNetwork, settings: dict[str, Any], position: Position) -> Outcome:
        """Train in the core as if X and y were all samples in the order of the epoch."""
        deadline = perf_counter() + settings["budget"]
        stop = (settings["stop_epoch"], settings.get("stop_step", 0))
        costs: list[float] = []
        while position.stop < stop:
            try:
                with self.waiting():
                    chunk = self.chunk_at(position, settings)
            except BaseException as error:
                # Returned, not raised: the steps before it are done, and must be recorded.
                return Outcome(costs, position, error)
            run = settings | {
                "window": (chunk.rows, chunk.first_step),
                "names": chunk.row_ids,
                "shuffle": False,  # the chunk is in the order of the epoch already
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
            ended, position, reason = train_in_core(core, X, y, run, position, weights)
            costs += ended
            if reason not in ("done", "time"):
                return Outcome(costs, position, reason)
            if perf_counter() >= deadline and position.stop < stop:
                return Outcome(costs, position, "time")
        return Outcome(costs, position, "done")

    def chunk_at(self, position: Position, settings: dict[str, Any]) -> Chunk:
        """Return the chunk of the next step: the present, the next, or one of a new reader."""
        if self.chunk is None or not self.chunk.holds(position):
            self.chunk = None  # frees its memory before the next one is waited for
            if self.reader is None or self.next != position.stop:
                self.end_reader()
                chunks = self.chunks(position, settings)
                self.reader = Prefetcher(chunks, QUEUED) if self.reads_beside else chunks
            try:
                self.chunk = next(self.reader)
            except BaseException:
                self.end_reader()
                raise
            steps = -(-self.chunk.rows // self.batch_size)
            end = self.chunk.first_step + self.chunk.steps
            self.next = (position.epoch + 1, 0) if end >= steps else (position.epoch, end)
        return self.chunk

    def chunks(self, position: Position, settings: dict[str, Any]) -> Iterator[Chunk]:
        """Yield the chunks from a step on, epoch after epoch."""
        epoch, step = position.stop
        last = settings["stop_epoch"] + bool(settings.get("stop_step", 0))
        while epoch < max(self.last_epoch, last):
            order = Epoch(epoch, settings["seed"], settings["shuffle"])
            yield from self.chunks_of(order, step)
            epoch, step = epoch + 1, 0

    def chunks_of(self, epoch: Epoch, step: int) -> Iterator[Chunk]:
        """Yield the chunks of one epoch from a step on.

        A chunk waits until it is known whether it is the last one, whose batch may be incomplete.
        """
        size, n, first = self.batch_size, self.source.length, step * self.batch_size
        waiting: Chunk | None = None
        for piece in self.pieces(self.source.begin(epoch, self.prepare()), first):
            if waiting is not None:
                yield waiting
            waiting = Chunk(
                epoch=epoch.number,
                first_step=first // size,
                steps=-(-piece.rows // size),
                samples=piece.block,
                row_ids=piece.row_ids,
                order=piece.order,
                rows=n or first + piece.rows + 1,
            )
            first += piece.rows
            if n is not None and first >= n:
                break
            if n is not None and piece.rows == waiting.steps * size:
                yield waiting  # whole batches, and more to come
                waiting = None
        yield from self.last_chunk(waiting, first)

    def pieces(self, run: Pass, first: int) -> Iterator[Piece]:
        """Yield an epoch from a row on, in pieces of whole batches."""
        return run.pieces(first, self.batch_size, self.batches_at_once())

    def last_chunk(self, chunk: Chunk | None, rows: int) -> Iterator[Chunk]:
        """Check the number of rows of an epoch that has ended, and yield its last chunk."""
        n = self.source.length
        if rows == 0:
            raise self.is_empty()
        if n is not None and rows != n:
            raise ValueError(
                f"{self.source.name} must hold {n:,} samples; the pass ended after {rows:,}"
            )
        self.source.length = rows
        if chunk is not None:
            chunk.rows = rows
            yield chunk

    def is_empty(self) -> ValueError:
        """Return the error for a source without samples."""
        return ValueError(f"{self.source.name} must hold at least one sample; it is empty")

    @property
    def reads_beside(self) -> bool:
        """True if a thread makes the chunks while others train.

        A thread without a processor of its own would delay all threads of the training, which
        wait for each other in every step. Then the OS prefetches the bytes, and all processors
        make a chunk between two calls of the core.
        """
        spare = get_num_threads() < processors()
        return self.reads_ahead and (spare or not self.source.can_prefetch)

    def batches_at_once(self) -> int:
        """Return the number of batches in about `chunk_bytes`."""
        row = self.net.sizes[0] * np.dtype(self.net.dtype).itemsize
        return int(max(self.source.chunk_bytes // (row * self.batch_size), 1))

    def close(self) -> None:
        """End the thread that reads ahead."""
        self.end_reader()

    def end_reader(self) -> None:
        """End the thread that reads ahead, and forget what it has read."""
        if isinstance(self.reader, Prefetcher):
            self.reader.close()
        self.reader = self.chunk = self.next = None

    # Scores.

    def blocks(self) -> Iterator[Block]:
        """Yield all samples in their natural order, read ahead, in whole shards."""
        row = self.net.sizes[0] * np.dtype(self.net.dtype).itemsize
        rows = int(max(self.source.chunk_bytes // row // SHARD, 1)) * SHARD
        run = self.source.begin(Epoch(), self.prepare())

        def read() -> Iterator[Block]:
            first = 0
            while True:
                block, _, count = run.rows(first, first + rows)
                if block is not None:
                    yield block
                if count < rows:
                    return
                first += count

        with Prefetcher(read()) as blocks:
            yield from blocks

    def score(self, metrics: Metrics) -> dict[str, float]:
        """Return the mean cost, the accuracy if the targets are classes, and the metrics.

        The cost has the bits of the cost of one array.
        """
        net, cost_sum, weight_sum = self.net, ShardTree(), ShardTree()
        tally, predicted = Tally(net), list[Predicted]()
        for block in self.blocks():
            assert block.y is not None
            costs, weights = net._core.costs(block.X, block.y), block.weights
            if weights is not None:
                # Rounded to the dtype of the network, as the core does.
                costs = (costs.astype(net.dtype) * weights).astype(float)
                weight_sum.add(weights.astype(float))
            cost_sum.add(costs)
            if tally.is_open or metrics:
                a = net._outputs(block.X)
                tally.add(block.y, a, weights)
                if metrics:
                    predicted.append((block.y, a, weights))
        if cost_sum.count == 0:
            raise self.is_empty()
        total = weight_sum.total() if weight_sum.count else float(cost_sum.count)
        if not total:
            raise ValueError(
                f"the weights of {self.source.name} must not be all 0; got {cost_sum.count:,} of 0"
            )
        scores = {"cost": cost_sum.total() / total}
        if tally.right is not None:
            scores["accuracy"] = tally.right / total
        return scores | self.scores_of(metrics, predicted)

    def metric_scores(self, metrics: Metrics) -> dict[str, float]:
        """Return the metrics of the present predictions.

        Metrics need all targets and activations together, so that these are kept in memory.
        """
        if not metrics:
            return {}
        predict = self.net._outputs
        predicted = [(block.y, predict(block.X), block.weights) for block in self.blocks()]
        return self.scores_of(metrics, predicted)

    def scores_of(self, metrics: Metrics, predicted: Sequence[Predicted]) -> dict[str, float]:
        """Return the metrics of all samples together."""
        if not metrics:
            return {}
        columns: Any = zip(*predicted, strict=True)
        whole: Any = (None if parts[0] is None else np.concatenate(parts) for parts in columns)
        y, a, weights = whole
        net = self.net
        labels = target_labels(y, net.output, net.cost, net._several_labels)
        return metrics.scores(y, labels, a, weights)

    def head(self, n: int) -> tuple[Array, AnyArray]:
        """Return X and y of the first n samples."""
        block = next(self.source.blocks(n))
        return self.net._samples(block.X, block.y)

    def identity(self) -> dict[str, Any]:
        """Return what the source shares; digests would require reading all of it."""
        return {"source": list(self.source.shares())}


def in_order(source: Source, net: BaseNetwork) -> Source:
    """Return a source with its columns in the order in which the network was trained."""
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
    """Return the scores of a network on a source; see `Network.evaluate`."""
    return Streamed(net, source).score(metrics)


def predict(net: BaseNetwork, source: Source, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return the predictions for a source in its natural order; see `Network.predict`."""
    n_in, *_, n_out = net.sizes
    source = in_order(source, net)
    n = source.count()
    if out is None:
        out = np.empty((n, n_out), net.dtype)
    checks.output(out, (n, n_out), net.dtype)
    # Later samples are read after earlier ones are predicted, and must not be overwritten.
    target = np.empty_like(out) if source.shares_memory(out) else out
    rows = max(source.chunk_bytes // (n_in * np.dtype(net.dtype).itemsize), 1)

    def ready(block: Block) -> Block:
        return Block(checks.inputs(block.X, n_in, net.dtype))

    def read() -> Iterator[Block]:
        run, first = source.begin(Epoch(), ready), 0
        while first < n:
            block, _, count = run.rows(first, first + rows)
            if block is None:
                raise ValueError(f"{source.name} must hold {n:,} samples; it ended after {first:,}")
            yield block
            first += count

    with Prefetcher(read()) as blocks:
        first = 0
        for block in blocks:
            net._outputs(block.X, target[first : first + len(block)])
            first += len(block)
    if target is not out:
        out[...] = target
    return out
