"""The table of costs: the cost of each sample next to the error term of the output layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from .._internal.types import Array
from .activation import ACTIVATIONS, Activation, softplus, softplus_prime
from .registry import FRACTION, INSIDE, NON_NEGATIVE, POSITIVE, Setting, parse

# Costs as functions of a: the terms of each output, and dC/da, both (m, n_L).


def squared_error(a: Array, y: Array, scale: float) -> Array:
    """Return (a - y)^2; C_i is its sum (eq. 3)."""
    return scale * np.square(a - y)


def squared_error_slope(a: Array, y: Array, scale: float) -> Array:
    """Return dC/da = 2 (a - y) (eq. 4)."""
    return scale * 2 * (a - y)


def mean_squared_error(a: Array, y: Array, scale: float) -> Array:
    """Return (a - y)^2 / n_L."""
    n: int = a.shape[1]
    return squared_error(a, y, scale) / n


def mean_squared_error_slope(a: Array, y: Array, scale: float) -> Array:
    """Return 2 (a - y) / n_L."""
    n: int = a.shape[1]
    return squared_error_slope(a, y, scale) / n


def half_squared_error(a: Array, y: Array) -> Array:
    """Return (a - y)^2 / 2."""
    return np.square(a - y) / 2


def half_squared_error_slope(a: Array, y: Array) -> Array:
    """Return a - y."""
    return a - y


def absolute_error(a: Array, y: Array) -> Array:
    """Return |a - y|."""
    return np.abs(a - y)


def absolute_error_slope(a: Array, y: Array) -> Array:
    """Return sign(a - y)."""
    return np.sign(a - y)


def huber(a: Array, y: Array, delta: float) -> Array:
    """Return e^2 / 2 if e = |a - y| <= delta, otherwise delta (e - delta / 2)."""
    e = np.abs(a - y)
    cost: Array = np.where(e <= delta, e * e / 2, delta * (e - delta / 2))
    return cost


def huber_slope(a: Array, y: Array, delta: float) -> Array:
    """Return a - y within -delta and delta."""
    return np.clip(a - y, -delta, delta)


def log_cosh(a: Array, y: Array) -> Array:
    """Return log(cosh(a - y))."""
    e = np.abs(a - y)
    cost: Array = e + np.log1p(np.exp(-2 * e)) - np.log(2)
    return cost


def log_cosh_slope(a: Array, y: Array) -> Array:
    """Return tanh(a - y)."""
    return np.tanh(a - y)


def quantile(a: Array, y: Array, tau: float) -> Array:
    """Return tau (y - a) if a < y, otherwise (1 - tau) (a - y)."""
    cost: Array = np.where(a < y, tau, 1 - tau) * np.abs(a - y)
    return cost


def quantile_slope(a: Array, y: Array, tau: float) -> Array:
    """Return -tau if a < y, otherwise 1 - tau; 0 if they are equal."""
    slope: Array = np.where(a < y, tau, 1 - tau) * np.sign(a - y)
    return slope


def poisson(a: Array, y: Array) -> Array:
    """Return a - y log(a)."""
    cost: Array = a - y * np.log(a)
    return cost


def poisson_slope(a: Array, y: Array) -> Array:
    """Return 1 - y / a."""
    return 1 - y / a


def hinge(a: Array, y: Array) -> Array:
    """Return max(1 - t a, 0) with t = 2 y - 1."""
    return np.maximum(1 - (2 * y - 1) * a, 0)


def hinge_slope(a: Array, y: Array) -> Array:
    """Return -t if t a < 1, otherwise 0."""
    t = 2 * y - 1
    return -t * (t * a < 1)


# Costs as functions of z, because the log of a rounded a loses all digits near 0 and 1, and because
# sigma' cancels in delta: the terms of each output, and delta, both (m, n_L).


def binary_cross_entropy(z: Array, a: Array, y: Array, label_smoothing: float) -> Array:
    """Return the terms of C_i = -sum_j [y_j log a_j + (1 - y_j) log(1 - a_j)].

    That is softplus(z) - y z; the difference of the two large parts comes first.
    """
    y = smoothed(y, label_smoothing, 2)
    cost: Array = (np.maximum(z, 0) - y * z) + np.log1p(np.exp(-np.abs(z)))
    return cost


def binary_cross_entropy_delta(z: Array, a: Array, y: Array, label_smoothing: float) -> Array:
    """Return delta = a - y: the sigma' = a (1 - a) cancels."""
    return a - smoothed(y, label_smoothing, 2)


def categorical_cross_entropy(z: Array, a: Array, y: Array, label_smoothing: float) -> Array:
    """Return the terms of C_i = -sum_j y_j log a_j; log a_j = z_j - logsumexp(z)."""
    return smoothed(y, label_smoothing, y.shape[1]) * minus_log_softmax(z)


def categorical_cross_entropy_delta(z: Array, a: Array, y: Array, label_smoothing: float) -> Array:
    """Return delta_j = a_j sum(y) - y_j, which is a - y if y is a class."""
    y = smoothed(y, label_smoothing, y.shape[1])
    delta: Array = a * y.sum(axis=1, keepdims=True) - y
    return delta


