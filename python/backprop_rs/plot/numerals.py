"""Numbers as outlines of glyphs: drawn together, many times faster than as texts.

Films use them: the layout of a text takes milliseconds, and a frame has dozens of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

    from .._internal.types import AnyArray

FAMILY = "STIXGeneral"  # that of the formulas
UNIT = 100.0  # the size at which outlines are read
RAISED, RAISED_SIZE = 0.38, 0.7  # exponents, relative to the size of the number
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789−", strict=True))


class Outline(NamedTuple):
    """The outline of a glyph or of a number of size 1, and its width."""

    vertices: AnyArray
    codes: AnyArray
    width: float


class Place(NamedTuple):
    """Where a number stands.

    Attributes
    ----------
    x, y : float
        A point of the drawing.
    shift : pair of float
        From there to the anchor, in points, before the rotation.
    size : float
        In points.
    align : float
        The share of the width that lies left of the anchor: 0 or 0.5.
    degrees : float
        The rotation.
    """

    x: float
    y: float
    shift: tuple[float, float]
    size: float
    align: float = 0.0
    degrees: float = 0.0


@cache
def glyph(letter: str) -> Outline:
    """Return the outline of a letter."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath, text_to_path

    face = FontProperties(family=FAMILY)
    path = TextPath((0, 0), letter, size=UNIT, prop=face)
    one, two = (
        text_to_path.get_text_width_height_descent(n * letter, face, False)[0] for n in (1, 2)
    )
    width = (two - one) / face.get_size_in_points()  # without the margin of the ink
    return Outline(np.asarray(path.vertices) / UNIT, np.asarray(path.codes), width)


def outline(text: str) -> Outline:
    """Return the outline of a number; raised digits are an exponent."""
    x, vertices, codes = 0.0, [], []
    for letter in text:
        plain = SUPERSCRIPTS.get(letter)
        scale, raised = (1.0, 0.0) if plain is None else (RAISED_SIZE, RAISED)
        drawn = glyph(plain or letter)
        vertices.append(drawn.vertices * scale + (x, raised))
        codes.append(drawn.codes)
        x += drawn.width * scale
    return Outline(np.concatenate(vertices), np.concatenate(codes), x)


class Numerals:
    """Numbers on an Axes, at fixed places."""

    def __init__(self, ax: Axes, places: Sequence[Place]) -> None:
        from matplotlib.collections import PathCollection
        from matplotlib.transforms import Affine2D

        self.places = list(places)
        self.turns = [Affine2D().rotate_deg(place.degrees).get_matrix()[:2, :2] for place in places]
        self.artist: PathCollection = PathCollection(
            [],
            offsets=[(place.x, place.y) for place in places],
            offset_transform=ax.transData,
            linewidths=0,
            zorder=5,
        )
        # Points to pixels.
        self.artist.set_transform(Affine2D().scale(1 / 72) + ax.figure.dpi_scale_trans)
        self.artist.set_in_layout(False)
        ax.add_collection(self.artist, autolim=False)

    def write(self, texts: Sequence[str], colors: Sequence[Any]) -> None:
        """Show other numbers, each in a color."""
        from matplotlib.path import Path

        paths = []
        for text, place, turn in zip(texts, self.places, self.turns, strict=True):
            drawn = outline(text)
            middle = (place.align * drawn.width, 0.33)  # half the height of a digit
            points = (drawn.vertices - middle) * place.size + place.shift
            paths.append(Path(points @ turn.T, drawn.codes))
        self.artist.set_paths(paths)
        self.artist.set_facecolor(colors)
