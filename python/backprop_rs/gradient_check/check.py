"""Compare the gradients of back-propagation with central differences of the cost.

For one parameter theta, with C at theta + k h for k = -2, -1, 1, 2:

    D(h) = (C(h) - C(-h)) / 2 h,    dC/dtheta = (4 D(h) - D(2 h)) / 3 + O(h^4),

and |D(h) - D(2 h)| / 3, the error of D(h), bounds the error of the difference of fourth order
(Richardson 1911), even if a second derivative jumps. The division by h magnifies the rounding
errors of C: its own, and those of each z, which are delta times eps times the terms of its sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.labels import one_hot_rows
from ..explain.layer_norm_values import normalized
from ..explain.quantities import activation_rows, cost_row
from ..explain.update import GRADIENTS
from ..tables.embedding import sizes
from .result import AGREES, DIFFERS, UNDECIDED, GradientCheck, LayerCheck, Worst

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..base_network import BaseNetwork

EPS = float(np.finfo(np.float64).eps)
STEPS = (EPS**0.2, EPS**0.2 / 16, EPS**0.2 / 256, EPS**0.2 / 4096)
"""h, relative to the change of z per unit of the parameter. Smaller steps cross fewer kinks."""

ACCURATE = 1e-3
"""A difference is accurate enough if its error is below this share of the gradient."""

CLOSE = 1e-6
"""Bound of the rounding errors of back-propagation itself, relative to the gradient."""

ROUNDINGS = 4

OF_INPUTS = ("scales", "embeddings")


@dataclass(frozen=True)
class Compared:
    """One parameter: its gradient by back-propagation and by differences, and the allowed error."""

    name: str
    index: tuple[int, ...]
    backward: float
    difference: float
    allowed: float

    @property
    def size(self) -> float:
        """The larger of both |gradients|."""
        return max(abs(self.backward), abs(self.difference))

    @property
    def error(self) -> float:
        """The |difference| between both gradients."""
        return abs(self.backward - self.difference)

    @property
    def differs(self) -> bool:
        """True if the allowed error does not explain the difference."""
        return not self.error <= self.allowed + CLOSE * self.size

    @property
    def significant(self) -> bool:
        """True if an error of 1 % would be noticed here."""
        return self.allowed + CLOSE * self.size <= 0.005 * self.size


class Kinks:
    """The sides of all kinks on which the samples of a batch lie."""

    def __init__(self, net: BaseNetwork, X: Array, y: AnyArray) -> None:
        self.net, self.X, self.y = net, X, y
        self.targets = one_hot_rows(y, net.sizes[-1]) if y.ndim == 1 else y
        rows = enumerate(activation_rows(net))
        self.of_layers = [(i, row.kinks) for i, row in rows if row.kinks]
        self.cost = cost_row(net)

    def __bool__(self) -> bool:
        return bool(self.of_layers) or self.cost.kink is not None

    def sides(self) -> list[AnyArray]:
        """Return -1, 0 or 1 for each z and each of its kinks, with the current parameters."""
        trace = self.net._core.backward(self.X, self.y, None)
        zs, a = trace[1], trace[2][-1]
        gains, shifts = self.net.gains, self.net.shifts
        sides = []
        for i, kinks in self.of_layers:
            norm = normalized(zs[i], gains[i], shifts[i])
            inputs = zs[i] if norm is None else norm.seen
            sides += [np.sign(inputs - kink) for kink in kinks]
        if self.cost.kink is not None:
            sides.append(np.sign(self.cost.kink(a, self.targets, **self.cost.values)))
        return sides


class Prober:
    """The cost as a function of one parameter at a time."""

    def __init__(self, net: BaseNetwork, X: Array, y: AnyArray) -> None:
        self.net, self.X, self.y = net, X, y
        self.parameters = {name: getattr(net, name) for name in GRADIENTS}
        self.parameters |= {"scales": [net.scales], "embeddings": [net.embeddings]}
        self.trace = net.backward(X, y)
        self.kinks = Kinks(net, X, y)
        self.here = self.kinks.sides() if self.kinks else []
        self.noise = noise_of_cost(net, self.trace.cost, self.trace)

    def at(self, name: str, layer: int, index: tuple[int, ...], change: float) -> float:
        """Return C with one parameter changed."""
        self.change(name, layer, index, change)
        value = float(self.net._core.mean_cost(self.X, self.y, None))
        self.change(name, layer, index, 0.0)
        return value

    def change(self, name: str, layer: int, index: tuple[int, ...], change: float) -> None:
        """Set one parameter of the network to its value plus `change`; 0 restores it."""
        array = self.parameters[name][layer - 1]
        before = array[index]
        array[index] = before + change
        # Those of the inputs are one array, the other kinds are lists.
        values = array if name in OF_INPUTS else self.parameters[name]
        getattr(self.net._core, f"set_{name}")(values)
        array[index] = before

    def crosses(self, name: str, layer: int, index: tuple[int, ...], step: float) -> bool:
        """Return True if some z changes its side of a kink within two steps."""
        if not self.kinks:
            return False
        for change in (-2 * step, 2 * step):
            self.change(name, layer, index, change)
            sides = self.kinks.sides()
            self.change(name, layer, index, 0.0)
            same = (np.array_equal(*pair) for pair in zip(sides, self.here, strict=True))
            if not all(same):
                return True
        return False

    def gradients(self, layer: int) -> dict[str, Array]:
        """Return the gradients of all parameters of a layer."""
        every = {name: getattr(self.trace, of)[layer - 1] for name, of in GRADIENTS.items()}
        if layer == 1:
            every["scales"] = self.trace.scale_gradients
            every["embeddings"] = self.trace.embedding_gradients
        return {name: array for name, array in every.items() if array is not None}

    def compare(self, name: str, layer: int, index: tuple[int, ...]) -> Compared | None:
        """Return the gradient by both methods, or None if every step crosses a kink."""
        backward = float(self.gradients(layer)[name][index])
        reach = 1.0
        if name == "weights":
            reach = max(1.0, float(np.abs(self.trace.layer_inputs[layer - 1][:, index[1]]).max()))
        elif name == "scales":
            (k,), x, w = index, self.trace.unscaled_inputs, self.parameters["weights"][0]
            reach = max(1.0, float(np.abs(x[:, k]).max() * np.abs(w[:, k]).max()))
        elif name == "embeddings":
            reach = max(1.0, self.reach_of_embedding(index))
        best: Compared | None = None
        for relative in STEPS:
            step = relative / reach
            if self.crosses(name, layer, index, step):
                continue
            difference, allowed = self.difference(name, layer, index, step)
            compared = Compared(name, index, backward, difference, allowed)
            if best is None or compared.allowed < best.allowed:
                best = compared
            # A smaller step cannot help: the difference is accurate, or the gradient is noise.
            if allowed <= ACCURATE * compared.size or compared.size <= allowed:
                break
        return best

    def reach_of_embedding(self, index: tuple[int, ...]) -> float:
        """Return the largest change of a z of layer 1 per unit of a parameter of the embeddings."""
        step = EPS**0.5
        self.change("embeddings", 1, index, step)
        moved = self.net._core.embedded(self.X)
        self.change("embeddings", 1, index, 0.0)
        slopes = np.abs(moved - self.trace.unscaled_inputs) / step
        scales = self.net.scales
        factors = 1.0 if scales is None else np.abs(scales)
        reach = slopes @ (np.abs(self.parameters["weights"][0]) * factors).T
        return float(reach.max())

    def difference(
        self, name: str, layer: int, index: tuple[int, ...], step: float
    ) -> tuple[float, float]:
        """Return the difference of fourth order and a bound of its error."""
        far_below, below, above, far_above = (
            self.at(name, layer, index, k * step) for k in (-2, -1, 1, 2)
        )
        near, far = (above - below) / (2 * step), (far_above - far_below) / (4 * step)
        rounding = 1.5 * self.noise / step
        return (4 * near - far) / 3, rounding + abs(near - far) / 3


def noise_of_cost(net: BaseNetwork, cost: float, trace: Any) -> float:
    """Return a bound of the rounding error of C in one forward pass."""
    total = abs(cost)
    parts = zip(net.weights, net.biases, trace.deltas, trace.layer_inputs, strict=True)
    for w, b, delta, a in parts:
        size = np.abs(a) @ np.abs(w).T + np.abs(b)
        share = (np.abs(delta) * size).sum(axis=1).mean()
        total += float(share) * np.sqrt(w.shape[1] + 2)
    if trace.embedding_gradients is not None:
        # Each embedded input is rounded by some share of its terms, of which a phase may be large.
        assert net.embeddings is not None
        delta = np.abs(trace.input_deltas) * (1.0 if net.scales is None else np.abs(net.scales))
        terms = sizes(net._parts, trace.activations[0], net.embeddings)
        total += float((delta * terms).sum(axis=1).mean())
    return ROUNDINGS * EPS * total


def check(net: BaseNetwork, X: Array, y: AnyArray, max_parameters: int, seed: int) -> GradientCheck:
    """Compare all parameters, or a sample of `max_parameters` if there are more."""
    twin = in_float64(net)
    X = X.astype(np.float64)
    y = y if y.ndim == 1 else y.astype(np.float64)
    prober = Prober(twin, X, y)
    random = np.random.default_rng(seed)
    layers = range(1, len(twin.sizes))
    sizes = [sum(array.size for array in prober.gradients(layer).values()) for layer in layers]
    quota = shares(sizes, max_parameters)
    checked = [check_layer(prober, layer, quota[layer - 1], random) for layer in layers]
    return GradientCheck(checked, len(X), repr(net))


def in_float64(net: BaseNetwork) -> BaseNetwork:
    """Return a copy of the network with parameters and arithmetic in float64."""
    state = net.__getstate__()
    state["settings"] = state["settings"] | {"dtype": "float64"}
    state["optimizer"] = None
    state["state"] = {
        key: value.astype(np.float64) if isinstance(value, np.ndarray) else value
        for key, value in state["state"].items()
    }
    twin = net.__class__.__new__(net.__class__)
    twin.__setstate__(state)
    return twin


def shares(sizes: list[int], total: int) -> list[int]:
    """Return the number of parameters to check per layer: all of small layers, others equally.

    >>> shares([10, 1000, 2000], 410)
    [10, 200, 200]
    """
    quota, left = dict.fromkeys(range(len(sizes)), 0), total
    for place, i in enumerate(sorted(quota, key=lambda i: sizes[i])):
        quota[i] = min(sizes[i], left // (len(sizes) - place))
        left -= quota[i]
    return list(quota.values())


def check_layer(prober: Prober, layer: int, quota: int, random: np.random.Generator) -> LayerCheck:
    """Compare the parameters of one layer and sum up the results."""
    places = chosen(prober, layer, quota, random)
    results = [prober.compare(name, layer, index) for name, index in places]
    compared = [result for result in results if result is not None]
    absolute = max(compared, key=lambda result: result.error, default=None)
    # Relative errors of gradients that are as small as the rounding errors mean nothing.
    clear = [result for result in compared if result.significant or result.differs]
    relative = max(clear, key=lambda result: result.error / result.size, default=None)
    return LayerCheck(
        layer,
        sum(array.size for array in prober.gradients(layer).values()),
        len(compared),
        len(results) - len(compared),
        None if absolute is None else Worst(absolute.error, absolute.name, absolute.index),
        None
        if relative is None
        else Worst(relative.error / relative.size, relative.name, relative.index),
        verdict(compared),
    )


def verdict(compared: list[Compared]) -> str:
    """Return the verdict on a layer from its comparisons."""
    if any(result.differs for result in compared):
        return DIFFERS
    if any(result.significant for result in compared):
        return AGREES
    all_zero = compared and all(result.backward == 0 for result in compared)
    return AGREES if all_zero else UNDECIDED


def chosen(
    prober: Prober, layer: int, quota: int, random: np.random.Generator
) -> list[tuple[str, tuple[int, ...]]]:
    """Return all parameters of a layer, or a sample that includes the largest gradients."""
    arrays = prober.gradients(layer)
    every = [(name, i) for name, array in arrays.items() for i in range(array.size)]
    if quota < len(every):
        largest = [(name, int(np.abs(array).argmax())) for name, array in arrays.items()]
        others = [place for place in every if place not in largest]
        picked: NDArray[np.int64] = random.choice(
            len(others), max(quota - len(largest), 0), replace=False
        )
        every = sorted(largest + [others[i] for i in picked], key=lambda place: place[::-1])
    return [(name, tuple(map(int, np.unravel_index(i, arrays[name].shape)))) for name, i in every]
