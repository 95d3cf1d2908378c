"""Check the formulas of custom functions against the functions."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from .expression import Expression, Number, Symbol
from .parsing import parsed

if TYPE_CHECKING:
    from .custom_base import CustomActivation, CustomCost
    from .types import Array

Z = (-7.5, -2.5, -1.0, -0.3, 0.2, 0.7, 1.5, 3.5, 8.0)
A = (0.05, 0.2, 0.45, 0.7, 0.95, -0.6, 1.8)  # the check skips values that are not finite
Y = (0.0, 0.3, 1.0)
TOLERANCE = 1e-9

Formulas = tuple[Expression | None, Expression | None]


def of_activation(
    activation: CustomActivation, formula: str | None, derivative_formula: str | None
) -> Formulas:
    """Return the checked formulas of sigma (of z) and sigma_prime (of z and a), or None."""
    z = np.array(Z)[:, None]
    with np.errstate(all="ignore"):
        a = activation.value(z)
        slope = activation.slope(z, a)
    what = f"formula of activation '{activation.name}'"
    return (
        checked(what, formula, "sigma", {"z": z}, a),
        checked(f"derivative_{what}", derivative_formula, "sigma_prime", {"z": z, "a": a}, slope),
    )


def of_cost(cost: CustomCost, formula: str | None, derivative_formula: str | None) -> Formulas:
    """Return the checked formulas of one output's cost and of dC/da, of a and y, or None."""
    pairs = np.array(list(product(A, Y)))
    a, y = pairs[:, :1], pairs[:, 1:]
    with np.errstate(all="ignore"):
        value, slope = cost.of_samples(a, y)[:, None], cost.slope(a, y)
    what, places = f"formula of cost '{cost.name}'", {"a": a, "y": y}
    return (
        checked(what, formula, "value", places, value),
        checked(f"derivative_{what}", derivative_formula, "derivative", places, slope),
    )


def checked(
    what: str, text: str | None, function: str, places: dict[str, Array], expected: Array
) -> Expression | None:
    """Return the tree of a formula after a comparison with its function.

    Parameters
    ----------
    what : str
        The name of the formula in errors.
    text : str, optional
        The formula; without one the result is None.
    function : str
        The name of the function in errors.
    places : dict of (n, 1) arrays
        The values of each symbol.
    expected : (n, 1) array
        The values of the function at these places.

    Raises
    ------
    ValueError
        If formula and function differ; it names the first place.
    """
    if text is None:
        return None
    formula = parsed(what, text, list(places))
    for i, wanted in enumerate(expected[:, 0]):
        numbers = {name: float(values[i, 0]) for name, values in places.items()}
        number = value(formula.put({Symbol(name): Number(n) for name, n in numbers.items()}))
        if not np.isfinite(wanted) or abs(number - wanted) <= TOLERANCE * (1 + abs(wanted)):
            continue
        place = ", ".join(f"{name} = {n:.4g}" for name, n in numbers.items())
        raise ValueError(
            f"{what} must be that of {function}; at {place} it is {number:.6g}, and {function} "
            f"gives {wanted:.6g}"
        )
    return formula


def value(formula: Expression) -> float:
    """Return the value of a formula, or NaN if it has none."""
    try:
        with np.errstate(all="ignore"):
            return formula.value()
    except (ArithmeticError, ValueError, TypeError):
        return float("nan")
