"""Arrays that are just what is needed: scikit-learn's checks would find nothing, and take longer
than the training of a small network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.backends import finder

if TYPE_CHECKING:
    from ._base import BaseMLP

FLOATS = (np.float64, np.float32)


def is_plain(mlp: BaseMLP, X: Any, y: Any, reset: bool) -> bool:
    """Whether X and y are NumPy arrays in which all is right; `n_features_in_` is set then."""
    if type(X) is not np.ndarray or type(y) is not np.ndarray or len(X.shape) != 2:
        return False
    if X.dtype.type not in FLOATS or y.dtype.kind not in "biuf" or y.shape != X.shape[:1]:
        return False
    known = vars(mlp)
    if "feature_names_in_" in known or 0 in X.shape:
        return False
    if not reset and known.get("n_features_in_") != X.shape[1]:
        return False
    find = finder()
    if find(X) is not None or (y.dtype.kind == "f" and not np.isfinite(y).all()):
        return False
    if reset:
        mlp.n_features_in_ = X.shape[1]
    return True
