"""`backprop-rs plot` and `diagnose`: each kind of picture, and errors."""

import re
import subprocess
import sys

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.cli import main
from backprop_rs.commands.parser import PLOT_KINDS

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from backprop_rs.commands import plot  # noqa: E402

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("plot") / "iris.safetensors"
    arguments = ("train", "iris", "--hidden", "5", "--epochs", "8", "--learning-rate", "0.1")
    assert main([*arguments, "--out", str(path)]) == 0
    return path


def run(*arguments):
    return main(["plot", *map(str, arguments)])


def drawn(model, tmp_path, *arguments):
    """Run a command that draws, and return its Axes."""
    kept = []
    close = plt.close
    plt.close = lambda figure=None: kept.append(figure)
    try:
        assert run(*arguments, "--out", tmp_path / "out.png", "--dpi", 30) == 0
    finally:
        plt.close = close
    assert (tmp_path / "out.png").read_bytes()[:4] == PNG
    return kept[-1].axes[0]


def test_the_help_names_every_kind(capsys):
    assert [line.split()[0] for line in PLOT_KINDS.splitlines()[1:]] == list(plot.PICTURES)
    with pytest.raises(SystemExit):
        run("--help")
    text = capsys.readouterr().out
    for kind in plot.PICTURES:
        assert re.search(rf"^  {kind} ", text, re.M)


@pytest.mark.parametrize(
    "arguments",
    [
        ("network", "MODEL"),
        ("network", "MODEL", "iris", "--row", 60, "--edges", "gradient", "--dark"),
        ("chain", "MODEL", "iris", "--weight", "1,0,2"),
        ("chain", "MODEL", "iris"),
        ("curves", "MODEL"),
        ("curves", "MODEL", "--columns", "cost,learning_rate"),
        ("weights", "MODEL"),
        ("weights", "MODEL", "iris"),
        ("images", "MODEL", "--shape", "2,2"),
        ("images", "MODEL", "--shape", "5,1", "--layer", 2),
        ("boundary", "MODEL", "iris"),
        ("confusion", "MODEL", "iris", "--backend", "numpy"),
    ],
)
def test_every_kind_is_drawn(arguments, model, tmp_path, capsys):
    real = [model if one == "MODEL" else one for one in arguments]
    drawn(model, tmp_path, *real)
    assert capsys.readouterr().out == f"{arguments[0]} of {model} drawn in {tmp_path}/out.png\n"


def test_other_formats_by_suffix(model, tmp_path):
    assert run("network", model, "--out", tmp_path / "net.svg") == 0
    assert "<svg" in (tmp_path / "net.svg").read_text("utf-8")


def test_a_row_is_scaled_as_in_the_training(model, tmp_path):
    """The cost in the title is that of the scaled row; inputs and outputs have their names."""
    ax = drawn(model, tmp_path, "network", model, "iris", "--row", 60)
    saved, data = bp.load(model), bp.load_iris()
    X = saved.preprocessor.transform(data.X[60:61])
    assert ax.get_title() == f"C = {saved.networks[0].backward(X, data.y[60:61]).cost:.4g}"
    words = " ".join(text.get_text() for text in ax.texts)
    assert all(name in words for name in (*data.feature_names, *data.class_names))


def test_features_go_by_name_or_position_and_classes_by_name(model, tmp_path):
    ax = drawn(model, tmp_path, "boundary", model, "iris", "--features", "petal length (cm),3")
    assert ax.get_xlabel() == "petal length (cm)"
    assert ax.get_ylabel() == "petal width (cm)"
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[:3] == list(bp.load_iris().class_names)
    ax = drawn(model, tmp_path, "confusion", model, "iris")
    assert [text.get_text() for text in ax.get_xticklabels()] == labels[:3]


def test_a_boundary_uses_the_most_important_features(model, tmp_path):
    """In the units of the data; the caption names the median of the others."""
    ax = drawn(model, tmp_path, "boundary", model, "iris")
    saved, data = bp.load(model), bp.load_iris()
    held = np.sort(data.X, axis=0)[74]  # the lower median of 150
    proba = saved.predict_proba(data.X)
    changes = []
    for k in range(4):
        X = data.X.copy()
        X[:, k] = held[k]
        changes.append(np.square(saved.predict_proba(X) - proba, dtype=float).mean())
    first, second = sorted(np.argsort(changes)[-2:])
    names = data.feature_names
    assert (ax.get_xlabel(), ax.get_ylabel()) == (names[first], names[second])
    others = [f"{names[k]} = {held[k]:.6g}" for k in range(4) if k not in (first, second)]
    assert " ".join(ax.texts[0].get_text().split()) == f"held at: {', '.join(others)}"
    low, high = ax.get_xlim()
    assert low < data.X[:, first].min() and data.X[:, first].max() < high < 10


