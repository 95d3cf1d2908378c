"""A step in two halves: sums of a gradient over some rows, and the update by those over all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._internal.types import Array
from .layer import PARTS, Gradients
from .network import Layers
from .train import Settings, begin_average, shares, update
from .train import gradient as gradient_of


def sum_lengths(network: Layers) -> list[int]:
    """Return the length of the summed gradient of each layer."""
    return [sum(theta.size for theta in layer.parameters().values()) for layer in network._layers]


def sum_gradient(
    network: Layers,
    X: Array,  # (m, n_0)
    y: NDArray[Any],
    settings: Mapping[str, Any],
    position: tuple[int, int],
    steps: int,
    parts: Sequence[int],
    ready: Callable[[int, Array], object],
    sample_weight: Array | None = None,
) -> list[tuple[float, float]]:
    """Return the sums of costs and of weights of consecutive parts of the samples.

    They belong to the step at `position`, (epoch, step), of an epoch of `steps` steps.

    `ready(l, sums)` receives the sums of the gradient of layer l (from 0), one row per part:
    weights row by row, then biases, gains and shifts. The last layer comes first.
    """
    run = Settings(**settings)
    epoch, now = position[0], run.at(*position, steps)
    sums, rows_of_parts, start = [], [], 0
    for m in parts:
        rows = np.arange(start, start + m)
        weights = None if sample_weight is None else sample_weight[rows]
        batch = (X[rows], y[rows], weights)
        cost, gradients = gradient_of(network, run, batch, (rows, epoch), now)
        total = float(m if weights is None else weights.sum())
        sums.append((cost * total, total))
        layers = zip(*gradients.values(), strict=True)
        rows_of_parts.append([joined(layer) * X.dtype.type(total) for layer in layers])
        start += m
    for l in reversed(range(len(network._layers))):  # noqa: E741 (l as in the derivation)
        ready(l, np.stack([rows[l] for rows in rows_of_parts]))
    return sums


def apply_gradient(
    network: Layers,
    gradient: Sequence[Array],
    sums: tuple[float, float, int],
    settings: Mapping[str, Any],
    position: tuple[int, int],
    steps: int,
) -> tuple[float, float] | None:
    """Update by the sums over all samples of a step, (cost, weight, samples).

    Return the sums of costs and weights, or None, and change nothing, if they are not finite.
    """
    run = Settings(**settings)
    cost_sum, total, m = sums
    scale = 1 / total if total else 0.0
    gradients: Gradients = {name: [None] * len(gradient) for name in PARTS}
    for l, (layer, numbers) in enumerate(zip(network._layers, gradient, strict=True)):  # noqa: E741
        mean = numbers * numbers.dtype.type(scale)
        for name, theta in layer.parameters().items():
            gradients[name][l] = mean[: theta.size].reshape(theta.shape).copy()
            mean = mean[theta.size :]
    begin_average(network, run)
    now = run.at(*position, steps)
    cost = update(network, run, cost_sum * scale, total, gradients, now)
    return None if cost is None else shares(run, cost, total, m)


def joined(parts: Iterable[Array | None]) -> Array:
    """Return all numbers of the parts of a layer, one after the other."""
    return np.concatenate([part.ravel() for part in parts if part is not None])
