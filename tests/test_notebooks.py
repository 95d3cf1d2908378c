"""What notebooks and terminals show: tables in HTML, summaries, and one line of progress."""

import copy
import fcntl
import os
import pickle
import struct
import subprocess
import sys
import termios

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs import progress
from backprop_rs._internal.html_table import html_table
from backprop_rs.data import Column, Table, as_table
from tables import customers
from test_export_members import members_of

QUICK = {"epochs": 3, "progress": False}


def body(html):
    """Return a page without its style sheets."""
    parts = html.split("<style>")
    return parts[0] + "".join(part.partition("</style>")[2] for part in parts[1:])


# Tables.


def test_columns_of_numbers_are_at_the_right():
    rows = [["age", "1,234", "", "0.5 -> 0.25", "1e-05"], ["x", "-5.5", "3", "2", "nan"]]
    html = html_table(["", "n", "missing", "change", "cost"], rows)
    assert '<table class="bp-table bp-right-2 bp-right-3 bp-right-5">' in html
    for k in (2, 3, 5):
        assert f".bp-right-{k} :is(td, th):nth-child({k})" in html


def test_an_empty_table():
    assert "<tbody></tbody>" in html_table(["a"], [])


def test_a_table_shows_its_first_rows_and_the_kinds_of_its_columns():
    table = as_table(customers(300))
    html = body(table._repr_html_())
    assert "300 rows, 6 columns; the first 8 rows" in html
    assert html.count("<tr>") == 1 + 8 and html.count("<tr") == 2 + 8
    assert '<tr class="bp-kinds"><th>number</th><th>category</th><th>number</th>' in html
    date = np.datetime64(customers(300)["joined"][0], "m")
    assert f"<td>{str(date).replace('T', ' ')}</td>" in html


def test_a_table_is_escaped_and_cut():
    columns = [Column(f"<{k}>", "category", [0, -1], ["\x1b&" + "x" * 99]) for k in range(40)]
    html = body(Table(columns, "<name>")._repr_html_())
    assert "<0>" not in html and "\x1b" not in html and "&lt;name&gt;: 2 rows, 40 columns" in html
    assert "... 24 more" in html and "x" * 70 not in html


# Summaries.


def test_the_summary_of_a_network_is_a_text_and_a_page():
    net = bp.Network([2, 3, 2], seed=0)
    summary = net.summary()
    assert isinstance(summary, str) and repr(summary) == str(summary) == "".join(summary)
    assert summary._repr_html_() == net._repr_html_()
    for again in (copy.deepcopy(summary), pickle.loads(pickle.dumps(summary))):
        assert again == summary and again._repr_html_() == summary._repr_html_()


def test_the_summary_of_a_model():
    model = bp.Model((4,), seed=0).fit(customers(), "left", validation_fraction=0.2, **QUICK)
    text, html = model.summary(), body(model._repr_html_())
    assert text._repr_html_() == model._repr_html_()
    accuracy = model.info["held_out_metrics"]["accuracy"]
    for line in (
        repr(model),
        "city    category",
        f"held-out accuracy  {accuracy:.6g}",
        "rows               160",
        "held-out rows      40",
        "    2  (2, 4)",
    ):
        assert line in text
    for cell in ("held-out accuracy", f"{accuracy:.6g}", "city", "(2, 4)", "softmax"):
        assert f"<td>{cell}</td>" in html
    assert bp.Model().summary() == repr(bp.Model())


def test_the_summary_of_members():
    model = members_of(customers(300), "left", temperature=1.5)
    text, html = model.summary(), body(model._repr_html_())
    for k, (network, weight) in enumerate(zip(model.networks, (0.5, 0.3, 0.2), strict=True), 1):
        assert f"<td>{k}</td><td>{repr(network).replace('>', '&gt;')}</td>" in html
        assert any(
            repr(network) in line and line.endswith(f"{weight}") for line in text.splitlines()
        )
    assert "temperature  1.5" in text and "<td>temperature</td><td>1.5</td>" in html


@pytest.mark.parametrize(
    "make",
    [
        lambda: bp.load_iris(),
        lambda: as_table(customers()),
        lambda: bp.Model((4,), seed=0).fit(customers(), "left", **QUICK),
        lambda: bp.Model((4,), seed=0).fit(customers(), "left", **QUICK).report(),
        lambda: bp.Model((4,), seed=0).fit(customers(), "left", **QUICK).histories[0],
        lambda: bp.Network([2, 3, 2], seed=0),
    ],
)
def test_pages_are_well_formed(make):
    from xml.etree import ElementTree

    html = body(make()._repr_html_())
    ElementTree.fromstring(f"<div>{html}</div>")


