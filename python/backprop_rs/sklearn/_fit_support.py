"""Support for `fit`: typed decorators, a quick check of plain arrays, and the threads."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar, cast

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils.metaestimators import available_if

from .._internal.nonfinite import finder
from ..threads import num_threads, processors

FLOATS = (np.float64, np.float32)
Method = TypeVar("Method", bound=Callable[..., Any])  # scikit-learn's decorators return Any


def fitting(*, nested: bool = False) -> Callable[[Method], Method]:
    """Return a decorator that checks the parameters, if `nested` also those of inner estimators."""
    decorate = _fit_context(prefer_skip_nested_validation=not nested)
    return cast("Callable[[Method], Method]", decorate)


def only_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
    """Return a decorator of a method that estimators only have if `check` returns True."""
    return cast("Callable[[Method], Method]", available_if(check))


def is_valid(mlp: Any, X: Any, y: Any, reset: bool) -> bool:
    """Return True if X and y are NumPy arrays that need no check by scikit-learn.

    Those checks take longer than the training of a small network. `n_features_in_` is set if the
    result is True and `reset` is.
    """
    if type(X) is not np.ndarray or type(y) is not np.ndarray or len(X.shape) != 2:
        return False
    if X.dtype.type not in FLOATS or y.dtype.kind not in "biuf" or y.shape != X.shape[:1]:
        return False
    attributes = vars(mlp)
    if "feature_names_in_" in attributes or 0 in X.shape:
        return False
    if not reset and attributes.get("n_features_in_") != X.shape[1]:
        return False
    find_non_finite = finder()
    if find_non_finite(X) is not None or (y.dtype.kind == "f" and not np.isfinite(y).all()):
        return False
    if reset:
        mlp.n_features_in_ = X.shape[1]
    return True


def threads(n_jobs: int | None) -> AbstractContextManager[Any]:
    """Set the number of threads; None keeps the present number, -1 is all processors."""
    if n_jobs is None:
        return nullcontext()
    return num_threads(processors() if n_jobs == -1 else int(n_jobs))
