"""A drawing of a network whose numbers and colors change while all else stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .drawing import EQUALS, SPACE, Drawing, Quantity, Values, width_of
from .numerals import Numerals, Place
from .style import plain_number

if TYPE_CHECKING:
    from matplotlib.artist import Artist


class MovingDrawing(Drawing):
    """A `Drawing` of the first frame that `update` changes to the numbers of another frame.

    An equation consists of its symbol, which stays, and its number, which is an outline.
    """

    def start(self) -> None:
        """Prepare to draw."""
        self.edges: list[tuple[Any, int, Any, Any]] = []
        self.filled: list[tuple[Quantity, Any]] = []  # circles and boxes
        self.inked: list[tuple[Quantity, Any]] = []  # symbols on them
        self.quantities: list[Quantity] = []
        self.on_fill: list[bool] = []
        self.number_places: list[Place] = []

    def draw(self, ax: Any, colors: bool = True) -> None:
        """Draw the first frame on an Axes."""
        self.start()
        super().draw(ax, colors)
        self.numerals = Numerals(ax, self.number_places)
        self.update(self.values)
        for text in ax.texts:
            text.set_in_layout(False)  # all lie within the limits
        for _, text in self.inked:
            text.set_zorder(4.5)  # above all that stays, which is one overlay

    def update(self, values: Values) -> list[Artist]:
        """Show the numbers of another frame; return the artists that have changed."""
        self.values = values
        for edges in self.edges:
            super().color_edges(*edges)
        fills = {quantity: self.fill_of(quantity) for quantity, _ in self.filled}
        for quantity, artist in self.filled:
            artist.set_facecolor(fills[quantity])
        for quantity, text in self.inked:
            text.set_color(self.paper.text_on(fills[quantity]))
        inks = [
            self.paper.text_on(fills[quantity]) if on_fill else self.paper.ink
            for quantity, on_fill in zip(self.quantities, self.on_fill, strict=True)
        ]
        numbers = [plain_number(values.of(quantity)) for quantity in self.quantities]
        self.numerals.write(numbers, inks)
        changed = [collection for collection, *_ in self.edges]
        changed += [artist for _, artist in self.filled + self.inked]
        return [*changed, self.numerals.artist, self.ax.title]

    # The parts of the drawing.

    def color_edges(self, collection: Any, layer: int, pairs: Any, lines: Any) -> None:
        """Give the edges their values, and keep them for the other frames."""
        self.edges.append((collection, layer, pairs, lines))
        super().color_edges(collection, layer, pairs, lines)

    def add_neuron(self, quantity: Quantity, circle: Any) -> None:
        """Add the circle of a neuron, and keep it for the other frames."""
        self.filled.append((quantity, circle))
        super().add_neuron(quantity, circle)

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
        """Write a symbol, and keep the place of its number to its right."""
        size *= self.scale
        left = width_of(symbol) + SPACE + EQUALS
        total = left + SPACE + self.number_width
        start = -total / 2 * size if ha == "center" else 0.0
        if box:
            self.add_box(x, y, (start, total * size, size), degrees, quantity, box)
        spot = {"transform": self.local(x, y, degrees), "rotation": degrees}
        look = {"rotation_mode": "anchor", "math_fontfamily": "stix", "fontsize": size}
        align = {"ha": "left", "va": "center", "zorder": 4 if box != "label" else 2.1}
        text = self.ax.text(start, 0, f"${symbol} =$", **spot, **look, **align)
        text.set_color(self.paper.ink)
        if box == "fill":
            self.inked.append((quantity, text))
        shift = (start + (left + SPACE) * size, 0.0)
        self.keep(quantity, Place(x, y, shift, size, degrees=degrees), box == "fill")

    def keep(self, quantity: Quantity, place: Place, on_fill: bool) -> None:
        """Keep the place of a number."""
        self.quantities.append(quantity)
        self.on_fill.append(on_fill)
        self.number_places.append(place)

    def local(self, x: float, y: float, degrees: float) -> Any:
        """Return the transform of points around a place of the drawing."""
        from matplotlib.transforms import Affine2D, ScaledTranslation

        figure: Any = self.ax.figure
        points = Affine2D().rotate_deg(degrees).scale(1 / 72) + figure.dpi_scale_trans
        return points + ScaledTranslation(x, y, self.ax.transData)

    def add_box(
        self,
        x: float,
        y: float,
        extent: tuple[float, float, float],
        degrees: float,
        quantity: Quantity,
        box: str,
    ) -> None:
        """Add the box of an equation, from a start with a width and a height in points."""
        from matplotlib.patches import FancyBboxPatch

        start, width, size = extent
        label = box == "label"
        height, pad = (1.3 * size, 0.8) if label else (1.3 * size, 0.15 * size)
        look: dict[str, Any] = {"edgecolor": "none", "zorder": 2 if label else 3.5}
        look["alpha"] = 0.9 if label else 1.0
        style = f"round,pad={pad},rounding_size={pad}"
        patch = FancyBboxPatch((start, -height / 2), width, height, style, **look)
        patch.set_facecolor(self.paper.ground)
        patch.set_transform(self.local(x, y, degrees))
        self.ax.add_patch(patch)
        if not label:
            self.filled.append((quantity, patch))

    def symbol(self, x: float, y: float, symbol: str, quantity: Quantity, size: float) -> None:
        """Write a symbol in its neuron."""
        super().symbol(x, y, symbol, quantity, size)
        self.inked.append((quantity, self.ax.texts[-1]))

    def amount(self, x: float, y: float, quantity: Quantity, size: float) -> None:
        """Keep the place of a number in its neuron."""
        place = Place(x, y, (0.0, 0.0), size * self.scale, align=0.5)
        self.keep(quantity, place, on_fill=True)