def smoothed(y: Array, label_smoothing: float, n: int) -> Array:
    """Return targets with a share spread over n classes (Szegedy et al. 2016, section 7)."""
    return (1 - label_smoothing) * y + label_smoothing / n


def minus_log_softmax(z: Array) -> Array:
    """Return logsumexp(z) - z of each row."""
    z = z - z.max(axis=1, keepdims=True)
    log: Array = np.log(np.exp(z).sum(axis=1, keepdims=True)) - z
    return log


def log_rate_poisson(z: Array, a: Array, y: Array) -> Array:
    """Return a - y log(a) with log(a) = z."""
    return a - y * z


def log_rate_poisson_delta(z: Array, a: Array, y: Array) -> Array:
    """Return a - y."""
    return a - y


RARE = -37.0  # below, log(1 + exp(z)) is exp(z) in either precision


def softplus_poisson(z: Array, a: Array, y: Array) -> Array:
    """Return a - y log(a); log(a) is z before a underflows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        cost: Array = np.where(z < RARE, a - y * z, poisson(a, y))
    return cost


def softplus_poisson_delta(z: Array, a: Array, y: Array) -> Array:
    """Return (1 - y / a) sigma'; sigma' is a before a underflows."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        slope = poisson_slope(a, y) * softplus_prime(z, a)
    delta: Array = np.where(z < RARE, a - y, slope)
    return delta


def signed_exponential(a: Array, y: Array) -> Array:
    """Return t a with t = 2 y - 1, and 0 for t = 0 even if a has overflowed."""
    t = 2 * y - 1
    with np.errstate(invalid="ignore"):
        product: Array = np.where(t == 0, 0, t * a)
    return product


def exponential_hinge(z: Array, a: Array, y: Array) -> Array:
    """Return max(1 - t a, 0)."""
    return np.maximum(1 - signed_exponential(a, y), 0)


def exponential_hinge_delta(z: Array, a: Array, y: Array) -> Array:
    """Return -t a if t a < 1, otherwise 0, because sigma' is a."""
    product = signed_exponential(a, y)
    return np.where(product < 1, -product, 0)


def binary_focal(z: Array, a: Array, y: Array, gamma: float) -> Array:
    """Return -y (1 - a)^gamma log(a), plus the same with 1 - y and 1 - a."""
    yes, no = softplus(-z), softplus(z)  # -log a, -log(1 - a)
    cost: Array = y * np.exp(-gamma * no) * yes + (1 - y) * np.exp(-gamma * yes) * no
    return cost


def binary_focal_delta(z: Array, a: Array, y: Array, gamma: float) -> Array:
    """Return dC/dz of `binary_focal`."""
    yes, no = softplus(-z), softplus(z)  # whose slopes are a - 1 and a
    of_yes = -np.exp(-gamma * no) * (gamma * a * yes + 1 - a)
    of_no = np.exp(-gamma * yes) * (gamma * (1 - a) * no + a)
    delta: Array = y * of_yes + (1 - y) * of_no
    return delta


def categorical_focal(z: Array, a: Array, y: Array, gamma: float) -> Array:
    """Return -y (1 - a)^gamma log(a)."""
    log = minus_log_softmax(z)
    cost: Array = y * (-np.expm1(-log)) ** gamma * log
    return cost


def categorical_focal_delta(z: Array, a: Array, y: Array, gamma: float) -> Array:
    """Return h_j - a_j sum(h) with h_j = a_j dC/da_j."""
    log = minus_log_softmax(z)
    rest = -np.expm1(-log)  # 1 - a
    ratio = np.divide(log, rest, where=rest > 0, out=np.ones_like(rest))
    h = -y * rest**gamma * (gamma * a * ratio + 1)
    delta: Array = h - a * h.sum(axis=1, keepdims=True)
    return delta


ALL_OUTPUTS = tuple(entry.name for entry in ACTIVATIONS)


class Fused(NamedTuple):
    """A cost with one output activation, as a function of z."""

    terms: Callable[..., Array]
    delta: Callable[..., Array]


class Cost(NamedTuple):
    """One entry of the table, for all output activations or for those that `fused` names.

    `terms(a, y)` is the part of each output in C_i, and `slope(a, y)` is dC/da.
    """

    name: str
    terms: Callable[..., Array] | None
    slope: Callable[..., Array] | None
    formula: str
    source: str
    settings: tuple[Setting, ...] = ()
    fused: Mapping[str, Fused] = {}
    outputs: tuple[str, ...] = ALL_OUTPUTS
    targets: tuple[float, float] = (-np.inf, np.inf)
    kink: Callable[..., Array] | None = None  # of (a, y); 0 at a jump of the slope or of its slope
    values: Mapping[str, float] = {}

    def having(self, values: Mapping[str, float]) -> Cost:
        """Return this entry with its settings."""
        return self._replace(values=values)

    def of_samples(self, output: Activation, z: Array, a: Array, y: Array) -> Array:
        """Return C_i, (m,), in float64."""
        if output.name in self.fused:
            terms = self.fused[output.name].terms(z, a, y, **self.values)
        else:
            assert self.terms is not None
            terms = self.terms(a, y, **self.values)
        cost: Array = terms.sum(axis=1, dtype=np.float64)
        return cost

    def delta(self, output: Activation, z: Array, a: Array, y: Array) -> Array:
        """Return the error term of the output layer, (m, n_L) (eq. 7)."""
        if output.name in self.fused:
            return self.fused[output.name].delta(z, a, y, **self.values).astype(z.dtype, copy=False)
        assert self.slope is not None
        slope = self.slope(a, y, **self.values).astype(z.dtype, copy=False)
        return output.delta(z, a, slope)


