"""Activations and costs of your own: a function of arrays with its derivative."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ._internal.checks import shown
from ._internal.custom_base import CustomActivation, CustomCost
from .tables import TABLES
from .tables.registry import names_of

if TYPE_CHECKING:
    from ._internal.expression import Expression
    from ._internal.types import AnyArray, Array


@dataclass(frozen=True)
class Activation(CustomActivation):
    """An activation of your own, accepted wherever the name of one is.

    Both functions get arrays (m, n) of the network's dtype, which they must not change, and act
    on each number alone: in how many blocks the rows of a batch come is open. The derivative is
    compared with differences when the network first meets samples and targets.

    Parameters
    ----------
    name : str
        An identifier that no row of the table of activations has.
    sigma : function of z
        a = sigma(z), of the shape of z.
    sigma_prime : function of z and a
        The derivative da/dz, of the shape of z; use whichever is cheaper.
    formula : str, optional
        sigma as a formula of z, such as "log(z + sqrt(z^2 + 1))", for `explain`, which otherwise
        shows the name alone. Numbers, pi, e, `+ - * / ^`, brackets, the functions abs, cos, cosh,
        erf, exp, log, max, min, sign, sin, sqrt and tanh, and `A if z > 0 else B`.
    derivative_formula : str, optional
        sigma_prime as such a formula of z and a.

    Raises
    ------
    ValueError
        If a formula cannot be read or is not that of its function. When first used, if the
        derivative is not that of sigma, with the worst element. What
        the functions raise themselves comes out of `fit` and the others as it is, and the network
        then has the parameters of the last whole step.

    Examples
    --------
    >>> import numpy as np
    >>> import backprop_rs as bp
    >>> arcsinh = bp.Activation("arcsinh", np.arcsinh, lambda z, a: 1 / np.sqrt(z * z + 1))
    >>> net = bp.Network([2, 3, 1], activation=arcsinh, seed=0)
    >>> net
    Network(2-3-1, arcsinh -> sigmoid, squared_error, float32, 13 parameters)
    >>> wrong = bp.Activation("arcsinh", np.arcsinh, lambda z, a: np.cos(a))
    >>> bp.Network([2, 3, 1], wrong).fit([[0, 1]], [1])
    Traceback (most recent call last):
    ValueError: sigma_prime of activation 'arcsinh' must be the derivative of sigma; at z = \
3.991 it gives -0.4983, and differences give 0.2431 (the worst of 162 elements)
    """

    name: str
    sigma: Callable[[Any], Any]
    sigma_prime: Callable[[Any, Any], Any]
    formula: str | None = None
    derivative_formula: str | None = None

    def __post_init__(self) -> None:
        check(self, "sigma", "sigma_prime")
        self.formulas()

    def formulas(self) -> tuple[Expression | None, Expression | None]:
        """The trees of both formulas, checked; None for what was not given."""
        if self.formula is None and self.derivative_formula is None:
            return None, None
        from ._internal.custom_formulas import of_activation

        return of_activation(self, self.formula, self.derivative_formula)

    def value(self, z: Array) -> Array:
        """sigma(z), checked."""
        return shaped(self.sigma(protected(z)), z, f"sigma of activation '{self.name}'")

    def slope(self, z: Array, a: Array) -> Array:
        """sigma_prime(z, a), checked."""
        given = self.sigma_prime(protected(z), protected(a))
        return shaped(given, z, f"sigma_prime of activation '{self.name}'")


@dataclass(frozen=True)
class Cost(CustomCost):
    """A cost of your own, accepted wherever the name of one is.

    Both functions get the activations a and the targets y of the output layer, (m, n_L) of the
    network's dtype, which they must not change, and take each sample alone. The derivative is
    compared with differences when the network first meets samples and targets.

    Parameters
    ----------
    name : str
        An identifier that no row of the table of costs has.
    value : function of a and y
        C_i of each sample, (m,), or what each output adds to it, (m, n_L).
    derivative : function of a and y
        dC_i/da, (m, n_L).
    formula : str, optional
        What each output adds to C_i, as a formula of a and y such as "(a - y)^4", for `explain`;
        written as for `Activation`.
    derivative_formula : str, optional
        dC_i/da of each output, as such a formula.

    Raises
    ------
    ValueError
        As for `Activation`.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> quartic = bp.Cost(
    ...     "quartic", lambda a, y: (a - y) ** 4, lambda a, y: 4 * (a - y) ** 3,
    ...     formula="(a - y)^4", derivative_formula="4 * (a - y)^3",
    ... )
    >>> bp.Network([1, 1], init=[[[0.0]]], cost=quartic).evaluate([[1.0]], [0.0])["cost"]
    0.0625
    """

    name: str
    value: Callable[[Any, Any], Any]
    derivative: Callable[[Any, Any], Any]
    formula: str | None = None
    derivative_formula: str | None = None

    def __post_init__(self) -> None:
        check(self, "value", "derivative")
        self.formulas()

    def formulas(self) -> tuple[Expression | None, Expression | None]:
        """The trees of both formulas, checked; None for what was not given."""
        if self.formula is None and self.derivative_formula is None:
            return None, None
        from ._internal.custom_formulas import of_cost

        return of_cost(self, self.formula, self.derivative_formula)

    def of_samples(self, a: Array, y: Array) -> Array:
        """C_i, (m,), checked."""
        given = self.value(protected(a), protected(y))
        what = f"value of cost '{self.name}'"
        if np.ndim(given) == 1:
            return shaped(given, a[:, 0], what)
        sums: Array = shaped(given, a, what).sum(axis=1)
        return sums

    def slope(self, a: Array, y: Array) -> Array:
        """derivative(a, y), checked."""
        given = self.derivative(protected(a), protected(y))
        return shaped(given, a, f"derivative of cost '{self.name}'")


def check(own: Activation | Cost, *functions: str) -> None:
    """Refuse what is no identifier or no function."""
    if not (isinstance(own.name, str) and own.name.isidentifier()):
        raise ValueError(f"name must be an identifier such as 'my_{own.kind}'; got {own.name!r}")
    if own.name in names_of(TABLES[own.kind]):
        raise ValueError(f"name must not be that of a table's {own.kind}; got {own.name!r}")
    for name in functions:
        if not callable(getattr(own, name)):
            raise TypeError(f"{name} must be a function; got {shown(getattr(own, name))}")


def protected(array: Array) -> Array:
    """The same numbers, not to be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


def shaped(given: Any, like: Array, what: str) -> Array:
    """A copy of numbers of the shape and the dtype of another array."""
    array: AnyArray = np.asarray(given)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{what} must return real numbers; got {array.dtype}")
    if array.shape != like.shape:
        raise ValueError(f"{what} must return an array of shape {like.shape}; got {array.shape}")
    copy: Array = np.array(array, like.dtype, order="C")
    return copy
