"""How much each sample teaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .._types import AnyArray, Array
    from ..network import Network

ROWS = 4096  # that go back at a time, so that their δ need not all be in memory


def gradient_norms(net: Network, X: Array, y: AnyArray, per_layer: bool) -> AnyArray:
    """The norm of each sample's gradient (m,), or that of each layer (m, L)."""
    pieces = []
    for start in range(0, len(X), ROWS):
        trace = net.backward(X[start : start + ROWS], y[start : start + ROWS])
        layers = zip(trace.deltas, trace.activations[:-1], strict=True)
        squares = [square_norms(delta) * (1 + square_norms(a)) for delta, a in layers]
        pieces.append(np.stack(squares, axis=1))
    every = np.concatenate(pieces)
    norms: AnyArray = np.sqrt(every if per_layer else every.sum(axis=1))
    return norms


def square_norms(rows: Array) -> AnyArray:
    """|row|^2 of each row, in float64."""
    squares: AnyArray = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    return squares
