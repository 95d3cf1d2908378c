"""`Source`: samples that are read when they are needed, in any order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..labels import class_name, labels_among
from ..scaling import Scaling
from .block import Block, Change, Epoch, Pass
from .statistics import SourceStats, stats_of

CHUNK_BYTES = 16 * 2**20
"""Bytes of features that are read, and given to the core, at a time."""

SHUFFLE_ROWS = 65_536
"""The number of consecutive samples of a stream that are shuffled together."""


class Source(ABC):
    """Samples that need not fit in memory, for `fit`, `evaluate` and `predict`.

    `backprop_rs.data.source` makes one from files, folders, arrays, readers and iterables.

    Attributes
    ----------
    name : str
    length : int or None
        The number of samples, if it is known.
    repeatable : bool
        True if the source can be read more than once.
    feature_names, class_names : tuple of str
        Empty if there are none.
    notes : tuple of str
        Decisions of a reader of CSV files that are not evident, as `Table.notes`, of the files
        whose cells were all read to decide.
    scaling, target_scaling : Scaling or None
        The arguments of `scaled`; `fit` keeps them in the network's metadata.
    chunk_bytes : int
        About how many bytes are read at a time; three to four such chunks are in memory at once.
    """

    name = ""
    length: int | None = None
    repeatable = True
    feature_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    scaling: Scaling | None = None
    target_scaling: Scaling | None = None
    chunk_bytes = CHUNK_BYTES
    change: Change | None = None

    @property
    def can_prefetch(self) -> bool:
        """True if a pass asks the OS to prefetch the bytes that it reads next."""
        return False

    @abstractmethod
    def open(self, epoch: Epoch, prepare: Change) -> Pass:
        """Begin a pass that applies `prepare` to each block, and adds the place to its errors."""

    def begin(self, epoch: Epoch, prepare: Change | None = None) -> Pass:
        """Begin a pass that applies the change of `scaled` and `coded`, and then `prepare`."""
        steps = [step for step in (self.change, prepare) if step is not None]

        def all_steps(block: Block) -> Block:
            for step in steps:
                block = step(block)
            return block

        return self.open(epoch, all_steps)

    def blocks(self, rows: int = 8192) -> Iterator[Block]:
        """Yield all samples in their natural order, some rows at a time.

        >>> import backprop_rs as bp
        >>> source = bp.data.source([[1.0], [2.0], [3.0]], [0, 1, 0])
        >>> [len(block) for block in source.blocks(2)]
        [2, 1]
        """
        run, first = self.begin(Epoch()), 0
        while True:
            block, _, count = run.rows(first, first + rows)
            if block is not None:
                yield replace(block, X=np.asarray(block.X))
            if count < rows:
                return
            first += count

    def shares_memory(self, array: NDArray[Any]) -> bool:
        """Return True if samples may share memory with `array`."""
        return False

    def count(self) -> int:
        """Return the number of samples; read the source through if it is not known.

        Raises
        ------
        ValueError
            If the number is not known and the source can be read only once.
        """
        if self.length is None:
            if not self.repeatable:
                raise ValueError(
                    f"{self.name} can be read only once: give its length, as in "
                    "source(..., length=...)"
                )
            self.length = sum(len(block) for block in self.blocks())
        return self.length

    def scaled(self, scaling: Scaling | None, target_scaling: Scaling | None = None) -> Source:
        """Return the same samples with scaled features, and with scaled values as targets.

        Raises
        ------
        ValueError
            If the source is scaled already.

        Examples
        --------
        >>> import backprop_rs as bp
        >>> source = bp.data.source([[0.0], [4.0]], [1.0, 3.0])
        >>> ready = source.scaled(bp.data.Scaling.fit(source))
        >>> [block.X.tolist() for block in ready.blocks()]
        [[[-1.0], [1.0]]]
        """
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
        """Return the same samples with labels as targets: the positions of texts or numbers.

        Examples
        --------
        >>> import backprop_rs as bp, numpy as np
        >>> source = bp.data.source([[0.0], [1.0]], np.array([7, 3]))
        >>> [block.y.tolist() for block in source.coded([3, 7]).blocks()]
        [[1, 0]]
        """
        other, before = copy(self), self.change
        other.class_names = tuple(map(class_name, class_names))
        known = {name: label for label, name in enumerate(other.class_names)}

        def change(block: Block) -> Block:
            block = block if before is None else before(block)
            if block.y is None:
                return block
            values, positions = np.unique(block.y, return_inverse=True)
            labels = labels_among([class_name(value) for value in values.tolist()], known)
            return replace(block, y=labels[positions.reshape(-1)])

        other.change = change
        return other

    def statistics(self) -> SourceStats:
        """Return the count, mean, deviation and range of each column, and the classes.

        This reads the source through once.

        Examples
        --------
        >>> import backprop_rs as bp, numpy as np
        >>> stats = bp.data.source([[0.0], [4.0]], np.array([1, 1])).statistics()
        >>> stats.length, stats.features.mean, stats.classes
        (2, array([2.]), [1])
        """
        stats = stats_of(self.blocks(), self.name)
        if self.length is None:
            self.length = stats.length
        return stats

    def shares(self) -> tuple[object, ...]:
        """Return what must be equal to resume a training, and on all ranks of one."""
        scalings = [
            None if scaling is None else scaling.to_dict()
            for scaling in (self.scaling, self.target_scaling)
        ]
        return type(self).__name__, self.name, self.count(), *scalings

    def __len__(self) -> int:
        if self.length is None:
            raise TypeError(f"the length of {self.name} is not known; count() reads it through")
        return self.length

    def __repr__(self) -> str:
        size = "length unknown" if self.length is None else f"{self.length:,} samples"
        return f"{type(self).__name__}({self.name!r}, {size})"
