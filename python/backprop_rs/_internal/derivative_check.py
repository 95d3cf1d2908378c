"""Compare the derivatives of custom functions with differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .custom_base import CustomActivation, CustomCost
from .random import SPLIT, uniform

if TYPE_CHECKING:
    from .types import AnyArray, Array

EPS = float(np.finfo(float).eps)
# The slope lies between the differences to either side, also at a kink. Their distance is H |f''|,
# and their rounding error is EPS |f| / H.
H = EPS ** (1 / 3)
TOLERANCE = 1e-5
ELEMENTS, REACH = 160, 4.0  # of an activation: the count of z, and the largest |z|
SAMPLES, OUTPUTS = 16, 32  # the largest number of each in the check of a cost


def check_activation(function: CustomActivation, n: int) -> None:
    """Compare sigma_prime with differences of sigma for a layer of n neurons.

    Raises
    ------
    ValueError
        If they differ; it names the worst element.
    """
    rows = max(2, -(-ELEMENTS // n))
    z = (REACH * (2 * uniform(0, SPLIT, 3, rows * n) - 1)).reshape(rows, n)
    with np.errstate(all="ignore"):
        slope = function.slope(z, function.value(z))
        check_rows_alone(
            f"sigma of activation '{function.name}'", function.value(z[:1]), function.value(z)
        )
        error, difference = compare(slope, function.value, z, np.full_like(z, H))
    if (error > 0).any():
        i = np.unravel_index(error.argmax(), error.shape)
        raise ValueError(
            f"sigma_prime of activation '{function.name}' must be the derivative of sigma; at "
            f"z = {z[i]:.4g} it gives {slope[i]:.4g}, and differences give {difference[i]:.4g} "
            f"(the worst of {error.size} elements)"
        )


def check_cost(function: CustomCost, a: Array, y: AnyArray) -> None:
    """Compare the derivative with differences of the cost at activations a and targets y.

    Parameters
    ----------
    a, y : (m, n_L) arrays

    Raises
    ------
    ValueError
        If they differ; it names the worst element.
    """
    rows = np.unique(np.linspace(0, len(a) - 1, SAMPLES).astype(int))
    a, y = np.asarray(a[rows], float), np.asarray(y[rows], float)
    outputs = np.unique(np.linspace(0, a.shape[1] - 1, OUTPUTS).astype(int))
    with np.errstate(all="ignore"):
        slope = function.slope(a, y)
        check_rows_alone(
            f"value of cost '{function.name}'",
            function.of_samples(a[:1], y[:1]),
            function.of_samples(a, y),
        )
        errors, differences = np.zeros_like(a), np.zeros_like(a)
        for j in outputs:
            h = np.zeros_like(a)
            h[:, j] = H * np.maximum(1, np.abs(a[:, j]))
            errors[:, j], differences[:, j] = compare(
                slope[:, j], lambda a: function.of_samples(a, y), a, h, step=h[:, j]
            )
    if (errors > 0).any():
        i = np.unravel_index(errors.argmax(), errors.shape)
        raise ValueError(
            f"derivative of cost '{function.name}' must be dC/da; for sample {rows[i[0]] + 1} and "
            f"output {i[1] + 1}, where a = {a[i]:.4g} and y = {y[i]:.4g}, it gives "
            f"{slope[i]:.4g}, and differences give {differences[i]:.4g} (the worst of "
            f"{len(a) * len(outputs)} elements)"
        )


def compare(
    slope: Array, f: Callable[[Array], Array], x: Array, h: Array, step: Array | None = None
) -> tuple[Array, Array]:
    """Return how far a slope lies outside the differences of f to either side, and their mean.

    The errors are 0 if f is not finite to one side.
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


def check_rows_alone(what: str, first: Array, all_rows: Array) -> None:
    """Raise ValueError if the first row of a result depends on the other rows."""
    if not np.allclose(first, all_rows[:1], rtol=1e-9, atol=1e-12, equal_nan=True):
        raise ValueError(f"{what} must take each row alone; got other numbers beside other rows")
