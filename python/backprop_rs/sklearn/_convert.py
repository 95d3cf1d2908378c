"""Convert fitted estimators from scikit-learn and to scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.neural_network import MLPRegressor as SklearnRegressor
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from ._base import BaseMLP
from ._classifier import MLPClassifier
from ._network import set_parameters
from ._regressor import MLPRegressor
from ._targets import Labels

# Fitted attributes that both estimators have.
ATTRIBUTES = (
    "n_iter_",
    "t_",
    "n_layers_",
    "n_outputs_",
    "out_activation_",
    "loss_",
    "loss_curve_",
    "best_loss_",
    "validation_scores_",
    "best_validation_score_",
    "classes_",
    "n_features_in_",
    "feature_names_in_",
    "_no_improvement_count",
)


def from_sklearn(mlp: Any) -> Any:
    """Return an estimator with the parameters, attributes and predictions of scikit-learn's.

    Parameters
    ----------
    mlp : fitted sklearn.neural_network.MLPClassifier or MLPRegressor

    Returns
    -------
    MLPClassifier or MLPRegressor
        `partial_fit` continues with a new optimizer.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> theirs = SklearnClassifier((8,), solver="lbfgs", random_state=0).fit(X, y)
    >>> bool((from_sklearn(theirs).predict(X) == theirs.predict(X)).all())
    True
    """
    if not isinstance(mlp, (SklearnClassifier, SklearnRegressor)):
        raise TypeError(
            f"mlp must be scikit-learn's MLPClassifier or MLPRegressor; got {type(mlp).__name__}"
        )
    check_is_fitted(mlp)
    ours: BaseMLP = (MLPClassifier if is_classifier(mlp) else MLPRegressor)(**mlp.get_params())
    copy_attributes(mlp, ours)
    if isinstance(ours, MLPClassifier):
        labels = mlp._label_binarizer
        ours._labels = Labels(labels.classes_, labels.y_type_, labels.sparse_input_)
    coefs, intercepts = mlp.coefs_, mlp.intercepts_
    sizes = [coefs[0].shape[0], *(w.shape[1] for w in coefs)]
    net = ours._make(sizes, np.asarray(coefs[0]).dtype.name)
    set_parameters(net, coefs, intercepts)
    ours._best = (net._core.weights(), net._core.biases())
    ours.validation_loss_curve_ = None
    return ours


def to_sklearn(mlp: Any) -> Any:
    """Return scikit-learn's estimator with the parameters, attributes and predictions of this one.

    Parameters
    ----------
    mlp : fitted MLPClassifier or MLPRegressor of this package

    Returns
    -------
    sklearn.neural_network.MLPClassifier or MLPRegressor
        `partial_fit` continues with a new optimizer.

    Raises
    ------
    ValueError
        If scikit-learn does not support an option of the network, such as its activation.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> ours = MLPClassifier((8,), solver="lbfgs", random_state=0).fit(X, y)
    >>> bool((to_sklearn(ours).predict(X) == ours.predict(X)).all())
    True
    """
    if not isinstance(mlp, BaseMLP):
        raise TypeError(
            "mlp must be an MLPClassifier or MLPRegressor of backprop_rs.sklearn; "
            f"got {type(mlp).__name__}"
        )
    check_is_fitted(mlp)
    check_supported(mlp)
    kind = SklearnClassifier if is_classifier(mlp) else SklearnRegressor
    names = kind().get_params()
    theirs = kind(**{name: value for name, value in mlp.get_params().items() if name in names})
    if mlp.activation == "sigmoid":
        theirs.set_params(activation="logistic")
    theirs.coefs_ = [w.copy() for w in mlp.coefs_]
    theirs.intercepts_ = [b.copy() for b in mlp.intercepts_]
    copy_attributes(mlp, theirs)
    theirs._best_coefs = [w.copy() for w in theirs.coefs_]
    theirs._best_intercepts = [b.copy() for b in theirs.intercepts_]
    if isinstance(mlp, MLPClassifier):
        theirs._label_binarizer = binarizer(mlp._labels)
    return theirs


def check_supported(mlp: BaseMLP) -> None:
    """Raise ValueError if scikit-learn does not support an option of the estimator."""
    activations = ("identity", "logistic", "sigmoid", "tanh", "relu")
    if mlp.activation not in activations:
        raise ValueError(
            f"activation must be one of {', '.join(activations)} for scikit-learn; "
            f"got {mlp.activation!r}"
        )
    for name in ("output_activation", "cost"):
        if getattr(mlp, name) is not None:
            raise ValueError(f"{name} must be None for scikit-learn; got {getattr(mlp, name)!r}")
    if mlp.solver not in ("sgd", "adam", "lbfgs"):
        raise ValueError(f"solver must be sgd, adam or lbfgs for scikit-learn; got {mlp.solver!r}")


def copy_attributes(source: Any, target: Any) -> None:
    """Copy the fitted attributes that `source` has."""
    for name in ATTRIBUTES:
        if hasattr(source, name):
            setattr(target, name, getattr(source, name))


def binarizer(labels: Labels) -> LabelBinarizer:
    """Return a fitted LabelBinarizer for the labels."""
    fitted = LabelBinarizer()
    fitted.y_type_ = labels.kind
    fitted.classes_ = labels.classes
    fitted.sparse_input_ = labels.sparse
    return fitted
