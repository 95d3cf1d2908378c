"""Validation samples: drawn from the training samples, or given by the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.model_selection import train_test_split

from ._data import Samples, outputs
from ._losses import Loss

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..network import Network
    from ._types import Estimator

TOO_SMALL = (
    "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
)
NO_WEIGHT = "Sample weights must contain at least one non-zero number."


class Validation:
    """Scores and losses of the validation samples after each epoch."""

    def __init__(self, mlp: Estimator, net: Network, samples: Samples) -> None:
        self.mlp, self.samples = mlp, samples
        if samples.weights is not None and not samples.weights.any():
            raise ValueError(NO_WEIGHT)
        self.loss = Loss(mlp, net, samples)
        self.losses: list[float] = mlp.validation_loss_curve_
        self.scores: list[float] = mlp.validation_scores_

    def score(self, net: Network) -> float:
        """Return the present score; append it and the loss to the curves."""
        X, y, weights = self.samples.X, self.samples.y, self.samples.weights
        a = outputs(net, X)
        score = self.mlp._score_of(a, y, weights)
        costs = net._core.costs(X, y) if self.samples.is_dense else costs_of(net, self.samples)
        self.losses.append(self.loss.of_data(float(np.average(costs, weights=weights))))
        self.scores.append(score)
        return score


def costs_of(net: Network, samples: Samples) -> Array:
    """Return the cost of each sample of a sparse matrix."""
    n = len(samples)
    parts = [samples.rows(np.arange(i, min(i + 1000, n))) for i in range(0, n, 1000)]
    return np.concatenate([net._core.costs(part.X, part.y) for part in parts])


def hold_back(mlp: Estimator, samples: Samples) -> tuple[Samples, Samples]:
    """Split off validation samples as scikit-learn does; stratify for one output of two classes."""
    labels = samples.y.astype(bool) if mlp._stratifies and samples.y.ndim == 2 else None
    if labels is not None and labels.shape[1] > 1:
        labels = None
    rows, validation_rows = train_test_split(
        np.arange(len(samples)),
        random_state=mlp._random_state,
        test_size=mlp.validation_fraction,
        stratify=labels,
    )
    if len(validation_rows) < 2:
        raise ValueError(TOO_SMALL)
    return samples.part(rows), samples.part(validation_rows)


def r2(a: Array, y: AnyArray, weights: Array | None) -> float:
    """Return R² = 1 - sum (y - a)^2 / sum (y - mean y)^2, averaged over the outputs.

    It is NaN if a is not finite or if there are fewer than two samples.
    """
    if len(a) < 2 or not np.isfinite(a).all():
        return float("nan")
    a, y = a.astype(float), y.astype(float)
    w = np.ones(len(a)) if weights is None else weights.astype(float)
    unexplained = w @ np.square(y - a)
    total = w @ np.square(y - np.average(y, axis=0, weights=w))
    scores = np.where(unexplained == 0, 1.0, 0.0)  # scikit-learn's values for constant outputs
    np.divide(total - unexplained, total, out=scores, where=total != 0)
    return float(scores.mean())


def accuracy(match: AnyArray, weights: Array | None) -> float:
    """Return the share of correct predictions."""
    return float(np.average(match, weights=weights))
