"""The functions of the metrics, in NumPy and float64, with scikit-learn's conventions.

`y` and `p` are targets and predictions, `weights` (m,) or None. `y` holds classes 0 to n - 1, (m,),
or 0 and 1 for several labels per sample, (m, n); for values it is (m,) or (m, n). Scores are (m,),
of class 1, for two classes, and otherwise (m, n).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array

    Weights: TypeAlias = Array | None


def mean(values: AnyArray, weights: Weights) -> float:
    """Return the weighted mean of (m,) values."""
    if weights is None:
        return float(values.mean(dtype=float))
    weights = weights.astype(float)
    return float(total_of(values, weights) / weights.sum())


def total_of(values: AnyArray, weights: AnyArray) -> Any:
    """Return the sum of (m,) or (m, n) values times weights, over the rows.

    It does not use a matrix product, because the bits of BLAS depend on its threads.
    """
    return ((weights if values.ndim == 1 else weights[:, None]) * values).sum(axis=0)


def totals(classes: AnyArray, weights: Weights, n: int) -> AnyArray:
    """Return how much weight each of n classes has, (n,)."""
    counts: AnyArray = np.bincount(classes, weights=weights, minlength=n).astype(float)
    return counts


# Of classes.


def accuracy(y: AnyArray, p: AnyArray, weights: Weights = None, n: int = 0) -> float:
    """Return the share of samples whose class, or whose labels all, are right."""
    right = y == p
    return mean(right if right.ndim == 1 else right.all(axis=1), weights)


def balanced_accuracy(y: AnyArray, p: AnyArray, weights: Weights = None, n: int = 0) -> float:
    """Return the mean of the recalls of the classes that there are."""
    right = y == p
    of_class = totals(y, weights, n)
    hits = totals(y[right], None if weights is None else weights[right], len(of_class))
    there = of_class > 0
    return float((hits[there] / of_class[there]).mean())


def f1(y: AnyArray, p: AnyArray, weights: Weights = None, n: int = 0) -> float:
    """Return the F1 of class 1 if there are two classes, otherwise `f1_macro`."""
    if y.ndim == 2 or n > 2:
        return f1_macro(y, p, weights, n)
    return float(f1_of_each(y, p, weights, 2)[0][1])


def f1_macro(y: AnyArray, p: AnyArray, weights: Weights = None, n: int = 0) -> float:
    """Return the mean of the F1 of each class that is there or is predicted, or of each label."""
    every, _ = f1_of_each(y, p, weights, n)
    return float(every.mean() if y.ndim == 2 else every[np.union1d(y, p)].mean())


def f1_weighted(y: AnyArray, p: AnyArray, weights: Weights = None, n: int = 0) -> float:
    """Return the mean of the F1 of the classes, each as often as its class is there."""
    every, there = f1_of_each(y, p, weights, n)
    return float((every * there).sum() / there.sum()) if there.any() else 0.0


def f1_micro(y: AnyArray, p: AnyArray, weights: Weights = None, n: int = 0) -> float:
    """Return the F1 of all decisions together; the accuracy if each sample has one class."""
    hits, there, predicted = (part.sum() for part in counts_of(y, p, weights, n))
    return float(2 * hits / (there + predicted)) if there + predicted else 0.0


def f1_of_each(y: AnyArray, p: AnyArray, weights: Weights, n: int) -> tuple[AnyArray, AnyArray]:
    """Return F1 = 2 TP / (2 TP + FP + FN) of each class, 0 for 0/0, and the weight of each."""
    hits, there, predicted = counts_of(y, p, weights, n)
    both = there + predicted
    return np.divide(2 * hits, both, out=np.zeros_like(both), where=both > 0), there


def counts_of(
    y: AnyArray, p: AnyArray, weights: Weights, n: int
) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Return the weight of the right decisions for each class, of its samples, of those for it."""
    if y.ndim == 2:
        w = np.ones(len(y)) if weights is None else weights.astype(float)
        return total_of(y & p, w), total_of(y, w), total_of(p, w)
    right = y == p
    hits = totals(y[right], None if weights is None else weights[right], n)
    return hits, totals(y, weights, n), totals(p, weights, n)


# Of probabilities.


def log_loss(y: AnyArray, p: Array, weights: Weights = None, n: int = 0) -> float:
    """Return the mean of -ln of the probability of the class, which is cut to [eps, 1 - eps]."""
    if y.ndim == 2:
        return float(np.mean([log_loss(*pair, weights) for pair in zip(y.T, p.T, strict=True)]))
    eps = float(np.finfo(p.dtype).eps)
    p = p.astype(float)
    of_class = np.where(y == 1, p, 1 - p) if p.ndim == 1 else p[np.arange(len(y)), y]
    return mean(-np.log(np.clip(of_class, eps, 1 - eps)), weights)