def test_the_rings_tell_where_the_background_says_another_class(model, tmp_path):
    ax = drawn(model, tmp_path, "boundary", model, "iris", "--features", "2,3")
    saved, data = bp.load(model), bp.load_iris()
    X = np.tile(np.sort(data.X, axis=0)[74], (150, 1))
    X[:, 2:] = data.X[:, 2:]
    wrong = saved.predict(X) != np.array(data.class_names)[data.y]
    (rings,) = [marks for marks in ax.collections if marks.get_label() == "wrong"]
    np.testing.assert_allclose(rings.get_offsets(), data.X[wrong, 2:], rtol=1e-6)


def test_a_surface_is_in_the_units_of_the_target(tmp_path):
    rows = [(a / 10, b / 10) for a in range(12) for b in range(12)]
    text = "".join(f"{a},{b},{1000 + 500 * a - 100 * b}\n" for a, b in rows)
    (tmp_path / "t.csv").write_text("a,b,price\n" + text)
    out = str(tmp_path / "m")
    assert main(["train", str(tmp_path / "t.csv"), "--classes", "no", "--out", out]) == 0
    ax = drawn(None, tmp_path, "boundary", out, tmp_path / "t.csv")
    bar = ax.figure.axes[1]
    assert bar.get_ylabel() == "price"
    assert 800 < bar.get_ylim()[0] < 1000 and 1500 < bar.get_ylim()[1] < 1700


def test_several_members_are_judged_by_their_average(tmp_path):
    out = tmp_path / "m"
    arguments = ["train", "iris", "--members", "3", "--epochs", "20", "--out", str(out)]
    assert main(arguments) == 0
    ax = drawn(None, tmp_path, "confusion", out, "iris")
    accuracy = bp.load(out).evaluate(bp.load_iris())["accuracy"]
    assert ax.get_title() == f"accuracy {accuracy:.4f} of 150"


def test_a_picture_shows_one_network_or_the_average_and_says_so(tmp_path, capsys):
    out = tmp_path / "m"
    arguments = ["train", "iris", "--members", "2", "--epochs", "9", "--out", str(out)]
    assert main(arguments) == 0
    saved, iris = bp.load(out), bp.load_iris()
    capsys.readouterr()
    for kind, shown in (("boundary", "average of 2 networks"), ("network", "network 1 of 2")):
        ax = drawn(None, tmp_path, kind, out, "iris")
        assert [text.get_text() for text in ax.figure.texts] == [shown]
        assert f"({shown}) drawn in" in capsys.readouterr().out
    ax = drawn(None, tmp_path, "confusion", out, "iris", "--member", 1)
    right = saved.member_outputs(1, iris.X).argmax(axis=1) == iris.y
    assert ax.get_title() == f"accuracy {right.mean():.4f} of 150"
    assert "(network 2 of 2) drawn in" in capsys.readouterr().out
    ax = drawn(None, tmp_path, "curves", out, "--member", 1)
    (line,) = ax.lines
    assert line.get_ydata().tolist() == saved.info["history"][1]["cost"]
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(line.get_ydata(), saved.info["history"][0]["cost"])
    images = []
    for member in ([], ["--member", 0], ["--member", 1]):
        drawn(None, tmp_path, "boundary", out, "iris", "--features", "2,3", *member)
        images.append((tmp_path / "out.png").read_bytes())
    assert len(set(images)) == 3


def test_a_confusion_uses_the_preparation_of_each_network(tmp_path):
    """Networks of other folds have other preparations."""
    table = bp.data.as_table(bp.load_iris())
    estimator = bp.TabularClassifier("fast", random_state=0)
    estimator.fit(table, "species").save(tmp_path / "m")
    ax = drawn(None, tmp_path, "confusion", tmp_path / "m", "iris")
    accuracy = estimator.model_.evaluate(table)["accuracy"]
    assert ax.get_title() == f"accuracy {accuracy:.4f} of 150"


def test_curves_are_those_of_the_training(model, tmp_path):
    ax = drawn(model, tmp_path, "curves", model)
    (kept,) = bp.load(model).info["history"]
    assert kept["epoch"] == list(range(1, 9))
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_ydata(), kept["cost"])


