"""Parts of a stream as they were read, put together to windows of rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Block, Change, joined, targets_of
from .buffer_pool import Rooms
from .columns import ColumnRows


@dataclass
class Part:
    """Some rows of a segment: those from `row` on, of which the first has a number in all data."""

    block: Block
    segment: str
    row: int
    number: int

    def __len__(self) -> int:
        return len(self.block)

    def first(self, rows: int) -> Part:
        return replace(self, block=self.block.take(slice(rows)))

    def after(self, rows: int) -> Part:
        block = self.block.take(slice(rows, None))
        return replace(self, block=block, row=self.row + rows, number=self.number + rows)

    def prepared(self, prepare: Change) -> Block:
        """The rows made ready; what is wrong with them is named by their place."""
        try:
            return prepare(self.block)
        except ValueError as error:
            raise ValueError(f"{self.segment}, from row {self.row} on: {error}") from None


class Window:
    """At most `size` rows, one part below the other: each is put into its place as it comes.

    A part that fills the window is taken as it is, such as the rows of a memory map.
    """

    def __init__(self, size: int, rooms: Rooms) -> None:
        self.size, self.count, self.rooms = size, 0, rooms
        self.parts: list[Part] = []
        self.rows: NDArray[Any] | None = None

    @property
    def room(self) -> int:
        return self.size - self.count

    def add(self, part: Part) -> None:
        """Put a part, for which there must be room, below the others."""
        if len(part) < self.size or isinstance(part.block.X, ColumnRows):
            place = self.place(part)
            if isinstance(part.block.X, ColumnRows):
                part.block.X.into(place)
            else:
                place[:] = part.block.X
            part = replace(part, block=replace(part.block, X=place))
        self.count += len(part)
        self.parts.append(part)

    def place(self, part: Part) -> NDArray[Any]:
        """Where the rows of the next part are to stand."""
        X = part.block.X
        width, kind = X.shape[1], X.dtype
        if self.rows is None:
            self.rows = self.rooms.array((self.size, width), kind)
        if self.rows.shape[1] != width:
            raise ValueError(
                f"{part.segment}, from row {part.row} on: X must have {self.rows.shape[1]} "
                f"columns, as before; got {width}"
            )
        common = np.result_type(self.rows.dtype, kind)
        if common != self.rows.dtype:
            self.rows = self.rows.astype(common)
        return self.rows[self.count : self.count + len(part)]

    def prepared(self, prepare: Change) -> Block:
        """All rows, made ready together; where that cannot be, the first part at fault is named."""
        if len(self.parts) == 1:
            return self.parts[0].prepared(prepare)
        assert self.rows is not None
        try:
            targets = targets_of([part.block for part in self.parts])
            return prepare(Block(self.rows[: self.count], *targets))
        except ValueError:
            return joined([part.prepared(prepare) for part in self.parts])

    def names(self) -> NDArray[np.uint64]:
        """The number of each row in all data."""
        ranges = ((part.number, part.number + len(part)) for part in self.parts)
        return np.concatenate([np.arange(*one, dtype=np.uint64) for one in ranges])


def windows(parts: Iterator[Part], size: int) -> Iterator[Window]:
    """Windows of `size` rows; the last may have fewer."""
    rooms = Rooms()
    window = Window(size, rooms)
    for part in parts:
        while len(part) >= window.room:
            room = window.room
            window.add(part.first(room))
            yield window
            window, part = Window(size, rooms), part.after(room)
        if len(part):
            window.add(part)
    if window.count:
        yield window
