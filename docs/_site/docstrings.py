"""Adapt docstrings to reStructuredText, in which |z| is a substitution and `name_` a link.

Text in single backquotes is code, and a link if it is a public name.
"""

import re
from typing import Any

import backprop_rs as bp
from docutils import nodes, utils
from sphinx import addnodes
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


def name_role(
    name: str, rawtext: str, text: str, lineno: int, inliner: Any, *rest: Any
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Return a link to a public name such as `Network.fit` or `bp.data.source`, or code."""
    text = utils.unescape(text)
    code = nodes.literal(text, text, classes=["xref", "py"])
    target = text.removeprefix("bp.").removeprefix("backprop_rs.")
    if target.partition(".")[0] not in bp.__all__:
        return [code], []
    options = {"refdomain": "py", "reftype": "obj", "refexplicit": True, "refwarn": False}
    link = addnodes.pending_xref("", code, reftarget=f"backprop_rs.{target}", **options)
    link["refdoc"] = inliner.document.settings.env.current_document.docname
    return [link], []


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_role("name", name_role)
    app.connect("autodoc-process-docstring", adapt, priority=400)  # before numpydoc
    return {"parallel_read_safe": True, "parallel_write_safe": True}
