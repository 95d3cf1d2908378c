"""The learning-rate range test (Smith 2017, Cyclical Learning Rates, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .._types import AnyArray
    from ..network import Network
    from .validation import Samples


@dataclass
class LearningRates:
    """Costs at learning rates that grow from step to step.

    Attributes
    ----------
    rates, costs : list of float
        The rate of each step, and the cost of its batch before it.
    smooth : list of float
        The costs, smoothed by a moving average.
    suggestion : float
        The rate at which the smoothed cost falls fastest against the logarithm of the rate.
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
            Without Matplotlib: pip install 'backprop-rs[plot]'.
        """
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise ImportError("a plot needs Matplotlib: pip install 'backprop-rs[plot]'") from error
        ax = plt.gca() if ax is None else ax
        ax.semilogx(self.rates, self.costs, color="0.7", linewidth=1)
        ax.semilogx(self.rates, self.smooth)
        ax.axvline(self.suggestion, linestyle="--", color="C1")
        ax.annotate(f" {self.suggestion:.2g}", (self.suggestion, max(self.smooth)))
        ax.set(xlabel="learning rate", ylabel="cost")
        return ax


def find(
    net: Network, samples: Samples, batch_size: int, optimizer: str, low: float, high: float, n: int
) -> LearningRates:
    """Train a copy for n steps, or until its cost is four times the best."""
    from copy import deepcopy

    twin = deepcopy(net)
    twin._use_optimizer(optimizer)
    rates = [float(rate) for rate in np.geomspace(low, high, n)]
    batches = rows_of_batches(len(samples), batch_size, n, net.seed)
    costs: list[float] = []
    smooth: list[float] = []
    for rate, rows in zip(rates, batches, strict=True):
        part = samples.rows(rows)
        cost = twin._core.step(part.X, part.y, rate, part.weights)
        if not np.isfinite(cost):
            break
        costs.append(cost)
        average = 0.9 * (smooth[-1] if smooth else 0.0) + 0.1 * cost
        smooth.append(average)
        unbiased = [value / (1 - 0.9 ** (i + 1)) for i, value in enumerate(smooth)]
        if unbiased[-1] > 4 * min(unbiased):
            break
    unbiased = [value / (1 - 0.9 ** (i + 1)) for i, value in enumerate(smooth)]
    return LearningRates(rates[: len(costs)], costs, unbiased, steepest(rates, unbiased))


def rows_of_batches(n: int, batch_size: int, steps: int, seed: int) -> list[AnyArray]:
    """The batches of as many epochs as there are steps for."""
    from ..reference.random import shuffled_order

    batches: list[AnyArray] = []
    epoch = 0
    while len(batches) < steps:
        order = shuffled_order(n, seed, epoch)
        batches += [order[i : i + batch_size] for i in range(0, n, batch_size)]
        epoch += 1
    return batches[:steps]


def steepest(rates: list[float], costs: list[float]) -> float:
    """Where the cost falls fastest, of the rates before its least value."""
    least = int(np.argmin(costs)) + 1 if costs else 0
    if least < 3:
        return rates[0]
    slopes = np.gradient(costs[:least], np.log(rates[:least]))
    return rates[int(np.argmin(slopes))]
