"""Where the neurons of a drawing stand, and which of a wide layer are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .._internal.types import AnyArray


@dataclass(frozen=True)
class Column:
    """The neurons of one layer, from top to bottom.

    Attributes
    ----------
    x : float
        The place of the column.
    shown : tuple of int
        The neurons that are drawn, counted from 0.
    y : tuple of float
        Where each of them is.
    dots : float or None
        Where the dots of those left out are.
    n : int
        How many neurons the layer has.
    """

    x: float
    shown: tuple[int, ...]
    y: tuple[float, ...]
    dots: float | None
    n: int

    @property
    def places(self) -> dict[int, tuple[float, float]]:
        """(x, y) of each neuron that is drawn."""
        return {i: (self.x, y) for i, y in zip(self.shown, self.y, strict=True)}


def columns(sizes: list[int], most: int, gap: float, pitch: float) -> list[Column]:
    """A column for each layer, centred about y = 0.

    >>> columns([2, 100], 4, 1.0, 1.0)[1]
    Column(x=1.0, shown=(0, 1, 99), y=(1.5, 0.5, -1.5), dots=-0.5, n=100)
    """
    return [column(n, most, gap * number, pitch) for number, n in enumerate(sizes)]


def column(n: int, most: int, x: float, pitch: float) -> Column:
    if n <= most:
        places = spread(n, pitch)
        return Column(x, tuple(range(n)), tuple(places), None, n)
    *first, dots, last = spread(most, pitch)
    return Column(x, (*range(most - 2), n - 1), (*first, last), dots, n)


def spread(n: int, pitch: float) -> list[float]:
    """n places from top to bottom, centred about 0."""
    return [pitch * ((n - 1) / 2 - i) for i in range(n)]


def superscript(layer: int, last: int) -> str:
    """A layer as the derivation writes it: (L), (L-1), ...

    >>> superscript(1, 2), superscript(2, 2)
    ('(L{-}1)', '(L)')
    """
    return "(L)" if layer == last else f"(L{{-}}{last - layer})"


def free_spots(
    edges: Sequence[tuple[tuple[float, float], tuple[float, float]]], clearance: float
) -> list[tuple[float, float]]:
    """For each edge (start, end) a point of it for a label, far from other edges and labels.

    Edges are taken in turn; `clearance` is how much nearer than another edge a label of another
    edge may be.
    """
    lines = np.array(edges, float)
    taken: list[AnyArray] = []
    for i, (start, end) in enumerate(lines):
        others = np.delete(lines, i, axis=0)
        shares = np.linspace(0.25, 0.75, 21)[:, None]
        points = start + shares * (end - start)
        room = np.full(len(points), np.inf)
        for one in others:
            room = np.minimum(room, distances(points, *one))
        for label in taken:
            room = np.minimum(room, np.hypot(*(points - label).T) - clearance)
        room -= 0.15 * np.abs(shares[:, 0] - 0.5)  # of equals, the one in the middle
        taken.append(points[int(room.argmax())])
    return [(float(x), float(y)) for x, y in taken]


def distances(points: AnyArray, start: AnyArray, end: AnyArray) -> AnyArray:
    """How far each point (n, 2) is from a line between two."""
    along = end - start
    share = np.clip((points - start) @ along / (along @ along), 0, 1)[:, None]
    apart: AnyArray = np.hypot(*(points - start - share * along).T)
    return apart
