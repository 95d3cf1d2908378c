"""Formulas as MathML Core, which browsers draw without a script."""

from __future__ import annotations

import re
from html import escape

from .._internal.expression import Add, Expression, Negative, Symbol
from .printer import ADD, Notation

CLOSE = '<mo lspace="0" rspace="0" stretchy="false">{}</mo>'  # a sign without space around it
APPLY = "<mo>&#8289;</mo>"  # the invisible sign between a function and its argument
TIMES = '<mo>&#8290;</mo><mspace width="0.12em"></mspace>'  # the invisible times


class MathML(Notation):
    """Print formulas as elements inside <math>."""

    def number(self, mantissa: str, exponent: str) -> str:
        """Return a number, with a power of ten if it has an exponent."""
        written = mantissa.replace("inf", "∞")
        sign = self.minus() if written[0] == "-" else ""
        number = f"<mn>{written.removeprefix('-')}</mn>"
        if exponent:
            power = f"<mn>{exponent.replace('-', '−')}</mn>"
            number += f"<mo>×</mo><msup><mn>10</mn>{power}</msup>"
        return row(sign + number) if sign or exponent else number

    def symbol(self, formula: Symbol) -> str:
        """Return a letter with its indices below and its layer above."""
        name = f"<mi>{escape(formula.name)}</mi>"
        below = f"<mrow>{letters(formula.below)}</mrow>"
        above = f"<mrow>{CLOSE.format('(')}{letters(formula.above)}{CLOSE.format(')')}</mrow>"
        if formula.below and formula.above:
            return f"<msubsup>{name}{below}{above}</msubsup>"
        if formula.below:
            return f"<msub>{name}{below}</msub>"
        return f"<msup>{name}{above}</msup>" if formula.above else name

    def brackets(self, written: str) -> str:
        """Return a formula in brackets."""
        return row(f"<mo>(</mo>{written}<mo>)</mo>")

    def minus(self) -> str:
        """Return the sign of a negative formula."""
        return '<mo form="prefix">−</mo>'

    def relation(self, sign: str) -> str:
        """Return a sign between two formulas."""
        return f"<mo>{escape(sign)}</mo>"

    def times(self, dotted: bool) -> str:
        """Return a dot, or an invisible sign with a thin space."""
        return "<mo>·</mo>" if dotted else TIMES

    def fraction(self, top: Expression, bottom: Expression) -> str:
        """Return a fraction with a line."""
        return f"<mfrac>{row(self(top))}{row(self(bottom))}</mfrac>"

    def power(self, base: str, exponent: Expression) -> str:
        """Return a base with a raised exponent."""
        return f"<msup>{row(base)}{row(self(exponent))}</msup>"

    def call(self, function: str, arguments: tuple[Expression, ...]) -> str:
        """Return a function of its arguments; exp, abs and sqrt have a notation of their own."""
        inner = "<mo>,</mo>".join(map(self, arguments))
        if function == "exp":
            return f"<msup><mi>e</mi>{row(inner)}</msup>"
        if function == "abs":
            bar = '<mo form="{}" stretchy="true">|</mo>'
            return row(bar.format("prefix") + inner + bar.format("postfix"))
        if function == "sqrt":
            return f"<msqrt>{inner}</msqrt>"
        return row(f"<mi>{escape(function)}</mi>{APPLY}{self.brackets(inner)}")

    def derivative(self, of: Expression, by: Expression) -> str:
        """Return a partial derivative as a fraction."""
        top, bottom = (row(f"<mo>∂</mo>{self(part)}") for part in (of, by))
        return f"<mfrac>{top}{bottom}</mfrac>"

    def omitted(self, count: int, total: float | None) -> str:
        """Return dots, or the omitted sum, with the number of terms below."""
        words = f"<mtext>{count:,} more</mtext>"
        if total is None:
            return f"<munder><mo>⋯</mo>{words}</munder>"
        number = f"<mo>[</mo>{self.number(*self.rounded(total))}<mo>]</mo>"
        return f"<munder>{row(number)}{words}</munder>"

    def series(self, index: str, last: str, body: str) -> str:
        """Return a sum sign with its index and limits."""
        low, high = row(f"{letters(index)}<mo>=</mo><mn>0</mn>"), row(letters(last))
        return row(f"<munderover><mo>∑</mo>{low}{high}</munderover>{body}")

    def words(self, words: str) -> str:
        """Return words with spaces on both sides."""
        return f"<mtext>&#160;{words}&#160;</mtext>"

    def cases(self, rows: list[tuple[str, str]], otherwise: str) -> str:
        """Return the cases as rows of a table."""
        written = [(case, f"<mtext>if&#160;</mtext>{condition}") for case, condition in rows]
        cells = "".join(
            f"<mtr><mtd>{row(case)}</mtd><mtd>{row(condition)}</mtd></mtr>"
            for case, condition in [*written, (otherwise, "<mtext>else</mtext>")]
        )
        return f'<mtable class="cases">{cells}</mtable>'

    def pieces(self, formula: Expression) -> list[str]:
        """Return the terms of a sum separately, so that a line can break before each."""
        if not isinstance(formula, Add):
            return [self(formula)]
        first, *others = formula.terms
        pieces = [self.part(first, ADD)]
        for term in others:
            sign, part = ("−", term.part) if isinstance(term, Negative) else ("+", term)
            pieces.append(f'<mo form="infix">{sign}</mo>{self.following(part)}')
        return pieces


def row(inner: str) -> str:
    """Return elements as a single one."""
    return f"<mrow>{inner}</mrow>"


def letters(indices: str) -> str:
    """Return digits and letters in separate elements."""
    kinds = {True: "mn", False: "mi"}
    written = []
    for part in re.findall(r"\d+|\D", indices):
        if part == ",":
            written.append(CLOSE.format(part))
            continue
        kind = "mo" if part == "−" else kinds[part.isdigit()]
        written.append(f"<{kind}>{escape(part)}</{kind}>")
    return "".join(written)


def mathml(formula: Expression, digits: int = 6) -> str:
    """Return a formula as an element of HTML.

    >>> mathml(Symbol("a", "1"))
    '<math><msub><mi>a</mi><mrow><mn>1</mn></mrow></msub></math>'
    """
    return f"<math>{MathML(digits)(formula)}</math>"
