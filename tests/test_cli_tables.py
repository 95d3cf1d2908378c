"""Tables as they come on the command line: each is read, or refused in one sentence."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.cli import main
from backprop_rs.data.csv.parts import csv_parts
from backprop_rs.data.preprocessing import held_out_rows

Capture = pytest.CaptureFixture[str]


def ran(capsys: Capture, *arguments: object) -> str:
    """Return the output of a command that succeeds without a warning."""
    code = main(list(map(str, arguments)))
    printed = capsys.readouterr()
    assert (code, printed.err) == (0, ""), printed.err
    return printed.out


def refused(capsys: Capture, *arguments: object) -> str:
    """Return the sentence of a command that fails."""
    try:
        code: Any = main(list(map(str, arguments)))
    except SystemExit as end:  # of argparse
        code = end.code
    printed = capsys.readouterr()
    assert code == 2 and printed.err.count("\n") == 1, printed.err
    return printed.err.rstrip("\n")


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def lines(n: int, row: Any) -> str:
    return "".join(f"{row(k)}\n" for k in range(n))


SHORT = ("--epochs", 2, "--hidden", 4)

# Notations.


def test_decimal_commas_are_numbers(tmp_path: Path, capsys: Capture) -> None:
    """y = 2 x + 1 is learned as values, in memory and as a stream."""
    rows = lines(200, lambda k: f"{k / 10:.1f};{2 * k / 10 + 1:.1f}".replace(".", ","))
    path = written(tmp_path / "t.csv", "x;y\n" + rows)
    for stream in ([], ["--stream"]):
        facts = json.loads(ran(capsys, "train", path, "--json", "--no-progress", *stream))
        assert facts["target"] == {"names": ["y"], "kind": "values", "classes": []}
        assert facts["scores"]["test"]["r2"] > 0.99
        assert any("decimal ','" in note for note in facts["notes"])


@pytest.mark.parametrize("end", [";", ";;"])
def test_delimiters_at_the_ends_of_lines(end: str, tmp_path: Path, capsys: Capture) -> None:
    text = f"a;b;kind{end}\n" + lines(40, lambda k: f"{k};{k % 7};{'xy'[k % 2]}{end}")
    path = written(tmp_path / "t.csv", text + f";;{end}\n")
    facts = json.loads(ran(capsys, "train", path, "--json", *SHORT))
    assert [column["name"] for column in facts["columns"]] == ["a", "b", "kind"]
    assert facts["n_rows"] == {"train": 32, "test": 8}


def test_a_class_called_none_is_kept_or_missed_aloud(tmp_path: Path, capsys: Capture) -> None:
    names = ["None", "Apnea", "Insomnia"]
    path = written(
        tmp_path / "t.csv", "a,b,kind\n" + lines(60, lambda k: f"{k},{k % 5},{names[k % 3]}")
    )
    assert "20 of 60 are missing; give --missing-target drop" in refused(capsys, "train", path)
    out = ran(capsys, "train", path, "--missing-target", "drop", *SHORT)
    assert "20 rows without a target are left out" in out
    model = tmp_path / "m"
    facts = json.loads(
        ran(capsys, "train", path, "--missing-values", "", "--json", "--out", model, *SHORT)
    )
    assert facts["target"]["classes"] == ["Apnea", "Insomnia", "None"]
    # The model keeps the words of the training for later files.
    assert json.loads(ran(capsys, "evaluate", model, path, "--json"))["n_rows"] == 60


def test_columns_apart_by_any_white_space(tmp_path: Path, capsys: Capture) -> None:
    rows = lines(30, lambda k: f"{k % 5} \t{k % 4}\t\t{k % 3}")
    path = written(tmp_path / "few.txt", rows)
    facts = json.loads(ran(capsys, "train", path, "--delimiter", " ", "--json", *SHORT))
    assert [column["kind"] for column in facts["columns"]] == ["number", "number", "classes"]
    assert facts["target"]["classes"] == [0, 1, 2]


def test_time_stamps_keep_their_seconds(tmp_path: Path, capsys: Capture) -> None:
    """The fit of sin(t / 60) is as good from 1,700,000,000 as from 0, streamed or not."""
    scores = []
    for start in (0, 1_700_000_000):
        for stream in ([], ["--stream"]):
            rows = lines(400, lambda k, start=start: f"{start + k},{math.sin(k / 60)}")
            path = written(tmp_path / "t.csv", "t,y\n" + rows)
            out = ran(capsys, "train", path, "--json", "--epochs", 100, *stream)
            scores.append(json.loads(out)["scores"]["test"]["r2"])
    assert min(scores) > 0.95 and scores[0] == scores[2] and scores[1] == scores[3]


# The target.


def test_a_target_of_one_class_is_named_with_its_value(tmp_path: Path, capsys: Capture) -> None:
    path = written(tmp_path / "t.csv", "a,kind\n" + lines(40, lambda k: f"{k},no"))
    assert refused(capsys, "train", path) == (
        "backprop-rs: the target, the last column, 'kind' has one value only: 'no' in all 40 rows; "
        "give --target to name another column"
    )
    assert "the target 'kind' has one value only" in refused(
        capsys, "train", path, "--target", "kind"
    )


def test_images_as_csv_whose_last_pixel_is_constant(tmp_path: Path, capsys: Capture) -> None:
    digits = bp.load_digits()
    header = ",".join(["label", *(f"pixel{k}" for k in range(65))])
    pixels = np.column_stack([digits.y, digits.X * 16, np.zeros(len(digits))])[:200]
    np.savetxt(tmp_path / "t.csv", pixels, "%d", ",", header=header, comments="")
    sentence = refused(capsys, "train", tmp_path / "t.csv")
    assert "'pixel64' has one value only: 0 in all 200 rows" in sentence and "--target" in sentence
    assert "classes of label: 0, 1, 2" in ran(
        capsys, "train", tmp_path / "t.csv", "--target", "label", *SHORT
    )


def test_every_command_uses_the_target_of_the_training(tmp_path: Path, capsys: Capture) -> None:
    """`station` is the last column, but neither a feature nor the target."""
    y = [math.sin(k / 9) for k in range(90)]
    text = "y,a,b,station\n" + lines(90, lambda k: f"{y[k]},{k % 10},{k % 9},{1000 + k}")
    path, model = written(tmp_path / "t.csv", text), tmp_path / "m"
    ran(capsys, "train", path, "--target", "y", "--ignore", "station", "--out", model, *SHORT)
    last = ran(capsys, "explain", model, path, "--row", 60).splitlines()[-1].split()
    answer = bp.load(model).predict(bp.data.read_csv(path).take([60]))[0]
    assert last[1] == "y" and last[-2:] == [f"{answer:.6g}", f"{y[60]:.6g}"]
    table = bp.data.read_csv(path)
    expected = bp.load(model).evaluate(table)  # type: ignore[arg-type]
    scores = json.loads(ran(capsys, "evaluate", model, path, "--json"))
    assert scores == {"n_rows": 90, **expected}
    saved = bp.load(model)
    assert isinstance(saved, bp.Model)
    X, target = saved.preprocessor.transform(table), saved.preprocessor.transform_target(table)
    found = json.loads(ran(capsys, "diagnose", model, path, "--json"))
    history = bp.History(**{k: v for k, v in saved.info["history"][0].items() if k != "metrics"})
    assert found["findings"] == saved.networks[0].diagnose(X, target, history=history).to_dict()
    assert json.loads(ran(capsys, "check", model, path, "--json"))["passed"]


def test_several_targets(tmp_path: Path, capsys: Capture) -> None:
    path = written(tmp_path / "t.csv", "a,u,v\n" + lines(50, lambda k: f"{k},{2.5 * k},{k * k}"))
    model = tmp_path / "m"
    ran(capsys, "train", path, "--target", "u,v", "--out", model, *SHORT)
    rows = list(csv.reader(ran(capsys, "predict", model, path).splitlines()))
    expected = bp.load(model).predict(bp.data.read_csv(path))  # type: ignore[arg-type]
    assert rows[0] == ["u", "v"] and np.array(rows[1:], float).tolist() == expected.tolist()


def test_several_labels(tmp_path: Path, capsys: Capture) -> None:
    text = "a,old,new\n" + lines(50, lambda k: f"{k},{int(k > 20)},{k % 2}")
    path, model = written(tmp_path / "t.csv", text), tmp_path / "m"
    out = ran(capsys, "train", path, "--target", "old", "--target", "old,new", "--out", model,
              *SHORT)  # fmt: skip
    assert "labels of old, new" in out
    rows = list(csv.reader(ran(capsys, "predict", model, path).splitlines()))
    assert rows[0] == ["old", "new", "probability of old", "probability of new"]
    assert "plot confusion needs a model of classes" in refused(
        capsys, "plot", "confusion", model, path, "--out", tmp_path / "x.png"
    )


# Other files.


def test_other_files_are_read_or_named(tmp_path: Path, capsys: Capture) -> None:
    rows = [{"a": k, "kind": "xy"[k % 2]} for k in range(40)]
    path = written(tmp_path / "t.json", json.dumps(rows))
    assert "classes of kind: x, y" in ran(capsys, "train", path, *SHORT)
    arff = "% a note\n@relation t\n@attribute a numeric\n@attribute kind {x,y}\n@data\n"
    path = written(tmp_path / "t.arff", arff + lines(40, lambda k: f"{k},{'xy'[k % 2]}"))
    assert "classes of kind: x, y" in ran(capsys, "train", path, *SHORT)
    path = written(tmp_path / "t.csv", "<!doctype html>\n<html><body>no</body></html>\n")
    assert "is a page of HTML or XML, not a table" in refused(capsys, "train", path)
    path = written(
        tmp_path / "sep.csv", "sep=;\na;kind\n" + lines(40, lambda k: f"{k};{'xy'[k % 2]}")
    )
    assert "classes of kind: x, y" in ran(capsys, "train", path, *SHORT)
    model = tmp_path / "m"
    path = written(tmp_path / "p.csv", "a,kind\n" + lines(40, lambda k: f"{k},{'xy'[k % 2]}"))
    ran(capsys, "train", path, "--out", model, *SHORT)
    assert ran(capsys, "predict", model, tmp_path / "t.json") == ran(capsys, "predict", model, path)


def test_small_libsvm_files_are_not_classes(tmp_path: Path, capsys: Capture) -> None:
    pytest.importorskip("sklearn")
    text = lines(40, lambda k: f"{k % 2} 1:{k % 4} 2:{k % 3 + 1}")
    facts = json.loads(ran(capsys, "train", written(tmp_path / "t.txt", text), "--json", *SHORT))
    assert facts["target"]["classes"] == [0, 1] and len(facts["columns"]) == 3


def test_texts_without_a_header_say_so(tmp_path: Path, capsys: Capture) -> None:
    text = lines(20, lambda k: f"{'pqr'[k % 3]},{'xy'[k % 2]}")
    path = written(tmp_path / "t.csv", text)
    facts = json.loads(ran(capsys, "train", path, "--header", "no", "--json", *SHORT))
    assert sum(facts["n_rows"].values()) == 20
    assert [column["name"] for column in facts["columns"]] == ["column_1", "column_2"]


ODD = {
    "dates.csv": "d,y\n" + lines(40, lambda k: f"{1 + k % 28:02}.{1 + k % 12:02}.2023,{k % 12}.5"),
    "zones.csv": "t,a,y\n"
    + lines(40, lambda k: f"2024-03-{1 + k % 28:02}T10:00+02:00,{k},{k % 2}"),
    "euro.csv": "Preis;Ort;Art\n" + lines(40, lambda k: f"{k},5 €;Ulm {k % 3};{'xy'[k % 2]}"),
    "quotes.csv": 'a,"b ""q"", c",y\n' + lines(40, lambda k: f'{k},"{k % 3},5","line\n{k % 2}"'),
    "gaps.jsonl": lines(40, lambda k: json.dumps({"a": k if k % 4 else None, "y": "uv"[k % 2]})),
    "empty_column.csv": "a,b,c,y\n" + lines(40, lambda k: f"{k},,{k % 2},{'xy'[k % 2]}"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files_go_through_all_commands(name: str, tmp_path: Path, capsys: Capture) -> None:
    path, model = written(tmp_path / name, ODD[name]), tmp_path / "m"
    facts = json.loads(ran(capsys, "train", path, "--json", "--out", model, *SHORT))
    assert sum(facts["n_rows"].values()) == 40
    assert json.loads(ran(capsys, "evaluate", model, path, "--json"))["n_rows"] == 40
    table = bp.data.read_table(path)
    rows = list(csv.reader(io.StringIO(ran(capsys, "predict", model, path), newline="")))
    answers = bp.load(model).predict(table)  # type: ignore[arg-type]
    if facts["target"]["kind"] == "classes":
        assert [row[0] for row in rows[1:]] == [str(answer) for answer in answers]
    else:
        assert [float(row[0]) for row in rows[1:]] == pytest.approx(answers.tolist())
    assert ran(capsys, "explain", model, path, "--row", 3).startswith("row 3\n")
    assert json.loads(ran(capsys, "check", model, path, "--json"))["passed"]
    ran(capsys, "diagnose", model, path)
    ran(capsys, "info", model)
    ran(capsys, "export", model, tmp_path / "m.py")
    ran(capsys, "export", model, tmp_path / "m.c")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,y\n1,x\n", "'y' has one value only: 'x' in 1 row; give --target to name another"),
        ("a,y\n1,x\n2,z\n", "got 0.2 of 2 rows (0 holds out none)"),
        ("a,a,y\n1,2,x\n3,4,z\n", "column name 'a' occurs more than once"),
        ("red,s\nblue,m\nred,m\n", "the first row may be data, because 'red' occurs again"),
        ("a,b,y\n" + lines(9, lambda k: f"7,7,{'xy'[k % 2]}"), "none holds two different values"),
        ("i,y\n" + lines(90, lambda k: f"n{k},{'uv'[k % 2]}"), "give --ignore 'i' to leave it out"),
        ("%PDF-1.4\n%abc\n", "is a PDF document, not a table"),
        ("\n\n\n", "must have at least one row; it is empty"),
    ],
)
def test_files_that_cannot_be_learned_are_refused(
    text: str, sentence: str, tmp_path: Path, capsys: Capture
) -> None:
    path = written(tmp_path / "t.csv", text)
    assert sentence in refused(capsys, "train", path, *SHORT)


# Terminals without Unicode.


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_predictions_in_a_pipe_are_utf_8(encoding: str, tmp_path: Path) -> None:
    text = "a,kind\n" + lines(40, lambda k: f"{k % 2},{['süß', '苦い'][k % 2]}")
    path, model = written(tmp_path / "t.csv", text), tmp_path / "m"
    assert main(["train", str(path), "--epochs", "60", "--out", str(model)]) == 0
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "backprop_rs"]
    for more in ([], ["--json"]):
        done = subprocess.run(
            [*command, "predict", str(model), str(path), *more],
            capture_output=True, env=environment, check=True, timeout=120,
        )  # fmt: skip
        assert done.stderr == b""
        if more:
            predicted = json.loads(done.stdout)["predictions"]
        else:
            rows = list(csv.reader(done.stdout.decode("utf-8").splitlines()))
            assert rows[0] == ["prediction", "süß", "苦い"]
            predicted = [row[0] for row in rows[1:]]
        assert predicted == ["süß", "苦い"] * 20
    for one in (["explain", str(model), str(path)], ["info", str(model)]):
        subprocess.run([*command, *one], capture_output=True, env=environment, check=True,
                       timeout=120)  # fmt: skip


# Streams.


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parent / "csv_files").iterdir()), ids=lambda path: path.name
)
@pytest.mark.filterwarnings("ignore:.*looks like the index of a data frame")
def test_parts_of_a_csv_file_have_the_columns_of_read_csv(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backprop_rs.data.csv.parts.BUFFER_BYTES", 64)  # many parts
    for how in ({}, {"encoding": "latin-1"}, {"comment": "#"}, {"index": True}):
        try:
            table = bp.data.read_csv(path, **how)  # type: ignore[arg-type]
        except ValueError as error:
            with pytest.raises(ValueError) as raised:
                csv_parts(path, **how)
            assert str(raised.value) == str(error)
            continue
        parts = list(csv_parts(path, **how))
        whole = table.to_dict()
        for name in table.names:
            column = table[name]
            assert {part[name].kind for part in parts} == {column.kind}
            assert {part[name].levels for part in parts} == {column.levels}
            cells = [cell for part in parts for cell in part[name].to_list()]
            assert repr(cells) == repr(whole[name])


def test_a_stream_holds_out_the_rows_of_a_table_in_memory(tmp_path: Path, capsys: Capture) -> None:
    text = "a,kind\n" + lines(200, lambda k: f"{k * 37 % 101},{'xyz'[k * k % 3]}")
    path = written(tmp_path / "t.csv", text)
    models = []
    for stream in ([], ["--stream"]):
        out = tmp_path / f"m{len(stream)}"
        ran(capsys, "train", path, "--validation-fraction", 0.25, "--out", out, *SHORT, *stream)
        models.append(bp.load(out))
    table = bp.data.read_csv(path)
    labels = table["kind"].values.astype(np.int64)
    test = held_out_rows(200, 0.2, 0, labels)
    rest = table.take(~test)
    kept = rest.take(~held_out_rows(len(rest), 0.25, 0, labels[~test]))
    expected = bp.data.Preprocessor("kind").fit(kept).to_dict()
    for model in models:
        assert isinstance(model, bp.Model)
        assert model.preprocessor.to_dict()["encoders"] == expected["encoders"]
        assert model.info["held_out_metrics"] == pytest.approx(model.evaluate(table.take(test)))
