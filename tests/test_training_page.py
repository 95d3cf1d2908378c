"""Check docs/guide/training.md: its Python runs, and its tables are those of the package."""

import re
from pathlib import Path

import pytest
from backprop_rs.tables import TABLES
from backprop_rs.training import options
from backprop_rs.training.lbfgs import ROW

PROJECT = Path(__file__).parent.parent
PAGE = (PROJECT / "docs/guide/training.md").read_text("utf-8")
WORDS = {"init": "initializers"}


def test_code_blocks_run(tmp_path, monkeypatch):
    pytest.importorskip("scipy")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    names = {}
    for block in blocks:  # in one process, from top to bottom
        exec(compile(block, "docs/guide/training.md", "exec"), names)
    assert "most likely learning_rate is too large, which is 10" in PAGE


@pytest.mark.parametrize("kind", TABLES)
def test_the_page_lists_the_rows(kind):
    (listed,) = re.findall(rf"^\| {WORDS.get(kind, kind + 's')} \| (.*) \|$", PAGE, re.M)
    rows = [*TABLES[kind], *([ROW] if kind == "optimizer" else [])]
    assert sorted(listed.split(", ")) == sorted(row.name for row in rows)


def test_the_page_has_the_defaults():
    (rates,) = re.findall(r"^\| learning_rate \| (.*) \|$", PAGE, re.M)
    for name, rate in options.RATES.items():
        assert name == ROW.name or (name in rates and f"{rate:g}" in rates)
    few, many = options.BATCH_SIZES
    assert f"| batch_size | {few}; {many} from {options.MANY_SAMPLES:,} samples on |" in PAGE
    least, most = options.EPOCHS
    assert f"{options.UPDATES:,} updates, from {least} to {most:,} epochs" in PAGE


@pytest.mark.parametrize("file", sorted(set(re.findall(r"benches/\w+\.py", PAGE))))
def test_the_linked_script_exists(file):
    assert (PROJECT / file).exists()
