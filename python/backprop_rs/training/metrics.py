"""The table of metrics, metrics of the user's own, and the form in which each gets its data."""

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

LABELS, SCORES, PROBABILITIES, VALUES, AUTO = (
    *("labels", "scores", "probabilities", "values"),
    "auto",
)
NEEDS = (AUTO, LABELS, SCORES, PROBABILITIES, VALUES)
COLUMNS = ("epoch", "cost", "seconds", "learning_rate")  # of the history


@dataclass(frozen=True)
class Metric:
    """A metric of your own: a function of (y_true, y_pred) with what it is to be given.

    Parameters
    ----------
    name : str
        Of its column in the history; the validation data's has val_ before it.
    function : callable
        Takes y_true and y_pred and returns a number. If it has a parameter `sample_weight`, that
        gets the weights of the samples (m,) where there are any.
    needs : str, default "auto"
        "labels": the classes, (m,) each, or 0 and 1 (m, n_L) for several labels a sample.
        "scores": y_true as for "labels", and what the network says: for two classes the output
        (m,) of class 1, otherwise (m, n_L).
        "probabilities": the same, of softmax or sigmoid outputs alone.
        "values": targets and outputs, (m,) for one output and otherwise (m, n_L); classes become
        rows of one 1.
        "auto" is "labels" where the targets are classes, otherwise "values".
    higher_is_better : bool, optional
        For early stopping.

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
        given = {} if weights is None or not self.is_weighted else {"sample_weight": weights}
        return float(self.function(y, p, **given))

    @property
    def is_weighted(self) -> bool:
        """True if the function takes the weights of samples, and has not got any."""
        if isinstance(self.function, partial) and "sample_weight" in self.function.keywords:
            return False
        try:
            return "sample_weight" in signature(self.function).parameters
        except (TypeError, ValueError):  # of some built-in functions nothing is known
            return False


@dataclass(frozen=True)
class BuiltIn(Metric):
    """A row of the table.

    `several` says whether it is also of several labels a sample, and `requires` what it is NaN
    without.
    """

    several: bool = True
    requires: str = ""

    def value(self, y: AnyArray, p: AnyArray, weights: Array | None, n: int) -> float:
        return float(self.function(y, p, weights, n))


ROWS = (
    BuiltIn("accuracy", scores.accuracy, LABELS, True),
    BuiltIn("balanced_accuracy", scores.balanced_accuracy, LABELS, True, several=False),
    BuiltIn("f1", scores.f1, LABELS, True),
    BuiltIn("f1_macro", scores.f1_macro, LABELS, True),
    BuiltIn("f1_micro", scores.f1_micro, LABELS, True),
    BuiltIn("f1_weighted", scores.f1_weighted, LABELS, True),
    BuiltIn(
        *("roc_auc", scores.roc_auc, SCORES, True),
        requires="samples within and outside of each class",
    ),
    BuiltIn("average_precision", scores.average_precision, SCORES, True),
    BuiltIn("log_loss", scores.log_loss, PROBABILITIES, False),
    BuiltIn("brier", scores.brier, PROBABILITIES, False),
    BuiltIn("r2", scores.r2, VALUES, True, requires="two samples or more"),
    BuiltIn("mae", scores.mae, VALUES, False),
    BuiltIn("rmse", scores.rmse, VALUES, False),
    BuiltIn("mape", scores.mape, VALUES, False),
)
METRICS = {row.name: row for row in ROWS}

# Functions of scikit-learn that are not of labels or values.
OF_SCORES = (
    *("roc_auc_score", "average_precision_score", "top_k_accuracy_score"),
    *("label_ranking_average_precision_score", "label_ranking_loss", "coverage_error"),
)
OF_PROBABILITIES = ("log_loss", "brier_score_loss", "d2_log_loss_score", "d2_brier_score")
ENDINGS = {"_score": True, "corrcoef": True, "_error": False, "_loss": False, "_deviance": False}


class Metrics:
    """The metrics that a training, or an evaluation, was asked for.

    Parameters
    ----------
    given : name, function, `Metric`, or sequence of them
    threshold : float, default 0.5
        One output, and each of several labels a sample, is class 1 from there on.
    output : str, default "sigmoid"
        The activation of the output layer.
    """

    def __init__(self, given: Any, threshold: float = 0.5, output: str = "sigmoid") -> None:
        self.threshold, self.output = threshold, output
        several: Sequence[Any] = given if isinstance(given, (list, tuple)) else [given]
        self.rows = [metric_of(one) for one in several]
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

    @property
    def names(self) -> list[str]:
        return [row.name for row in self.rows]

    def higher_is_better(self, column: str) -> bool:
        """Return True if a column of the history is better when it is higher."""
        name = column.removeprefix("val_")
        if name == "cost":
            return False
        row = {"accuracy": METRICS["accuracy"]} | {row.name: row for row in self.rows}
        higher = row[name].higher_is_better
        if higher is None:
            raise ValueError(
                f"early_stopping must have higher_is_better=True or False to monitor {column!r}, "
                "a function that does not say it; got None"
            )
        return higher

    def check(self, labels: AnyArray | None, n_outputs: int) -> None:
        """Refuse metrics that do not suit the targets."""
        for row in self.rows:
            if row.needs in (AUTO, VALUES):
                continue
            if labels is None:
                raise ValueError(f"metric {row.name!r} must have classes as targets; got values")
            several = labels.ndim == 2
            if several and isinstance(row, BuiltIn) and not row.several:
                raise ValueError(
                    f"metric {row.name!r} must have one class a sample; got several labels"
                )
            sums = self.output == "softmax" or (
                self.output == "sigmoid" and (several or n_outputs == 1)
            )
            if row.needs == PROBABILITIES and not sums:
                raise ValueError(
                    f"metric {row.name!r} must have probabilities, of a softmax output or, for two "
                    f"classes or several labels, of sigmoid; got {self.output} with {n_outputs} "
                    f"output{'s' * (n_outputs > 1)}"
                )

    def scores(
        self, y: AnyArray, labels: AnyArray | None, a: Array, weights: Array | None = None
    ) -> dict[str, float]:
        """The value of each, for targets `y` and activations `a` (m, n_L) of the output layer."""
        if not self.rows:
            return {}
        self.check(labels, a.shape[1])
        checks.some_weight("sample_weight", weights)
        given = Given(y, labels, a, self.threshold)
        return {row.name: self.value(row, given, weights) for row in self.rows}

    def accuracy(self, labels: AnyArray, a: Array, weights: Array | None) -> float:
        """Return the share of samples whose class, or whose labels all, are right."""
        return scores.accuracy(labels, predicted(a, labels, self.threshold), weights)

    def value(self, row: Metric, given: Given, weights: Array | None) -> float:
        value = row.value(*given.to(row.needs), weights, given.n_classes)
        if isnan(value) and isinstance(row, BuiltIn) and row.requires:
            if row.name not in self.warned and np.isfinite(given.a).all():
                warnings.warn(
                    f"metric {row.name!r} is NaN: it requires {row.requires}",
                    RuntimeWarning,
                    stacklevel=2,
                )
            self.warned.add(row.name)
        return value


@dataclass
class Given:
    """Targets and activations, in the forms in which metrics need them."""

    y: AnyArray
    labels: AnyArray | None
    a: Array
    threshold: float

    @property
    def n_classes(self) -> int:
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
    """Return the decisions of activations of the output layer, in the form of the labels."""
    if labels.ndim == 2:
        several: AnyArray = (a >= threshold).astype(np.int64)
        return several
    return predicted_classes(a, threshold)


def metric_of(given: object) -> Metric:
    if isinstance(given, Metric):
        return given
    if isinstance(given, str) and given in METRICS:
        return METRICS[given]
    if isinstance(given, type) or not callable(given):
        raise ValueError(f"metrics must be functions or among {', '.join(METRICS)}; got {given!r}")
    function: Any = given
    while isinstance(function, partial):
        function = function.func
    name = getattr(function, "__name__", type(function).__name__)
    needs, higher = AUTO, None
    if str(getattr(function, "__module__", "")).startswith("sklearn.metrics"):
        ends = [better for ending, better in ENDINGS.items() if name.endswith(ending)]
        needs, higher = needs_of(name), ends[0] if ends else None
    for one in (function, given):
        needs = getattr(one, "needs", needs)
        higher = getattr(one, "higher_is_better", higher)
    return Metric(name, given, needs, higher)


def needs_of(name: str) -> str:
    """Return what a function of scikit-learn needs."""
    if name in OF_SCORES:
        return SCORES
    return PROBABILITIES if name in OF_PROBABILITIES else AUTO


def metrics_for(network: BaseNetwork, given: Any) -> Metrics:
    """Return the metrics asked for, with the threshold and the output of a network."""
    return Metrics(given, network._threshold(), network.output)


def score(
    network: BaseNetwork,
    X: Array,
    y: AnyArray,
    labels: AnyArray | None,
    weights: Array | None,
    metrics: Metrics,
) -> dict[str, float]:
    """Return the cost, the accuracy if there are labels, and the metrics."""
    scores = {}
    if labels is not None or metrics.rows:
        a = network._outputs(X)
        scores = metrics.scores(y, labels, a, weights)
        if labels is not None and "accuracy" not in scores:
            scores = {"accuracy": metrics.accuracy(labels, a, weights)} | scores
    return {"cost": float(network._core.mean_cost(X, y, weights))} | scores
