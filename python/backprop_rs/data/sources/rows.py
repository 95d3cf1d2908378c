"""Sources with random access to rows: an epoch is shuffled as a whole."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import array_of
from .base import Source
from .block import Block, Change, Epoch, Pass, Piece, shuffled
from .readahead import CAN_PREFETCH, is_mapped_file, prefetch_rows


class RandomAccess(Source):
    """A source whose order is that of `Network.fit` for the same rows in memory."""

    length: int
    is_on_disk = False  # read rows in ascending order, whatever the order of the epoch
    can_prefetch_rows = False  # `prefetch` asks the OS to read consecutive rows

    @abstractmethod
    def take(self, rows: NDArray[Any]) -> Block:
        """Return the samples of these rows, in this order."""

    def prefetch(self, first: int, last: int) -> None:
        """Ask the OS to prefetch the rows `first` to `last`, if `can_prefetch_rows`."""

    def place(self, row: int) -> str:
        """Describe the origin of a row."""
        return f"{self.name}, row {row}"

    def open(self, epoch: Epoch, prepare: Change) -> Pass:
        """Begin a pass that applies `prepare` to each block."""
        return OrderedPass(self, epoch, prepare)


class OrderedPass(Pass):
    """A pass over a source with random access."""

    def __init__(self, source: RandomAccess, epoch: Epoch, prepare: Change) -> None:
        self.source, self.prepare, self.n = source, prepare, source.length
        self.order: NDArray[Any] | None = None
        if epoch.shuffle:
            self.order = shuffled(self.n, epoch.seed, (epoch.number, 0, 0))

    def rows(
        self, first: int, last: int, mine: NDArray[np.intp] | None = None
    ) -> tuple[Block | None, NDArray[np.uint64], int]:
        """Read the rows `first` to `last` of the order, or only `mine` of them."""
        last = max(min(last, self.n), first)
        order = np.arange(first, last) if self.order is None else self.order[first:last]
        chosen = order if mine is None else order[mine[mine < last - first]]
        row_ids = chosen.astype(np.uint64)
        if len(chosen) == 0:
            return None, row_ids, last - first
        return self.prepared(chosen.astype(np.intp)), row_ids, last - first

    def pieces(self, first: int, batch_size: int, batches: int) -> Iterator[Piece]:
        """Yield the epoch from a row on, in pieces of whole batches; the last may be incomplete."""
        if self.order is None or not self.source.is_on_disk:
            yield from super().pieces(first, batch_size, batches)
            return
        rows = batch_size * batches
        for start in range(first, self.n, rows):
            # Read in ascending order; the core takes the rows in their shuffled order.
            shuffled_rows = self.order[start : start + rows]
            ascending, order = ascending_and_inverse(shuffled_rows)
            chosen = shuffled_rows[ascending].astype(np.intp)
            yield Piece(self.prepared(chosen), chosen.astype(np.uint64), order, len(order))

    def prepared(self, rows: NDArray[np.intp]) -> Block:
        """Return the prepared rows; an error begins with the place of the first row at fault."""
        block = self.source.take(rows)
        try:
            return self.prepare(block)
        except ValueError as error:
            for i, row in enumerate(rows):
                try:
                    self.prepare(block.take(slice(i, i + 1)))
                except ValueError as row_error:
                    place = self.source.place(int(row))
                    raise ValueError(f"{place}: {row_error}") from None
            raise ValueError(f"{self.source.name}: {error}") from None


class ArraySource(RandomAccess):
    """Arrays, including memory maps."""

    is_on_disk = True

    def __init__(
        self, X: NDArray[Any], y: NDArray[Any] | None, weights: NDArray[Any] | None, name: str
    ) -> None:
        self.all = Block(X, y, weights)
        self.length, self.name = len(X), name
        for what, array in (("y", y), ("weights", weights)):
            if array is not None and len(array) != len(X):
                raise ValueError(f"{what} must have as many rows as X ({len(X)}); got {len(array)}")
        self.can_prefetch_rows = CAN_PREFETCH and is_mapped_file(X)

    def prefetch(self, first: int, last: int) -> None:
        """Ask the OS to prefetch the rows `first` to `last` of the memory maps."""
        for array in (self.all.X, self.all.y, self.all.weights):
            if is_mapped_file(array):
                prefetch_rows(array, first, last)

    def take(self, rows: NDArray[Any]) -> Block:
        """Return the samples of these rows, in this order."""
        return take_ascending(self.all, rows)

    def shares_memory(self, array: NDArray[Any]) -> bool:
        """Return True if the features may share memory with `array`."""
        return np.may_share_memory(self.all.X, array)


class ItemSource(RandomAccess):
    """An object with `__len__` and `__getitem__` whose items are (x, y), such as PyTorch's.

    If it has `__getitems__`, as PyTorch's fetcher uses it, this reads many items at once.
    """

    def __init__(self, items: Any, name: str) -> None:
        self.items, self.length, self.name = items, len(items), name
        self.parts: int | None = None  # of the first item that was read: x, y and weight
        if isinstance(items, list | tuple) and items:
            check_sample(items[0], self.place(0))

    def take(self, rows: NDArray[Any]) -> Block:
        """Return the samples of these rows, in this order."""
        get_many = getattr(self.items, "__getitems__", None)
        numbers = rows.tolist()
        items = get_many(numbers) if get_many else [self.items[row] for row in numbers]
        for row, item in zip(numbers, items, strict=True):
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
    """Return one block of single samples, each (x, y), (x, y, weight), or x alone."""
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


def take_ascending(block: Block, rows: NDArray[Any]) -> Block:
    """Return rows of arrays on disk: read them in ascending order, then restore their order."""
    steps = np.diff(rows)
    if len(rows) and (steps == 1).all():
        return block.take(slice(int(rows[0]), int(rows[-1]) + 1))
    if (steps > 0).all():
        return block.take(rows)
    ascending, inverse = ascending_and_inverse(rows)
    return block.take(rows[ascending]).take(inverse)


def ascending_and_inverse(rows: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.uint32]]:
    """Return the permutation that sorts the rows, and its inverse."""
    ascending = np.argsort(rows)
    inverse = np.empty(len(rows), np.uint32)
    inverse[ascending] = np.arange(len(rows), dtype=np.uint32)
    return ascending, inverse
