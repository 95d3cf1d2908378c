"""Data on the command line: names, missing cells, pipes and targets."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.cli import main

N = 200
RNG = np.random.default_rng(7)
X = RNG.normal(size=(N, 2)).round(4)
KIND = np.array(["no", "yes"])[(X[:, 0] + 0.2 * X[:, 1] > 0).astype(int)]


def write(path: Path, names: list[str], columns: list[Any]) -> Path:
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(zip(*columns, strict=True))
    return path


def ran(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(list(map(str, arguments))) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(list(map(str, arguments))) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("backprop-rs: ") and printed.err.count("\n") == 1
    return printed.err.removeprefix("backprop-rs: ").rstrip("\n")


def right(printed: str) -> float:
    predicted = [row["prediction"] for row in csv.DictReader(io.StringIO(printed))]
    return float(np.mean([one == kind for one, kind in zip(predicted, KIND, strict=True)]))


# Names.


@pytest.mark.filterwarnings("ignore:columns that the training did not have")
@pytest.mark.parametrize("names", [["x0", "x1"], ["f0", "f1"]])
@pytest.mark.parametrize("stream", [[], ["--stream"]])
def test_features_are_found_by_any_name(
    names: list[str], stream: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if stream:
        pytest.importorskip("pyarrow")
    model = tmp_path / "model"
    path = write(tmp_path / "train.csv", [*names, "label"], [X[:, 0], X[:, 1], KIND])
    ran(capsys, "train", path, "--epochs", 30, "--out", model, *stream)
    assert bp.load(model).preprocessor.columns == tuple(names)
    expected = right(ran(capsys, "predict", model, path))
    assert expected > 0.97
    mixed = write(tmp_path / "mixed.csv", names[::-1], [X[:, 1], X[:, 0]])
    assert right(ran(capsys, "predict", model, mixed, *stream)) == expected
    columns = [np.arange(N), X[:, 1], X[:, 0]]
    more = write(tmp_path / "more.csv", ["id", *names[::-1]], columns)
    assert right(ran(capsys, "predict", model, more, *stream)) == expected


def test_arrays_have_no_feature_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "model"
    np.savez(tmp_path / "a.npz", X=X, y=(KIND == "yes").astype(int))
    ran(capsys, "train", tmp_path / "a.npz", "--epochs", 1, "--out", model)
    assert "feature_names" not in bp.Network.load(model).metadata
    named = bp.data.Dataset(X, feature_names=["x0", "x1"])
    assert named.has_feature_names and named.take([0]).has_feature_names
    assert not bp.data.Dataset(X).take([0]).has_feature_names
    train, test = bp.data.standardize(*bp.data.train_test_split(bp.data.Dataset(X)))
    assert not (train.has_feature_names or test.has_feature_names)


def test_a_column_is_found_by_name_before_its_position(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    pq, pa = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": X[:, 0], "1": KIND, "0": X[:, 1]}), path)
    for target, features in (("1", ["a", "0"]), ("-2", ["a", "0"])):
        ran(capsys, "train", path, f"--target={target}", "--epochs", 1, "--out", model)
        assert bp.load(model).preprocessor.columns == tuple(features)
    ran(capsys, "train", path, "--target=0", "--ignore=1", "--epochs", 1, "--out", model)
    assert bp.load(model).preprocessor.columns == ("a",)
    assert "--target must be one of a, 1, 0; got 'b'" in refused(
        capsys, "train", path, "--target", "b"
    )
    assert "--target must be a position in -3..2; got 3" in refused(
        capsys, "train", path, "--target", "3"
    )


def test_the_target_of_the_training_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, y = tmp_path / "model", (X @ [2.0, -1.0]).round(4)
    path = write(
        tmp_path / "t.csv", ["y", "a", "b", "station"], [y, X[:, 0], X[:, 1], 1000 + np.arange(N)]
    )
    ran(capsys, "train", path, "--target", "y", "--ignore", "station", "--out", model)
    assert bp.load(model).preprocessor.target_names == ("y",)
    named = ran(capsys, "explain", model, path, "--row", 60, "--target", "y")
    assert ran(capsys, "explain", model, path, "--row", 60) == named
    less = write(tmp_path / "less.csv", ["a", "b", "station"], [X[:, 0], X[:, 1], y])
    assert "DATA must have the target 'y'; its columns are a, b, station" in refused(
        capsys, "check", model, less
    )


# Missing cells.


def with_gaps(path: Path) -> Path:
    """Write data with one missing cell per feature and means far from 0."""
    number, text = [f"{x + 50}" for x in X[:, 0]], ["red", "blue"] * (N // 2)
    number[3], text[5] = "", "?"
    return write(path, ["size", "color", "kind"], [number, text, KIND])


def test_the_medians_of_the_training_rows_fill_what_is_missing_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Alone or among others, a row has the same answer, that of Python."""
    model, path = tmp_path / "model", with_gaps(tmp_path / "train.csv")
    ran(capsys, "train", path, "--out", model, "--epochs", 20)
    new = tmp_path / "new.csv"
    new.write_text("color,size\nred,50.5\nred,NA\n,49\n")
    rows = list(csv.reader(ran(capsys, "predict", model, new).splitlines()))[1:]
    table = {"size": [50.5, None, 49], "color": ["red", "red", None]}
    shares = bp.load(model).predict_proba(table)  # type: ignore[union-attr]
    assert [row[1:] for row in rows] == shares.astype(str).tolist()
    for k, line in enumerate(new.read_text().splitlines()[1:]):
        alone = tmp_path / "alone.csv"
        alone.write_text(f"color,size\n{line}\n")
        assert list(csv.reader(ran(capsys, "predict", model, alone).splitlines()))[1:] == [rows[k]]
    for command in ("explain", "check", "diagnose"):
        ran(capsys, command, model, path)


