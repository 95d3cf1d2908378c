"""Explanations as HTML: a fragment for Jupyter, or a whole page."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from .mathml import MathML
from .text import Text

if TYPE_CHECKING:
    from .._internal.expression import Expression
    from .document import Grid, Group, Line, Section

STYLE = """\
.bp-explain { font: 15px/1.5 system-ui, sans-serif; max-width: 70em; }
.bp-explain math { font-size: 1.15em; font-family: "Backprop Math", math; }
.bp-explain details { margin: .4em 0 .4em .2em; padding-left: .8em;
  border-left: 2px solid color-mix(in srgb, currentColor 20%, transparent); }
.bp-explain summary { cursor: pointer; font-weight: 600; padding: .15em 0; }
.bp-explain details details > summary { font-weight: 500; }
.bp-explain h2 { font-size: 1.15em; line-height: 1.3; margin: .3em 0; }
.bp-explain .group { margin: .8em 0 1.2em; }
.bp-explain .title { font-weight: 600; }
.bp-explain .label, .bp-explain .note { opacity: .7; font-size: .9em; }
.bp-explain .general { margin: .4em 0 .4em 1em; padding: .3em .8em; display: inline-block;
  background: color-mix(in srgb, #3b82f6 12%, transparent); border-radius: .4em; }
.bp-explain .lines { overflow-x: auto; }
.bp-explain table.lines-of { border-collapse: collapse; margin-left: 1em; font-size: .95em;
  background: none; }
.bp-explain table.lines-of td { padding: .25em .35em; text-align: left; vertical-align: middle;
  border: 0; background: none; }
.bp-explain table.grid { border-collapse: collapse; margin: .4em 0 .8em 1em; font-size: .95em;
  table-layout: auto; }
.bp-explain table.grid th, .bp-explain table.grid td { padding: .2em .7em; text-align: left;
  border: 0; border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent); }
.bp-explain td.stacked { vertical-align: top !important; }
.bp-explain td > div { margin: .2em 0; }
.bp-explain td > div:last-child, .bp-explain td.result { font-weight: 600; white-space: nowrap; }
.bp-explain mtable.cases { border-left: 1.5px solid; border-radius: .7em;
  border-collapse: separate; margin-left: .2em; }
.bp-explain mtable.cases mtd { text-align: left; padding: .1em .4em; }
@media print { .bp-explain details { break-inside: avoid-page; } }
"""

MAX_WIDTH = 100
"""The longest line with its parts side by side, in characters of plain text."""

MATH = '<math displaystyle="true">'

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
@font-face {{ font-family: "Backprop Math"; src: url(data:font/woff2;base64,{font}); }}
:root {{ color-scheme: light dark; }}
body {{ margin: 16px; background: #ffffff; color: #1a1a1a; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #121212; color: #f2f2f2; }} }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


class Page:
    """Print an explanation as elements with folding sections."""

    def __init__(self, digits: int) -> None:
        self.notation = MathML(digits)
        self.text = Text(digits)

    def whole(self, section: Section) -> str:
        """Return the style, the title and all sections."""
        title = f"<h2>{escape(section.title)}</h2>"
        style = f"<style>\n{STYLE}</style>"
        return f'<div class="bp-explain">{style}\n{title}\n{self.inside(section)}\n</div>'

    def section(self, section: Section, path: str = "") -> str:
        """Return a section as a block that folds, open at first; `path` leads to it."""
        summary = f"<summary>{escape(section.title)}</summary>"
        path += section.title.partition(":")[0]
        inside = self.inside(section, f"{path}/")
        return f'<details open data-part="{escape(path)}">{summary}\n{inside}</details>'

    def title_of(self, formula: Expression) -> str:
        """Return a formula as a title."""
        return f"<math>{self.notation(formula)}</math>"

    def inside(self, section: Section, path: str = "") -> str:
        """Return the notes, groups and sections of a section without its title."""
        notes = [f'<p class="note">{escape(words)}</p>' for words in section.notes]
        grids = map(self.grid, section.grids)
        inner = [self.section(one, path) for one in section.sections]
        parts = [*map(self.group, section.groups), *inner]
        return "\n".join([*notes, *grids, *parts])

    def grid(self, grid: Grid) -> str:
        """Return a table."""
        head = "".join(f"<th>{escape(heading)}</th>" for heading in grid.headings)
        rows = "".join(
            f"<tr>{''.join(f'<td>{self.cell(cell)}</td>' for cell in row)}</tr>"
            for row in grid.rows
        )
        table = f'<table class="grid"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        return f'<div class="lines">{table}</div>'

    def cell(self, cell: str | Expression) -> str:
        """Return a cell of a table: a text or a formula."""
        return escape(cell) if isinstance(cell, str) else f"{MATH}{self.notation(cell)}</math>"

    def group(self, group: Group) -> str:
        """Return a title, the general equations, the table of lines and the notes."""
        label = f' <span class="label">(eq. {group.number})</span>' if group.number else ""
        title = f'<div class="title">{escape(group.title)}{label}</div>'
        general = "".join(
            f'<div class="general">{self.equation(chain, group.sign)}</div>'
            for chain in group.equations
        )
        notes = "".join(f'<p class="note">{escape(words)}</p>' for words in group.notes)
        return f'<div class="group">{title}{general}{self.table(group)}{notes}</div>'

    def equation(self, chain: list[Expression], sign: str) -> str:
        """Return a chain of parts that may break before each equals sign."""
        first, *others = chain
        written = [f"{MATH}{self.notation(first)}</math>"]
        for mark, part in zip([sign, *["="] * len(others)], others, strict=False):
            written.append(f"{MATH}<mo>{mark}</mo>{self.notation(part)}</math>")
        return " ".join(written)

    def table(self, group: Group) -> str:
        """Return the lines of a group as a table; parts are stacked if some line is long."""
        if not group.lines:
            return ""
        columns = max(len(line.chain()) for line in group.lines)
        long = max(self.width(line) for line in group.lines) > MAX_WIDTH
        rows = "\n".join(
            self.stack(line, group.sign) if long else self.row(line, group.sign, columns)
            for line in group.lines
        )
        return f'<div class="lines"><table class="lines-of">{rows}</table></div>'

    def row(self, line: Line, sign: str, columns: int) -> str:
        """Return one line as a row; the results of all lines are in the last column."""
        name, *parts, result = line.chain()
        cells = [f"<td>{self.pieces(name, '')}</td>"]
        for i, part in enumerate(parts):
            cells.append(f"<td>{self.pieces(part, '=' if i else sign)}</td>")
        cells += ["<td></td>"] * (columns - len(cells) - 1)
        mark = "=" if parts else sign
        cells.append(f'<td class="result">{self.pieces(result, mark)}</td>')
        return f"<tr>{''.join(cells)}</tr>"

    def width(self, line: Line) -> int:
        """Return the number of characters of a line of plain text."""
        return sum(len(self.text(part)) for part in line.chain())

    def stack(self, line: Line, sign: str) -> str:
        """Return a long line as a row, each part below the one before."""
        name, *parts = line.chain()
        signs = [sign, *["="] * len(parts)]
        below = "".join(
            f"<div>{self.pieces(part, mark)}</div>"
            for part, mark in zip(parts, signs, strict=False)
        )
        return f'<tr><td class="stacked">{self.pieces(name, "")}</td><td>{below}</td></tr>'

    def pieces(self, formula: Expression, mark: str) -> str:
        """Return one side of an equation as <math> elements, with breaks between its terms."""
        first, *others = self.notation.pieces(formula)
        sign = f"<mo>{mark}</mo>" if mark else ""
        return " ".join(f"{MATH}{piece}</math>" for piece in [sign + first, *others])


def html(section: Section, digits: int) -> str:
    """Return a fragment of a page."""
    return Page(digits).whole(section)


def page(section: Section, digits: int, picture: str = "") -> str:
    """Return a whole page that loads no other files, with a picture above the formulas."""
    body = "\n".join(filter(None, [picture, html(section, digits)]))
    return PAGE.format(title=escape(section.title), body=body, font=font())


def font() -> str:
    """Return the font of the formulas in base 64; math_font_license.txt has its license."""
    return b64encode(files(__package__).joinpath("math.woff2").read_bytes()).decode()
