"""The network, samples and history that a diagnosis judges."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.labels import class_labels, one_hot_rows, predicted_classes
from ..health_record import LayerHealth
from ..slopes import activation_inputs
from ..trace import Trace
from ..training.scores import r2
from .constant import best_constant_cost
from .measures import layers_of, probe_rows, slopes_of

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..base_network import BaseNetwork
    from ..history import History

ROWS = 256  # samples of the forward and backward pass
INPUT_ROWS = 10_000  # samples of the statistics of the features
GOOD = 0.9
FAR = 300.0  # |z| at which bounded activations have reached their limit, to two digits


@dataclass
class Context:
    """A network with samples and the history of its training.

    Attributes
    ----------
    net : BaseNetwork
    X, y : arrays, as the core takes them
    history : History or None
        The history of its training.
    rate : float or None
        The learning rate to judge.
    """

    net: BaseNetwork
    X: Array
    y: AnyArray
    history: History | None
    rate: float | None

    @cached_property
    def probe(self) -> tuple[Array, AnyArray]:
        """The samples of the forward and backward pass."""
        rows = probe_rows(len(self.X), ROWS, self.net.seed)
        return np.ascontiguousarray(self.X[rows]), np.ascontiguousarray(self.y[rows])

    @cached_property
    def trace(self) -> Trace:
        """The forward and backward pass of the probed rows."""
        with np.errstate(all="ignore"):  # overflow becomes a finding
            return Trace.of(self.net._core.backward(*self.probe, None))

    @cached_property
    def names(self) -> list[str]:
        """The activation of each layer."""
        return [*self.net.activation, self.net.output]

    @cached_property
    def layers(self) -> list[LayerHealth]:
        """The measures of each layer."""
        return layers_of(self.net, self.trace)

    @cached_property
    def inputs(self) -> AnyArray:
        """The inputs of layer 1 of at most `INPUT_ROWS` samples, in float64."""
        rows = probe_rows(len(self.X), INPUT_ROWS, self.net.seed)
        inputs = self.net.embed(self.X[rows]) if self.net.embedding else self.X[rows]
        return inputs.astype(np.float64)

    @cached_property
    def labels(self) -> AnyArray | None:
        """The classes of all samples, or None."""
        return class_labels(self.y, self.net.output, self.net.cost)

    @cached_property
    def targets(self) -> AnyArray:
        """The targets of the probe, (rows, n_L), in float64."""
        y = self.probe[1]
        rows = one_hot_rows(y, self.net.sizes[-1]) if y.ndim == 1 else y
        return np.asarray(rows, np.float64)

    @cached_property
    def values(self) -> AnyArray:
        """All targets in float64 if they are values, otherwise an empty array."""
        return np.asarray(self.y if self.y.ndim == 2 else [], np.float64)

    @property
    def is_fused(self) -> bool:
        """True if the cost uses z of the output, so that δ does not contain its slope."""
        from ..tables.cost import cost

        try:
            return self.net.output in cost(self.net.cost).fused
        except ValueError:  # a custom cost
            return False

    @cached_property
    def output_range(self) -> tuple[float, float]:
        """The smallest and largest activation of the output; infinite without a limit."""
        return range_of(self.net._activations[-1])

    @cached_property
    def output_slopes(self) -> Array | None:
        """σ'(z) of the output, (rows, n_L)."""
        inputs = activation_inputs(self.trace, self.net.gains, self.net.shifts)
        return slopes_of(self.net._activations[-1], inputs[-1], self.trace.activations[-1])

    @cached_property
    def idle_cost(self) -> float:
        """The cost of the probe for a network whose parameters are all 0."""
        twin = deepcopy(self.net)
        twin.weights = [np.zeros_like(w) for w in twin.weights]
        twin.biases = [np.zeros_like(b) for b in twin.biases]
        return float(twin._core.mean_cost(*self.probe, None))

    @cached_property
    def constant_cost(self) -> float | None:
        """The cost of the probe for the best constant prediction."""
        return best_constant_cost(self.net, self.targets, self.output_range)

    @property
    def is_trained(self) -> bool:
        """True if `fit` has trained the network."""
        return self.net.epochs_trained > 0 or bool(self.history)

    @cached_property
    def is_good(self) -> bool:
        """True if the accuracy, or R2 for values, is at least 0.9."""
        a, y = self.trace.activations[-1], self.targets
        if self.labels is not None:
            labels = class_labels(self.probe[1], self.net.output, self.net.cost)
            return bool((predicted_classes(a, self.net._threshold()) == labels).mean() >= GOOD)
        return r2(y, a) >= GOOD

    def costs_at(self, rates: list[float]) -> list[float]:
        """Return the cost of the probe now, and after one step of a copy at each rate."""
        twin = deepcopy(self.net)
        state = twin._core.state()
        costs = [self.trace.cost]
        for rate in rates:
            twin._core.set_state(state)
            with np.errstate(all="ignore"):
                twin._core.step(*self.probe, rate, None)
                costs.append(float(twin._core.mean_cost(*self.probe, None)))
        return costs


def range_of(output: Any) -> tuple[float, float]:
    """Return the smallest and largest value of an activation, infinite without a limit.

    >>> range_of("sigmoid"), range_of("relu"), range_of("identity")
    ((0.0, 1.0), (0.0, inf), (-inf, inf))
    """
    from ..tables.activation import activation

    row = activation(output)
    if not row.elementwise:
        return 0.0, 1.0
    z = np.linspace(-FAR, FAR, 6001)
    with np.errstate(all="ignore"):
        a, ends = row.sigma(z), row.sigma(np.array([-2 * FAR, 2 * FAR]))
    low, high = round(float(a.min()), 2), round(float(a.max()), 2)
    below, above = ends.min() < low - 0.01, ends.max() > high + 0.01  # it grows further
    return (-np.inf if below else low), (np.inf if above else high)
