"""The network: the layers forward, then the error terms backward."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partialmethod
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._internal import error
from .._internal.types import Array
from ..tables.activation import Activation, activation
from ..tables.cost import ALL_OUTPUTS, Cost
from ..tables.cost import cost as cost_of
from ..tables.embedding import Parts
from ..tables.groups import GROUPS, Factors
from ..tables.init import drawn
from ..tables.init import init as init_of
from ..tables.optimizer import optimizer
from .embeddings import Embeddings
from .layer import PARTS, Gradients, Layer, Options

DECAY = {group.name: group.decay for group in GROUPS}
# The embedded inputs e, s e and dC/d(s e).
OfInputs: TypeAlias = tuple[Array | None, Array | None, Array | None]


class Layers:
    """The layers of a dense network with its cost and its optimizer; all parameters are zero.

    X is (m, n_0) and y is (m, n_L), both of the network's dtype, or y is (m,) class labels.
    `backend.Network` adds the training.

    >>> layers = Layers([2, 3, 2], ["sigmoid", "sigmoid"], "squared_error", "float64")
    >>> layers.predict(np.ones((1, 2)))
    array([[0.5, 0.5]])
    """

    def __init__(
        self,
        sizes: list[int],
        activations: Sequence[Any],
        cost: Any,
        dtype: str,
        options: Sequence[Mapping[str, Any]] | None = None,
        input_scale: bool = False,
        embeddings: Parts | None = None,
    ) -> None:
        """Allocate the layers; `options` has the settings of each."""
        if len(sizes) < 2 or min(sizes) < 1:
            raise error.bad_sizes(sizes)
        chosen = [activation(text) for text in activations]
        self._cost = check_output(sizes, chosen, cost_of(cost))
        self._output = chosen[-1]
        settings = [Options(**layer) for layer in options or [{}] * len(chosen)]
        if settings[-1].parametric:
            raise error.parametric_output()
        embedded = Embeddings(sizes[0], embeddings, dtype) if embeddings else None
        self._widths = [embedded.n_out if embedded else sizes[0], *sizes[1:]]
        every = zip(self._widths[:-1], self._widths[1:], chosen, settings, strict=True)
        (n_in, n_out, sigma, own), *others = every
        first = Layer(n_in, n_out, sigma, dtype, own, input_scale, embedded)
        self._layers = [
            first,
            *(Layer(n_in, n_out, sigma, dtype, own) for n_in, n_out, sigma, own in others),
        ]
        self._averaged: dict[str, Array] | None = None
        self._optimizer = optimizer("sgd")
        self.sizes = list(sizes)
        self.activations = [getattr(choice, "name", choice) for choice in activations]
        self.cost = getattr(cost, "name", cost)
        self.dtype = dtype

    def forward(
        self, X: Array, masks: Sequence[Array | None] | None = None
    ) -> tuple[list[Array], list[Array]]:
        """Return [z1, ..., zL] and [a0, a1, ..., aL] for X (m, n_0) under masks of dropout."""
        first = self._layers[0]
        zs, activations, seen = [], [X], first.scaled(first.embedded(X))
        for l, layer in enumerate(self._layers):  # noqa: E741 (l as in the derivation)
            z, a = layer.forward(seen)
            zs.append(z)
            activations.append(a)
            seen = masked(a, masks, l)
        return zs, activations

    def passes(
        self,
        X: Array,
        y: NDArray[Any],
        sample_weight: Array | None = None,
        masks: Sequence[Array | None] | None = None,
    ) -> tuple[float, list[Array], list[Array], list[Array], Gradients, OfInputs]:
        """Return C, zs, activations, deltas (per sample) and the gradients of each layer.

        The last entry has the embedded inputs e, s e and dC/d(s e) (per sample); None without
        embeddings or factors of the inputs.
        """
        zs, activations = self.forward(X, masks)
        y = self.targets(y)
        layers = self._layers
        output = (self._output, layers[-1].seen(zs[-1]), activations[-1], y)
        weights = np.ones(len(X)) if sample_weight is None else sample_weight
        m = float(weights.sum()) or np.inf  # without any weight, cost and gradient are 0
        cost = float((weights * self._cost.of_samples(*output)).sum() / m)

        delta = self._cost.delta(*output)  # the output layer
        delta = delta if sample_weight is None else weights[:, None] * delta
        through = [layers[-1].delta(zs[-1], delta, m)]
        alphas: list[Array | None] = [None] * len(layers)
        for l in reversed(range(1, len(layers))):  # noqa: E741 (l as in the derivation)
            grad_a = masked(layers[l].grad_a_prev(through[0][0]), masks, l - 1)
            before, z = layers[l - 1], zs[l - 1]
            delta, alphas[l - 1] = before.activation_delta(before.seen(z), activations[l], grad_a)
            through.insert(0, before.delta(z, delta, m))  # eq. 11

        deltas = [delta for delta, _, _ in through]
        embedded = layers[0].embedded(X)
        scaled = layers[0].scaled(embedded)
        seen = [scaled, *(masked(a, masks, l) for l, a in enumerate(activations[1:-1]))]  # noqa: E741
        gradients: Gradients = {name: [] for name in PARTS}
        for layer, (delta, *of_norm), a_prev in zip(layers, through, seen, strict=True):
            parts = [*layer.backward(delta, a_prev, m), *of_norm, None, None, None]
            for name, gradient in zip(PARTS, parts, strict=True):
                gradients[name].append(gradient)
        gradients["alphas"] = [None if each is None else each.sum(axis=0) / m for each in alphas]
        shown = None if layers[0].embeddings is None else embedded
        if not layers[0].learns_inputs:
            return cost, zs, activations, deltas, gradients, (shown, None, None)
        input_delta, scales = layers[0].grad_a_prev(deltas[0]), layers[0].scales
        delta = input_delta if scales is None else scales * input_delta
        if scales is not None:
            gradients["scales"][0] = (embedded * input_delta).sum(axis=0) / m
        if layers[0].embeddings is not None and layers[0].embeddings.theta.size:
            gradients["embeddings"][0] = layers[0].embeddings.backward(X, delta, m)
        seen_scaled = None if scales is None else scaled
        return cost, zs, activations, deltas, gradients, (shown, seen_scaled, input_delta)

    def step(
        self,
        X: Array,
        y: NDArray[Any],
        learning_rate: float,
        sample_weight: Array | None = None,
    ) -> float:
        """Update all parameters with the averaged gradient; return C before the update."""
        cost, *_, gradients, _ = self.passes(X, y, sample_weight)
        self._averaged = None  # a moving average does not include this step
        self.descend(gradients, learning_rate)
        return cost

    def descend(
        self,
        gradients: Gradients,
        learning_rate: float,
        penalty_scale: float = 1.0,
        decay_scale: float = 1.0,
        factors: Factors | None = None,
    ) -> None:
        """Update all parameters along their gradients, with the penalties of the layers.

        `factors` are those of the learning rate and of the decay of each group and layer.
        """
        rule = self._optimizer
        rule.tick()
        for l, layer in enumerate(self._layers):  # noqa: E741 (l as in the derivation)
            slope = gradients["weights"][l]
            assert slope is not None
            gradients["weights"][l] = slope + penalty_scale * layer.penalty_slope()
            decay = rule.weight_decay + layer.options.weight_decay
            for name, theta in layer.parameters().items():
                gradient = gradients[name][l]
                assert gradient is not None
                rate_factor, decay_factor = factors[name][l] if factors else (1.0, DECAY[name])
                if decay and decay_factor:
                    theta -= learning_rate * decay_scale * decay_factor * decay * theta
                rule.update(f"{name}.{l + 1}", theta, gradient, learning_rate, rate_factor)
            layer.limit_norms()

    def backward(
        self, X: Array, y: NDArray[Any], sample_weight: Array | None = None
    ) -> tuple[Any, ...]:
        """Return C, zs, activations, deltas, the gradients of the layers, and those of the inputs.

        They are dC/dw, dC/db, dC/dgain, dC/dshift and dC/dalpha; then a tuple of the embedded
        inputs e, s e, dC/d(s e), dC/ds and the gradient of the embeddings, None without any.
        """
        *trace, gradients, of_inputs = self.passes(X, y, sample_weight)
        *of_layers, scales, embeddings, alphas = gradients.values()
        return (*trace, *of_layers, alphas, (*of_inputs, scales[0], embeddings[0]))

    def gradient(
        self, X: Array, y: NDArray[Any], sample_weight: Array | None = None
    ) -> tuple[Any, ...]:
        """Return C, the gradients of the layers (as `backward`), and those of the inputs."""
        cost, *_, gradients, _ = self.passes(X, y, sample_weight)
        *of_layers, scales, embeddings, alphas = gradients.values()
        return (cost, *of_layers, alphas, scales[0], embeddings[0])

    def predict(self, X: Any, out: Any = None) -> Array | None:
        """Return the output activations, or None if an argument needs a check or a copy first."""
        n_in, n_out = self.sizes[0], self.sizes[-1]
        if not (is_ready(X, self.dtype) and X.shape[-1] == n_in and np.isfinite(X).all()):
            return None
        shape = (*X.shape[:-1], n_out)
        if out is not None and not (
            is_ready(out, self.dtype) and out.shape == shape and out.flags.writeable
        ):
            return None
        result = self.forward(X.reshape(-1, n_in))[1][-1].reshape(shape)
        if out is None:
            return result
        out[...] = result
        return out  # type: ignore[no-any-return]

    def activations_of(self, X: Array) -> list[Array]:
        """Return [a0, a1, ..., aL]."""
        return self.forward(X)[1]

    def embedded(self, X: Array) -> Array:
        """Return the inputs of the first layer before their factors."""
        return self._layers[0].embedded(X)

    def costs(self, X: Array, y: NDArray[Any]) -> NDArray[np.float64]:
        """Return the cost of each sample, (m,)."""
        zs, activations = self.forward(X)
        z = self._layers[-1].seen(zs[-1])
        output = (self._output, z, activations[-1], self.targets(y))
        return self._cost.of_samples(*output).astype(np.float64)

    def mean_cost(self, X: Array, y: NDArray[Any], sample_weight: Array | None = None) -> float:
        """Return C = 1/m sum_i C_i, or the weighted mean."""
        costs = self.costs(X, y)
        if sample_weight is None:
            return float(costs.mean())
        return float((sample_weight * costs).sum() / (sample_weight.sum() or np.inf))

    def targets(self, y: NDArray[Any]) -> Array:
        """Return y (m, n_L); class labels become one-hot rows."""
        if y.ndim == 2:
            return y
        n_out = self.sizes[-1]
        beyond = (y < 0) | (y >= n_out)
        if beyond.any():  # they were checked, so another thread has changed them
            raise error.changed_label(n_out, y[beyond.argmax()])
        one_hot: Array = np.zeros((len(y), n_out), self.dtype)
        one_hot[np.arange(len(y)), y] = 1
        return one_hot

    def initialize(self, init: str, seed: int) -> None:
        """Draw all parameters."""
        self._averaged = None
        names = [layer.activation.name for layer in self._layers]
        parameters = drawn(init_of(init), pairwise(self._widths), names, seed)
        for layer, (w, b) in zip(self._layers, parameters, strict=True):
            layer.w[...], layer.b[...] = w, b
            if layer.norm is not None:
                layer.norm.gain[...], layer.norm.shift[...] = 1, 0
            if layer.scales is not None:
                layer.scales[...] = 1
            if layer.alphas is not None:
                layer.alphas[...] = 1
            if layer.embeddings is not None:
                layer.embeddings.initialize(seed)

    def weights(self) -> list[Array]:
        """Return copies of the weights, (n_out, n_in) for each layer."""
        return [layer.w.copy() for layer in self._layers]

    def biases(self) -> list[Array]:
        """Return copies of the biases, (n_out,) for each layer."""
        return [layer.b.copy() for layer in self._layers]

    def gains(self) -> list[Array | None]:
        """Return copies of the gains; None for layers without layer normalization."""
        return [None if layer.norm is None else layer.norm.gain.copy() for layer in self._layers]

    def shifts(self) -> list[Array | None]:
        """Return copies of the shifts; None for layers without layer normalization."""
        return [None if layer.norm is None else layer.norm.shift.copy() for layer in self._layers]

    def alphas(self) -> list[Array | None]:
        """Return copies of the alphas; None for layers that are not parametric."""
        return [None if layer.alphas is None else layer.alphas.copy() for layer in self._layers]

    def scales(self) -> Array | None:
        """Return a copy of the factors of the inputs, (n_0,); None if there are none."""
        scales = self._layers[0].scales
        return None if scales is None else scales.copy()

    def set_scales(self, scales: Array) -> None:
        """Replace the factors of the inputs."""
        self.set_part("scales", [scales, *[None] * (len(self._layers) - 1)])

    def embeddings(self) -> Array | None:
        """Return a copy of the parameters of the embeddings; None if they learn nothing."""
        theta = self._layers[0].parameters().get("embeddings")
        return None if theta is None else theta.copy()

    def set_embeddings(self, embeddings: Array) -> None:
        """Replace the parameters of the embeddings."""
        self.set_part("embeddings", [embeddings, *[None] * (len(self._layers) - 1)])

    def set_part(self, name: str, arrays: Sequence[Array | None]) -> None:
        """Replace one part of each layer."""
        self._averaged = None  # it belongs to the parameters before
        for layer, array in zip(self._layers, arrays, strict=True):
            if array is not None:
                layer.parameters()[name][...] = array

    def is_finite(self) -> bool:
        """Return True if no parameter is NaN or infinite."""
        arrays = [array for layer in self._layers for array in layer.parameters().values()]
        return all(bool(np.isfinite(array).all()) for array in arrays)

    set_weights = partialmethod(set_part, "weights")
    set_biases = partialmethod(set_part, "biases")
    set_gains = partialmethod(set_part, "gains")
    set_shifts = partialmethod(set_part, "shifts")
    set_alphas = partialmethod(set_part, "alphas")

    def set_optimizer(self, rule: str) -> None:
        """Start with an optimizer whose memory is empty."""
        self._optimizer = optimizer(rule)

    def parameters(self) -> dict[str, Array]:
        """Return every array that training changes, by its name."""
        return {
            f"{name}.{number}": theta
            for name in PARTS
            for number, layer in enumerate(self._layers, 1)
            for part, theta in layer.parameters().items()
            if part == name
        }

    def state(self) -> dict[str, Any]:
        """Return copies of all that a training needs besides its settings and data, by name."""
        state: dict[str, Any] = {}
        for name, theta in self.parameters().items():
            state[name] = theta.copy()
            for kept, array in self._optimizer.kept(name, theta).items():
                state[f"optimizer.{kept}.{name}"] = array.copy()
            if self._averaged is not None:
                state[f"averaged.{name}"] = self._averaged[name].copy()
        return state | {"updates": self._optimizer.updates, "momentum_product": 1.0}

    def snapshot(self, interrupted: Callable[[], bool] | None = None) -> Snapshot | None:
        """Return a copy of the state for `go_back` of this network, or None if interrupted."""
        return None if interrupted and interrupted() else Snapshot(self.state())

    def go_back(self, snapshot: Snapshot) -> None:
        """Return to a snapshot of this network."""
        self.set_state(snapshot.state)

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take the `state` of a network with the same layers and optimizer."""
        parameters = self.parameters()
        averaged = "averaged.weights.1" in state
        places = dict(parameters)
        for name, theta in parameters.items():
            memory = self._optimizer.kept(name, theta)
            places |= {f"optimizer.{kept}.{name}": array for kept, array in memory.items()}
            if averaged:
                places[f"averaged.{name}"] = np.zeros_like(theta)
        for key, array in places.items():
            if np.shape(state.get(key, ())) != array.shape:
                raise error.foreign_state(key)
        for key, array in places.items():
            array[...] = state[key]
        names = parameters if averaged else ()
        self._averaged = {name: places[f"averaged.{name}"] for name in names} or None
        self._optimizer.updates = state["updates"]


