"""Exported files of fitted classifiers give the labels of `predict`, in their own types."""

import ctypes
import runpy
import shutil
import subprocess

import backprop_rs as bp
import numpy as np
import pytest

pytest.importorskip("sklearn")
from backprop_rs.sklearn import MLPClassifier, from_sklearn, to_sklearn
from sklearn.neural_network import MLPClassifier as TheirClassifier

CC = shutil.which("cc") or shutil.which("gcc")
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
NUMBERS = (X @ [1.0, -0.5, 0.3] > 0).astype(int) + (X[:, 1] > 0.5)
PAIR = (NUMBERS > 0).astype(int)
TARGETS = {
    "texts": np.array(["ant", "bee", "cat"])[NUMBERS],
    "objects": np.array(["ant", "bee", "cat"], object)[NUMBERS],
    "5, 15, 25": np.array([5, 15, 25])[NUMBERS],
    "1, 2, 3": NUMBERS + 1,
    "uint8": (NUMBERS + 3).astype(np.uint8),
    "floats": np.array([1.0, 2.0, 3.0])[NUMBERS],
    "no, yes": np.array(["no", "yes"])[PAIR],
    "-1, 1": 2 * PAIR - 1,
    "bools": PAIR > 0,
    "two floats": np.array([0.0, 1.0])[PAIR],
}
OPTIONS = {"hidden_layer_sizes": (5,), "solver": "lbfgs", "max_iter": 30, "random_state": 0}


def onnx_labels(path, X):
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["label"], {"X": X})[0]


def c_labels(folder, X):
    """Return the labels of a C file, as texts."""
    command = [CC, "-std=c99", "-Wall", "-Werror", "-shared", "-fPIC", folder / "net.c", "-lm"]
    subprocess.run([*command, "-o", folder / "net.so"], check=True)
    loaded = ctypes.CDLL(str(folder / "net.so"))
    rows = [row.ctypes.data_as(ctypes.c_void_p) for row in np.ascontiguousarray(X)]
    places = [loaded.net_class(row) for row in rows]
    names = (ctypes.c_char_p * (max(places) + 1)).in_dll(loaded, "net_classes")
    return [names[place].decode() for place in places]


@pytest.mark.filterwarnings("ignore:lbfgs")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TARGETS)
def test_labels_are_those_of_predict(name, dtype, tmp_path):
    y, rows = TARGETS[name], X.astype(dtype)
    mlp = MLPClassifier(**OPTIONS).fit(rows, y)
    expected = mlp.predict(rows)
    assert len(set(expected.tolist())) == len(set(y.tolist()))
    for net in (mlp.to_network(), bp.Network.from_sklearn(mlp)):
        net.save(tmp_path / "net.safetensors")
        loaded = bp.Network.load(tmp_path / "net.safetensors")
        for form in ("onnx", "py", "c"):
            loaded.export(tmp_path / f"net.{form}")
        labels = onnx_labels(tmp_path / "net.onnx", rows)
        classified = runpy.run_path(str(tmp_path / "net.py"))["classify"](rows)
        for given in (labels, classified):
            assert given.tolist() == expected.tolist()
            assert list(map(type, given.tolist())) == list(map(type, expected.tolist()))
        if CC is not None:
            assert c_labels(tmp_path, rows) == list(map(str, expected.tolist()))


@pytest.mark.filterwarnings("ignore:lbfgs")
def test_names_of_features_go_along():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    mlp = MLPClassifier(**OPTIONS).fit(frame, TARGETS["texts"])
    net = mlp.to_network()
    assert net.metadata == {"feature_names": ["a", "b", "c"], "class_names": ["ant", "bee", "cat"]}
    assert (net.predict(frame[["c", "a", "b"]]) == mlp.predict_proba(frame)).all()
    theirs = to_sklearn(mlp)
    assert theirs.feature_names_in_.tolist() == ["a", "b", "c"]
    assert (theirs.predict(frame) == mlp.predict(frame)).all()
    back = from_sklearn(theirs)
    assert back.to_network().metadata == net.metadata


@pytest.mark.filterwarnings("ignore:lbfgs")
@pytest.mark.parametrize("output", ["identity", "tanh"])
def test_scores_of_one_output_choose_between_two_classes(output, tmp_path):
    mlp = MLPClassifier(**OPTIONS, cost="hinge", output_activation=output).fit(X, TARGETS["-1, 1"])
    for form in ("onnx", "py"):
        mlp.to_network().export(tmp_path / f"net.{form}")
    expected = mlp.predict(X).tolist()
    assert onnx_labels(tmp_path / "net.onnx", X).tolist() == expected
    assert runpy.run_path(str(tmp_path / "net.py"))["classify"](X).tolist() == expected


@pytest.mark.filterwarnings("ignore:lbfgs")
def test_several_labels_and_a_single_class_have_no_class_names():
    several = np.stack([PAIR, NUMBERS > 1], axis=1).astype(int)
    for kind in (MLPClassifier, TheirClassifier):
        for y in (several, np.ones(60, int)):
            mlp = kind(**OPTIONS).fit(X, y)
            assert "class_names" not in bp.Network.from_sklearn(mlp).metadata
    tanh = MLPClassifier(**OPTIONS, cost="hinge", output_activation="tanh").fit(X, several)
    assert tanh.to_network().metadata == {}
