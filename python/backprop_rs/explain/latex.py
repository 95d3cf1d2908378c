"""Formulas as LaTeX."""

from __future__ import annotations

from .._internal.expression import Expression, Symbol
from .printer import Notation

LETTERS = {
    "α": r"\alpha",
    "β": r"\beta",
    "γ": r"\gamma",
    "θ": r"\theta",
    "φ": r"\varphi",
    "ω": r"\omega",
    "δ": r"\delta",
    "λ": r"\lambda",
    "π": r"\pi",
    "σ": r"\sigma",
    "τ": r"\tau",
    "μ": r"\mu",
    "ã": r"\tilde{a}",
    "ṽ": r"\tilde{v}",
    "β₁": r"\beta_1",
    "β₂": r"\beta_2",
    "ε": r"\epsilon",
    "ỹ": r"\tilde{y}",
    "ẑ": r"\hat{z}",
    "−": "-",
    "Σy": r"\Sigma y",
    "≤": r"\le",
    ":=": r":=",
}
NAMED = ("log", "tanh", "sin", "cos", "cosh", "max", "min", "exp")
"""The functions that have a LaTeX command."""


class Latex(Notation):
    """Print formulas for MathJax and KaTeX."""

    def number(self, mantissa: str, exponent: str) -> str:
        """Return a number, with a power of ten if it has an exponent."""
        written = mantissa.replace("inf", r"\infty ").replace("nan", r"\text{NaN}")
        return rf"{written} \times 10^{{{exponent}}}" if exponent else written

    def symbol(self, formula: Symbol) -> str:
        """Return a letter with its indices below and its layer above."""
        below = f"_{{{plain(formula.below)}}}" if formula.below else ""
        above = f"^{{({plain(formula.above)})}}" if formula.above else ""
        return LETTERS.get(formula.name, formula.name) + below + above

    def brackets(self, written: str) -> str:
        """Return a formula in brackets of its height."""
        return rf"\left({written}\right)"

    def minus(self) -> str:
        """Return the sign of a negative formula."""
        return "-"

    def relation(self, sign: str) -> str:
        """Return a sign between two formulas."""
        return f" {LETTERS.get(sign, sign)} "

    def times(self, dotted: bool) -> str:
        """Return a dot, or a thin space."""
        return r" \cdot " if dotted else r" \, "

    def fraction(self, top: Expression, bottom: Expression) -> str:
        """Return a fraction with a line."""
        return rf"\frac{{{self(top)}}}{{{self(bottom)}}}"

    def power(self, base: str, exponent: Expression) -> str:
        """Return a base with a raised exponent."""
        return f"{{{base}}}^{{{self(exponent)}}}"

    def call(self, function: str, arguments: tuple[Expression, ...]) -> str:
        """Return a function of its arguments; exp, abs and sqrt have a notation of their own."""
        inner = ", ".join(map(self, arguments))
        if function == "exp":
            return f"e^{{{inner}}}"
        if function == "abs":
            return rf"\left|{inner}\right|"
        if function == "sqrt":
            return rf"\sqrt{{{inner}}}"
        if function == "σ":
            return rf"\sigma{self.brackets(inner)}"
        name = rf"\{function}" if function in NAMED else rf"\operatorname{{{escaped(function)}}}"
        return name + self.brackets(inner)

    def derivative(self, of: Expression, by: Expression) -> str:
        """Return a partial derivative as a fraction."""
        return rf"\frac{{\partial {self(of)}}}{{\partial {self(by)}}}"

    def omitted(self, count: int, total: float | None) -> str:
        """Return an underbrace with the number of omitted terms below it."""
        words = rf"_{{\text{{{count:,} more}}}}"
        if total is None:
            return rf"\underbrace{{\cdots}}{words}"
        return rf"\underbrace{{{self.brackets(self.number(*self.rounded(total)))}}}{words}"

    def series(self, index: str, last: str, body: str) -> str:
        """Return a sum sign with its index and limits."""
        return rf"\sum_{{{index}=0}}^{{{plain(last)}}} {body}"

    def words(self, words: str) -> str:
        """Return upright words with spaces on both sides."""
        return rf"\ \text{{{words}}}\ "

    def cases(self, rows: list[tuple[str, str]], otherwise: str) -> str:
        """Return the cases one below the other, behind a brace."""
        written = [rf"{case} & \text{{if }} {condition}" for case, condition in rows]
        body = r" \\ ".join([*written, rf"{otherwise} & \text{{else}}"])
        return rf"\begin{{cases}} {body} \end{{cases}}"


def plain(indices: str) -> str:
    """Return indices as TeX sets them: with an ASCII minus, and no space after a comma."""
    return indices.replace("−", "-").replace(",", "{,}")


def escaped(name: str) -> str:
    """Return a function's name with underscores and primes that TeX accepts."""
    return name.replace("_", r"\_").replace("′", "'")


def latex(formula: Expression, digits: int = 6) -> str:
    r"""Return a formula as LaTeX.

    >>> print(latex(Symbol("w", "0,1", "2") * Symbol("a", "1", "1")))
    w_{0{,}1}^{(2)} \, a_{1}^{(1)}
    """
    return Latex(digits)(formula)
