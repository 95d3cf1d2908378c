"""`backprop-rs explain` and `backprop-rs check`, called in this process."""

import csv
import re

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.cli import main
from backprop_rs.reference.layer import Layer


@pytest.fixture
def say(capsys):
    """Run a command that succeeds, and return its output."""

    def run(*arguments):
        assert main(list(map(str, arguments))) == 0
        printed = capsys.readouterr()
        assert printed.err == ""
        return printed.out

    return run


@pytest.fixture
def complaint(capsys):
    """Run a command with an error, and return its one line."""

    def run(*arguments):
        assert main(list(map(str, arguments))) == 2
        printed = capsys.readouterr()
        assert printed.out == "" and printed.err.count("\n") == 1
        return printed.err

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Models of Iris and of values, and the same Iris as a CSV file with its classes first."""
    folder = tmp_path_factory.mktemp("explain")
    iris = bp.load_iris()
    with open(folder / "flowers.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["species", *iris.feature_names])
        writer.writerows(
            [iris.class_names[label], *x.tolist()]
            for x, label in zip(iris.X[::-1], iris.y[::-1], strict=True)
        )
    a, b = np.random.default_rng(0).uniform(size=(2, 60))
    table = np.column_stack([a, b, 1000 + 50 * a - 20 * b])
    np.savetxt(folder / "values.csv", table, delimiter=",", header="a,b,y", comments="")
    short = ("--epochs", "2", "--no-progress")
    for name, data in (("iris", "iris"), ("values", folder / "values.csv")):
        out = folder / f"{name}.safetensors"
        assert main(["train", str(data), "--hidden", "4", *short, "--out", str(out)]) == 0
    return folder


@pytest.fixture
def model(folder):
    return folder / "iris.safetensors"


def test_a_row_is_explained(say, model):
    words = say("explain", model, "iris", "--row", 3)
    saved = bp.load(model)
    row = bp.data.as_table(bp.load_iris()).take([3])
    assert words.strip().endswith(str(saved.explain(row, learning_rate=0.1)).strip())
    x = saved.preprocessor.transform(row)[0]
    assert words.startswith("row 3\n")
    for k, name in enumerate(bp.load_iris().feature_names):  # a legend of the formulas
        cells = rf"{name.split()[0]} .*4?\.\d +a{'₀₁₂₃'[k]}⁽⁰⁾ .*{x[k]:.6g}".replace("-", "−")
        assert re.search(cells, words.replace("-", "−")), name
    assert max(map(len, words.splitlines())) <= 80
    assert max(map(len, say("explain", model, "iris", "--width", 0).splitlines())) > 100


def test_the_same_row_of_a_csv_file_is_explained_alike(say, model, folder):
    """Row 149 of the reversed file is row 0 of Iris."""
    flowers = folder / "flowers.csv"
    of_file = say("explain", model, flowers, "--row", 149, "--target", "species", "--digits", 4)
    of_iris = say("explain", model, "iris", "--digits", 4)
    assert of_file.splitlines()[1:] == of_iris.splitlines()[1:]  # the first names the row


def test_the_inputs_of_a_network_have_a_legend(say, folder):
    iris = bp.load_iris()
    path = folder / "iris.npz"
    np.savez(path, X=iris.X, y=iris.y)
    out = folder / "net"
    say("train", path, "--epochs", 1, "--out", out)
    lines = say("explain", out, path, "--row", 3).splitlines()
    net = bp.load(out)
    x = bp.data.Scaling.from_dict(net.metadata["scaling"]).apply(iris.X[3:4])[0]
    assert lines[1].split() == ["x0", "4.6", "->", "a₀⁽⁰⁾", "=", f"{x[0]:.6g}"]
    say("train", "digits", "--epochs", 1, "--out", out)  # pixels are not scaled
    assert "  pixel_0_3          0.8125 = a₃⁽⁰⁾" in say("explain", out, "digits").splitlines()


def test_the_network_of_several_is_chosen_and_named(say, complaint, folder):
    out = folder / "several"
    say("train", "iris", "--members", 3, "--epochs", 5, "--hidden", 3, "--out", out)
    saved, row = bp.load(out), bp.data.as_table(bp.load_iris()).take([7])
    for member in (0, 1, "all"):
        words = say("explain", out, "iris", "--row", 7, "--member", member)
        expected = saved.explain(row, member=member, learning_rate=0.1)
        assert words.strip() == f"row 7\n\n{expected.text(80)}".strip()
    assert "This is network 2 of 3." in say("explain", out, "iris", "--member", 1)
    weight = say("explain", out, "iris", "--row", 7, "--member", 2, "--weight", "1,0,0")
    expected = saved.explain(row, member=2, learning_rate=0.1).weight(1, 0, 0).text(80)
    assert weight.strip() == f"network 3 of 3\n\n{expected}".strip()
    X, y = saved.preprocessor.transform(row), saved.preprocessor.transform_target(row)
    expected = saved.networks[2].check_gradients(X, y)
    assert say("check", out, "iris", "--row", 7, "--rows", 1, "--member", 2).strip() == str(
        expected
    )
    say("diagnose", out, "iris", "--member", 2)
    assert "--member must be from 0 to 2 because MODEL has 3 networks; got 3" in complaint(
        "explain", out, "iris", "--member", 3
    )
    assert "--weight goes with one network; got --member all" in complaint(
        "explain", out, "iris", "--member", "all", "--weight", "1,0,0"
    )


def test_one_weight(say, model):
    words = say("explain", model, "iris", "--weight", "1,2,0")
    assert words.startswith("The chain rule of one weight: layer 1, j = 2, k = 0")


def test_pages(say, model, tmp_path):
    page, paper = tmp_path / "row.html", tmp_path / "row.md"
    printed = say("explain", model, "iris", "--html", page, "--markdown", paper, "--rows", 2)
    assert printed.count("explained in") == 2
    assert "<details" in page.read_text("utf-8") and "Sample 1" in page.read_text("utf-8")
    assert "$$" in paper.read_text("utf-8")


def test_values_are_scaled_as_in_the_training(say, folder):
    words = say("explain", folder / "values.safetensors", folder / "values.csv", "--digits", 3)
    assert "(a₀⁽²⁾ − y₀)²" in words and "1000" not in words


def test_gradients_are_checked(say, model):
    words = say("check", model, "iris")
    assert words.count("agrees") == 2 and "32 samples" in words


def test_a_wrong_gradient_ends_with_1(model, capsys, monkeypatch):
    sound = Layer.backward
    monkeypatch.setattr(Layer, "backward", lambda self, delta, *more: sound(self, 2 * delta, *more))
    with pytest.raises(SystemExit) as end:
        main(["check", str(model), "iris", "--backend", "numpy", "--rows", "4"])
    assert end.value.code == 1
    assert capsys.readouterr().out.count("differs") == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--row", 900), "--row must be from 0 to 149 because DATA has 150 rows; got 900"),
        (("--row", -1), "--row must be from 0 to 149"),
        (("--rows", 0), "--rows must be at least 1; got 0"),
        (("--target", "y"), "whose target is 'species'"),
        (("--html", "row.txt"), "--html must name a file that ends in .html; got row.txt"),
        (("--weight", "1,2"), "--weight must be LAYER,J,K; got 2 numbers"),
        (("--weight", "9,0,0"), "layer must be an integer from 1 to 2; got 9"),
        (("--width", 7), "width must be an integer >= 60; got 7"),
        (("--learning-rate", -1), "--learning-rate must be a finite number >= 0"),
        (("--html", "/nowhere/row.html"), "/nowhere/row.html: No such file or directory"),
    ],
)
def test_wrong_options(arguments, sentence, complaint, model):
    assert sentence in complaint("explain", model, "iris", *arguments)


def test_errors_of_data_and_models(complaint, model, folder):
    assert "DATA must be a table" in complaint("check", model, "digits")
    assert "there is no 'iries'" in complaint("check", model, "iries")
    assert "No such file" in complaint("check", folder / "none.safetensors", "iris")
    assert "--max-parameters must be" in complaint("check", model, "iris", "--max-parameters", 0)
