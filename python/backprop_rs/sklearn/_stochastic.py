"""Training with mini-batches; epochs are counted, scored and stopped as in scikit-learn."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._internal.interrupts import current
from ..progress import Bar, Silent, progress_bar
from . import _data
from ._callbacks import Callbacks
from ._constraints import tables
from ._losses import Loss

if TYPE_CHECKING:
    from .._internal.types import AnyArray
    from ..network import Network
    from ._types import Estimator
    from ._validation import Validation

MAX_ORDERS = 2**21  # numbers of orders that are drawn in advance, unless one epoch has more
CLIPPED = "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
AT_THE_END = (
    "Stochastic Optimizer: Maximum iterations (%d) reached and the optimization hasn't "
    "converged yet."
)


class Training:
    """One call of `fit` or `partial_fit` with a solver of mini-batches.

    The core runs as many epochs at a time as cannot end the training: it ends after more than
    `n_iter_no_change` epochs in a row without progress.
    """

    def __init__(
        self,
        mlp: Estimator,
        net: Network,
        samples: _data.Samples,
        validation: Validation | None,
        once: bool,
    ) -> None:
        self.mlp, self.net, self.samples = mlp, net, samples
        self.validation, self.once = validation, once
        self.n = len(samples)
        self.loss = Loss(mlp, net, samples)
        self.order = np.arange(self.n)
        self.epochs = 1 if once else mlp.max_iter
        self.callbacks = Callbacks(mlp, samples, self.epochs)
        self.bar: Bar = progress_bar(True) if mlp.progress else Silent()
        self.schedule_state: Any = None  # of a reactive schedule; it begins with its factor
        self.interrupts = current()
        self.reactive = bool(mlp.schedule) and tables().backend.is_reactive(self.schedule)
        self.settings = {
            "batch_size": batch_size(mlp, self.n),
            "schedule": self.schedule,
            "schedule_from": 0 if once else net.epochs_trained,
            "schedule_epochs": mlp.max_iter,
            "seed": net.seed,
            "clip_value": mlp.clip_value,
            "clip_norm": mlp.clip_norm,
            "input_noise": float(mlp.input_noise),
            "penalty_per_sample": True,
            "batches_by_rows": True,
            "penalty_in_cost": float(self.loss.divisor) if self.loss.has_penalty else 0.0,
        }

    @property
    def schedule(self) -> str:
        """The canonical name of the schedule."""
        schedule = self.mlp.schedule
        return "constant" if schedule is None else tables().entry("schedule", schedule)

    @property
    def step_by_step(self) -> bool:
        """True if something has to be done after each epoch."""
        mlp = self.mlp
        decays = mlp.solver == "sgd" and mlp.learning_rate == "invscaling"
        return bool(
            self.validation
            or mlp.verbose
            or mlp.progress
            or decays
            or self.reactive
            or self.callbacks
        )

    def run(self) -> None:
        """Train, and warn if the training has not converged or was interrupted."""
        mlp = self.mlp
        mlp.n_iter_ = 0
        stopped = False
        try:
            with self.interrupts:
                while mlp.n_iter_ < self.epochs and not stopped:
                    stopped = self.run_epochs()
            if self.interrupts.pressed():
                raise KeyboardInterrupt
            # A schedule is meant to take `max_iter` epochs: its end is no reason to warn.
            if not (stopped or self.once or mlp.schedule):
                warnings.warn(AT_THE_END % mlp.max_iter, ConvergenceWarning, stacklevel=2)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=2)
        finally:
            self.bar.close()
        self.callbacks.close()

    def run_epochs(self) -> bool:
        """Run some epochs in the core; return True if the training is over."""
        mlp = self.mlp
        remaining = self.epochs - mlp.n_iter_
        if self.step_by_step:
            certain: float = 1
        else:
            certain = max(mlp.n_iter_no_change + 1 - mlp._no_improvement_count, 1)
        n_epochs = int(min(certain, remaining, max(MAX_ORDERS // self.n, 1)))
        with self.interrupts.raise_in_user_code():
            self.callbacks.begin()
        orders = self.draw(n_epochs) if mlp.shuffle else None
        first = self.net.epochs_trained
        rate = mlp._rate * (self.schedule_state[0] if self.schedule_state else 1.0)
        run = self.settings | {"learning_rate": rate, "stop_epoch": first + n_epochs}
        mlp._net()  # a callback may have changed coefs_
        mlp._changed()
        part = (self.net, self.samples, run, first, orders)
        costs, error = _data.train(*part, self.interrupts)
        over = False
        for number, cost in enumerate(costs):
            order = self.order if orders is None else orders[number]
            over = self.end_epoch(self.loss.of_epoch(cost, order))
        if error:
            raise error
        self.interrupts.obey()
        return over

    def draw(self, n_epochs: int) -> AnyArray:
        """Draw the orders of some epochs, (n_epochs, n): each shuffles the one before."""
        orders = np.empty((n_epochs, self.n), np.uint32)
        for row in orders:
            permutation = np.arange(self.n)
            self.mlp._random_state.shuffle(permutation)
            self.order = self.order[permutation]
            row[:] = self.order
        return orders

    def end_epoch(self, loss: float) -> bool:
        """Record an epoch; return True if the training is over."""
        mlp = self.mlp
        mlp.n_iter_ += 1
        mlp.loss_ = loss
        mlp.t_ += self.n
        mlp.loss_curve_.append(loss)
        with self.interrupts.raise_in_user_code():
            return self.evaluate(loss)

    def evaluate(self, loss: float) -> bool:
        """Score an epoch and call callbacks; return True if the training is over."""
        mlp = self.mlp
        if mlp.verbose:
            print(f"Iteration {mlp.n_iter_}, loss = {loss:.8f}")
        score = self.validation.score(self.net) if self.validation else None
        self.count(loss, score)
        if self.reactive:
            value = loss if self.validation is None else self.validation.losses[-1]
            self.schedule_state = tables().backend.observe(
                self.schedule, value, self.schedule_state
            )
        if mlp.solver == "sgd" and mlp.learning_rate == "invscaling":
            mlp._rate = mlp.learning_rate_init / (mlp.t_ + 1) ** mlp.power_t
        self.show(loss, score)
        over = mlp._no_improvement_count > mlp.n_iter_no_change and self.is_stuck()
        return self.callbacks.end(self.net, loss, score) or over

    def count(self, loss: float, score: float | None) -> None:
        """Count the epochs in a row without progress."""
        mlp = self.mlp
        if mlp.early_stopping:
            assert score is not None
            if mlp.verbose:
                print(f"Validation score: {score:f}")
            progress = not score < mlp.best_validation_score_ + mlp.tol
            if score > mlp.best_validation_score_:
                mlp.best_validation_score_ = score
                mlp._best = (self.net._core.weights(), self.net._core.biases())
        else:
            progress = not loss > mlp.best_loss_ - mlp.tol
            if loss < mlp.best_loss_:
                mlp.best_loss_ = loss
        mlp._no_improvement_count = 0 if progress else mlp._no_improvement_count + 1

    def is_stuck(self) -> bool:
        """Return True if to stop for lack of progress; with "adaptive" try a smaller rate first."""
        mlp = self.mlp
        quantity = "Validation score" if mlp.early_stopping else "Training loss"
        text = (
            f"{quantity} did not improve more than tol={mlp.tol:f} for "
            f"{mlp.n_iter_no_change} consecutive epochs."
        )
        adaptive = mlp.solver == "sgd" and mlp.learning_rate == "adaptive"
        if adaptive and mlp._rate > 1e-6:
            mlp._rate /= 5.0
            mlp._no_improvement_count = 0
            end = f"Setting learning rate to {mlp._rate:f}"
        else:
            end = "Learning rate too small. Stopping." if adaptive else "Stopping."
        if mlp.verbose:
            print(f"{text} {end}")
        return end.endswith("Stopping.")

    def show(self, loss: float, score: float | None) -> None:
        """Update the progress bar."""
        n = self.mlp.n_iter_
        if self.bar.wants() or n == self.epochs:
            score_text = "" if score is None else f", validation score {score:.4g}"
            self.bar.show(n / self.epochs, f"epoch {n}/{self.epochs}, loss {loss:.4g}{score_text}")


def batch_size(mlp: Estimator, n: int) -> int:
    """Return the number of samples per update."""
    if mlp.batch_size == "auto":
        return min(200, n)
    if mlp.batch_size > n:
        warnings.warn(CLIPPED, stacklevel=2)
    return int(min(mlp.batch_size, n))


def restore_best(mlp: Estimator, net: Network) -> None:
    """Restore the parameters of the best validation score."""
    weights, biases = mlp._best
    net._core.set_weights(weights)
    net._core.set_biases(biases)
