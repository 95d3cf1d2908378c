"""The command line on models of raw tables: it reads, prepares and answers as Python does."""

import csv
import io
import json

import backprop_rs as bp
import pytest
from backprop_rs import cli
from tables import customers


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a table and a model that was trained on it."""
    folder = tmp_path_factory.mktemp("tables")
    write(folder / "customers.csv", customers(300))
    file = folder / "customers.csv"
    arguments = ["train", file, "--target", "left", "--epochs", "30",
                 "--ignore", "age", "--no-progress", "--out",
                 folder / "model.safetensors"]  # fmt: skip
    assert cli.main(list(map(str, arguments))) == 0
    return folder


def write(path, table):
    """Write columns as CSV; a missing cell is empty."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        for row in zip(*table.values(), strict=True):
            writer.writerow(["" if cell is None or cell != cell else cell for cell in row])


def run(capsys, *arguments):
    """Return what a command prints."""
    code = cli.main(list(map(str, arguments)))
    printed = capsys.readouterr()
    assert code == 0, printed.err
    return printed.out


def test_train_prints_the_columns_and_the_scores(folder, capsys):
    out = run(capsys, "train", folder / "customers.csv", "--epochs", 1, "--no-progress")
    assert [line.split()[:2] for line in out.splitlines() if line.startswith("city")] == [
        ["city", "category"]
    ]
    assert "240 rows to train, 60 to test" in out and "not saved" in out


def test_predict_is_that_of_python(folder, capsys):
    rows = customers(20, seed=3)
    del rows["left"], rows["age"]
    write(folder / "new.csv", {name: rows[name] for name in reversed(rows)})
    out = run(capsys, "predict", folder / "model.safetensors", folder / "new.csv")
    header, *lines = csv.reader(io.StringIO(out))
    model = bp.load(folder / "model.safetensors")
    assert header == ["prediction", "no", "yes"]
    assert [line[0] for line in lines] == model.predict(rows).tolist()
    expected = model.predict_proba(rows).astype(str).tolist()
    assert [line[1:] for line in lines] == expected


def test_the_file_it_was_trained_on_can_be_scored(folder, capsys):
    out = run(capsys, "predict", folder / "model.safetensors", folder / "customers.csv")
    assert len(out.splitlines()) == 301


def test_evaluate(folder, capsys):
    file = folder / "customers.csv"
    out = run(capsys, "evaluate", folder / "model.safetensors", file, "--json")
    model = bp.load(folder / "model.safetensors")
    table = bp.data.read_csv(file)
    assert json.loads(out) == {"n_rows": 300, **model.evaluate(table)}
    out = run(capsys, "evaluate", folder / "model.safetensors", file, "--metrics", "f1")
    assert [line.split()[0] for line in out.splitlines()] == ["rows", "f1"]


def test_evaluate_a_network(folder, tmp_path, capsys):
    net = tmp_path / "net.safetensors"
    run(capsys, "train", "digits", "--epochs", 1, "--no-progress", "--out", net)
    scores = json.loads(run(capsys, "evaluate", net, "digits", "--json"))
    assert set(scores) == {"n_rows", "cost", "accuracy"} and scores["n_rows"] == 1797


def test_info(folder, capsys):
    facts = json.loads(run(capsys, "info", folder / "model.safetensors", "--json"))
    model = bp.load(folder / "model.safetensors")
    assert facts["kind"] == "Model" and facts["fingerprint"] == model.preprocessor.fingerprint
    assert facts["library_version"] == bp.__version__
    assert (facts["n_rows"], facts["n_held_out_rows"]) == (240, 60)
    assert facts["target"] == {"names": ["left"], "kind": "classes", "classes": ["no", "yes"]}
    out = run(capsys, "info", folder / "model.safetensors")
    assert "held out:  60 rows" in out and "joined" in out
    (line,) = (line for line in out.splitlines() if line.startswith("held-out "))
    scores = dict(zip(("accuracy", "log_loss"), map(float, line.split()[1:]), strict=True))
    assert scores == pytest.approx(facts["held_out_metrics"], abs=5e-5)  # four decimals


def test_info_of_a_network(tmp_path, capsys):
    bp.Network([2, 3, 1], seed=0).save(tmp_path / "net.safetensors")
    facts = json.loads(run(capsys, "info", tmp_path / "net.safetensors", "--json"))
    assert facts["kind"] == "Network" and facts["networks"][0]["sizes"] == [2, 3, 1]


@pytest.mark.filterwarnings("ignore:columns that the training did not have")
def test_the_target_is_that_of_the_training_though_it_is_not_the_last(folder, tmp_path, capsys):
    """A column after the target must not become the target of explain, check and diagnose."""
    table = customers(60, seed=2) | {"station": [f"s{k}" for k in range(60)]}
    write(tmp_path / "more.csv", table)
    model = folder / "model.safetensors"
    for command in ("explain", "check", "diagnose"):
        assert run(capsys, command, model, tmp_path / "more.csv")
    expected = str(bp.load(model).explain({name: cells[5] for name, cells in table.items()
                                           if name != "station"}).text(80))  # fmt: skip
    out = run(capsys, "explain", model, tmp_path / "more.csv", "--row", 5)
    assert out.strip().endswith(expected.strip())


def test_digits_that_were_texts_stay_texts(tmp_path, capsys):
    table = {"zip": ["10115", "x", "z"] * 20, "y": ["a", "b", "c"] * 20}
    write(tmp_path / "t.csv", table)
    model = tmp_path / "m.safetensors"
    run(capsys, "train", tmp_path / "t.csv", "--epochs", 60, "--no-progress",
        "--out", model)  # fmt: skip
    write(tmp_path / "new.csv", {"zip": ["10115", "10115"]})
    out = run(capsys, "predict", model, tmp_path / "new.csv")
    assert [line.split(",")[0] for line in out.splitlines()] == ["prediction", "a", "a"]


def test_export(folder, tmp_path, capsys):
    assert "written to" in run(capsys, "export", folder / "model.safetensors", tmp_path / "m.py")
    assert "def predict_proba(table)" in (tmp_path / "m.py").read_text()


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["train", "{csv}", "--target", "q"], "--target must be one of age, city, visits"),
    (["evaluate", "{model}", "{csv}", "--target", "age"], "whose target is 'left'"),
    (["export", "{model}", "x.c", "--raw"], "--raw does not go with a model"),
])  # fmt: skip
def test_mistakes(arguments, sentence, folder, capsys):
    names = {"csv": folder / "customers.csv", "model": folder / "model.safetensors"}
    assert cli.main([argument.format(**names) for argument in arguments]) == 2
    assert sentence in capsys.readouterr().err
