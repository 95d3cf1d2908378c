"""Sources that are read in pieces: their epochs are shuffled by blocks.

The order of an epoch: the segments (row groups, files, shards) in the order of the stream of
random numbers (epoch, 1, 0), then their rows in windows of `shuffle_rows`, each in the order of
(epoch, 2, window).
It depends on seed, epoch, segments and the size of a window; never on the size of a batch or of
what is read at a time. A source of one segment has no order but that of its windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .base import SHUFFLE_ROWS, Block, Change, Epoch, Pass, Source, joined, shuffled


@dataclass
class Segment:
    """A part of a source that can be read by itself, in blocks; its rows, where they are known."""

    name: str
    read: Callable[[], Iterator[Block]]
    rows: int | None = None


class Stream(Source):
    """A source of segments.

    Attributes
    ----------
    shuffle_rows : int
        The size of a window.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        name: str,
        length: int | None = None,
        shuffle_rows: int = SHUFFLE_ROWS,
    ) -> None:
        self.segments, self.name, self.shuffle_rows = list(segments), name, shuffle_rows
        rows = [segment.rows for segment in self.segments]
        known = None if None in rows else sum(row for row in rows if row is not None)
        self.length = known if length is None else length

    def open(self, epoch: Epoch, prepare: Change) -> Pass:
        if epoch.shuffle and len(self.segments) > 1:
            self.count()  # the numbers of the rows depend on the segments before
        return StreamPass(self, epoch, prepare)

    def shares(self) -> tuple[object, ...]:
        return (*super().shares(), self.shuffle_rows, len(self.segments))

    def offset(self, number: int) -> int:
        """The number of the first row of a segment, once those before have been read."""
        return sum(segment.rows or 0 for segment in self.segments[:number])

    def count(self) -> int:
        if self.repeatable:
            rows = [segment.rows for segment in self.segments]
            self.length = sum(
                sum(map(len, blocks_of(segment))) if known is None else known
                for segment, known in zip(self.segments, rows, strict=True)
            )
        return super().count()


def blocks_of(segment: Segment) -> Iterator[Block]:
    """The blocks of a segment; whatever goes wrong is named by it, and so is a wrong length."""
    rows = 0
    try:
        for block in segment.read():
            rows += len(block)
            if len(block):
                yield block
    except (OSError, ValueError, EOFError) as error:
        text = str(error)
        raise ValueError(
            text if text.startswith(segment.name) else f"{segment.name}: {text}"
        ) from error
    if segment.rows is not None and rows != segment.rows:
        raise ValueError(f"{segment.name} must have {segment.rows:,} rows; it ended after {rows:,}")
    segment.rows = rows


class StreamPass(Pass):
    """The rows of an epoch from any row on; windows before the first are skipped, not shuffled."""

    def __init__(self, source: Stream, epoch: Epoch, prepare: Change) -> None:
        self.source, self.epoch, self.prepare = source, epoch, prepare
        self.at = 0  # the row of the epoch that `held` begins with
        self.held: list[tuple[Block, NDArray[np.uint64]]] = []
        self.windows: Iterator[tuple[Block, NDArray[np.uint64]]] | None = None

    def rows(
        self, first: int, last: int, mine: NDArray[np.intp] | None = None
    ) -> tuple[Block | None, NDArray[np.uint64], int]:
        if self.windows is None:
            self.windows = self.from_row(first)
        found, names = self.gather(first, last)
        rows = sum(map(len, found))
        if not rows:
            return None, np.empty(0, np.uint64), 0
        block, numbers = joined(found), np.concatenate(names)
        if mine is None:
            return block, numbers, rows
        mine = mine[mine < rows]
        return (block.take(mine) if len(mine) else None), numbers[mine], rows

    def gather(self, first: int, last: int) -> tuple[list[Block], list[NDArray[np.uint64]]]:
        """What is held of these rows, and what follows; what comes before is let go."""
        found: list[Block] = []
        names: list[NDArray[np.uint64]] = []
        assert self.windows is not None
        while self.at < last:
            if not self.held:
                with suppress(StopIteration):
                    self.held.append(next(self.windows))
            if not self.held:
                break
            block, numbers = self.held.pop()
            begin, end = max(first - self.at, 0), min(last - self.at, len(block))
            if begin < end:
                found.append(block.take(slice(begin, end)))
                names.append(numbers[begin:end])
            if end < len(block):
                self.held.append((block.take(slice(end, None)), numbers[end:]))
            self.at += min(end, len(block))
        return found, names

    def from_row(self, first: int) -> Iterator[tuple[Block, NDArray[np.uint64]]]:
        """The windows of the epoch from that of row `first` on, shuffled."""
        size = self.source.shuffle_rows
        if not self.epoch.shuffle:
            self.at, blocks = self.skip(first)
            return blocks
        self.at, blocks = self.skip(first - first % size)
        return self.shuffled_windows(blocks, first // size)

    def shuffled_windows(
        self, blocks: Iterator[tuple[Block, NDArray[np.uint64]]], window: int
    ) -> Iterator[tuple[Block, NDArray[np.uint64]]]:
        size = self.source.shuffle_rows
        for pieces in cut(blocks, size):
            block = joined([piece for piece, _ in pieces])
            names = np.concatenate([numbers for _, numbers in pieces])
            order = shuffled(len(block), self.epoch.seed, (self.epoch.number, 2, window))
            yield block.take(order), names[order]
            window += 1

    def skip(self, rows: int) -> tuple[int, Iterator[tuple[Block, NDArray[np.uint64]]]]:
        """The blocks of the epoch after so many rows: whole segments of known length unread."""
        order = list(range(len(self.source.segments)))
        if self.epoch.shuffle and len(order) > 1:
            order = shuffled(len(order), self.epoch.seed, (self.epoch.number, 1, 0)).tolist()
        at = 0
        while order and (known := self.source.segments[order[0]].rows) is not None:
            if at + known > rows:
                break
            at += known
            order.pop(0)
        return rows, self.after(order, rows - at)

    def after(self, order: list[int], unwanted: int) -> Iterator[tuple[Block, NDArray[np.uint64]]]:
        """The blocks of these segments without the first rows, each with its rows' numbers."""
        for number in order:
            segment, start = self.source.segments[number], self.source.offset(number)
            row = start
            for block in blocks_of(segment):
                names = np.arange(row, row + len(block), dtype=np.uint64)
                row += len(block)
                if unwanted >= len(block):
                    unwanted -= len(block)
                    continue
                block, names = block.take(slice(unwanted, None)), names[unwanted:]
                unwanted = 0
                try:
                    yield self.prepare(block), names
                except ValueError as error:
                    first = row - len(block) - start
                    raise ValueError(f"{segment.name}, from row {first} on: {error}") from None


def cut(
    blocks: Iterator[tuple[Block, NDArray[np.uint64]]], size: int
) -> Iterator[list[tuple[Block, NDArray[np.uint64]]]]:
    """Lists of blocks of `size` rows together; the last of fewer."""
    pieces: list[tuple[Block, NDArray[np.uint64]]] = []
    room = size
    for block, names in blocks:
        while len(block) >= room:
            yield [*pieces, (block.take(slice(room)), names[:room])]
            block, names = block.take(slice(room, None)), names[room:]
            pieces, room = [], size
        if len(block):
            pieces.append((block, names))
            room -= len(block)
    if pieces:
        yield pieces
