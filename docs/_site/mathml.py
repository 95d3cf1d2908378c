"""Formulas as MathML, which browsers draw without any script or font from elsewhere."""

import html
import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

TAG = re.compile(r"\\tag\{(\w+)\}")
BOXED = re.compile(r"\\boxed\{(.*)\}\s*$", re.S)


def mathml(latex: str, display: str) -> str:
    """Return the formula; := is one operator."""
    written = convert(" ".join(latex.split()), display=display)
    return written.replace("<mi>:</mi><mo>&#x0003D;</mo>", "<mo>:=</mo>")


def visit_inline(self, node: nodes.math) -> None:
    self.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def visit_block(self, node: nodes.math_block) -> None:
    latex = node.astext().strip()
    tag = TAG.search(latex)
    latex = TAG.sub("", latex).strip()
    boxed = BOXED.match(latex)
    kind = "formula boxed" if boxed else "formula"
    anchor = f' id="equation-{tag[1]}"' if tag else ""
    number = f'<span class="number">({html.escape(tag[1])})</span>' if tag else ""
    formula = mathml(boxed[1] if boxed else latex, "block")
    self.body.append(f'<div class="{kind}"{anchor} tabindex="0">{formula}{number}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
