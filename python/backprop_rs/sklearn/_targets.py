"""Encode labels for the core, and decode its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array, csr_matrix, issparse
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import type_of_target, unique_labels

from .._internal.types import AnyArray, Array

try:  # since scikit-learn 1.9 its setting `sparse_interface` chooses a matrix or an array
    from sklearn.utils import _align_api_if_sparse as configured_sparse
except ImportError:
    configured_sparse = csr_matrix

KINDS = ("binary", "multiclass", "multilabel-indicator")


@dataclass
class Labels:
    """The classes and the form of classification targets.

    Parameters
    ----------
    classes : (n_classes,) array
        Sorted; column numbers if kind is multilabel-indicator.
    kind : one of `KINDS`
    sparse : bool
        True if the targets were a sparse matrix.
    """

    classes: AnyArray
    kind: str
    sparse: bool = False

    @classmethod
    def of(cls, y: Any) -> Labels:
        """Return the classes and the form of y.

        Raises
        ------
        ValueError
            If y does not consist of classes; the message is scikit-learn's.
        """
        if type(y) is np.ndarray and y.ndim == 1 and y.dtype in (np.int64, np.bool_):
            classes = np.unique(y)
            if len(classes) <= len(y) // 2:  # scikit-learn warns of more classes
                return cls(classes, KINDS[len(classes) > 2])
        kind = type_of_target(y, input_name="y")
        if kind not in KINDS:
            LabelBinarizer().fit(y)  # raises the error
        return cls(unique_labels(y), kind, issparse(y))

    @property
    def n_outputs(self) -> int:
        """The number of outputs of the network."""
        return 1 if self.kind == "binary" else len(self.classes)

    def encode(self, y: Any, dtype: str) -> AnyArray:
        """Return class numbers (m,) for several classes, otherwise (m, n_outputs) of 0 and 1."""
        if self.kind == "multilabel-indicator":
            return np.ascontiguousarray(y.toarray() if issparse(y) else y, dtype)
        if issparse(y) or y.ndim > 1:
            raise ValueError("The object was not fitted with multilabel input.")
        numbers = np.searchsorted(self.classes, as_classes(y, self.classes))
        if self.kind == "multiclass":
            return np.ascontiguousarray(numbers, np.int64)
        return numbers.astype(dtype).reshape(-1, 1)

    def decode(self, a: Array, threshold: float = 0.5) -> AnyArray:
        """Return the labels that output activations (m, n_outputs) predict."""
        if self.kind == "multiclass":
            labels: AnyArray = self.classes.take(a.argmax(axis=1))
            return labels
        positive = (a > threshold).astype(np.int64)
        if self.kind == "binary":
            if len(self.classes) == 1:
                return np.repeat(self.classes[0], len(a))
            labels = self.classes.take(positive[:, 0])
            return labels
        labels = configured_sparse(csr_array(positive)) if self.sparse else positive
        return labels


def as_classes(y: AnyArray, classes: AnyArray) -> AnyArray:
    """Return y in a type that `searchsorted` can compare with the classes."""
    return y if y.dtype == classes.dtype or y.dtype.kind in "biuf" else y.astype(classes.dtype)


def unseen(y: Any, classes: AnyArray) -> bool:
    """Return True if y has other classes."""
    is_integer = type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "bi"
    present = np.unique(y) if is_integer else unique_labels(y)
    return bool(len(np.setdiff1d(present, classes, assume_unique=True)))
