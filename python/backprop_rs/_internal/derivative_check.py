"""The derivatives of functions of the user's own against differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .custom_base import CustomActivation, CustomCost
from .random import SPLIT, uniform

if TYPE_CHECKING:
    from .types import AnyArray, Array

EPS = float(np.finfo(float).eps)
# The interval between the differences to either side is H |f''| wide and holds the slope, at a
# kink too; their rounding is EPS |f| / H.
H = EPS ** (1 / 3)
TOLERANCE = 1e-5
ELEMENTS, REACH = 160, 4.0  # numbers that an activation is tried on, and how far from 0 they lie
SAMPLES, OUTPUTS = 16, 32  # the most that a cost is tried on


def check_activation(own: CustomActivation, n: int) -> None:
    """Compare sigma_prime with differences of sigma for a layer of n neurons.

    Raises
    ------
    ValueError
        With the worst element.
    """
    rows = max(2, -(-ELEMENTS // n))
    z = (REACH * (2 * uniform(0, SPLIT, 3, rows * n) - 1)).reshape(rows, n)
    with np.errstate(all="ignore"):
        slope = own.slope(z, own.value(z))
        alone(f"sigma of activation '{own.name}'", own.value(z[:1]), own.value(z))
        error, found = compare(slope, own.value, z, np.full_like(z, H))
    if (error > 0).any():
        i = np.unravel_index(error.argmax(), error.shape)
        raise ValueError(
            f"sigma_prime of activation '{own.name}' must be the derivative of sigma; at "
            f"z = {z[i]:.4g} it gives {slope[i]:.4g}, and differences give {found[i]:.4g} "
            f"(the worst of {error.size} elements)"
        )


def check_cost(own: CustomCost, a: Array, y: AnyArray) -> None:
    """Compare the derivative with differences of the cost at activations a and targets y.

    Parameters
    ----------
    a, y : (m, n_L) arrays

    Raises
    ------
    ValueError
        With the worst element.
    """
    rows = np.unique(np.linspace(0, len(a) - 1, SAMPLES).astype(int))
    a, y = np.asarray(a[rows], float), np.asarray(y[rows], float)
    outputs = np.unique(np.linspace(0, a.shape[1] - 1, OUTPUTS).astype(int))
    with np.errstate(all="ignore"):
        slope = own.slope(a, y)
        alone(f"value of cost '{own.name}'", own.of_samples(a[:1], y[:1]), own.of_samples(a, y))
        errors, found = np.zeros_like(a), np.zeros_like(a)
        for j in outputs:
            h = np.zeros_like(a)
            h[:, j] = H * np.maximum(1, np.abs(a[:, j]))
            errors[:, j], found[:, j] = compare(
                slope[:, j], lambda a: own.of_samples(a, y), a, h, step=h[:, j]
            )
    if (errors > 0).any():
        i = np.unravel_index(errors.argmax(), errors.shape)
        raise ValueError(
            f"derivative of cost '{own.name}' must be dC/da; for sample {rows[i[0]] + 1} and "
            f"output {i[1] + 1}, where a = {a[i]:.4g} and y = {y[i]:.4g}, it gives "
            f"{slope[i]:.4g}, and differences give {found[i]:.4g} (the worst of "
            f"{len(a) * len(outputs)} elements)"
        )


def compare(
    slope: Array, f: Callable[[Array], Array], x: Array, h: Array, step: Array | None = None
) -> tuple[Array, Array]:
    """How far a slope lies outside of the differences of f to either side, and their mean.

    Where f is not finite to one side nothing is said.
    """
    step = h if step is None else step
    below, at, above = f(x - h), f(x), f(x + h)
    left, right = (at - below) / step, (above - at) / step
    low, high = np.minimum(left, right), np.maximum(left, right)
    error = np.maximum(low - slope, slope - high)
    allowed = TOLERANCE * (1 + np.maximum(np.abs(low), np.abs(high))) + 8 * EPS * np.abs(at) / step
    known = np.isfinite(low) & np.isfinite(high)
    error = np.where(np.isfinite(slope), np.where(error > allowed, error, 0), np.inf)
    return np.where(known, error, 0), (left + right) / 2


def alone(what: str, first: Array, all_rows: Array) -> None:
    """Refuse a function whose first row depends on the others."""
    if not np.allclose(first, all_rows[:1], rtol=1e-9, atol=1e-12, equal_nan=True):
        raise ValueError(f"{what} must take each row alone; got other numbers beside other rows")
