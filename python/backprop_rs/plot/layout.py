"""Positions of the neurons of a drawing, and the neurons of a wide layer that are shown."""

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
        The position of the column.
    shown : tuple of int
        The neurons that are drawn, counted from 0.
    y : tuple of float
        The position of each of them.
    dots : float or None
        The position of the dots that stand for the neurons left out.
    n : int
        The number of neurons of the layer.
    """

    x: float
    shown: tuple[int, ...]
    y: tuple[float, ...]
    dots: float | None
    n: int

    @property
    def places(self) -> dict[int, tuple[float, float]]:
        """The (x, y) of each neuron that is drawn."""
        return {i: (self.x, y) for i, y in zip(self.shown, self.y, strict=True)}


def columns(
    sizes: list[int],
    max_neurons: int,
    gap: float,
    pitch: float,
    importance: Sequence[AnyArray] | None = None,
) -> list[Column]:
    """Return a column for each layer, centered about y = 0.

    Of a wide layer the first neurons and the last are shown or, with their `importance`, those
    that are most important.

    >>> columns([2, 100], 4, 1.0, 1.0)[1]
    Column(x=1.0, shown=(0, 1, 99), y=(1.5, 0.5, -1.5), dots=-0.5, n=100)
    """
    return [
        column(
            n,
            max_neurons,
            gap * number,
            pitch,
            None if importance is None else importance[number],
        )
        for number, n in enumerate(sizes)
    ]


def column(
    n: int, max_neurons: int, x: float, pitch: float, importance: AnyArray | None = None
) -> Column:
    """Return the places of a layer; wide ones show dots before the last neuron.

    >>> column(9, 4, 0.0, 1.0, np.array([0, 5, 0, 7, 0, 0, 9, 1, 0])).shown
    (1, 3, 6)
    """
    if n <= max_neurons:
        return Column(x, tuple(range(n)), tuple(spread(n, pitch)), None, n)
    *first, dots, last = spread(max_neurons, pitch)
    shown = [*range(max_neurons - 2), n - 1]
    if importance is not None:
        shown = sorted(np.argsort(-importance, kind="stable")[: max_neurons - 1].tolist())
    return Column(x, tuple(shown), (*first, last), dots, n)


def spread(n: int, pitch: float) -> list[float]:
    """Return n positions from top to bottom, centered about 0."""
    return [pitch * ((n - 1) / 2 - i) for i in range(n)]


def superscript(layer: int, last: int, notation: str) -> str:
    """Return a layer as a superscript: (1), (2), ... or ..., (L-1), (L).

    >>> superscript(1, 2, "number"), superscript(1, 2, "from_output")
    ('(1)', '(L{-}1)')
    """
    if notation == "number":
        return f"({layer})"
    return "(L)" if layer == last else f"(L{{-}}{last - layer})"
