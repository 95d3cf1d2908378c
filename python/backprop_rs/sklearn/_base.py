"""The common base class of the classifier and the regressor."""

from __future__ import annotations

from functools import cache
from math import nan
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import make_constraint
from sklearn.utils.validation import _check_sample_weight

from .._internal import checks
from . import _lbfgs
from ._bases import BaseEstimator, CallbackSupportMixin
from ._data import Samples
from ._fit_support import fitting, only_if, threads
from ._inference import InferenceMixin
from ._network import SKLEARN_NAMES, draw_parameters, optimizer, set_parameters
from ._stochastic import Training, restore_best
from ._validation import Validation, hold_back

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._internal.types import AnyArray, Array
    from ..network import Network

NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)


def is_stochastic(mlp: BaseMLP) -> bool:
    """Return True if there is a partial_fit, or raise AttributeError."""
    if mlp.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{mlp.solver} is not stochastic."
        )
    return True


class BaseMLP(InferenceMixin, CallbackSupportMixin, BaseEstimator):
    """Training; subclasses encode the targets and choose output, cost and score."""

    _parameter_constraints: ClassVar[dict[str, Any]]
    _random_state: Any
    _best: tuple[list[Array], list[Array]]
    _no_improvement_count: int
    _rate: float = nan  # the learning rate of the next epoch; L-BFGS has none
    _stratifies = False

    # The parameters of the constructors; they are checked when they are used.
    hidden_layer_sizes: Any
    activation: Any
    solver: Any
    alpha: float
    batch_size: Any
    learning_rate: Any
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    random_state: Any
    tol: float
    verbose: Any
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    output_activation: Any
    cost: Any
    init: Any
    dropout: Any
    l1: Any
    weight_decay: Any
    max_norm: Any
    schedule: Any
    clip_value: float | None
    clip_norm: float | None
    input_noise: float
    callbacks: Any
    progress: bool
    n_jobs: int | None
    backend: Any
    sklearn_compat: bool

    # The attributes of a training.
    n_iter_: int
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    t_: int
    loss_: float
    loss_curve_: list[float]
    best_loss_: float | None
    best_validation_score_: float | None
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float] | None

    def _store(self, arguments: dict[str, Any]) -> None:
        """Store the arguments of a constructor unchanged."""
        for name, value in arguments.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    @classmethod
    @cache
    def _made_constraints(cls) -> list[tuple[str, list[Any]]]:
        """Return the constraints of each parameter as objects."""
        constraints = cls._parameter_constraints.items()
        return [(name, list(map(make_constraint, options))) for name, options in constraints]

    def _validate_params(self) -> None:
        """Check the parameters; only call scikit-learn's slower check to raise its error."""
        for name, constraints in self._made_constraints():
            value = getattr(self, name)
            if not any(constraint.is_satisfied_by(value) for constraint in constraints):
                super()._validate_params()

    # Hooks of subclasses.

    def _validate_input(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """Return X and y, checked by scikit-learn."""
        raise NotImplementedError

    def _learn_targets(self, y: Any, incremental: bool, first: bool) -> None:
        """Find out the form of the targets, or check that it has not changed; set `n_outputs_`."""
        raise NotImplementedError

    def _check_known(self, y: Any) -> None:
        """Raise ValueError for targets of another form than in the training."""
        raise NotImplementedError

    def _encode(self, y: Any, dtype: str) -> AnyArray:
        """Return targets in the form of the core."""
        raise NotImplementedError

    def _output(self) -> Any:
        """Return the output activation."""
        raise NotImplementedError

    def _cost(self, n_outputs: int) -> Any:
        """Return the cost."""
        raise NotImplementedError

    def _sums_outputs(self, n_outputs: int) -> bool:
        """Return True if gradients are those of a sum over the outputs, and losses of the mean."""
        return False

    def _score_of(self, a: Array, y: AnyArray, weights: Array | None) -> float:
        """Return the score of output activations."""
        raise NotImplementedError

    def _labels_of(self, y: AnyArray) -> Any:
        """Return targets of the core in the form that the user gave."""
        return y

    def _weights(self, X: Any, y: Any, weights: Any, incremental: bool) -> Any:
        """Return the weights of the samples, multiplied by those of their classes."""
        return weights

    # Training.

    @fitting()
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train from new parameters, or with `warm_start` from the present ones.

        Parameters
        ----------
        X : (n_samples, n_features) array-like or sparse matrix
        y : (n_samples,) or (n_samples, n_outputs) array-like
        sample_weight : (n_samples,) array-like, optional
        X_val, y_val, sample_weight_val : as X, y and sample_weight; optional
            Validation samples. With `early_stopping` they replace those held back from X and y;
            without it, their scores and losses are only recorded.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    @only_if(is_stochastic)
    @fitting()
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Continue training for one epoch.

        Parameters
        ----------
        X : (n_samples, n_features) array-like or sparse matrix
        y : (n_samples,) or (n_samples, n_outputs) array-like
        sample_weight : (n_samples,) array-like, optional

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, incremental=True)

    @fitting()
    def initialize(self, X: Any, y: Any) -> Self:
        """Draw the initial parameters of `fit`, without training.

        Parameters
        ----------
        X : (n_samples, n_features) array-like or sparse matrix
        y : (n_samples,) or (n_samples, n_outputs) array-like

        Returns
        -------
        self
        """
        self._prepare(X, y, None, incremental=False, first=True)
        return self

    def _fit(
        self,
        X: Any,
        y: Any,
        weights: Any,
        validation: tuple[Any, Any, Any] = (None, None, None),
        incremental: bool = False,
    ) -> Self:
        first = not self.__sklearn_is_fitted__() or not (self.warm_start or incremental)
        with threads(self.n_jobs):
            net, samples = self._prepare(X, y, weights, incremental=incremental, first=first)
            validation_samples = self._validation_samples(*validation, net.dtype)
            if self.solver == "lbfgs":
                if validation_samples is not None:
                    raise ValueError("solver 'lbfgs' does not support X_val")
                _lbfgs.fit(self, net, samples)
            else:
                self._train(net, samples, validation_samples, incremental)
        parameters = net._core.weights() + net._core.biases()
        if not all(np.isfinite(array).all() for array in parameters):
            raise ValueError(NON_FINITE)
        return self

    def _prepare(
        self, X: Any, y: Any, weights: Any, *, incremental: bool, first: bool
    ) -> tuple[Network, Samples]:
        """Return the network to train and checked samples."""
        hidden = hidden_sizes(self.hidden_layer_sizes)
        X, y = self._validate_input(X, y, reset=first)
        self._learn_targets(y, incremental, first)
        weights = self._weights(X, y, weights, incremental)
        self._random_state = check_random_state(self.random_state)
        if first:
            net = self._begin([X.shape[1], *hidden, self.n_outputs_], X.dtype.name)
        else:
            net = self._renew()
        samples = self._samples(X, y, weights, net.dtype)
        if net._unchecked:  # custom functions: check their derivatives on a few samples
            few = samples.rows(np.arange(min(len(samples), 100)))
            net._check_functions(few.X, few.y)
        return net, samples

    def _samples(self, X: Any, y: Any, weights: Any, dtype: str) -> Samples:
        """Return samples in the form of the core."""
        if weights is not None:
            weights = checks.converted(_check_sample_weight(weights, X), dtype)
        X = X.tocsr().astype(dtype) if issparse(X) else checks.converted(X, dtype)
        return Samples(X, self._encode(y, dtype), weights).fit_in_memory()

    def _begin(self, sizes: list[int], dtype: str) -> Network:
        """Return a new network, and reset the state of the training."""
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = len(sizes)
        output = self._output()
        name = output if isinstance(output, str) else output.name
        self.out_activation_ = SKLEARN_NAMES.get(output, name)
        self._changed()
        net = self._make(sizes, dtype)
        if self.init is None:
            coefs, intercepts = draw_parameters(self, sizes)
            set_parameters(net, coefs, intercepts)
        else:
            net._core.initialize(net._tables.entry("init", self.init), self._seed())
        if self.dropout != 0 or self.input_noise:
            net.seed = self._seed()
        self._no_improvement_count = 0
        self._best = (net._core.weights(), net._core.biases())
        if self.solver != "lbfgs":
            self._begin_curves(reset=True)
        return net

    def _begin_curves(self, reset: bool) -> None:
        """Begin the curves and best scores; without `reset`, only those that do not exist yet.

        They do not exist yet after a training with another solver or `early_stopping`.
        """
        stopping = self.early_stopping
        beginnings: dict[str, Any] = {
            "loss_curve_": [],
            "best_loss_": None if stopping else np.inf,
            "best_validation_score_": -np.inf if stopping else None,
            "validation_scores_": [] if stopping else None,
            "validation_loss_curve_": [] if stopping else None,
        }
        for name, beginning in beginnings.items():
            if reset or getattr(self, name, None) is None:
                setattr(self, name, beginning)

    def _seed(self) -> int:
        """Draw a seed for the network."""
        return int(self._random_state.randint(2**31 - 1))

    def _validation_samples(self, X: Any, y: Any, weights: Any, dtype: str) -> Samples | None:
        """Return checked validation samples of the user."""
        if X is None and y is None:
            return None
        if X is None or y is None:
            raise ValueError("X_val and y_val must be given together; got one of them")
        X, y = self._validate_input(X, y, reset=False)
        self._check_known(y)
        return self._samples(X, y, weights, dtype)

    def _train(
        self,
        net: Network,
        samples: Samples,
        validation_samples: Samples | None,
        incremental: bool,
    ) -> None:
        """Train with mini-batches."""
        if not incremental or net._optimizer is None:
            net._optimizer = None  # the next line makes one with a new state
            net._use_optimizer(optimizer(self))
            self._rate = float(self.learning_rate_init)
        self._begin_curves(reset=False)
        validation = None
        if self.early_stopping:
            if incremental:
                raise ValueError("partial_fit does not support early_stopping=True")
            if validation_samples is None:
                samples, validation_samples = hold_back(self, samples)
        if validation_samples is not None:
            self.validation_scores_ = self.validation_scores_ or []
            self.validation_loss_curve_ = self.validation_loss_curve_ or []
            validation = Validation(self, net, validation_samples)
        Training(self, net, samples, validation, incremental).run()
        if self.early_stopping:
            restore_best(self, net)
            self._changed()

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator: sparse X is supported."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def hidden_sizes(value: Any) -> list[int]:
    """Return the sizes of the hidden layers as a list."""
    sizes = list(value) if hasattr(value, "__iter__") else [value]
    if not all(isinstance(size, Integral) and not isinstance(size, bool) for size in sizes):
        raise TypeError(f"hidden_layer_sizes must be integers > 0, got {sizes}.")
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return sizes
