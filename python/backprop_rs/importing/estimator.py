"""scikit-learn's fitted MLPs as networks.

Nothing of scikit-learn is imported: the fitted attributes say all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal import checks

if TYPE_CHECKING:
    from ..network import Network

# Their names for rows of our table of activations; the others are called the same.
OURS = {"logistic": "sigmoid", "exp": "exponential"}
FITTED = ("coefs_", "intercepts_", "activation", "out_activation_")

# scikit-learn halves the squared error, and takes its mean over the outputs.
COSTS = {"squared_error": "mean_squared_error(0.5)", "poisson": "poisson"}


def network_of(cls: type[Network], mlp: Any, backend: str) -> Network:
    """See `Network.from_sklearn`."""
    missing = [name for name in FITTED if not hasattr(mlp, name)]
    if missing:
        raise (TypeError if "activation" in missing else ValueError)(
            "mlp must be a fitted MLPClassifier or MLPRegressor; "
            f"got {type(mlp).__name__} without {missing[0]}"
        )
    weights = [np.asarray(w).T for w in mlp.coefs_]
    hidden = mlp.activation
    if isinstance(hidden, str):
        hidden = [hidden] * (len(weights) - 1)
    net = cls(
        [weights[0].shape[1], *(len(w) for w in weights)],
        [name(one) for one in hidden],
        name(mlp.out_activation_),
        cost(mlp),
        init=weights,
        dtype=checks.dtype(weights[0].dtype),
        backend=backend,
    )
    net.biases = list(mlp.intercepts_)
    net.epochs_trained = int(getattr(mlp, "n_iter_", 0))
    net.metadata = metadata(mlp, len(weights[-1]))
    return net


def name(theirs: Any) -> Any:
    return OURS.get(theirs, theirs) if isinstance(theirs, str) else theirs


def cost(mlp: Any) -> Any:
    """What it has minimised; a cost of ours where its class has one."""
    if getattr(mlp, "cost", None) is not None:
        return mlp.cost
    if hasattr(mlp, "classes_"):
        return "cross_entropy"
    return COSTS[getattr(mlp, "loss", "squared_error")]


def metadata(mlp: Any, n_outputs: int) -> dict[str, Any]:
    """The names of features and classes, as `save`, `export` and the command line know them."""
    kept: dict[str, Any] = {}
    if hasattr(mlp, "feature_names_in_"):
        kept["feature_names"] = [str(name) for name in mlp.feature_names_in_]
    classes = getattr(mlp, "classes_", None)
    if classes is not None and len(classes) in (n_outputs, 2) and not is_multilabel(mlp):
        kept["class_names"] = [plain(name) for name in classes]
    return kept


def is_multilabel(mlp: Any) -> bool:
    """Whether each output is a question of its own."""
    return bool(mlp.out_activation_ == "logistic" and mlp.n_outputs_ > 1)


def plain(name: Any) -> str | int:
    """A class as JSON can hold it: a whole number, or its text."""
    name = name.item() if isinstance(name, np.generic) else name
    if isinstance(name, float) and name.is_integer():
        return int(name)
    return name if type(name) is int else str(name)
