"""What a layer's health is measured by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import hypot
from typing import TYPE_CHECKING, Any

import numpy as np

from ..reference.norm import normalized

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..network import Network
    from ..trace import Trace

FLAT = 0.05  # a neuron is saturated where its mean slope is below this share of the steepest
WITHIN = 3.0  # the steepest slope is sought for |z| up to this
PROBE = 64  # the purpose of these random numbers, which no other has
TWINS = {"gelu": "gelu_tanh"}  # the same slope to 0.001, without an erf for each z


@dataclass(frozen=True)
class Layer:
    """The measures of one layer over the rows of a probe.

    Attributes
    ----------
    mean_delta : float
        The mean of |δ| over rows and neurons.
    gradient_norm : float
        The norm of ∂C/∂w and ∂C/∂b together.
    saturated : float
        The share of neurons whose mean slope |σ'(z)| is below 5 % of the steepest, without the
        dead ones; NaN where slopes are no measure (softmax).
    dead : float
        The share of neurons whose slope is 0 for every row: no row can teach them.
    """

    mean_delta: float
    gradient_norm: float
    saturated: float
    dead: float


def layers_of(net: Network, trace: Trace) -> list[Layer]:
    """Measure each layer of a trace."""
    norms = gradient_norms(trace)
    parts = zip(net._activations, seen_of(net, trace), trace.activations[1:], strict=True)
    shares = [flat_shares(*part) for part in parts]
    deltas = [float(np.abs(delta).mean(dtype=float)) for delta in trace.deltas]
    rows = zip(deltas, norms, shares, strict=True)
    return [Layer(delta, norm, *share) for delta, norm, share in rows]


def seen_of(net: Network, trace: Trace) -> list[Array]:
    """What each activation sees: z, or with layer normalization what that makes of it."""
    layers = zip(trace.weighted_inputs, net.gains, net.shifts, strict=True)
    return [
        z if gain is None or shift is None else gain * normalized(z)[0] + shift
        for z, gain, shift in layers
    ]


def gradient_norms(trace: Trace) -> list[float]:
    """The norm of each layer's gradient, of all that it learns."""
    kinds = (
        *(trace.weight_gradients, trace.bias_gradients),
        *(trace.gain_gradients, trace.shift_gradients),
    )
    layers = zip(*kinds, strict=True)
    return [hypot(*(norm(one) for one in layer if one is not None)) for layer in layers]


def norm(array: Array) -> float:
    """The Euclidean norm of all elements."""
    flat = array.ravel()
    return float(np.sqrt(np.einsum("i,i->", flat, flat, dtype=float)))


def flat_shares(activation: Any, z: Array, a: Array) -> tuple[float, float]:
    """The shares of saturated and of dead neurons.

    >>> z = np.array([[-1.0, -1.0, 2.0], [-2.0, 3.0, 2.0]])
    >>> flat_shares("relu", z, np.maximum(z, 0))
    (0.0, 0.3333333333333333)
    """
    slopes = slopes_of(activation, z, a)
    if slopes is None:
        return float("nan"), float("nan")
    slopes = np.abs(slopes)
    dead = slopes.max(axis=0) == 0
    flat = slopes.mean(axis=0, dtype=float) < FLAT * steepest(activation)
    return float((flat & ~dead).mean()), float(dead.mean())


def slopes_of(activation: Any, z: Array, a: Array) -> Array | None:
    """σ'(z) as it is measured: to 0.001, and quickly."""
    return exact_slopes(TWINS.get(activation, activation), z, a)


def exact_slopes(activation: Any, z: Array, a: Array) -> Array | None:
    """σ'(z), (m, n_l), of a row or of one's own; None where a neuron has no slope of its own."""
    from ..reference.activation import activation as activation_of

    row = activation_of(activation)
    return row.sigma_prime(z, a) if row.elementwise else None


@lru_cache(maxsize=64)
def steepest(activation: Any) -> float:
    """The largest |σ'(z)| for |z| <= 3.

    >>> steepest("sigmoid")
    0.25
    """
    from ..reference.activation import activation as activation_of

    z = np.linspace(-WITHIN, WITHIN, 601)
    slopes = slopes_of(activation, z, activation_of(activation).sigma(z))
    return float("nan") if slopes is None else float(np.abs(slopes).max())


def update_ratios(before: list[Array], after: list[Array]) -> list[float]:
    """The norm of each layer's change against the norm of what it was."""
    pairs = zip(before, after, strict=True)
    return [norm(new - old) / (norm(old) or float("inf")) for old, new in pairs]


def probe_rows(n: int, most: int, seed: int) -> AnyArray:
    """At most `most` rows of n, by the seed alone, in ascending order.

    >>> len(probe_rows(10, 256, seed=0)), len(probe_rows(10**9, 256, seed=0)) <= 256
    (10, True)
    """
    from ..reference.random import raw

    if n <= most:
        return np.arange(n)
    rows: AnyArray = np.unique(raw(seed, PROBE, 0, most) % np.uint64(n)).astype(np.int64)
    return rows
