"""Samples that a training is judged by: held back, or given by the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.model_selection import train_test_split

from ._data import Samples, outputs
from ._losses import Loss

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..network import Network
    from ._base import BaseMLP

TOO_SMALL = (
    "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
)
NO_WEIGHT = "Sample weights must contain at least one non-zero number."


class Held:
    """Scores and losses of the held samples, epoch by epoch."""

    def __init__(self, mlp: BaseMLP, net: Network, samples: Samples) -> None:
        self.mlp, self.samples = mlp, samples
        if samples.weights is not None and not samples.weights.any():
            raise ValueError(NO_WEIGHT)
        self.loss = Loss(mlp, net, samples)
        self.losses: list[float] = mlp.validation_loss_curve_
        self.scores: list[float] = mlp.validation_scores_

    def score(self, net: Network) -> float:
        """The score now; with the loss, it is also kept."""
        X, y, weights = self.samples.X, self.samples.y, self.samples.weights
        a = outputs(net, X)
        score = self.mlp._score_of(a, y, weights)
        costs = net._core.costs(X, y) if self.samples.is_dense else costs_of(net, self.samples)
        self.losses.append(self.loss.of_data(float(np.average(costs, weights=weights))))
        self.scores.append(score)
        return score


def costs_of(net: Network, samples: Samples) -> Array:
    """The cost of each sample of a sparse matrix."""
    n = len(samples)
    parts = [samples.rows(np.arange(i, min(i + 1000, n))) for i in range(0, n, 1000)]
    return np.concatenate([net._core.costs(part.X, part.y) for part in parts])


def hold_back(mlp: BaseMLP, samples: Samples) -> tuple[Samples, Samples]:
    """Split as scikit-learn does; stratified where there is one output of two classes."""
    labels = samples.y.astype(bool) if mlp._stratifies and samples.y.ndim == 2 else None
    if labels is not None and labels.shape[1] > 1:
        labels = None
    rows, held = train_test_split(
        np.arange(len(samples)),
        random_state=mlp._random_state,
        test_size=mlp.validation_fraction,
        stratify=labels,
    )
    if len(held) < 2:
        raise ValueError(TOO_SMALL)
    return samples.part(rows), samples.part(held)


def r2(a: Array, y: AnyArray, weights: Array | None) -> float:
    """1 - sum (y - a)^2 / sum (y - mean y)^2, the mean over the outputs; NaN where a is not
    finite, or where one sample alone has no spread."""
    if len(a) < 2 or not np.isfinite(a).all():
        return float("nan")
    a, y = a.astype(float), y.astype(float)
    w = np.ones(len(a)) if weights is None else weights.astype(float)
    rest = w @ np.square(y - a)
    spread = w @ np.square(y - np.average(y, axis=0, weights=w))
    shares = np.where(rest == 0, 1.0, 0.0)  # of a constant output, as scikit-learn has it
    np.divide(spread - rest, spread, out=shares, where=spread != 0)
    return float(shares.mean())


def accuracy(match: AnyArray, weights: Array | None) -> float:
    """The share of the samples that are right."""
    return float(np.average(match, weights=weights))
