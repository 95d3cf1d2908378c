"""Tables in HTML, for Jupyter."""

from __future__ import annotations

import re
from collections.abc import Sequence

NUMBER = re.compile(r"[-+−]?\d[\d,]*\.?\d*(e[-+]?\d+)?( ?%)?|nan|-?inf|")

# Jupyter centers tables and aligns all cells to the right.
STYLE = (
    ".bp-table.bp-table { margin: 0 0 .6em 0; border-collapse: collapse; table-layout: auto; }"
    ".bp-table.bp-table td, .bp-table.bp-table th { text-align: left; padding: .2em .8em .2em 0;"
    " vertical-align: top; }"
    ".bp-table.bp-table .bp-kinds th { font-weight: normal; opacity: .65; }"
    ".bp-title { margin: .3em 0; }"
)
MAX_COLUMNS = 24
"""The number of columns whose numbers are aligned to the right."""

RIGHT = "".join(
    f".bp-table.bp-table.bp-right-{k} :is(td, th):nth-child({k})"
    " { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }"
    for k in range(1, MAX_COLUMNS + 1)
)


def html_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    title: str = "",
    kinds: Sequence[str] = (),
) -> str:
    """Return a table in HTML; all texts are escaped, and columns of numbers are at the right.

    Parameters
    ----------
    headings : sequence of str
    rows : sequence of sequences of str
    title : str, optional
        A line above the table.
    kinds : sequence of str, optional
        A second line of headings.

    >>> html_table(["a"], [["<b>"]]).partition("<tbody>")[2]
    '<tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """
    from html import escape

    def row(tag: str, cells: Sequence[str]) -> str:
        return "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)

    right = [
        k
        for k, column in enumerate(zip(*rows, strict=True), 1)
        if k <= MAX_COLUMNS and any(column) and all(map(NUMBER.fullmatch, column))
    ]
    classes = " ".join(["bp-table", *(f"bp-right-{k}" for k in right)])
    head = f"<tr>{row('th', headings)}</tr>"
    if kinds:
        head += f'<tr class="bp-kinds">{row("th", kinds)}</tr>'
    body = "".join(f"<tr>{row('td', cells)}</tr>" for cells in rows)
    above = f'<div class="bp-title">{escape(title)}</div>' if title else ""
    table = f'<table class="{classes}"><thead>{head}</thead><tbody>{body}</tbody></table>'
    return f"<style>{STYLE}{RIGHT if right else ''}</style>{above}{table}"
