"""The solver "lbfgs": SciPy's, on all samples at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize
from sklearn.utils.optimize import _check_optimize_result

from ..network import Network
from ..training.interrupts import present
from ..training.lbfgs import Objective
from ..training.samples import Samples as Batch
from ._callbacks import Watcher
from ._data import Samples, dense
from ._losses import Loss
from ._network import coefs_of, network, put

if TYPE_CHECKING:
    from .._internal.types import Array
    from ..training.interrupts import Interrupts
    from ._base import BaseMLP


class Regularised(Objective):
    """The loss with its penalties over the sum of the weights, and its gradient."""

    def __init__(
        self, mlp: BaseMLP, net: Network, samples: Samples, listening: Interrupts, seen: Network
    ) -> None:
        super().__init__(net, Batch(net, samples.X, samples.y, samples.weights), listening)
        self.mlp, self.net, self.seen = mlp, net, seen
        self.loss = Loss(mlp, net, samples)
        total = len(samples) if samples.weights is None else float(samples.weights.sum())
        self.l2 = [one / total for one in self.l2]

    def show(self) -> None:
        take(self.mlp, self.seen, self.net)

    def __call__(self, vector: Array) -> tuple[float, Array]:
        value, gradient = super().__call__(vector)
        return value - self.cost + self.loss.of_data(self.cost), gradient


def fit(mlp: BaseMLP, net: Network, samples: Samples) -> None:
    """Minimise from the present parameters of the network on, in double precision."""
    if mlp.input_noise or mlp.clip_value or mlp.clip_norm or mlp.schedule:
        raise ValueError(
            "solver 'lbfgs' must go without input_noise, clip_value, clip_norm and schedule; "
            "got some"
        )
    double = net if net.dtype == "float64" else network(mlp, net.sizes, "float64")
    if double is not net:
        put(double, coefs_of(net), net._core.biases())
    samples = Samples(
        dense(samples.X).astype(np.float64, copy=False),
        samples.y if samples.y.ndim == 1 else samples.y.astype(np.float64, copy=False),
        None if samples.weights is None else samples.weights.astype(np.float64),
    )
    listening = present()
    objective = Regularised(mlp, double, samples, listening, net)
    watcher = Watcher(mlp, samples, mlp.max_iter)
    mlp.n_iter_ = 0

    def ended(intermediate_result: Any) -> None:
        mlp.n_iter_ += 1
        mlp.loss_ = float(intermediate_result.fun)
        if mlp.verbose:
            print(f"Iteration {mlp.n_iter_}, loss = {mlp.loss_:.8f}")
        if watcher:
            objective.put(intermediate_result.x)
            take(mlp, net, double)
            with listening.ending_what_the_user_does():
                watcher.begin()  # only now is it known that there was one
                over = watcher.end(net, mlp.loss_, None)
            if over:
                raise StopIteration

    mlp._changed()
    options = {"maxfun": mlp.max_fun, "maxiter": mlp.max_iter, "gtol": mlp.tol}
    start = objective.vector()
    try:
        with listening:
            result = minimize(
                objective, start, method="L-BFGS-B", jac=True, callback=ended, options=options
            )
            listening.obey()
    except BaseException:
        objective.put(objective.best)
        take(mlp, net, double)
        raise
    stopped = result.status != 0 and "StopIteration" in str(result.message)
    mlp.n_iter_ = result.nit if stopped else _check_optimize_result("lbfgs", result, mlp.max_iter)
    mlp.loss_ = float(result.fun)
    objective.put(result.x)
    take(mlp, net, double)
    watcher.close()


def take(mlp: BaseMLP, net: Network, double: Network) -> None:
    """Give the network the parameters of its twin in double precision."""
    if double is not net:
        put(net, coefs_of(double), double._core.biases())
    mlp._changed()
