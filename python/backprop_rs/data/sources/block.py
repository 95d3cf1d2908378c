"""Blocks of samples, and one pass over a source in the order of an epoch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class Block:
    """Some samples as they were read: X (m, n_0), and y and weights (m, ...) if there are any."""

    X: NDArray[Any]
    y: NDArray[Any] | None = None
    weights: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.X)

    def take(self, rows: Any) -> Block:
        """Return some of the rows, given as positions, a slice or a mask."""
        if isinstance(rows, slice):
            y, weights = (
                None if array is None else array[rows] for array in (self.y, self.weights)
            )
            return Block(self.X[rows], y, weights)
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        X = np.asarray(self.X).take(rows, axis=0)
        y, weights = (
            None if array is None else np.asarray(array).take(rows, axis=0)
            for array in (self.y, self.weights)
        )
        return Block(X, y, weights)


Change = Callable[[Block], Block]


@dataclass
class Piece:
    """Consecutive rows of an epoch: the rows of a block, in an order.

    Attributes
    ----------
    block : Block or None
        None if all rows belong to other ranks.
    row_ids : (len(block),) array
        The number of each row of the block in the whole data.
    order : array or None
        The rows of the block in the order of the epoch; None keeps the order of the block.
    rows : int
        The number of rows of the epoch that the piece covers, on all ranks.
    """

    block: Block | None
    row_ids: NDArray[np.uint64]
    order: NDArray[np.uint32] | None
    rows: int

    def part(self, first: int, last: int | None = None) -> Piece:
        """Return the rows `first` to `last` of the order."""
        assert self.order is not None
        order = self.order[first:last]
        return Piece(self.block, self.row_ids, order, len(order))

    def in_order(self) -> Piece:
        """Return the piece with its rows sorted by the order."""
        if self.order is None or self.block is None:
            return self
        return Piece(self.block.take(self.order), self.row_ids[self.order], None, self.rows)


@dataclass(frozen=True)
class Epoch:
    """The number of a pass over the data, and what determines its order: nothing else does."""

    number: int = 0
    seed: int = 0
    shuffle: bool = False


class Pass(ABC):
    """One pass over a source in the order of its epoch, from any row on."""

    @abstractmethod
    def rows(
        self, first: int, last: int, mine: NDArray[np.intp] | None = None
    ) -> tuple[Block | None, NDArray[np.uint64], int]:
        """Read the rows `first` to `last` of the order, or only `mine` of them.

        `mine` counts from `first`. Later calls must ask for later rows.

        Returns
        -------
        block : Block or None
            The samples; None if there are none.
        row_ids : array
            The number of each sample in the whole data.
        count : int
            The number of rows that the order has from `first` to `last`.
        """

    def pieces(self, first: int, batch_size: int, batches: int) -> Iterator[Piece]:
        """Yield the epoch from a row on, in pieces of whole batches; the last may be incomplete.

        Each piece has about `batches` batches: the number that needs no copy of the rows.
        """
        return read_pieces(self.rows, first, batch_size * batches)


def read_pieces(
    read: Callable[[int, int], tuple[Block | None, NDArray[np.uint64], int]], first: int, rows: int
) -> Iterator[Piece]:
    """Yield all rows from `first` on, `rows` at a time, in the order in which `read` gives them."""
    while True:
        block, row_ids, count = read(first, first + rows)
        if count:
            yield Piece(block, row_ids, None, count)
        if count < rows:
            return
        first += count


def shuffled(n: int, seed: int, stream: tuple[int, int, int]) -> NDArray[Any]:
    """Return the rows 0..n-1 in the order of a stream of random numbers; use the core if it can."""
    try:
        from ..._core import shuffled as draw
    except ImportError:
        from ..._internal.random import shuffled as draw
    return draw(n, seed, stream)


def concatenate(blocks: Sequence[Block]) -> Block:
    """Concatenate blocks by rows."""
    if len(blocks) == 1:
        return blocks[0]
    X: Any = np.concatenate([block.X for block in blocks])
    y, weights = concatenate_targets(blocks)
    return Block(X, y, weights)


def concatenate_targets(
    blocks: Sequence[Block],
) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """Concatenate the targets, and the weights, of blocks.

    Raises
    ------
    ValueError
        If only some of the blocks have them, or only some hold numbers.
    """
    y = concatenate_arrays("targets", [block.y for block in blocks])
    return y, concatenate_arrays("weights", [block.weights for block in blocks])


def concatenate_arrays(what: str, arrays: Sequence[NDArray[Any] | None]) -> NDArray[Any] | None:
    """Concatenate arrays, but not numbers with texts: NumPy would turn the numbers into texts."""
    present = [array for array in arrays if array is not None]
    if not present:
        return None
    if len(present) < len(arrays):
        raise ValueError(f"{what} must come with all samples or with none; some have them")
    if len({array.dtype.kind in "biuf" for array in present}) > 1:
        dtypes = ", ".join(sorted({str(array.dtype) for array in present}))
        raise ValueError(f"{what} must be numbers or texts throughout; got {dtypes}")
    return np.concatenate(present)
