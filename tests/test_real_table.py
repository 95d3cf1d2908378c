"""docs/guide/real_table.md: its programs are those that are measured, its figures the record's."""

import ast
import json
import re
import runpy
import textwrap
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).parent.parent
SCRIPT = PROJECT / "benches" / "real_table.py"
PAGE = PROJECT / "docs" / "guide" / "real_table.md"


def blocks():
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)


def body(name):
    """Return the program of a method, as a page shows it."""
    text = SCRIPT.read_text("utf-8")
    lines = text.splitlines()
    (function,) = (
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef) and node.name == name
    )
    program = textwrap.dedent("\n".join(lines[function.body[0].lineno - 1 : function.end_lineno]))
    return re.sub(r"^return ", "", program, flags=re.M) + "\n"


def test_the_page_shows_what_is_measured():
    script = runpy.run_path(str(SCRIPT))
    shown = [re.sub(r"\n{3,}", "\n\n", block) for block in blocks()[-3:]]
    assert shown == [body(method.__name__) for method in script["METHODS"].values()]
    record = json.loads(script["RESULTS"].read_text())
    assert script["markdown"](record) in PAGE.read_text("utf-8")
    lines = [len([line for line in block.splitlines() if line.strip()]) for block in shown]
    assert [row["lines"] for row in record["methods"].values()] == lines


def flights(n, seed):
    """Return a table with the columns of the page."""
    rng = np.random.default_rng(seed)
    header = re.search(r"^carrier,.*,late$", PAGE.read_text("utf-8"), re.M)[0]
    lines = [header]
    for _ in range(n):
        day, hour = rng.integers(1, 29), rng.integers(5, 24)
        known = rng.random() > 0.2
        plane = ["2004", "Turbo-fan", "149"] if known else ["", "", ""]
        gust = f"{rng.uniform(10, 40):.1f}" if rng.random() < 0.3 else ""
        late = "yes" if hour + 6 * rng.random() > 20 else "no"
        cells = [rng.choice(["UA", "B6", "DL"]), rng.choice(["JFK", "EWR", "LGA"]),
                 rng.choice(["SFO", "IAH", "MCO"]), f"2013-{rng.integers(1, 13):02}-{day:02} "
                 f"{hour:02}:15:00", rng.integers(200, 2600), *plane, f"{rng.normal(60, 10):.2f}",
                 f"{rng.uniform(30, 90):.2f}", f"{rng.uniform(0, 20):.3f}", gust, "0.0",
                 f"{rng.normal(1012, 5):.1f}", "10.0", late]  # fmt: skip
        lines.append(",".join(map(str, cells)))
    return "\n".join(lines)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_programs_of_the_page_run(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    Path("train.csv").write_text(flights(400, 0))
    Path("test.csv").write_text(flights(100, 1))
    names = {}
    for block in blocks()[:-3]:
        exec(compile(block, str(PAGE), "exec"), names)
    assert {path.name for path in tmp_path.iterdir()} >= {"flights.onnx", "flight.html"}
    np.testing.assert_allclose(
        names["probabilities"], names["model"].predict_proba(names["flight"]), rtol=1e-4
    )
