"""Explanations as Markdown with LaTeX, for notebooks and web pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .latex import LETTERS, Latex
from .text import Text, cells_of

if TYPE_CHECKING:
    from .._internal.expression import Expression
    from .document import Grid, Group, Section

MAX_WIDTH = 72
"""The longest equation on one line, in characters of plain text."""

MAX_DEPTH = 5  # of headings


class Page:
    """Print the paragraphs of an explanation."""

    def __init__(self, digits: int) -> None:
        self.latex = Latex(digits)
        self.text = Text(digits)

    def section(self, section: Section, depth: int = 1) -> list[str]:
        """Return the paragraphs of a section and of the sections inside it."""
        written = [f"{'#' * min(depth, MAX_DEPTH)} {escaped(section.title)}"]
        written += map(escaped, section.notes)
        written += map(self.grid, section.grids)
        for group in section.groups:
            written += self.group(group)
        for inner in section.sections:
            written += self.section(inner, depth + 1)
        return written

    def grid(self, grid: Grid) -> str:
        """Return a table."""
        rows = [grid.headings, ("---",) * len(grid.headings)]
        rows += [tuple(map(escaped, cells_of(row, self.text))) for row in grid.rows]
        return "\n".join(f"| {' | '.join(row)} |".replace("\n", " ") for row in rows)

    def group(self, group: Group) -> list[str]:
        """Return the paragraphs of a group: its title, equations, lines and notes."""
        label = f" (eq. {group.number})" if group.number else ""
        written = [f"**{escaped(group.title)}**{label}"]
        for chain in group.equations:
            written.append(display(self.aligned(chain, group.sign)))
        if group.lines:
            rows = [self.aligned(line.chain(), group.sign) for line in group.lines]
            written.append(display("\\\\\n".join(rows)))
        return written + list(map(escaped, group.notes))

    def aligned(self, chain: list[Expression], sign: str) -> str:
        """Return an equation, on several rows if it is long."""
        signs = [LETTERS.get(sign, sign), *["="] * (len(chain) - 2)]
        first, *others = map(self.latex, chain)
        long = sum(len(self.text(part)) for part in chain) > MAX_WIDTH
        between = "\\\\\n&" if long else " "
        rest = between.join(f"{mark} {part}" for mark, part in zip(signs, others, strict=True))
        return f"{first} &{rest}"


def display(body: str) -> str:
    """Return rows of aligned equations as a displayed formula."""
    return f"$$\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n$$"


def escaped(words: str) -> str:
    """Escape characters that Markdown would interpret, as in squared_error and |δ|."""
    for sign in "_*|<>":
        words = words.replace(sign, f"\\{sign}")
    return words


def markdown(section: Section, digits: int) -> str:
    """Return a whole explanation as Markdown."""
    return "\n\n".join(Page(digits).section(section)) + "\n"