# Progress.

PROGRAM = """
import sys
{before}
sys.path.insert(0, {folder!r})
import backprop_rs as bp
from tables import customers
bp.Model((4,), members={members}, seed=0).fit(
    customers(), "left", epochs=400, validation_fraction=0.2)
print("end")
"""
WITHOUT_TQDM = "sys.modules['tqdm'] = None"


def screen(program, columns):
    """Return the lines of a terminal after a program, and the longest text that it has shown."""
    reader, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=terminal, stderr=terminal, env=environment
    )
    os.close(terminal)
    parts = []
    while True:
        try:
            part = os.read(reader, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(reader)
    assert process.wait(timeout=60) == 0
    text = b"".join(parts).decode().replace("\r\n", "\n")
    lines = [line.split("\r")[-1].rstrip() for line in text.split("\n")]
    return [line for line in lines if line], max(map(len, text.replace("\n", "\r").split("\r")))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("before", ["", WITHOUT_TQDM], ids=["tqdm", "plain"])
def test_a_terminal_keeps_one_line(before, columns):
    folder = os.path.dirname(__file__)
    lines, longest = screen(PROGRAM.format(before=before, folder=folder, members=2), columns)
    assert len(lines) == 2 and lines[1] == "end"
    assert "network 2/2, epoch 400/400, cost" in lines[0]
    assert longest <= columns


def test_several_networks_share_one_bar(monkeypatch):
    shown, closed = [], []

    class Recording(progress.Silent):
        def wants(self):
            return True

        def show(self, fraction, text):
            shown.append((fraction, text.split(",")[0]))

        def close(self):
            closed.append(True)

    monkeypatch.setattr(progress, "Plain", Recording)
    monkeypatch.setattr(progress, "Tqdm", Recording)
    bp.Model((4,), members=3, seed=0).fit(customers(), "left", epochs=5, progress=True)
    fractions = [fraction for fraction, _ in shown]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert {text for _, text in shown} == {f"network {k}/3" for k in (1, 2, 3)}
    assert closed == [True]
    shown.clear()
    bp.Model((4,), seed=0).fit(customers(), "left", epochs=5, progress=True)
    assert shown[-1] == (1, "epoch 5/5")
    bp.Network([1, 2, 1], seed=0).fit([[1.0]], [[1.0]], epochs=1, progress=True)
    assert closed == [True] * 3


def test_the_plain_bar_overwrites_itself(capsys, monkeypatch):
    monkeypatch.setattr(progress, "PAUSE", 0)
    bar = progress.Plain()
    bar.show(0.5, "a long text")
    bar.show(1.0, "short")
    bar.close()
    first, second = capsys.readouterr().err.split("\r")[1:]
    half = progress.WIDTH // 2
    assert first == f"[{'#' * half}{'.' * half}] a long text"
    assert second.rstrip("\n").ljust(len(first)) == f"[{'#' * 2 * half}] short".ljust(len(first))
    assert len(second) == len(first) + 1


@pytest.mark.parametrize("widgets", [False, True])
def test_a_notebook_keeps_one_line(widgets):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    before = "" if widgets else "sys.modules['ipywidgets'] = None"
    if widgets:
        pytest.importorskip("ipywidgets")
        pytest.importorskip("tqdm")
    folder = os.path.dirname(__file__)
    program = PROGRAM.format(before=before, folder=folder, members=2)
    notebook = nbformat.v4.new_notebook()
    summary = "bp.Network([2, 3, 2]).summary()"
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in (program, summary)]
    nbclient.NotebookClient(notebook, timeout=60).execute()
    outputs = notebook.cells[0].outputs
    (shown,) = notebook.cells[1].outputs
    assert "<table" in shown.data["text/html"] and "\nlayer  shape" in shown.data["text/plain"]
    if widgets:
        (bar, end) = outputs
        assert "application/vnd.jupyter.widget-view+json" in bar.data and end.text == "end\n"
        return
    text = "".join(output.text for output in outputs if output.get("name") == "stderr")
    lines = [line.split("\r")[-1].rstrip() for line in text.split("\n")]
    (line,) = [line for line in lines if line]
    assert "network 2/2, epoch 400/400, cost" in line
