"""Convert costs of the core to the losses that scikit-learn reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._data import Samples

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..network import Network
    from ._types import Estimator


class Loss:
    """The loss of an epoch: the mean over the batches, with penalties.

    Two losses differ from the cost that the core minimizes. The Poisson deviance has terms that
    only depend on y: y ln y - y. And if `sklearn_compat` asks for scikit-learn's gradients of
    several outputs, the cost is `divisor` times the loss.
    """

    def __init__(self, mlp: Estimator, net: Network, samples: Samples) -> None:
        self.divisor = divisor(mlp, net)
        self.has_penalty = any(layer.l1 or layer.l2 for layer in net.layers)
        self.batch_size, self.weights = mlp.batch_size, samples.weights
        self.constants = constants(net, samples)

    def of_epoch(self, cost: float, order: AnyArray) -> float:
        """Return the loss of an epoch from its cost and the order of its samples."""
        loss = cost / self.divisor
        if self.constants is None:
            return loss
        if self.weights is None:
            return loss + float(self.constants.mean())
        n = len(order)
        size = min(200, n) if self.batch_size == "auto" else min(self.batch_size, n)
        # The cost is the mean over batches, each weighted by its size: so are the constants.
        starts = np.arange(0, n, size)
        weights = self.weights[order].astype(float)
        sums = np.add.reduceat(weights * self.constants[order], starts)
        counts = np.diff([*starts, n])
        totals = np.add.reduceat(weights, starts)
        means = np.divide(sums, totals, out=np.zeros_like(sums), where=totals > 0)
        return loss + float((counts * means).sum() / n)

    def of_data(self, cost: float) -> float:
        """Return the loss of all samples from their cost, without penalties."""
        loss = cost / self.divisor
        if self.constants is not None:
            loss += float(np.average(self.constants, weights=self.weights))
        return loss


def divisor(mlp: Estimator, net: Network) -> int:
    """Return the ratio of the cost of the core to the loss."""
    return net.sizes[-1] if mlp._sums_outputs(net.sizes[-1]) else 1


def constants(net: Network, samples: Samples) -> Array | None:
    """Return the terms of each loss that only depend on the targets, (m,), or None."""
    if net.cost != "poisson":
        return None
    y = samples.y
    if y.ndim == 1:  # one-hot rows: the term of 1 is -1, that of 0 is 0
        return np.full(len(y), -1.0)
    y = y.astype(float)
    logs = np.log(y, out=np.zeros_like(y), where=y > 0)
    terms: Array = (y * logs - y).sum(axis=1)
    return terms
