"""The derivatives along every path from one weight to the cost."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..explain.layer_norm_values import normalized
from ..explain.selection import RULE, largest
from ..slopes import activation_inputs, exact_slopes

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array, Data
    from ..base_network import BaseNetwork
    from ..trace import Trace


class Node(NamedTuple):
    """One of w, z, u (the normalized z), a or C of a neuron of a layer."""

    kind: str
    layer: int = 0
    neuron: int = 0


@dataclass(frozen=True)
class Path:
    """One path from the weight to the cost, with the derivative of each arrow."""

    nodes: tuple[Node, ...]
    factors: tuple[float, ...]

    @property
    def product(self) -> float:
        """The part of ∂C/∂w that the path adds."""
        return prod(self.factors)

    @property
    def arrows(self) -> list[tuple[Node, Node]]:
        """The arrows of the path, from the weight to the cost."""
        return list(pairwise(self.nodes))

    @property
    def turns(self) -> list[Node]:
        """The neurons where the path takes one of several branches."""
        return [node for node in self.nodes[2:] if node.kind in "zu"]


@dataclass(frozen=True)
class Paths:
    """The numbers of `chain`.

    Attributes
    ----------
    weight : (layer, j, k)
    last : int
        L.
    chosen : list of list of int
        The neurons of z that are drawn: j in the weight's layer, several in each later one.
    input_neurons : list of list of int
        The neurons of the activations' inputs; with layer normalization they differ from `chosen`.
    count : int
        The number of all paths, also through neurons that are not drawn.
    gradient : float
        ∂C/∂w, from `backward`.
    joined : bool
        True if the output is softmax: its neurons have no slopes, and ∂C/∂z is one derivative.
    scaled : bool
        True if the inputs have learned factors.
    """

    weight: tuple[int, int, int]
    last: int
    chosen: list[list[int]]
    input_neurons: list[list[int]]
    count: int
    gradient: float
    joined: bool
    scaled: bool
    sizes: list[int]
    names: list[str]  # of the activations
    trace: Trace
    weights: list[AnyArray]
    slopes: list[AnyArray]
    inputs: list[AnyArray]  # of the activations
    norms: list[AnyArray | None]  # du/dz of each layer with layer normalization, (n, n)

    def columns(self) -> list[list[Node]]:
        """Return the nodes from left to right."""
        layer, j, _ = self.weight
        nodes = [[Node("w", layer, j)]]
        pairs = zip(self.chosen, self.input_neurons, strict=True)
        for number, (neurons, inputs) in enumerate(pairs, layer):
            nodes.append([Node("z", number, i) for i in neurons])
            kinds = "u" if self.norms[number - 1] is not None else ""
            kinds += "" if self.joined and number == self.last else "a"
            nodes += [[Node(kind, number, i) for i in inputs] for kind in kinds]
        return [*nodes, [Node("C")]]

    def arrows(self) -> list[tuple[Node, Node]]:
        """Return all arrows between the drawn nodes."""
        return [
            (tail, head)
            for before, after in pairwise(self.columns())
            for tail, head in product(before, after)
            if self.linked(tail, head)
        ]

    def linked(self, tail: Node, head: Node) -> bool:
        """Return True if an arrow leads from `tail` to `head`."""
        elementwise = tail.kind in "zu" and head.kind == "a"
        return not elementwise or tail.neuron == head.neuron

    def derivative(self, tail: Node, head: Node) -> float:
        """Return ∂head/∂tail."""
        if tail.kind == "w":
            return float(self.trace.layer_inputs[tail.layer - 1][0, self.weight[2]])
        if head.kind == "u":
            norm = self.norms[head.layer - 1]
            assert norm is not None
            return float(norm[head.neuron, tail.neuron])
        if head.kind == "a":
            return float(self.slopes[head.layer - 1][head.neuron])
        if head.kind == "z":
            return float(self.weights[head.layer - 1][head.neuron, tail.neuron])
        delta = float(input_deltas(self.trace)[-1][tail.neuron])
        slope = 1.0 if self.joined else float(self.slopes[-1][tail.neuron])
        return delta / slope if slope else 0.0

    def value(self, node: Node) -> float:
        """Return the value of a node."""
        if node.kind == "C":
            return self.trace.cost
        if node.kind == "w":
            return float(self.weights[node.layer - 1][node.neuron, self.weight[2]])
        if node.kind == "z":
            return float(self.trace.weighted_inputs[node.layer - 1][0, node.neuron])
        if node.kind == "u":
            return float(self.inputs[node.layer - 1][node.neuron])
        return float(self.trace.activations[node.layer][0, node.neuron])

    def strongest(self, max_paths: int) -> list[Path]:
        """Return the paths with the largest |product|, in the order of their neurons."""
        first, *later = self.columns()
        partial = {first[0]: [Path(tuple(first), ())]}
        # A largest path is a largest one up to each of its nodes: keep `max_paths` for each node.
        for nodes in later:
            partial = {head: self.extended(head, partial, max_paths) for head in nodes}
        (paths,) = partial.values()
        return sorted(paths, key=lambda path: path.nodes)

    def extended(self, head: Node, partial: dict[Node, list[Path]], max_paths: int) -> list[Path]:
        """Return the largest paths to a node, from those to the nodes before it."""
        longer = [
            Path((*path.nodes, head), (*path.factors, self.derivative(tail, head)))
            for tail, paths in partial.items()
            if self.linked(tail, head)
            for path in paths
        ]
        return sorted(longer, key=lambda path: -abs(path.product))[:max_paths]

    def left_out(self) -> str:
        """Return a sentence with the number of neurons drawn if others are left out."""
        layer = self.weight[0]
        normed = self.norms[layer - 1] is not None  # then each z acts on all of its layer
        parts = [
            f"{len(neurons)} of {self.sizes[number]:,} of layer {number}"
            for number, neurons in enumerate(self.input_neurons, layer)
            if len(neurons) < self.sizes[number] and (normed or number > layer)
        ]
        return f"Neurons drawn: {', '.join(parts)}. {RULE}" if parts else ""

    def is_off(self, node: Node) -> bool:
        """Return True if a node is the activation of a relu whose slope is 0."""
        if node.kind != "a" or not self.names[node.layer - 1].startswith("relu"):
            return False
        return bool(self.slopes[node.layer - 1][node.neuron] == 0 == self.value(node))

    def notes(self) -> list[str]:
        """Return the sentences below the products."""
        has_norm = any(norm is not None for norm in self.norms[self.weight[0] - 1 :])
        sentences = ["u is z with layer normalization."] if has_norm else []
        kinds = {
            self.names[node.layer - 1]: None
            for nodes in self.columns()
            for node in nodes
            if self.is_off(node)
        }
        sentences += [
            f"Dashed box: this {kind} is off for this row, its slope is 0." for kind in kinds
        ]
        return [*sentences, *filter(None, [self.left_out()])]


def paths_of(
    net: BaseNetwork, x: Data, y: Data, weight: tuple[int, int, int], max_neurons: int
) -> Paths:
    """Return the paths of a weight (layer, j, k), for one sample."""
    layer, j, k = weight
    sizes = net._widths
    last = len(sizes) - 1
    check("layer", layer, 1, last)
    check("j", j, 0, sizes[layer] - 1)
    check("k", k, 0, sizes[layer - 1] - 1)
    trace = net.backward(x, y)
    if len(trace.deltas[0]) != 1:
        raise ValueError(f"x must be one sample; got {len(trace.deltas[0])}")
    weights, norms = net.weights, norms_of(net, trace)
    inputs = activation_inputs(trace, net.gains, net.shifts)
    slopes, joined = slopes_of(net, trace, inputs)
    chosen, input_neurons = choose(trace, norms, layer, j, max_neurons)
    joints = [sizes[number] for number in range(layer, last + 1) if norms[number - 1] is not None]
    return Paths(
        weight=(layer, j, k),
        last=last,
        chosen=chosen,
        input_neurons=input_neurons,
        count=prod([*sizes[layer + 1 :], *joints]),
        gradient=float(trace.weight_gradients[layer - 1][j, k]),
        joined=joined,
        scaled=net.scales is not None,
        sizes=sizes,
        names=[*net.activation, net.output],
        trace=trace,
        weights=weights,
        slopes=slopes,
        inputs=[rows[0] for rows in inputs],
        norms=norms,
    )


def check(name: str, value: int, low: int, high: int) -> None:
    """Raise ValueError if an index is out of range."""
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low} to {high}; got {value}")


def norms_of(net: BaseNetwork, trace: Trace) -> list[AnyArray | None]:
    """Return du/dz, g_i ([i = j] - (1 + ẑ_i ẑ_j) / n) / s, of each layer with normalization."""
    norms: list[AnyArray | None] = []
    for z, gain, shift in zip(trace.weighted_inputs, net.gains, net.shifts, strict=True):
        norm = normalized(z, gain, shift)
        norms.append(None if norm is None else norm.gains[:, None] * norm.slopes(0))
    return norms


def input_deltas(trace: Trace) -> list[AnyArray]:
    """Return dC/du of each layer: for a single sample the gradient of the shifts."""
    parts = zip(trace.deltas, trace.shift_gradients, strict=True)
    return [delta[0] if shift is None else shift for delta, shift in parts]


def slopes_of(net: BaseNetwork, trace: Trace, inputs: list[Array]) -> tuple[list[AnyArray], bool]:
    """Return σ' of each neuron, and True if the output is softmax, whose neurons have none."""
    slopes: list[AnyArray] = []
    joined = False
    parts = zip(net._activations, inputs, trace.activations[1:], net.alphas, strict=True)
    for activation, z, a, alpha in parts:
        known = exact_slopes(activation, z, a, alpha)
        joined = known is None  # only possible for the output
        slopes.append(np.ones_like(z[0]) if known is None else known[0])
    return slopes, joined


def choose(
    trace: Trace, norms: list[AnyArray | None], layer: int, j: int, max_neurons: int
) -> tuple[list[list[int]], list[list[int]]]:
    """Return the most important neurons of each layer from `layer` on, and j of `layer`.

    The first list holds neurons of z, the second those of the activations' inputs. See
    `explain.selection.importance`.
    """
    chosen, input_neurons = [], []
    for number in range(layer, len(norms) + 1):
        deltas, norm = trace.deltas[number - 1][0], norms[number - 1]
        chosen.append([j] if number == layer else largest(np.abs(deltas), max_neurons))
        inputs = chosen[-1]
        if norm is not None:
            inputs = largest(np.abs(input_deltas(trace)[number - 1]), max_neurons)
        input_neurons.append(inputs)
    return chosen, input_neurons


def largest_weight(net: BaseNetwork, x: Data, y: Data) -> tuple[int, int, int]:
    """Return the weight of the first layer with the largest |∂C/∂w|: layer, j and k."""
    gradient = np.abs(net.backward(x, y).weight_gradients[0])
    j, k = np.unravel_index(int(gradient.argmax()), gradient.shape)
    return 1, int(j), int(k)
