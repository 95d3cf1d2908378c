"""What the README says holds: its Python runs, and its map points at the right lines."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
README = (PROJECT / "README.md").read_text("utf-8")
LINES = re.findall(r"\[`([^`]+)`\]\(([\w/.]+)#L(\d+)\)", README)
LINKS = re.findall(r"\]\(([\w/.-]+)(?:#L\d+)?\)", README)


def test_code_blocks_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
    assert blocks
    names = {}
    for block in blocks:  # in one sitting, from top to bottom
        exec(compile(block, "README.md", "exec"), names)


@pytest.mark.parametrize(("code", "file", "number"), LINES)
def test_equation_is_on_its_line(code, file, number):
    lines = (PROJECT / file).read_text("utf-8").splitlines()
    assert code in lines[int(number) - 1]


@pytest.mark.parametrize("file", sorted(set(LINKS)))
def test_linked_file_exists(file):
    assert (PROJECT / file).exists()
