"""Pages of the source files that the docs link, so that a link such as code:src/lib.rs#L5 works."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from pygments.lexers.special import TextLexer
from pygments.util import ClassNotFound
from sphinx.application import Sphinx

PROJECT = Path(__file__).parents[2]
SCHEME = "code:"


def page_of(path: str) -> str:
    """Return the name of the page of a file or folder."""
    return f"code/{path.rstrip('/')}"


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Point the references of the scheme to the pages."""
    for node in doctree.findall(nodes.reference):
        uri = node.get("refuri", "")
        if uri.startswith(SCHEME):
            path, hash_, anchor = uri.removeprefix(SCHEME).partition("#")
            node["refuri"] = app.builder.get_relative_uri(docname, page_of(path)) + hash_ + anchor
            node["internal"] = True


def begin(app: Sphinx) -> None:
    app.env.linked_files = getattr(app.env, "linked_files", set())


def merge(app: Sphinx, env: Any, docnames: Any, other: Any) -> None:
    env.linked_files |= other.linked_files


def body_of(path: str) -> str:
    """Return a file as highlighted HTML with an anchor for each line, or the list of a folder."""
    file = PROJECT / path
    if file.is_dir():
        names = sorted(one.name + "/" * one.is_dir() for one in file.iterdir())
        names = [name for name in names if not name.startswith((".", "__"))]
        return "<ul>" + "".join(f"<li><code>{name}</code></li>" for name in names) + "</ul>"
    try:
        lexer = get_lexer_for_filename(file.name)
    except ClassNotFound:
        lexer = TextLexer()
    formatter = HtmlFormatter(linenos="inline", lineanchors="L", anchorlinenos=True, wrapcode=True)
    text = highlight(file.read_text("utf-8"), lexer, formatter)
    return text.replace('name="L-', 'id="L').replace('href="#L-', 'href="#L')


def pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    for path in sorted(app.env.linked_files):
        body = f"<h1><code>{path}</code></h1>\n{body_of(path)}"
        yield page_of(path), {"title": path, "body": body}, "page.html"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", begin)
    app.connect("env-merge-info", merge)
    app.connect("doctree-resolved", resolve)
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
