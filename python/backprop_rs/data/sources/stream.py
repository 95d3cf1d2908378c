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

from .base import SHUFFLE_ROWS, Block, Change, Epoch, Pass, Piece, Source, joined, shuffled
from .prefetch import Ahead, reads_ahead
from .shuffle_buffer import Part, windows


@dataclass
class Segment:
    """A part of a source that can be read by itself, in blocks; its rows, where they are known.

    `near` has the system bring its bytes from the disk into memory, where it can be asked for that.
    """

    name: str
    read: Callable[[], Iterator[Block]]
    rows: int | None = None
    near: Callable[[], None] | None = None


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

    @property
    def comes_near(self) -> bool:
        return all(segment.near for segment in self.segments)

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
        self.held: list[Piece] = []
        self.flow: Iterator[Piece] | None = None

    def rows(
        self, first: int, last: int, mine: NDArray[np.intp] | None = None
    ) -> tuple[Block | None, NDArray[np.uint64], int]:
        if self.flow is None:
            self.at, self.flow = first, self.from_row(first, last - first)
        found = self.gather(first, last)
        rows = sum(piece.rows for piece in found)
        if not rows:
            return None, np.empty(0, np.uint64), 0
        block = joined([piece.block for piece in found if piece.block])
        numbers = np.concatenate([piece.names for piece in found])
        if mine is None:
            return block, numbers, rows
        mine = mine[mine < rows]
        return (block.take(mine) if len(mine) else None), numbers[mine], rows

    def gather(self, first: int, last: int) -> list[Piece]:
        """What is held of these rows, and what follows; what comes before is let go."""
        found: list[Piece] = []
        assert self.flow is not None
        while self.at < last:
            if not self.held:
                with suppress(StopIteration):
                    self.held.append(next(self.flow))
            if not self.held:
                break
            piece = self.held.pop()
            begin, end = max(first - self.at, 0), min(last - self.at, piece.rows)
            if begin < end:
                found.append(cut(piece, begin, end))
            if end < piece.rows:
                self.held.append(cut(piece, end, piece.rows))
            self.at += min(end, piece.rows)
        return found

    def from_row(self, first: int, size: int) -> Iterator[Piece]:
        """The rows of the epoch from one on, as they come; in pieces of a size where it is free."""
        if self.epoch.shuffle:
            return (piece.in_order() for piece in self.shuffled_windows(first, 1))
        if self.source.length is not None:
            size = min(size, max(self.source.length - first, 1))
        return (
            Piece(window.prepared(self.prepare), window.names(), None, window.count)
            for window in windows(self.skip(first), size)
        )

    def pieces(self, first: int, batch_size: int, batches: int) -> Iterator[Piece]:
        if not self.epoch.shuffle:
            yield from super().pieces(first, batch_size, batches)
            return
        rest: Piece | None = None  # fewer rows than a batch, of the windows before
        at_once = max(batch_size * batches // self.source.shuffle_rows, 1)
        for piece in self.shuffled_windows(first, at_once):
            if rest is not None:
                more = batch_size - rest.rows
                rest, piece = below(rest, piece.part(0, more).in_order()), piece.part(more)
                if rest.rows < batch_size:
                    continue
                yield rest
                rest = None
            whole = piece.rows - piece.rows % batch_size
            if whole:
                yield piece.part(0, whole)
            if whole < piece.rows:
                rest = piece.part(whole).in_order()
        if rest is not None:
            yield rest

    def shuffled_windows(self, first: int, at_once: int) -> Iterator[Piece]:
        """The windows of the epoch from a row on, some together, each in its order."""
        size, epoch = self.source.shuffle_rows, self.epoch
        number, unwanted = divmod(first, size)
        room = at_once * size
        if self.source.length is not None:
            room = min(room, max(self.source.length, 1))
        for window in windows(self.skip(number * size), room):
            orders = [
                shuffled(min(size, window.count - at), epoch.seed, (epoch.number, 2, number + k))
                + np.uint32(at)
                for k, at in enumerate(range(0, window.count, size))
            ]
            order = np.concatenate(orders)[unwanted:]
            yield Piece(window.prepared(self.prepare), window.names(), order, len(order))
            number, unwanted = number + at_once, 0

    def skip(self, rows: int) -> Iterator[Part]:
        """The parts of the epoch after so many rows: whole segments of known length unread."""
        order = list(range(len(self.source.segments)))
        if self.epoch.shuffle and len(order) > 1:
            order = shuffled(len(order), self.epoch.seed, (self.epoch.number, 1, 0)).tolist()
        at = 0
        while order and (known := self.source.segments[order[0]].rows) is not None:
            if at + known > rows:
                break
            at += known
            order.pop(0)
        return self.after(order, rows - at)

    def near(self, order: list[int]) -> Iterator[int]:
        """These segments, of which the next two are brought into memory where that can be."""
        if not self.source.comes_near or reads_ahead():
            yield from order
            return

        def bring() -> Iterator[int]:
            for number in order:
                near = self.source.segments[number].near
                assert near is not None
                near()
                yield number

        with Ahead(bring()) as numbers:
            yield from numbers

    def after(self, order: list[int], unwanted: int) -> Iterator[Part]:
        """The parts of these segments without the first rows."""
        first: tuple[str, str] | None = None
        for number in self.near(order):
            segment, start, row = self.source.segments[number], self.source.offset(number), 0
            for block in blocks_of(segment):
                first = same_parts(first, block, f"{segment.name}, from row {row} on")
                part = Part(block, segment.name, row, start + row)
                row += len(block)
                if unwanted < len(block):
                    yield part.after(unwanted)
                unwanted = max(unwanted - len(block), 0)


def same_parts(first: tuple[str, str] | None, block: Block, place: str) -> tuple[str, str]:
    """Return the parts that the first block has, and its place; each later block must have them."""
    names = {"y": block.y, "weights": block.weights}
    parts = " and ".join(["X", *(name for name, array in names.items() if array is not None)])
    if first is not None and parts != first[0]:
        raise ValueError(f"{place}: samples must have {first[0]}, as {first[1]}; got {parts}")
    return first or (parts, place)


def cut(piece: Piece, first: int, last: int) -> Piece:
    """Some of the rows of a piece that are in their order."""
    if (first, last) == (0, piece.rows):
        return piece
    assert piece.block is not None
    rows = slice(first, last)
    return Piece(piece.block.take(rows), piece.names[rows], None, last - first)


def below(upper: Piece, lower: Piece) -> Piece:
    """One piece below the other."""
    assert upper.block is not None and lower.block is not None
    names = np.concatenate([upper.names, lower.names])
    return Piece(joined([upper.block, lower.block]), names, None, upper.rows + lower.rows)
