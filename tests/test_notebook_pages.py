"""The notebooks run from the first cell to the last, and print what they are kept with.

`make notebooks` renews their outputs.
"""

import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("matplotlib")

DOCS = Path(__file__).parents[1] / "docs"
NEEDS = {"table": "fastapi"}
KINDS = ("text/html", "image/png")


def runner():
    path = DOCS / "notebooks" / "run.py"
    spec = importlib.util.spec_from_file_location("run_notebooks", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RUN = runner()


@pytest.fixture(scope="module")
def executed(request):
    """Return a notebook after all of its cells; an error in a cell is raised here."""
    pytest.importorskip(NEEDS.get(request.param, "nbformat"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        return request.param, RUN.executed(request.param)


def texts(cell):
    """Return what a cell prints and shows as text; numbers in texts of figures depend on fonts."""
    if "varies" in cell.metadata.get("tags", []):
        return []
    found = [one["text"] for one in cell.outputs if one.output_type == "stream"]
    found += [
        one["data"]["text/plain"] for one in cell.outputs if "text/plain" in one.get("data", {})
    ]
    return [text for text in found if not text.startswith("<Figure")]


@pytest.mark.parametrize("executed", RUN.names(), indirect=True)
def test_cells_print_what_the_notebook_is_kept_with(executed):
    name, notebook = executed
    kept = nbformat.read(DOCS / "notebooks" / f"{name}.ipynb", as_version=4)
    for fresh, cell in zip(notebook.cells, kept.cells, strict=True):
        if cell.cell_type == "code":
            assert texts(fresh) == texts(cell), cell.source
            for kind in KINDS:
                count = sum(kind in one.get("data", {}) for one in fresh.outputs)
                assert count == sum(kind in one.get("data", {}) for one in cell.outputs)


def kept_text(name, source):
    """Return the text of the last output of the cell that ends with `source`."""
    notebook = nbformat.read(DOCS / "notebooks" / f"{name}.ipynb", as_version=4)
    (cell,) = [one for one in notebook.cells if one.source.endswith(source)]
    return texts(cell)[-1]


def test_the_statements_of_the_tutorial_are_true():
    pair = eval(
        re.sub(r"np\.float64", "", kept_text("tutorial", "by_differences, by_back_propagation"))
    )
    assert pair[0] == pytest.approx(pair[1], rel=1e-9)
    assert kept_text("tutorial", "net.n_parameters") == "17"
    assert "differs" not in kept_text("tutorial", "net.check_gradients(x, y)")
    assert eval(kept_text("tutorial", "net.evaluate(test.X, test.y)"))["accuracy"] > 0.94


def test_the_statements_of_the_others_are_true():
    assert eval(kept_text("health", "bad.evaluate(test.X, test.y)"))["accuracy"] < 0.4
    assert "Nothing wrong" in kept_text("health", "net.diagnose(train.X, train.y)")
    assert "lacks" in kept_text("table", '"city": "Bonn"}]}).json()')


@pytest.mark.parametrize("name", RUN.names())
def test_notebooks_are_clean(name):
    """No warning, no error and no path of a machine is kept; solutions are folded."""
    text = (DOCS / "notebooks" / f"{name}.ipynb").read_text("utf-8")
    notebook = nbformat.reads(text, as_version=4)
    outputs = [one for cell in notebook.cells for one in cell.get("outputs", [])]
    assert not [one for one in outputs if one.get("name") == "stderr"]
    assert not re.search(r"/(?:home|root|tmp|usr/lib|work)/", text)
    assert text.count("<summary>Solution") >= 1
    assert [c.execution_count for c in notebook.cells if c.cell_type == "code"] == list(
        range(1, sum(cell.cell_type == "code" for cell in notebook.cells) + 1)
    )
