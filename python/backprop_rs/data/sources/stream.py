"""Sources that are read in pieces: an epoch is shuffled by blocks.

The order of an epoch: the segments (row groups, files, shards) in the order of the stream of
random numbers (epoch, 1, 0), then their rows in windows of `shuffle_rows`, each in the order of
(epoch, 2, window).
It depends on the seed, the epoch, the segments and the size of a window, and never on the size of
a batch or of a read. A source of one segment shuffles only within its windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .base import SHUFFLE_ROWS, Source
from .block import Block, Change, Epoch, Pass, Piece, concatenate, shuffled
from .prefetch import Prefetcher, in_prefetch_thread
from .shuffle_buffer import Part, windows


@dataclass
class Segment:
    """A part of a source that can be read on its own.

    Attributes
    ----------
    name : str
    read : function
        Returns an iterator of blocks.
    rows : int or None
        The number of rows, if it is known.
    prefetch : function, optional
        Asks the OS to prefetch the bytes of the segment.
    """

    name: str
    read: Callable[[], Iterator[Block]]
    rows: int | None = None
    prefetch: Callable[[], None] | None = None


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
    def can_prefetch(self) -> bool:
        """True if a pass asks the OS to prefetch the segments that it reads next."""
        return all(segment.prefetch for segment in self.segments)

    def open(self, epoch: Epoch, prepare: Change) -> Pass:
        """Begin a pass that applies `prepare` to each window."""
        if epoch.shuffle and len(self.segments) > 1:
            self.count()  # the numbers of the rows depend on all segments before them
        return StreamPass(self, epoch, prepare)

    def shares(self) -> tuple[object, ...]:
        """Return what must be equal to resume a training, and on all ranks of one."""
        return (*super().shares(), self.shuffle_rows, len(self.segments))

    def offset(self, number: int) -> int:
        """Return the number of the first row of a segment; all segments before must be read."""
        return sum(segment.rows or 0 for segment in self.segments[:number])

    def count(self) -> int:
        """Return the number of samples; read the segments through whose length is not known."""
        if self.repeatable:
            rows = [segment.rows for segment in self.segments]
            self.length = sum(
                sum(map(len, segment_blocks(segment))) if known is None else known
                for segment, known in zip(self.segments, rows, strict=True)
            )
        return super().count()


def segment_blocks(segment: Segment) -> Iterator[Block]:
    """Yield the blocks of a segment, and set its number of rows.

    Raises
    ------
    ValueError
        If the segment cannot be read or has another number of rows; it begins with the name.
    """
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
        self.position = 0  # the row of the epoch at which `pending` begins
        self.pending: list[Piece] = []  # the rest of the last piece that was read
        self.unread: Iterator[Piece] | None = None

    def rows(
        self, first: int, last: int, mine: NDArray[np.intp] | None = None
    ) -> tuple[Block | None, NDArray[np.uint64], int]:
        """Read the rows `first` to `last` of the order, or only `mine` of them."""
        if self.unread is None:
            self.position, self.unread = first, self.from_row(first, last - first)
        pieces = self.gather(first, last)
        rows = sum(piece.rows for piece in pieces)
        if not rows:
            return None, np.empty(0, np.uint64), 0
        block = concatenate([piece.block for piece in pieces if piece.block])
        row_ids = np.concatenate([piece.row_ids for piece in pieces])
        if mine is None:
            return block, row_ids, rows
        mine = mine[mine < rows]
        return (block.take(mine) if len(mine) else None), row_ids[mine], rows

    def gather(self, first: int, last: int) -> list[Piece]:
        """Read on to the row `last`; drop the rows before `first`, and keep those after `last`."""
        pieces: list[Piece] = []
        assert self.unread is not None
        while self.position < last:
            if not self.pending:
                with suppress(StopIteration):
                    self.pending.append(next(self.unread))
            if not self.pending:
                break
            piece = self.pending.pop()
            begin = max(first - self.position, 0)
            end = min(last - self.position, piece.rows)
            if begin < end:
                pieces.append(cut(piece, begin, end))
            if end < piece.rows:
                self.pending.append(cut(piece, end, piece.rows))
            self.position += min(end, piece.rows)
        return pieces

    def from_row(self, first: int, size: int) -> Iterator[Piece]:
        """Yield the epoch from a row on; the pieces have `size` rows if they are not windows."""
        if self.epoch.shuffle:
            return (piece.in_order() for piece in self.shuffled_windows(first, 1))
        if self.source.length is not None:
            size = min(size, max(self.source.length - first, 1))
        return (
            Piece(window.prepared(self.prepare), window.row_ids(), None, window.count)
            for window in windows(self.skip(first), size)
        )

    def pieces(self, first: int, batch_size: int, batches: int) -> Iterator[Piece]:
        """Yield the epoch from a row on, in pieces of whole batches; the last may be incomplete."""
        if not self.epoch.shuffle:
            yield from super().pieces(first, batch_size, batches)
            return
        rest: Piece | None = None  # less than a batch, from the windows before
        at_once = max(batch_size * batches // self.source.shuffle_rows, 1)
        for piece in self.shuffled_windows(first, at_once):
            if rest is not None:
                # Complete the batch that began in the windows before; this copies one batch.
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
        """Yield the windows of the epoch from a row on, `at_once` together, each in its order."""
        size, epoch = self.source.shuffle_rows, self.epoch
        number, unwanted = divmod(first, size)
        rows = at_once * size
        if self.source.length is not None:
            rows = min(rows, max(self.source.length, 1))
        for window in windows(self.skip(number * size), rows):
            # Each of the windows is shuffled alone, so that the order depends on no `at_once`.
            orders = [
                shuffled(min(size, window.count - at), epoch.seed, (epoch.number, 2, number + k))
                + np.uint32(at)
                for k, at in enumerate(range(0, window.count, size))
            ]
            order = np.concatenate(orders)[unwanted:]
            yield Piece(window.prepared(self.prepare), window.row_ids(), order, len(order))
            number, unwanted = number + at_once, 0

    def skip(self, rows: int) -> Iterator[Part]:
        """Yield the parts of the epoch after `rows` rows; do not read segments of known length."""
        order = list(range(len(self.source.segments)))
        if self.epoch.shuffle and len(order) > 1:
            order = shuffled(len(order), self.epoch.seed, (self.epoch.number, 1, 0)).tolist()
        skipped = 0
        while order and (known := self.source.segments[order[0]].rows) is not None:
            if skipped + known > rows:
                break
            skipped += known
            order.pop(0)
        return self.parts(order, rows - skipped)

    def prefetched(self, order: list[int]) -> Iterator[int]:
        """Yield the numbers of segments; if possible, let the OS prefetch the next two."""
        if not self.source.can_prefetch or in_prefetch_thread():
            yield from order
            return

        def prefetch() -> Iterator[int]:
            for number in order:
                prefetch_segment = self.source.segments[number].prefetch
                assert prefetch_segment is not None
                prefetch_segment()
                yield number

        with Prefetcher(prefetch()) as numbers:
            yield from numbers

    def parts(self, order: list[int], unwanted: int) -> Iterator[Part]:
        """Yield the parts of segments without the first `unwanted` rows."""
        first: tuple[str, str] | None = None
        for number in self.prefetched(order):
            segment, start, row = self.source.segments[number], self.source.offset(number), 0
            for block in segment_blocks(segment):
                first = check_same_parts(first, block, f"{segment.name}, from row {row} on")
                part = Part(block, segment.name, row, start + row)
                row += len(block)
                if unwanted < len(block):
                    yield part.after(unwanted)
                unwanted = max(unwanted - len(block), 0)


def check_same_parts(first: tuple[str, str] | None, block: Block, place: str) -> tuple[str, str]:
    """Return the parts of the first block and its place; raise ValueError if a later one differs.

    `first` is what the last call returned, or None for the first block.
    """
    arrays = {"y": block.y, "weights": block.weights}
    parts = " and ".join(["X", *(name for name, array in arrays.items() if array is not None)])
    if first is not None and parts != first[0]:
        raise ValueError(f"{place}: samples must have {first[0]}, as {first[1]}; got {parts}")
    return first or (parts, place)


def cut(piece: Piece, first: int, last: int) -> Piece:
    """Return the rows `first` to `last` of a piece that is in its order."""
    if (first, last) == (0, piece.rows):
        return piece
    assert piece.block is not None
    rows = slice(first, last)
    return Piece(piece.block.take(rows), piece.row_ids[rows], None, last - first)


def below(upper: Piece, lower: Piece) -> Piece:
    """Return one piece below the other."""
    assert upper.block is not None and lower.block is not None
    row_ids = np.concatenate([upper.row_ids, lower.row_ids])
    block = concatenate([upper.block, lower.block])
    return Piece(block, row_ids, None, upper.rows + lower.rows)
