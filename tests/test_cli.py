"""The command `backprop-rs`: in this process, or in one of its own if that is what is tested."""

import contextlib
import csv
import fcntl
import io
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.cli import main
from backprop_rs.data.preprocessing import held_out_rows

COMMAND = [sys.executable, "-m", "backprop_rs"]
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")  # Debian's dataset-fashion-mnist
SHORT = ("--epochs", "3", "--hidden", "8")


def run(*arguments, command=COMMAND, **options):
    """Run the command, and return the finished process with its output as text."""
    texts = list(map(str, (*command, *arguments)))
    return subprocess.run(texts, capture_output=True, text=True, timeout=300, **options)


def called(*arguments):
    """Run the command in this process; return its exit code and what it has written."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(list(map(str, arguments)))
        except SystemExit as end:  # of argparse
            code = end.code
    return code, out.getvalue(), err.getvalue()


def output(*arguments, **options):
    """Return standard output of a run that succeeds with an empty standard error.

    It has a process of its own only if there are options of that process.
    """
    if options:
        process = run(*arguments, **options)
        assert (process.returncode, process.stderr) == (0, "")
        return process.stdout
    code, out, err = called(*arguments)
    assert (code, err) == (0, "")
    return out


def complaint(*arguments, printed=False):
    """Return the one line on standard error of a run with an error."""
    code, out, err = called(*arguments)
    assert code == 2
    assert (out != "") == printed
    assert err.startswith("backprop-rs")
    assert err.count("\n") == 1
    return err


def scores(text, name):
    """Return the scores of the line that starts with `name`."""
    (line,) = re.findall(rf"^{name} +(.*)$", text, re.MULTILINE)
    return [float(number) for number in line.split()]


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def flowers(folder):
    """Write Iris as a CSV file: an identifier first, the species in the middle."""
    iris = bp.load_iris()
    path = folder / "flowers.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "sl", "sw", "species", "pl", "pw"])
        for row, (x, label) in enumerate(zip(iris.X.tolist(), iris.y, strict=True)):
            writer.writerow([row, *x[:2], iris.class_names[label], *x[2:]])
    return path


@pytest.fixture(scope="module")
def flower_model(folder, flowers):
    path = folder / "flowers.safetensors"
    output("train", flowers, "--target", "species", "--ignore", "id", "--out", path)
    return path


@pytest.fixture(scope="module")
def values(folder):
    """Write y = 1000 + 50 a - 20 b + 10 a b, with a in 0..1 and b in 0..100."""
    a, b = np.random.default_rng(0).uniform(size=(2, 400))
    path = folder / "values.csv"
    np.savetxt(
        path,
        np.column_stack([a, 100 * b, 1000 + 50 * a - 20 * b + 10 * a * b]),
        delimiter=",",
        header="a,b,y",
        comments="",
    )
    return path


@pytest.fixture(scope="module")
def value_model(folder, values):
    path = folder / "values.safetensors"
    assert scores(output("train", values, "--out", path), "test")[0] > 0.98  # r2
    return path


# Training.


@pytest.mark.parametrize(("data", "column", "accuracy"), [("iris", 0, 0.93), ("digits", 1, 0.95)])
def test_defaults_give_a_good_result(data, column, accuracy):
    text = output("train", data)
    assert scores(text, "test")[column] >= accuracy
    assert "Network(" in text
    assert "trained in" in text
    assert "not saved" in text


@pytest.mark.skipif(not FASHION_MNIST.is_dir(), reason="dataset-fashion-mnist is not installed")
def test_defaults_reach_87_percent_on_fashion_mnist(tmp_path):
    model = tmp_path / "fashion.safetensors"
    text = output("train", FASHION_MNIST, "--hidden", 128, "--out", model)
    assert scores(text, "test")[1] >= 0.87
    assert bp.Network.load(model, "numpy").epochs_trained <= 10


def test_the_same_seed_gives_the_same_network(tmp_path):
    paths = [tmp_path / name for name in ("one", "two", "other")]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        process = {"env": dict(os.environ)} if path.name == "two" else {}  # another process
        output("train", "digits", *SHORT, "--seed", seed, "--out", path, **process)
    one, two, other = (path.read_bytes() for path in paths)
    assert one == two != other
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        output("train", "iris", *SHORT, "--seed", seed, "--out", path)
    one, two, other = map(facts_but_the_date, paths)
    assert one == two != other
    assert one["preparation"] == two["preparation"] != other["preparation"]


def facts_but_the_date(path):
    model = bp.load(path)
    info = {name: fact for name, fact in model.info.items() if name != "date"}
    weights = [[w.tolist() for w in network.weights] for network in model.networks]
    return {"info": info, "weights": weights, "preparation": model.preprocessor.to_dict()}


def test_every_option_reaches_the_network(tmp_path):
    model = tmp_path / "model"
    text = output(
        *("train", "iris", "--hidden", "7,5", "--activation", "tanh,sigmoid"),
        *("--output", "sigmoid", "--cost", "squared_error", "--dtype", "float64"),
        *("--epochs", 4, "--batch-size", 16, "--learning-rate", 0.5, "--optimizer", "adam"),
        *("--seed", 9, "--backend", "numpy", "--test-fraction", 0.4, "--out", model),
    )
    saved = bp.load(model, "numpy")
    (net,) = saved.networks
    assert (net.sizes, net.activation, net.output) == ([4, 7, 5, 3], ["tanh", "sigmoid"], "sigmoid")
    assert (net.cost, net.dtype, net.seed) == ("squared_error", "float64", 9)
    assert net.epochs_trained == 4
    for words in ("90 rows to train, 60 to test", "4 epochs", "rate 0.5,", "backend numpy"):
        assert words in text
    iris = bp.data.as_table(bp.load_iris())
    held_out = held_out_rows(150, 0.4, 9, bp.load_iris().y)
    model = bp.Model((7, 5), activation=["tanh", "sigmoid"], output="sigmoid", seed=9,
                     cost="squared_error", dtype="float64", backend="numpy")  # fmt: skip
    model.fit(iris.take(~held_out), "species", epochs=4, batch_size=16, learning_rate=0.5,
              optimizer="adam", progress=False)  # fmt: skip
    assert saved.predict_proba(iris).tolist() == model.predict_proba(iris).tolist()
    assert saved.info["held_out_metrics"] == model.evaluate(iris.take(held_out))


def test_no_test_and_no_hidden_layer():
    text = output("train", "iris", "--test-fraction", 0, "--hidden", "none")
    assert "150 rows to train\n" in text
    assert "Network(4-3, softmax" in text
    assert not re.search("^test", text, re.MULTILINE)


def test_an_npz_file_with_a_test_set(tmp_path):
    digits = bp.load_digits()
    images = (digits.X * 255).astype(np.uint8).reshape(-1, 8, 8)
    path = tmp_path / "digits.npz"
    np.savez(
        path,
        x_train=images[:1500],
        y_train=digits.y[:1500],
        x_test=images[1500:],
        y_test=digits.y[1500:],
    )
    text = output("train", path, "--out", tmp_path / "model")
    assert "1,500 rows to train, 297 to test, features unscaled" in text
    assert scores(text, "test")[1] > 0.9
    assert len(table(output("predict", tmp_path / "model", path))) == 297


def test_pixels_of_an_array_are_divided_by_their_maximum(tmp_path):
    digits = bp.load_digits()
    np.savez(tmp_path / "digits.npz", X=(digits.X * 16).astype(np.uint8), y=digits.y)
    text = output("train", tmp_path / "digits.npz")
    assert "pixels divided by their maximum" in text
    assert scores(text, "test")[1] >= 0.95


def test_few_features_of_an_array_are_standardized_whatever_their_range(tmp_path):
    X, y = [[0.5, 0.1], [0.6, 0.3]] * 20, [0, 1] * 20
    np.savez(tmp_path / "shares.npz", X=X, y=y)
    assert "features standardized" in output("train", tmp_path / "shares.npz")


def test_a_table_of_pixels_is_learned(tmp_path):
    digits = bp.load_digits()
    path = tmp_path / "digits.csv"
    np.savetxt(path, np.column_stack([digits.X * 16, digits.y]), fmt="%d", delimiter=",")
    assert scores(output("train", path), "test")[0] >= 0.95


def test_missing_cells(tmp_path):
    path = tmp_path / "gap.csv"
    path.write_text("a,b,kind\n" + "1,2,x\n3,,y\n" * 20)
    assert "32 rows to train, 8 to test" in output("train", path, *SHORT)


def test_a_target_of_whole_numbers_is_values_if_asked(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text("length,stars\n" + "1.5,1\n2.5,2\n3.5,3\n" * 20)
    assert "accuracy" in output("train", path, *SHORT)
    assert " r2 " in output("train", path, "--classes", "no", *SHORT)


def test_metrics_of_classes_are_columns_of_the_report(tmp_path):
    names = ["accuracy", "log_loss", "f1", "roc_auc", "average_precision", "brier"]
    options = ("--metrics", "f1, roc_auc,average_precision,log_loss", "--metrics", "brier")
    text = output("train", "iris", *options, *SHORT)
    assert re.search(r"^ +accuracy +log_loss +f1 +roc_auc +average_precision +brier$", text, re.M)
    iris, held_out = bp.data.as_table(bp.load_iris()), held_out_rows(150, 0.2, 0, bp.load_iris().y)
    model = bp.Model((8,), seed=0)
    model.fit(iris.take(~held_out), "species", epochs=3, progress=False)
    for part, rows in (("train", ~held_out), ("test", held_out)):
        expected = model.evaluate(iris.take(rows), names)
        assert scores(text, part) == pytest.approx([*expected.values()], abs=5e-5)  # 4 decimals


@pytest.mark.parametrize("stream", [[], ["--stream"]])
def test_metrics_of_values_are_in_the_units_of_the_target(stream, tmp_path):
    """The target is standardized for the training, whose cost is in those units."""
    path, model = tmp_path / "prices.csv", tmp_path / "model"
    x = np.random.default_rng(0).uniform(size=60)
    path.write_text("x,price\n" + "".join(f"{one},{1000 + 500 * one}\n" for one in x))
    arguments = ("train", path, "--classes", "no", "--test-fraction", "0", "--out", model)
    text = output(*arguments, "--metrics", "mape", *stream, *SHORT)
    r2, _, mae, mape = scores(text, "train")
    predicted = [float(row["prediction"]) for row in table(output("predict", model, path))]
    errors = np.abs(np.subtract(predicted, 1000 + 500 * x))
    assert mae == pytest.approx(errors.mean(), rel=1e-3)
    assert mape == pytest.approx((errors / (1000 + 500 * x)).mean(), abs=1e-4)
    unexplained = np.square(errors).sum() / np.square(500 * (x - x.mean())).sum()
    assert r2 == pytest.approx(1 - unexplained, abs=1e-4)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--metrics", "f2"], "metrics must be functions or among accuracy, .*; got 'f2'"),
        (["--metrics", "f1,f1"], "metrics must have different names; got 'f1' twice"),
        (["--metrics", "f1", "--classes", "no"], "metric 'f1' must have classes as targets"),
        (["--metrics", "log_loss", "--output", "sigmoid"], "metric 'log_loss' must have prob"),
    ],
)
def test_metrics_that_do_not_suit_are_refused_before_the_training(options, sentence, flowers):
    arguments = ["train", flowers, "--target", "0" if "no" in options else "species", *options]
    assert re.search(sentence, complaint(*arguments, *SHORT))


# Prediction.


def test_predicted_classes_and_activations(flower_model):
    """Columns are matched by name, in any order, with and without the target."""
    iris = bp.load_iris()
    rows = table(output("predict", flower_model, flower_model.with_name("flowers.csv")))
    assert list(rows[0]) == ["prediction", *iris.class_names]
    predicted = [iris.class_names.index(row["prediction"]) for row in rows]
    assert np.mean(predicted == iris.y) >= 0.95
    for row in rows:
        activations = {name: float(row[name]) for name in iris.class_names}
        assert row["prediction"] == max(activations, key=activations.get)
        assert sum(activations.values()) == pytest.approx(1, abs=1e-6)


def test_prediction_finds_columns_by_name(flower_model, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("pw,pl,sw,sl\n0.2,1.4,3.5,5.1\n")
    (row,) = table(output("predict", flower_model, path))
    first, *_ = table(output("predict", flower_model, flower_model.with_name("flowers.csv")))
    assert row == first
    path.write_text("pw,pl,sw\n0.2,1.4,3.5\n")
    assert "it lacks 'sl'" in complaint("predict", flower_model, path)


def test_predicted_values_are_in_the_units_of_the_target(value_model, values, tmp_path):
    out = tmp_path / "predictions.csv"
    assert "400 predictions saved" in output("predict", value_model, values, "--out", out)
    predicted = [float(row["prediction"]) for row in table(out.read_text())]
    y = np.loadtxt(values, delimiter=",", skiprows=1)[:, 2]
    assert np.corrcoef(predicted, y)[0, 1] > 0.99
    assert np.abs(predicted - y).mean() < 0.2 * y.std()


def test_a_network_saved_from_python(tmp_path):
    """It has no names and no scaling: inputs are matched by position, outputs by number."""
    model, path = tmp_path / "model", tmp_path / "plain.csv"
    net = bp.Network([2, 3, 2], seed=0, backend="numpy")
    net.save(model)
    path.write_text("1,2\n3,4\n")
    rows = table(output("predict", model, path, "--backend", "numpy"))
    expected = net.predict([[1, 2], [3, 4]])
    for name, column in zip(("prediction_1", "prediction_2"), expected.T, strict=True):
        assert [np.float32(row[name]) for row in rows] == column.tolist()
    assert "Network(2-3-2" in output("info", model)
    path.write_text("1,2,3\n")
    assert "must have 2 features" in complaint("predict", model, path)


def test_info(flower_model, value_model):
    text = output("info", flower_model)
    assert "Network(4-128-3, relu -> softmax, cross_entropy" in text
    for words in ("flowers", "250 epochs", "setosa, versicolor, virginica", "held-out"):
        assert words in text
    for name, kind in zip(
        ("sl", "sw", "pl", "pw", "species"), [*["number"] * 4, "classes"], strict=True
    ):
        assert re.search(rf"^{name} +{kind} ", text, re.M)
    assert scores(text, "held-out")[0] >= 0.9
    text = output("info", value_model)
    assert "values of 'y'" in text and scores(text, "held-out")[0] > 0.98


# Errors.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "required: COMMAND"),
        (("trian", "iris"), "'trian'"),
        (("train",), "required: DATA"),
        (("train", "irs"), "there is no 'irs' (did you mean 'iris'?)"),
        (("train", "nowhere.csv"), "there is no 'nowhere.csv'"),
        (("train", "."), "train-images-idx3-ubyte"),
        (("train", "iris", "--epocs", "3"), "--epocs"),
        (("train", "iris", "--epochs", "many"), "--epochs"),
        (("train", "iris", "--epochs", "-1"), "--epochs must be an integer >= 0; got -1"),
        (("train", "iris", "--batch-size", "0"), "--batch-size must be an integer >= 1; got 0"),
        (("train", "iris", "--learning-rate", "nan"), "--learning-rate must be a finite number"),
        (("train", "iris", "--activation", "rleu"), "did you mean 'relu'?"),
        (("train", "iris", "--activation", "relu,tanh"), "one per hidden layer (1); got 2 names"),
        (("train", "iris", "--output", "softmx"), "did you mean 'softmax'?"),
        (("train", "iris", "--cost", "cross_entropi"), "did you mean 'cross_entropy'?"),
        (("train", "iris", "--optimizer", "adm"), "did you mean 'adam'?"),
        (("train", "iris", "--backend", "rst"), "did you mean 'rust'?"),
        (("train", "iris", "--dtype", "float16"), "float32 or float64; got 'float16'"),
        (("train", "iris", "--hidden", "8,x"), "whole numbers with commas between, or none"),
        (("train", "iris", "--hidden", "0"), "--hidden must be sizes >= 1, or none; got 0"),
        (("train", "iris", "--seed", "-1"), "--seed must be"),
        (("train", "iris", "--test-fraction", "1.5"), "--test-fraction must be"),
        (("train", "digits", "--target", "x"), "--target goes with a table; got digits"),
        (("train", "iris", "--out", "no/such/folder/model"), "--out must name a file"),
        (("predict", "nowhere", "iris"), "nowhere: No such file or directory"),
        (("info", "."), "Is a directory"),
    ],
)
def test_a_wrong_argument_is_one_line(arguments, words, tmp_path, monkeypatch, capsys):
    """Within this process, which starts only once."""
    monkeypatch.chdir(tmp_path)
    try:
        code = main(arguments)
    except SystemExit as end:  # of argparse
        code = end.code
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert printed.err.startswith("backprop-rs") and printed.err.count("\n") == 1
    assert words in printed.err


def test_an_unknown_column_is_reported_with_the_known_ones(flowers):
    line = complaint("train", flowers, "--target", "specie")
    assert "id, sl, sw, species, pl, pw; got 'specie'" in line
    assert "in -6..5; got 6" in complaint("train", flowers, "--target", "6")


def test_other_data_than_the_network_was_trained_on(flower_model):
    assert "DATA must be a table" in complaint("predict", flower_model, "digits")
    sentence = complaint("predict", flower_model, "iris")
    assert "the columns of the training ('sl', 'sw', 'pl', 'pw'); it lacks 'sl'," in sentence


def test_a_file_that_is_not_a_model(flowers):
    assert "must name a model saved by backprop_rs" in complaint("info", flowers)


def test_training_that_diverges_is_not_saved(values, tmp_path):
    model = tmp_path / "model"
    line = complaint("train", values, "--learning-rate", "50", "--out", model, printed=True)
    assert "smaller --learning-rate" in line
    assert not model.exists()


# The process.


def start(*arguments, **options):
    """Start a process that reacts to Ctrl-C even if this process ignores it."""
    return subprocess.Popen(
        list(map(str, (*COMMAND, *arguments))),
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )


def test_ctrl_c_is_quiet():
    process = start("train", "iris", "--epochs", 10**8, stderr=subprocess.PIPE)
    while not process.stdout.readline().startswith("target"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 130


def shell(command, **options):
    python = f"{sys.executable} -m backprop_rs"
    return subprocess.run(
        ["bash", "-c", command.replace("backprop-rs", python)],
        **{"capture_output": True, "text": True, "check": False} | options,
    )


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("backprop-rs info MODEL >&-", "backprop-rs: standard output is closed\n"),
        ("backprop-rs info nowhere 2>&-", ""),
        ("backprop-rs info MODEL > /dev/full", "standard output: No space left on device\n"),
        ("backprop-rs --help > /dev/full", "standard output: No space left on device\n"),
        ("backprop-rs train iris --hidden 20000000000000", " of memory; "),
        ("backprop-rs info .", "Is a directory\n"),
        ("backprop-rs predict MODEL iris --out .", "Is a directory\n"),
        ("backprop-rs train iris --epochs 1 --out nowhere/x", "folder that can be written to"),
    ],
)
def test_errors_of_users_are_one_sentence(command, said, tmp_path):
    net = bp.Network([4, 3], output="softmax", cost="cross_entropy", seed=0)
    net.save(tmp_path / "MODEL")
    done = shell(command, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and done.stderr.count("\n") == (said != "")


@pytest.mark.parametrize("command", ["info MODEL", "--help", "train --help"])
def test_a_reader_of_one_line_causes_no_error(command, tmp_path):
    bp.Network([4, 3], seed=0).save(tmp_path / "MODEL")
    line = f"backprop-rs {command} | true; exit ${{PIPESTATUS[0]}}"
    done = shell(line, cwd=tmp_path)
    assert done.returncode in (0, 141) and done.stderr == ""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "there is not enough memory"),
        (MemoryError("no room"), "no room"),
        (OverflowError("too large"), "too large"),
        (ZeroDivisionError("division by zero"), "division by zero"),
    ],
)
def test_errors_of_the_machine_are_one_sentence(error, said, monkeypatch, capsys):
    def fail(*_):
        raise error

    monkeypatch.setattr("backprop_rs.commands.inspect.info", fail)
    assert main(["info", "model"]) == 2
    assert capsys.readouterr().err == f"backprop-rs: {said}\n"


def test_a_broken_pipe_is_quiet(tmp_path):
    model = tmp_path / "model"
    output("train", "digits", *SHORT, "--out", model)
    process = start("predict", model, "digits", stderr=subprocess.PIPE)
    assert process.stdout.readline().startswith("prediction,")
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 141


@pytest.mark.parametrize(("options", "shown"), [((), True), (("--no-progress",), False)])
def test_a_terminal_gets_a_progress_bar(options, shown):
    reader, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    process = start("train", "iris", *SHORT, *options, stderr=terminal)
    process.communicate(timeout=60)
    os.write(terminal, b"end")
    text = os.read(reader, 100_000).decode()
    os.close(reader)
    os.close(terminal)
    assert ("epoch 3/3" in text) == shown


def test_names_that_the_terminal_cannot_encode(tmp_path):
    path = tmp_path / "names.csv"
    path.write_text("x,kind\n" + "1,é\n2,ü\n" * 10, encoding="utf-8")
    model = tmp_path / "model"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    output("train", path, *SHORT, "--out", model, env=environment)
    assert r"\xe9" in output("info", model, env=environment)


def test_the_script_is_the_same_command():
    script = shutil.which("backprop-rs", path=str(Path(sys.executable).parent))
    if script is None:
        pytest.skip("the package is not installed with its script")
    version = f"backprop-rs {bp.__version__}\n"
    assert output("--version", command=[script]) == output("--version") == version


@pytest.mark.parametrize("command", ["train", "predict", "info"])
def test_help(command):
    assert f"usage: backprop-rs {command}" in output(command, "--help")
    assert command in output("--help")


def test_show_versions(capsys):
    bp.show_versions()
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["backprop_rs"] == bp.__version__
    assert lines["numpy"] == np.__version__
    assert {"Python", "platform", "compiled"} <= lines.keys()
