"""The pages of the site: all public names, the records, and the examples for users of others.

`make docs` builds the site and checks its links.
"""

import doctest
import importlib.util
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import backprop_rs as bp
import pytest

PROJECT = Path(__file__).parent.parent
DOCS = PROJECT / "docs"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
OTHERS = ("reference", "sklearn", "health", "typing")  # public, but not names of the package
MODULES = [name for name in bp.__all__ if hasattr(getattr(bp, name), "__loader__")]


def listed():
    """Return the names of the reference, with their modules."""
    names = set()
    for page in {*(DOCS / "reference").glob("*.rst")} - {DOCS / "reference" / "index.rst"}:
        module = "backprop_rs"
        for line in page.read_text("utf-8").splitlines():
            if line.startswith(".. currentmodule::"):
                module = line.split()[-1]
            elif re.fullmatch(r"   [\w.]+", line):
                names.add(f"{module}.{line.strip()}")
    return names


def found(name):
    """Return the object of a name with its module."""
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            module = import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            module = getattr(module, part)
        return module
    raise AssertionError(name)


@pytest.mark.parametrize("module", ["", *sorted({*MODULES, *OTHERS})])
def test_the_reference_has_every_public_name(module):
    if module == "sklearn":
        pytest.importorskip("sklearn")
    whole = import_module(f"backprop_rs.{module}".rstrip("."))
    names = listed()
    objects = [found(name) for name in names]
    for name in dir(whole):
        if (module or name not in MODULES) and f"{whole.__name__}.{name}" not in names:
            assert any(getattr(whole, name) is one for one in objects), f"{module}.{name}"
    if module:
        page = (DOCS / "reference" / "index.rst").read_text("utf-8")
        assert re.search(rf"^   {module}$", page, re.M)


def test_the_reference_lists_nothing_else():
    pytest.importorskip("sklearn")
    for name in listed():
        assert found(name) is not None


@pytest.mark.parametrize("name", ["sklearn", "keras", "pytorch"])
def test_examples_for_users_of_others(name):
    pytest.importorskip("sklearn")
    page = str(DOCS / "coming_from" / f"{name}.md")
    result = doctest.testfile(page, module_relative=False, optionflags=FLAGS)
    assert result.failed == 0 and result.attempted >= 5


@pytest.mark.parametrize("name", ["sklearn", "keras", "pytorch"])
def test_names_for_users_of_others_exist(name):
    """Whole texts in the last column that are names or entries of tables are accepted."""
    page = (DOCS / "coming_from" / f"{name}.md").read_text("utf-8")
    kinds = ("activation", "cost", "init", "optimizer", "schedule")
    known = {row[0] for kind in kinds for row in bp.reference.table(kind)} | {"lbfgs"}
    cells = re.findall(r"^\|.*\|(.*)\|$", page, re.M)
    texts = [text for cell in cells for text in re.findall(r'"(\w+)(?:\([^"]*\))?"', cell)]
    assert len(texts) >= 5
    for text in texts:
        assert text in known or text in ("accuracy", "r2", "then"), text


def test_records_are_those_of_the_measurements():
    """`python benches/records.py` writes the page again."""
    path = PROJECT / "benches" / "records.py"
    spec = importlib.util.spec_from_file_location("records", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text("utf-8") == module.page()
    files = {path.stem for path in module.RESULTS.glob("*.json")}
    assert files <= set(module.RECORDS)


@pytest.mark.parametrize("folder", ["guide", "internals", "start", "coming_from", "notebooks"])
def test_each_page_is_named_on_the_page_of_its_part(folder):
    index = (DOCS / folder / "index.md").read_text("utf-8")
    pages = {path.name for path in (DOCS / folder).iterdir() if path.suffix in (".md", ".ipynb")}
    assert {*re.findall(r"\]\((\w+\.\w+)\)", index)} == pages - {"index.md"}
    tree = re.search(r"^```\{toctree\}\n:hidden:\n\n(.*?)^```", index, re.M | re.S)[1].split()
    assert sorted(tree) == sorted({page.partition(".")[0] for page in pages} - {"index"})


def test_faults_of_a_site_are_found(tmp_path):
    path = DOCS / "_site" / "check.py"
    spec = importlib.util.spec_from_file_location("check_site", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    good = '<h1 id="top">A</h1><a href="b.html#there">b</a><a href="https://example.org">c</a>'
    (tmp_path / "b.html").write_text('<h2 id="there">B</h2><a href="a.html">a</a>')
    (tmp_path / "a.html").write_text(good)
    assert module.broken(tmp_path) == []
    module.page.cache_clear()
    faults = '<a href="b.html#gone">1</a><a href="c.html">2</a><script src="https://x.org/y.js">'
    (tmp_path / "a.html").write_text(good + faults)
    assert module.broken(tmp_path) == [
        "a.html links b.html#gone, which has no such heading",
        "a.html links c.html, which does not exist",
        "a.html loads https://x.org/y.js",
    ]


PROGRAMS = sorted((PROJECT / "examples" / "pictures").glob("*.py"))


def test_programs_of_the_gallery_have_titles():
    for program in PROGRAMS:
        text = program.read_text("utf-8")
        assert program.name.startswith("plot_")
        assert re.match(r'"""\n(.+)\n(=+)\n\n', text), program
    assert {f"plot_{name}" for name in bp.plot.__all__ if name != "learning_rates"} - {
        path.stem for path in PROGRAMS
    } == set()


@pytest.mark.full
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_programs_of_the_gallery_run(program, tmp_path):
    """`make docs` runs them too."""
    pytest.importorskip("matplotlib")
    environment = os.environ | {"MPLBACKEND": "Agg"}
    subprocess.run([sys.executable, str(program)], check=True, cwd=tmp_path, env=environment)
