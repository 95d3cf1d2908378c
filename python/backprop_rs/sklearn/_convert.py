"""From scikit-learn's MLPs to ours and back, fitted as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from ._base import BaseMLP
from ._classifier import MLPClassifier
from ._network import put
from ._regressor import MLPRegressor
from ._targets import Labels

# What a training has left behind, the same on both sides.
ATTRIBUTES = (
    *("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "loss_", "loss_curve_"),
    *("best_loss_", "validation_scores_", "best_validation_score_", "classes_"),
    *("n_features_in_", "feature_names_in_", "_no_improvement_count"),
)


def from_sklearn(mlp: Any) -> Any:
    """Our estimator with the parameters, attributes and predictions of scikit-learn's.

    Parameters
    ----------
    mlp : fitted sklearn.neural_network.MLPClassifier or MLPRegressor

    Returns
    -------
    MLPClassifier or MLPRegressor
        `partial_fit` goes on with a new optimiser.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> theirs = TheirClassifier((8,), solver="lbfgs", random_state=0).fit(X, y)
    >>> bool((from_sklearn(theirs).predict(X) == theirs.predict(X)).all())
    True
    """
    if not isinstance(mlp, (TheirClassifier, TheirRegressor)):
        raise TypeError(
            "from_sklearn must get scikit-learn's MLPClassifier or MLPRegressor; "
            f"got {type(mlp).__name__}"
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
    put(net, coefs, intercepts)
    ours._best = (net._core.weights(), net._core.biases())
    ours.validation_loss_curve_ = None
    return ours


def to_sklearn(mlp: Any) -> Any:
    """scikit-learn's estimator with the parameters, attributes and predictions of ours.

    Parameters
    ----------
    mlp : fitted MLPClassifier or MLPRegressor of this package

    Returns
    -------
    sklearn.neural_network.MLPClassifier or MLPRegressor
        `partial_fit` goes on with a new optimiser.

    Raises
    ------
    ValueError
        Where scikit-learn has not what the network needs, such as its activations.

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
            "to_sklearn must get an MLPClassifier or MLPRegressor of backprop_rs.sklearn; "
            f"got {type(mlp).__name__}"
        )
    check_is_fitted(mlp)
    check_has_twin(mlp)
    kind = TheirClassifier if is_classifier(mlp) else TheirRegressor
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


def check_has_twin(mlp: BaseMLP) -> None:
    """Refuses what scikit-learn cannot compute."""
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
    for name in ATTRIBUTES:
        if hasattr(source, name):
            setattr(target, name, getattr(source, name))


def binarizer(labels: Labels) -> LabelBinarizer:
    """scikit-learn's way from labels to columns."""
    made = LabelBinarizer()
    made.y_type_, made.classes_, made.sparse_input_ = labels.kind, labels.classes, labels.sparse
    return made
