"""A source in two: some samples to train with, and others that are held out to test.

Which they are is what `train_test_split` draws in memory. A bit for each sample stays in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...reference.random import SPLIT, generator
from ..preprocessing import _n_test, _quota
from .base import Block, Source
from .rows import RandomAccess
from .stream import Segment, Stream

CHUNK = 2**18  # random numbers that are drawn at a time
EVERYWHERE = 1e12  # deviations


def split(
    source: Source,
    test_fraction: float = 0.2,
    seed: int = 0,
    labels: NDArray[np.integer] | None = None,
) -> tuple[Source, Source]:
    """Split a source as `train_test_split` splits the same samples in memory.

    Parameters
    ----------
    source : Source
        Its length is known, and that of its segments: it has been read through.
    test_fraction, seed
        As there.
    labels : (m,) array, optional
        The class of each sample, counted from 0, to give each its share of the test set.

    Returns
    -------
    train, test : Source
        In the order of the source.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> train, test = split(bp.data.source([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]), 0.25)
    >>> len(train), [block.X.tolist() for block in test.blocks()]
    (3, [[[0.0]]])
    """
    n = source.count()
    n_test = _n_test(n, test_fraction)
    if labels is None:
        counts, quota = np.array([n]), np.array([n_test])
    else:
        counts = np.bincount(labels)
        quota = _quota(counts, n_test)
        if quota.sum() == 0:
            raise ValueError("a test set needs a class of at least 2 samples; got 1 sample a class")
    held_out = np.packbits(drawn(seed, labels, counts, quota))
    return subset(source, held_out, 0), subset(source, held_out, 1)


def drawn(
    seed: int,
    labels: NDArray[np.integer] | None,
    counts: NDArray[np.intp],
    quota: NDArray[np.intp],
) -> NDArray[np.bool_]:
    """(m,): whether a sample is among the `quota` of its class with the smallest numbers."""
    bounds = smallest(seed, labels, counts, quota)
    found = [
        numbers < bounds[0 if classes is None else classes]
        for numbers, classes in numbered(seed, labels, int(counts.sum()))
    ]
    return np.concatenate(found)


def smallest(
    seed: int,
    labels: NDArray[np.integer] | None,
    counts: NDArray[np.intp],
    quota: NDArray[np.intp],
    deviations: float = 8.0,
) -> NDArray[np.uint64]:
    """For each class the number below which `quota` of its numbers lie.

    It is known roughly where that is: only the numbers there are kept and put in order.
    """
    n = np.maximum(counts, 1)
    share = quota / n
    around = deviations * np.sqrt(share * (1 - share) / n)
    low = as_numbers(share - around)
    # Of few samples some lie further off than a normal distribution knows.
    high = as_numbers(share + around + 5 * deviations / n) | np.uint64(2**32 - 1)
    below = np.zeros(len(counts), np.intp)
    near: list[tuple[NDArray[np.uint64], NDArray[np.integer]]] = []
    for numbers, given in numbered(seed, labels, int(counts.sum())):
        classes = np.zeros(len(numbers), np.intp) if given is None else given
        under = numbers < low[classes]
        below += np.bincount(classes[under], minlength=len(counts))
        kept = ~under & (numbers <= high[classes])
        near.append((numbers[kept], classes[kept]))
    numbers, classes = (np.concatenate(arrays) for arrays in zip(*near, strict=True))
    bounds = np.zeros(len(counts), np.uint64)
    for j in np.flatnonzero(counts):
        candidates = np.sort(numbers[classes == j])
        place = int(quota[j] - below[j])
        if not 0 <= place < len(candidates):  # so rare that it may take a while
            return smallest(seed, labels, counts, quota, EVERYWHERE)
        bounds[j] = candidates[place]
    return bounds


def as_numbers(shares: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Shares of all 64-bit numbers."""
    steps = np.clip(shares * 2.0**32, 0, 2.0**32 - 1)
    return steps.astype(np.uint64) << np.uint64(32)


def numbered(
    seed: int, labels: NDArray[np.integer] | None, n: int
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.integer] | None]]:
    """The random number of each of n samples, with their classes, some at a time."""
    numbers = generator(seed, SPLIT, 0)
    for first in range(0, n, CHUNK):
        last = min(first + CHUNK, n)
        yield numbers.random_raw(last - first), None if labels is None else labels[first:last]


def subset(source: Source, bits: NDArray[np.uint8], wanted: int) -> Source:
    """The samples of a source whose bit is the one wanted."""
    if isinstance(source, Stream):
        return stream_of(source, bits, wanted)
    assert isinstance(source, RandomAccess)
    chosen = np.flatnonzero(np.unpackbits(bits, count=source.length) == wanted)
    return Chosen(source, chosen.astype(np.uint32 if source.length < 2**32 else np.int64))


class Chosen(RandomAccess):
    """Some rows of a source."""

    def __init__(self, source: RandomAccess, chosen: NDArray[np.integer]) -> None:
        self.__dict__.update(source.__dict__)
        self.whole, self.chosen, self.length = source, chosen, len(chosen)
        self.lies_on_disk = source.lies_on_disk

    def take(self, rows: NDArray[np.intp]) -> Block:
        return self.whole.take(self.chosen[rows].astype(np.intp))

    def place(self, row: int) -> str:
        return self.whole.place(int(self.chosen[row]))

    def shares_memory(self, array: NDArray[Any]) -> bool:
        return self.whole.shares_memory(array)


def stream_of(source: Stream, bits: NDArray[np.uint8], wanted: int) -> Stream:
    """A stream with some rows of each segment."""
    other, start = copy(source), 0
    other.segments = []
    for segment in source.segments:
        assert segment.rows is not None
        keep = bits_from(bits, start, segment.rows) == wanted
        read = some_rows(segment, bits, start, wanted)
        other.segments.append(Segment(segment.name, read, int(keep.sum())))
        start += segment.rows
    other.length = sum(segment.rows or 0 for segment in other.segments)
    return other


def some_rows(
    segment: Segment, bits: NDArray[np.uint8], start: int, wanted: int
) -> Callable[[], Iterator[Block]]:
    def read() -> Iterator[Block]:
        row = start
        for block in segment.read():
            keep = bits_from(bits, row, len(block)) == wanted
            row += len(block)
            yield block.take(keep)

    return read


def bits_from(bits: NDArray[np.uint8], first: int, count: int) -> NDArray[np.uint8]:
    """Some bits of many, a byte each."""
    skipped = first % 8
    return np.unpackbits(bits[first // 8 :], count=skipped + count)[skipped:]
