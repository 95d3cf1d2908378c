"""Full-batch L-BFGS with SciPy's line search, which satisfies the strong Wolfe conditions."""

from __future__ import annotations

from contextlib import nullcontext
from math import nan
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal import interrupts
from ..exceptions import NonFiniteCost
from ..history import History
from ..tables.lbfgs import ROW
from ..tables.registry import parse

if TYPE_CHECKING:
    from .._internal.interrupts import Interrupts
    from .._internal.types import Array
    from ..base_network import BaseNetwork
    from .samples import Samples


ENDS = {0: "converged", 2: "line_search"}  # by SciPy's status; 1 is one of two limits


class NotFinite(Exception):
    """The cost or its gradient is NaN or infinite."""


def fit(
    net: BaseNetwork, samples: Samples, iterations: int, text: str = "lbfgs", on_nan: str = "raise"
) -> History:
    """Minimise C with the l2 penalties of the layers; one iteration counts as an epoch.

    SciPy's L-BFGS-B without bounds. `stopped` of the history says what has ended it: "converged"
    if no element of the gradient is larger than `tolerance`, or if the cost has stopped becoming
    less; "epochs" after so many iterations; "evaluations" after 20 costs an iteration and 100 more;
    "line_search" if no step along the last direction makes the cost less; "nan" if the cost or
    its gradient is not finite, which `on_nan` decides about as in `Network.fit`. The parameters
    are then those of the least cost that was met.

    Raises
    ------
    NonFiniteCost
        If `on_nan` is "raise" and the cost is not finite.
    ImportError
        If SciPy is missing (``pip install scipy``).
    ValueError
        Where a layer has an l1 penalty, whose slope jumps, or another setting of mini-batches.
    """
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise ImportError("optimizer='lbfgs' needs SciPy: pip install scipy") from error
    _, settings = parse("optimizer", text, [ROW])
    listening = interrupts.current()
    objective = Objective(net, samples, listening, check_finite=on_nan != "ignore")
    history = net._history = History()
    # What other optimizers keep belongs to the parameters of before.
    net._core.set_optimizer("sgd")
    net._optimizer = None
    started = perf_counter()

    def ended(intermediate_result: Any) -> None:
        nonlocal started
        now = perf_counter()
        net.epochs_trained += 1
        history.extend(net.epochs_trained, [objective.cost], now - started, [nan])
        started = now

    limits: dict[str, Any] = {"maxiter": iterations, "maxfun": 20 * iterations + 100}
    limits |= {"gtol": settings["tolerance"], "maxcor": int(settings["memory"])}
    with listening:
        try:
            result = minimize(
                *(objective, objective.vector()),
                method="L-BFGS-B",
                jac=True,
                callback=ended,
                options=limits | {"ftol": np.finfo(net.dtype).eps},
            )
            limit = "epochs" if result.nit >= iterations else "evaluations"
            history.stopped = ENDS.get(result.status, limit)
            objective.put(result.x)
        except NotFinite:
            history.stopped = "nan"
            objective.put(objective.best)
            if on_nan == "raise":
                raise NonFiniteCost(what_went_wrong(net, objective), history) from None
        except KeyboardInterrupt:
            history.stopped = "interrupted"
            objective.put(objective.best)
        except BaseException:
            objective.put(objective.best)
            raise
    if listening.pressed():
        history.stopped = "interrupted"
    return history


def what_went_wrong(net: BaseNetwork, objective: Objective) -> str:
    """Return the sentence on a cost that is not finite."""
    when = "no longer finite in a step of L-BFGS"
    if objective.least == np.inf:
        when = "not finite before any update"
    return (
        f"the cost or its gradient is {when}; most likely X, y or the parameters hold numbers that "
        f"are too large for {net.dtype}, so scale them"
    )


class Objective:
    """C plus penalties, and its gradient, as functions of all parameters in one vector."""

    def __init__(
        self,
        net: BaseNetwork,
        samples: Samples,
        listening: Interrupts | None = None,
        check_finite: bool = False,
    ) -> None:
        self.listening, self.check_finite = listening, check_finite
        self.core, self.samples, self.dtype = net._core, samples, net.dtype
        options = [layer.options for layer in net.layers]
        for name in ("l1", "dropout", "weight_decay", "max_norm"):
            if any(one[name] for one in options):
                raise ValueError(
                    f"optimizer 'lbfgs' must have layers without {name}; got {name} > 0"
                )
        self.l2 = [one["l2"] for one in options]
        self.cost = self.least = np.inf
        self.best: Array = self.vector()

    def obey(self) -> None:
        """Have signals heard, with the best parameters so far in the network."""
        listening = self.listening
        if listening and (listening.pending or listening.asked()):
            self.put(self.best)
            self.show()
            listening.deliver()
            if listening.asked():
                raise KeyboardInterrupt

    def show(self) -> None:
        """Do what else a handler of the user is to see."""

    def arrays(self) -> list[Array]:
        """All parameters, part by part."""
        core = self.core
        parts = (core.weights(), core.biases(), core.gains(), core.shifts())
        return [array for part in parts for array in part if array is not None]

    def vector(self) -> Array:
        return joined(self.arrays())

    def put(self, vector: Array) -> None:
        """Give the network the parameters of a vector."""
        start, core = 0, self.core
        for name in ("weights", "biases", "gains", "shifts"):
            part = []
            for like in getattr(core, name)():
                size = 0 if like is None else like.size
                values = vector[start : start + size].astype(self.dtype)
                part.append(None if like is None else values.reshape(like.shape))
                start += size
            getattr(core, f"set_{name}")(part)

    def __call__(self, vector: Array) -> tuple[float, Array]:
        self.obey()
        self.put(vector)
        X, y, weights = self.samples.X, self.samples.y, self.samples.weights
        with self.listening.raise_on_ctrl_c() if self.listening else nullcontext():
            self.cost, grad_w, grad_b, *of_norms = self.core.gradient(X, y, weights)
        value = self.cost
        w = self.core.weights()
        for penalty, one, of_layer in zip(self.l2, w, grad_w, strict=True):
            value += penalty * float(np.square(one, dtype=float).sum())
            of_layer += 2 * penalty * one
        norms = [array for part in of_norms for array in part if array is not None]
        gradient = joined([*grad_w, *grad_b, *norms])
        if self.check_finite and not (np.isfinite(value) and np.isfinite(gradient).all()):
            raise NotFinite
        if value < self.least:
            self.least, self.best = value, vector.copy()
        return value, gradient


def joined(arrays: list[Array]) -> Array:
    """All numbers of some arrays, one after the other."""
    return np.concatenate([array.ravel() for array in arrays]).astype(np.float64)
