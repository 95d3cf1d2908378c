"""The learning-rate range test (Smith 2017, Cyclical Learning Rates, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..base_network import BaseNetwork
    from .samples import Samples

FAR = 4.0  # times the cost of the untrained network, where the test ends
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
        The mean cost of all samples, as the steps nearby let one guess it: the cost of the
        untrained network, plus the smoothed mean of what each batch has gained over it.
    suggestion : float
        The geometric mean of the rate at which `smooth` falls fastest against the logarithm of the
        rate, and of the rate at which it is least.
    """

    rates: list[float]
    costs: list[float]
    smooth: list[float]
    suggestion: float

    def __repr__(self) -> str:
        return f"LearningRates(suggestion={self.suggestion:.3g}, {len(self.rates)} steps)"

    def plot(self, ax: Any = None) -> Any:
        """The curve with the suggestion, on a Matplotlib Axes.

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
    """Train a copy for n steps, or until its cost is far above that of the beginning."""
    from copy import deepcopy

    twin = deepcopy(net)
    twin._use_optimizer(optimizer)
    rates: list[float] = []
    costs: list[float] = []
    gains: list[float] = []
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
        gains.append(cost - untrained)  # in which easy and hard batches are alike
    if not rates:
        raise ValueError(f"low must be a learning rate with a finite cost; got {low:g}")
    smooth = before + smoothed(gains)
    return LearningRates(rates, costs, [float(cost) for cost in smooth], suggested(rates, smooth))


def rows_of_batches(n: int, batch_size: int, steps: int, seed: int) -> list[AnyArray]:
    """The batches of as many epochs as there are steps for."""
    from .._internal.random import shuffled_order

    batches: list[AnyArray] = []
    epoch = 0
    while len(batches) < steps:
        order = shuffled_order(n, seed, epoch)
        batches += [order[i : i + batch_size] for i in range(0, n, batch_size)]
        epoch += 1
    return batches[:steps]


def smoothed(values: list[float]) -> Array:
    """Means with the weights of a normal distribution over the places nearby."""
    places = np.arange(len(values))
    near = np.exp(-0.5 * np.square((places[:, None] - places) / WIDTH))
    means: Array = near @ np.array(values) / near.sum(axis=1)
    return means


def suggested(rates: list[float], costs: Array) -> float:
    """Half-way, in the logarithm, from the steepest fall of the cost to its least value.

    The steepest fall alone is careful, and the least value is at the edge of divergence. It is
    looked for where a tenth to nine tenths of the fall are done: what lies before is noise.
    """
    if len(rates) < 3:
        return rates[0]
    least = int(np.argmin(costs))
    fallen = (costs[0] - costs) / max(costs[0] - costs[least], TINY)
    slopes = np.gradient(costs, np.log(rates))
    between = (np.arange(len(rates)) <= least) & (fallen >= 0.1) & (fallen <= 0.9)
    steepest = int(np.argmin(np.where(between, slopes, np.inf))) if between.any() else least
    return float(np.sqrt(rates[steepest] * rates[least]))
