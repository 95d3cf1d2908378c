"""Support for `fit`: a quick check of plain arrays, and the threads of a training."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from .._internal.nonfinite import finder
from ..threads import num_threads, processors

FLOATS = (np.float64, np.float32)


def is_valid(mlp: Any, X: Any, y: Any, reset: bool) -> bool:
    """Return whether X and y are NumPy arrays that need no check by scikit-learn.

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
