"""The classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import _check_sample_weight, validate_data

from ..tables.threshold import threshold
from ._base import BaseMLP, is_stochastic
from ._bases import ClassifierMixin
from ._constraints import CONSTRAINTS, entry, name_of
from ._fit_support import FLOATS, fitting, is_valid, only_if
from ._targets import Labels, unseen
from ._validation import accuracy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from typing_extensions import Self

    from .._internal.types import (
        AnyArray,
        Array,
        BackendChoice,
        CostChoice,
        Function,
        InitializerChoice,
        Names,
        OptimizerChoice,
        ScheduleChoice,
    )
    from ..custom import Cost
    from ._callbacks import Callback

PROBABILITIES = ("sigmoid", "softmax")


def gives_probabilities(mlp: MLPClassifier) -> bool:
    """Return True if the outputs are probabilities."""
    choice = mlp.output_activation
    return choice is None or entry("activation", choice) in PROBABILITIES


class MLPClassifier(ClassifierMixin, BaseMLP):
    """Drop-in replacement for scikit-learn's `MLPClassifier` with further parameters.

    Parameters
    ----------
    hidden_layer_sizes, ..., max_fun
        As in `sklearn.neural_network.MLPClassifier`. `activation` also accepts every name in
        `backprop_rs.activations`, a `backprop_rs.Activation`, and a list of them, one per hidden
        layer; `solver` accepts every name in `backprop_rs.optimizers`.
    output_activation : name in `backprop_rs.activations` or `Activation`, optional
        By default softmax for several classes, otherwise logistic.
    cost : name in `backprop_rs.costs` or `backprop_rs.Cost`, default "cross_entropy"
    init : name in `backprop_rs.initializers`, optional
        By default the initial parameters are scikit-learn's.
    dropout : float or list, one per hidden layer, default 0.0
        The share of activations that are set to 0 in training.
    l1 : float or list, one per layer, default 0.0
        The factor of the penalty l1 sum |w|, divided by the batch size, as `alpha` is.
    weight_decay : float or list, one per layer, default 0.0
        w := w - learning_rate weight_decay w before each update.
    max_norm : float or list, one per layer, default 0.0
        The largest norm of a neuron's incoming weights; 0 for no limit.
    class_weight : "balanced" or dict of class to weight, optional
        Factors of the weights of the samples of each class.
    schedule : name in `backprop_rs.schedules`, optional
        A schedule of the learning rate over `max_iter` epochs.
    clip_value, clip_norm : float, optional
        The largest element and the largest norm of the gradient.
    input_noise : float, default 0.0
        The standard deviation of normal noise that is added to X, with new draws in each epoch.
    callbacks : callable or list of callables, optional
        Called after each epoch with an event that has `estimator`, `number`, `loss`,
        `validation_score`, `validation_loss`, `learning_rate` (you may set it) and `stop()`.
        Pass scikit-learn's own callbacks to `set_callbacks`.
    progress : bool, default False
        Show a progress bar.
    n_jobs : int, optional
        The number of threads of the training; -1 for all processors. By default the number set
        by `backprop_rs.set_num_threads`. Results never depend on it.
    backend : "auto", "rust" or "numpy", default "auto"
    sklearn_compat : bool, default False
        Reproduce errors of scikit-learn; see docs/guide/sklearn.md.

    Attributes
    ----------
    coefs_, intercepts_, classes_, n_iter_, ...
        The attributes of scikit-learn's estimator.
    validation_loss_curve_ : list of float or None
        The loss of the validation samples after each epoch, without penalties.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> mlp = MLPClassifier((16, 8), ["relu", "tanh"], dropout=0.1, max_iter=500, batch_size=10,
    ...                     schedule="cosine", learning_rate_init=0.01, random_state=0, tol=0)
    >>> mlp.fit(X, y).score(X, y) > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CONSTRAINTS,
        "class_weight": [None, dict, StrOptions({"balanced"})],
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: Names = "relu",
        *,
        solver: OptimizerChoice = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: Literal["constant", "invscaling", "adaptive"] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        output_activation: Function | None = None,
        cost: CostChoice | Cost | None = None,
        init: InitializerChoice | None = None,
        dropout: float | Sequence[float] = 0.0,
        l1: float | Sequence[float] = 0.0,
        weight_decay: float | Sequence[float] = 0.0,
        max_norm: float | Sequence[float] = 0.0,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        schedule: ScheduleChoice | None = None,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        input_noise: float = 0.0,
        callbacks: Callback | Sequence[Callback] | None = None,
        progress: bool = False,
        n_jobs: int | None = None,
        backend: BackendChoice = "auto",
        sklearn_compat: bool = False,
    ) -> None:
        self._store(locals())

    class_weight: Any
    _labels: Labels
    classes_: Any  # an array, or a list of arrays

    @property
    def _stratifies(self) -> bool:  # type: ignore[override]
        return self._labels.n_outputs == 1

    def _output(self) -> Any:
        if self.output_activation is None:
            return "softmax" if self._labels.kind == "multiclass" else "sigmoid"
        output = entry("activation", self.output_activation)
        if output == "softmax" and self._labels.n_outputs == 1:
            raise ValueError(
                "output_activation must be 'logistic' or another elementwise one for two classes; "
                "got 'softmax'"
            )
        return output

    def _cost(self, n_outputs: int) -> Any:
        return entry("cost", "cross_entropy" if self.cost is None else self.cost)

    def _threshold(self) -> float:
        """Return the value from which on the only output predicts the second class."""
        return threshold(self._output(), name_of(self._cost(1)))

    # Targets.

    def _validate_input(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        if is_valid(self, X, y, reset):
            return X, y
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            dtype=FLOATS,
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _learn_targets(self, y: Any, incremental: bool, first: bool) -> None:
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._labels = Labels.of(y)
            self.classes_ = self._labels.classes
        elif self.warm_start:
            classes = unique_labels(y)
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the "
                    f"previous call to fit. Previously got {self.classes_}, `y` has {classes}"
                )
        else:
            self._check_known(y)
        self.n_outputs_ = self._labels.n_outputs

    def _check_known(self, y: Any) -> None:
        if unseen(y, self.classes_):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. 'y' has {unique_labels(y)}."
            )

    def _encode(self, y: Any, dtype: str) -> AnyArray:
        return self._labels.encode(y, dtype)

    def _labels_of(self, y: AnyArray) -> Any:
        return self.classes_[y] if y.ndim == 1 else self._labels.decode(y)

    def _weights(self, X: Any, y: Any, weights: Any, incremental: bool) -> Any:
        if self.class_weight is None:
            return weights
        if incremental and self.class_weight == "balanced":
            raise ValueError(
                "class_weight must be a dict for partial_fit, which does not see all samples; "
                "got 'balanced'"
            )
        of_class = compute_sample_weight(self.class_weight, y)
        return of_class if weights is None else of_class * _check_sample_weight(weights, X)

    def _score_of(self, a: Array, y: AnyArray, weights: Array | None) -> float:
        if y.ndim == 1:
            return accuracy(a.argmax(axis=1) == y, weights)
        return accuracy(((a > self._threshold()) == y).all(axis=1), weights)

    # Public methods.

    @only_if(is_stochastic)
    @fitting()
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Continue training for one epoch.

        Parameters
        ----------
        X : (n_samples, n_features) array-like or sparse matrix
        y : (n_samples,) array-like, or (n_samples, n_classes) of 0 and 1
        sample_weight : (n_samples,) array-like, optional
        classes : (n_classes,) array-like, optional
            All classes of this and later calls. Required in the first call, unless y has one
            column per class.

        Returns
        -------
        self
        """
        first = not hasattr(self, "classes_")
        columns = first and type_of_target(y, input_name="y") == "multilabel-indicator"
        if columns and classes is None:
            classes = unique_labels(y)
        if _check_partial_fit_first_call(self, classes):
            self._labels = Labels.of(y if columns else np.asarray(self.classes_))
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> AnyArray:
        """Predict the classes of samples.

        Parameters
        ----------
        X : (n_samples, n_features) array-like or sparse matrix

        Returns
        -------
        (n_samples,) array, or (n_samples, n_classes) of 0 and 1
        """
        return self._decode(self._outputs(X))

    def _decode(self, a: Array) -> AnyArray:
        """Return the labels that output activations predict."""
        return self._labels.decode(a, self._threshold())

    @only_if(gives_probabilities)
    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities of the classes, in the order of `classes_`.

        Parameters
        ----------
        X : (n_samples, n_features) array-like or sparse matrix

        Returns
        -------
        (n_samples, n_classes) array
        """
        a = self._outputs(X)
        if self.n_outputs_ == 1:
            return np.concatenate([1 - a, a], axis=1)
        if self._labels.kind == "multiclass" and self.out_activation_ != "softmax":
            a /= a.sum(axis=1, keepdims=True)
        return a

    @only_if(gives_probabilities)
    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of `predict_proba`.

        Parameters
        ----------
        X : (n_samples, n_features) array-like or sparse matrix

        Returns
        -------
        (n_samples, n_classes) array
        """
        p = self.predict_proba(X)
        logs: Array = np.log(p, out=p)
        return logs

    @only_if(lambda mlp: not gives_probabilities(mlp))
    def decision_function(self, X: Any) -> Array:
        """Return outputs that are not probabilities; of two classes, > 0 predicts the second.

        Parameters
        ----------
        X : (n_samples, n_features) array-like or sparse matrix

        Returns
        -------
        (n_samples,) or (n_samples, n_classes) array
        """
        a = self._outputs(X)
        return a[:, 0] - self._threshold() if self.n_outputs_ == 1 else a

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator: several labels per sample are supported."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
