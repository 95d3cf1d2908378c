"""Random numbers that depend on (seed, purpose, stream, index) and on nothing else."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What a stream is drawn for; streams of two purposes never meet.
INIT = 1
SHUFFLE = 2
SPLIT = 3


def raw(seed: int, purpose: int, stream: int, n: int) -> NDArray[np.uint64]:
    """The first n 64-bit numbers of a stream of Philox 4x64-10.

    Source: Salmon et al. 2011, Parallel Random Numbers: As Easy as 1, 2, 3.

    >>> raw(seed=0, purpose=INIT, stream=0, n=2)[:1] == raw(0, INIT, 0, 1)
    array([ True])
    """
    key = np.array([seed, purpose], np.uint64)
    counter = np.array([0, stream, 0, 0], np.uint64)
    return np.random.Philox(key=key, counter=counter).random_raw(n)


def uniform(seed: int, purpose: int, stream: int, n: int) -> NDArray[np.float64]:
    """n numbers in [0, 1), from the upper 53 bits of each raw number."""
    return (raw(seed, purpose, stream, n) >> np.uint64(11)).astype(np.float64) * 2.0**-53


@lru_cache(maxsize=1)  # an epoch may be cut into several calls of `train`
def shuffled_order(n: int, seed: int, epoch: int) -> NDArray[np.signedinteger[Any]]:
    """The rows 0..n-1 in the order of this epoch (Fisher & Yates, from the last to the first).

    >>> sorted(shuffled_order(5, seed=0, epoch=0).tolist())
    [0, 1, 2, 3, 4]
    """
    order = list(range(n))
    numbers = raw(seed, SHUFFLE, epoch, max(n - 1, 0)).tolist()
    for i, number in zip(range(n - 1, 0, -1), numbers, strict=True):
        j = number * (i + 1) >> 64  # 0 <= j <= i, from the upper half of a 128-bit product
        order[i], order[j] = order[j], order[i]
    return np.array(order, np.intp)
