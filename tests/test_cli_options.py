"""The options of `train` are those of `Model` and `fit`, with the same defaults and results."""

from __future__ import annotations

import json
from inspect import signature
from pathlib import Path
from typing import Any

import backprop_rs as bp
import pytest
from backprop_rs.cli import main
from backprop_rs.commands.options import FIT, MODEL, OF_TRAIN, PREPROCESSOR, READER
from backprop_rs.data.preprocessing import held_out_rows
from test_table_commands import write

TEXTS = ["yes", "no"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table whose target is a noisy function of two columns."""
    rows = range(120)
    table = {
        "a": [k * 37 % 101 / 10 for k in rows],
        "b": [k * 53 % 89 for k in rows],
        "id": [f"n{k}" for k in rows],
        "w": [1 + k % 3 for k in rows],
        "kind": [TEXTS[(k * 37 % 101 + k * 53 % 89) // 60 % 2] for k in rows],
    }
    file = tmp_path_factory.mktemp("options") / "t.csv"
    write(file, table)
    return file


def trained(path: Path, out: Path, *options: object) -> bp.Model:
    arguments = ["train", path, "--no-progress", "--out", out, *options]
    assert main(list(map(str, arguments))) == 0
    model = bp.load(out)
    assert isinstance(model, bp.Model)
    return model


IGNORE = ("--ignore", "id,w")
SAME: list[tuple[tuple[object, ...], dict[str, Any], dict[str, Any]]] = [
    ((), {}, {}),
    (("--members", 2, "--dropout", 0.1, "--l2", 1e-3),
     {"members": 2, "dropout": 0.1, "l2": 1e-3}, {}),
    (("--l1", 1e-4, "--max-norm", 2, "--layer-norm"),
     {"l1": 1e-4, "max_norm": 2.0, "layer_norm": True}, {}),
    (("--init", "he_normal", "--dtype", "float64"), {"init": "he_normal", "dtype": "float64"}, {}),
    (("--optimizer", "rmsprop"), {}, {"optimizer": "rmsprop"}),
    (("--optimizer", "sgd(momentum=0.9)", "--learning-rate", 0.05), {},
     {"optimizer": "sgd(momentum=0.9)", "learning_rate": 0.05}),
    (("--schedule", "warmup(5) then cosine"), {}, {"schedule": "warmup(5) then cosine"}),
    (("--class-weight", "balanced", "--clip-norm", 1), {},
     {"class_weight": "balanced", "clip_norm": 1.0}),
    (("--class-weight", "yes=3,no=1", "--clip-value", 0.1), {},
     {"class_weight": {"yes": 3, "no": 1}, "clip_value": 0.1}),
    (("--input-noise", 0.1, "--batch-size", 16), {}, {"input_noise": 0.1, "batch_size": 16}),
    (("--hidden", "8,4", "--activation", "tanh,elu(alpha=0.5)"),
     {"hidden": (8, 4), "activation": ["tanh", "elu(alpha=0.5)"]}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("options", "of_model", "of_fit"), SAME, ids=str)
def test_an_option_is_that_of_python(
    options: tuple[object, ...],
    of_model: dict[str, Any],
    of_fit: dict[str, Any],
    path: Path,
    tmp_path: Path,
) -> None:
    found = trained(path, tmp_path / "m", *IGNORE, "--epochs", 12, *options)
    table = bp.data.read_csv(path)
    mask = held_out_rows(120, 0.2, 0, table["kind"].values.astype("int64"))
    model = bp.Model(seed=0, **of_model)
    model.fit(table.take(~mask), "kind", ignore=["id", "w"], epochs=12, progress=False, **of_fit)
    assert found.predict_proba(table).tolist() == model.predict_proba(table).tolist()


def test_every_option_of_python_exists_there() -> None:
    known: dict[str, set[str]] = {
        MODEL: {*signature(bp.Model).parameters, *signature(bp.Network).parameters},
        FIT: {*signature(bp.Network.fit).parameters, "class_weight"},
        PREPROCESSOR: {*signature(bp.data.Preprocessor).parameters},
        READER: {*signature(bp.data.read_csv).parameters, "sheet"},
    }
    for option in OF_TRAIN:
        if option.of in known and option.argument != "resume":
            assert option.argument in known[option.of], option.flag
    given = {option.argument for option in OF_TRAIN if option.of == READER}
    assert given == known[READER] - {"path"}


def test_options_may_be_repeated_or_have_commas(path: Path, tmp_path: Path) -> None:
    first = trained(path, tmp_path / "a", "--ignore", "id", "--ignore", "w", "--epochs", 1)
    second = trained(path, tmp_path / "b", "--ignore", "id,w", "--epochs", 1)
    assert first.preprocessor.columns == second.preprocessor.columns == ("a", "b")


def test_options_of_the_preparation(path: Path, tmp_path: Path) -> None:
    model = trained(path, tmp_path / "m", "--ignore", "id", "--epochs", 1, "--scaling", "quantile",
                    "--kind", "w=category,a=number", "--kind", "b=number")  # fmt: skip
    assert model.preprocessor.scaling == "quantile"
    kinds = {line.name: line.kind for line in model.report()}
    assert kinds == {"a": "number", "b": "number", "w": "category", "kind": "classes"}


def test_the_parts_of_dates_are_chosen(tmp_path: Path) -> None:
    rows = range(60)
    days = [f"2024-{1 + k % 12:02}-{1 + k % 28:02}" for k in rows]
    write(tmp_path / "t.csv", {"day": days, "y": ["no" if k % 12 < 6 else "yes" for k in rows]})
    model = trained(tmp_path / "t.csv", tmp_path / "m", "--date-parts", "month,weekday",
                    "--epochs", 1)  # fmt: skip
    expected = bp.data.Preprocessor("y", date_parts=["month", "weekday"])
    expected.fit(bp.data.read_csv(tmp_path / "t.csv"))
    assert model.preprocessor.feature_names == expected.feature_names
    assert all("month" in name or "weekday" in name for name in expected.feature_names)


def test_early_stopping_returns_to_the_best_epoch(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--validation-fraction", "0.3", "--patience", "3", "--epochs", "400", "--json"]
    trained(path, tmp_path / "m", *IGNORE, *options)
    facts = json.loads(capsys.readouterr().out)
    history = bp.load(tmp_path / "m").info["history"][0]  # type: ignore[union-attr]
    best = min(range(len(history["val_cost"])), key=history["val_cost"].__getitem__)
    assert facts["epochs"] == [best + 1 + 3] and facts["n_rows"]["validation"] == 29
    # log_loss of the classes is the cost.
    found = facts["scores"]["validation"]["log_loss"]
    assert found == pytest.approx(history["val_cost"][best], rel=1e-5)


def test_a_file_of_validation_rows(path: Path, tmp_path: Path) -> None:
    model = trained(path, tmp_path / "m", *IGNORE, "--validation", path, "--epochs", 2)
    assert len(model.info["history"][0]["val_cost"]) == 2


def test_weights_of_rows(path: Path, tmp_path: Path) -> None:
    options = ("--ignore", "id", "--sample-weight", "w", "--epochs", 5, "--test-fraction", 0)
    found = trained(path, tmp_path / "m", *options)
    table = bp.data.read_csv(path)
    model = bp.Model(seed=0).fit(table, "kind", ignore=["id"], sample_weight="w", epochs=5,
                                 progress=False)  # fmt: skip
    rows = table.select(["a", "b"])
    assert found.predict_proba(rows).tolist() == model.predict_proba(rows).tolist()


def test_the_average_of_the_parameters_is_saved(path: Path, tmp_path: Path) -> None:
    options = (*IGNORE, "--epochs", 5)
    plain = trained(path, tmp_path / "a", *options)
    averaged = trained(path, tmp_path / "b", *options, "--average", 0.9)
    table = bp.data.read_csv(path)
    mask = held_out_rows(120, 0.2, 0, table["kind"].values.astype("int64"))
    model = bp.Model(seed=0).fit(table.take(~mask), "kind", ignore=["id", "w"], epochs=5,
                                 average=0.9, progress=False)  # fmt: skip
    expected = model.networks[0].averaged().weights[0]
    assert averaged.networks[0].weights[0].tolist() == expected.tolist()
    assert plain.networks[0].weights[0].tolist() != expected.tolist()


@pytest.mark.parametrize(("target", "cls"), [("kind", "Classifier"), ("b", "Regressor")])
def test_a_preset_trains_the_estimator_of_tables(
    target: str, cls: str, path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m"
    arguments = ["train", path, "--ignore", "id", "--sample-weight", "w", "--preset", "fast"]
    options = ["--target", target, "--seed", 3, "--json", "--no-progress", "--out", out]
    assert main(list(map(str, [*arguments, *options]))) == 0
    facts = json.loads(capsys.readouterr().out)
    table = bp.data.read_csv(path).drop(["id"])
    labels = table["kind"].values.astype("int64") if target == "kind" else None
    mask = held_out_rows(120, 0.2, 3, labels)
    train = table.take(~mask)
    estimator = getattr(bp, f"Tabular{cls}")("fast", random_state=3)
    estimator.fit(train.drop(["w"]), target, train["w"].values)
    found = bp.load(out)
    assert type(found).__name__ == f"Tabular{cls}"
    rows = table.drop(["w", target])
    assert found.predict(rows).tolist() == estimator.predict(rows).tolist()  # type: ignore[arg-type]
    test = table.take(mask).drop(["w"])
    expected = estimator.model_.evaluate(test)
    assert {name: facts["scores"]["test"][name] for name in expected} == pytest.approx(expected)
    for command in ("evaluate", "predict", "explain", "check", "diagnose"):
        assert main([command, str(out), str(path)]) == 0
    assert main(["info", str(out)]) == 0
    assert "held-out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--preset", "fast", "--hidden", "4"), "--hidden does not go with --preset"),
        (("--preset", "fast", "--scaling", "none"), "--scaling does not go with --preset"),
        (("--preset", "fast", "--stream"), "--preset needs all rows in memory"),
        (("--preset", "quick"), "preset must be one of"),
        (("--time-limit", "3"), "--time-limit goes with --preset"),
        (("--preset", "fast", "--target", "b", "--class-weight", "balanced"), "goes with classes"),
    ],
)
def test_mistakes_with_presets(
    options: tuple[str, ...], sentence: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(path), *IGNORE, *options]) == 2
    assert sentence in capsys.readouterr().err
    assert main(["train", "digits", "--preset", "fast"]) == 2
    assert "--preset goes with a table; got digits" in capsys.readouterr().err


def test_a_training_is_resumed(path: Path, tmp_path: Path) -> None:
    checkpoint = ("--checkpoint", tmp_path / "c", "--checkpoint-every", 1)
    options = (*IGNORE, "--epochs", 6, *checkpoint)
    whole = trained(path, tmp_path / "m", *options)
    again = trained(path, tmp_path / "n", *options, "--resume")
    assert again.networks[0].weights[0].tolist() == whole.networks[0].weights[0].tolist()


def test_a_model_that_is_no_better_than_a_constant_says_so(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = range(200)
    table = {
        "x": [k * 37 % 101 for k in rows],
        "y": ["rare" if k % 20 == 7 else "common" for k in rows],
    }
    write(tmp_path / "t.csv", table)
    assert main(["train", str(tmp_path / "t.csv"), "--epochs", "3"]) == 0
    out = capsys.readouterr().out
    assert "constant: predicts the most frequent class, common, for the rows of test" in out
    assert "note: the model is no better than this constant prediction in accuracy" in out
    write(tmp_path / "v.csv", {"x": [*rows], "y": [3.5 * k for k in rows]})
    assert main(["train", str(tmp_path / "v.csv"), "--classes", "no", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    values = bp.data.read_csv(tmp_path / "v.csv")["y"].values
    test = held_out_rows(200, 0.2, 0, None)
    mean = values[~test].mean()
    assert facts["constant"]["mae"] == pytest.approx(abs(values[test] - mean).mean())
    assert facts["not_better_than_constant"] == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--table",), "--table is no longer an option; raw columns are always prepared"),
        (("--missing", "mean"), "--missing is no longer an option; missing cells are always"),
        (("--test-fraction", "2"), "--test-fraction must be a number between 0 and 1; got 2"),
        (("--validation-fraction", "2"), "--validation-fraction must be a number between 0 and 1"),
        (("--test-fraction", "0.001"), "--test-fraction must leave rows on both sides; got 0.001"),
        (("--class-weight", "maybe=2"), "--class-weight must name classes of the target (no, yes)"),
        (("--resume",), "--resume goes with --checkpoint FILE"),
        (("--checkpoint", "c", "--members", "2"), "--checkpoint goes with one member"),
        (("--members", "0"), "--members must be"),
        (("--threads", "0"), "--threads: must be a whole number >= 1; got '0'"),
        (("--dropout", "2"), "--dropout must be"),
        (("--optimizer", "adm"), "--optimizer must be one of"),
        (("--schedule", "cosin"), "--schedule must be"),
        (("--scaling", "robst"), "--scaling must be one of"),
        (("--kind", "q=number"), "--kind must name columns of a, b, id, w, kind; got 'q'"),
        (("--kind", "a=colour"), "--kind of 'a' must be one of number"),
        (("--ignore", "a,b,id,w,kind"), "--ignore must leave a column for the target"),
        (("--ignore", "kind", "--target", "kind"), "--target must name a column that is used"),
        (("--clip-norm", "-1"), "--clip-norm must be"),
        (("--average", "2"), "--average must be"),
        (("--metrics", "f2"), "--metrics must be functions or among"),
    ],
)
def test_mistakes_are_one_sentence_before_anything_is_printed(
    options: tuple[str, ...], sentence: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = () if "--ignore" in options else IGNORE
    try:
        code: Any = main(list(map(str, ["train", path, *more, *options])))
    except SystemExit as end:  # of argparse
        code = end.code
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert sentence in printed.err and printed.err.count("\n") == 1
