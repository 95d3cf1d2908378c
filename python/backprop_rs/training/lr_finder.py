"""The learning-rate range test (Smith 2017, Cyclical Learning Rates, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.random import shuffled_order

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..base_network import BaseNetwork
    from .samples import Samples

FAR = 4.0  # times the cost of the untrained network, at which the test ends
WIDTH = 4.0  # steps over which costs are smoothed, as a standard deviation
TINY = 1e-300


@dataclass
class LearningRates:
    """Costs at learning rates that grow from step to step.

    Attributes
    ----------
    rates, costs : list of float
        The rate of each step, and the cost of its batch before it.
    smooth : list of float
        An estimate of the mean cost of all samples from the steps nearby: the cost of the
        untrained network plus the smoothed mean of the change of each batch.
    suggestion : float
        The geometric mean of two rates: that at which `smooth` falls fastest against the
        logarithm of the rate, and that at which it is smallest.
    """

    rates: list[float]
    costs: list[float]
    smooth: list[float]
    suggestion: float

    def __repr__(self) -> str:
        return f"LearningRates(suggestion={self.suggestion:.3g}, {len(self.rates)} steps)"

    def plot(self, ax: Any = None) -> Any:
        """Draw the curve with the suggestion on a Matplotlib Axes.

        Raises
        ------
        ImportError
            If Matplotlib is missing (``pip install matplotlib``).
        """
        from ..plot import learning_rates

        return learning_rates(self, ax)


def find(
    net: BaseNetwork,
    samples: Samples,
    batch_size: int,
    optimizer: str,
    low: float,
    high: float,
    n: int,
) -> LearningRates:
    """Train a copy for n steps, or until its cost is far above that of the untrained network."""
    from copy import deepcopy

    twin = deepcopy(net)
    twin._use_optimizer(optimizer)
    rates: list[float] = []
    costs: list[float] = []
    changes: list[float] = []
    before = net._core.mean_cost(samples.X, samples.y, samples.weights)
    batches = rows_of_batches(len(samples), batch_size, n, net.seed)
    for rate, rows in zip(np.geomspace(low, high, n), batches, strict=True):
        part = samples.rows(rows)
        untrained = net._core.mean_cost(part.X, part.y, part.weights)
        cost = twin._one_step(part.X, part.y, float(rate), part.weights)
        if not np.isfinite(cost) or cost > FAR * untrained:
            break
        rates.append(float(rate))
        costs.append(cost)
        changes.append(cost - untrained)  # unlike costs, comparable between easy and hard batches
    if not rates:
        raise ValueError(f"low must be a learning rate with a finite cost; got {low:g}")
    smooth = before + smoothed(changes)
    return LearningRates(rates, costs, [float(cost) for cost in smooth], suggested(rates, smooth))


def rows_of_batches(n: int, batch_size: int, steps: int, seed: int) -> list[AnyArray]:
    """Return the rows of the batches of as many epochs as the steps need."""
    batches: list[AnyArray] = []
    epoch = 0
    while len(batches) < steps:
        order = shuffled_order(n, seed, epoch)
        batches += [order[i : i + batch_size] for i in range(0, n, batch_size)]
        epoch += 1
    return batches[:steps]


def smoothed(values: list[float]) -> Array:
    """Return means with the weights of a normal distribution over the steps nearby."""
    steps = np.arange(len(values))
    weights = np.exp(-0.5 * np.square((steps[:, None] - steps) / WIDTH))
    means: Array = weights @ np.array(values) / weights.sum(axis=1)
    return means


def suggested(rates: list[float], costs: Array) -> float:
    """Return the rate half-way, in the logarithm, from the steepest fall to the smallest cost.

    The rate of the steepest fall alone is cautious, and that of the smallest cost is close to
    divergence. The steepest fall is searched where 10 % to 90 % of the fall are done, because the
    costs before are mostly noise.
    """
    if len(rates) < 3:
        return rates[0]
    best = int(np.argmin(costs))
    fallen = (costs[0] - costs) / max(costs[0] - costs[best], TINY)
    slopes = np.gradient(costs, np.log(rates))
    between = (np.arange(len(rates)) <= best) & (fallen >= 0.1) & (fallen <= 0.9)
    steepest = int(np.argmin(np.where(between, slopes, np.inf))) if between.any() else best
    return float(np.sqrt(rates[steepest] * rates[best]))
