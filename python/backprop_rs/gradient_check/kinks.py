"""Where a network has no derivative: kinks of activations at some z, and of costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..reference.activation import activation
from ..reference.cost import cost

if TYPE_CHECKING:
    from .._types import AnyArray, Array
    from ..network import Network


class Kinks:
    """On which side of each kink a network is, for each sample."""

    def __init__(self, net: Network, X: Array, y: AnyArray) -> None:
        self.net, self.X, self.y = net, X, y
        self.targets = np.eye(net.sizes[-1])[y] if y.ndim == 1 else y
        names = [*net.activation, net.output]
        self.of_layers = [(i, kinks_of(name)) for i, name in enumerate(names) if kinks_of(name)]
        self.of_cost = kink_of_cost(net.cost)

    def __bool__(self) -> bool:
        return bool(self.of_layers) or self.of_cost is not None

    def sides(self) -> list[AnyArray]:
        """-1, 0 or 1 for each z and each of its kinks, with the network's present parameters."""
        trace = self.net._core.backward(self.X, self.y, None)
        zs, a = trace[1], trace[2][-1]
        sides = [np.sign(zs[i] - kink) for i, kinks in self.of_layers for kink in kinks]
        if self.of_cost is not None:
            row = cost(self.net.cost)
            sides.append(np.sign(self.of_cost(a, self.targets, **row.values)))
        return sides


def kinks_of(name: str) -> tuple[float, ...]:
    """Of an activation that is not in the table none is known."""
    try:
        return activation(name).kinks
    except ValueError:
        return ()


def kink_of_cost(name: str) -> Callable[..., Array] | None:
    try:
        return cost(name).kink
    except ValueError:
        return None
