"""The regressor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import validate_data

from .._internal import checks
from ._base import BaseMLP
from ._bases import RegressorMixin
from ._constraints import CONSTRAINTS, entry, name_of, tables
from ._fit_support import FLOATS, is_valid
from ._validation import r2

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

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

# The output activations of scikit-learn's losses.
OUTPUTS = {"squared_error": "identity", "poisson": "exponential"}


class MLPRegressor(RegressorMixin, BaseMLP):
    """Drop-in replacement for scikit-learn's `MLPRegressor` with further parameters.

    Parameters
    ----------
    loss, hidden_layer_sizes, ..., max_fun
        As in `sklearn.neural_network.MLPRegressor`. `activation` also accepts every name in
        `backprop_rs.activations`, a `backprop_rs.Activation`, and a list of them, one per hidden
        layer; `solver` accepts every name in `backprop_rs.optimizers`.
    output_activation : name in `backprop_rs.activations` or `Activation`, optional
        By default identity, or exponential for loss "poisson".
    cost : name in `backprop_rs.costs` or `backprop_rs.Cost`, optional
        Replaces `loss`, such as "huber(0.5)".
    init, dropout, l1, weight_decay, max_norm, schedule, clip_value, clip_norm, input_noise,
    callbacks, progress, n_jobs, backend
        As in `MLPClassifier`.
    sklearn_compat : bool, default False
        Use scikit-learn's gradient of the squared error. With n outputs it is n times too large
        (its issue 8349).

    Attributes
    ----------
    coefs_, intercepts_, n_iter_, ...
        The attributes of scikit-learn's estimator.
    validation_loss_curve_ : list of float or None
        The loss of the validation samples after each epoch, without penalties.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_diabetes(return_X_y=True)
    >>> mlp = MLPRegressor(cost="huber(0.5)", solver="adamw", max_iter=100, tol=0, random_state=0,
    ...                    learning_rate_init=0.01, schedule="cosine")
    >>> mlp.fit(scale(X), scale(y)).score(scale(X), scale(y)) > 0.5
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "loss": [StrOptions(set(OUTPUTS))],
        **CONSTRAINTS,
    }

    def __init__(
        self,
        loss: Literal["squared_error", "poisson"] = "squared_error",
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

    loss: str

    def _output(self) -> Any:
        choice = self.output_activation
        return entry("activation", OUTPUTS[self.loss] if choice is None else choice)

    def _cost(self, n_outputs: int) -> Any:
        name = self.cost
        if name is None and self.loss == "squared_error":
            name = "mean_squared_error(scale=0.5)"
            if self._sums_outputs(n_outputs):
                name = "squared_error(scale=0.5)"
        return entry("cost", self.loss if name is None else name)

    def _sums_outputs(self, n_outputs: int) -> bool:
        squared = self.cost is None and self.loss == "squared_error"
        return bool(self.sklearn_compat) and squared and n_outputs > 1

    def _validate_input(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        if is_valid(self, X, y, reset):
            return X, y
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=True,
            dtype=FLOATS,
            reset=reset,
        )
        if y.dtype.kind not in "biuf":
            raise TypeError(f"y must hold numbers; got {y.dtype}")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _learn_targets(self, y: Any, incremental: bool, first: bool) -> None:
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        if not first and n_outputs != self.n_outputs_:
            raise ValueError(f"y must have {self.n_outputs_} columns as before; got {n_outputs}")
        self.n_outputs_ = n_outputs

    def _check_known(self, y: Any) -> None:
        self._learn_targets(y, incremental=True, first=False)

    def _encode(self, y: Any, dtype: str) -> AnyArray:
        y = np.reshape(checks.converted(y, dtype), (len(y), -1))
        cost = self._cost(y.shape[1])
        if isinstance(cost, str):
            limits = tables().backend.target_range(cost)
            if limits != checks.ANY_TARGET:
                return checks.in_range(y, name_of(cost), limits)
        values: AnyArray = y
        return values

    def _score_of(self, a: Array, y: AnyArray, weights: Array | None) -> float:
        return r2(a, y, weights)

    def predict(self, X: Any) -> Array:
        """Predict the values of samples.

        Parameters
        ----------
        X : (n_samples, n_features) array-like or sparse matrix

        Returns
        -------
        (n_samples,) or (n_samples, n_outputs) array
        """
        a = self._outputs(X)
        return a.ravel() if a.shape[1] == 1 else a
