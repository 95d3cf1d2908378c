"""The interface of estimators that the modules of a training use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..network import Network


class Estimator(Protocol):
    """Parameters, attributes and hooks of `MLPClassifier` and `MLPRegressor`.

    Modules below `_base` take this protocol instead of the class, which imports them.
    """

    # Parameters of the constructors.
    activation: Any
    alpha: float
    backend: str
    batch_size: Any
    beta_1: float
    beta_2: float
    callbacks: Any
    clip_norm: float | None
    clip_value: float | None
    dropout: Any
    early_stopping: bool
    epsilon: float
    input_noise: float
    learning_rate: str
    learning_rate_init: float
    max_fun: int
    max_iter: int
    momentum: float
    n_iter_no_change: float
    nesterovs_momentum: bool
    power_t: float
    progress: bool
    schedule: Any
    shuffle: bool
    solver: Any
    tol: float
    validation_fraction: float
    verbose: Any

    # State of a training.
    n_iter_: int
    t_: int
    loss_: float
    loss_curve_: list[float]
    best_loss_: Any
    best_validation_score_: Any
    validation_scores_: Any
    validation_loss_curve_: Any
    _best: tuple[list[Array], list[Array]]
    _no_improvement_count: int
    _random_state: Any
    _rate: float

    @property
    def _stratifies(self) -> bool:
        """True if validation samples are drawn class by class."""

    def _output(self) -> Any:
        """Return the output activation."""

    def _cost(self, n_outputs: int) -> Any:
        """Return the cost."""

    def _sums_outputs(self, n_outputs: int) -> bool:
        """Return True if gradients are those of a sum over the outputs."""

    def _score_of(self, a: Array, y: AnyArray, weights: Array | None) -> float:
        """Return the score of output activations."""

    def _labels_of(self, y: AnyArray) -> Any:
        """Return targets of the core in the form that the user gave."""

    def _net(self) -> Network:
        """Return the network with the parameters that the user sees."""

    def _changed(self) -> None:
        """Note that the network has new parameters."""