def brier(y: AnyArray, p: Array, weights: Weights = None, n: int = 0) -> float:
    """Return the mean of (p - y)^2; of three and more classes its sum over the classes."""
    if y.ndim == 2:
        return float(np.mean([brier(*pair, weights) for pair in zip(y.T, p.T, strict=True)]))
    off = p.astype(float)
    if p.ndim == 1:
        return mean(np.square(off - y), weights)
    off[np.arange(len(y)), y] -= 1
    return mean(np.square(off).sum(axis=1), weights)


# Of scores, of which the order alone counts.


def roc_auc(y: AnyArray, p: Array, weights: Weights = None, n: int = 0) -> float:
    """Return the area under the curve of true over false positives.

    For more than two classes it is the mean over the classes, each against the rest, and for
    several labels the mean over the labels. NaN if one of them has no sample within or without.
    """
    if p.ndim == 2:
        return float(np.mean([roc_auc(*each, weights) for each in against_the_rest(y, p)]))
    true, false = curve(y, p, weights)
    if np.isnan(p).any() or not true[-1] > 0 or not false[-1] > 0:
        return float("nan")
    heights = (true + np.concatenate([[0.0], true[:-1]])) / 2
    area = (heights * np.diff(false, prepend=0.0)).sum()
    return float(area / (true[-1] * false[-1]))


def average_precision(y: AnyArray, p: Array, weights: Weights = None, n: int = 0) -> float:
    """Return the sum of (R_k - R_{k-1}) P_k over the thresholds, 0 without a positive sample.

    R and P are recall and precision. For more than two classes it is the mean over the classes,
    each against the rest, and for several labels the mean over the labels.
    """
    if p.ndim == 2:
        each = [average_precision(*each, weights) for each in against_the_rest(y, p)]
        return float(np.mean(each))
    true, false = curve(y, p, weights)
    if np.isnan(p).any():
        return float("nan")
    if not true[-1] > 0:
        return 0.0
    some = true + false > 0
    gained, precision = np.diff(true, prepend=0.0)[some], true[some] / (true[some] + false[some])
    return float((gained * precision).sum() / true[-1])


def curve(y: AnyArray, p: Array, weights: Weights) -> tuple[AnyArray, AnyArray]:
    """Return the weight of true and of false positives at each threshold, the highest first."""
    order = np.argsort(-p, kind="stable")
    w = np.ones(len(y)) if weights is None else weights[order].astype(float)
    positive, falls = y[order] == 1, np.diff(p[order]) != 0
    last = np.concatenate([np.flatnonzero(falls), [len(y) - 1]])  # of those with the same score
    return np.cumsum(w * positive)[last], np.cumsum(w * ~positive)[last]


def against_the_rest(y: AnyArray, p: Array) -> list[tuple[AnyArray, Array]]:
    """Return for each column whether a sample belongs to it, and its score."""
    columns = y.T if y.ndim == 2 else [y == number for number in range(p.shape[1])]
    return list(zip(columns, p.T, strict=True))


# Of values.


def r2(y: AnyArray, p: AnyArray, weights: Weights = None, n: int = 0) -> float:
    """Return 1 - sum (y - p)^2 / sum (y - mean y)^2, the mean over the outputs.

    NaN for fewer than two samples; an output whose targets are all the same counts 1 if it is
    right and 0 if not.
    """
    if len(y) < 2:
        return float("nan")
    y, p = y.astype(float), p.astype(float)
    w = np.ones(len(y)) if weights is None else weights.astype(float)
    above = y - y[0]  # targets that are all the same are 0 here, whatever their mean is
    rest = total_of(np.square(y - p), w)
    spread = total_of(np.square(above - total_of(above, w) / w.sum()), w)
    varies = spread > 0
    shares = np.where(varies, rest / np.where(varies, spread, 1), rest > 0)
    return float((1 - shares).mean())


def mae(y: AnyArray, p: AnyArray, weights: Weights = None, n: int = 0) -> float:
    """Return the mean of |y - p|."""
    return mean(of_rows(np.abs(y.astype(float) - p)), weights)


def rmse(y: AnyArray, p: AnyArray, weights: Weights = None, n: int = 0) -> float:
    """Return the root of the mean of (y - p)^2."""
    return float(np.sqrt(mean(of_rows(np.square(y.astype(float) - p)), weights)))


def mape(y: AnyArray, p: AnyArray, weights: Weights = None, n: int = 0) -> float:
    """Return the mean of |y - p| / max(|y|, 2.2e-16): 0.1 is an error of 10 %."""
    y = y.astype(float)
    return mean(of_rows(np.abs(y - p) / np.maximum(np.abs(y), np.finfo(float).eps)), weights)


def of_rows(errors: AnyArray) -> AnyArray:
    """Return the mean over the outputs of each row."""
    return errors if errors.ndim == 1 else errors.mean(axis=1)
