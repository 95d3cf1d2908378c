"""Layer normalisation: weighted inputs brought to mean 0 and variance 1, sample by sample.

Source: Ba, Kiros & Hinton 2016, Layer Normalization, eq. 3 and section 3.1; the variance is the
mean square, and EPSILON is added to it as in PyTorch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from .._internal.layer_norm import normalized
from .._internal.types import Array


class Norm:
    """gain z_hat + shift with z_hat = (z - mean) / sqrt(variance + EPSILON), one row a sample."""

    def __init__(self, n: int, dtype: DTypeLike) -> None:
        self.gain: Array = np.ones(n, dtype)
        self.shift: Array = np.zeros(n, dtype)

    def forward(self, z: Array) -> Array:
        """What the activation sees of z, both (m, n)."""
        z_hat, _ = normalized(z)
        return self.gain * z_hat + self.shift

    def backward(self, z: Array, grad: Array, m: float) -> tuple[Array, Array, Array]:
        """dC/d(what the activation sees) (m, n) -> dC/dz (m, n), dC/dgain and dC/dshift (n,)."""
        z_hat, deviation = normalized(z)
        grad_gain: Array = (grad * z_hat).sum(axis=0) / m
        grad_shift: Array = grad.sum(axis=0) / m
        grad_hat = grad * self.gain
        # z_hat does not change with the mean of z nor with its scale.
        mean = grad_hat.mean(axis=1, keepdims=True)
        along = (grad_hat * z_hat).mean(axis=1, keepdims=True)
        delta: Array = (grad_hat - mean - z_hat * along) / deviation
        return delta, grad_gain, grad_shift
