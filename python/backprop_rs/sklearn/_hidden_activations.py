"""A transformer: hidden activations as features."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import check_is_fitted

from ._bases import BaseEstimator, TransformerMixin
from ._fit_support import fitting

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._internal.types import AnyArray, Array


class HiddenActivations(TransformerMixin, BaseEstimator):
    """The activations of one hidden layer of an MLP, as a transformer.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor of this package
        A clone of it is trained.
    layer : int, default -1
        The index of the hidden layer: from 0 forwards or from -1 backwards.

    Attributes
    ----------
    estimator_ : the trained clone

    Examples
    --------
    >>> from backprop_rs.sklearn import MLPClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> mlp = MLPClassifier((16, 2), solver="lbfgs", random_state=0)
    >>> HiddenActivations(mlp).fit_transform(X, y).shape
    (150, 2)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [HasMethods(["fit", "hidden_activations"])],
        "layer": [Interval(Integral, None, None, closed="neither")],
    }

    def __init__(self, estimator: Any, layer: int = -1) -> None:
        self.estimator = estimator
        self.layer = layer

    @fitting(nested=True)
    def fit(self, X: Any, y: Any) -> Self:
        """Train a clone of the estimator.

        Parameters
        ----------
        X : (n_samples, n_features) array-like or sparse matrix
        y : (n_samples,) or (n_samples, n_outputs) array-like

        Returns
        -------
        self
        """
        self.estimator_ = clone(self.estimator).fit(X, y)
        hidden = self.estimator_.n_layers_ - 2
        if not -hidden <= self.layer < hidden:
            raise ValueError(f"layer must be from {-hidden} to {hidden - 1}; got {self.layer}")
        self.n_features_in_ = self.estimator_.n_features_in_
        if hasattr(self.estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.estimator_.feature_names_in_
        return self

    def transform(self, X: Any) -> Array:
        """Return the activations of the layer.

        Parameters
        ----------
        X : (n_samples, n_features) array-like or sparse matrix

        Returns
        -------
        (n_samples, n_neurons) array
        """
        check_is_fitted(self)
        a: Array = self.estimator_.hidden_activations(X)[self.layer]
        return a

    def get_feature_names_out(self, input_features: Any = None) -> AnyArray:
        """Return the names mlp0, mlp1, ... of the neurons."""
        check_is_fitted(self)
        n = self.estimator_.coefs_[self.layer - 1 if self.layer < 0 else self.layer].shape[1]
        return np.asarray([f"mlp{number}" for number in range(n)], dtype=object)

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the transformer."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags
