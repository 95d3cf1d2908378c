"""Categories of many levels as means of the target: target coding, out of fold in the training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .encoders import CategoryEncoder
from .level_codes import CodedEncoder

Matrix = NDArray[np.float64]


def fit_target_codes(
    encoder: CategoryEncoder,
    positions: NDArray[np.intp],
    target: Matrix,
    names: Sequence[str],
    weights: Matrix | None,
    parts: NDArray[np.intp],
    smoothing: float,
) -> tuple[CodedEncoder, Matrix]:
    """Return the encoder of new rows, and the codes (m, k) of the training rows.

    The codes of a level are smoothed means of the target, and how frequent the level is. A level
    with the sum s of the target in n training rows gets (s + a m) / (n + a), where m is the mean of
    all rows and a the smoothing; then the codes are standardized. A level that the training rows
    do not have gets m. A network must not learn from codes that hold the target of the same row:
    the codes of a training row come from rows of other parts alone. Source: Micci-Barreca 2001, A
    Preprocessing Scheme for High-Cardinality Categorical Attributes in Classification and
    Prediction Problems.

    Parameters
    ----------
    encoder : CategoryEncoder
        The levels.
    positions : (m,) array
        `encoder.positions` of the training rows.
    target : (m, k - 1) array
        The values whose means are the codes.
    names : sequence of str
        A name for each of them.
    weights : (m,) array, optional
    parts : (m,) array of int
        The codes of the rows of a part come from the rows of the other parts.
    smoothing : float
    """
    n_codes = len(encoder.levels) + 2
    weights = np.ones(len(target)) if weights is None else weights / weights.mean()
    sums, counts = totals(positions, target, weights, n_codes)
    total = weighted_sum(target, weights)
    mean = total / weights.sum()
    codes = smoothed(sums, counts, mean, smoothing)
    center, width = center_and_width(codes[positions], weights)
    own = np.empty((len(target), codes.shape[1]))
    for part in np.unique(parts).tolist():
        rows = np.flatnonzero(parts == part)
        part_sums, part_counts = totals(positions[rows], target[rows], weights[rows], n_codes)
        others = weights.sum() - weights[rows].sum()
        if others <= 0:  # there is only one part: the codes say nothing
            own[rows] = center
            continue
        other_mean = (total - weighted_sum(target[rows], weights[rows])) / others
        other = smoothed(sums - part_sums, counts - part_counts, other_mean, smoothing)
        own[rows] = other[positions[rows]]
    table = tuple(map(tuple, ((codes - center) / width).tolist()))
    features = tuple(f"{encoder.name}, {name}" for name in (*names, "frequency"))
    fitted = CodedEncoder(
        encoder.name, encoder.levels, encoder.indicator, encoder.kind, table, features
    )
    return fitted, (own - center) / width


def totals(
    positions: NDArray[np.intp], target: Matrix, weights: Matrix, n: int
) -> tuple[Matrix, Matrix]:
    """Return sum w y (n, k) and sum w (n,) of each level."""
    sums = [np.bincount(positions, weights * column, minlength=n) for column in target.T]
    counts: Matrix = np.bincount(positions, weights, minlength=n).astype(np.float64)
    return np.stack(sums, axis=1), counts


def smoothed(sums: Matrix, counts: Matrix, mean: Matrix, smoothing: float) -> Matrix:
    """Return the means of each level, pulled to the mean of all rows, and a measure of counts.

    >>> smoothed(np.array([[4.0], [0.0]]), np.array([4.0, 0.0]), np.array([0.5]), 4.0).round(2)
    array([[0.75, 1.61],
           [0.5 , 0.  ]])
    """
    counts = np.maximum(counts, 0)  # differences of rounded sums may be below 0
    means = (sums + smoothing * mean) / (counts + smoothing)[:, None]
    return np.concatenate([means, np.log1p(counts)[:, None]], axis=1)


def center_and_width(codes: Matrix, weights: Matrix) -> tuple[Matrix, Matrix]:
    """Return mean and standard deviation of the codes of the rows; 1 for constant codes."""
    center = weighted_sum(codes, weights) / weights.sum()
    width = np.sqrt(weighted_sum(np.square(codes - center), weights) / weights.sum())
    return center, np.where(width > 0, width, 1.0)


def weighted_sum(values: Matrix, weights: Matrix) -> Matrix:
    """Return sum w x of each column; not by BLAS, whose bits depend on its threads."""
    total: Matrix = (values * weights[:, None]).sum(axis=0)
    return total
