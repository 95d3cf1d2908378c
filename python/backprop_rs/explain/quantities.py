"""All numbers of an explanation: those of the backend, and the intermediate ones."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.expression import Expression, Number
from ..custom import Cost as CustomCost
from ..data.labels import one_hot_rows
from ..tables.activation import Activation, activation
from ..tables.cost import Cost, cost
from ..tables.embedding import gradients
from .formulas import ActivationFormula, CostFormula, activation_formula, parametric
from .formulas import a as of_a
from .formulas import cost_formula as formula_of_cost
from .formulas import y as of_y
from .layer_norm_values import Floats, Normalized, doubled, normalized
from .optimizer import Moments, take_step

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..base_network import BaseNetwork
    from ..trace import Trace


@dataclass(frozen=True, eq=False)
class Quantities:
    """The values of a batch of m samples, forward and backward; `net` is a copy.

    Index l - 1 of a list is layer l. The backend computed `trace`, `costs` and `new_*`. `grad_a`
    (dC/da), `slopes` (sigma') and `cost_terms` are computed in float64 from its z and a.
    """

    net: BaseNetwork
    weights: list[Array]
    biases: list[Array]
    x: Array  # (m, n_0)
    y: Array  # (m, n_L), classes as one-hot rows
    targets: Floats  # (m, n_L): y, or with smoothed labels
    learning_rate: float
    trace: Trace
    costs: Floats  # (m,)
    cost_terms: Floats  # (m, n_L)
    grad_a: list[Floats]  # (m, n_l)
    slopes: list[Floats]  # (m, n_l); (m, n_L, n_L) for softmax
    norms: list[Normalized | None]  # of layers with layer normalization
    new_weights: list[Array]
    new_biases: list[Array]
    new_gains: list[Array | None]
    new_shifts: list[Array | None]
    alphas: list[Array | None]  # of layers with a parametric activation
    new_alphas: list[Array | None]
    scales: Array | None  # (n_0,), the learned factors of the inputs
    new_scales: Array | None
    embeddings: Array | None  # (p,), what the embeddings of the inputs learn
    new_embeddings: Array | None
    new_cost: float
    moments: Moments

    @property
    def m(self) -> int:
        """The number of samples of the batch."""
        return len(self.x)

    @property
    def names(self) -> list[str]:
        """The activation of each layer."""
        return [*self.net.activation, self.net.output]

    def activation_formula(self, layer: int) -> ActivationFormula:
        """Return the formula of the activation of layer l, which is not softmax."""
        formula = activation_formula(self.net._activations[layer - 1])
        return formula if self.alphas[layer - 1] is None else parametric(formula)

    @cached_property
    def cost_formula(self) -> CostFormula:
        """The formula of the cost with this output."""
        return formula_of_cost(custom_cost(self.net) or self.net.cost, self.net.output)

    @property
    def smoothing(self) -> float:
        """The share of the targets that label smoothing spreads over the classes."""
        return cost_row(self.net).values.get("label_smoothing", 0.0)

    @property
    def classes(self) -> int:
        """The number of classes of label smoothing: 2 for each output of sigmoid."""
        return self.net.sizes[-1] if self.net.output == "softmax" else 2

    def gradients_of_samples(self, layer: int) -> Floats:
        """Return dC_i/dw of one layer, (m, n_l, n_{l-1})."""
        delta = self.trace.deltas[layer - 1].astype(float)
        product: Floats = delta[:, :, None] * self.trace.layer_inputs[layer - 1][:, None, :]
        return product

    def of_norms(self) -> dict[str, Any]:
        """Return the arrays of layer normalization, one per layer, None without it."""
        if not any(self.norms):
            return {}
        names = ("means", "deviations", "normalized", "seen", "seen_gradients", "gains", "shifts")
        arrays = {
            name: [None if norm is None else getattr(norm, name) for norm in self.norms]
            for name in names
        }
        trace = {
            "gain_gradients": self.trace.gain_gradients,
            "shift_gradients": self.trace.shift_gradients,
        }
        return arrays | trace | {"new_gains": self.new_gains, "new_shifts": self.new_shifts}

    def of_alphas(self) -> dict[str, Any]:
        """Return the arrays of parametric activations, one per layer, None without it."""
        if all(alpha is None for alpha in self.alphas):
            return {}
        gradients = {"alpha_gradients": self.trace.alpha_gradients}
        return {"alphas": self.alphas, "new_alphas": self.new_alphas} | gradients

    def alpha_gradients(self, layer: int) -> Floats:
        """Return dC_i/dalpha of each sample of a parametric layer, (m, n_l)."""
        norm = self.norms[layer - 1]
        z = doubled(self.trace.weighted_inputs[layer - 1]) if norm is None else norm.seen
        sigma = activation_rows(self.net)[layer - 1].sigma(z)
        return doubled(self.grad_a[layer - 1] * (sigma - z))

    def of_inputs(self) -> dict[str, Any]:
        """Return the arrays of embeddings and of learned factors, if there are any."""
        embedded = self.trace.embedded_inputs
        arrays = {} if embedded is None else {"embedded_inputs": embedded}
        more = {
            "scales": self.scales,
            "scaled_inputs": self.trace.scaled_inputs,
            "input_deltas": self.trace.input_deltas,
            "scale_gradients": self.trace.scale_gradients,
            "new_scales": self.new_scales,
            "embeddings": self.embeddings,
            "embedding_gradients": self.trace.embedding_gradients,
            "new_embeddings": self.new_embeddings,
        }
        return arrays | {name: array for name, array in more.items() if array is not None}

    def of_optimizer(self) -> dict[str, Any]:
        """Return the moments of the optimizer before and after the step, if it has any."""
        if not self.moments.kept:
            return {}
        parts = {"moments": self.moments.before, "new_moments": self.moments.after}
        return {
            name: {
                key.removeprefix("optimizer."): value
                for key, value in state.items()
                if key != "updates"
            }
            for name, state in parts.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """Return all arrays by name; see `Explanation.to_dict`."""
        layers = range(1, len(self.net.sizes))
        return {
            "x": self.x,
            "y": self.y,
            "weights": self.weights,
            "biases": self.biases,
            "weighted_inputs": self.trace.weighted_inputs,
            "activations": self.trace.activations,
            "cost_terms": self.cost_terms,
            "sample_costs": self.costs,
            "cost": self.trace.cost,
            "activation_gradients": self.grad_a,
            "activation_slopes": self.slopes,
            "deltas": self.trace.deltas,
            "sample_weight_gradients": [self.gradients_of_samples(layer) for layer in layers],
            "sample_bias_gradients": self.trace.deltas,
            "weight_gradients": self.trace.weight_gradients,
            "bias_gradients": self.trace.bias_gradients,
            "learning_rate": self.learning_rate,
            "new_weights": self.new_weights,
            "new_biases": self.new_biases,
            **self.of_norms(),
            **self.of_alphas(),
            **self.of_inputs(),
            **self.of_optimizer(),
            "new_cost": self.new_cost,
        }


def quantities(
    net: BaseNetwork, X: Array, y: AnyArray, learning_rate: float, optimizer: str
) -> Quantities:
    """Compute all quantities of a batch; the network is not changed."""
    trace = net.backward(X, y)
    if y.ndim == 1:
        y = one_hot_rows(y, net.sizes[-1], X.dtype)
    row = cost_row(net)
    targets = smoothed(y, row.values.get("label_smoothing", 0.0), net.output)
    norms = [
        normalized(z, gains, shifts)
        for z, gains, shifts in zip(trace.weighted_inputs, net.gains, net.shifts, strict=True)
    ]
    seen = [
        doubled(z) if norm is None else norm.seen
        for z, norm in zip(trace.weighted_inputs, norms, strict=True)
    ]
    terms, slope = of_output(net, (seen[-1], doubled(trace.activations[-1])), y, targets)
    grad_a, slopes = back(net, trace, seen, slope)
    of_seen = [grad * prime for grad, prime in zip(grad_a[:-1], slopes, strict=False)]
    output = activation_rows(net)[-1]
    of_seen.append(doubled(row.delta(output, seen[-1], doubled(trace.activations[-1]), doubled(y))))
    norms = [
        norm and replace(norm, seen_gradients=grad)
        for norm, grad in zip(norms, of_seen, strict=True)
    ]
    after = deepcopy(net)
    moments = take_step(after, X, y, learning_rate, optimizer)
    return Quantities(
        deepcopy(net),
        net.weights,
        net.biases,
        X,
        y,
        targets,
        learning_rate,
        trace,
        np.asarray(net._core.costs(X, y)),
        terms,
        grad_a,
        slopes,
        norms,
        after.weights,
        after.biases,
        after.gains,
        after.shifts,
        net.alphas,
        after.alphas,
        net.scales,
        after.scales,
        net.embeddings,
        after.embeddings,
        float(after._core.mean_cost(X, y)),
        moments,
    )


def embedding_gradients(net: BaseNetwork, trace: Trace) -> Floats:
    """Return the gradient of what the embeddings learn for each sample, (m, p)."""
    assert trace.input_deltas is not None and net.embeddings is not None
    delta = doubled(trace.input_deltas)
    if net.scales is not None:
        delta = doubled(net.scales) * delta
    inputs, theta = doubled(trace.activations[0]), doubled(net.embeddings)
    return doubled(gradients(net._parts, inputs, theta, delta))


def activation_rows(net: BaseNetwork) -> list[Activation]:
    """Return the activation of each layer, built-in or custom."""
    return [activation(name) for name in net._activations]


def cost_row(net: BaseNetwork) -> Cost:
    """Return the cost, built-in or custom."""
    return cost(custom_cost(net) or net.cost)


def custom_cost(net: BaseNetwork) -> CustomCost | None:
    """Return the custom cost, if the network has one."""
    return next((function for function in net._functions if isinstance(function, CustomCost)), None)


def smoothed(y: Array, share: float, output: str) -> Floats:
    """Return targets of which `share` is spread evenly over the classes."""
    n = y.shape[1] if output == "softmax" else 2
    return (1 - share) * y.astype(float) + share / n


def of_output(
    net: BaseNetwork, output: tuple[Floats, Floats], y: Array, targets: Floats
) -> tuple[Floats, Floats]:
    """Return the part of C_i of each output, and dC/da; not finite if a has been rounded.

    `output` holds the inputs of the output's activation, and a.
    """
    row = cost_row(net)
    (z, a), exact = output, doubled(y)
    if net.output in row.fused:
        terms = row.fused[net.output].terms(z, a, exact, **row.values)
    else:
        assert row.terms is not None
        terms = row.terms(a, exact, **row.values)
    custom = custom_cost(net)
    if custom is not None and custom.formula is not None:  # `row` has sums over the outputs alone
        terms = by_formula(formula_of_cost(custom, net.output).term, a, targets)
    if row.slope is not None:
        return doubled(terms), doubled(row.slope(a, exact, **row.values))
    # The backend computes it from z.
    return doubled(terms), by_formula(formula_of_cost(net.cost, net.output).slope, a, targets)


def by_formula(formula: Expression, a: Floats, targets: Floats) -> Floats:
    """Return the numbers of a formula of a and y, (m, n_L)."""
    values = [
        formula.put({of_a: Number(float(activation)), of_y: Number(float(target))}).value()
        for activation, target in zip(a.ravel(), targets.ravel(), strict=True)
    ]
    return np.array(values).reshape(a.shape)


def back(
    net: BaseNetwork, trace: Trace, seen: list[Floats], slope: Floats
) -> tuple[list[Floats], list[Floats]]:
    """Return dC/da and sigma' of each layer."""
    layers = zip(activation_rows(net), seen, trace.activations[1:], net.alphas, strict=True)
    slopes = []
    for row, z, a, alpha in layers:
        if alpha is None:
            slopes.append(doubled(row.sigma_prime(z, doubled(a))))
        else:
            slope_of_sigma = doubled(row.sigma_prime(z, row.sigma(z)))
            slopes.append(1 + doubled(alpha) * (slope_of_sigma - 1))
    next_layers = zip(trace.deltas[1:], net.weights[1:], strict=True)
    hidden: list[Floats] = [doubled(delta) @ doubled(w) for delta, w in next_layers]
    return [*hidden, slope], slopes
