"""Axes, colors and text that all pictures share.

Color-blind readers can tell blue and orange apart. Without color, dashed lines show negative
signs, and dashes and marks tell curves apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.expression import Number
from ..explain.latex import Latex
from ..explain.text import Text
from .contrast import READABLE, ground_of, luminance

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from .._internal.types import AnyArray

MISSING = "a picture needs Matplotlib: pip install matplotlib"

# For light and dark backgrounds, in the order of Okabe & Ito 2008, Color Universal Design.
LIGHT = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8A6D00", "#56B4E9", "#5D3A9B", "#737373")
DARK = ("#56B4E9", "#FF9A3C", "#2FC79A", "#E7A3CB", "#F0E442", "#9BD7FF", "#B79CF2", "#B5B5B5")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)), (0, (3, 3)))
MARKS = ("o", "s", "^", "D", "v", "P", "X", "p")
BLUES = {False: ("#08436E", "#2E86C1"), True: ("#A8DBFF", "#3E9BDC")}  # strong end, middle
ORANGES = {False: ("#A63C00", "#F08A24"), True: ("#FFD3A1", "#F08A24")}
FILLS = ("#59AFFF", "#FF9640")  # black text can be read on them, also if a dark page inverts them


def new_axes(ax: Axes | None, size: tuple[float, float] = (6.4, 4.4)) -> Axes:
    """Return the Axes to draw on, by default that of a new figure of `size` inches.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    """
    require()
    if ax is None:
        import matplotlib.pyplot as plt

        from .figure import Picture

        figure = plt.figure(figsize=size, layout="constrained", FigureClass=Picture)
        ax = figure.subplots()
    return ax


def text_scale(ax: Axes | None, size: tuple[float, float]) -> float:
    """Return the factor of text sizes on an Axes, at most 1, which is that of `size` inches."""
    if ax is None:
        return 1.0
    dots = ax.figure.dpi
    shares = (ax.bbox.width / dots / size[0], ax.bbox.height / dots / size[1])
    return float(min(1.0, *shares))


def require() -> None:
    """Raise ImportError if Matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(MISSING) from error


class Paper:
    """The colors that suit the light or dark background of an Axes.

    Attributes
    ----------
    ground : (3,) array
        The color of the background.
    is_dark : bool
    ink : str
        The color of text and outlines.
    faint : str
        The color of grids and other secondary lines.
    palette : tuple of str
        One color per curve or class.
    """

    def __init__(self, ax: Axes) -> None:
        self.ground = ground_of(ax)
        self.is_dark = luminance(self.ground) < READABLE
        self.ink = "#F2F2F2" if self.is_dark else "#1A1A1A"
        self.faint = "#6E6E6E" if self.is_dark else "#A6A6A6"
        self.palette = DARK if self.is_dark else LIGHT

    def diverging(self) -> Colormap:
        """Return a color map with blue below 0, orange above, and nearly the background at 0."""
        from matplotlib.colors import LinearSegmentedColormap

        low, high = BLUES[self.is_dark], ORANGES[self.is_dark]
        colors = [*low, self.middle(), *high[::-1]]
        return LinearSegmentedColormap.from_list("blue_orange", colors)

    def fills(self) -> Colormap:
        """Return a color map like `diverging` for backgrounds of text."""
        from matplotlib.colors import LinearSegmentedColormap

        if self.is_dark:
            return self.diverging()
        colors = [FILLS[0], self.middle(), FILLS[1]]
        return LinearSegmentedColormap.from_list("light_blue_orange", colors)

    def middle(self) -> tuple[float, ...]:
        """Return the color of 0, nearly that of the background."""
        share = 0.22 if self.is_dark else 0.12
        return tuple((1 - share) * self.ground + share * (1 - self.ground))

    def sequential(self) -> Colormap:
        """Return a color map from nearly the background to blue."""
        from matplotlib.colors import LinearSegmentedColormap

        start = tuple(0.96 * self.ground + 0.04 * (1 - self.ground))
        ends = BLUES[True][::-1] if self.is_dark else FILLS[:1]
        return LinearSegmentedColormap.from_list("blues", [start, *ends])

    def shades(self, n: int) -> list[Any]:
        """Return n colors in a visible order, from blue through olive to yellow."""
        from matplotlib import colormaps

        ends = (0.25, 1.0) if self.is_dark else (0.0, 0.85)
        return [color[:3] for color in colormaps["cividis"](np.linspace(*ends, n))]

    def text_on(self, color: Any) -> str:
        """Return black or white, whichever has more contrast on this color."""
        from matplotlib.colors import to_rgb

        return "#000000" if luminance(np.array(to_rgb(color))) > READABLE else "#FFFFFF"


def reach(values: AnyArray, minimum: float = 1e-12) -> float:
    """Return the largest finite |value|, for colors that are symmetric about 0."""
    finite = np.abs(values[np.isfinite(values)])
    return max(float(finite.max()), minimum) if finite.size else minimum


def tidy(ax: Axes, paper: Paper, **labels: Any) -> None:
    """Draw the frame on two sides only, a faint grid, and labels."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        ax.spines[side].set_color(paper.faint)
    ax.tick_params(colors=paper.ink, color=paper.faint)
    ax.grid(True, color=paper.faint, alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set(**labels)
    for text in (ax.xaxis.label, ax.yaxis.label, ax.title):
        text.set_color(paper.ink)


def legend(ax: Axes, paper: Paper, **options: Any) -> None:
    """Add a legend without a frame."""
    ax.legend(frameon=False, labelcolor=paper.ink, **options)


def curve_looks(paper: Paper, i: int) -> dict[str, Any]:
    """Return the color and dashes of curve i."""
    n = len(paper.palette)
    return {"color": paper.palette[i % n], "linestyle": DASHES[i % len(DASHES)]}


def color_bar(
    bar: Axes, paper: Paper, colors: Colormap, name: str, largest: float, scale: float
) -> None:
    """Draw a thin color bar from -largest to largest on an Axes."""
    bar.imshow(np.linspace(-1, 1, 101)[None], aspect="auto", cmap=colors)
    bar.set_yticks([])
    ends = (f"${number(-largest)}$", "$0$", f"${number(largest)}$")
    bar.set_xticks([0, 50, 100], ends, math_fontfamily="stix")
    bar.tick_params(labelsize=8 * scale, color=paper.faint, labelcolor=paper.ink)
    bar.set_title(name, fontsize=8.5 * scale, color=paper.ink, pad=2)
    for spine in bar.spines.values():
        spine.set_visible(False)


def number(value: float, digits: int = 3) -> str:
    r"""Return a number for a formula, rounded and written as in `Network.explain`.

    >>> number(-0.12345), number(12345.0), number(0.0)
    ('-0.123', '1.23 \\times 10^{4}', '0')
    """
    return Latex(digits)(Number(value))


def plain_number(value: float, digits: int = 3) -> str:
    """Return a number for plain text, rounded and written as in `Network.explain`.

    >>> plain_number(-0.12345), plain_number(12345.0)
    ('−0.123', '1.23×10⁴')
    """
    return Text(digits)(Number(value))
