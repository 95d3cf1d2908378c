"""An iterable of batches as a source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arrays import array_of
from .block import Block
from .stream import Segment, Stream


class IterableSource(Stream):
    """Consecutive batches (X, y), (X, y, weights), or X alone, of any sizes.

    An iterator can be read once. An iterable that gives a new iterator each time, and a function
    that returns an iterator, can be read repeatedly. Each batch is copied on arrival, so that an
    iterable may reuse its arrays.
    """

    def __init__(self, batches: Any, name: str, length: int | None = None, **settings: Any) -> None:
        self.repeatable = callable(batches) or iter(batches) is not batches

        def read() -> Iterator[Block]:
            for number, batch in enumerate(batches() if callable(batches) else batches):
                yield block_of(batch, f"{name}, batch {number}")

        super().__init__([Segment(name, read, length)], name, length, **settings)


def block_of(batch: Any, place: str) -> Block:
    """Return a copy of a batch as a block, or raise ValueError that begins with `place`."""
    if isinstance(batch, Block):
        y, weights = (
            None if array is None else np.array(array) for array in (batch.y, batch.weights)
        )
        return Block(np.array(batch.X), y, weights)
    parts = batch if isinstance(batch, tuple | list) else (batch,)
    if not 1 <= len(parts) <= 3:
        raise ValueError(f"{place}: a batch must be (X, y) or (X, y, weights); got {len(parts)}")
    arrays = [array_of(place, part) for part in parts]
    X = arrays[0]
    if X.ndim < 2:
        raise ValueError(f"{place}: X must have shape (m, n_0); got {X.shape}")
    arrays[0] = X.reshape(len(X), -1)
    if any(len(array) != len(X) for array in arrays):
        lengths = ", ".join(str(len(array)) for array in arrays)
        raise ValueError(f"{place}: X, y and weights must have the same length; got {lengths}")
    return Block(*(np.array(array) for array in arrays))