def test_a_missing_target_is_refused_in_the_words_of_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, path = tmp_path / "model", with_gaps(tmp_path / "train.csv")
    ran(capsys, "train", path, "--out", model, "--epochs", 1)
    path.write_text(path.read_text() + "50,red,\n")
    assert refused(capsys, "train", path) == (
        "target 'kind' must have no missing cells; 1 of 201 are missing; give --missing-target "
        "drop to leave these rows out"
    )
    assert "1 row without a target is left out" in ran(
        capsys, "train", path, "--missing-target", "drop", "--epochs", 1
    )
    last = f"{path}, line {N + 2}, column 3 ('kind'): "
    for command in ("check", "evaluate"):
        assert refused(capsys, command, model, path).startswith(last)


def test_sentences_name_the_options_of_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"n{i}" for i in range(N)]
    path = write(tmp_path / "t.csv", ["name", "a", "kind"], [names, X[:, 0], KIND])
    assert "give --ignore 'name' to leave it out" in refused(capsys, "train", path)
    assert "give --classes yes if they are" in refused(
        capsys, "train", path, "--target", "name", "--ignore", "kind"
    )
    assert "--classes no needs a target of numbers" in refused(
        capsys, "train", path, "--classes", "no", "--ignore", "name"
    )


# Pipes and file names.


def piped(*arguments: object, data: bytes, shell: str = "") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "backprop_rs", *map(str, arguments)]
    if shell:
        command = ["bash", "-c", shell.replace("PROGRAM", " ".join(command[:3]))]
    return subprocess.run(command, input=data, capture_output=True, timeout=300, check=False)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("data", ["-", "/dev/stdin"])
def test_standard_input_is_data(data: str, packed: bool, tmp_path: Path) -> None:
    import gzip

    if not os.path.exists("/dev/stdin"):
        pytest.skip("there is no /dev/stdin")
    path, model = write(tmp_path / "t.csv", ["a", "b", "kind"], [*X.T, KIND]), tmp_path / "model"
    text = path.read_bytes()
    text = gzip.compress(text, mtime=0) if packed else text
    done = piped("train", data, "--epochs", 2, "--out", model, data=text)
    assert (done.returncode, done.stderr) == (0, b"")
    expected = piped("predict", model, path, data=b"")
    assert piped("predict", model, data, data=text).stdout == expected.stdout
    for command in ("explain", "check", "diagnose"):
        assert piped(command, model, data, data=text).stderr == b""
    done = piped("predict", model, data, "--stream", data=text)
    assert b"--stream needs a file, which can be read more than once; got " in done.stderr


def test_data_from_another_process(tmp_path: Path) -> None:
    import shutil

    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    path = write(tmp_path / "t.csv", ["a", "b", "kind"], [*X.T, KIND])
    done = piped(data=b"", shell=f"PROGRAM train <(cat {path}) --epochs 1")
    assert (done.returncode, done.stderr) == (0, b"")


def test_other_files_than_csv_must_be_files() -> None:
    done = piped("train", "-", data=b"PK\x03\x04")
    assert b"standard input is a damaged zip file" in done.stderr


@pytest.mark.parametrize("name", ["idx.txt", "my-idx3-data", "idx.csv", "plain"])
def test_a_text_file_may_have_any_name(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / name, ["a", "b", "kind"], [*X.T, KIND])
    assert "160 rows to train" in ran(capsys, "train", path, "--epochs", 1)


def test_an_idx_file_is_recognized_by_its_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, model = tmp_path / "digits", tmp_path / "model"
    path.write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 64]) + bytes(range(192)))
    assert "DATA must be the folder of the file to train" in refused(capsys, "train", path)
    ran(capsys, "train", "digits", "--epochs", 1, "--out", model)
    assert ran(capsys, "predict", model, path).count("\n") == 4
