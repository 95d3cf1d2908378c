"""The derivatives along every path from one weight to the cost."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from .._types import AnyArray, Data
    from ..network import Network
    from ..trace import Trace


class Node(NamedTuple):
    """w, z, a or C; of a neuron of a layer."""

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
        """The activations that it goes through after that of the weight's own neuron."""
        return [node for node in self.nodes[3:] if node.kind == "z"]


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
    count: int
    gradient: float
    joined: bool
    sizes: list[int]
    trace: Trace
    weights: list[AnyArray]
    slopes: list[AnyArray]

    def columns(self) -> list[list[Node]]:
        """The nodes from left to right."""
        layer, j, _ = self.weight
        nodes = [[Node("w", layer, j)]]
        for number, neurons in enumerate(self.chosen, layer):
            kinds = "z" if self.joined and number == self.last else "za"
            nodes += [[Node(kind, number, i) for i in neurons] for kind in kinds]
        return [*nodes, [Node("C")]]

    def arrows(self) -> list[tuple[Node, Node]]:
        return [
            (tail, head)
            for before, after in pairwise(self.columns())
            for tail, head in product(before, after)
            if self.linked(tail, head)
        ]

    def linked(self, tail: Node, head: Node) -> bool:
        """σ takes each z to its own a."""
        return (tail.kind, head.kind) != ("z", "a") or tail.neuron == head.neuron

    def derivative(self, tail: Node, head: Node) -> float:
        """∂head/∂tail."""
        if tail.kind == "w":
            return float(self.trace.activations[tail.layer - 1][0, self.weight[2]])
        if head.kind == "a":
            return float(self.slopes[head.layer - 1][head.neuron])
        if head.kind == "z":
            return float(self.weights[head.layer - 1][head.neuron, tail.neuron])
        delta = float(self.trace.deltas[-1][0, tail.neuron])
        slope = 1.0 if self.joined else float(self.slopes[-1][tail.neuron])
        return delta / slope if slope else 0.0

    def value(self, node: Node) -> float:
        if node.kind == "C":
            return self.trace.cost
        if node.kind == "w":
            return float(self.weights[node.layer - 1][node.neuron, self.weight[2]])
        if node.kind == "z":
            return float(self.trace.weighted_inputs[node.layer - 1][0, node.neuron])
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
        parts = [
            f"{len(neurons)} of {self.sizes[number]:,} of layer {number}"
            for number, neurons in enumerate(self.chosen[1:], layer + 1)
            if len(neurons) < self.sizes[number]
        ]
        return f"Neurons drawn: {', '.join(parts)}." if parts else ""


def paths_of(net: Network, x: Data, y: Data, layer: int, j: int, k: int, most: int) -> Paths:
    """The paths of w_jk of a layer, for one sample."""
    sizes = net.sizes
    last = len(sizes) - 1
    check("layer", layer, 1, last)
    check("j", j, 0, sizes[layer] - 1)
    check("k", k, 0, sizes[layer - 1] - 1)
    if any(one["layer_norm"] for one in net._options):
        raise ValueError(
            "net must be without layer_norm, which ties a layer's neurons to each other; got some"
        )
    trace = net.backward(x, y)
    if len(trace.deltas[0]) != 1:
        raise ValueError(f"x must be one sample; got {len(trace.deltas[0])}")
    weights = net.weights
    slopes, joined = slopes_of(net, trace)
    return Paths(
        *((layer, j, k), last, choose(trace, weights, slopes, layer, j, most)),
        count=prod(sizes[layer + 1 :]),
        gradient=float(trace.weight_gradients[layer - 1][j, k]),
        joined=joined,
        sizes=sizes,
        trace=trace,
        weights=weights,
        slopes=slopes,
    )


def check(name: str, given: int, low: int, high: int) -> None:
    if not low <= given <= high:
        raise ValueError(f"{name} must be from {low} to {high}; got {given}")


def slopes_of(net: Network, trace: Trace) -> tuple[list[AnyArray], bool]:
    """σ'(z) of each neuron, and whether the output has none of its own."""
    from ..health.measures import exact_slopes

    slopes: list[AnyArray] = []
    joined = False
    parts = zip(net._activations, trace.weighted_inputs, trace.activations[1:], strict=True)
    for activation, z, a in parts:
        known = exact_slopes(activation, z, a)
        joined = known is None  # only the output can be
        slopes.append(np.ones_like(z[0]) if known is None else known[0])
    return slopes, joined


def choose(
    trace: Trace,
    weights: list[AnyArray],
    slopes: list[AnyArray],
    layer: int,
    j: int,
    most: int,
) -> list[list[int]]:
    """The neurons of each layer from `layer` on, through which most of ∂C/∂z_j passes."""
    chosen = [[j]]
    moved = np.zeros(len(trace.deltas[layer - 1][0]))
    moved[j] = 1.0  # ∂z of a layer / ∂z_j
    for after in range(layer, len(weights)):
        moved = weights[after] @ (slopes[after - 1] * moved)
        passing = np.abs(moved * trace.deltas[after][0])
        ranks = np.argsort(-passing, kind="stable")[:most]
        chosen.append(sorted(int(i) for i in ranks))
    return chosen
