"""The loss that chooses epochs, weights of encodings and the importance of columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.target_encoder import TargetEncoder
from ..model import outputs_of
from ..training.metrics import METRICS, Metric, Metrics, metric_of

SMALLEST = 1e-12  # of a probability in a logarithm
LARGE = 1e150
"""Squares of larger values could overflow, so that metrics stay in the scale of the training."""

DEFAULTS = {"classes": "log_loss", "labels": "log_loss", "values": "rmse"}
REPORTED = {
    "classes": ("accuracy", "log_loss"),
    "labels": ("accuracy", "log_loss"),
    "values": ("r2", "rmse", "mae"),
}


@dataclass(frozen=True)
class Scoring:
    """The metric of an estimator, or the log-loss of probabilities and the RMSE of values.

    Parameters
    ----------
    target : TargetEncoder
    metric : Metric, optional
    """

    target: TargetEncoder
    metric: Metric | None = None

    @classmethod
    def of(cls, metric: Any, target: TargetEncoder) -> Scoring:
        """Return the scoring for the parameter `metric`."""
        if metric is None:
            return cls(target)
        chosen = metric_of(metric)
        if chosen.higher_is_better is None:
            raise ValueError(
                "metric must say by higher_is_better which of its values are better; "
                f"got {chosen.name!r}, which does not"
            )
        labels = {"classes": np.zeros(1, np.int64), "labels": np.zeros((1, 2), np.int64)}
        asked = Metrics([chosen], output=outputs_of(target.kind)[0])
        asked.check(labels.get(target.kind), target.n_outputs)
        return cls(target, chosen)

    @property
    def name(self) -> str:
        """The name of the metric."""
        return DEFAULTS[self.target.kind] if self.metric is None else self.metric.name

    def loss(
        self, y: NDArray[Any], outputs: NDArray[Any], weights: NDArray[Any] | None = None
    ) -> float:
        """Return the metric of outputs (m, n_L) for encoded targets, so that lower is better.

        The RMSE of several columns is that of standardized values.
        """
        if self.metric is None and self.target.kind != "values":
            return log_loss(outputs, y, weights)
        if self.metric is None:
            return self._rmse(y, outputs, weights)
        value = self.scores([self.metric], y, outputs, weights)[self.metric.name]
        return -value if self.metric.higher_is_better else value

    def _rmse(self, y: NDArray[Any], outputs: NDArray[Any], weights: NDArray[Any] | None) -> float:
        """Return the RMSE, from standardized values, whose squares neither over- nor underflow."""
        scalers = self.target.scalers
        if self.target.limits:
            pairs = zip(scalers, self.target.limits, strict=True)
            ends = np.array([scaler.apply(np.array(limits)) for scaler, limits in pairs])
            outputs = np.clip(outputs, ends[:, 0], ends[:, 1])
        error = float(np.sqrt(np.average(np.square(outputs - y).mean(axis=1), weights=weights)))
        return error * (scalers[0].deviation if len(scalers) == 1 else 1)

    def report(
        self, y: NDArray[Any], outputs: NDArray[Any], weights: NDArray[Any] | None = None
    ) -> dict[str, float]:
        """Return the usual metrics, and the chosen one; values are in the units of the target."""
        names = [METRICS[name] for name in REPORTED[self.target.kind]]
        if len(y) < 2:
            names = [metric for metric in names if metric.name != "r2"]
        more = [] if self.metric is None or self.metric in names else [self.metric]
        return self.scores([*names, *more], y, outputs, weights)

    def scores(
        self,
        metrics: Any,
        y: NDArray[Any],
        outputs: NDArray[Any],
        weights: NDArray[Any] | None,
    ) -> dict[str, float]:
        """Return metrics of outputs for encoded targets."""
        target = self.target
        if target.kind == "values":
            values = target.unscaled(y)
            if np.abs(values).max() < LARGE:
                y, outputs = values, target.limited(target.unscaled(outputs))
            labels = None
        else:
            labels = y.astype(np.int64)
        output, _ = outputs_of(target.kind)
        return Metrics(metrics, output=output).scores(y, labels, outputs, weights)


def log_loss(p: NDArray[Any], y: NDArray[Any], weights: NDArray[Any] | None = None) -> float:
    """Return the mean of -log of the probability of the class, or of all labels, of each row.

    >>> round(log_loss(np.array([[0.5, 0.5], [0.1, 0.9]]), np.array([0, 1])), 4)
    0.3993
    """
    if y.ndim == 1:
        costs = -np.log(np.maximum(p[np.arange(len(y)), y], SMALLEST))
    else:
        logs = np.where(y > 0.5, np.maximum(p, SMALLEST), np.maximum(1 - p, SMALLEST))
        costs = -np.log(logs).sum(axis=1)
    return float(np.average(costs, weights=weights))
