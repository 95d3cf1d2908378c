"""The dependency chain of one weight: C depends on a, a on z, z on w; through every path."""

from __future__ import annotations

from itertools import pairwise
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from .._internal import checks
from ..explain.notation import NOTATIONS, below
from .drawing import number_width
from .labels import label_places
from .layout import spread, superscript
from .paths import Paths, largest_weight, paths_of
from .style import Paper, new_axes, number, plain_number, text_scale
from .style import require as require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._internal.types import Data
    from ..base_network import BaseNetwork
    from .paths import Node

GAP, PITCH = 2.6, 1.3
WIDER, WIDEST = 1.15, 8.0  # the gap grows until labels of arrows do not cover each other
WIDE, HIGH = 0.52, 0.42  # half of a box
LINE, NOTE_LINE = 0.52, 0.28  # distance between two lines of products, and of notes
LABEL, NOTE = 9.5, 8.5  # sizes of text
INCHES = 0.66
MAX_LINES = 6


def chain(
    net: BaseNetwork,
    x: Data,
    y: Data,
    layer: int | None = None,
    j: int | None = None,
    k: int | None = None,
    ax: Axes | None = None,
    *,
    max_neurons: int = 4,
    notation: str = "number",
) -> Axes:
    """Draw how C depends on one weight: the derivatives along every path, and their sum.

    Each arrow carries the derivative of its head with respect to its tail. The product along a
    path is its part of ∂C/∂w. The sum over all paths is δ_j a_k, as in back-propagation (eq. 8 of
    docs/derivation.md). With layer normalization every z of a layer leads to every u, the input
    of its activation.

    Parameters
    ----------
    net : BaseNetwork
    x : (n_0,) array-like
        One sample.
    y : its targets
    layer : int, optional
        The layer of the weight, from 1 to L.
    j, k : int, optional
        w_jk leads from neuron k of the layer before to neuron j of this one, counted from 0.
        Without `layer`, `j` and `k` it is the weight of the first layer with the largest |∂C/∂w|.
    ax : Axes, optional
        The default is that of a new figure.
    max_neurons : int, default 4
        The neurons to draw of each later layer: those with the largest |δ|. A note names the
        layers of which neurons are left out.
    notation : "number" or "from_output", default "number"
        How layers are written: (1), (2) or (L-1), (L).

    Returns
    -------
    Axes

    Examples
    --------
    >>> import backprop_rs as bp
    >>> net = bp.Network([2, 3, 2], seed=0, dtype="float64")
    >>> ax = chain(net, [0.05, 0.1], [0.01, 0.99], layer=1, j=0, k=1)
    >>> [text.get_text() for text in ax.texts if "paths" in text.get_text()]
    []
    """
    require_matplotlib()
    if max_neurons < 1:
        raise ValueError(f"max_neurons must be an integer >= 1; got {max_neurons}")
    checks.choice("notation", notation, NOTATIONS)
    place = (layer, j, k)
    if place == (None, None, None):
        place = largest_weight(net, x, y)
    if None in place:
        raise ValueError(f"layer, j and k must be given together, or none of them; got {place}")
    weight: Any = place
    drawing = Chain(paths_of(net, x, y, weight, max_neurons), notation, ax)
    drawing.draw(new_axes(ax, drawing.size))
    return drawing.ax