def test_curves_of_a_network_saved_from_python(tmp_path):
    net = bp.Network([4, 5, 3], seed=0)
    data = bp.load_iris()
    history = net.fit(data.X, data.y, 4, metrics="rmse", learning_rate=0.1, progress=False)
    net.metadata["history"] = history.to_dict()
    net.save(tmp_path / "net.safetensors")
    ax = drawn(None, tmp_path, "curves", tmp_path / "net.safetensors", "--columns", "rmse")
    assert ax.lines[0].get_ydata().tolist() == history.rmse


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("confusion", "MODEL"), "plot confusion must have DATA after MODEL; got none"),
        (("curves", "MODEL", "iris"), "plot curves takes no DATA; got iris"),
        (("chain", "MODEL", "iris", "--weight", "1,2"), "--weight must be LAYER,J,K; got 2"),
        (("chain", "MODEL", "iris", "--weight", "1,9,0"), "j must be from 0 to 4; got 9"),
        (("network", "MODEL", "iris", "--row", "150"), "--row must be from 0 to 149"),
        (("network", "MODEL", "--edges", "wide"), "edges must be one of weight, gradient"),
        (("boundary", "MODEL", "iris", "--features", "a,b"), "--features must be two of sepal"),
        (("boundary", "MODEL", "iris", "--features", "1"), "--features must be two, with a comma"),
        (("boundary", "MODEL", "iris", "--features", "1,7"), "from 0 to 3; got '7'"),
        (("images", "MODEL", "--shape", "3,3"), "shape must have 4 pixels"),
        (("images", "MODEL", "--shape", "3"), "--shape must be HEIGHT,WIDTH"),
        (("curves", "MODEL", "--columns", "r2"), "--columns must be among the history's cost"),
        (("network", "MODEL", "--dpi", "0"), "--dpi must be a number > 0 and <= 2400; got 0"),
        (("network", "MODEL", "--dpi", "inf"), "--dpi must be a number > 0 and <= 2400; got inf"),
        (("network", "MODEL", "--row", "3"), "--row goes with DATA after MODEL; got none"),
        (("network", "MODEL", "--target", "3"), "--target goes with DATA after MODEL; got none"),
        (("curves", "MODEL", "--weight", "1,0,0"), "--weight goes with plot chain; got curves"),
        (("weights", "MODEL", "iris", "--row", "0"), "--row goes with plot network and chain"),
        (("boundary", "MODEL", "iris", "--features", ""), "--features must be two of sepal"),
        (("curves", "MODEL", "--columns", ""), "--columns must be among the history's cost"),
        (("network", "MODEL", "--backend", "x"), "backend must be one of auto, rust, numpy; got"),
        (("network", "nowhere"), "nowhere: No such file or directory"),
    ],
)
def test_a_wrong_argument_is_one_line(arguments, words, model, tmp_path, capsys):
    real = [model if one == "MODEL" else one for one in arguments]
    assert run(*real, "--out", tmp_path / "out.png") == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out.png").exists()


def test_an_unknown_kind_format_or_model_without_history(model, tmp_path, capsys):
    with pytest.raises(SystemExit):
        run("netwrok", model, "--out", "x.png")
    assert "invalid choice: 'netwrok'" in capsys.readouterr().err
    assert run("network", model, "--out", tmp_path / "out.xyz") == 2
    assert "supported formats" in capsys.readouterr().err
    (tmp_path / "folder").mkdir()
    assert run("network", model, "--out", tmp_path / "folder") == 2
    assert "--out must end in the format of the picture" in capsys.readouterr().err
    assert not (tmp_path / "folder.png").exists()
    bp.Network([2, 1]).save(tmp_path / "bare")
    assert run("curves", tmp_path / "bare", "--out", tmp_path / "out.png") == 2
    assert "MODEL must keep the history of its training" in capsys.readouterr().err


def test_diagnose(model, tmp_path, capsys):
    assert main(["diagnose", str(model), "iris"]) == 0
    assert capsys.readouterr().out == "Nothing wrong was found in 150 rows\n"
    assert main(["diagnose", str(model), "iris", "--learning-rate", "1e-7"]) == 0
    assert "Nothing" in capsys.readouterr().out  # it is good as it is
    sick = bp.load(model)
    sick.networks[0].biases = [np.full(5, -1e3), np.zeros(3)]
    sick.info["history"] = [{"epoch": [1, 2, 3, 4], "cost": [1.0, 9.0, 8.0, 9.0]}]
    sick.save(tmp_path / "sick")
    assert main(["diagnose", str(tmp_path / "sick"), "iris"]) == 0
    text = capsys.readouterr().out
    for words in ("dead neurons (layer 1): 100% of", "learning rate too large", "Try: A smaller"):
        assert words in text
    assert main(["diagnose", str(model), "iris", "--learning-rate", "-1"]) == 2
    assert "--learning-rate must be a finite number >= 0" in capsys.readouterr().err


def test_a_separate_process(model, tmp_path):
    command = [sys.executable, "-m", "backprop_rs", "plot", "network", model]
    run = subprocess.run([*command, "--out", tmp_path / "out.png"], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert (tmp_path / "out.png").read_bytes()[:4] == PNG
