"""Windows: consecutive rows of a stream that are shuffled together, in memory that is reused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .block import Block, Change, concatenate, concatenate_targets
from .columns import ColumnRows


class BufferPool:
    """Reuses the memory of arrays that are no longer referenced.

    New memory costs more than writing to it: the OS must find, clear and map each page.

    >>> pool = BufferPool()
    >>> first, second = pool.array((2, 3), "float32"), pool.array((2, 3), "float32")
    >>> part, address = first[1:], first.ctypes.data
    >>> del first
    >>> pool.array((2, 3), "float32").ctypes.data == address
    False
    >>> del part
    >>> pool.array((3, 2), "float32").ctypes.data == address
    True
    """

    def __init__(self) -> None:
        # Bytes, and a function that returns None if no array uses them.
        self.buffers: list[tuple[Any, Any]] = []

    def array(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an uninitialized array."""
        dtype = np.dtype(dtype)
        size = prod(shape) * dtype.itemsize
        if size == 0:
            return np.empty(shape, dtype)
        buffer = self.buffer(size)
        array = np.frombuffer(memoryview(buffer), dtype, prod(shape)).reshape(shape)
        # All views of the array keep its base alive too.
        self.buffers.append((buffer, ref(array.base)))
        return array

    def buffer(self, size: int) -> Any:
        """Return at least `size` unused bytes; free the unused buffers that are smaller."""
        unused = [buffer for buffer, user in self.buffers if user() is None]
        self.buffers = [(buffer, user) for buffer, user in self.buffers if user() is not None]
        fitting = [buffer for buffer in unused if len(buffer) >= size]
        self.buffers += [(buffer, lambda: None) for buffer in fitting[1:]]
        return fitting[0] if fitting else np.empty(size, np.uint8)


@dataclass
class Part:
    """Consecutive rows of a segment.

    Attributes
    ----------
    block : Block
    segment : str
        The name of the segment.
    row : int
        The position of the first row in the segment.
    row_id : int
        The position of the first row in the whole data.
    """

    block: Block
    segment: str
    row: int
    row_id: int

    def __len__(self) -> int:
        return len(self.block)

    def first(self, rows: int) -> Part:
        """Return the first rows."""
        return replace(self, block=self.block.take(slice(rows)))

    def after(self, rows: int) -> Part:
        """Return all but the first rows."""
        block = self.block.take(slice(rows, None))
        return replace(self, block=block, row=self.row + rows, row_id=self.row_id + rows)

    def prepared(self, prepare: Change) -> Block:
        """Return the prepared rows; errors begin with the place of the part."""
        try:
            return prepare(self.block)
        except ValueError as error:
            raise ValueError(f"{self.segment}, from row {self.row} on: {error}") from None


class Window:
    """Up to `size` consecutive rows; each part is copied to its place when it arrives.

    A part that fills the window, such as rows of a memory map, is not copied.
    """

    def __init__(self, size: int, pool: BufferPool) -> None:
        self.size, self.count, self.pool = size, 0, pool
        self.parts: list[Part] = []
        self.rows: NDArray[Any] | None = None

    @property
    def free(self) -> int:
        """The number of rows that can still be added."""
        return self.size - self.count

    def add(self, part: Part) -> None:
        """Append a part of at most `free` rows."""
        if len(part) < self.size or isinstance(part.block.X, ColumnRows):
            out = self.next_rows(part)
            if isinstance(part.block.X, ColumnRows):
                part.block.X.into(out)
            else:
                out[:] = part.block.X
            part = replace(part, block=replace(part.block, X=out))
        self.count += len(part)
        self.parts.append(part)

    def next_rows(self, part: Part) -> NDArray[Any]:
        """Return the memory for the rows of the next part, in a dtype that holds all parts."""
        X = part.block.X
        width, dtype = X.shape[1], X.dtype
        if self.rows is None:
            self.rows = self.pool.array((self.size, width), dtype)
        if self.rows.shape[1] != width:
            raise ValueError(
                f"{part.segment}, from row {part.row} on: X must have {self.rows.shape[1]} "
                f"columns, as before; got {width}"
            )
        common = np.result_type(self.rows.dtype, dtype)
        if common != self.rows.dtype:
            self.rows = self.rows.astype(common)
        return self.rows[self.count : self.count + len(part)]

    def prepared(self, prepare: Change) -> Block:
        """Return all rows, prepared together; an error begins with the place of the first part."""
        if len(self.parts) == 1:
            return self.parts[0].prepared(prepare)
        assert self.rows is not None
        try:
            targets = concatenate_targets([part.block for part in self.parts])
            return prepare(Block(self.rows[: self.count], *targets))
        except ValueError:
            # Part by part: this finds the place of the fault, or targets that differ only before
            # they are prepared.
            return concatenate([part.prepared(prepare) for part in self.parts])

    def row_ids(self) -> NDArray[np.uint64]:
        """Return the number of each row in the whole data."""
        return np.concatenate(
            [
                np.arange(part.row_id, part.row_id + len(part), dtype=np.uint64)
                for part in self.parts
            ]
        )


def windows(parts: Iterator[Part], size: int) -> Iterator[Window]:
    """Yield windows of `size` rows; the last may have fewer."""
    pool = BufferPool()
    window = Window(size, pool)
    for part in parts:
        while len(part) >= window.free:
            free = window.free
            window.add(part.first(free))
            yield window
            window, part = Window(size, pool), part.after(free)
        if len(part):
            window.add(part)
    if window.count:
        yield window
