"""Sources of which any row can be had at once: their epochs are shuffled as a whole."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import array_of
from .base import Block, Change, Epoch, Pass, Piece, Source, shuffled
from .readahead import CAN_ASK, bring_rows, is_file


class RandomAccess(Source):
    """A source whose order is that of `Network.fit` for the same rows in memory."""

    length: int
    lies_on_disk = False  # rows are best read upwards, whatever order they are wanted in
    can_bring = False  # has the system bring neighbours into memory

    @abstractmethod
    def take(self, rows: NDArray[Any]) -> Block:
        """The samples of these rows, in this order."""

    def near(self, first: int, last: int) -> None:
        """Have the system bring rows that follow each other, where it `can_bring` them."""

    def place(self, row: int) -> str:
        """Where a row comes from, in words."""
        return f"{self.name}, row {row}"

    def open(self, epoch: Epoch, prepare: Change) -> Pass:
        return OrderedPass(self, epoch, prepare)


class OrderedPass(Pass):
    def __init__(self, source: RandomAccess, epoch: Epoch, prepare: Change) -> None:
        self.source, self.prepare, self.n = source, prepare, source.length
        self.order: NDArray[Any] | None = None
        if epoch.shuffle:
            self.order = shuffled(self.n, epoch.seed, (epoch.number, 0, 0))

    def rows(
        self, first: int, last: int, mine: NDArray[np.intp] | None = None
    ) -> tuple[Block | None, NDArray[np.uint64], int]:
        last = max(min(last, self.n), first)
        order = np.arange(first, last) if self.order is None else self.order[first:last]
        chosen = order if mine is None else order[mine[mine < last - first]]
        names = chosen.astype(np.uint64)
        if len(chosen) == 0:
            return None, names, last - first
        return self.prepared(chosen.astype(np.intp)), names, last - first

    def pieces(self, first: int, batch_size: int, batches: int) -> Iterator[Piece]:
        if self.order is None or not self.source.lies_on_disk:
            yield from super().pieces(first, batch_size, batches)
            return
        rows = batch_size * batches
        for start in range(first, self.n, rows):
            wanted = self.order[start : start + rows]
            upwards, order = upwards_and_back(wanted)
            chosen = wanted[upwards].astype(np.intp)
            yield Piece(self.prepared(chosen), chosen.astype(np.uint64), order, len(wanted))

    def prepared(self, rows: NDArray[np.intp]) -> Block:
        block = self.source.take(rows)
        try:
            return self.prepare(block)
        except ValueError as error:
            for i, row in enumerate(rows):  # the first row that cannot be used has the place
                try:
                    self.prepare(block.take(slice(i, i + 1)))
                except ValueError as one:
                    raise ValueError(f"{self.source.place(int(row))}: {one}") from None
            raise ValueError(f"{self.source.name}: {error}") from None


class ArraySource(RandomAccess):
    """Arrays, such as memory maps."""

    lies_on_disk = True

    def __init__(
        self, X: NDArray[Any], y: NDArray[Any] | None, weights: NDArray[Any] | None, name: str
    ) -> None:
        self.all = Block(X, y, weights)
        self.length, self.name = len(X), name
        for what, other in (("y", y), ("weights", weights)):
            if other is not None and len(other) != len(X):
                raise ValueError(f"{what} must have as many rows as X ({len(X)}); got {len(other)}")
        self.can_bring = CAN_ASK and is_file(X)

    def near(self, first: int, last: int) -> None:
        for array in (self.all.X, self.all.y, self.all.weights):
            if is_file(array):
                bring_rows(array, first, last)

    def take(self, rows: NDArray[Any]) -> Block:
        return in_file_order(self.all, rows)

    def shares_memory(self, array: NDArray[Any]) -> bool:
        return np.may_share_memory(self.all.X, array)


class ItemSource(RandomAccess):
    """An object with `__len__` and `__getitem__`, whose items are (x, y), such as PyTorch's.

    Where it has `__getitems__`, as PyTorch's fetcher knows it, that is asked for many at once.
    """

    def __init__(self, items: Any, name: str) -> None:
        self.items, self.length, self.name = items, len(items), name
        self.parts: int | None = None  # of the first item that was read: x, y and weight
        if isinstance(items, list | tuple) and items:
            check_sample(items[0], self.place(0))

    def take(self, rows: NDArray[Any]) -> Block:
        many = getattr(self.items, "__getitems__", None)
        wanted = rows.tolist()
        items = many(wanted) if many else [self.items[row] for row in wanted]
        for row, item in zip(wanted, items, strict=True):
            if self.parts is None:
                check_sample(item, self.place(row))
            parts = len(item) if isinstance(item, tuple | list) else 1
            self.parts = self.parts or parts
            if parts != self.parts:
                raise ValueError(
                    f"{self.place(row)}: all items must have as many parts as the first that was "
                    f"read ({self.parts}); got {parts}"
                )
        return block_of_items(items, self.name)


def check_sample(item: Any, place: str) -> None:
    """Raise ValueError if an item looks like a batch (X, y) instead of a single sample (x, y)."""
    if not isinstance(item, tuple | list) or len(item) < 2:
        return
    x, y = (array_of(place, part) for part in item[:2])
    # A batch of a single row has the values of an item whose x is an image of one channel.
    if x.ndim >= 2 and y.ndim >= 1 and len(x) == len(y) > 1:
        raise ValueError(
            f"{place}: an item must be one sample (x, y); got x of shape {x.shape} and y of shape "
            f"{y.shape}, which look like a batch: give a function that returns an iterator of the "
            "batches, such as lambda: iter(batches), or flatten x if it is one sample"
        )


def block_of_items(items: list[Any], name: str) -> Block:
    """One block of single samples, each (x, y), (x, y, weight), or x alone."""
    columns = list(zip(*items, strict=True)) if isinstance(items[0], tuple | list) else [items]
    if not 1 <= len(columns) <= 3:
        raise ValueError(f"{name}: an item must be (x, y) or (x, y, weight); got {len(columns)}")
    arrays = []
    for part, column in zip(("x", "y", "the weight"), columns, strict=False):
        values = [array_of(name, value) for value in column]
        shapes = sorted({value.shape for value in values})
        if len(shapes) > 1:
            raise ValueError(
                f"{name}: {part} must have the same shape in all items; got {shapes[0]} and "
                f"{shapes[1]}"
            )
        arrays.append(np.stack(values))
    arrays[0] = arrays[0].reshape(len(items), -1)
    return Block(*arrays)


def in_file_order(block: Block, rows: NDArray[Any]) -> Block:
    """Rows of arrays that lie on disk: read from the first to the last, then put in order."""
    steps = np.diff(rows)
    if len(rows) and (steps == 1).all():
        return block.take(slice(int(rows[0]), int(rows[-1]) + 1))
    if (steps > 0).all():
        return block.take(rows)
    upwards, back = upwards_and_back(rows)
    return block.take(rows[upwards]).take(back)


def upwards_and_back(rows: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.uint32]]:
    """The order from the first row on disk to the last, and the way back from there."""
    upwards = np.argsort(rows)
    back = np.empty(len(rows), np.uint32)
    back[upwards] = np.arange(len(rows), dtype=np.uint32)
    return upwards, back
