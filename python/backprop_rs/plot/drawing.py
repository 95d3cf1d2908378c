"""One drawing of a network: neurons, edges and text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..explain.names import short
from ..explain.notation import below
from .labels import label_places
from .layout import Column, columns, superscript
from .style import Paper, color_bar, number, plain_number, reach, text_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection

    from .._internal.types import AnyArray
    from ..base_network import BaseNetwork

Point = tuple[float, float]
LABELED, PLAIN = (4.3, 2.4, 0.75), (2.6, 1.0, 0.6)  # gap, pitch, and inches of a unit
WIDER, WIDEST = 1.15, 2.5  # the gap grows until edge labels do not cover each other
SMALL, SMALLEST = 7.0, 5.0  # points of a number in a neuron without a symbol
NOTE_LETTER, NOTE_SIZE = 0.55, 8.0  # the width of a letter of a note, relative to its size
FEW, FEW_EDGES = 5, 30  # neurons of a layer, and edges between two, that can be labeled
LETTER = 0.13  # the width of a letter of a name
READABLE = 0.6  # the smallest text, relative to a figure of the default size


# The widths of symbols and numbers, relative to the size of the text.
LETTERS = {"w": 0.7, "z": 0.47, "b": 0.5, "y": 0.5, "a": 0.5, r"\delta": 0.5}
LETTERS[r"\partial C/\partial w"] = 2.9
SCRIPT = 0.7  # the size of indices
NARROW, DIGIT, SIGN = 0.3, 0.5, 0.69  # a bracket or a comma, a digit, and a sign
SPACE, EQUALS, NUMBER = 0.28, SIGN, 3.1


def width_of(symbol: str) -> float:
    """Return about the width of a symbol with its indices, relative to the size of the text.

    >>> round(width_of("w_{0}^{(1)}"), 2)
    1.47
    """
    name, _, scripts_of = symbol.partition("_{")
    scripts = [re.sub(r"[{}]", "", part) for part in scripts_of.split("}^")]
    widths = [sum(NARROW if c in "(),-" else DIGIT for c in part) for part in scripts]
    return LETTERS[name] + SCRIPT * max(widths)


def number_width(written: str) -> float:
    """Return about the width of a number, relative to the size of the text.

    >>> round(number_width("−0.25"), 2)
    2.49
    """
    widths = {".": 0.3, "−": SIGN, "×": SIGN}
    return sum(widths.get(c, DIGIT if c.isascii() else SCRIPT * DIGIT) for c in written)


@dataclass(frozen=True)
class Values:
    """The numbers of a drawing: means over the samples, or None if they are not known."""

    edges: list[AnyArray]
    kind: str
    biases: list[AnyArray]
    activations: list[AnyArray] | None = None
    z: list[AnyArray] | None = None
    deltas: list[AnyArray] | None = None
    target: AnyArray | None = None
    cost: float | None = None
    importance: list[AnyArray] | None = None  # of each neuron, from the input on
    off: list[AnyArray] | None = None  # True for each neuron whose relu is off for the sample

    def of(self, quantity: Quantity) -> float:
        """Return one of the numbers."""
        name, layer, place = quantity
        if name == "a":
            assert self.activations is not None
            return float(self.activations[layer][place])
        if name == "y":
            assert self.target is not None
            return float(self.target[place])
        arrays = {"w": self.edges, "b": self.biases, "z": self.z, "delta": self.deltas}[name]
        assert arrays is not None
        return float(arrays[layer - 1][place])


class Quantity(NamedTuple):
    """The name of a number of a drawing: w, b, z, a, delta or y of a layer, and its place there."""

    name: str
    layer: int
    place: int | tuple[int, int]


@dataclass(frozen=True)
class Names:
    """The names of inputs and outputs, and the neurons that a wide layer shows.

    Attributes
    ----------
    inputs, outputs : sequence of str
        Empty if they have no names.
    importance : list of array or None
        Of each neuron of each layer. None shows the first neurons and the last.
    rule : str
        A sentence that says which neurons are the most important.
    """

    inputs: Sequence[str] = ()
    outputs: Sequence[str] = ()
    importance: Sequence[AnyArray] | None = None
    rule: str = ""

    @property
    def width(self) -> float:
        """The room for the longest name of an input."""
        return LETTER * max((len(short(name)) for name in self.inputs), default=0)

    @property
    def width_of_outputs(self) -> float:
        """The room for the longest name of an output with its number."""
        return LETTER * (max((len(short(name)) for name in self.outputs), default=0))


class Drawing:
    """One network, with symbols and numbers if `labels`."""

    ax: Axes
    paper: Paper
    colors: Any
    fills: Any

    def __init__(
        self,
        net: BaseNetwork,
        values: Values,
        labels: bool,
        max_neurons: int,
        notation: str,
        ax: Axes | None = None,
        names: Names | None = None,
        number_width: float = NUMBER,
    ) -> None:
        gap, pitch, inches = LABELED if labels else PLAIN
        self.names = names or Names()
        self.net, self.values, self.labels, self.notation = net, values, labels, notation
        self.number_width, self.inches = number_width, inches
        self.radius = 0.5 if labels else 0.42
        self.last = len(net._widths) - 1
        self.spots: dict[tuple[int, int, int], Point] = {}
        while True:
            self.places = columns(net._widths, max_neurons, gap, pitch, self.names.importance)
            if not labels or self.place_labels() or gap > WIDEST * LABELED[0]:
                break
            gap *= WIDER
        self.edge_reach = max(reach(w) for w in values.edges)
        self.reach = max(reach(a) for a in values.activations or [np.ones(1)])
        self.delta_reach = max(reach(delta) for delta in values.deltas or [np.ones(1)])
        (left, right), (low, high) = self.limits()
        self.size = (inches * (right - left), inches * (high - low))
        self.scale = text_scale(ax, self.size)

    def place_labels(self) -> bool:
        """Choose a place on each edge for its label; return False if labels cover others."""
        for layer in range(1, self.last + 1):
            before, here = self.places[layer - 1], self.places[layer]
            pairs = [(j, k) for j in here.places for k in before.places]
            lines = [(before.places[k], here.places[j]) for j, k in pairs]
            size = 8.5 / (72 * self.inches)  # a unit of text, in units of the drawing
            sizes = [(self.label_width(layer, pair) * size, 1.7 * size) for pair in pairs]
            margin = max(self.radius, 4.2 * size) + 0.08  # z, b and δ are wider than the circle
            first = self.radius + 0.08 if layer == 1 else margin
            spots = label_places(lines, sizes, (before.x + first, here.x - margin))
            if spots is None:
                return False
            self.spots |= {(layer, *pair): spot for pair, spot in zip(pairs, spots, strict=True)}
        return True

    def label_width(self, layer: int, pair: tuple[int, int]) -> float:
        """Return the width of the label of an edge, relative to the size of the text."""
        value = plain_number(self.values.of(Quantity("w", layer, pair)))
        width = max(self.number_width, number_width(value))
        return width_of(self.edge_symbol(layer, pair)) + 2 * SPACE + EQUALS + width + 0.3

    def edge_symbol(self, layer: int, pair: tuple[int, int]) -> str:
        """Return w_jk or ∂C/∂w_jk."""
        letter = r"\partial C/\partial w" if self.values.kind == "gradient" else "w"
        indices = below(*pair).replace(",", "{,}")
        return f"{letter}_{{{indices}}}^{{{self.above(layer)}}}"

    def limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the limits of both axes, with room for labels and arrows."""
        top = max(column.y[0] for column in self.places)
        right = self.places[-1].x + (2.3 if self.values.target is not None and self.labels else 1.1)
        if self.names.outputs:
            right = max(right, self.places[-1].x + 0.9 + self.names.width_of_outputs)
        left = -1.2 - self.names.width
        lines = 0.225 if self.labels else 0.28  # of a line of text
        low = self.bottom() - 0.5 - 1.1 * lines * (self.caption_lines() + len(self.notes()) + 1)
        low -= 1.25 if self.labels else 1.5  # for the color bars
        above = (0.45 if self.labels else 0.2) + (0.55 if self.values.cost is not None else 0)
        return (left, right), (low, top + self.radius + above)

    def caption_lines(self) -> int:
        """Return the largest number of lines below a layer."""
        return max(len(self.caption_of(layer)) for layer in range(self.last + 1))

    def notes(self) -> list[str]:
        """Return the lines below the captions: what is left out, and what dashes mean."""
        sentences = []
        if self.names.rule and any(column.dots is not None for column in self.places):
            sentences.append(self.names.rule)
        sentences += self.names_of_off()
        right = self.places[-1].x + 2.0 + self.names.width
        letters = int(right * self.inches * 72 / (NOTE_LETTER * NOTE_SIZE))
        return [line for words in sentences for line in wrap(words, max(letters, 40))]

    def names_of_off(self) -> list[str]:
        """Return a sentence for each activation with neurons that are off and drawn."""
        off = self.values.off or []
        names = [*self.net.activation, self.net.output]
        layers = [
            layer
            for layer, flags in enumerate(off, 1)
            if any(flags[i] for i in self.places[layer].shown)
        ]
        kinds = dict.fromkeys(names[layer - 1] for layer in layers)
        return [
            f"Dashed circle: this {kind} is off for this row, its slope is 0." for kind in kinds
        ]

    def bottom(self) -> float:
        """Return the lower end of the neurons and their text."""
        lowest = min(column.y[-1] for column in self.places)
        below = 0.5 + (0.45 if self.values.deltas is not None else 0.0)
        return lowest - self.radius - (below if self.labels else 0.0)

    def draw(self, ax: Axes, colors: bool = True) -> None:
        """Draw the edges, the neurons and the values on an Axes."""
        self.ax, self.paper = ax, Paper(ax)
        self.colors, self.fills = self.paper.diverging(), self.paper.fills()
        for layer in range(1, len(self.places)):
            self.draw_edges(layer)
        for layer, column in enumerate(self.places):
            self.draw_layer(layer, column)
        if self.notes():
            self.write_notes()
        if self.values.cost is not None:
            self.title(f"C = {plain_number(self.values.cost, 4)}")
        (left, right), (low, high) = self.limits()
        ax.set(xlim=(left, right), ylim=(low, high), aspect="equal")
        ax.set_axis_off()
        if colors:
            self.explain_colors()

    def title(self, words: str) -> None:
        """Write a title above the drawing."""
        self.ax.set_title(words, color=self.paper.ink, y=1.0, pad=-14, fontsize=12 * self.scale)

    def above(self, layer: int) -> str:
        """Return the superscript of a layer."""
        return superscript(layer, self.last, self.notation)

    # Edges.

    def draw_edges(self, layer: int) -> None:
        """Draw all edges into a layer, the strongest on top."""
        from matplotlib.collections import LineCollection

        before, here = self.places[layer - 1].places, self.places[layer].places
        pairs = [(j, k) for j in here for k in before]
        lines = [(before[k], here[j]) for j, k in pairs]
        collection = LineCollection([], zorder=1)
        self.color_edges(collection, layer, pairs, lines)
        collection.set_gid(f"edges {layer}")
        self.ax.add_collection(collection)
        if self.labels:
            for pair, line in zip(pairs, lines, strict=True):
                self.label_edge(layer, pair, line)

    def color_edges(
        self,
        collection: LineCollection,
        layer: int,
        pairs: Sequence[tuple[int, int]],
        lines: Sequence[tuple[Point, Point]],
    ) -> None:
        """Give the edges of a layer the colors, widths and dashes of their values."""
        w = self.values.edges[layer - 1]
        strength = np.array([float(w[pair]) for pair in pairs]) / self.edge_reach
        order = np.argsort(np.abs(strength), kind="stable")
        collection.set_segments([lines[i] for i in order])
        collection.set_color(self.colors(0.5 + strength[order] / 2))
        collection.set_linewidth((0.6 + 2.8 * np.abs(strength[order])) * self.scale)
        collection.set_linestyle(["--" if value < 0 else "-" for value in strength[order]])

    def label_edge(self, layer: int, pair: tuple[int, int], line: tuple[Point, Point]) -> None:
        """Write w_jk with its number along the edge."""
        (x0, y0), (x1, y1) = line
        spot = self.spots.get((layer, *pair), ((x0 + x1) / 2, (y0 + y1) / 2))
        degrees = float(np.degrees(np.arctan2(y1 - y0, x1 - x0)))
        symbol = self.edge_symbol(layer, pair)
        self.equation(*spot, symbol, Quantity("w", layer, pair), 8.5, degrees=degrees, box="label")

    # Neurons.

    def draw_layer(self, layer: int, column: Column) -> None:
        """Draw the neurons of a layer with their labels."""
        from matplotlib.patches import Circle

        names = {0: self.names.inputs, self.last: self.names.outputs}.get(layer, ())
        for i, place in column.places.items():
            if i < len(names):
                self.name_neuron(layer, i, place, short(names[i]))
            look = {"edgecolor": self.paper.ink, "linewidth": 1.2, "zorder": 3}
            look["facecolor"] = self.fill_of(Quantity("a", layer, i))
            if layer and self.values.off and self.values.off[layer - 1][i]:
                look["linestyle"] = (0, (3, 2))
            circle = Circle(place, self.radius, gid=f"neuron {layer} {i}", **look)
            self.add_neuron(Quantity("a", layer, i), circle)
            if self.labels:
                self.label_neuron(layer, i, place)
            elif self.values.activations is not None and SMALL * self.scale >= SMALLEST:
                self.amount(*place, Quantity("a", layer, i), SMALL)
        if column.dots is not None:
            for shift in (-0.16, 0, 0.16):
                place = (column.x, column.dots + shift)
                self.ax.add_patch(Circle(place, 0.045, color=self.paper.ink, zorder=3))
        self.caption(layer, column)

    def name_neuron(self, layer: int, i: int, place: Point, name: str) -> None:
        """Write the name of an input to its left, or of an output, with its number, to its right.

        Dollar signs are escaped: they would begin a formula.
        """
        x, y = place
        text = name.replace("$", r"\$")
        if layer == 0:
            self.write(x - self.radius - 0.2, y, text, 9, ha="right")
            return
        has_numbers = self.labels and (
            self.values.target is not None or self.values.deltas is not None
        )
        self.write(x + self.radius + 0.2, y + (0.62 if has_numbers else 0), text, 9, ha="left")

    def caption(self, layer: int, column: Column) -> None:
        """Write the kind of the layer below it."""
        lines = "\n".join(self.caption_of(layer))
        self.write(column.x, self.bottom() - 0.35, lines, 9, va="top", linespacing=1.35)

    def caption_of(self, layer: int) -> list[str]:
        """Return the kind of a layer, its neurons and its activation."""
        column = self.places[layer]
        kind = "input" if layer == 0 else "output" if layer == self.last else "hidden"
        name = f"layer {layer}" if self.notation == "number" else f"${self.above(layer)}$"
        lines = [f"{kind}, {name}"]
        if column.dots is not None:
            lines.append(f"{column.n:,} neurons, {len(column.shown)} shown")
        elif not self.labels:
            lines.append(f"{column.n:,} neuron{'s' if column.n > 1 else ''}")
        if layer:
            lines.append([*self.net.activation, self.net.output][layer - 1])
        return lines

    def write_notes(self) -> None:
        """Write the notes below the captions."""
        (left, right), _ = self.limits()
        lines = 0.225 if self.labels else 0.28
        y = self.bottom() - 0.5 - 1.1 * lines * self.caption_lines()
        notes = "\n".join(self.notes())
        self.write((left + right) / 2, y, notes, NOTE_SIZE, va="top", linespacing=1.35)

    def add_neuron(self, quantity: Quantity, circle: Any) -> None:
        """Add the circle of a neuron."""
        self.ax.add_patch(circle)

    def fill_of(self, quantity: Quantity) -> Any:
        """Return the color of a number: of a neuron or of the box of a δ."""
        if quantity.name == "delta":
            return self.fills(0.5 + self.values.of(quantity) / self.delta_reach / 2)
        if quantity.name != "a" or self.values.activations is None:
            return self.paper.ground
        return self.fills(0.5 + self.values.of(quantity) / self.reach / 2)

    def label_neuron(self, layer: int, i: int, place: Point) -> None:
        """Write a in the neuron, z above, b and δ below; δ and y of the output to its right."""
        x, y = place
        index = f"_{{{i}}}^{{{self.above(layer)}}}"
        values, radius, a = self.values, self.radius, Quantity("a", layer, i)
        if values.activations is None:
            self.write(x, y, f"$a{index}$", 12)
        else:
            self.symbol(x, y + 0.14, f"a{index}", a, 11)
            self.amount(x, y - 0.2, a, 9)
        if layer:
            if values.z:
                self.equation(x, y + radius + 0.2, f"z{index}", Quantity("z", layer, i), 9)
            else:
                self.write(x, y + radius + 0.2, f"$z{index}$", 9)
            self.equation(x, y - radius - 0.2, f"b{index}", Quantity("b", layer, i), 9)
        if layer and values.deltas is not None:
            self.label_delta(layer, i, place)
        if layer == self.last and values.target is not None:
            target = Quantity("y", layer, i)
            self.equation(x + radius + 0.2, y + 0.24, f"y_{{{i}}}", target, 9, ha="left")

    def label_delta(self, layer: int, i: int, place: Point) -> None:
        """Write δ of a neuron in a box whose color shows its size."""
        x, y = place
        if layer == self.last:
            spot, side = (x + self.radius + 0.26, y - 0.2), "left"
        else:
            spot, side = (x, y - self.radius - 0.6), "center"
        symbol = rf"\delta_{{{i}}}^{{{self.above(layer)}}}"
        self.equation(*spot, symbol, Quantity("delta", layer, i), 9, ha=side, box="fill")

    # Text.

    def equation(
        self,
        x: float,
        y: float,
        symbol: str,
        quantity: Quantity,
        size: float,
        *,
        ha: str = "center",
        degrees: float = 0.0,
        box: str = "",
    ) -> None:
        """Write a symbol and its number; with a `box` of the ground, "label", or its "fill"."""
        options: dict[str, Any] = {"ha": ha}
        ink = ""
        if box == "label":
            look = {"facecolor": self.paper.ground, "edgecolor": "none", "pad": 0.8, "alpha": 0.9}
            options |= {"rotation": degrees, "rotation_mode": "anchor", "bbox": look, "zorder": 2}
            options["transform_rotates_text"] = True
        elif box == "fill":
            fill = self.fill_of(quantity)
            ink = self.paper.text_on(fill)
            look = {"facecolor": fill, "edgecolor": "none", "boxstyle": "round,pad=0.25"}
            options["bbox"] = look
        self.write(x, y, f"${symbol} = {number(self.values.of(quantity))}$", size, ink, **options)

    def symbol(self, x: float, y: float, symbol: str, quantity: Quantity, size: float) -> None:
        """Write a symbol in its neuron."""
        self.write(x, y, f"${symbol}$", size, self.paper.text_on(self.fill_of(quantity)))

    def amount(self, x: float, y: float, quantity: Quantity, size: float) -> None:
        """Write a number in its neuron."""
        ink = self.paper.text_on(self.fill_of(quantity))
        self.write(x, y, f"${number(self.values.of(quantity))}$", size, ink)

    def write(
        self, x: float, y: float, text: str, size: float, ink: str = "", **options: Any
    ) -> None:
        """Write text in the mathematical font, centered by default."""
        look = {"math_fontfamily": "stix", "color": ink or self.paper.ink, "zorder": 4}
        settings = {"ha": "center", "va": "center", **look, **options}
        self.ax.text(x, y, text, fontsize=size * self.scale, **settings)

    def explain_colors(self) -> None:
        """Add a small color bar for the edges, and one for the neurons."""
        names = [(self.values.kind, self.edge_reach, self.colors)]
        if self.values.activations is not None:
            names.append(("activation", self.reach, self.fills))
        (left, right), (low, high) = self.limits()
        wide, tall = right - left, high - low
        middles = [0.5] if len(names) == 1 else [0.28, 0.72]
        for middle, (name, largest, colors) in zip(middles, names, strict=True):
            share = min(2.6 / wide, 0.36)
            box = (middle - share / 2, 0.5 / tall, share, 0.14 / tall)
            bar = self.ax.inset_axes(box)
            color_bar(bar, self.paper, colors, name, largest, self.scale)


def drawing_of(
    net: BaseNetwork,
    values: Values,
    labels: bool | None,
    max_neurons: int,
    notation: str,
    ax: Axes | None,
    names: Names | None = None,
    number_width: float = 0.0,
) -> Drawing:
    """Return a drawing for an Axes, with labels if `labels` is None and they can be read."""
    room = max(number_width, NUMBER)
    if labels is None:
        labels = has_room([min(n, max_neurons) for n in net._widths])
        if labels:
            labeled = Drawing(net, values, True, max_neurons, notation, ax, names, room)
            labels = labeled.scale >= READABLE
    return Drawing(net, values, labels, max_neurons, notation, ax, names, room)


def has_room(shown: list[int]) -> bool:
    """Return True if the symbols and numbers of so many neurons per layer can be read."""
    counts = [before * here for before, here in pairwise(shown)]
    return max(shown) <= FEW and sum(counts) <= FEW_EDGES
