"""Full-batch L-BFGS with SciPy's line search, which satisfies the strong Wolfe conditions."""

from __future__ import annotations

from contextlib import nullcontext
from math import nan
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..history import History
from ..reference.optimizer import Row
from ..reference.table import COUNT, NON_NEGATIVE, Setting, parse, write
from . import interrupts

if TYPE_CHECKING:
    from .._internal.types import Array
    from ..network import Network
    from .interrupts import Interrupts
    from .samples import Samples


ROW = Row(
    name="lbfgs",
    rule=lambda *_: None,  # SciPy's
    memory=lambda _: (),
    formula="w - step H g, H from the last steps and gradients",
    source="Nocedal & Wright 2006, Numerical Optimization, algorithms 7.5 and 3.5",
    settings=(Setting("tolerance", 1e-6, NON_NEGATIVE), Setting("memory", 10.0, COUNT)),
)


def canonical(text: str) -> str:
    """The row as it is written.

    >>> canonical("lbfgs(1e-6, memory=20)")
    'lbfgs(memory=20)'
    """
    return write(*parse("optimizer", text, [ROW]))


def fit(net: Network, samples: Samples, iterations: int, text: str = "lbfgs") -> History:
    """Minimise C with the l2 penalties of the layers; one iteration counts as an epoch.

    SciPy's L-BFGS-B without bounds. It ends where no element of the gradient is larger than
    `tolerance`, or where the cost does not become less any more.

    Raises
    ------
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
    listening = interrupts.present()
    objective = Objective(net, samples, listening)
    history = History()
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
            history.stopped = "epochs" if result.nit >= iterations else "converged"
            objective.put(result.x)
        except KeyboardInterrupt:
            history.stopped = "interrupted"
            objective.put(objective.best)
        except BaseException:
            objective.put(objective.best)
            raise
    if listening.pressed():
        history.stopped = "interrupted"
    return history


class Objective:
    """C plus penalties, and its gradient, as functions of all parameters in one vector."""

    def __init__(self, net: Network, samples: Samples, listening: Interrupts | None = None) -> None:
        self.listening = listening
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
        if listening and (listening.heard or listening.asked()):
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
        with self.listening.ending_a_pass() if self.listening else nullcontext():
            self.cost, grad_w, *others = self.core.gradient(X, y, weights)
        value = self.cost
        w = self.core.weights()
        for penalty, one, gradient in zip(self.l2, w, grad_w, strict=True):
            value += penalty * float(np.square(one, dtype=float).sum())
            gradient += 2 * penalty * one
        if value < self.least:
            self.least, self.best = value, vector.copy()
        rest = [array for part in others for array in part if array is not None]
        return value, joined([*grad_w, *rest])


def joined(arrays: list[Array]) -> Array:
    """All numbers of some arrays, one after the other."""
    return np.concatenate([array.ravel() for array in arrays]).astype(np.float64)