@dataclass(frozen=True)
class Snapshot:
    """The state of one network at one time."""

    state: dict[str, Any]

    def is_finite(self) -> bool:
        """Return True if no number is NaN or infinite."""
        return all(np.isfinite(value).all() for value in self.state.values())


def masked(a: Array, masks: Sequence[Array | None] | None, l: int) -> Array:  # noqa: E741
    """Return the activations of layer l (from 0) that dropout keeps."""
    mask = masks[l] if masks else None
    return a if mask is None else a * mask


def check_output(sizes: list[int], activations: list[Activation], cost: Cost) -> Cost:
    """Return the cost, or raise ValueError if it or the sizes do not fit the output activation."""
    for hidden, sigma in enumerate(activations[:-1], 1):
        if not sigma.elementwise:
            raise error.hidden_softmax(hidden)
    output = activations[-1]
    if cost.outputs != ALL_OUTPUTS and output.name not in cost.outputs:
        raise error.cost_and_output(cost.name, cost.outputs, output.name)
    if not output.elementwise and sizes[-1] < 2:
        raise error.softmax_of_one(sizes[-1])
    return cost


def is_ready(X: Any, dtype: str) -> bool:
    """Check for a C-contiguous, aligned array of this dtype, (m, n) or (n,), not empty."""
    return (
        type(X) is np.ndarray  # a masked array or a subclass needs a check
        and X.dtype == dtype
        and X.flags.c_contiguous
        and X.flags.aligned
        and X.ndim in (1, 2)
        and X.size > 0
    )
