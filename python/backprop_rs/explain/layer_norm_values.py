"""Layer normalisation: what lies between z and the activation.

Source: Ba, Kiros & Hinton 2016, Layer Normalization, eq. 3; see `reference/norm.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..reference.norm import EPSILON

if TYPE_CHECKING:
    from .._internal.types import Array

Floats = NDArray[np.float64]


def doubled(array: Array) -> Floats:
    """In float64."""
    return np.asarray(array, np.float64)


@dataclass(frozen=True, eq=False)
class Normalised:
    """A layer's normalisation of m samples, in float64 from the z of the core."""

    gains: Floats  # (n,)
    shifts: Floats  # (n,)
    means: Floats  # (m,)
    deviations: Floats  # (m,)
    normalised: Floats  # (m, n)
    seen: Floats  # (m, n), what the activation sees
    seen_gradients: Floats  # (m, n), dC_i by that

    def slopes(self, i: int) -> Floats:
        """d z_hat / dz of sample i, (n, n): mu and s move with each z."""
        hat, n = self.normalised[i], len(self.gains)
        slopes: Floats = (np.eye(n) - (1 + np.outer(hat, hat)) / n) / self.deviations[i]
        return slopes

    def having(self, seen_gradients: Floats) -> Normalised:
        return replace(self, seen_gradients=seen_gradients)


def normalised(z: Array, gains: Array | None, shifts: Array | None) -> Normalised | None:
    """The way from z (m, n) to the activation, or None without layer normalisation."""
    if gains is None or shifts is None:
        return None
    g, h, exact = doubled(gains), doubled(shifts), doubled(z)
    means = exact.mean(axis=1)
    centred = exact - means[:, None]
    deviations = np.sqrt(np.square(centred).mean(axis=1) + EPSILON)
    hat = centred / deviations[:, None]
    return Normalised(g, h, means, deviations, hat, g * hat + h, np.zeros_like(hat))
