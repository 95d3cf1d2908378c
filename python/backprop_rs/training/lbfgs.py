"""Full-batch L-BFGS with SciPy's line search, which satisfies the strong Wolfe conditions."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from math import nan
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal import interrupts
from ..exceptions import NonFiniteCost
from ..history import History
from ..tables.lbfgs import ROW
from ..tables.registry import parse
from .log import TrainingLog
from .state import exclusive

if TYPE_CHECKING:
    from .._internal.interrupts import Interrupts
    from .._internal.types import Array
    from ..base_network import BaseNetwork
    from .samples import Samples

# By SciPy's status; status 1 is one of two limits.
STOPPED = {0: "converged", 2: "line_search"}


class NotFinite(Exception):
    """The cost or its gradient is NaN or infinite."""


@dataclass(eq=False)
class LbfgsTrainer:
    """A training by SciPy's L-BFGS-B without bounds; `run` trains the network.

    It minimizes C with the l2 penalties of the layers; an iteration counts as an epoch. The
    `stopped` of the history is

    - "converged" if no element of the gradient is larger than `tolerance`, or if the cost does
      not fall any more;
    - "epochs" after `iterations`;
    - "evaluations" after 20 costs per iteration and 100 more;
    - "line_search" if no step along the last direction reduces the cost;
    - "nan" if the cost or its gradient is not finite; `on_nan` says what happens then, as in
      `Network.fit`. The parameters are those of the smallest cost so far.
    """

    net: BaseNetwork
    samples: Samples
    iterations: int
    text: str = "lbfgs"
    on_nan: str = "raise"

    def run(self) -> History:
        """Train the network, and return the history.

        Raises
        ------
        NonFiniteCost
            If `on_nan` is "raise" and the cost is not finite.
        ImportError
            If SciPy is missing (``pip install scipy``).
        ValueError
            If a layer has an l1 penalty, whose slope jumps, or another option of mini-batches.
        """
        log = TrainingLog(self.net)
        with exclusive(self.net):
            facts = {"samples": len(self.samples), "iterations": self.iterations}
            log.begin(facts | {"optimizer": self.text}, History())
            try:
                history = self.minimize(log)
            except BaseException as error:
                log.fail(error)
                raise
            log.end(history)
            return history

    def minimize(self, log: TrainingLog) -> History:
        """Call SciPy, and restore the best parameters if something ends it early."""
        try:
            from scipy.optimize import minimize
        except ImportError as error:
            raise ImportError("optimizer='lbfgs' needs SciPy: pip install scipy") from error
        net, iterations = self.net, self.iterations
        _, settings = parse("optimizer", self.text, [ROW])
        signals = interrupts.current()
        objective = Objective(net, self.samples, signals, check_finite=self.on_nan != "ignore")
        history = net._history = History()
        # The memory of another optimizer belongs to the parameters of before.
        net._core.set_optimizer("sgd")
        net._optimizer = None
        started = perf_counter()

        def end_iteration(intermediate_result: Any) -> None:
            nonlocal started
            now = perf_counter()
            net.epochs_trained += 1
            history.extend(net.epochs_trained, [objective.cost], now - started, [nan])
            started = now
            log.progress(history, net.epochs_trained - len(history) + iterations, list)

        options = {
            "maxiter": iterations,
            "maxfun": 20 * iterations + 100,
            "gtol": settings["tolerance"],
            "maxcor": int(settings["memory"]),
            "ftol": np.finfo(net.dtype).eps,
        }
        with signals:
            try:
                result = minimize(
                    objective,
                    objective.vector(),
                    method="L-BFGS-B",
                    jac=True,
                    callback=end_iteration,
                    options=options,
                )
                limit = "epochs" if result.nit >= iterations else "evaluations"
                history.stopped = STOPPED.get(result.status, limit)
                objective.put(result.x)
            except NotFinite:
                history.stopped = "nan"
                objective.put(objective.best)
                if self.on_nan == "raise":
                    raise NonFiniteCost(explain_nan(net, objective), history) from None
            except KeyboardInterrupt:
                history.stopped = "interrupted"
                objective.put(objective.best)
            except BaseException:
                objective.put(objective.best)
                raise
        if signals.pressed():
            history.stopped = "interrupted"
        return history


def explain_nan(net: BaseNetwork, objective: Objective) -> str:
    """Return the sentence about a cost that is not finite."""
    when = "no longer finite in a step of L-BFGS"
    if objective.least == np.inf:
        when = "not finite before any update"
    return (
        f"the cost or its gradient is {when}; most likely X, y or the parameters hold numbers that "
        f"are too large for {net.dtype}, so scale them"
    )


class Objective:
    """C plus penalties, and its gradient, as functions of all parameters in one vector.

    Parameters
    ----------
    net : BaseNetwork
    samples : Samples
    signals : Interrupts, optional
        Its signals are handled before each evaluation.
    check_finite : bool, default False
        Raise `NotFinite` if the cost or its gradient is not finite.
    """

    def __init__(
        self,
        net: BaseNetwork,
        samples: Samples,
        signals: Interrupts | None = None,
        check_finite: bool = False,
    ) -> None:
        self.signals, self.check_finite = signals, check_finite
        self.core, self.samples, self.dtype = net._core, samples, net.dtype
        options = [layer.options for layer in net.layers]
        for name in ("l1", "dropout", "weight_decay", "max_norm"):
            if any(of_layer[name] for of_layer in options):
                raise ValueError(
                    f"optimizer 'lbfgs' does not support {name} in layers; got {name} > 0"
                )
        self.l2 = [of_layer["l2"] for of_layer in options]
        self.cost = self.least = np.inf
        self.best: Array = self.vector()

    def handle_signals(self) -> None:
        """Call the handlers of the user while the network has the best parameters so far."""
        signals = self.signals
        if signals and (signals.pending or signals.asked()):
            self.put(self.best)
            self.show()
            signals.deliver()
            if signals.asked():
                raise KeyboardInterrupt

    def show(self) -> None:
        """Update what handlers of the user can see in addition to the network."""

    def vector(self) -> Array:
        """Return all parameters in one vector."""
        core = self.core
        parts = (core.weights(), core.biases(), core.gains(), core.shifts(), core.alphas())
        arrays = [array for part in parts for array in part] + [core.scales(), core.embeddings()]
        return joined([array for array in arrays if array is not None])

    def put(self, vector: Array) -> None:
        """Give the network the parameters of a vector."""
        start, core = 0, self.core
        for name in ("weights", "biases", "gains", "shifts", "alphas"):
            part = []
            for like in getattr(core, name)():
                size = 0 if like is None else like.size
                values = vector[start : start + size].astype(self.dtype)
                part.append(None if like is None else values.reshape(like.shape))
                start += size
            getattr(core, f"set_{name}")(part)
        for name in ("scales", "embeddings"):
            like = getattr(core, name)()
            if like is not None:
                values = vector[start : start + like.size].astype(self.dtype)
                start += like.size
                getattr(core, f"set_{name}")(values)

    def __call__(self, vector: Array) -> tuple[float, Array]:
        """Return the cost with its penalties, and the gradient."""
        self.handle_signals()
        self.put(vector)
        X, y, weights = self.samples.X, self.samples.y, self.samples.weights
        with self.signals.raise_on_ctrl_c() if self.signals else nullcontext():
            self.cost, grad_w, grad_b, gains, shifts, alphas, scales, embeddings = (
                self.core.gradient(X, y, weights)
            )
        value = self.cost
        for l2, w, grad in zip(self.l2, self.core.weights(), grad_w, strict=True):
            value += l2 * float(np.square(w, dtype=float).sum())
            grad += 2 * l2 * w
        small = [*gains, *shifts, *alphas, scales, embeddings]
        gradient = joined([*grad_w, *grad_b, *(array for array in small if array is not None)])
        if self.check_finite and not (np.isfinite(value) and np.isfinite(gradient).all()):
            raise NotFinite
        if value < self.least:
            self.least, self.best = value, vector.copy()
        return value, gradient


def joined(arrays: list[Array]) -> Array:
    """Return all numbers of some arrays in one vector of float64."""
    return np.concatenate([array.ravel() for array in arrays]).astype(np.float64)
