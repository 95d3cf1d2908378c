"""The derivatives along every path from one weight to the cost."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..explain.layer_norm_values import normalised
from ..health.measures import exact_slopes, seen_of

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array, Data
    from ..network import Network
    from ..trace import Trace


class Node(NamedTuple):
    """w, z, u (what layer normalisation makes of z), a or C; of a neuron of a layer."""

    kind: str
    layer: int = 0
    neuron: int = 0


@dataclass(frozen=True)
class Path:
    """One way from the weight to the cost, with the derivative of each arrow."""

    nodes: tuple[Node, ...]
    factors: tuple[float, ...]

    @property
    def product(self) -> float:
        """What the path adds to ∂C/∂w."""
        return prod(self.factors)

    @property
    def arrows(self) -> list[tuple[Node, Node]]:
        return list(pairwise(self.nodes))

    @property
    def turns(self) -> list[Node]:
        """Where it turns to one of several neurons, after the weight's own."""
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
        The neurons of the weight's layer (its own alone), and of each later one.
    seen : list of list of int
        The same of what the activations see: others with layer normalisation.
    count : int
        Of all paths, also through neurons that are not chosen.
    gradient : float
        ∂C/∂w, from `backward`.
    joined : bool
        Whether ∂C/∂z of the output is one derivative: softmax has no slope of each neuron.
    """

    weight: tuple[int, int, int]
    last: int
    chosen: list[list[int]]
    seen: list[list[int]]
    count: int
    gradient: float
    joined: bool
    sizes: list[int]
    trace: Trace
    weights: list[AnyArray]
    slopes: list[AnyArray]
    inputs: list[AnyArray]  # what the activations see
    norms: list[AnyArray | None]  # du/dz of each layer with layer normalisation, (n, n)

    def columns(self) -> list[list[Node]]:
        """The nodes from left to right."""
        layer, j, _ = self.weight
        nodes = [[Node("w", layer, j)]]
        for number, (neurons, seen) in enumerate(zip(self.chosen, self.seen, strict=True), layer):
            nodes.append([Node("z", number, i) for i in neurons])
            kinds = "u" if self.norms[number - 1] is not None else ""
            kinds += "" if self.joined and number == self.last else "a"
            nodes += [[Node(kind, number, i) for i in seen] for kind in kinds]
        return [*nodes, [Node("C")]]

    def arrows(self) -> list[tuple[Node, Node]]:
        return [
            (tail, head)
            for before, after in pairwise(self.columns())
            for tail, head in product(before, after)
            if self.linked(tail, head)
        ]

    def linked(self, tail: Node, head: Node) -> bool:
        """σ takes what it sees to its own a."""
        own = tail.kind in "zu" and head.kind == "a"
        return not own or tail.neuron == head.neuron

    def derivative(self, tail: Node, head: Node) -> float:
        """∂head/∂tail."""
        if tail.kind == "w":
            return float(self.trace.activations[tail.layer - 1][0, self.weight[2]])
        if head.kind == "u":
            norm = self.norms[head.layer - 1]
            assert norm is not None
            return float(norm[head.neuron, tail.neuron])
        if head.kind == "a":
            return float(self.slopes[head.layer - 1][head.neuron])
        if head.kind == "z":
            return float(self.weights[head.layer - 1][head.neuron, tail.neuron])
        delta = float(seen_deltas(self.trace)[-1][tail.neuron])
        slope = 1.0 if self.joined else float(self.slopes[-1][tail.neuron])
        return delta / slope if slope else 0.0

    def value(self, node: Node) -> float:
        if node.kind == "C":
            return self.trace.cost
        if node.kind == "w":
            return float(self.weights[node.layer - 1][node.neuron, self.weight[2]])
        if node.kind == "z":
            return float(self.trace.weighted_inputs[node.layer - 1][0, node.neuron])
        if node.kind == "u":
            return float(self.inputs[node.layer - 1][node.neuron])
        return float(self.trace.activations[node.layer][0, node.neuron])

    def strongest(self, most: int) -> list[Path]:
        """The paths that add most, in the order of their neurons."""
        first, *later = self.columns()
        ways = {first[0]: [Path(tuple(first), ())]}
        for nodes in later:  # of each node only its strongest ways can be part of one
            ways = {head: self.ways_to(head, ways, most) for head in nodes}
        (paths,) = ways.values()
        return sorted(paths, key=lambda path: path.nodes)

    def ways_to(self, head: Node, ways: dict[Node, list[Path]], most: int) -> list[Path]:
        """The strongest ways to a node, from those to the nodes before it."""
        longer = [
            Path((*path.nodes, head), (*path.factors, self.derivative(tail, head)))
            for tail, paths in ways.items()
            if self.linked(tail, head)
            for path in paths
        ]
        return sorted(longer, key=lambda path: -abs(path.product))[:most]

    def left_out(self) -> str:
        """Which neurons are not drawn, in words."""
        layer = self.weight[0]
        own = self.norms[layer - 1] is not None  # where each neuron acts on all of its layer
        parts = [
            f"{len(neurons)} of {self.sizes[number]:,} of layer {number}"
            for number, neurons in enumerate(self.seen, layer)
            if len(neurons) < self.sizes[number] and (own or number > layer)
        ]
        return f"Neurons drawn: {', '.join(parts)}." if parts else ""

    def note(self) -> str:
        """What is to be said below the products."""
        normalised = any(norm is not None for norm in self.norms[self.weight[0] - 1 :])
        words = "u is z with layer normalisation." if normalised else ""
        return " ".join(filter(None, (words, self.left_out())))


def paths_of(net: Network, x: Data, y: Data, layer: int, j: int, k: int, most: int) -> Paths:
    """The paths of w_jk of a layer, for one sample."""
    sizes = net.sizes
    last = len(sizes) - 1
    check("layer", layer, 1, last)
    check("j", j, 0, sizes[layer] - 1)
    check("k", k, 0, sizes[layer - 1] - 1)
    trace = net.backward(x, y)
    if len(trace.deltas[0]) != 1:
        raise ValueError(f"x must be one sample; got {len(trace.deltas[0])}")
    weights, norms, inputs = net.weights, norms_of(net, trace), seen_of(net, trace)
    slopes, joined = slopes_of(net, trace, inputs)
    chosen, seen = choose(trace, weights, slopes, norms, layer, j, most)
    joints = [sizes[number] for number in range(layer, last + 1) if norms[number - 1] is not None]
    return Paths(
        *((layer, j, k), last, chosen, seen),
        count=prod([*sizes[layer + 1 :], *joints]),
        gradient=float(trace.weight_gradients[layer - 1][j, k]),
        joined=joined,
        sizes=sizes,
        trace=trace,
        weights=weights,
        slopes=slopes,
        inputs=[seen[0] for seen in inputs],
        norms=norms,
    )


def check(name: str, given: int, low: int, high: int) -> None:
    if not low <= given <= high:
        raise ValueError(f"{name} must be from {low} to {high}; got {given}")


def norms_of(net: Network, trace: Trace) -> list[AnyArray | None]:
    """du/dz of each layer with layer normalisation, g_i ([i = j] - (1 + ẑ_i ẑ_j) / n) / s."""
    norms: list[AnyArray | None] = []
    for z, gain, shift in zip(trace.weighted_inputs, net.gains, net.shifts, strict=True):
        norm = normalised(z, gain, shift)
        norms.append(None if norm is None else norm.gains[:, None] * norm.slopes(0))
    return norms


def seen_deltas(trace: Trace) -> list[AnyArray]:
    """dC by what each activation sees: of one sample the gradient of the shifts."""
    parts = zip(trace.deltas, trace.shift_gradients, strict=True)
    return [delta[0] if shift is None else shift for delta, shift in parts]


def slopes_of(net: Network, trace: Trace, inputs: list[Array]) -> tuple[list[AnyArray], bool]:
    """σ' of each neuron, and whether the output has none of its own."""
    slopes: list[AnyArray] = []
    joined = False
    parts = zip(net._activations, inputs, trace.activations[1:], strict=True)
    for activation, seen, a in parts:
        known = exact_slopes(activation, seen, a)
        joined = known is None  # only the output can be
        slopes.append(np.ones_like(seen[0]) if known is None else known[0])
    return slopes, joined


def choose(
    trace: Trace,
    weights: list[AnyArray],
    slopes: list[AnyArray],
    norms: list[AnyArray | None],
    layer: int,
    j: int,
    most: int,
) -> tuple[list[list[int]], list[list[int]]]:
    """The neurons of each layer from `layer` on, through which most of ∂C/∂z_j passes.

    Those of z, and those of what the activations see.
    """
    chosen, seen = [], []
    moved = np.zeros(len(trace.deltas[layer - 1][0]))
    moved[j] = 1.0  # ∂z of a layer / ∂z_j
    for number in range(layer, len(weights) + 1):
        if number > layer:
            moved = weights[number - 1] @ (slopes[number - 2] * moved)
        chosen.append(
            [j] if number == layer else largest(moved * trace.deltas[number - 1][0], most)
        )
        norm = norms[number - 1]
        if norm is None:
            seen.append(chosen[-1])
        else:
            moved = norm @ moved
            seen.append(largest(moved * seen_deltas(trace)[number - 1], most))
    return chosen, seen


def largest(passing: AnyArray, most: int) -> list[int]:
    ranks = np.argsort(-np.abs(passing), kind="stable")[:most]
    return sorted(int(i) for i in ranks)
