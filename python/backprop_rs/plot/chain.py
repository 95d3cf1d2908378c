"""The dependency chain of one weight: C depends on a, a on z, z on w; through every path."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .._internal import checks
from ..explain.notation import NOTATIONS
from .layout import free_spots, spread, superscript
from .paths import Paths, paths_of
from .style import Paper, new_axes, number, text_scale
from .style import require as require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._internal.types import Data
    from ..base_network import BaseNetwork
    from .paths import Node

GAP, PITCH = 2.6, 1.3
WIDE, HIGH = 0.52, 0.42  # half of a box
LINE = 0.52  # distance between two lines of products
INCHES = 0.66
MAX_LINES = 6


def chain(
    net: BaseNetwork,
    x: Data,
    y: Data,
    layer: int,
    j: int,
    k: int,
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
    layer : int
        The layer of the weight, from 1 to L.
    j, k : int
        w_jk leads from neuron k of the layer before to neuron j of this one, counted from 0.
    ax : Axes, optional
        The default is that of a new figure.
    max_neurons : int, default 4
        The neurons to draw of each later layer: those with the largest part of ∂C/∂w. A note
        names the layers of which neurons are left out.
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
    drawing = Chain(paths_of(net, x, y, layer, j, k, max_neurons), notation, ax)
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
        self.places = {
            node: (GAP * x, y)
            for x, nodes in enumerate(self.columns)
            for node, y in zip(nodes, spread(len(nodes), PITCH), strict=True)
        }
        self.listed = paths.strongest(MAX_LINES)
        (left, right), (low, high) = self.limits()
        self.size = (INCHES * (right - left), INCHES * (high - low))
        self.scale = text_scale(ax, self.size)

    def limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the limits of both axes, with room for the title and the products."""
        reach = PITCH * (self.rows - 1) / 2 + HIGH
        lines = len(self.listed) + (self.paths.count > len(self.listed))
        below = 0.75 + LINE * lines + (0.3 if self.paths.note() else 0)
        right = GAP * (len(self.columns) - 1) + WIDE
        return (-WIDE - 0.2, right + 0.2), (-reach - below, reach + 1.25)

    def draw(self, ax: Axes) -> None:
        """Draw the boxes, the arrows and the products on an Axes."""
        self.ax, self.paper = ax, Paper(ax)
        arrows = self.paths.arrows()
        lines = [(self.places[tail], self.places[head]) for tail, head in arrows]
        for (tail, head), spot in zip(arrows, free_spots(lines, 0.5), strict=True):
            self.draw_arrow(tail, head, spot)
        self.head_columns()
        for node in self.places:
            self.draw_box(node)
        self.list_products()
        layer, j, k = self.paths.weight
        name = f"w_{{{j}{k}}}^{{{self.above(layer)}}}"
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
            self.write(GAP * (i + 0.5), top, name, 9)

    def draw_arrow(self, tail: Node, head: Node, spot: tuple[float, float]) -> None:
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
        share = 0.5 if y0 == y1 else (spot[0] - x0) / (x1 - x0)
        x, y = x0 + WIDE + share * (x1 - x0 - 2 * WIDE), y0 + share * (y1 - y0)
        box = {"facecolor": self.paper.ground, "edgecolor": "none", "pad": 1.0, "alpha": 0.92}
        text = f"${number(self.paths.derivative(tail, head))}$"
        self.write(x, y, text, 9.5, bbox=box)

    def list_products(self) -> None:
        """Write one line per path: its factors and their product; then the sum of the others."""
        (left, _), (low, _) = self.limits()
        x, lines = left + 0.3, len(self.listed) + (self.paths.count > len(self.listed))
        y = low + 0.3 + LINE * (lines - 1) + (0.3 if self.paths.note() else 0)
        for i, path in enumerate(self.listed):
            factors = r" \cdot ".join(bracketed(value) for value in path.factors)
            ends = ", ".join(f"${self.symbol(node)}$" for node in path.turns)
            words = f"  through {ends}" if ends and len(self.listed) > 1 else ""
            color = self.paper.palette[i if len(self.listed) > 1 else 0]
            self.ax.plot([x - 0.2, x - 0.2], [y - 0.16, y + 0.16], color=color, linewidth=4)
            text = f"${factors} = {number(path.product)}${words}"
            self.write(x, y, text, 10.5, ha="left")
            y -= LINE
        if self.paths.count > len(self.listed):
            rest = self.paths.gradient - sum(path.product for path in self.listed)
            more = self.paths.count - len(self.listed)
            text = f"and {more:,} more path{'s' if more > 1 else ''}: ${number(rest)}$"
            self.write(x, y, text, 10, ha="left")
        if self.paths.note():
            self.write(x, low + 0.1, self.paths.note(), 8.5, ha="left")

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
        index = f"{node.neuron}{self.paths.weight[2]}" if node.kind == "w" else f"{node.neuron}"
        return f"{node.kind}_{{{index}}}^{{{self.above(node.layer)}}}"

    def kind(self, node: Node) -> str:
        """Return the symbol of all nodes of a column."""
        return "C_0" if node.kind == "C" else f"{node.kind}^{{{self.above(node.layer)}}}"


def bracketed(value: float) -> str:
    """Return a factor of a product; a negative one is in brackets."""
    return f"({number(value)})" if value < 0 else number(value)
