"""Run docs/tutorial.ipynb and write docs/tutorial.html: python docs/tutorial.py (make tutorial).

Needs pip install '.[plot,docs]'. The page needs no network: its formulas become MathML.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from latex2mathml.converter import convert
from nbclient import NotebookClient
from nbconvert import HTMLExporter

NOTEBOOK = Path(__file__).with_name("tutorial.ipynb")
PAGE = NOTEBOOK.with_suffix(".html")
FORMULA = re.compile(r"\$\$(?P<display>.+?)\$\$|\$(?P<inline>[^$\n]+?)\$", re.DOTALL)
SECONDS = 300
STYLE = """
main { max-width: 76em; margin: auto; }
.jp-MarkdownOutput math { font-size: 1.15em; }
.boxed { width: fit-content; margin: 1em auto; padding: .3em 1em; border: 2px solid #3b82f6;
  border-radius: .4em; }
"""


def run() -> nbformat.NotebookNode:
    """Return the notebook with its outputs; stop at the first error."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=resources).execute()
    return notebook


def mathml(match: re.Match[str]) -> str:
    """Return a LaTeX formula as MathML on one line, so that Markdown makes no paragraph of it."""
    if match["display"] is None:
        return convert(match["inline"])
    whole = " ".join(match["display"].split())
    body = (
        whole.removeprefix(r"\boxed{").removesuffix("}") if whole.startswith(r"\boxed") else whole
    )
    written = " ".join(convert(body, display="block").split("\n"))
    written = written.replace("<mi>:</mi><mo>&#x0003D;</mo>", "<mo>:=</mo>")
    return f'<div class="boxed">{written}</div>' if body != whole else written


def page(notebook: nbformat.NotebookNode) -> str:
    """Return the executed notebook as HTML."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = FORMULA.sub(mathml, cell.source)
    exporter = HTMLExporter(mathjax_url="", require_js_url="", jquery_url="")
    written: str = exporter.from_notebook_node(notebook)[0]
    return written.replace("</head>", f"<style>{STYLE}</style></head>", 1)


if __name__ == "__main__":
    PAGE.write_text(page(run()), encoding="utf-8")
    print(f"{PAGE} written")
