"""From constructor parameters to a `Network`, and its parameters as scikit-learn has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dense import Dense
from ..importing.estimator import RENAMED
from ..network import Network
from ._constraints import STOCHASTIC, row

if TYPE_CHECKING:
    from .._internal.types import Array
    from ._base import BaseMLP

# What a layer may have beside its activation, as parameters of the estimators.
PER_LAYER = ("l1", "weight_decay", "max_norm")
THEIRS: dict[Any, str] = {ours: theirs for theirs, ours in RENAMED.items()}


def network(mlp: BaseMLP, sizes: Sequence[int], dtype: str) -> Network:
    """A network of these sizes whose parameters are zero."""
    hidden = len(sizes) - 2
    activations = one_a_layer("activation", mlp.activation, hidden, (list, tuple))
    options: dict[str, Any] = {
        name: one_a_layer(name, getattr(mlp, name), hidden + 1) for name in PER_LAYER
    }
    options["l2"] = [mlp.alpha / 2] * (hidden + 1)
    options["dropout"] = [*one_a_layer("dropout", mlp.dropout, hidden), 0.0]
    layers = []
    for i, n in enumerate(sizes[1:]):
        own: dict[str, Any] = {name: float(values[i]) for name, values in options.items()}
        layers.append(Dense(int(n), None, **own))
    return Network(
        [int(sizes[0]), *layers],
        [row("activation", one) for one in activations],
        row("activation", mlp._output()),
        row("cost", mlp._cost(sizes[-1])),
        init="zeros",
        dtype=dtype,
        seed=0,
        backend=mlp.backend,
    )


def one_a_layer(name: str, given: Any, n: int, lists: Any = (list, tuple)) -> list[Any]:
    """A value for each of n layers."""
    if not isinstance(given, lists):
        return [given] * n
    if len(given) != n:
        raise ValueError(f"{name} must be one or a list of {n}, one a layer; got {len(given)}")
    return list(given)


def settings_of(mlp: BaseMLP, sizes: Sequence[int], dtype: str) -> tuple[Any, ...]:
    """What decides on the network, to see whether it is still the right one."""
    names = ("activation", "alpha", "dropout", *PER_LAYER, "backend", "sklearn_compat")
    given = [repr(getattr(mlp, name)) for name in names]
    return (*given, mlp._output(), mlp._cost(sizes[-1]), tuple(sizes), dtype)


def sizes_of(coefs: Sequence[Array]) -> list[int]:
    """The sizes of the layers that coefficients (n_in, n_out) stand between."""
    return [coefs[0].shape[0], *(w.shape[1] for w in coefs)]


def draw(mlp: BaseMLP, sizes: Sequence[int]) -> tuple[list[Array], list[Array]]:
    """First coefficients and intercepts, as scikit-learn draws them: uniform within
    sqrt(factor / (n_in + n_out)), where factor is 2 for logistic activations, otherwise 6
    (Glorot and Bengio, 2010)."""
    random = mlp._random_state
    activations = one_a_layer("activation", mlp.activation, len(sizes) - 2)
    # The output layer is drawn by the hidden activation too, even if there is no hidden layer.
    alone = "relu" if isinstance(mlp.activation, (list, tuple)) else mlp.activation
    activations.append(activations[0] if activations else alone)
    coefs, intercepts = [], []
    for n_in, n_out, activation in zip(sizes, sizes[1:], activations, strict=False):
        logistic = row("activation", activation) == "sigmoid"
        bound = np.sqrt((2.0 if logistic else 6.0) / (n_in + n_out))
        coefs.append(random.uniform(-bound, bound, (n_in, n_out)))
        intercepts.append(random.uniform(-bound, bound, n_out))
    return coefs, intercepts


def put(net: Network, coefs: Sequence[Any], intercepts: Sequence[Any]) -> None:
    """Give a network coefficients (n_in, n_out) and intercepts (n_out,); its optimiser goes on."""
    turned = [np.ascontiguousarray(np.asarray(w, net.dtype).T) for w in coefs]
    net._core.set_weights(turned)
    net._core.set_biases([np.ascontiguousarray(b, net.dtype) for b in intercepts])


def coefs_of(net: Network) -> list[Array]:
    """Copies of the weights, (n_in, n_out) each."""
    return [np.ascontiguousarray(w.T) for w in net._core.weights()]


def optimizer(mlp: BaseMLP) -> Any:
    """The row of the table of optimisers that the solver stands for."""
    if mlp.solver == "sgd":
        nesterov = int(bool(mlp.nesterovs_momentum))
        momentum = float(mlp.momentum)
        given = f"sgd(momentum={momentum!r}, nesterov={nesterov}, velocity=1)"
        return row("optimizer", given if momentum else "sgd")
    if mlp.solver == "adam":
        betas = f"beta1={float(mlp.beta_1)!r}, beta2={float(mlp.beta_2)!r}"
        return row("optimizer", f"adam({betas}, epsilon={float(mlp.epsilon)!r}, epsilon_hat=1)")
    assert mlp.solver not in STOCHASTIC
    return row("optimizer", mlp.solver)
