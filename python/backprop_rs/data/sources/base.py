"""`Source`: samples that are read as they are needed, in an order of one's own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ..scaling import Scaling
    from .statistics import Survey

CHUNK_BYTES = 16 * 2**20
"""Features that are read, and given to the core, at a time."""

SHUFFLE_ROWS = 65_536
"""Samples of a stream that are mixed with each other."""


@dataclass
class Block:
    """Some samples as they were read: X (m, n_0), and y and weights (m, ...) if there are any."""

    X: NDArray[Any]
    y: NDArray[Any] | None = None
    weights: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.X)

    def take(self, rows: Any) -> Block:
        """Some of the rows: positions, a slice or a mask."""
        if isinstance(rows, slice):
            others = [None if array is None else array[rows] for array in (self.y, self.weights)]
            return Block(self.X[rows], *others)
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        arrays = (self.X, self.y, self.weights)
        chosen = [None if one is None else np.asarray(one).take(rows, axis=0) for one in arrays]
        return Block(*chosen)  # type: ignore[arg-type]


Change = Callable[[Block], Block]


@dataclass
class Piece:
    """Rows that follow each other in an epoch: those of a block, in an order.

    Attributes
    ----------
    block : Block or None
        None where the rows are all those of other ranks.
    names : (len(block),) array
        The number of each row of the block in all data.
    order : array or None
        The rows of the block as they come in the epoch; None is as they stand.
    rows : int
        How many of the epoch these are, on all ranks.
    """

    block: Block | None
    names: NDArray[np.uint64]
    order: NDArray[np.uint32] | None
    rows: int

    def part(self, first: int, last: int | None = None) -> Piece:
        """Some of the rows of an order."""
        assert self.order is not None
        order = self.order[first:last]
        return Piece(self.block, self.names, order, len(order))

    def in_order(self) -> Piece:
        """The rows themselves put in their order."""
        if self.order is None or self.block is None:
            return self
        return Piece(self.block.take(self.order), self.names[self.order], None, self.rows)


@dataclass(frozen=True)
class Epoch:
    """Which pass over the data, and how it is ordered: a function of these three alone."""

    number: int = 0
    seed: int = 0
    shuffle: bool = False


class Pass(ABC):
    """One pass over a source in the order of its epoch, from any row on."""

    @abstractmethod
    def rows(
        self, first: int, last: int, mine: NDArray[np.intp] | None = None
    ) -> tuple[Block | None, NDArray[np.uint64], int]:
        """The rows `first` to `last` of the order, or only `mine` of them (counted from `first`).

        Returns the samples (None where there are none), the number of each in all data, and how
        many rows from `first` on there were. Later calls must ask for later rows.
        """

    def pieces(self, first: int, batch_size: int, batches: int) -> Iterator[Piece]:
        """The epoch from a row on, in pieces of whole batches but for the last of an epoch.

        Each has about so many batches: as many as can be had without moving rows about.
        """
        return pieces_of(self.rows, first, batch_size * batches)


def pieces_of(
    read: Callable[[int, int], tuple[Block | None, NDArray[np.uint64], int]], first: int, rows: int
) -> Iterator[Piece]:
    """What there is from a row on, so many rows at a time, in the order in which they are read."""
    while True:
        block, names, found = read(first, first + rows)
        if found:
            yield Piece(block, names, None, found)
        if found < rows:
            return
        first += found


class Source(ABC):
    """Samples that need not fit in memory: what `fit`, `evaluate` and `predict` take for X and y.

    `backprop_rs.data.source` makes one from files, folders, arrays, readers and iterables.

    Attributes
    ----------
    name : str
    length : int or None
        The number of samples, where it is known.
    repeatable : bool
        Whether it can be read more than once.
    feature_names, class_names : tuple of str
        Empty where there are none.
    scaling, target_scaling : Scaling or None
        What `scaled` has been given; `fit` keeps them in the network's metadata.
    chunk_bytes : int
        About how much is read at a time; three to four such chunks are in memory at once.
    """

    name = ""
    length: int | None = None
    repeatable = True
    feature_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    scaling: Scaling | None = None
    target_scaling: Scaling | None = None
    chunk_bytes = CHUNK_BYTES
    change: Change | None = None

    @property
    def comes_near(self) -> bool:
        """Whether the system brings what is read next from the disk to memory, when asked to."""
        return False

    @abstractmethod
    def open(self, epoch: Epoch, prepare: Change) -> Pass:
        """Begin a pass; `prepare` is done to every block, and what it finds is named by place."""

    def begin(self, epoch: Epoch, prepare: Change | None = None) -> Pass:
        """A pass over the samples as `scaled` leaves them, then prepared further."""
        steps = [step for step in (self.change, prepare) if step is not None]

        def all_steps(block: Block) -> Block:
            for step in steps:
                block = step(block)
            return block

        return self.open(epoch, all_steps)

    def blocks(self, rows: int = 8192) -> Iterator[Block]:
        """All samples in their natural order, some rows at a time.

        >>> import backprop_rs as bp
        >>> source = bp.data.source([[1.0], [2.0], [3.0]], [0, 1, 0])
        >>> [len(block) for block in source.blocks(2)]
        [2, 1]
        """
        run, first = self.begin(Epoch()), 0
        while True:
            block, _, found = run.rows(first, first + rows)
            if block is not None:
                yield replace(block, X=np.asarray(block.X))
            if found < rows:
                return
            first += found

    def shares_memory(self, array: NDArray[Any]) -> bool:
        """Return whether samples may lie where `array` lies."""
        return False

    def count(self) -> int:
        """The number of samples; the source is read through where it is not known."""
        if self.length is None:
            if not self.repeatable:
                raise ValueError(
                    f"{self.name} can be read only once, so that its length must be given where "
                    "it is needed: source(..., length=...)"
                )
            self.length = sum(len(block) for block in self.blocks())
        return self.length

    def scaled(self, scaling: Scaling | None, target_scaling: Scaling | None = None) -> Source:
        """The same samples with scaled features, and values scaled as targets.

        >>> import backprop_rs as bp
        >>> source = bp.data.source([[0.0], [4.0]], [1.0, 3.0])
        >>> ready = source.scaled(bp.data.Scaling.fit(source))
        >>> [block.X.tolist() for block in ready.blocks()]
        [[[-1.0], [1.0]]]
        """
        from copy import copy

        if self.scaling is not None or self.target_scaling is not None:
            raise ValueError(f"scaled must be called once; {self.name} is scaled already")
        other, before = copy(self), self.change
        other.scaling, other.target_scaling = scaling, target_scaling

        def change(block: Block) -> Block:
            block = block if before is None else before(block)
            if scaling is not None:
                block = replace(block, X=scaling.apply(block.X))
            if target_scaling is not None and block.y is not None:
                values = block.y.reshape(len(block), -1)
                block = replace(block, y=target_scaling.apply(values))
            return block

        other.change = change
        return other

    def coded(self, class_names: Sequence[object]) -> Source:
        """The same samples, their targets as labels: the positions of their texts or numbers.

        >>> import backprop_rs as bp, numpy as np
        >>> source = bp.data.source([[0.0], [1.0]], np.array([7, 3]))
        >>> [block.y.tolist() for block in source.coded([3, 7]).blocks()]
        [[1, 0]]
        """
        from copy import copy

        from ..labels import labels_among

        other, before = copy(self), self.change
        other.class_names = tuple(map(text_of, class_names))
        known = {name: label for label, name in enumerate(other.class_names)}

        def change(block: Block) -> Block:
            block = block if before is None else before(block)
            if block.y is None:
                return block
            values, places = np.unique(block.y, return_inverse=True)
            labels = labels_among([text_of(value) for value in values.tolist()], known)
            return replace(block, y=labels[places.reshape(-1)])

        other.change = change
        return other

    def survey(self) -> Survey:
        """Count, mean, deviation and range of each column, and the classes, in one pass."""
        from .statistics import survey

        return survey(self)

    def shares(self) -> tuple[object, ...]:
        """What must be the same where a training goes on, and on all ranks of one."""
        scalings = [
            None if one is None else one.to_dict() for one in (self.scaling, self.target_scaling)
        ]
        return type(self).__name__, self.name, self.count(), *scalings

    def __len__(self) -> int:
        if self.length is None:
            raise TypeError(f"the length of {self.name} is not known; count() reads it through")
        return self.length

    def __repr__(self) -> str:
        size = "length unknown" if self.length is None else f"{self.length:,} samples"
        return f"{type(self).__name__}({self.name!r}, {size})"


def text_of(value: object) -> str:
    """A class as text: whole numbers without a point."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def shuffled(n: int, seed: int, stream: tuple[int, int, int]) -> NDArray[Any]:
    """The rows 0..n-1 in the order of a stream of random numbers, by the core where it is."""
    try:
        from ..._core import shuffled as draw
    except ImportError:
        from ...reference.random import shuffled as draw
    return draw(n, seed, stream)


