"""A `Model` of raw tables as an estimator of scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..model import Model
from ._bases import BaseEstimator, ClassifierMixin, RegressorMixin

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self


class ModelEstimator(BaseEstimator):
    """The common part: raw tables in, answers out.

    Parameters
    ----------
    model : Model
        Its options are those of `fit`, which trains a new model; this one is not changed.
    fit_options : dict, optional
        Options of `Model.fit`, such as `epochs`.

    Attributes
    ----------
    model_ : Model
        The fitted model.
    feature_names_in_ : ndarray of str
        The columns that it needs.
    n_features_in_ : int
    """

    model_: Model

    def __init__(self, model: Model, fit_options: dict[str, Any] | None = None) -> None:
        self.model = model
        self.fit_options = fit_options

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a new model with the options of `model`.

        Parameters
        ----------
        X : table-like
            A frame or another table of raw cells.
        y : array-like of shape (m,) or (m, k)
        sample_weight : (m,) array-like, optional

        Returns
        -------
        self
        """
        options = dict(self.fit_options or {})
        options.setdefault("progress", False)
        fitted = self.model.unfitted().fit(X, y, sample_weight=sample_weight, **options)
        return self._of(fitted)

    def _of(self, model: Model) -> Self:
        self.model_ = model
        self.feature_names_in_ = np.array(model.preprocessor.columns, object)
        self.n_features_in_ = len(self.feature_names_in_)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Return True if there is a fitted model."""
        return hasattr(self, "model_")

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the answers for raw rows, in the target's own type and units."""
        check_is_fitted(self)
        return self.model_.predict(X)

    def __sklearn_tags__(self) -> Any:
        """Return the tags: missing cells, texts and categories are accepted."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.required = True
        return tags


class ModelClassifier(ClassifierMixin, ModelEstimator):
    """A `Model` of classes as a classifier of scikit-learn; `Model.to_sklearn` returns it.

    Attributes
    ----------
    classes_ : ndarray
        The classes, in the order of `predict_proba`.

    Examples
    --------
    >>> table = {"x": [0, 1, 2, 3] * 5, "y": ["no", "no", "yes", "yes"] * 5}
    >>> model = Model(seed=0).fit(table, "y", epochs=50, progress=False)
    >>> model.to_sklearn().predict({"x": [0, 3]})
    array(['no', 'yes'], dtype='<U3')
    """

    def _of(self, model: Model) -> Self:
        target = model.preprocessor.target
        assert target is not None
        several = target.kind == "labels"
        self.classes_ = np.arange(len(target.names)) if several else target.class_array
        return super()._of(model)

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return the probability of each class, in the order of `classes_`, or of each label."""
        check_is_fitted(self)
        return self.model_.predict_proba(X)

    def __sklearn_tags__(self) -> Any:
        """Return the tags: several labels are accepted."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class ModelRegressor(RegressorMixin, ModelEstimator):
    """A `Model` of values as a regressor of scikit-learn; `Model.to_sklearn` returns it."""

    def __sklearn_tags__(self) -> Any:
        """Return the tags: several targets are accepted."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def estimator_of(model: Model) -> ModelClassifier | ModelRegressor:
    """Return the fitted estimator of a model."""
    target = model.preprocessor.target
    assert target is not None
    kind = ModelRegressor if target.kind == "values" else ModelClassifier
    return kind(model)._of(model)
