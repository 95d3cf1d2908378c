"""Split and standardize data sets."""

from __future__ import annotations

from dataclasses import replace
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._internal.random import SPLIT, raw
from .dataset import Dataset
from .scaling import Scaling
from .table_options import listed


def train_test_split(
    data: Dataset | ArrayLike,
    y: ArrayLike | None = None,
    test_fraction: float = 0.2,
    seed: int = 0,
    stratify: bool = False,
) -> tuple[Dataset, Dataset]:
    """Split samples at random into a train and a test set.

    Parameters
    ----------
    data : Dataset, or array-like of shape (m, n_0)
        The samples; m is at least 2.
    y : array-like, optional
        The target if `data` is an array, as in `Dataset`.
    test_fraction : float, default 0.2
        The test set has round(test_fraction * m) samples, at least 1 and at most m - 1.
    seed : int, default 0
        In [0, 2**64). The same seed gives the same split on every machine.
    stratify : bool, default False
        Give each class its share of the test set, to within one sample. Every class keeps at
        least one sample in the train set.

    Returns
    -------
    train, test : Dataset
        Data sets in random order. Missing cells that hold a mean (``missing="mean"``) get the mean
        of the train set.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range, or `stratify` is True and the target is not classes.

    Examples
    --------
    >>> from backprop_rs.data import load_iris
    >>> train, test = train_test_split(load_iris(), test_fraction=0.2, stratify=True)
    >>> test
    Dataset('iris': 30 samples, 4 features, 3 classes: setosa, versicolor, virginica)
    >>> np.bincount(test.y)
    array([10, 10, 10])
    """
    if isinstance(data, Dataset) and y is not None:
        raise ValueError("y must be left out when data is a Dataset, which has its own; got both")
    dataset = data if isinstance(data, Dataset) else Dataset(data, y)
    n_test = n_test_samples(len(dataset), test_fraction)
    order = _random_order(len(dataset), seed)
    in_test = np.zeros(len(dataset), bool)
    if stratify:
        in_test[_stratified(dataset, order, n_test)] = True
    else:
        in_test[order[:n_test]] = True
    train, test = dataset.take(order[~in_test[order]]), dataset.take(order[in_test[order]])
    return _filled_from(train, train), _filled_from(train, test)


def _filled_from(train: Dataset, dataset: Dataset) -> Dataset:
    """Return a data set whose missing cells hold the means of `train`."""
    if train.filled is None or dataset.filled is None or train.scaling is not None:
        return dataset
    known = np.where(train.filled, np.nan, train.X)
    # If no row of `train` has a value, keep the mean of the whole data set.
    before = train.fill_values or {}
    means = {
        name: float(column[~np.isnan(column)].mean(dtype=np.float64))
        if not np.isnan(column).all()
        else before[name]
        for name, column in zip(train.feature_names, known.T, strict=True)
    }
    dtype = dataset.X.dtype if dataset.X.dtype.kind == "f" else np.float64
    X = np.where(dataset.filled, np.array(list(means.values()), dtype), dataset.X)
    return replace(dataset, X=X, fill_values=means)


def n_test_samples(n_samples: int, test_fraction: float) -> int:
    """Return the number of samples of the test set."""
    if not isinstance(test_fraction, int | float | np.number):
        raise TypeError(f"test_fraction must be a number between 0 and 1; got {test_fraction!r}")
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction must be a number between 0 and 1; got {test_fraction}")
    if n_samples < 2:
        raise ValueError(f"data must have at least 2 samples to split; got {n_samples}")
    return min(max(round(test_fraction * n_samples), 1), n_samples - 1)


def _random_order(n_samples: int, seed: int) -> NDArray[np.intp]:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise TypeError(f"seed must be an integer in [0, 2**64); got {seed!r}")
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed must be an integer in [0, 2**64); got {seed}")
    order: NDArray[np.intp] = np.argsort(raw(seed, SPLIT, 0, n_samples), kind="stable")
    return order


def _stratified(dataset: Dataset, order: NDArray[np.intp], n_test: int) -> NDArray[np.intp]:
    """Return the rows of the test set: the first rows of each class in random order."""
    if not dataset.is_classification or dataset.y is None:
        raise ValueError("stratify needs a target of classes; got a data set without classes")
    labels = dataset.y[order]
    quota = class_quota(np.bincount(labels), n_test)
    rows = [order[labels == j][:n] for j, n in enumerate(quota)]
    if quota.sum() == 0:
        raise ValueError("stratify needs a class of at least 2 samples; got 1 sample a class")
    return np.concatenate(rows)


def class_quota(counts: NDArray[np.intp], n_test: int) -> NDArray[np.intp]:
    """Return the test samples per class by the largest remainder method; each class keeps one."""
    share = counts * (n_test / counts.sum())
    largest = np.maximum(counts - 1, 0)
    quota: NDArray[np.intp] = np.minimum(share.astype(np.intp), largest)
    for j in np.argsort(quota - share, kind="stable"):
        if quota.sum() < n_test and quota[j] < largest[j]:
            quota[j] += 1
    return quota


def held_out_rows(
    n: int, fraction: float, seed: int, labels: NDArray[np.int64] | None
) -> NDArray[np.bool_]:
    """Return True for the rows (n,) that are held out: a share of each class, if there are classes.

    >>> held_out_rows(6, 0.5, 0, np.array([0, 0, 1, 1, 1, 1])).sum()
    np.int64(3)
    """
    order = _random_order(n, seed)
    in_test = np.zeros(n, np.bool_)
    n_held = round(fraction * n)
    if labels is None:
        in_test[order[:n_held]] = True
        return in_test
    in_order = labels[order]
    for label, count in enumerate(class_quota(np.bincount(labels), n_held)):
        in_test[order[in_order == label][:count]] = True
    return in_test


@overload
def standardize(train: Dataset) -> Dataset: ...
@overload
def standardize(train: Dataset, *others: Dataset) -> tuple[Dataset, ...]: ...
def standardize(train: Dataset, *others: Dataset) -> Dataset | tuple[Dataset, ...]:
    """Scale each feature of `train` to mean 0 and standard deviation 1, and others likewise.

    Parameters
    ----------
    train : Dataset
        The data set that gives the mean and scale. A constant feature gets scale 1.
    *others : Dataset
        Data sets of the same features (test, validation).

    Returns
    -------
    Dataset, or tuple of Dataset
        One per argument. Each keeps the `Scaling` as `.scaling`.

    Raises
    ------
    ValueError, TypeError
        If a data set is standardized already, or has other features.

    Examples
    --------
    >>> train, test = standardize(Dataset([[1.0], [3.0]]), Dataset([[5.0]]))
    >>> test.X
    array([[3.]])
    >>> test.scaling.to_dict()
    {'mean': [2.0], 'scale': [1.0]}
    """
    for dataset in (train, *others):
        if not isinstance(dataset, Dataset):
            raise TypeError(f"standardize takes Datasets; got {type(dataset).__name__}")
        if dataset.scaling is not None:
            raise ValueError(f"standardize takes data not yet standardized; got {dataset}")
        named = dataset.has_feature_names and train.has_feature_names
        same_names = dataset.feature_names == train.feature_names or not named
        if dataset.n_features != train.n_features or not same_names:
            raise ValueError(
                "others must have the features of train "
                f"({listed(train.feature_names)}); got {listed(dataset.feature_names)}"
            )
    scaling = Scaling.fit(train.X)
    scaled = tuple(
        replace(dataset, X=scaling.apply(dataset.X), scaling=scaling)
        for dataset in (train, *others)
    )
    return scaled if others else scaled[0]
