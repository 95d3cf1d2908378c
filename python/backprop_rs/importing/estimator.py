"""Import the fitted MLPs of scikit-learn.

Only their fitted attributes are read; scikit-learn is not imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal import checks

if TYPE_CHECKING:
    from ..base_network import BaseNetwork

# Activations that have another name in scikit-learn, and their names here.
RENAMED = {"logistic": "sigmoid", "exp": "exponential"}
FITTED = ("coefs_", "intercepts_", "activation", "out_activation_")

# scikit-learn halves the squared error and averages it over the outputs.
COSTS = {"squared_error": "mean_squared_error(0.5)", "poisson": "poisson"}


def network_of(cls: type[BaseNetwork], mlp: Any, backend: str) -> BaseNetwork:
    """Return the network of a fitted MLP; see `Network.from_sklearn`."""
    missing = [name for name in FITTED if not hasattr(mlp, name)]
    if missing:
        raise (TypeError if "activation" in missing else ValueError)(
            "mlp must be a fitted MLPClassifier or MLPRegressor; "
            f"got {type(mlp).__name__} without {missing[0]}"
            + ("; Model.from_sklearn takes a pipeline" if hasattr(mlp, "steps") else "")
        )
    weights = [np.asarray(w).T for w in mlp.coefs_]
    hidden = mlp.activation
    if isinstance(hidden, str):
        hidden = [hidden] * (len(weights) - 1)
    net = cls(
        [weights[0].shape[1], *(len(w) for w in weights)],
        [activation_of(text) for text in hidden],
        activation_of(mlp.out_activation_),
        cost_of(mlp),
        init=weights,
        dtype=checks.dtype(weights[0].dtype),
        backend=backend,
    )
    net.biases = list(mlp.intercepts_)
    net.epochs_trained = int(getattr(mlp, "n_iter_", 0))
    net.metadata = metadata_of(mlp, len(weights[-1]))
    return net


def activation_of(name: Any) -> Any:
    """Return the activation that scikit-learn calls `name`; an object stays the same."""
    return RENAMED.get(name, name) if isinstance(name, str) else name


def cost_of(mlp: Any) -> Any:
    """Return the cost that the estimator has minimized, without its penalty."""
    if getattr(mlp, "cost", None) is not None:  # an estimator of this package
        return mlp.cost
    if hasattr(mlp, "classes_"):
        return "cross_entropy"
    return COSTS[getattr(mlp, "loss", "squared_error")]


def metadata_of(mlp: Any, n_outputs: int) -> dict[str, Any]:
    """Return the names of features and classes for `BaseNetwork.metadata`."""
    metadata: dict[str, Any] = {}
    if hasattr(mlp, "feature_names_in_"):
        metadata["feature_names"] = [str(name) for name in mlp.feature_names_in_]
    classes = getattr(mlp, "classes_", None)
    if classes is None or len(classes) < 2 or is_multilabel(mlp):
        return metadata
    if len(classes) in (n_outputs, 2):
        metadata["class_names"] = [json_label(name) for name in classes]
    return metadata


def is_multilabel(mlp: Any) -> bool:
    """Return True if each output is a separate yes-or-no question."""
    for labels, kind in (("_labels", "kind"), ("_label_binarizer", "y_type_")):
        known = getattr(getattr(mlp, labels, None), kind, None)
        if isinstance(known, str):
            return known.startswith("multilabel")
    return bool(mlp.out_activation_ == "logistic" and mlp.n_outputs_ > 1)


def json_label(name: Any) -> str | int | float | bool:
    """Return a class in the type of JSON that is its own: text, number or boolean."""
    name = name.item() if isinstance(name, np.generic) else name
    return name if type(name) in (int, float, bool) else str(name)
