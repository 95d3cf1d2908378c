"""Adapt docstrings to reStructuredText: in them |z| is an absolute value, not a substitution."""

import re
from typing import Any

from sphinx.application import Sphinx

CODE = re.compile(r"(`[^`]*`)")


def escaped(line: str) -> str:
    """Return a line with escaped bars, except in code."""
    parts = CODE.split(line)
    parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
    return "".join(parts)


def adapt(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    example = False
    for number, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if not example:
            lines[number] = escaped(line)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", adapt, priority=400)  # before numpydoc
    return {"parallel_read_safe": True, "parallel_write_safe": True}
