"""Formulas and explanations as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING

from .._internal.expression import Expression, Symbol
from .printer import FRACTION, POWER, PRODUCT, Notation

if TYPE_CHECKING:
    from .document import Grid, Group, Section

FIXED = "\u00a0"  # a space that does not end a line
BELOW = str.maketrans("0123456789+−=()iljkmnp", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ᵢₗⱼₖₘₙₚ")
ABOVE = str.maketrans("0123456789+−=()iljkmnpL", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁱˡʲᵏᵐⁿᵖᴸ")


class Text(Notation):
    """Print formulas in Unicode, with fractions on one line."""

    fraction_level = FRACTION
    raises = False

    def number(self, mantissa: str, exponent: str) -> str:
        """Return a number, with a power of ten if it has an exponent."""
        written = mantissa.replace("-", "−").replace("inf", "∞")
        if not exponent:
            return written
        return f"{written}×10{exponent.replace('-', '−').translate(ABOVE)}"

    def symbol(self, formula: Symbol) -> str:
        """Return a letter with its indices below and its layer above."""
        above = f"({formula.above})".translate(ABOVE) if formula.above else ""
        return formula.name + formula.below.translate(BELOW) + above

    def brackets(self, written: str) -> str:
        """Return a formula in round brackets."""
        return f"({written})"

    def minus(self) -> str:
        """Return the sign of a negative formula."""
        return "−"

    def relation(self, sign: str) -> str:
        """Return a sign between two formulas; a line can break before it."""
        return f" {sign}{FIXED}"

    def times(self, dotted: bool) -> str:
        """Return a dot, or a space at which no line breaks."""
        return f"{FIXED}·{FIXED}" if dotted else FIXED

    def fraction(self, top: Expression, bottom: Expression) -> str:
        """Return a fraction on one line."""
        return f"{self.part(top, PRODUCT)}{FIXED}/{FIXED}{self.part(bottom, POWER)}"

    def power(self, base: str, exponent: Expression) -> str:
        """Return a base with a raised number, or with ^ and a formula."""
        written = self(exponent)
        if written.isdigit():
            return base + written.translate(ABOVE)
        return f"{base}^{self.part(exponent, POWER)}"

    def call(self, function: str, arguments: tuple[Expression, ...]) -> str:
        """Return a function of its arguments; abs and sqrt have a notation of their own."""
        inner = f",{FIXED}".join(map(self, arguments))
        if function == "abs":
            return f"|{inner}|"
        return f"√({inner})" if function == "sqrt" else f"{function}({inner})"

    def derivative(self, of: Expression, by: Expression) -> str:
        """Return a partial derivative on one line."""
        return f"∂{self(of)}/∂{self(by)}"

    def omitted(self, count: int, total: float | None) -> str:
        """Return the number of the omitted terms, with their sum if it is known."""
        if total is None:
            return f"…{FIXED}({count:,}{FIXED}more)"
        return f"[{count:,}{FIXED}more:{FIXED}{self.number(*self.rounded(total))}]"

    def series(self, index: str, last: str, body: str) -> str:
        """Return a sum sign with its index and limits."""
        low = f"{index}=0".translate(BELOW)
        return f"Σ{low}{last.translate(ABOVE)}{FIXED}{body}"

    def words(self, words: str) -> str:
        """Return words with spaces at which no line breaks."""
        return f"{FIXED}{words}{FIXED}"

    def cases(self, rows: list[tuple[str, str]], otherwise: str) -> str:
        """Return the cases on one line, in braces."""
        parts = [f"{case} if {condition}" for case, condition in rows]
        return "{" + ", ".join([*parts, f"else {otherwise}"]) + "}"


def text(formula: Expression, digits: int = 6) -> str:
    """Return a formula as one line.

    >>> text(Symbol("w", "0,1", "2") * Symbol("a", "1", "1"))
    'w₀,₁⁽²⁾ a₁⁽¹⁾'
    """
    return Text(digits)(formula).replace(FIXED, " ")


def cells_of(row: Sequence[str | Expression], notation: Text) -> tuple[str, ...]:
    """Return the cells of a table as texts."""
    return tuple(
        cell if isinstance(cell, str) else notation(cell).replace(FIXED, " ") for cell in row
    )


class Page:
    """Print an explanation within a width, or each equation on one line if it is None."""

    def __init__(self, width: int | None, digits: int) -> None:
        self.width = width
        self.notation = Text(digits)

    def section(self, section: Section, depth: int = 0) -> list[str]:
        """Return the lines of a section."""
        line = "=-"[min(depth, 1)] * min(len(section.title), self.width or len(section.title))
        written = ["", *self.fold(section.title, ""), line]
        for sentence in section.notes:
            written += self.fold(sentence, "")
        for grid in section.grids:
            written += self.grid(grid)
        for group in section.groups:
            written += self.group(group)
        for inner in section.sections:
            written += self.section(inner, depth + 1)
        return written

    def grid(self, grid: Grid) -> list[str]:
        """Return the lines of a table; cells of the widest columns break if it is too wide."""
        rows = [grid.headings, *(cells_of(row, self.notation) for row in grid.rows)]
        widths = [max(1, *map(len, column)) for column in zip(*rows, strict=True)]
        room = max((self.width or 10**6) - 2 * len(widths), len(widths))
        while sum(widths) > room:
            widths[widths.index(max(widths))] -= 1
        lines = [""]
        for row in rows:
            broken = [
                wrap(cell, width, break_on_hyphens=False) or [""]
                for cell, width in zip(row, widths, strict=True)
            ]
            for parts in zip_longest(*broken, fillvalue=""):
                cells = (part.ljust(width) for part, width in zip(parts, widths, strict=True))
                lines.append(f"  {'  '.join(cells)}".rstrip())
        return lines

    def group(self, group: Group) -> list[str]:
        """Return the lines of a group: its title, equations, lines and notes."""
        label = f"  (eq. {group.number})" if group.number else ""
        written = ["", *self.fold(f"{group.title}{label}", "")]
        for chain in group.equations:
            written += self.equation(list(map(self.notation, chain)), "    ", group.sign)
        if group.lines:
            written.append("")
        for line in group.lines:
            parts = [self.notation(part) for part in line.chain()]
            written += self.equation(parts, "  ", group.sign)
        for sentence in group.notes:
            written += self.fold(f"  {sentence}", "  ")
        return written

    def equation(self, parts: list[str], indent: str, sign: str) -> list[str]:
        """Return one line if it fits, otherwise one line per part."""
        signs = [sign, *["="] * (len(parts) - 2)]
        others = [f"{mark} {part}" for mark, part in zip(signs, parts[1:], strict=True)]
        whole = f"{indent}{parts[0]} {' '.join(others)}"
        if self.width is None or len(whole) <= self.width:
            return [whole.replace(FIXED, " ")]
        start, written = f"{indent}{parts[0]}", []
        for other in others:
            written += self.fold(f"{start} {other}", " " * (len(start) + 3))
            start = " " * len(start)
        return written

    def fold(self, words: str, indent: str) -> list[str]:
        """Wrap words to the width; all lines after the first are indented."""
        lines = [words]
        if self.width is not None:
            if len(indent) + max(map(len, words.split(" "))) > self.width:
                words = words.replace(f"{FIXED}·", " ·")  # allow a line to end before a factor
            lines = wrap(
                words,
                self.width,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
        return [line.replace(FIXED, " ") for line in lines]
