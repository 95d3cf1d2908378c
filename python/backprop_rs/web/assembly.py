"""Assemble the page: one HTML file from its modules, the core and the data.

The modules import each other by name, and all of their names differ, so that in the order of their
imports they are one script. Nothing else is changed.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from .formulas import formulas

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; worker-src blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:; connect-src 'none'; form-action 'none'; "
    "base-uri 'none'"
)
"""No request at all: the page is whole."""

IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+\.js)";\n', re.MULTILINE)
MISSING = (
    "the playground needs the core for web pages, which this installation lacks: run `rustup "
    "target add wasm32-unknown-unknown` and build backprop-rs from its sources again"
)


def page(data: Mapping[str, Any]) -> str:
    """Return the page; `data` holds what it carries besides itself.

    Raises
    ------
    ImportError
        If the installation lacks the core for web pages.
    """
    parts = {
        "POLICY": POLICY,
        "STYLE": source("style.css"),
        "CORE": core(),
        "FORMULAS": script_safe(json.dumps(formulas(), ensure_ascii=False)),
        "DATA": script_safe(json.dumps(dict(data))),
        "WORKER": script_safe(bundle("worker.js")),
        "MAIN": script_safe(bundle("main.js")),
    }
    # In one pass, so that no part is searched for the next one.
    return re.sub(r"%([A-Z]+)%", lambda found: parts[found[1]], source("index.html"))


def source(name: str) -> str:
    """Return a file of the page."""
    return (files(__package__) / "page" / name).read_text("utf-8")


@lru_cache(maxsize=1)
def core() -> str:
    """Return the core for web pages, compressed, in base64."""
    try:
        compiled = (files(__package__) / "core.wasm").read_bytes()
    except FileNotFoundError:
        raise ImportError(MISSING) from None
    return packed(compiled)


def packed(content: bytes) -> str:
    """Return bytes, compressed, in base64; the same bytes give the same text."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()


def bundle(name: str) -> str:
    """Return a module and all that it imports as one script."""
    order: list[str] = []
    add(name, order)
    return "\n".join(body(module) for module in order)


def add(name: str, order: list[str]) -> None:
    """Add a module to the list after those that it imports."""
    if name in order:
        return
    for imported in IMPORT.findall(source(name)):
        add(imported, order)
    order.append(name)


def body(name: str) -> str:
    """Return a module without its imports and the word export."""
    text = IMPORT.sub("", source(name))
    return re.sub(r"^export (?=async |function |class |const )", "", text, flags=re.MULTILINE)


def script_safe(text: str) -> str:
    """Return a text that does not end the element <script> around it."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")
