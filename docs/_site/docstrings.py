"""Adapt docstrings to reStructuredText, in which |z| is a substitution and `name_` a link."""

import re
from typing import Any

from sphinx.application import Sphinx

CODE = re.compile(r"(`[^`]*`)")
ITEM = re.compile(r"^[\w*, .]+(?= : |$)")  # the names of parameters and attributes, for numpydoc
LINK = re.compile(r"(?<=\w)_(?!\w)")


def escaped(line: str) -> str:
    """Return a line with escaped bars and underscores, except in names of items and in code."""
    item = ITEM.match(line)
    start = item.end() if item else 0
    parts = CODE.split(line[start:])
    parts[::2] = [LINK.sub(r"\_", part.replace("|", r"\|")) for part in parts[::2]]
    return line[:start] + "".join(parts)


def adapt(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    example = False
    for number, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if not example:
            lines[number] = escaped(line)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", adapt, priority=400)  # before numpydoc
    return {"parallel_read_safe": True, "parallel_write_safe": True}
