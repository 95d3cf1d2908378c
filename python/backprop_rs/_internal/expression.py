"""Formulas as trees: substitute numbers, evaluate, or print in any notation.

>>> z = Symbol("z")
>>> sigmoid = 1 / (1 + exp(-z))
>>> sigmoid.put({z: Number(0.0)}).value()
0.5
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from math import cos, cosh, erf, inf, nan, pi, sin, sqrt, tanh
from math import exp as e_to
from math import log as ln
from typing import Any, TypeAlias, Union

import numpy as np

Operand: TypeAlias = Union["Expression", float]
Change: TypeAlias = Callable[["Expression"], "Expression"]


class Expression:
    """A formula; the usual operators build larger ones."""

    def __add__(self, other: Operand) -> Expression:
        return Add((*terms(self), *terms(of(other))))

    def __radd__(self, other: Operand) -> Expression:
        return of(other) + self

    def __sub__(self, other: Operand) -> Expression:
        return Add((*terms(self), Negative(of(other))))

    def __rsub__(self, other: Operand) -> Expression:
        return of(other) - self

    def __mul__(self, other: Operand) -> Expression:
        if isinstance(self, Negative):
            return -(self.part * other)
        return Product((*factors(self), *factors(of(other))))

    def __rmul__(self, other: Operand) -> Expression:
        return of(other) * self

    def __truediv__(self, other: Operand) -> Expression:
        return Fraction(self, of(other))

    def __rtruediv__(self, other: Operand) -> Expression:
        return Fraction(of(other), self)

    def __pow__(self, other: Operand) -> Expression:
        return Power(self, of(other))

    def __neg__(self) -> Expression:
        return Negative(self)

    def put(self, values: Mapping[Expression, Expression]) -> Expression:
        """Return the formula with some parts replaced; cases whose condition holds are chosen."""
        return values[self] if self in values else self.rebuilt(lambda part: part.put(values))

    def plain(self) -> Expression:
        """Return the formula without factors of 1."""
        rebuilt = self.rebuilt(Expression.plain)
        if not isinstance(rebuilt, Product):
            return rebuilt
        kept = [factor for factor in rebuilt.factors if factor != Number(1)]
        return Product(tuple(kept)) if len(kept) > 1 else kept[0] if kept else Number(1)

    def rebuilt(self, change: Change) -> Expression:
        """Return the formula with each of its parts changed."""
        parts = {
            field.name: changed(getattr(self, field.name), change)
            for field in fields(self)  # type: ignore[arg-type]  # every kind is a dataclass
        }
        return replace(self, **parts)  # type: ignore[type-var]

    def value(self) -> float:
        """Return the value of a formula without symbols; NaN if a function is not known."""
        raise ValueError(f"a formula needs numbers for all symbols; got {self}")


def changed(part: Any, change: Change) -> Any:
    """Change a field of a formula: a part, several parts, or another value."""
    if isinstance(part, Expression):
        return change(part)
    return tuple(changed(each, change) for each in part) if isinstance(part, tuple) else part


def of(operand: Operand) -> Expression:
    """Return a formula, or a number as a formula."""
    return operand if isinstance(operand, Expression) else Number(operand)


def terms(formula: Expression) -> tuple[Expression, ...]:
    """Return the terms of a sum; any other formula is its only term."""
    return formula.terms if isinstance(formula, Add) else (formula,)


def factors(formula: Expression) -> tuple[Expression, ...]:
    """Return the factors of a product; any other formula is its only factor."""
    return formula.factors if isinstance(formula, Product) else (formula,)


@dataclass(frozen=True)
class Number(Expression):
    """A number. Printers round it."""

    number: float

    def value(self) -> float:
        """Return the number."""
        return float(self.number)


@dataclass(frozen=True)
class Symbol(Expression):
    """A letter with indices below and a layer above."""

    name: str
    below: str = ""
    above: str = ""


@dataclass(frozen=True)
class Constant(Expression):
    """A number that is written as a letter."""

    name: str
    number: float

    def value(self) -> float:
        """Return the number that the letter stands for."""
        return self.number


@dataclass(frozen=True)
class Derivative(Expression):
    """The derivative of `of` with respect to `by`, both symbols."""

    of: Expression
    by: Expression


@dataclass(frozen=True)
class Omitted(Expression):
    """Terms of a sum that are left out: their number, and their sum if it is known."""

    count: int
    total: float | None = None

    def value(self) -> float:
        """Return the sum of the terms, or NaN if it is not known."""
        return nan if self.total is None else self.total


@dataclass(frozen=True)
class Add(Expression):
    """A sum."""

    terms: tuple[Expression, ...]

    def value(self) -> float:
        """Return the sum of the terms' values."""
        return sum(term.value() for term in self.terms)


