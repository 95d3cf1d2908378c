"""The base class of all printers of formulas: brackets and the rounding of numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import isfinite

from .._internal.expression import (
    Add,
    Call,
    Cases,
    Chosen,
    Condition,
    Constant,
    Derivative,
    Expression,
    Fraction,
    Negative,
    Number,
    Omitted,
    Power,
    Product,
    Series,
    Symbol,
)

ADD, NEGATIVE, FRACTION, PRODUCT, POWER, ATOM = range(6)


class Notation(ABC):
    """A printer of formulas. Call it with a formula; subclasses write each kind of node."""

    fraction_level = ATOM  # fractions that are drawn with a line need no brackets

    def __init__(self, digits: int = 6) -> None:
        self.digits = digits

    def __call__(self, formula: Expression) -> str:
        """Return a formula in this notation."""
        return self.part(formula, ADD)

    def part(self, formula: Expression, level: int) -> str:
        """Return a part of another formula, in brackets if it binds less than `level`."""
        written = self.write(formula)
        return self.brackets(written) if self.level(formula) < level else written

    def level(self, formula: Expression) -> int:
        """Return the binding strength of a formula."""
        if isinstance(formula, Number):
            mantissa, exponent = self.rounded(formula.number)
            return NEGATIVE if mantissa[0] == "-" else PRODUCT if exponent else ATOM
        if isinstance(formula, Product):
            return min(PRODUCT, self.level(formula.factors[0]))
        if isinstance(formula, Call):
            return POWER if formula.function == "exp" and self.raises else ATOM
        if isinstance(formula, Fraction):
            return self.fraction_level
        known = {Add: ADD, Series: ADD, Negative: NEGATIVE, Power: POWER}
        return known.get(type(formula), ATOM)

    raises = True  # exp(x) is a power of e

    def write(self, formula: Expression) -> str:
        """Return a formula without brackets around it."""
        match formula:
            case Number(value):
                return self.number(*self.rounded(value))
            case Add(terms):
                return self.write_sum(terms)
            case Negative(part):
                return self.minus() + self.part(part, FRACTION)
            case Product(factors):
                return self.write_product(factors, leading=True)
            case Fraction(top, bottom):
                return self.fraction(top, bottom)
            case Power(base, exponent):
                return self.power(self.part(base, ATOM), exponent)
            case Call(function, arguments):
                return self.call(function, arguments)
            case Constant(name):
                return self.symbol(Symbol(name))
            case Symbol():
                return self.symbol(formula)
            case Derivative(of, by):
                return self.derivative(of, by)
            case Omitted(count, total):
                return self.omitted(count, total)
            case Series(index, last, body):
                return self.series(index, last, self.part(body, FRACTION))
            case Condition(left, relation, right):
                return self(left) + self.relation(relation) + self(right)
            case Chosen(chosen, condition):
                return self(chosen) + self.words("because") + self(condition)
            case Cases(cases, otherwise):
                rows = [(self(case), self(condition)) for case, condition in cases]
                return self.cases(rows, self(otherwise))
        raise TypeError(f"there is no notation for {formula!r}")

    def write_sum(self, terms: tuple[Expression, ...]) -> str:
        """Return a sum; negative terms are subtracted."""
        written = self.part(terms[0], ADD)
        for term in terms[1:]:
            if isinstance(term, Negative):
                written += self.relation("−") + self.following(term.part)
            else:
                written += self.relation("+") + self.following(term)
        return written

    def following(self, term: Expression) -> str:
        """Return a later term of a sum; a negative number has brackets, its product has not."""
        if isinstance(term, Product):
            return self.write_product(term.factors, leading=False)
        return self.part(term, FRACTION)

    def write_product(self, factors: tuple[Expression, ...], leading: bool) -> str:
        """Return a product; a negative factor has brackets unless the product is `leading`."""
        written = self.part(factors[0], NEGATIVE if leading else FRACTION)
        if self.level(factors[0]) == FRACTION:
            written = self.part(factors[0], PRODUCT)
        for factor in factors[1:]:
            dotted = isinstance(factor, (Number, Derivative, Fraction, Omitted))
            written += self.times(dotted) + self.part(factor, POWER)
        return written

    def rounded(self, value: float) -> tuple[str, str]:
        """Return the mantissa and the exponent of ten, or "" without one.

        >>> from .text import Text
        >>> Text(3).rounded(-1234.5), Text(3).rounded(0.25), Text(3).rounded(1e-9)
        (('-1.23', '3'), ('0.25', ''), ('1', '-9'))
        """
        if not isfinite(value):
            return f"{value:+}".removeprefix("+"), ""
        mantissa, _, exponent = f"{value + 0.0:.{self.digits}g}".partition("e")  # no -0
        return mantissa, str(int(exponent)) if exponent else ""

    @abstractmethod
    def number(self, mantissa: str, exponent: str) -> str:
        """Return a rounded number; `exponent` is "" or that of ten."""

    @abstractmethod
    def symbol(self, formula: Symbol) -> str:
        """Return a letter with its indices and its layer."""

    @abstractmethod
    def brackets(self, written: str) -> str:
        """Return a written formula in brackets."""

    @abstractmethod
    def minus(self) -> str:
        """Return the sign before a negative formula."""

    @abstractmethod
    def relation(self, sign: str) -> str:
        """Return a sign between two formulas, such as +, = or ≤."""

    @abstractmethod
    def times(self, dotted: bool) -> str:
        """Return the sign between two factors, a visible dot if `dotted`."""

    @abstractmethod
    def fraction(self, top: Expression, bottom: Expression) -> str:
        """Return a fraction."""

    @abstractmethod
    def power(self, base: str, exponent: Expression) -> str:
        """Return a power of a written base."""

    @abstractmethod
    def call(self, function: str, arguments: tuple[Expression, ...]) -> str:
        """Return a function of its arguments."""

    @abstractmethod
    def derivative(self, of: Expression, by: Expression) -> str:
        """Return the partial derivative of one symbol with respect to another."""

    @abstractmethod
    def omitted(self, count: int, total: float | None) -> str:
        """Return a sign for `count` omitted terms, with their sum if it is known."""

    @abstractmethod
    def series(self, index: str, last: str, body: str) -> str:
        """Return the sum of a written body over an index from 0 to `last`."""

    @abstractmethod
    def words(self, words: str) -> str:
        """Return words between two formulas."""

    @abstractmethod
    def cases(self, rows: list[tuple[str, str]], otherwise: str) -> str:
        """Return written cases with their conditions, and the last case."""
