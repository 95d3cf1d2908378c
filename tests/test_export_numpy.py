"""Exported Python source gives the network's outputs, with NumPy alone."""

import runpy
import subprocess
import sys

import numpy as np
import pytest
from exported import CASES, DTYPES, FEATURE_NAMES, Case, exact, network, samples, scaled


@pytest.fixture
def exported(tmp_path):
    """Export a network, and return the names that its module defines."""

    def export(net, **options):
        net.export(tmp_path / "net.py", **options)
        return runpy.run_path(str(tmp_path / "net.py"), run_name="net")

    return export


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_outputs_are_within_their_bounds(name, dtype, exported):
    case = Case.of(name, dtype)
    with np.errstate(under="ignore"):
        case.expected.check(exported(case.net)["predict"](case.X), dtype)


def test_names_of_features_are_kept(exported):
    assert exported(scaled("float32")[0])["FEATURES"] == FEATURE_NAMES


def test_predict_takes_one_sample_or_a_list_and_refuses_a_wrong_shape(exported):
    net = network("softmax")
    predict = exported(net)["predict"]
    assert predict([1, 2, 3]).shape == (4,)
    assert predict([[1, 2, 3]]).dtype == np.float32
    sentence = r"^X must have shape \(m, 3\) or \(3,\); got \(2,\)$"
    with pytest.raises(ValueError, match=sentence):
        predict([1, 2])


@pytest.mark.parametrize("classes", [["a", "ü", '"""', "\\"], [7, -1, 2, 0]])
def test_classes(classes, exported):
    net, X = network("softmax"), samples("float32")
    module = exported(net, classes=classes)
    expected = np.array(classes)[net.predict(X).argmax(axis=1)]
    assert module["classify"](X).tolist() == expected.tolist()
    assert module["classify"](X[0]) == expected[0]
    assert module["CLASSES"] == classes


def test_one_output_tells_two_classes_apart(exported):
    net, X = network("relu", "float64", (3, 7, 1), "sigmoid"), samples("float64")
    expected = np.array(["no", "yes"])[(net.predict(X)[:, 0] >= 0.5).astype(int)]
    assert exported(net, classes=["no", "yes"])["classify"](X).tolist() == expected.tolist()


@pytest.mark.parametrize("sizes", [(3, 7, 4), (3, 300, 200, 4)], ids=["digits", "bytes"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_parameters_keep_their_bits(dtype, sizes, exported):
    net = network("gelu", dtype, sizes)
    module = exported(net)
    for number, (w, b) in enumerate(zip(net.weights, net.biases, strict=True), 1):
        assert module[f"w{number}"].tobytes() == w.tobytes()
        assert module[f"b{number}"].tobytes() == b.tobytes()
    exact(net, samples(dtype)).check(module["predict"](samples(dtype)), dtype)


@pytest.mark.parametrize("sizes", [(3, 7, 4), (300, 20, 10)], ids=["small", "large"])
def test_the_program_tests_itself_without_this_package(sizes, tmp_path):
    network("mish", sizes=sizes).export(tmp_path / "net.py")
    program = [sys.executable, "-I", "-c", BLIND, str(tmp_path / "net.py")]
    run = subprocess.run(program, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, f"0 of {8 * sizes[-1]} outputs differ\n"), run.stderr


BLIND = """
import runpy, sys
sys.modules["backprop_rs"] = None
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def test_the_self_test_finds_a_wrong_weight(tmp_path, capsys):
    path = tmp_path / "net.py"
    network("mish").export(path)
    path.write_text(path.read_text().replace("def predict", "w1 = w1 * 1.001\n\n\ndef predict"))
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(path), run_name="__main__")
    assert ended.value.code == 1
    assert " of 32 outputs differ" in capsys.readouterr().out
