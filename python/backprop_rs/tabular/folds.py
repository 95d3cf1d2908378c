"""Divide the rows into folds; each member of an ensemble holds one of them out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._internal.random import SPLIT, raw

Rows = NDArray[np.intp]

FOLDS = 7  # streams of the purpose SPLIT that others do not use


def folds_of(n: int, n_folds: int, seed: int, repeat: int, labels: Any = None) -> Rows:
    """Return the number of the fold of each row (n,); folds have equal shares of each class.

    >>> folds = folds_of(10, 5, seed=0, repeat=0, labels=np.arange(10) % 2)
    >>> np.bincount(folds)
    array([2, 2, 2, 2, 2])
    """
    order = np.argsort(raw(seed, SPLIT, (FOLDS, repeat, 0), n), kind="stable")
    if labels is not None:
        # Classes follow each other, each in random order, and folds take turns.
        order = order[np.argsort(labels[order], kind="stable")]
    folds = np.empty(n, np.intp)
    folds[order] = np.arange(n) % n_folds
    return folds


def random_rows(n: int, most: int, seed: int, stream: int) -> Rows | slice:
    """Return at most so many random rows, in order; all of them as a slice."""
    if n <= most:
        return slice(None)
    order = np.argsort(raw(seed, SPLIT, (FOLDS, stream, 1), n), kind="stable")
    return np.sort(order[:most])
