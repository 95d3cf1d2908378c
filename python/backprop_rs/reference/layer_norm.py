"""Layer normalization: weighted inputs with mean 0 and variance 1 in each sample.

Source: Ba, Kiros & Hinton 2016, Layer Normalization, eq. 3 and section 3.1; the variance is the
mean square, and EPSILON is added to it as in PyTorch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from .._internal.layer_norm import normalized
from .._internal.types import Array


class Norm:
    """gain z_hat + shift with z_hat = (z - mean) / sqrt(variance + EPSILON), one row per sample."""

    def __init__(self, n: int, dtype: DTypeLike) -> None:
        """Allocate gains of 1 and shifts of 0."""
        self.gain: Array = np.ones(n, dtype)
        self.shift: Array = np.zeros(n, dtype)

    def forward(self, z: Array) -> Array:
        """Return the input of the activation for z, both (m, n)."""
        z_hat, _ = normalized(z)
        return self.gain * z_hat + self.shift

    def backward(self, z: Array, grad: Array, m: float) -> tuple[Array, Array, Array]:
        """Return dC/dz (m, n), dC/dgain and dC/dshift (n,) for dC/d(input of the activation)."""
        z_hat, deviation = normalized(z)
        grad_gain: Array = (grad * z_hat).sum(axis=0) / m
        grad_shift: Array = grad.sum(axis=0) / m
        grad_hat = grad * self.gain
        # z_hat depends neither on the mean of z nor on its scale.
        mean = grad_hat.mean(axis=1, keepdims=True)
        along = (grad_hat * z_hat).mean(axis=1, keepdims=True)
        delta: Array = (grad_hat - mean - z_hat * along) / deviation
        return delta, grad_gain, grad_shift
