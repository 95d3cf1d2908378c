"""The standardized values of layer normalization.

Source: Ba, Kiros & Hinton 2016, Layer Normalization, eq. 3. The variance is the mean square, and
EPSILON is added to it as in PyTorch.
"""

from __future__ import annotations

import numpy as np

from .types import Array

EPSILON = 1e-5


def normalized(z: Array) -> tuple[Array, Array]:
    """Return z_hat (m, n), and the standard deviation of each sample (m, 1)."""
    centered = z - z.mean(axis=1, keepdims=True)
    variance = np.square(centered).mean(axis=1, keepdims=True)
    deviation: Array = np.sqrt(variance + z.dtype.type(EPSILON))
    return centered / deviation, deviation