def joined(blocks: Sequence[Block]) -> Block:
    """Blocks one below the other."""
    if len(blocks) == 1:
        return blocks[0]
    X: Any = np.concatenate([block.X for block in blocks])
    return Block(X, *targets_of(blocks))


def targets_of(blocks: Sequence[Block]) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """Return the targets and weights of blocks, one below the other.

    Raises
    ------
    ValueError
        If only some of the blocks have them, or have numbers in them.
    """
    columns: dict[str, Any] = {
        "targets": [block.y for block in blocks],
        "weights": [block.weights for block in blocks],
    }
    y, weights = (below_each_other(what, arrays) for what, arrays in columns.items())
    return y, weights


def below_each_other(what: str, arrays: Sequence[NDArray[Any] | None]) -> NDArray[Any] | None:
    """Return arrays as one; NumPy would make texts of numbers beside texts."""
    present = [array for array in arrays if array is not None]
    if not present:
        return None
    if len(present) < len(arrays):
        raise ValueError(f"{what} must come with all samples or with none; some have them")
    if len({array.dtype.kind in "biuf" for array in present}) > 1:
        kinds = ", ".join(sorted({str(array.dtype) for array in present}))
        raise ValueError(f"{what} must be numbers or texts throughout; got {kinds}")
    return np.concatenate(present)
