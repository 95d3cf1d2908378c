"""The average of the outputs of several networks, and its temperature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def average(
    outputs: Sequence[NDArray[Any]], weights: Sequence[float] | None = None
) -> NDArray[Any]:
    """Return the mean of outputs (m, n_L), added up in float64 in their order.

    With weights, which sum to 1, it is sum_i w_i a_i.

    >>> average([np.float32([[1.0]]), np.float32([[2.0]])])
    array([[1.5]], dtype=float32)
    >>> average([np.float32([[1.0]]), np.float32([[2.0]])], [0.25, 0.75])
    array([[1.75]], dtype=float32)
    """
    if len(outputs) == 1:
        return outputs[0]
    if weights is None:
        total = outputs[0].astype(np.float64)
        for each in outputs[1:]:
            total += each
        return (total / len(outputs)).astype(outputs[0].dtype)
    total = outputs[0].astype(np.float64) * weights[0]
    for each, weight in zip(outputs[1:], weights[1:], strict=True):
        total += each.astype(np.float64) * weight
    return total.astype(outputs[0].dtype)


def tempered(
    probabilities: NDArray[Any], temperature: float, several: bool = False
) -> NDArray[Any]:
    """Return probabilities (m, n_L) with another temperature T, computed in float64.

    Of one class a row: p_j^(1/T) / sum_k p_k^(1/T). Of several labels: p_j^(1/T) / (p_j^(1/T) +
    (1 - p_j)^(1/T)) for each. T > 1 brings probabilities closer to each other, and never changes
    their order. Source: Guo et al. 2017, On Calibration of Modern Neural Networks.

    >>> tempered(np.array([[0.2, 0.8]]), 0.5).round(4)
    array([[0.0588, 0.9412]])
    """
    if temperature == 1:
        return probabilities
    p = probabilities.astype(np.float64)
    power = 1 / temperature
    if several:
        yes, no = p**power, (1 - p) ** power
        total = yes + no
    else:
        # The largest becomes 1 before the power, so that the sum cannot underflow.
        yes = (p / p.max(axis=1, keepdims=True)) ** power
        total = yes.sum(axis=1, keepdims=True)
    return np.asarray(yes / total, probabilities.dtype)
