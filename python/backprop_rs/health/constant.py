"""The lowest cost of a prediction that is the same for all samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..custom import Cost as CustomCost
from ..tables.activation import activation as activation_of
from ..tables.cost import Cost
from ..tables.cost import cost as cost_of

if TYPE_CHECKING:
    from .._internal.types import AnyArray
    from ..base_network import BaseNetwork

GOLDEN = (5**0.5 - 1) / 2
CUTS = 80  # of an interval: to 1e-16 of its length
FAR_Z = 50.0  # sigmoid is constant beyond it
STEPS = 200  # of the descent of softmax


def best_constant_cost(net: BaseNetwork, y: AnyArray, limits: tuple[float, float]) -> float | None:
    """Return the cost of the best constant activation within `limits` of the output layer.

    `y` (m, n_L) are the targets in float64. Each output is searched separately, which is exact
    because the cost has one minimum. The outputs of softmax depend on each other and descend
    together from the mean of the targets. Returns None for custom costs, which may have several
    minima.
    """
    if any(isinstance(function, CustomCost) for function in net._functions):
        return None
    row, output = cost_of(net.cost), activation_of(net._activations[-1])
    if not output.elementwise:
        return descended(row, output, y)
    if output.name in row.fused:
        terms = row.fused[output.name].terms

        def of_z(z: AnyArray) -> AnyArray:
            a = output.sigma(z)
            return terms(z, a, y, **row.values).mean(axis=0)  # type: ignore[no-any-return]

        return minimum(of_z, np.full(y.shape[1], -FAR_Z), np.full(y.shape[1], FAR_Z), y)

    def of_a(a: AnyArray) -> AnyArray:
        assert row.terms is not None
        return row.terms(a, y, **row.values).mean(axis=0)  # type: ignore[no-any-return]

    # The minimum of a hinge is within its margins -1 and 1, all others are among the targets.
    ends = (-1.0, 1.0) if row.name == "hinge" else (y.min(axis=0), y.max(axis=0))
    low, high = (np.clip(np.broadcast_to(end, y.shape[1:]), *limits) for end in ends)
    return minimum(of_a, low, high, y)


def minimum(
    mean_cost: Callable[[AnyArray], AnyArray], low: AnyArray, high: AnyArray, y: AnyArray
) -> float:
    """Return the sum over the outputs of the lowest mean cost, by golden-section search.

    `mean_cost` maps (m, n_L) equal rows to (n_L,).
    """

    def at(constant: AnyArray) -> AnyArray:
        return mean_cost(np.broadcast_to(constant, y.shape))

    with np.errstate(all="ignore"):
        lowest = np.fmin(at(low), at(high))
        for _ in range(CUTS):
            width = GOLDEN * (high - low)
            left, right = high - width, low + width
            cost_left, cost_right = at(left), at(right)
            lowest = np.fmin(lowest, np.fmin(cost_left, cost_right))
            goes_left = cost_left <= cost_right  # the minimum is not beyond the worse side
            low, high = np.where(goes_left, low, left), np.where(goes_left, right, high)
    return float(lowest.sum())


def descended(row: Cost, output: Any, y: AnyArray) -> float:
    """Return the lowest mean cost of softmax, by gradient descent over z from the mean of y."""
    z = np.log(np.maximum(y.mean(axis=0), 1e-12))
    step, (cost, slope) = 1.0, cost_and_slope(row, output, z, y)
    for _ in range(STEPS):
        new_z = z - step * slope
        new_cost, new_slope = cost_and_slope(row, output, new_z, y)
        if new_cost < cost:
            z, cost, slope, step = new_z, new_cost, new_slope, 2 * step
        else:
            step /= 4
    return cost


def cost_and_slope(row: Cost, output: Any, z: AnyArray, y: AnyArray) -> tuple[float, AnyArray]:
    """Return the mean cost of a constant z (n_L,), and its gradient."""
    rows = np.broadcast_to(z, y.shape)
    a = output.sigma(rows)
    slope: AnyArray = row.delta(output, rows, a, y).mean(axis=0)
    return float(row.of_samples(output, rows, a, y).mean()), slope
