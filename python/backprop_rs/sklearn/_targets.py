"""Labels as the core takes them, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array, csr_matrix, issparse
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import type_of_target, unique_labels

from .._internal.types import AnyArray, Array

try:  # from scikit-learn 1.9 on: a matrix or an array, by its setting `sparse_interface`
    from sklearn.utils import _align_api_if_sparse as as_configured
except ImportError:
    as_configured = csr_matrix

KINDS = ("binary", "multiclass", "multilabel-indicator")


@dataclass
class Labels:
    """What targets of a classification look like.

    Parameters
    ----------
    classes : (n_classes,) array
        Sorted; the numbers of the columns where kind is multilabel-indicator.
    kind : one of `KINDS`
    sparse : bool
        Whether they came as a sparse matrix.
    """

    classes: AnyArray
    kind: str
    sparse: bool = False

    @classmethod
    def of(cls, y: Any) -> Labels:
        """As y has them.

        Raises
        ------
        ValueError
            scikit-learn's, where y is nothing to classify.
        """
        if type(y) is np.ndarray and y.ndim == 1 and y.dtype in (np.int64, np.bool_):
            classes = np.unique(y)
            if len(classes) <= len(y) // 2:  # more of them deserve scikit-learn's warning
                return cls(classes, KINDS[len(classes) > 2])
        kind = type_of_target(y, input_name="y")
        if kind not in KINDS:
            LabelBinarizer().fit(y)  # says what is wrong
        return cls(unique_labels(y), kind, issparse(y))

    @property
    def n_outputs(self) -> int:
        return 1 if self.kind == "binary" else len(self.classes)

    def encode(self, y: Any, dtype: str) -> AnyArray:
        """Class numbers (m,) for several classes, otherwise (m, n_outputs) of 0 and 1."""
        if self.kind == "multilabel-indicator":
            return np.ascontiguousarray(y.toarray() if issparse(y) else y, dtype)
        if issparse(y) or y.ndim > 1:
            raise ValueError("The object was not fitted with multilabel input.")
        places = np.searchsorted(self.classes, as_classes(y, self.classes))
        if self.kind == "multiclass":
            return np.ascontiguousarray(places, np.int64)
        return places.astype(dtype).reshape(-1, 1)

    def decode(self, a: Array, threshold: float = 0.5) -> AnyArray:
        """The labels that output activations (m, n_outputs) stand for."""
        if self.kind == "multiclass":
            labels: AnyArray = self.classes.take(a.argmax(axis=1))
            return labels
        chosen = (a > threshold).astype(np.int64)
        if self.kind == "binary":
            if len(self.classes) == 1:
                return np.repeat(self.classes[0], len(a))
            labels = self.classes.take(chosen[:, 0])
            return labels
        labels = as_configured(csr_array(chosen)) if self.sparse else chosen
        return labels


def as_classes(y: AnyArray, classes: AnyArray) -> AnyArray:
    """y in a type that can be searched among the classes."""
    return y if y.dtype == classes.dtype or y.dtype.kind in "biuf" else y.astype(classes.dtype)


def unseen(y: Any, classes: AnyArray) -> bool:
    """Whether y has others than these classes."""
    whole = type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "bi"
    present = np.unique(y) if whole else unique_labels(y)
    return bool(len(np.setdiff1d(present, classes, assume_unique=True)))
