"""Kinks of activations and costs, at which a network has no derivative."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..explain.layer_norm_values import normalized
from ..explain.quantities import activation_rows, cost_row
from ..training.scores import one_hot

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..network import Network


class Kinks:
    """The sides of all kinks on which the samples of a batch lie."""

    def __init__(self, net: Network, X: Array, y: AnyArray) -> None:
        self.net, self.X, self.y = net, X, y
        self.targets = one_hot(y, net.sizes[-1]) if y.ndim == 1 else y
        rows = enumerate(activation_rows(net))
        self.of_layers = [(i, row.kinks) for i, row in rows if row.kinks]
        self.cost = cost_row(net)

    def __bool__(self) -> bool:
        return bool(self.of_layers) or self.cost.kink is not None

    def sides(self) -> list[AnyArray]:
        """Return -1, 0 or 1 for each z and each of its kinks, with the current parameters."""
        trace = self.net._core.backward(self.X, self.y, None)
        zs, a = trace[1], trace[2][-1]
        gains, shifts = self.net.gains, self.net.shifts
        sides = []
        for i, kinks in self.of_layers:
            norm = normalized(zs[i], gains[i], shifts[i])
            seen = zs[i] if norm is None else norm.seen
            sides += [np.sign(seen - kink) for kink in kinks]
        if self.cost.kink is not None:
            sides.append(np.sign(self.cost.kink(a, self.targets, **self.cost.values)))
        return sides
