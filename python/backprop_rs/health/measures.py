"""Measures of the health of a layer, and of the gradient of each sample."""

from __future__ import annotations

from functools import lru_cache
from math import hypot
from typing import TYPE_CHECKING, Any

import numpy as np

from ..explain.quantities import embedding_gradients
from ..health_record import LayerHealth
from ..slopes import activation_inputs, exact_slopes

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..base_network import BaseNetwork
    from ..trace import Trace

FLAT = 0.05  # a neuron is saturated if its mean slope is below this share of the steepest
WITHIN = 3.0  # the largest |z| of the search for the steepest slope
PROBE = 64  # the stream of these random numbers, which is used only here
TWINS = {"gelu": "gelu_tanh"}  # the same slope to 0.001, without an erf for each z
ROWS = 4096  # of a backward pass over many samples, which bounds its memory


def layers_of(net: BaseNetwork, trace: Trace) -> list[LayerHealth]:
    """Measure each layer of a trace."""
    norms = gradient_norms(trace)
    inputs = activation_inputs(trace, net.gains, net.shifts)
    parts = zip(net._activations, inputs, trace.activations[1:], net.alphas, strict=True)
    shares = [flat_shares(*part) for part in parts]
    deltas = [float(np.abs(delta).mean(dtype=float)) for delta in trace.deltas]
    rows = zip(deltas, norms, shares, strict=True)
    return [LayerHealth(delta, norm, *share) for delta, norm, share in rows]


def gradient_norms(trace: Trace) -> list[float]:
    """Return the norm of the gradient of all parameters of each layer."""
    layers = zip(
        trace.weight_gradients,
        trace.bias_gradients,
        trace.gain_gradients,
        trace.shift_gradients,
        trace.alpha_gradients,
        strict=True,
    )
    norms = [hypot(*(norm(array) for array in layer if array is not None)) for layer in layers]
    if trace.scale_gradients is not None:
        norms[0] = hypot(norms[0], norm(trace.scale_gradients))
    if trace.embedding_gradients is not None:
        norms[0] = hypot(norms[0], norm(trace.embedding_gradients))
    return norms


def norm(array: Array) -> float:
    """Return the Euclidean norm of all elements."""
    flat = array.ravel()
    return float(np.sqrt(np.einsum("i,i->", flat, flat, dtype=float)))


def flat_shares(
    activation: Any, z: Array, a: Array, alpha: Array | None = None
) -> tuple[float, float]:
    """Return the shares of saturated and of dead neurons.

    >>> z = np.array([[-1.0, -1.0, 2.0], [-2.0, 3.0, 2.0]])
    >>> flat_shares("relu", z, np.maximum(z, 0))
    (0.0, 0.3333333333333333)
    """
    slopes = slopes_of(activation, z, a, alpha)
    if slopes is None:
        return float("nan"), float("nan")
    slopes = np.abs(slopes)
    dead = slopes.max(axis=0) == 0
    flat = slopes.mean(axis=0, dtype=float) < FLAT * steepest(activation)
    return float((flat & ~dead).mean()), float(dead.mean())


def slopes_of(activation: Any, z: Array, a: Array, alpha: Array | None = None) -> Array | None:
    """Return σ'(z) to 0.001 by a fast formula, or None for softmax."""
    return exact_slopes(TWINS.get(activation, activation), z, a, alpha)


@lru_cache(maxsize=64)
def steepest(activation: Any) -> float:
    """Return the largest |σ'(z)| for |z| <= 3.

    >>> steepest("sigmoid")
    0.25
    """
    from ..tables.activation import activation as activation_of

    z = np.linspace(-WITHIN, WITHIN, 601)
    slopes = slopes_of(activation, z, activation_of(activation).sigma(z))
    return float("nan") if slopes is None else float(np.abs(slopes).max())


def update_ratios(before: list[Array], after: list[Array]) -> list[float]:
    """Return the norm of each layer's change divided by the norm before it."""
    pairs = zip(before, after, strict=True)
    return [norm(new - old) / (norm(old) or float("inf")) for old, new in pairs]


def probe_rows(n: int, max_rows: int, seed: int) -> AnyArray:
    """Return at most `max_rows` of n rows in ascending order; they depend on the seed only.

    >>> len(probe_rows(10, 256, seed=0)), len(probe_rows(10**9, 256, seed=0)) <= 256
    (10, True)
    """
    from .._internal.random import raw

    if n <= max_rows:
        return np.arange(n)
    rows: AnyArray = np.unique(raw(seed, PROBE, 0, max_rows) % np.uint64(n)).astype(np.int64)
    return rows


def sample_gradient_norms(net: BaseNetwork, X: Array, y: AnyArray, per_layer: bool) -> AnyArray:
    """Return the norm of each sample's gradient, (m,), or that of each layer, (m, L)."""
    if any(options["layer_norm"] or options["parametric"] for options in net._options):
        return norms_one_by_one(net, X, y, per_layer)
    pieces = []
    for start in range(0, len(X), ROWS):
        trace = net.backward(X[start : start + ROWS], y[start : start + ROWS])
        layers = zip(trace.deltas, trace.layer_inputs, strict=True)
        # |δ a^T|^2 + |δ|^2: the gradients themselves are not needed.
        squares = [square_norms(delta) * (1 + square_norms(a)) for delta, a in layers]
        if trace.input_deltas is not None and trace.scaled_inputs is not None:
            squares[0] += square_norms(trace.input_deltas * trace.unscaled_inputs)
        if trace.embedding_gradients is not None:
            squares[0] += square_norms(embedding_gradients(net, trace))
        pieces.append(np.stack(squares, axis=1))
    every = np.concatenate(pieces)
    norms: AnyArray = np.sqrt(every if per_layer else every.sum(axis=1))
    return norms


def norms_one_by_one(net: BaseNetwork, X: Array, y: AnyArray, per_layer: bool) -> AnyArray:
    """Return the same norms from one gradient per sample, with those of gains and shifts."""
    traces = (net.backward(X[i : i + 1], y[i : i + 1]) for i in range(len(X)))
    every = np.array([gradient_norms(trace) for trace in traces])
    norms: AnyArray = every if per_layer else np.sqrt(np.square(every).sum(axis=1))
    return norms


def square_norms(rows: Array) -> AnyArray:
    """Return |row|^2 of each row, in float64."""
    squares: AnyArray = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    return squares
