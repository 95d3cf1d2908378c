"""The playground, live in its page, if the core for web pages has been built."""

from pathlib import Path

import backprop_rs as bp
from sphinx.application import Sphinx

PAGE = "playground"
FILE = "_static/playground.html"
FRAME = f"""
```{{raw}} html
<p><a href="{FILE}">The playground alone, in the whole window</a></p>
<iframe class="playground" src="{FILE}" title="Playground" loading="lazy"></iframe>
```
"""


def begin(app: Sphinx) -> None:
    """Make the page; without the core of the page, remember the sentence that says so."""
    try:
        app.playground = bp.playground()
        app.playground_text = FRAME
    except RuntimeError as error:
        app.playground = None
        app.playground_text = (
            f"\n:::{{note}}\nThis copy of the site has no playground: {error}\n:::\n"
        )


def show(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == PAGE:
        source[0] += app.playground_text


def write(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.playground is not None:
        app.playground.save(Path(app.outdir) / FILE)


def outdated(app: Sphinx, *_: object) -> list[str]:
    """Return the page, because the core may have been built since the last run."""
    return [PAGE]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", begin)
    app.connect("env-get-outdated", outdated)
    app.connect("source-read", show)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
