"""Split a source into training samples and held-out test samples.

The split equals that of `train_test_split` in memory. It keeps one bit per sample in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._internal.random import SPLIT, generator
from ..preprocessing import class_quota, n_test_samples
from .base import Source
from .block import Block
from .rows import RandomAccess
from .stream import Segment, Stream

CHUNK = 2**18  # random numbers that are drawn at a time
ALL_NUMBERS = 1e12  # standard deviations: no number lies further away


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
        A source that has been read through: its length and that of its segments are known.
    test_fraction : float, default 0.2
    seed : int, default 0
        As in `train_test_split`.
    labels : (m,) array, optional
        The class of each sample, counted from 0, to give each class its share of the test set.

    Returns
    -------
    train, test : Source
        The samples in the order of the source.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> train, test = split(bp.data.source([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]), 0.25)
    >>> len(train), [block.X.tolist() for block in test.blocks()]
    (3, [[[0.0]]])
    """
    n = source.count()
    n_test = n_test_samples(n, test_fraction)
    if labels is None:
        counts, quota = np.array([n]), np.array([n_test])
    else:
        counts = np.bincount(labels)
        quota = class_quota(counts, n_test)
        if quota.sum() == 0:
            raise ValueError("a test set needs a class of at least 2 samples; got 1 sample a class")
    held_out = np.packbits(held_out_mask(seed, labels, counts, quota))
    return subset(source, held_out, 0), subset(source, held_out, 1)


def held_out_mask(
    seed: int,
    labels: NDArray[np.integer] | None,
    counts: NDArray[np.intp],
    quota: NDArray[np.intp],
) -> NDArray[np.bool_]:
    """Return (m,) bools: True for the `quota` samples of each class with the smallest numbers."""
    bounds = upper_bounds(seed, labels, counts, quota)
    masks = [
        numbers < bounds[0 if classes is None else classes]
        for numbers, classes in random_numbers(seed, labels, int(counts.sum()))
    ]
    return np.concatenate(masks)


def upper_bounds(
    seed: int,
    labels: NDArray[np.integer] | None,
    counts: NDArray[np.intp],
    quota: NDArray[np.intp],
    deviations: float = 8.0,
) -> NDArray[np.uint64]:
    """Return for each class the number below which `quota` of its random numbers lie.

    The numbers are uniform, so that this bound is known to within a few standard deviations: keep
    and sort only the numbers in that range.
    """
    n = np.maximum(counts, 1)
    share = quota / n
    margin = deviations * np.sqrt(share * (1 - share) / n)
    low = to_uint64(share - margin)
    # With few samples the tail is heavier than that of a normal distribution.
    high = to_uint64(share + margin + 5 * deviations / n) | np.uint64(2**32 - 1)
    below = np.zeros(len(counts), np.intp)
    candidates: list[tuple[NDArray[np.uint64], NDArray[np.integer]]] = []
    for numbers, chunk_labels in random_numbers(seed, labels, int(counts.sum())):
        classes = np.zeros(len(numbers), np.intp) if chunk_labels is None else chunk_labels
        is_below = numbers < low[classes]
        below += np.bincount(classes[is_below], minlength=len(counts))
        in_range = ~is_below & (numbers <= high[classes])
        candidates.append((numbers[in_range], classes[in_range]))
    numbers, classes = (np.concatenate(arrays) for arrays in zip(*candidates, strict=True))
    bounds = np.zeros(len(counts), np.uint64)
    for j in np.flatnonzero(counts):
        of_class = np.sort(numbers[classes == j])
        rank = int(quota[j] - below[j])
        if not 0 <= rank < len(of_class):  # so rare that it may be slow
            return upper_bounds(seed, labels, counts, quota, ALL_NUMBERS)
        bounds[j] = of_class[rank]
    return bounds


def to_uint64(shares: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return shares in [0, 1] of the range of 64-bit numbers."""
    steps = np.clip(shares * 2.0**32, 0, 2.0**32 - 1)
    return steps.astype(np.uint64) << np.uint64(32)


def random_numbers(
    seed: int, labels: NDArray[np.integer] | None, n: int
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.integer] | None]]:
    """Yield the random numbers of n samples with their classes, some at a time."""
    numbers = generator(seed, SPLIT, 0)
    for first in range(0, n, CHUNK):
        last = min(first + CHUNK, n)
        yield numbers.random_raw(last - first), None if labels is None else labels[first:last]


def subset(source: Source, bits: NDArray[np.uint8], wanted: int) -> Source:
    """Return the samples of a source whose bit is `wanted`."""
    if isinstance(source, Stream):
        return stream_subset(source, bits, wanted)
    assert isinstance(source, RandomAccess)
    chosen = np.flatnonzero(np.unpackbits(bits, count=source.length) == wanted)
    return RowSubset(source, chosen.astype(np.uint32 if source.length < 2**32 else np.int64))


class RowSubset(RandomAccess):
    """Some rows of a source with random access."""

    def __init__(self, source: RandomAccess, chosen: NDArray[np.integer]) -> None:
        self.__dict__.update(source.__dict__)
        self.whole, self.chosen, self.length = source, chosen, len(chosen)
        self.is_on_disk = source.is_on_disk

    def take(self, rows: NDArray[np.intp]) -> Block:
        """Return the samples of these rows, in this order."""
        return self.whole.take(self.chosen[rows].astype(np.intp))

    def place(self, row: int) -> str:
        """Describe the origin of a row."""
        return self.whole.place(int(self.chosen[row]))

    def shares_memory(self, array: NDArray[Any]) -> bool:
        """Return True if samples may share memory with `array`."""
        return self.whole.shares_memory(array)


def stream_subset(source: Stream, bits: NDArray[np.uint8], wanted: int) -> Stream:
    """Return the stream of the rows of each segment whose bit is `wanted`."""
    other, start = copy(source), 0
    other.segments = []
    for segment in source.segments:
        assert segment.rows is not None
        keep = unpack_bits(bits, start, segment.rows) == wanted
        read = subset_reader(segment, bits, start, wanted)
        other.segments.append(Segment(segment.name, read, int(keep.sum())))
        start += segment.rows
    other.length = sum(segment.rows or 0 for segment in other.segments)
    return other


def subset_reader(
    segment: Segment, bits: NDArray[np.uint8], start: int, wanted: int
) -> Callable[[], Iterator[Block]]:
    """Return the function that reads the rows of a segment whose bit is `wanted`."""

    def read() -> Iterator[Block]:
        row = start
        for block in segment.read():
            keep = unpack_bits(bits, row, len(block)) == wanted
            row += len(block)
            yield block.take(keep)

    return read


def unpack_bits(bits: NDArray[np.uint8], first: int, count: int) -> NDArray[np.uint8]:
    """Return `count` bits from the bit `first` on, one byte each."""
    skipped = first % 8
    return np.unpackbits(bits[first // 8 :], count=skipped + count)[skipped:]
