"""Layer normalization: the values between z and the activation.

Source: Ba, Kiros & Hinton 2016, Layer Normalization, eq. 3; see `reference/norm.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._internal.layer_norm import EPSILON

if TYPE_CHECKING:
    from .._internal.types import Array

Floats = NDArray[np.float64]


def doubled(array: Array) -> Floats:
    """Return an array in float64."""
    return np.asarray(array, np.float64)


@dataclass(frozen=True, eq=False)
class Normalized:
    """The normalization of a layer for m samples, in float64 from the z of the backend."""

    gains: Floats  # (n,)
    shifts: Floats  # (n,)
    means: Floats  # (m,)
    deviations: Floats  # (m,)
    normalized: Floats  # (m, n)
    seen: Floats  # (m, n), u, the inputs of the activation
    seen_gradients: Floats  # (m, n), dC_i/du

    def slopes(self, i: int) -> Floats:
        """Return d z_hat / dz of sample i, (n, n): mu and s depend on each z."""
        hat, n = self.normalized[i], len(self.gains)
        slopes: Floats = (np.eye(n) - (1 + np.outer(hat, hat)) / n) / self.deviations[i]
        return slopes


def normalized(z: Array, gains: Array | None, shifts: Array | None) -> Normalized | None:
    """Return the normalization of z (m, n), or None without gains and shifts."""
    if gains is None or shifts is None:
        return None
    g, h, exact = doubled(gains), doubled(shifts), doubled(z)
    means = exact.mean(axis=1)
    centered = exact - means[:, None]
    deviations = np.sqrt(np.square(centered).mean(axis=1) + EPSILON)
    hat = centered / deviations[:, None]
    return Normalized(g, h, means, deviations, hat, g * hat + h, np.zeros_like(hat))
