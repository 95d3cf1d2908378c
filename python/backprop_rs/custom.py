"""Custom activations and costs: a function of arrays with its derivative."""

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
    """A custom activation, accepted wherever the name of one is.

    Both functions take arrays (m, n) of the network's dtype, which they must not change. They must
    be elementwise, because a batch may be passed in several blocks. The derivative is compared with
    differences at the first call with samples and targets.

    Parameters
    ----------
    name : str
        An identifier that is not the name of a built-in activation.
    sigma : function of z
        a = sigma(z), of the shape of z.
    sigma_prime : function of z and a
        The derivative da/dz, of the shape of z; use whichever is cheaper.
    formula : str, optional
        sigma as a formula of z, such as "log(z + sqrt(z^2 + 1))", for `explain`, which otherwise
        shows only the name. It may have numbers, pi, e, `+ - * / ^`, brackets, the functions abs,
        cos, cosh, erf, exp, log, max, min, sign, sin, sqrt and tanh, and `A if z > 0 else B`.
    derivative_formula : str, optional
        sigma_prime as a formula of z and a.

    Raises
    ------
    ValueError
        If a formula cannot be read or differs from its function; at the first use, if the
        derivative is wrong (it names the worst element). Exceptions of the functions pass through
        `fit` and other calls unchanged; the network then has the parameters of the last whole
        step.

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
        """Return the trees of both formulas, checked; None for a missing one."""
        if self.formula is None and self.derivative_formula is None:
            return None, None
        from ._internal.custom_formulas import of_activation

        return of_activation(self, self.formula, self.derivative_formula)

    def value(self, z: Array) -> Array:
        """Return sigma(z), checked."""
        return shaped(self.sigma(protected(z)), z, f"sigma of activation '{self.name}'")

    def slope(self, z: Array, a: Array) -> Array:
        """Return sigma_prime(z, a), checked."""
        slope = self.sigma_prime(protected(z), protected(a))
        return shaped(slope, z, f"sigma_prime of activation '{self.name}'")


@dataclass(frozen=True)
class Cost(CustomCost):
    """A custom cost, accepted wherever the name of one is.

    Both functions take the activations a and the targets y of the output layer, (m, n_L) of the
    network's dtype, which they must not change. Each row must depend on its own sample only. The
    derivative is compared with differences at the first call with samples and targets.

    Parameters
    ----------
    name : str
        An identifier that is not the name of a built-in cost.
    value : function of a and y
        C_i of each sample, (m,), or the part of each output, (m, n_L).
    derivative : function of a and y
        dC_i/da, (m, n_L).
    formula : str, optional
        The part of each output in C_i, as a formula of a and y such as "(a - y)^4", for `explain`;
        with the syntax of `Activation`.
    derivative_formula : str, optional
        dC_i/da of each output, as a formula.

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
        """Return the trees of both formulas, checked; None for a missing one."""
        if self.formula is None and self.derivative_formula is None:
            return None, None
        from ._internal.custom_formulas import of_cost

        return of_cost(self, self.formula, self.derivative_formula)

    def of_samples(self, a: Array, y: Array) -> Array:
        """Return C_i, (m,), checked."""
        value = self.value(protected(a), protected(y))
        what = f"value of cost '{self.name}'"
        if np.ndim(value) == 1:
            return shaped(value, a[:, 0], what)
        sums: Array = shaped(value, a, what).sum(axis=1)
        return sums

    def slope(self, a: Array, y: Array) -> Array:
        """Return derivative(a, y), checked."""
        slope = self.derivative(protected(a), protected(y))
        return shaped(slope, a, f"derivative of cost '{self.name}'")


def check(custom: Activation | Cost, *functions: str) -> None:
    """Raise an error if the name is taken or not an identifier, or a function is missing."""
    kind, name = custom.kind, custom.name
    if not (isinstance(name, str) and name.isidentifier()):
        raise ValueError(f"name must be an identifier such as 'my_{kind}'; got {name!r}")
    if name in names_of(TABLES[kind]):
        raise ValueError(f"name must not be that of a built-in {kind}; got {name!r}")
    for argument in functions:
        value = getattr(custom, argument)
        if not callable(value):
            raise TypeError(f"{argument} must be a function; got {shown(value)}")


def protected(array: Array) -> Array:
    """Return a read-only view of an array."""
    view = array.view()
    view.flags.writeable = False
    return view


def shaped(values: Any, like: Array, what: str) -> Array:
    """Return a copy of numbers in the shape and the dtype of another array."""
    array: AnyArray = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{what} must return real numbers; got {array.dtype}")
    if array.shape != like.shape:
        raise ValueError(f"{what} must return an array of shape {like.shape}; got {array.shape}")
    copy: Array = np.array(array, like.dtype, order="C")
    return copy
