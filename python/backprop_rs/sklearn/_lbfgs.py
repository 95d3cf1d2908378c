"""Training with SciPy's L-BFGS-B on all samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize
from sklearn.utils.optimize import _check_optimize_result

from .._internal.interrupts import current
from ..network import Network
from ..training.lbfgs import Objective
from ..training.samples import Samples as Batch
from ._callbacks import Callbacks
from ._data import Samples, dense
from ._losses import Loss
from ._network import coefs_of, network, set_parameters

if TYPE_CHECKING:
    from .._internal.interrupts import Interrupts
    from .._internal.types import Array
    from ._types import Estimator


class RegularizedObjective(Objective):
    """The loss and its gradient; penalties are divided by the sum of the sample weights."""

    def __init__(
        self,
        mlp: Estimator,
        net: Network,
        samples: Samples,
        signals: Interrupts,
        visible_net: Network,
    ) -> None:
        super().__init__(net, Batch(net, samples.X, samples.y, samples.weights), signals)
        self.mlp, self.net, self.visible_net = mlp, net, visible_net
        self.loss = Loss(mlp, net, samples)
        total = len(samples) if samples.weights is None else float(samples.weights.sum())
        self.l2 = [factor / total for factor in self.l2]

    def show(self) -> None:
        """Copy the parameters to `visible_net`, the network that the user sees."""
        copy_parameters(self.mlp, self.visible_net, self.net)

    def __call__(self, vector: Array) -> tuple[float, Array]:
        """Return the loss and its gradient."""
        value, gradient = super().__call__(vector)
        return value - self.cost + self.loss.of_data(self.cost), gradient


def fit(mlp: Estimator, net: Network, samples: Samples) -> None:
    """Minimize the loss in double precision, from the present parameters of the network."""
    if mlp.input_noise or mlp.clip_value or mlp.clip_norm or mlp.schedule:
        raise ValueError(
            "solver 'lbfgs' does not support input_noise, clip_value, clip_norm and schedule"
        )
    double = net if net.dtype == "float64" else network(mlp, net.sizes, "float64")
    if double is not net:
        set_parameters(double, coefs_of(net), net._core.biases())
    samples = Samples(
        dense(samples.X).astype(np.float64, copy=False),
        samples.y if samples.y.ndim == 1 else samples.y.astype(np.float64, copy=False),
        None if samples.weights is None else samples.weights.astype(np.float64),
    )
    signals = current()
    objective = RegularizedObjective(mlp, double, samples, signals, net)
    callbacks = Callbacks(mlp, samples, mlp.max_iter)
    mlp.n_iter_ = 0

    def end_iteration(intermediate_result: Any) -> None:
        mlp.n_iter_ += 1
        mlp.loss_ = float(intermediate_result.fun)
        if mlp.verbose:
            print(f"Iteration {mlp.n_iter_}, loss = {mlp.loss_:.8f}")
        if callbacks:
            objective.put(intermediate_result.x)
            copy_parameters(mlp, net, double)
            with signals.raise_in_user_code():
                callbacks.begin()  # SciPy does not say when an iteration begins
                over = callbacks.end(net, mlp.loss_, None)
            if over:
                raise StopIteration

    mlp._changed()
    options = {"maxfun": mlp.max_fun, "maxiter": mlp.max_iter, "gtol": mlp.tol}
    start = objective.vector()
    try:
        with signals:
            result = minimize(
                objective,
                start,
                method="L-BFGS-B",
                jac=True,
                callback=end_iteration,
                options=options,
            )
            signals.obey()
    except BaseException:
        objective.put(objective.best)
        copy_parameters(mlp, net, double)
        raise
    stopped = result.status != 0 and "StopIteration" in str(result.message)
    mlp.n_iter_ = result.nit if stopped else _check_optimize_result("lbfgs", result, mlp.max_iter)
    mlp.loss_ = float(result.fun)
    objective.put(result.x)
    copy_parameters(mlp, net, double)
    callbacks.close()


def copy_parameters(mlp: Estimator, net: Network, double: Network) -> None:
    """Copy the parameters of the network in double precision to the network of the estimator."""
    if double is not net:
        set_parameters(net, coefs_of(double), double._core.biases())
    mlp._changed()
