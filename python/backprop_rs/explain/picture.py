"""The picture of a network beside its formulas: SVG, which the page's script changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any

from .._internal.expression import Number, Symbol
from .document import Group, Line, Section
from .html import Page
from .names import input_names, short
from .notation import counted_from_output
from .paths import Parameter, chain_rule
from .picture_page import BAR, SCRIPT, STYLE
from .text import Text
from .update import update

if TYPE_CHECKING:
    from .quantities import Quantities
    from .selection import Shown

COLUMN, ROW, RADIUS = 210, 92, 25
TOP, SIDE, LETTER = 44, 60, 6.6  # margins, and the width of a letter of a name
DIGITS = 3
MAX_LINES, MAX_PATHS = 600, 16  # of all chain rules of a page, and of one
INTRODUCTION = (
    "The inputs are known. Each step shows its formulas here, with symbols and with numbers; "
    "all of them follow below."
)

Place = tuple[int, int]  # layer and neuron


@dataclass(frozen=True)
class Layout:
    """The places of the neurons that are shown."""

    shown: Shown
    left: float
    width: float
    height: float

    def at(self, layer: int, position: int) -> tuple[float, float]:
        """Return the center of a neuron, by its position in its column."""
        count = len(self.shown.neurons[layer])
        middle = TOP + (self.height - 2 * TOP) / 2
        return self.left + COLUMN * layer, middle + ROW * (position - (count - 1) / 2)


def layout_of(shown: Shown, inputs: list[str], outputs: list[str]) -> Layout:
    """Return the layout, with room for the names of inputs and outputs."""
    rows = max(map(len, shown.neurons))
    left, right = (
        SIDE + LETTER * max((len(name) for name in names), default=0) for names in (inputs, outputs)
    )
    width = left + COLUMN * (len(shown.neurons) - 1) + right
    return Layout(shown, left, width, 2 * TOP + ROW * rows)


def names_of(batch: Quantities, key: str, n: int) -> list[str]:
    """Return the names of the inputs or of the outputs that the network knows."""
    names = batch.net.metadata.get(key)
    if not isinstance(names, (list, tuple)):
        return []
    if key == "class_names":
        return of_outputs(names, n)
    return [short(str(name)) for name in names] if len(names) == n else []


def of_outputs(names: Sequence[Any], n: int) -> list[str]:
    """Return a name for each output; a single output stands for the second of two classes."""
    if n == 1 and len(names) == 2:
        names = names[1:]
    return [short(str(name)) for name in names] if len(names) == n else []


def number(value: float) -> str:
    """Return a number with three digits."""
    return Text(DIGITS)(Number(float(value)))


class Picture:
    """The SVG of a network, the numbers of its stages, and the formulas of its weights."""

    def __init__(
        self,
        batch: Quantities,
        shown: Shown,
        notation: str,
        digits: int,
        outputs: Sequence[str] = (),
    ) -> None:
        self.batch, self.shown, self.notation, self.page = batch, shown, notation, Page(digits)
        sizes = batch.net._widths
        names = names_of(batch, "feature_names", batch.net.sizes[0])
        self.inputs = list(input_names(batch.net, names))
        self.outputs = of_outputs(outputs, sizes[-1]) or names_of(batch, "class_names", sizes[-1])
        self.layout = layout_of(shown, self.inputs, self.outputs)
        self.last = len(sizes) - 1

    def html(self) -> str:
        """Return the picture with its controls, the formulas of the weights, and the script."""
        first = Section("", notes=[INTRODUCTION])
        return (
            f'<div class="bp-step bp-explain"><style>\n{STYLE}</style>\n<div class="top">\n'
            f'<div><div class="view">{self.svg()}</div>\n{BAR}</div>\n'
            '<div class="panel"></div>\n</div>\n'
            f'<template class="intro">{self.page.inside(first)}</template>\n'
            f'{self.templates()}\n<script type="application/json" class="data">{self.data()}'
            f"</script>\n<script>\n{SCRIPT}</script>\n</div>"
        )

    def svg(self) -> str:
        """Return the edges and the neurons."""
        box = f"0 0 {self.layout.width:.0f} {self.layout.height:.0f}"
        parts = [*self.edges(), *self.neurons(), *self.captions()]
        style = f"min-width: {min(self.layout.width, 520):.0f}px"
        head = f'<svg class="net" viewBox="{box}" style="{style}" role="img"'
        return f'{head} aria-label="The network">\n' + "\n".join(parts) + "\n</svg>"

    def weights(self) -> list[tuple[int, int, int]]:
        """Return the weights that are shown: layer, j and k."""
        neurons = self.shown.neurons
        return [
            (layer, j, k)
            for layer in range(1, self.last + 1)
            for j in neurons[layer]
            for k in neurons[layer - 1]
        ]

    def edges(self) -> list[str]:
        """Return a line for each weight, and a wide one that is easy to touch."""
        lines = []
        for layer, j, k in self.weights():
            x0, y0 = self.layout.at(layer - 1, self.shown.neurons[layer - 1].index(k))
            x1, y1 = self.layout.at(layer, self.shown.neurons[layer].index(j))
            ends = f'x1="{x0:.0f}" y1="{y0:.0f}" x2="{x1:.0f}" y2="{y1:.0f}"'
            name = Text(DIGITS)(Parameter(layer, j, k).symbol)
            lines.append(
                f'<g class="edge" data-w="{layer},{j},{k}" tabindex="0" role="button" '
                f'aria-label="{name}"><title></title><line {ends}/>'
                f'<line class="hit" {ends}/></g>'
            )
        return lines

    def neurons(self) -> list[str]:
        """Return a circle for each neuron with places for a, z and δ."""
        parts = []
        for layer, shown in enumerate(self.shown.neurons):
            for position, i in enumerate(shown):
                x, y = self.layout.at(layer, position)
                below = y + RADIUS + 14
                parts.append(
                    f'<g class="node" data-n="{layer},{i}"><circle cx="{x:.0f}" cy="{y:.0f}" '
                    f'r="{RADIUS}"/><text class="a" x="{x:.0f}" y="{y + 4:.0f}"></text>'
                    f'<text class="z" x="{x:.0f}" y="{y - RADIUS - 6:.0f}"></text>'
                    f'<text class="d" x="{x:.0f}" y="{below:.0f}"></text></g>'
                )
                parts += self.name(layer, i, x, y)
        return parts

    def name(self, layer: int, i: int, x: float, y: float) -> list[str]:
        """Return the name of an input or of an output."""
        names = {0: self.inputs, self.last: self.outputs}.get(layer, [])
        if not names:
            return []
        side = -1 if layer == 0 else 1
        anchor = "end" if layer == 0 else "start"
        place = f'x="{x + side * (RADIUS + 8):.0f}" y="{y + 4:.0f}" text-anchor="{anchor}"'
        return [f'<text class="name" {place}>{escape(names[i])}</text>']

    def captions(self) -> list[str]:
        """Return the kind of each layer and the number of its neurons."""
        parts = []
        for layer, shown in enumerate(self.shown.neurons):
            n = self.batch.net._widths[layer]
            kind = "input" if layer == 0 else self.batch.names[layer - 1]
            words = f"{kind}, {len(shown)} of {n:,}" if len(shown) < n else kind
            x, _ = self.layout.at(layer, 0)
            parts.append(f'<text class="kind" x="{x:.0f}" y="14">{words}</text>')
        return parts

    # Numbers.

    def data(self) -> str:
        """Return what the script shows, as JSON that can stand in a page."""
        neurons = self.shown.neurons
        content = {
            "last": self.last,
            "samples": [self.sample(i) for i in self.shown.samples],
            "weights": {f"{w[0]},{w[1]},{w[2]}": self.weight(*w) for w in self.weights()},
            "layers": [[f"{layer},{i}" for i in shown] for layer, shown in enumerate(neurons)],
            "cost": number(self.batch.trace.cost),
            "new_cost": number(self.batch.new_cost),
            "rises": bool(self.batch.new_cost > self.batch.trace.cost),
        }
        return json.dumps(content, ensure_ascii=False).replace("</", "<\\/")

    def sample(self, i: int) -> dict[str, Any]:
        """Return the numbers of the neurons for one sample, and their sizes from -1 to 1."""
        trace, nodes = self.batch.trace, {}
        for layer, shown in enumerate(self.shown.neurons):
            a = trace.activations[layer][i] if layer else trace.unscaled_inputs[i]
            largest = max(float(abs(a).max()), 1e-12)
            for neuron in shown:
                node = {"a": number(a[neuron]), "v": round(float(a[neuron]) / largest, 3)}
                if layer:
                    node["z"] = number(trace.weighted_inputs[layer - 1][i, neuron])
                    node["d"] = number(trace.deltas[layer - 1][i, neuron])
                    node["off"] = self.is_off(layer, float(a[neuron]))
                nodes[f"{layer},{neuron}"] = node
        return {"number": i, "cost": number(self.batch.costs[i]), "nodes": nodes}

    def is_off(self, layer: int, a: float) -> bool:
        """Return True if a neuron is a relu with the slope 0."""
        return self.batch.names[layer - 1].startswith("relu") and a == 0

    def weight(self, layer: int, j: int, k: int) -> dict[str, Any]:
        """Return the numbers of a weight: w, ∂C/∂w, the new w, and their sizes."""
        w, new = self.batch.weights[layer - 1], self.batch.new_weights[layer - 1]
        gradient = self.batch.trace.weight_gradients[layer - 1]
        sizes = [float(abs(array).max()) or 1.0 for array in (w, gradient)]
        return {
            "name": Text(DIGITS)(Parameter(layer, j, k).symbol),
            "w": number(w[j, k]),
            "g": number(gradient[j, k]),
            "new": number(new[j, k]),
            "sw": round(float(w[j, k]) / sizes[0], 3),
            "sg": round(float(gradient[j, k]) / sizes[1], 3),
        }

    # Formulas.

    def templates(self) -> str:
        """Return the formulas of each weight that is shown, of the first sample and the update."""
        weights = self.weights()
        max_paths = max(1, min(MAX_PATHS, MAX_LINES // max(len(weights), 1)))
        first = replace(self.shown, samples=self.shown.samples[:1])
        steps = update(self.batch, self.shown)
        parts = []
        for layer, j, k in weights:
            parameter = Parameter(layer, j, k)
            section, _ = chain_rule(self.batch, first, parameter, max_paths)
            changes = Section("Update", self.steps(steps, parameter))
            section = replace(section, sections=[*section.sections, changes])
            if self.notation != "number":
                section = section.changed(lambda formula: counted_from_output(formula, self.last))
            name = f"{layer},{j},{k}"
            parts.append(
                f'<template data-w="{name}"><h3>{self.page.title_of(parameter.symbol)}</h3>\n'
                f"{self.page.inside(section)}</template>"
            )
        return "\n".join(parts)

    def steps(self, steps: Section, parameter: Parameter) -> list[Group]:
        """Return the new moments and the new value of a weight."""
        groups = []
        for group in steps.sections[parameter.layer - 1].groups:
            lines = [line for line in group.lines if belongs(line, parameter)]
            if group.title.endswith("weights") and lines:
                groups.append(replace(group, lines=lines, notes=[]))
        return groups


def belongs(line: Line, parameter: Parameter) -> bool:
    """Return True if a line gives a weight or one of its moments."""
    return isinstance(line.name, Symbol) and line.name.below == parameter.symbol.below
