"""`backprop-rs plot` and `diagnose`: each kind of picture, and errors."""

import re
import subprocess
import sys

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.cli import PLOT_KINDS, main

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from backprop_rs.commands import plot  # noqa: E402

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("plot") / "iris.safetensors"
    arguments = ("train", "iris", "--hidden", "5", "--epochs", "8", "--no-progress")
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
    """The cost in the title is that of the scaled row."""
    ax = drawn(model, tmp_path, "network", model, "iris", "--row", 60)
    net, data = bp.Network.load(model), bp.load_iris()
    scaling = bp.data.Scaling.from_dict(net.metadata["scaling"])
    cost = net.backward(scaling.apply(data.X[60:61]), data.y[60:61]).cost
    assert ax.get_title() == f"C = {cost:.4g}"


def test_features_go_by_name_or_position_and_classes_by_name(model, tmp_path):
    ax = drawn(model, tmp_path, "boundary", model, "iris", "--features", "petal length (cm),3")
    assert ax.get_xlabel() == "petal length (cm) (scaled)"
    assert ax.get_ylabel() == "petal width (cm) (scaled)"
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[:3] == list(bp.load_iris().class_names)
    ax = drawn(model, tmp_path, "confusion", model, "iris")
    assert [text.get_text() for text in ax.get_xticklabels()] == labels[:3]


def test_a_boundary_uses_the_most_important_features(model, tmp_path):
    from backprop_rs.plot.regions import most_important

    ax = drawn(model, tmp_path, "boundary", model, "iris")
    net, data = bp.Network.load(model), bp.load_iris()
    scaling = bp.data.Scaling.from_dict(net.metadata["scaling"])
    first, second = most_important(net, scaling.apply(data.X))
    names = [f"{name} (scaled)" for name in data.feature_names]
    assert (ax.get_xlabel(), ax.get_ylabel()) == (names[first], names[second])
    others = [name for i, name in enumerate(names) if i not in (first, second)]
    said = " ".join(ax.texts[0].get_text().split())
    assert said.startswith(f"fixed at the mean: {others[0]} = ") and f", {others[1]} = " in said


def test_curves_are_those_of_the_training(model, tmp_path):
    ax = drawn(model, tmp_path, "curves", model)
    kept = bp.Network.load(model).metadata["history"]
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
        (("chain", "MODEL", "iris"), "--weight LAYER,J,K"),
        (("chain", "MODEL", "iris", "--weight", "1,9,0"), "j must be from 0 to 4; got 9"),
        (("network", "MODEL", "iris", "--row", "150"), "--row must be from 0 to 149"),
        (("network", "MODEL", "--edges", "wide"), "edges must be one of weight, gradient"),
        (("boundary", "MODEL", "iris", "--features", "a,b"), "--features must be two of sepal"),
        (("boundary", "MODEL", "iris", "--features", "1"), "--features must be two, with a comma"),
        (("boundary", "MODEL", "iris", "--features", "1,7"), "from 0 to 3; got '7'"),
        (("images", "MODEL", "--shape", "3,3"), "shape must have 4 pixels"),
        (("images", "MODEL", "--shape", "3"), "--shape must be HEIGHT,WIDTH"),
        (("curves", "MODEL", "--columns", "r2"), "names must be among the history's cost"),
        (("network", "MODEL", "--dpi", "0"), "--dpi must be a number > 0 and <= 2400; got 0"),
        (("network", "MODEL", "--dpi", "inf"), "--dpi must be a number > 0 and <= 2400; got inf"),
        (("network", "MODEL", "--row", "3"), "--row goes with DATA after MODEL; got none"),
        (("network", "MODEL", "--target", "3"), "--target goes with DATA after MODEL; got none"),
        (("curves", "MODEL", "--weight", "1,0,0"), "--weight goes with plot chain; got curves"),
        (("weights", "MODEL", "iris", "--row", "0"), "--row goes with plot network and chain"),
        (("boundary", "MODEL", "iris", "--features", ""), "--features must be two of sepal"),
        (("curves", "MODEL", "--columns", ""), "names must be among the history's cost"),
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
    sick = bp.Network.load(model)
    sick.biases = [np.full(5, -1e3), np.zeros(3)]
    sick.metadata["history"] = {"epoch": [1, 2, 3, 4], "cost": [1.0, 9.0, 8.0, 9.0]}
    sick.save(tmp_path / "sick")
    assert main(["diagnose", str(tmp_path / "sick"), "iris"]) == 0
    text = capsys.readouterr().out
    for words in ("dead neurons (layer 1): 100% of", "learning rate too large", "Try: A smaller"):
        assert words in text
    assert main(["diagnose", str(model), "iris", "--learning-rate", "-1"]) == 2
    assert "learning_rate must be a finite number >= 0" in capsys.readouterr().err


def test_a_separate_process(model, tmp_path):
    command = [sys.executable, "-m", "backprop_rs", "plot", "network", model]
    run = subprocess.run([*command, "--out", tmp_path / "out.png"], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert (tmp_path / "out.png").read_bytes()[:4] == PNG
