"""Make a `Network` from constructor parameters, and convert weights to scikit-learn's layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dense import Dense
from ..importing.estimator import RENAMED
from ..network import Network
from ._constraints import STOCHASTIC, entry

if TYPE_CHECKING:
    from .._internal.types import Array
    from ._types import Estimator

# Parameters of the estimators that are options of layers.
LAYER_OPTIONS = ("l1", "weight_decay", "max_norm")
SKLEARN_NAMES: dict[Any, str] = {name: sklearn_name for sklearn_name, name in RENAMED.items()}


def network(mlp: Estimator, sizes: Sequence[int], dtype: str) -> Network:
    """Return a network with the given sizes; all of its parameters are zero."""
    hidden = len(sizes) - 2
    activations = per_layer("activation", mlp.activation, hidden)
    options: dict[str, Any] = {
        name: per_layer(name, getattr(mlp, name), hidden + 1) for name in LAYER_OPTIONS
    }
    options["l2"] = [mlp.alpha / 2] * (hidden + 1)
    options["dropout"] = [*per_layer("dropout", mlp.dropout, hidden), 0.0]
    layers = []
    for i, n in enumerate(sizes[1:]):
        of_layer: dict[str, Any] = {name: float(values[i]) for name, values in options.items()}
        layers.append(Dense(int(n), None, **of_layer))
    return Network(
        [int(sizes[0]), *layers],
        [entry("activation", activation) for activation in activations],
        entry("activation", mlp._output()),
        entry("cost", mlp._cost(sizes[-1])),
        init="zeros",
        dtype=dtype,
        seed=0,
        backend=mlp.backend,
    )


def per_layer(name: str, values: Any, n: int) -> list[Any]:
    """Return a list with one value for each of n layers."""
    if not isinstance(values, (list, tuple)):
        return [values] * n
    if len(values) != n:
        raise ValueError(f"{name} must be one or a list of {n}, one per layer; got {len(values)}")
    return list(values)


def settings_of(mlp: Estimator, sizes: Sequence[int], dtype: str) -> tuple[Any, ...]:
    """Return the parameters that the network depends on, to find out whether they changed."""
    names = ["activation", "alpha", "dropout", *LAYER_OPTIONS, "backend", "sklearn_compat"]
    parameters = [repr(getattr(mlp, name)) for name in names]
    return (*parameters, mlp._output(), mlp._cost(sizes[-1]), tuple(sizes), dtype)


def sizes_of(coefs: Sequence[Array]) -> list[int]:
    """Return the sizes of all layers from coefficients (n_in, n_out)."""
    return [coefs[0].shape[0], *(w.shape[1] for w in coefs)]


def draw_parameters(mlp: Estimator, sizes: Sequence[int]) -> tuple[list[Array], list[Array]]:
    """Draw initial coefficients and intercepts as scikit-learn does.

    They are uniform within sqrt(factor / (n_in + n_out)); factor is 2 for logistic activations
    and 6 otherwise (Glorot and Bengio, 2010).
    """
    random = mlp._random_state
    activations = per_layer("activation", mlp.activation, len(sizes) - 2)
    # scikit-learn uses the hidden activation for the output layer too.
    default = "relu" if isinstance(mlp.activation, (list, tuple)) else mlp.activation
    activations.append(activations[0] if activations else default)
    coefs, intercepts = [], []
    for n_in, n_out, activation in zip(sizes, sizes[1:], activations, strict=False):
        logistic = entry("activation", activation) == "sigmoid"
        bound = np.sqrt((2.0 if logistic else 6.0) / (n_in + n_out))
        coefs.append(random.uniform(-bound, bound, (n_in, n_out)))
        intercepts.append(random.uniform(-bound, bound, n_out))
    return coefs, intercepts


def set_parameters(net: Network, coefs: Sequence[Any], intercepts: Sequence[Any]) -> None:
    """Set coefficients (n_in, n_out) and intercepts (n_out,); keep the state of the optimizer."""
    weights = [np.ascontiguousarray(np.asarray(w, net.dtype).T) for w in coefs]
    net._core.set_weights(weights)
    net._core.set_biases([np.ascontiguousarray(b, net.dtype) for b in intercepts])


def coefs_of(net: Network) -> list[Array]:
    """Return copies of the weights, (n_in, n_out) each."""
    return [np.ascontiguousarray(w.T) for w in net._core.weights()]


def optimizer(mlp: Estimator) -> Any:
    """Return the optimizer of the solver."""
    if mlp.solver == "sgd":
        nesterov = int(bool(mlp.nesterovs_momentum))
        momentum = float(mlp.momentum)
        with_momentum = f"sgd(momentum={momentum!r}, nesterov={nesterov}, velocity=1)"
        return entry("optimizer", with_momentum if momentum else "sgd")
    if mlp.solver == "adam":
        betas = f"beta1={float(mlp.beta_1)!r}, beta2={float(mlp.beta_2)!r}"
        return entry("optimizer", f"adam({betas}, epsilon={float(mlp.epsilon)!r}, epsilon_hat=1)")
    assert mlp.solver not in STOCHASTIC
    return entry("optimizer", mlp.solver)
