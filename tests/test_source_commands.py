"""The command line with data out of core."""

from __future__ import annotations

import csv
from pathlib import Path

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.cli import main
from backprop_rs.data.preprocessing import held_out_rows

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

N = 900
RNG = np.random.default_rng(4)
X = RNG.normal(2.0, 3.0, size=(N, 4))
KIND = np.array(["ash", "birch", "cedar"])[X[:, :3].argmax(axis=1)]
VALUE = X @ [1.0, -2.0, 0.5, 0.0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write three files, each of two row groups."""
    columns = {f"f{k}": X[:, k] for k in range(4)} | {"value": VALUE, "kind": KIND}
    table = pa.table(columns)
    for i in range(3):
        part = table.slice(i * 300, 300)
        pq.write_table(part, tmp_path / f"part-{i}.parquet", row_group_size=150)
    return tmp_path


def test_classes_are_found_scaled_trained_kept_and_predicted(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path_factory.mktemp("out") / "kind.safetensors"
    train = ["train", str(folder), "--ignore", "value", "--epochs", "30", "--out", str(model)]
    assert main(train) == 0
    printed = capsys.readouterr().out
    assert "720 rows to train, 180 to test" in printed
    assert main(["predict", str(model), str(folder)]) == 0
    header, *rows = csv.reader(capsys.readouterr().out.splitlines())
    assert header == ["prediction", "ash", "birch", "cedar"]
    right = np.mean([row[0] == kind for row, kind in zip(rows, KIND, strict=True)])
    assert right > 0.9
    saved = bp.load(model)
    assert isinstance(saved, bp.Model)
    table = bp.data.as_table({f"f{k}": X[:, k] for k in range(4)} | {"kind": KIND})
    labels = np.unique(KIND, return_inverse=True)[1].astype(np.int64)
    trained_on = table.take(~held_out_rows(N, 0.2, 0, labels))
    whole = bp.data.Preprocessor("kind").fit(trained_on)
    assert saved.preprocessor.feature_names == whole.feature_names
    assert saved.preprocessor.to_dict()["encoders"] == whole.to_dict()["encoders"]


def test_values_are_scaled_as_targets(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", str(folder), "--target", "value", "--ignore", "kind", "--epochs", "20"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "target:    values of value" in printed
    (line,) = (line for line in printed.splitlines() if line.startswith("train "))
    assert float(line.split()[1]) > 0.95  # r2 of a linear target


def test_one_parquet_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(folder / "part-0.parquet")
    assert main(["train", file, "--target", "kind", "--ignore", "value", "--epochs", "1"]) == 0
    assert "part-0, 240 rows to train, 60 to test" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--target", "height"], "--target must be one of f0, f1, f2, f3, value, kind"),
        (["--ignore", "f0,f1,f2,f3,kind"], "no column is left for the features"),
        (["--test-fraction", "1"], "--test-fraction must be a number between 0 and 1; got 1"),
        (["--sample-weight", "f0"], "--sample-weight needs all rows in memory"),
    ],
)
def test_errors_of_parquet_data_are_one_line(
    folder: Path, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(folder), *options]) == 2
    printed = capsys.readouterr().err
    assert sentence in printed and printed.count("\n") == 1


# One CSV file, in memory and as a stream.


def csv_file(path: Path, separator: str = ",", header: bool = True, target: int = 4) -> Path:
    """Write the features with KIND or VALUE, as a spreadsheet would."""
    cells = [KIND, VALUE.astype(str)][target - 4]
    rows = [[*map(str, row), cell] for row, cell in zip(X.tolist(), cells, strict=True)]
    names = [["f0", "f1", "f2", "f3", "target"]] if header else []
    path.write_text("".join(separator.join(row) + "\n" for row in names + rows))
    return path


def train(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["train", *map(str, arguments), "--epochs", "12"]) == 0
    return capsys.readouterr().out


def lines_of(printed: str, *words: str) -> list[str]:
    return [line for line in printed.splitlines() if line.startswith(words)]


@pytest.mark.parametrize("target", [4, 5])
@pytest.mark.parametrize("layout", [(",", True), (";", True), ("\t", False)])
def test_a_csv_file_is_trained_alike_in_memory_and_as_a_stream(
    layout: tuple[str, bool], target: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = csv_file(tmp_path / "trees.csv", *layout, target)
    memory, stream = tmp_path / "memory", tmp_path / "stream"
    printed = train(capsys, path, "--out", memory), train(capsys, path, "--stream", "--out", stream)
    words = ("data:", "target:", "Model(")
    assert lines_of(printed[0], *words) == lines_of(printed[1], *words)
    assert "720 rows to train, 180 to test" in printed[1]
    for row in ("train ", "test "):  # of other orders, and so of other numbers
        scores = [float(lines_of(one, row)[0].split()[1]) for one in printed]
        assert min(scores) > 0.9
    models = [bp.load(one) for one in (memory, stream)]
    # The same rows were drawn to train: the preparation has the same bits.
    first, second = (model.preprocessor.to_dict() for model in models)  # type: ignore[union-attr]
    assert first == second and models[0].info["n_rows"] == 720  # type: ignore[union-attr]


def test_predictions_are_the_same_from_memory_and_as_a_stream(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, model = csv_file(tmp_path / "trees.csv", ";"), tmp_path / "model"
    train(capsys, path, "--out", model)
    outputs = []
    for options in ([], ["--stream"]):
        assert main(["predict", str(model), str(path), *options]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1] and outputs[0].count("\n") == N + 1


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            "1,2,3,4,NA",
            "target 'target' must have no missing cells; 1 of 901 are missing; give "
            "--missing-target drop",
        ),
        ("1,2,x,4,ash", "trees.csv, line 902, column 3 ('f2'): 'x' is not a number; add 'x'"),
        (
            "1,2,3,1e999,ash",
            "line 902, column 4 ('f3'): '1e999' is beyond the largest float64 number",
        ),
    ],
)
def test_errors_of_streamed_cells_are_one_line(
    row: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = csv_file(tmp_path / "trees.csv")
    path.write_text(path.read_text() + row + "\n")
    assert main(["train", str(path), "--stream"]) == 2
    printed = capsys.readouterr().err
    assert sentence in printed and printed.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["iris", "--stream"], "--stream goes with tables and folders of shards; got iris"),
        (["digits", "--stream"], "--stream goes with tables and folders of shards; got digits"),
    ],
)
def test_data_that_cannot_be_streamed_is_refused(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    csv_file(Path("trees.csv"))
    assert main(["train", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_a_file_larger_than_the_free_memory_is_refused_with_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from backprop_rs.commands import source

    path = csv_file(tmp_path / "trees.csv")
    monkeypatch.setattr(source, "available", lambda: 2000)
    assert main(["train", str(path)]) == 2
    printed = capsys.readouterr().err
    assert "2,000 bytes of memory are free: give --stream to read it as it is needed" in printed
    train(capsys, path, "--stream")


def test_a_truncated_file_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "part-1.parquet"
    path.write_bytes(path.read_bytes()[:500])
    assert main(["train", str(folder), "--ignore", "value"]) == 2
    assert "part-1.parquet is not a Parquet file, or is truncated" in capsys.readouterr().err