@dataclass(frozen=True)
class Negative(Expression):
    """The negative of a formula."""

    part: Expression

    def value(self) -> float:
        """Return the negative of the part's value."""
        return -self.part.value()


@dataclass(frozen=True)
class Product(Expression):
    """A product."""

    factors: tuple[Expression, ...]

    def value(self) -> float:
        """Return the product of the factors' values."""
        product = 1.0
        for factor in self.factors:
            product *= factor.value()
        return product


@dataclass(frozen=True)
class Fraction(Expression):
    """A fraction. Division by 0 gives infinity."""

    top: Expression
    bottom: Expression

    def value(self) -> float:
        """Return the quotient; division by 0 gives infinity with the sign of the top."""
        top, bottom = self.top.value(), self.bottom.value()
        return top / bottom if bottom else top * inf


@dataclass(frozen=True)
class Power(Expression):
    """A power."""

    base: Expression
    exponent: Expression

    def value(self) -> float:
        """Return the power; NaN if it is not a real number."""
        return float(np.power(self.base.value(), self.exponent.value()))


@dataclass(frozen=True)
class Series(Expression):
    """The sum of `body` over an index from 0 to `last`."""

    index: str
    last: str
    body: Expression


FUNCTIONS: dict[str, Callable[..., float]] = {
    "exp": lambda x: e_to(x) if x < 709 else inf,
    "log": lambda x: ln(x) if x > 0 else -inf,
    "tanh": tanh,
    "sin": sin,
    "cos": cos,
    "cosh": lambda x: cosh(x) if abs(x) < 709 else inf,
    "erf": erf,
    "sqrt": sqrt,
    "abs": abs,
    "sign": lambda x: float(np.sign(x)),
    "max": max,
    "min": min,
}


@dataclass(frozen=True)
class Call(Expression):
    """A function of `FUNCTIONS`, or a custom one of which only the name is known."""

    function: str
    arguments: tuple[Expression, ...]

    def value(self) -> float:
        """Return the value of the function; NaN if only its name is known."""
        values = [argument.value() for argument in self.arguments]
        if self.function not in FUNCTIONS:
            return nan
        return float(FUNCTIONS[self.function](*values))


OPPOSITES = {">": "≤", "≤": ">"}
RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "≤": lambda left, right: left <= right,
    "=": lambda left, right: left == right,
}


@dataclass(frozen=True)
class Condition(Expression):
    """A comparison of two formulas."""

    left: Expression
    relation: str
    right: Expression

    def holds(self) -> bool | None:
        """Return the truth of the condition, or None if it has symbols."""
        try:
            return RELATIONS[self.relation](self.left.value(), self.right.value())
        except ValueError:
            return None


@dataclass(frozen=True)
class Chosen(Expression):
    """One of several cases with the condition that selected it."""

    case: Expression
    condition: Condition

    def value(self) -> float:
        """Return the value of the selected case."""
        return self.case.value()


@dataclass(frozen=True)
class Cases(Expression):
    """The case of the first condition that holds, or `otherwise`."""

    cases: tuple[tuple[Expression, Condition], ...]
    otherwise: Expression

    def put(self, values: Mapping[Expression, Expression]) -> Expression:
        """Return the case whose condition holds, or all cases if a condition has symbols."""
        for case, condition in self.cases:
            holds = condition.put(values)
            assert isinstance(holds, Condition)
            if holds.holds():
                return case.put(values)
            if holds.holds() is None:
                return super().put(values)
        return self.otherwise.put(values)

    def choose(self, values: Mapping[Expression, Expression]) -> Expression:
        """Like `put`, with the reason if there is only one condition."""
        case = self.put(values)
        ((_, condition), *others) = self.cases
        if others or condition.relation not in OPPOSITES or isinstance(case, Cases):
            return case
        reason = condition.put(values)
        assert isinstance(reason, Condition)
        if not reason.holds():
            reason = replace(reason, relation=OPPOSITES[reason.relation])
        return Chosen(case, reason)


def function(name: str) -> Callable[..., Expression]:
    """Return a Python function that builds calls of a function of `FUNCTIONS`."""

    def call(*arguments: Operand) -> Expression:
        return Call(name, tuple(map(of, arguments)))

    return call


exp, log, root, absolute = map(function, ("exp", "log", "sqrt", "abs"))
PI = Constant("π", pi)
