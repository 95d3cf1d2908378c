"""From the costs of the core to the losses that scikit-learn reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._data import Samples

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..network import Network
    from ._base import BaseMLP


class Loss:
    """The loss of epochs: the mean over the batches, with penalties.

    Two losses differ from the cost that the core minimises. The Poisson deviance has terms of y
    alone, y ln y - y. And where `sklearn_compat` asks for the gradients of several outputs as
    scikit-learn has them, they belong to a cost that is `divisor` times the loss.
    """

    def __init__(self, mlp: BaseMLP, net: Network, samples: Samples) -> None:
        self.divisor = divisor(mlp, net)
        self.penalised = any(layer.l1 or layer.l2 for layer in net.layers)
        self.batch, self.weights = mlp.batch_size, samples.weights
        self.constants = constants(net, samples)

    def of_epoch(self, cost: float, order: AnyArray) -> float:
        """The loss of an epoch that came to this cost in this order."""
        loss = cost / self.divisor
        if self.constants is None:
            return loss
        if self.weights is None:
            return loss + float(self.constants.mean())
        n = len(order)
        size = min(200, n) if self.batch == "auto" else min(self.batch, n)
        starts = np.arange(0, n, size)
        weights = self.weights[order].astype(float)
        sums = np.add.reduceat(weights * self.constants[order], starts)
        counts = np.diff([*starts, n])
        totals = np.add.reduceat(weights, starts)
        means = np.divide(sums, totals, out=np.zeros_like(sums), where=totals > 0)
        return loss + float((counts * means).sum() / n)

    def of_data(self, cost: float) -> float:
        """The loss of all samples at once, without penalties."""
        loss = cost / self.divisor
        if self.constants is not None:
            loss += float(np.average(self.constants, weights=self.weights))
        return loss


def divisor(mlp: BaseMLP, net: Network) -> int:
    """How many times the loss the cost of the core is."""
    return net.sizes[-1] if mlp._sums_outputs(net.sizes[-1]) else 1


def constants(net: Network, samples: Samples) -> Array | None:
    """The terms of a sample's loss that depend on its targets alone, (m,); None for none."""
    if net.cost != "poisson":
        return None
    y = samples.y
    if y.ndim == 1:  # classes stand for rows of one 1, whose terms are 0 and -1
        return np.full(len(y), -1.0)
    y = y.astype(float)
    logs = np.log(y, out=np.zeros_like(y), where=y > 0)
    terms: Array = (y * logs - y).sum(axis=1)
    return terms
