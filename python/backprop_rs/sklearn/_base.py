"""What the classifier and the regressor have in common."""

from __future__ import annotations

from functools import cache
from math import nan
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import make_constraint
from sklearn.utils.validation import _check_sample_weight

from .._internal import checks
from . import _lbfgs
from ._callbacks import CallbackSupportMixin
from ._data import Samples
from ._decorators import fitting, only_if
from ._inference import Uses
from ._network import THEIRS, draw, optimizer, put
from ._stochastic import Training, restore_best
from ._threads import threads
from ._validation import Held, hold_back

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._internal.types import AnyArray, Array
    from ..network import Network

NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)


def is_stochastic(mlp: BaseMLP) -> bool:
    """Whether there is a partial_fit, by an error that says why not."""
    if mlp.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{mlp.solver} is not stochastic."
        )
    return True


class BaseMLP(Uses, CallbackSupportMixin, BaseEstimator):  # type: ignore[misc]
    """The whole of training; what y means is left to the classes above."""

    _parameter_constraints: ClassVar[dict[str, Any]]
    _random_state: Any
    _best: tuple[list[Array], list[Array]]
    _no_improvement_count: int
    _rate: float = nan  # of the next epoch; L-BFGS has none
    _stratifies = False

    n_outputs_: int
    loss_curve_: list[float]
    best_loss_: Any
    best_validation_score_: Any
    validation_scores_: Any
    validation_loss_curve_: Any

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def _keep(self, given: dict[str, Any]) -> None:
        """Keep the arguments of a constructor as they are."""
        for name, value in given.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    @classmethod
    @cache
    def _made_constraints(cls) -> list[tuple[str, list[Any]]]:
        """The constraints of each parameter, ready for use."""
        given = cls._parameter_constraints.items()
        return [(name, [make_constraint(one) for one in several]) for name, several in given]

    def _validate_params(self) -> None:
        """scikit-learn's, but for the time it takes where all is right."""
        for name, constraints in self._made_constraints():
            value = getattr(self, name)
            if not any(one.is_satisfied_by(value) for one in constraints):
                super()._validate_params()

    # What the classes above say.

    def _validate_input(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """X and y as scikit-learn checks them."""
        raise NotImplementedError

    def _learn_targets(self, y: Any, incremental: bool, first: bool) -> None:
        """See what the targets are like, or that they are as before; sets `n_outputs_`."""
        raise NotImplementedError

    def _check_known(self, y: Any) -> None:
        """Refuses targets unlike those of the training."""
        raise NotImplementedError

    def _encode(self, y: Any, dtype: str) -> AnyArray:
        """Targets as the core takes them."""
        raise NotImplementedError

    def _output(self) -> Any:
        """The row of the output activation."""
        raise NotImplementedError

    def _cost(self, n_outputs: int) -> Any:
        """The row of the cost."""
        raise NotImplementedError

    def _sums_outputs(self, n_outputs: int) -> bool:
        """Whether gradients are those of a sum over the outputs, losses of their mean."""
        return False

    def _score_of(self, a: Array, y: AnyArray, weights: Array | None) -> float:
        raise NotImplementedError

    def _labels_of(self, y: AnyArray) -> Any:
        """Targets of the core as the user gave them."""
        return y

    def _weights(self, X: Any, y: Any, weights: Any, incremental: bool) -> Any:
        """The weights of the samples, with those of their classes."""
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
        """Train from new parameters on, or with `warm_start` from those that there are.

        Parameters
        ----------
        X : (n_samples, n_features) array-like or sparse matrix
        y : (n_samples,) or (n_samples, n_outputs) array-like
        sample_weight : (n_samples,) array-like, optional
        X_val, y_val, sample_weight_val : as X, y and sample_weight; optional
            Samples to judge the training by: with `early_stopping` they take the place of those
            held back, and without it their scores and losses are recorded.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    @only_if(is_stochastic)
    @fitting()
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One epoch, after what has been learnt before.

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
        """First parameters without a training: what `fit` would begin with.

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
        given: tuple[Any, Any, Any] = (None,) * 3,
        incremental: bool = False,
    ) -> Self:
        first = not self.__sklearn_is_fitted__() or not (self.warm_start or incremental)
        with threads(self.n_jobs):
            net, samples = self._prepare(X, y, weights, incremental=incremental, first=first)
            held = self._given(given, net.dtype)
            if self.solver == "lbfgs":
                if held is not None:
                    raise ValueError("solver 'lbfgs' must go without X_val; got one")
                _lbfgs.fit(self, net, samples)
            else:
                self._train(net, samples, held, incremental)
        if not all(np.isfinite(one).all() for one in net._core.weights() + net._core.biases()):
            raise ValueError(NON_FINITE)
        return self

    def _prepare(
        self, X: Any, y: Any, weights: Any, *, incremental: bool, first: bool
    ) -> tuple[Network, Samples]:
        """Checked samples, and the network that is to learn them."""
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
        if net._unchecked:
            some = samples.rows(np.arange(min(len(samples), 100)))
            net._check_functions(some.X, some.y)
        return net, samples

    def _samples(self, X: Any, y: Any, weights: Any, dtype: str) -> Samples:
        """Checked samples, ready for the core."""
        if weights is not None:
            weights = checks.converted(_check_sample_weight(weights, X), dtype)
        X = X.tocsr().astype(dtype) if issparse(X) else checks.converted(X, dtype)
        return Samples(X, self._encode(y, dtype), weights).fit_in_memory()

    def _begin(self, sizes: list[int], dtype: str) -> Network:
        """Everything as before the first epoch."""
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = len(sizes)
        output = self._output()
        name = output if isinstance(output, str) else output.name
        self.out_activation_ = THEIRS.get(output, name)
        self._changed()
        net = self._make(sizes, dtype)
        if self.init is None:
            coefs, intercepts = draw(self, sizes)
            put(net, coefs, intercepts)
        else:
            net._core.initialize(net._tables.row("init", self.init), self._seed())
        if self.dropout != 0 or self.input_noise:
            net.seed = self._seed()
        self._no_improvement_count = 0
        self._best = (net._core.weights(), net._core.biases())
        if self.solver != "lbfgs":
            self._record(anew=True)
        return net

    def _record(self, anew: bool) -> None:
        """Begin the curves and bests; otherwise only those that a training with other settings
        has not left behind."""
        stopping = self.early_stopping
        beginnings: dict[str, Any] = {
            "loss_curve_": [],
            "best_loss_": None if stopping else np.inf,
            "best_validation_score_": -np.inf if stopping else None,
            "validation_scores_": [] if stopping else None,
            "validation_loss_curve_": [] if stopping else None,
        }
        for name, beginning in beginnings.items():
            if anew or getattr(self, name, None) is None:
                setattr(self, name, beginning)

    def _seed(self) -> int:
        return int(self._random_state.randint(2**31 - 1))

    def _given(self, given: tuple[Any, Any, Any], dtype: str) -> Samples | None:
        """Checked validation samples of the user."""
        X, y, weights = given
        if X is None and y is None:
            return None
        if X is None or y is None:
            raise ValueError("X_val and y_val must be given together; got one of them")
        X, y = self._validate_input(X, y, reset=False)
        self._check_known(y)
        return self._samples(X, y, weights, dtype)

    def _train(
        self, net: Network, samples: Samples, given: Samples | None, incremental: bool
    ) -> None:
        """Epochs of mini-batches."""
        if not incremental or net._optimizer is None:
            net._optimizer = None  # a new one, with a memory of its own
            net._use_optimizer(optimizer(self))
            self._rate = float(self.learning_rate_init)
        self._record(anew=False)
        held = None
        if self.early_stopping:
            if incremental:
                raise ValueError("partial_fit does not support early_stopping=True")
            if given is None:
                samples, given = hold_back(self, samples)
        if given is not None:
            self.validation_scores_ = self.validation_scores_ or []
            self.validation_loss_curve_ = self.validation_loss_curve_ or []
            held = Held(self, net, given)
        Training(self, net, samples, held, incremental).run()
        if self.early_stopping:
            restore_best(self, net)
            self._changed()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def hidden_sizes(given: Any) -> list[int]:
    """The sizes of the hidden layers as a list."""
    sizes = list(given) if hasattr(given, "__iter__") else [given]
    if not all(isinstance(size, Integral) and not isinstance(size, bool) for size in sizes):
        raise TypeError(f"hidden_layer_sizes must be integers > 0, got {sizes}.")
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return sizes
