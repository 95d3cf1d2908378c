"""The epoch loop: mini-batches in a shuffled order, in slices of time."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .activation import Array
from .random import shuffled_order

if TYPE_CHECKING:
    from .network import Network


def train(
    network: Network,
    X: Array,  # (n, n_0)
    y: NDArray[Any],  # (n, n_L), or class labels (n,)
    *,
    batch_size: int,
    learning_rate: float,
    shuffle: bool,
    seed: int,
    epoch: int,
    step: int,
    cost_sum: float,
    stop_epoch: int,
    budget: float,  # seconds; at least one step is done
) -> tuple[list[float], int, int, float]:
    """Go on from (epoch, step, cost_sum) to `stop_epoch`, or until the budget is spent.

    Returns the costs of the epochs that ended in this call and where to go on. The cost of an
    epoch is the mean over its samples, each taken just before the update of its own batch.
    """
    n = len(X)
    costs: list[float] = []
    deadline = perf_counter() + budget
    while epoch < stop_epoch:
        order = shuffled_order(n, seed, epoch) if shuffle else np.arange(n)
        while step * batch_size < n:
            rows = order[step * batch_size : (step + 1) * batch_size]
            cost_sum += len(rows) * network.step(X[rows], y[rows], learning_rate)
            step += 1
            if step * batch_size < n and perf_counter() >= deadline:
                return costs, epoch, step, cost_sum
        costs.append(cost_sum / n)
        epoch, step, cost_sum = epoch + 1, 0, 0.0
        if perf_counter() >= deadline:
            break
    return costs, epoch, step, cost_sum
