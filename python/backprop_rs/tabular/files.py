"""Estimators from the files of their models."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

import numpy as np

from ..data.target_encoder import TargetEncoder
from ..model import Model
from ..training.metrics import METRICS
from .base import TabularEstimator
from .classifier import TabularClassifier, classes_of
from .importance import Importance
from .intervals import Spread
from .regressor import TabularRegressor
from .scoring import Scoring

CLASSES: dict[str, type[TabularEstimator]] = {
    "TabularClassifier": TabularClassifier,
    "TabularRegressor": TabularRegressor,
}


def from_model(model: Model) -> TabularEstimator:
    """Return the estimator that a model of a file describes.

    Raises
    ------
    ValueError, TypeError, KeyError
        If the description does not fit the model.
    """
    values: Any = model.estimator
    if not isinstance(values, dict) or values.get("class") not in CLASSES:
        raise ValueError(f"an estimator must be one of {', '.join(CLASSES)}")
    cls = CLASSES[values["class"]]
    target = model.preprocessor.target
    assert target is not None
    if (target.kind == "values") == cls.predicts_classes:
        raise ValueError(f"a {cls.__name__} must have a target of its kind")
    estimator = cls(**known_parameters(cls, values["parameters"]))
    names = tuple(map(str, values["names"]))
    if not set(model.preprocessor.columns) <= set(names):
        raise ValueError("an estimator must have the columns of its model")
    estimator.model_ = model
    estimator._columns, estimator._named = names, bool(values["named"])
    estimator.n_features_in_ = len(names)
    if estimator._named:
        estimator.feature_names_in_ = np.array(names, object)
    estimator.temperature_ = model.temperature
    estimator.encoding_weights_ = {
        str(name): float(weight) for name, weight in values["encoding_weights"].items()
    }
    estimator._scoring = scoring_of(values["metric"], target)
    estimator._sample, estimator._importance = None, None
    if "importance" in values:
        estimator._importance = importance_from(values["importance"], names)
    finish(estimator, target, values)
    return estimator


def finish(estimator: TabularEstimator, target: TargetEncoder, values: Mapping[str, Any]) -> None:
    """Set what only classifiers or only regressors have."""
    if isinstance(estimator, TabularRegressor):
        spreads = [Spread.from_dict(each) for each in values["residuals"]]
        if len(spreads) != len(target.names):
            raise ValueError("a TabularRegressor must have residuals of each column")
        estimator._spreads = spreads
    elif isinstance(estimator, TabularClassifier):
        estimator.classes_ = classes_of(target)


def known_parameters(cls: type[TabularEstimator], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a file that the class has."""
    known = signature(cls).parameters
    return {name: value for name, value in values.items() if name in known}


def scoring_of(name: Any, target: TargetEncoder) -> Scoring:
    """Return the scoring by a metric of the table; others are not in a file."""
    return Scoring(target, METRICS.get(name) if isinstance(name, str) else None)


def importance_from(values: Mapping[str, Any], names: tuple[str, ...]) -> Importance:
    """Return the importances of a file."""
    mean, std = (np.array(values[key], np.float64) for key in ("mean", "std"))
    if not mean.shape == std.shape == (len(names),):
        raise ValueError("importances must be those of the columns")
    return Importance(names, mean, std, str(values["metric"]))