def cost(text: Any) -> Cost:
    """Return the cost of a text, or a custom one with `of_samples` and `slope`.

    >>> cost("huber(2)").terms(np.array([1.0, 4.0]), np.array([0.0, 0.0]), 2.0)
    array([0.5, 6. ])
    """
    if not isinstance(text, str):
        return Cost(text.name, lambda a, y: text.of_samples(a, y)[:, None], text.slope, "", "")
    entry, values = parse("cost", text, COSTS)
    return entry.having(values)


PROBABILITIES = (0.0, 1.0)
BISHOP = "Bishop 2006, Pattern Recognition and Machine Learning, eq. 5.21 and 5.24"
LIN = "Lin et al. 2017, Focal Loss for Dense Object Detection, eq. 4"
SCALE = (Setting("scale", 1.0, POSITIVE),)

COSTS = (
    Cost(
        "squared_error",
        squared_error,
        squared_error_slope,
        "scale sum((a - y)^2)",
        "derivation, eq. 3",
        SCALE,
    ),
    Cost(
        "cross_entropy",
        None,
        None,
        "-sum(y log a + (1 - y) log(1 - a)); with softmax -sum(y log a)",
        BISHOP,
        settings=(Setting("label_smoothing", 0.0, FRACTION),),
        fused={
            "sigmoid": Fused(binary_cross_entropy, binary_cross_entropy_delta),
            "softmax": Fused(categorical_cross_entropy, categorical_cross_entropy_delta),
        },
        outputs=("sigmoid", "softmax"),
        targets=PROBABILITIES,
    ),
    Cost(
        "mean_squared_error",
        mean_squared_error,
        mean_squared_error_slope,
        "scale mean((a - y)^2) over the outputs",
        "Bishop 2006, eq. 1.2",
        SCALE,
    ),
    Cost(
        "half_squared_error",
        half_squared_error,
        half_squared_error_slope,
        "sum((a - y)^2) / 2",
        "Bishop 2006, eq. 5.11; Nielsen 2015, eq. 6",
    ),
    Cost(
        "absolute_error",
        absolute_error,
        absolute_error_slope,
        "sum(|a - y|)",
        "Laplace 1774; Bishop 2006, exercise 1.27",
        kink=np.subtract,
    ),
    Cost(
        "huber",
        huber,
        huber_slope,
        "sum(e^2 / 2 if |e| <= delta, otherwise delta (|e| - delta / 2))",
        "Huber 1964",
        settings=(Setting("delta", 1.0, POSITIVE),),
        kink=lambda a, y, delta: np.abs(a - y) - delta,
    ),
    Cost("log_cosh", log_cosh, log_cosh_slope, "sum(log cosh(a - y))", "Green 1990"),
    Cost(
        "quantile",
        quantile,
        quantile_slope,
        "sum(tau (y - a) if a < y, otherwise (1 - tau) (a - y))",
        "Koenker & Bassett 1978",
        settings=(Setting("tau", 0.5, INSIDE),),
        kink=lambda a, y, tau: a - y,
    ),
    Cost(
        "poisson",
        poisson,
        poisson_slope,
        "sum(a - y log a)",
        "McCullagh & Nelder 1989, chapter 6",
        fused={
            "exponential": Fused(log_rate_poisson, log_rate_poisson_delta),
            "softplus": Fused(softplus_poisson, softplus_poisson_delta),
        },
        outputs=("exponential", "softplus"),
        targets=(0.0, np.inf),
    ),
    Cost(
        "focal",
        None,
        None,
        "-sum(y (1 - a)^gamma log a + (1 - y) a^gamma log(1 - a)); softmax: y alone",
        LIN,
        settings=(Setting("gamma", 2.0, NON_NEGATIVE),),
        fused={
            "sigmoid": Fused(binary_focal, binary_focal_delta),
            "softmax": Fused(categorical_focal, categorical_focal_delta),
        },
        outputs=("sigmoid", "softmax"),
        targets=PROBABILITIES,
    ),
    Cost(
        "hinge",
        hinge,
        hinge_slope,
        "sum(max(0, 1 - (2 y - 1) a))",
        "Rosasco et al. 2004, Are Loss Functions All the Same?",
        fused={"exponential": Fused(exponential_hinge, exponential_hinge_delta)},
        targets=PROBABILITIES,
        kink=lambda a, y: 1 - (2 * y - 1) * a,
    ),
)
