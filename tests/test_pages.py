"""Check the pages: their Python runs, their links work, and their figures match the records."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
PAGES = [PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")]
PAGES += sorted((PROJECT / "docs").rglob("*.md"))
RUN = ["README.md", "docs/derivation.md", "docs/guide/tables.md", "docs/guide/tabular.md"]
RUN += [f"docs/start/{name}.md" for name in ("learn", "predict", "serve")]
# `python tools/link_lines.py` renews the numbers.
LINE_LINK = re.compile(r"\[`([^`]+)`\]\(([\w./]+)#L(\d+)\)")


def name_of(page):
    return str(page.relative_to(PROJECT))


@pytest.mark.parametrize("name", RUN)
def test_code_blocks_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", (PROJECT / name).read_text("utf-8"), re.M | re.S)
    assert blocks
    names = {}
    for block in blocks:
        exec(compile(block, name, "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_code_is_on_the_line_that_is_linked(page):
    for code, file, number in LINE_LINK.findall(page.read_text("utf-8")):
        lines = (page.parent / file).read_text("utf-8").splitlines()
        assert code in lines[int(number) - 1]


def test_each_equation_of_the_derivation_is_linked_to_its_code():
    text = (PROJECT / "docs" / "derivation.md").read_text("utf-8")
    numbers = [int(number) for number in re.findall(r"\\tag\{(\d+)\}", text)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(LINE_LINK.findall(text)) >= 12


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_linked_files_exist(page):
    text = page.read_text("utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    links += re.findall(r'(?:src|srcset|href)="([^"]+)"', text)
    for link in links:
        if not re.match(r"[a-z]+:|#", link):
            assert (page.parent / link.partition("#")[0]).exists(), link


def test_no_command_installs_the_package_from_an_index():
    files = [*PAGES, *(PROJECT / "docs" / "notebooks").glob("*.ipynb")]
    files += sorted((PROJECT / "python").rglob("*.py"))
    for file in files:
        assert not re.search(r"pip install\s+'?backprop", file.read_text("utf-8")), file
        assert "backprop-rs[" not in file.read_text("utf-8"), file


def test_the_speeds_are_those_of_the_record():
    pytest.importorskip("matplotlib")
    command = [sys.executable, str(PROJECT / "benches" / "peers.py"), "--markdown"]
    run = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    rows = [line for line in run.stdout.splitlines() if line.startswith("|")]
    assert len(rows) > 10
    benchmarks = (PROJECT / "docs" / "benchmarks.md").read_text("utf-8").splitlines()
    readme = (PROJECT / "README.md").read_text("utf-8").splitlines()
    short = {line for line in readme if re.match(r"\| [\dx-]+, \d+ \|", line)}
    assert len(short) == 5
    for row in rows:
        assert row in benchmarks
        if row.startswith("| network"):
            peers = row.count("|") - 5
    times = {"|".join(row.split("|")[: peers + 2]) + "|" for row in rows}
    assert short <= times


PATH = re.compile(r"`((?:src|tests|benches|tools|docs|python/backprop_rs)/[\w./]+\.\w+)`")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_named_files_exist(page):
    for path in PATH.findall(page.read_text("utf-8")):
        assert (PROJECT / path).exists(), path


def anchors(page):
    """Return the anchors that GitHub gives to the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_linked_headings_exist(page):
    for path, anchor in re.findall(r"\]\(([^)\s:#]*)#([^)\s]+)\)", page.read_text("utf-8")):
        target = page.parent / path if path else page
        if target.suffix == ".md":
            assert anchor in anchors(target), (path, anchor)