class Chain:
    """The boxes and arrows of one weight."""

    ax: Axes
    paper: Paper

    def __init__(self, paths: Paths, notation: str, ax: Axes | None) -> None:
        self.paths, self.notation = paths, notation
        self.columns = paths.columns()
        self.rows = max(len(nodes) for nodes in self.columns)
        self.listed = paths.strongest(MAX_LINES)
        self.gap, self.spots = GAP, self.labels(GAP)
        while self.spots is None and self.gap < WIDEST:
            self.gap *= WIDER
            self.spots = self.labels(self.gap)
        self.places = self.boxes(self.gap)
        (left, right), (low, high) = self.limits()
        self.size = (INCHES * (right - left), INCHES * (high - low))
        self.scale = text_scale(ax, self.size)

    def boxes(self, gap: float) -> dict[Node, tuple[float, float]]:
        """Return the place of each node with columns so far apart."""
        return {
            node: (gap * x, y)
            for x, nodes in enumerate(self.columns)
            for node, y in zip(nodes, spread(len(nodes), PITCH), strict=True)
        }

    def labels(self, gap: float) -> dict[tuple[Node, Node], tuple[float, float]] | None:
        """Return the place of the label of each arrow, or None if they do not fit."""
        places, size = self.boxes(gap), LABEL / (72 * INCHES)
        spots: dict[tuple[Node, Node], tuple[float, float]] = {}
        arrows = self.paths.arrows()
        for i, (before, after) in enumerate(pairwise(self.columns)):
            between = [pair for pair in arrows if pair[0] in before and pair[1] in after]
            lines = [
                (
                    (places[tail][0] + WIDE, places[tail][1]),
                    (places[head][0] - WIDE, places[head][1]),
                )
                for tail, head in between
            ]
            widths = [number_width(plain_number(self.paths.derivative(*pair))) for pair in between]
            sizes = [((width + 0.4) * size, 1.5 * size) for width in widths]
            inside = (gap * i + WIDE + 0.02, gap * (i + 1) - WIDE - 0.15)
            found = label_places(lines, sizes, inside, rotated=False)
            if found is None:
                return None
            spots |= dict(zip(between, found, strict=True))
        return spots

    def limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the limits of both axes, with room for the title and the products."""
        reach = PITCH * (self.rows - 1) / 2 + HIGH
        below = 0.75 + LINE * len(self.lines()) + NOTE_LINE * len(self.notes())
        return (-WIDE - 0.2, self.right() + 0.2), (-reach - below, reach + 1.25)

    def right(self) -> float:
        """Return the right end of the boxes."""
        return self.gap * (len(self.columns) - 1) + WIDE

    def notes(self) -> list[str]:
        """Return the lines of the notes below the products."""
        letters = int((self.right() + WIDE) * INCHES * 72 / (0.52 * NOTE))
        return [line for words in self.paths.notes() for line in wrap(words, max(letters, 40))]

    def draw(self, ax: Axes) -> None:
        """Draw the boxes, the arrows and the products on an Axes."""
        self.ax, self.paper = ax, Paper(ax)
        arrows = self.paths.arrows()
        for tail, head in arrows:
            self.draw_arrow(tail, head)
        self.head_columns()
        for node in self.places:
            self.draw_box(node)
        self.list_products()
        layer, j, k = self.paths.weight
        name = f"w_{{{indices(j, k)}}}^{{{self.above(layer)}}}"
        total = number(self.paths.gradient)
        title = rf"$\partial C/\partial {name} = {total}$"
        look = {"color": self.paper.ink, "math_fontfamily": "stix", "fontsize": 12 * self.scale}
        ax.set_title(title, y=1.0, pad=-12, **look)
        (left, right), (low, high) = self.limits()
        ax.set(xlim=(left, right), ylim=(low, high), aspect="equal")
        ax.set_axis_off()

    def draw_box(self, node: Node) -> None:
        """Draw the box of a node with its symbol and its value."""
        from matplotlib.patches import FancyBboxPatch

        x, y = self.places[node]
        corner = (x - WIDE + 0.1, y - HIGH + 0.1)
        size = (2 * (WIDE - 0.1), 2 * (HIGH - 0.1))
        look = {"facecolor": self.paper.ground, "edgecolor": self.paper.ink, "linewidth": 1.2}
        style = "round,pad=0.1,rounding_size=0.18"
        if self.paths.is_off(node):
            look["linestyle"] = (0, (3, 2))
        name = f"{node.kind} {node.layer} {node.neuron}"
        self.ax.add_patch(FancyBboxPatch(corner, *size, style, gid=name, zorder=3, **look))
        self.write(x, y + 0.15, f"${self.symbol(node)}$", 11)
        self.write(x, y - 0.22, f"${number(self.paths.value(node))}$", 8.5)

    def head_columns(self) -> None:
        """Write above the arrows which derivative they carry."""
        top = max(y for _, y in self.places.values()) + HIGH + 0.45
        for i, (before, after) in enumerate(pairwise(self.columns)):
            tail, head = (self.kind(nodes[0]) for nodes in (before, after))
            name = rf"$\partial {head}/\partial {tail}$"
            self.write(self.gap * (i + 0.5), top, name, 9)

    def draw_arrow(self, tail: Node, head: Node) -> None:
        """Draw an arrow with its derivative, in the color of its path if it has only one."""
        (x0, y0), (x1, y1) = self.places[tail], self.places[head]
        through = [i for i, path in enumerate(self.listed) if (tail, head) in path.arrows]
        several = len(self.listed) > 1
        color = self.paper.ink if several and len(through) != 1 else self.paper.palette[0]
        if several and len(through) == 1:
            color = self.paper.palette[through[0]]
        if not through:
            color = self.paper.faint
        arrow = {
            "arrowstyle": "-|>",
            "color": color,
            "linewidth": 1.8 * self.scale,
            "shrinkA": 0,
            "shrinkB": 0,
        }
        ends = {"xytext": (x0 + WIDE, y0), "xy": (x1 - WIDE, y1)}
        self.ax.annotate("", **ends, arrowprops=arrow, zorder=2)
        middle = ((x0 + x1) / 2, (y0 + y1) / 2)
        x, y = middle if self.spots is None else self.spots[tail, head]
        box = {"facecolor": self.paper.ground, "edgecolor": "none", "pad": 1.0, "alpha": 0.92}
        text = f"${number(self.paths.derivative(tail, head))}$"
        self.write(x, y, text, LABEL, bbox=box)

    def lines(self) -> list[tuple[str, int | None]]:
        """Return a line per path, of its factors and their product, and one for their sum.

        Each comes with the number of its path, or None.
        """
        lines: list[tuple[str, int | None]] = []
        for i, path in enumerate(self.listed):
            factors = r" \cdot ".join(bracketed(value) for value in path.factors)
            ends = ", ".join(f"${self.symbol(node)}$" for node in path.turns)
            words = f"  through {ends}" if ends and len(self.listed) > 1 else ""
            lines.append((f"${factors} = {number(path.product)}${words}", i))
        terms = [path.product for path in self.listed]
        more = self.paths.count - len(self.listed)
        if more:
            rest = self.paths.gradient - sum(terms)
            lines.append((f"{more:,} more path{'s' if more > 1 else ''}: ${number(rest)}$", None))
            terms.append(rest)
        if len(terms) > 1:
            layer, j, k = self.paths.weight
            letter = r"\tilde{a}" if self.paths.scaled and layer == 1 else "a"
            before = f"{letter}_{{{k}}}^{{{self.above(layer - 1)}}}"
            delta = rf"\delta_{{{j}}}^{{{self.above(layer)}}} \, {before}"
            total = " + ".join(bracketed(term) for term in terms)
            result = number(self.paths.gradient)
            weight = f"w_{{{indices(j, k)}}}^{{{self.above(layer)}}}"
            sums = rf"\partial C/\partial {weight} = {delta}"
            lines.append((f"Their sum: ${total} = {result} = {sums}$", None))
        return lines

    def list_products(self) -> None:
        """Write the lines of products and the notes below them."""
        (left, _), (low, _) = self.limits()
        lines, notes = self.lines(), self.notes()
        x, y = left + 0.3, low + 0.3 + LINE * (len(lines) - 1) + NOTE_LINE * len(notes)
        for text, path in lines:
            color = self.paper.ink if path is None else self.paper.palette[path]
            if len(self.listed) == 1:
                color = self.paper.palette[0]
            self.ax.plot([x - 0.2, x - 0.2], [y - 0.16, y + 0.16], color=color, linewidth=4)
            self.write(x, y, text, 10.5, ha="left")
            y -= LINE
        for i, note in enumerate(reversed(notes)):
            self.write(x, low + 0.1 + NOTE_LINE * i, note, NOTE, ha="left")

    def write(self, x: float, y: float, text: str, size: float, **options: Any) -> None:
        """Write text in the mathematical font, centered by default."""
        look = {"math_fontfamily": "stix", "color": self.paper.ink, "zorder": 4}
        settings = {"ha": "center", "va": "center", **look, **options}
        self.ax.text(x, y, text, fontsize=size * self.scale, **settings)

    def above(self, layer: int) -> str:
        """Return the superscript of a layer."""
        return superscript(layer, self.paths.last, self.notation)

    def symbol(self, node: Node) -> str:
        """Return a node in the notation of the derivation."""
        if node.kind == "C":
            return "C_0"
        index = f"{node.neuron}"
        if node.kind == "w":
            index = indices(node.neuron, self.paths.weight[2])
        return f"{node.kind}_{{{index}}}^{{{self.above(node.layer)}}}"

    def kind(self, node: Node) -> str:
        """Return the symbol of all nodes of a column."""
        return "C_0" if node.kind == "C" else f"{node.kind}^{{{self.above(node.layer)}}}"


def indices(j: int, k: int) -> str:
    """Return the indices of a weight for a formula."""
    return below(j, k).replace(",", "{,}")


def bracketed(value: float) -> str:
    """Return a factor of a product; a negative one is in brackets."""
    return f"({number(value)})" if value < 0 else number(value)
