"""One dense layer: its parameters, and its forward beside its backward."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from .activation import Activation, Array


class Layer:
    """a = sigma(a_prev W^T + b), one row a sample."""

    def __init__(self, n_in: int, n_out: int, activation: Activation, dtype: DTypeLike) -> None:
        self.w: Array = np.zeros((n_out, n_in), dtype)
        self.b: Array = np.zeros(n_out, dtype)
        self.activation = activation

    def forward(self, a_prev: Array) -> tuple[Array, Array]:
        """a_prev (m, n_in) -> z, a (m, n_out)."""
        z = a_prev @ self.w.T + self.b  # eq. zLastLayer
        a = self.activation.sigma(z)
        return z, a

    def backward(self, delta: Array, a_prev: Array) -> tuple[Array, Array]:
        """delta (m, n_out), a_prev (m, n_in) -> dC/dw (n_out, n_in), dC/db (n_out,)."""
        m = len(delta)
        grad_w = delta.T @ a_prev / m  # eq. gradientZeroLayerWeights, averaged over the batch
        grad_b = delta.sum(axis=0) / m  # eq. gradientBiasLayerZero, averaged over the batch
        return grad_w, grad_b

    def grad_a_prev(self, delta: Array) -> Array:
        """delta (m, n_out) -> dC/da of the layer before (m, n_in) (eq. hiddenLayerWRTWeights)."""
        return delta @ self.w
