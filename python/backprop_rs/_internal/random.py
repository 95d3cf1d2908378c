"""Random numbers that depend only on (seed, purpose, stream, index)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The purposes of streams; streams of two purposes never overlap.
INIT = 1
SHUFFLE = 2
SPLIT = 3
DROPOUT = 4
NOISE = 5
BIASES = 6  # of initial values that depend on the samples
EMBED = 7


def raw(seed: int, purpose: int, stream: int | tuple[int, int, int], n: int) -> NDArray[np.uint64]:
    """Return the first n 64-bit numbers of a stream of Philox 4x64-10.

    A stream has up to three numbers. Source: Salmon et al. 2011, Parallel Random Numbers: As Easy
    as 1, 2, 3.

    >>> raw(seed=0, purpose=INIT, stream=0, n=2)[:1] == raw(0, INIT, 0, 1)
    array([ True])
    """
    return generator(seed, purpose, stream).random_raw(n)


def generator(seed: int, purpose: int, stream: int | tuple[int, int, int]) -> np.random.Philox:
    """Return the generator of a stream, for some numbers at a time."""
    key = np.array([seed, purpose], np.uint64)
    numbers = stream if isinstance(stream, tuple) else (stream, 0, 0)
    counter = np.array([0, *numbers], np.uint64)
    return np.random.Philox(key=key, counter=counter)


def uniform(seed: int, purpose: int, stream: int, n: int) -> NDArray[np.float64]:
    """Return n numbers in [0, 1), from the upper 53 bits of each raw number."""
    return (raw(seed, purpose, stream, n) >> np.uint64(11)).astype(np.float64) * 2.0**-53


@lru_cache(maxsize=1)  # an epoch may be cut into several calls of `train`
def shuffled_order(n: int, seed: int, epoch: int) -> NDArray[np.signedinteger[Any]]:
    """Return the rows 0..n-1 in the order of this epoch.

    >>> sorted(shuffled_order(5, seed=0, epoch=0).tolist())
    [0, 1, 2, 3, 4]
    """
    return shuffled(n, seed, (epoch, 0, 0)).astype(np.intp)


def shuffled(n: int, seed: int, stream: tuple[int, int, int]) -> NDArray[np.uint32]:
    """Return the rows 0..n-1 in the order of a stream (Fisher & Yates, from the last to the first).

    The stream of an epoch is (epoch, 0, 0); data in blocks use further ones.
    """
    order = list(range(n))
    numbers = raw(seed, SHUFFLE, stream, max(n - 1, 0)).tolist()
    for i, number in zip(range(n - 1, 0, -1), numbers, strict=True):
        j = number * (i + 1) >> 64  # 0 <= j <= i, from the upper half of a 128-bit product
        order[i], order[j] = order[j], order[i]
    return np.array(order, np.uint32)


def mask(
    seed: int, sample: int, epoch: int, layer: int, n: int, dropout: float
) -> NDArray[np.float64]:
    """Return the dropout mask of n neurons: 0, or a factor that keeps the mean.

    It uses 16 bits per neuron, so the rate is rounded to a multiple of 1/65536.
    """
    bits = raw(seed, DROPOUT, (sample, epoch, layer), -(-n // 4))
    shifts = np.arange(0, 64, 16, dtype=np.uint64)
    drawn = (bits[:, None] >> shifts & np.uint64(0xFFFF)).ravel()[:n]
    threshold = round(dropout * 65536)
    kept: NDArray[np.float64] = np.where(drawn < threshold, 0, 65536 / (65536 - threshold))
    return kept


def normal(
    seed: int, purpose: int, stream: int | tuple[int, int, int], n: int
) -> NDArray[np.float64]:
    """Return n numbers of the standard normal distribution (Box & Muller 1958)."""
    u = (raw(seed, purpose, stream, n + n % 2) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    radius, angle = np.sqrt(-2 * np.log(1 - u[::2])), 2 * np.pi * u[1::2]
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]).ravel()[:n]
