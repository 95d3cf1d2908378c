"""The command line over data that are read as they are needed."""

from __future__ import annotations

import csv
from pathlib import Path

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.cli import main

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

N = 900
RNG = np.random.default_rng(4)
X = RNG.normal(2.0, 3.0, size=(N, 4))
KIND = np.array(["ash", "birch", "cedar"])[X[:, :3].argmax(axis=1)]
VALUE = X @ [1.0, -2.0, 0.5, 0.0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files, each of two row groups."""
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
    assert "900 samples to train, features standardised" in printed
    assert main(["predict", str(model), str(folder)]) == 0
    header, *rows = csv.reader(capsys.readouterr().out.splitlines())
    assert header == ["prediction", "ash", "birch", "cedar"]
    right = np.mean([row[0] == kind for row, kind in zip(rows, KIND, strict=True)])
    assert right > 0.9
    net = bp.Network.load(model)
    scaling = bp.data.Scaling.from_dict(net.metadata["scaling"])
    # Sums of N terms in float64.
    np.testing.assert_allclose(scaling.mean, X.mean(axis=0), rtol=N * 2.0**-52)


def test_values_are_scaled_as_targets(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", str(folder), "--target", "value", "--ignore", "kind", "--epochs", "20"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "features standardised, target standardised" in printed
    (line,) = (line for line in printed.splitlines() if line.startswith("train "))
    assert float(line.split()[-1]) > 0.95  # R² of a linear target


def test_one_parquet_file_serves_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(folder / "part-0.parquet")
    assert main(["train", file, "--target", "kind", "--ignore", "value", "--epochs", "1"]) == 0
    assert "part-0.parquet, 300 samples to train" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--target", "height"], "target must be one of f0, f1, f2, f3, value, kind"),
        (["--target", "value"], "part-0.parquet, row group 0: column 'kind' must hold numbers"),
        (["--test-fraction", "0.2"], "--test-fraction must be 0 for data out of core; got 0.2"),
        (["--missing", "mean"], "--missing goes with a CSV file alone"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(
    folder: Path, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = [] if options[0] in ("--target", "--missing") else ["--ignore", "value"]
    assert main(["train", str(folder), *options, *more]) == 2
    printed = capsys.readouterr().err
    assert sentence in printed and printed.count("\n") == 1


def test_a_truncated_file_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "part-1.parquet"
    path.write_bytes(path.read_bytes()[:500])
    assert main(["train", str(folder), "--ignore", "value"]) == 2
    assert "part-1.parquet is not a Parquet file, or is truncated" in capsys.readouterr().err
