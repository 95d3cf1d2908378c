"""How much each sample teaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .measures import gradient_norms as gradients_of

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..network import Network

ROWS = 4096  # that go back at a time, so that their δ need not all be in memory


def gradient_norms(net: Network, X: Array, y: AnyArray, per_layer: bool) -> AnyArray:
    """The norm of each sample's gradient (m,), or that of each layer (m, L)."""
    if any(one["layer_norm"] for one in net._options):
        return norms_alone(net, X, y, per_layer)
    pieces = []
    for start in range(0, len(X), ROWS):
        trace = net.backward(X[start : start + ROWS], y[start : start + ROWS])
        layers = zip(trace.deltas, trace.activations[:-1], strict=True)
        squares = [square_norms(delta) * (1 + square_norms(a)) for delta, a in layers]
        pieces.append(np.stack(squares, axis=1))
    every = np.concatenate(pieces)
    norms: AnyArray = np.sqrt(every if per_layer else every.sum(axis=1))
    return norms


def norms_alone(net: Network, X: Array, y: AnyArray, per_layer: bool) -> AnyArray:
    """The same from the gradient of one sample after another, with those of gains and shifts."""
    traces = (net.backward(X[i : i + 1], y[i : i + 1]) for i in range(len(X)))
    every = np.array([gradients_of(trace) for trace in traces])
    norms: AnyArray = every if per_layer else np.sqrt(np.square(every).sum(axis=1))
    return norms


def square_norms(rows: Array) -> AnyArray:
    """|row|^2 of each row, in float64."""
    squares: AnyArray = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    return squares
