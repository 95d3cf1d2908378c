"""The tutorial runs from its first cell to its last, and its page belongs to this notebook."""

import html
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

DOCS = Path(__file__).parents[1] / "docs"
NOTEBOOK = DOCS / "tutorial.ipynb"
SECONDS = 300  # for one cell, on a busy machine


@pytest.fixture(scope="module", autouse=True)
def inline():
    """Draw pictures in the cells, as a reader gets them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        yield


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Return the notebook after all of its cells; an error in a cell is raised here."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(tmp_path_factory.mktemp("tutorial"))}}
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=resources).execute()
    return notebook


def outputs(cell, kind):
    """Return the output of a cell as text/html, text/plain or image/png."""
    return [one["data"][kind] for one in cell.outputs if kind in one.get("data", {})]


def shown(notebook, source, kind="text/plain"):
    (cell,) = [one for one in notebook.cells if one.source.endswith(source)]
    return outputs(cell, kind)[-1]


def test_every_cell_runs(executed):
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    explained = [
        page for cell in code for page in outputs(cell, "text/html") if "bp-explain" in page
    ]
    pictures = [picture for cell in code for picture in outputs(cell, "image/png")]
    assert len(explained) > 20 and len(pictures) >= 8


def test_its_statements_are_true(executed):
    by_differences, exact = eval(
        re.sub(r"np\.float64", "", shown(executed, "by_differences, by_back_propagation"))
    )
    assert by_differences == pytest.approx(exact, rel=1e-6)
    assert shown(executed, "net.n_parameters") == "17"
    assert "differs" not in shown(executed, "net.check_gradients(x, y)")
    assert eval(shown(executed, "net.evaluate(test.X, test.y)"))["accuracy"] > 0.93


def test_the_page_belongs_to_this_notebook():
    """`make tutorial` renders it again."""
    page = (DOCS / "tutorial.html").read_text("utf-8")
    text = html.unescape(re.sub(r"<[^>]*>", "", page))
    words = "".join(text.split())
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code":
            assert "".join(cell.source.split()) in words, cell.source
        for heading in re.findall(r"^#+ (.*)$", cell.source, re.MULTILINE):
            assert "".join(heading.split()) in words
    assert not re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="http', page)


def test_the_notebook_is_kept_without_outputs():
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
