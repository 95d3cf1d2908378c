"""Adapt the pages, which are also read on their own, to the site.

Pairs of pictures for light and dark pages follow the theme, links to files outside the docs lead to
the pages of those files, and lists of the headings go, because the theme shows one.
"""

import re
from collections.abc import Callable
from pathlib import Path
from posixpath import normpath

from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
PICTURE = re.compile(r"<picture>.*?</picture>", re.S)
LINK = re.compile(r"\]\((?!https?:|mailto:|code:|#)([^)#\s]+)(#[^)\s]*)?\)")
CONTENTS = re.compile(r"(?<=\n\n)(?:- \[[^\]]+\]\(#[^)]+\)\n)+\n")
BELOW = {"benchmarks": ["records"]}  # the pages below a page that has no list of them
PAGES = {".md", ".ipynb", ".svg", ".png", ".gif"}  # what the site has itself
FENCE = re.compile(r"^(```.*?^```)", re.M | re.S)


def picture(match: re.Match[str]) -> str:
    """Return two images, of which the theme shows one."""
    dark = re.search(r'srcset="([^"]+)"', match[0])
    light = re.search(r'<img alt="([^"]*)" src="([^"]+)"(?: width="(\d+)")?', match[0])
    assert dark and light, match[0]
    width = f":width: {light[3]}px\n" if light[3] else ""
    pairs = ((light[2], "only-light"), (dark[1], "only-dark"))
    return "\n".join(
        f"```{{image}} {file}\n:alt: {light[1]}\n:class: {kind}\n{width}```\n"
        for file, kind in pairs
    )


def link(app: Sphinx, docname: str) -> Callable[[re.Match[str]], str]:
    folder = Path(docname).parent

    def replaced(match: re.Match[str]) -> str:
        target, anchor = match[1], match[2] or ""
        path = normpath((Path("docs") / folder / target).as_posix())
        if path == "docs/README.md":
            return f"](/index.md{anchor})"
        known = path.startswith("docs/") and Path(path).suffix in PAGES
        if not known:
            app.env.linked_files.add(path)
        return match[0] if known else f"](code:{path}{anchor})"

    return replaced


def adapt(app: Sphinx, docname: str, source: list[str]) -> None:
    if Path(app.env.doc2path(docname)).suffix != ".md":
        return
    text = PICTURE.sub(picture, source[0])
    text = CONTENTS.sub("", text)
    parts = FENCE.split(text)  # code at the odd places
    parts[::2] = [LINK.sub(link(app, docname), part) for part in parts[::2]]
    if docname in BELOW:
        parts.append("\n".join(["", "```{toctree}", ":hidden:", "", *BELOW[docname], "```", ""]))
    source[0] = "".join(parts)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", adapt)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
