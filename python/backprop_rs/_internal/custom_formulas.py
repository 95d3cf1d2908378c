"""Whether the formulas that users give their own functions are those of the functions."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..custom import Activation, Cost
    from .expression import Expression
    from .types import Array

Z = (-7.5, -2.5, -1.0, -0.3, 0.2, 0.7, 1.5, 3.5, 8.0)
A = (0.05, 0.2, 0.45, 0.7, 0.95, -0.6, 1.8)  # where a function is not finite nothing is compared
Y = (0.0, 0.3, 1.0)
TOLERANCE = 1e-9


def of_activation(own: Activation) -> tuple[Expression | None, Expression | None]:
    """The formulas of sigma (of z) and sigma_prime (of z and a), checked; None if not given."""
    z = np.array(Z)[:, None]
    with np.errstate(all="ignore"):
        a = own.value(z)
        slope = own.slope(z, a)
    where = {"z": z, "a": a}
    return (
        checked(f"formula of activation '{own.name}'", own.formula, "sigma", {"z": z}, a),
        checked(
            f"derivative_formula of activation '{own.name}'",
            *(own.derivative_formula, "sigma_prime", where, slope),
        ),
    )


def of_cost(own: Cost) -> tuple[Expression | None, Expression | None]:
    """The formulas of what each output adds and of dC/da, both of a and y; None if not given."""
    pairs = np.array(list(product(A, Y)))
    a, y = pairs[:, :1], pairs[:, 1:]
    with np.errstate(all="ignore"):
        value, slope = own.of_samples(a, y)[:, None], own.slope(a, y)
    where = {"a": a, "y": y}
    return (
        checked(f"formula of cost '{own.name}'", own.formula, "value", where, value),
        checked(
            f"derivative_formula of cost '{own.name}'",
            *(own.derivative_formula, "derivative", where, slope),
        ),
    )


def checked(
    what: str, given: str | None, function: str, where: dict[str, Array], expected: Array
) -> Expression | None:
    """The tree of a formula whose numbers are those of the function.

    Raises
    ------
    ValueError
        With the first place where they differ.
    """
    if given is None:
        return None
    from .expression import Number, Symbol
    from .parsing import parsed

    formula = parsed(what, given, list(where))
    for i, wanted in enumerate(expected[:, 0]):
        numbers = {name: float(values[i, 0]) for name, values in where.items()}
        found = value(formula.put({Symbol(name): Number(n) for name, n in numbers.items()}))
        if not np.isfinite(wanted) or abs(found - wanted) <= TOLERANCE * (1 + abs(wanted)):
            continue
        place = ", ".join(f"{name} = {n:.4g}" for name, n in numbers.items())
        raise ValueError(
            f"{what} must be that of {function}; at {place} it is {found:.6g}, and {function} "
            f"gives {wanted:.6g}"
        )
    return formula


def value(formula: Expression) -> float:
    """The number of a formula; NaN where it has none."""
    try:
        with np.errstate(all="ignore"):
            return formula.value()
    except (ArithmeticError, ValueError, TypeError):
        return float("nan")
