"""A step in two halves: sums of a gradient over some rows, and the update by those over all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .activation import Array
from .train import Settings, update
from .train import gradient as gradient_of

if TYPE_CHECKING:
    from .network import Network


def sum_lengths(network: Network) -> list[int]:
    """How many numbers the sum of the gradient of each layer has."""
    return [layer.w.size + layer.b.size for layer in network._layers]


def sum_gradient(
    network: Network,
    X: Array,  # (m, n_0)
    y: NDArray[Any],
    settings: Mapping[str, Any],
    epoch: int,
    parts: Sequence[int],
    ready: Callable[[int, Array], object],
    sample_weight: Array | None = None,
) -> list[tuple[float, float]]:
    """The sums of costs and of weights of consecutive parts of the samples.

    `ready(l, sums)` gets those of the gradient of layer l (from 0), one row a part: weights row by
    row, then biases; the last layer first.
    """
    run = Settings(**settings)
    sums, rows_of_parts, start = [], [], 0
    for m in parts:
        rows = np.arange(start, start + m)
        weights = None if sample_weight is None else sample_weight[rows]
        cost, grad_w, grad_b = gradient_of(network, run, (X[rows], y[rows], weights), (rows, epoch))
        total = float(m if weights is None else weights.sum())
        sums.append((cost * total, total))
        rows_of_parts.append(
            [np.append(w, b) * w.dtype.type(total) for w, b in zip(grad_w, grad_b, strict=True)]
        )
        start += m
    for l in reversed(range(len(network._layers))):  # noqa: E741 (l as in the derivation)
        ready(l, np.stack([rows[l] for rows in rows_of_parts]))
    return sums


def apply_gradient(
    network: Network,
    gradient: Sequence[Array],
    sums: tuple[float, float, int],
    settings: Mapping[str, Any],
    position: tuple[int, int, float],
    steps: int,
) -> float | None:
    """The update of a step by the sums over all its samples, (cost, weight, samples).

    The sum of the costs, or None where it is not finite and nothing was done.
    """
    run = Settings(**settings)
    cost_sum, total, m = sums
    scale = 1 / total if total else 0.0
    grad_w: list[Array] = []
    grad_b: list[Array] = []
    for layer, numbers in zip(network._layers, gradient, strict=True):
        mean = numbers * numbers.dtype.type(scale)
        grad_w.append(mean[: layer.w.size].reshape(layer.w.shape).copy())
        grad_b.append(mean[layer.w.size :].copy())
    if run.average is not None and network._averaged is None:
        network._averaged = {name: theta.copy() for name, theta in network.parameters().items()}
    rate = run.rate(position[0], position[1], steps)
    cost = update(network, run, cost_sum * scale, total, (grad_w, grad_b), rate)
    return None if cost is None else m * cost
