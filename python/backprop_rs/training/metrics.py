"""The table of metrics, metrics of users, and the form of the data that each needs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import signature
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal import checks
from ..data.labels import one_hot_rows, predicted_classes
from . import scores

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..base_network import BaseNetwork

LABELS, SCORES, PROBABILITIES, VALUES = "labels", "scores", "probabilities", "values"
AUTO = "auto"
NEEDS = (AUTO, LABELS, SCORES, PROBABILITIES, VALUES)
COLUMNS = ("epoch", "cost", "seconds", "learning_rate")  # of the history


@dataclass(frozen=True)
class Metric:
    """A metric of your own: a function of (y_true, y_pred), and the form of the data it needs.

    Parameters
    ----------
    name : str
        The name of its column in the history; for the validation data it begins with `val_`.
    function : callable
        Takes y_true and y_pred and returns a number. If it has a parameter `sample_weight`, it
        also receives the weights of the samples (m,), if there are any.
    needs : str, default "auto"
        "labels": the classes, (m,) each, or 0 and 1 (m, n_L) for several labels per sample.
        "scores": y_true as for "labels", and the outputs: for two classes the output (m,) of
        class 1, otherwise (m, n_L).
        "probabilities": the same, but only of softmax or sigmoid outputs.
        "values": targets and outputs, (m,) for one output and otherwise (m, n_L); classes become
        one-hot rows.
        "auto": "labels" if the targets are classes, otherwise "values".
    higher_is_better : bool, optional
        The direction of the metric, for early stopping.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> def median(y_true, y_pred):
    ...     return abs(y_true - y_pred).mean()
    >>> metric = bp.Metric("error", median, needs="values", higher_is_better=False)
    >>> net = bp.Network([2, 3, 1], init="zeros")
    >>> net.evaluate([[1, 2], [3, 4]], [0.5, 1], metrics=metric)
    {'cost': 0.125, 'error': 0.25}
    """

    name: str
    function: Callable[..., Any]
    needs: str = AUTO
    higher_is_better: bool | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(f"name must be a text; got {self.name!r}")
        if not callable(self.function):
            raise TypeError(f"function must be callable; got {checks.shown(self.function)}")
        checks.choice("needs", self.needs, NEEDS)
        if self.higher_is_better is not None:
            checks.flag("higher_is_better", self.higher_is_better)

    def value(self, y: AnyArray, p: AnyArray, weights: Array | None, n: int) -> float:
        """Call the function."""
        if weights is None or not self.is_weighted:
            return float(self.function(y, p))
        return float(self.function(y, p, sample_weight=weights))

    @property
    def is_weighted(self) -> bool:
        """True if the function has a parameter for the weights that is still free."""
        if isinstance(self.function, partial) and "sample_weight" in self.function.keywords:
            return False
        try:
            return "sample_weight" in signature(self.function).parameters
        except (TypeError, ValueError):  # some built-in functions have no signature
            return False


@dataclass(frozen=True)
class BuiltIn(Metric):
    """An entry of the table.

    Parameters
    ----------
    several : bool
        True if several labels per sample are accepted.
    requires : str
        What the metric needs so that it is not NaN.
    """

    several: bool = True
    requires: str = ""

    def value(self, y: AnyArray, p: AnyArray, weights: Array | None, n: int) -> float:
        """Call the function, which also takes the number of classes."""
        return float(self.function(y, p, weights, n))


ENTRIES = (
    BuiltIn("accuracy", scores.accuracy, LABELS, True),
    BuiltIn("balanced_accuracy", scores.balanced_accuracy, LABELS, True, several=False),
    BuiltIn("f1", scores.f1, LABELS, True),
    BuiltIn("f1_macro", scores.f1_macro, LABELS, True),
    BuiltIn("f1_micro", scores.f1_micro, LABELS, True),
    BuiltIn("f1_weighted", scores.f1_weighted, LABELS, True),
    BuiltIn("roc_auc", scores.roc_auc, SCORES, True, requires="samples in and outside each class"),
    BuiltIn("average_precision", scores.average_precision, SCORES, True),
    BuiltIn("log_loss", scores.log_loss, PROBABILITIES, False),
    BuiltIn("brier", scores.brier, PROBABILITIES, False),
    BuiltIn("r2", scores.r2, VALUES, True, requires="two samples or more"),
    BuiltIn("mae", scores.mae, VALUES, False),
    BuiltIn("rmse", scores.rmse, VALUES, False),
    BuiltIn("mape", scores.mape, VALUES, False),
)
METRICS = {entry.name: entry for entry in ENTRIES}

# Functions of scikit-learn that need neither labels nor values.
OF_SCORES = (
    "roc_auc_score",
    "average_precision_score",
    "top_k_accuracy_score",
    "label_ranking_average_precision_score",
    "label_ranking_loss",
    "coverage_error",
)
OF_PROBABILITIES = ("log_loss", "brier_score_loss", "d2_log_loss_score", "d2_brier_score")
# The direction of a function of scikit-learn, by the end of its name.
ENDINGS = {"_score": True, "corrcoef": True, "_error": False, "_loss": False, "_deviance": False}


class Metrics:
    """The metrics of a training or of an evaluation.

    Parameters
    ----------
    metrics : name, function, `Metric`, or sequence of them
    threshold : float, default 0.5
        The activation from which one output, or each of several labels, means class 1.
    output : str, default "sigmoid"
        The activation of the output layer.
    """

    def __init__(self, metrics: Any, threshold: float = 0.5, output: str = "sigmoid") -> None:
        self.threshold, self.output = threshold, output
        several: Sequence[Any] = metrics if isinstance(metrics, (list, tuple)) else [metrics]
        self.metrics = [metric_of(metric) for metric in several]
        self.warned: set[str] = set()
        for number, name in enumerate(self.names):
            if name in COLUMNS or name.startswith("val_"):
                raise ValueError(
                    f"metrics must not be called {name!r}, as columns of the history are; "
                    "bp.Metric(name, function) gives a function another name"
                )
            if name in self.names[:number]:
                raise ValueError(
                    f"metrics must have different names; got {name!r} twice "
                    "(bp.Metric(name, function) gives a function another name)"
                )

    def __bool__(self) -> bool:
        """Return True if there is any metric."""
        return bool(self.metrics)

    @property
    def names(self) -> list[str]:
        """The names of the metrics."""
        return [metric.name for metric in self.metrics]

    def higher_is_better(self, column: str) -> bool:
        """Return True if higher values of a column of the history are better."""
        name = column.removeprefix("val_")
        if name == "cost":
            return False
        metrics: dict[str, Metric] = {"accuracy": METRICS["accuracy"]}
        metrics |= {metric.name: metric for metric in self.metrics}
        higher = metrics[name].higher_is_better
        if higher is None:
            raise ValueError(
                f"early_stopping must have higher_is_better=True or False to monitor {column!r}, "
                "a function that does not say it; got None"
            )
        return higher

    def check(self, labels: AnyArray | None, n_outputs: int) -> None:
        """Raise ValueError if a metric does not suit the targets."""
        for metric in self.metrics:
            if metric.needs in (AUTO, VALUES):
                continue
            if labels is None:
                raise ValueError(f"metric {metric.name!r} must have classes as targets; got values")
            several = labels.ndim == 2
            if several and isinstance(metric, BuiltIn) and not metric.several:
                raise ValueError(
                    f"metric {metric.name!r} must have one class per sample; got several labels"
                )
            are_probabilities = self.output == "softmax" or (
                self.output == "sigmoid" and (several or n_outputs == 1)
            )
            if metric.needs == PROBABILITIES and not are_probabilities:
                raise ValueError(
                    f"metric {metric.name!r} must have probabilities, of a softmax output or, for "
                    f"two classes or several labels, of sigmoid; got {self.output} with "
                    f"{n_outputs} output{'s' * (n_outputs > 1)}"
                )

    def scores(
        self, y: AnyArray, labels: AnyArray | None, a: Array, weights: Array | None = None
    ) -> dict[str, float]:
        """Return all metrics for targets `y` and activations `a` (m, n_L) of the output layer."""
        if not self.metrics:
            return {}
        self.check(labels, a.shape[1])
        checks.some_weight("sample_weight", weights)
        data = Predictions(y, labels, a, self.threshold)
        return {metric.name: self.value(metric, data, weights) for metric in self.metrics}

    def accuracy(self, labels: AnyArray, a: Array, weights: Array | None) -> float:
        """Return the share of samples whose class, or whose labels all, are right."""
        return scores.accuracy(labels, predicted(a, labels, self.threshold), weights)

    def value(self, metric: Metric, data: Predictions, weights: Array | None) -> float:
        """Return one metric; warn once if it is NaN because something is missing."""
        y_true, y_pred = data.to(metric.needs)
        value = metric.value(y_true, y_pred, weights, data.n_classes)
        if isnan(value) and isinstance(metric, BuiltIn) and metric.requires:
            # Activations that are NaN are another reason, which needs no warning here.
            if metric.name not in self.warned and np.isfinite(data.a).all():
                warnings.warn(
                    f"metric {metric.name!r} is NaN: it requires {metric.requires}",
                    RuntimeWarning,
                    stacklevel=2,
                )
            self.warned.add(metric.name)
        return value


@dataclass
class Predictions:
    """Targets and activations, in the forms that metrics need."""

    y: AnyArray
    labels: AnyArray | None
    a: Array
    threshold: float

    @property
    def n_classes(self) -> int:
        """The number of classes: 2 for one output."""
        n_outputs: int = self.a.shape[1]
        return max(n_outputs, 2)

    def to(self, needs: str) -> tuple[AnyArray, AnyArray]:
        """Return y_true and y_pred."""
        if needs == VALUES or self.labels is None:
            y = self.y if self.y.ndim == 2 else one_hot_rows(self.y, self.a.shape[1], self.a.dtype)
            return (y[:, 0], self.a[:, 0]) if self.a.shape[1] == 1 else (y, self.a)
        if needs in (AUTO, LABELS):
            return self.labels, predicted(self.a, self.labels, self.threshold)
        one_column = self.labels.ndim == 1 and self.a.shape[1] <= 2
        return self.labels, self.a[:, -1] if one_column else self.a


def predicted(a: Array, labels: AnyArray, threshold: float) -> AnyArray:
    """Return the decisions for activations of the output layer, in the form of the labels."""
    if labels.ndim == 2:
        several: AnyArray = (a >= threshold).astype(np.int64)
        return several
    return predicted_classes(a, threshold)


def metric_of(metric: object) -> Metric:
    """Return the metric for a name, a function or a `Metric`."""
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, str) and metric in METRICS:
        return METRICS[metric]
    if isinstance(metric, type) or not callable(metric):
        raise ValueError(f"metrics must be functions or among {', '.join(METRICS)}; got {metric!r}")
    function: Any = metric
    while isinstance(function, partial):
        function = function.func
    name = getattr(function, "__name__", type(function).__name__)
    needs, higher = AUTO, None
    if str(getattr(function, "__module__", "")).startswith("sklearn.metrics"):
        needs = needs_of(name)
        higher = next((better for end, better in ENDINGS.items() if name.endswith(end)), None)
    # Attributes of a partial count more than those of its function.
    for source in (function, metric):
        needs = getattr(source, "needs", needs)
        higher = getattr(source, "higher_is_better", higher)
    return Metric(name, metric, needs, higher)


def needs_of(name: str) -> str:
    """Return the form of the data that a function of scikit-learn needs."""
    if name in OF_SCORES:
        return SCORES
    return PROBABILITIES if name in OF_PROBABILITIES else AUTO


def metrics_for(network: BaseNetwork, metrics: Any) -> Metrics:
    """Return metrics with the threshold and the output of a network."""
    return Metrics(metrics, network._threshold(), network.output)


def score(
    network: BaseNetwork,
    X: Array,
    y: AnyArray,
    labels: AnyArray | None,
    weights: Array | None,
    metrics: Metrics,
) -> dict[str, float]:
    """Return the cost, the accuracy if there are labels, and the metrics."""
    scores: dict[str, float] = {}
    if labels is not None or metrics:
        a = network._outputs(X)
        scores = metrics.scores(y, labels, a, weights)
        if labels is not None and "accuracy" not in scores:
            scores = {"accuracy": metrics.accuracy(labels, a, weights)} | scores
    return {"cost": network._core.mean_cost(X, y, weights)} | scores
