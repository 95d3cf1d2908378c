"""Exported ONNX files pass the checker and give the network's outputs in ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from exported import CASES, DTYPES, Case, exact, network, samples, scaled


def run(path, X):
    """Return the outputs of a file by their names."""
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"X": X}), strict=True))


@pytest.fixture
def exported(tmp_path):
    """Export a network, and return its outputs for X by their names."""

    def export(net, X, **options):
        net.export(tmp_path / "net.onnx", **options)
        return run(tmp_path / "net.onnx", X)

    return export


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_outputs_are_within_their_bounds(name, dtype, exported):
    case = Case.of(name, dtype)
    results = exported(case.net, case.X)
    output = "probabilities" if case.net.output == "softmax" else "predictions"
    case.expected.check(results[output], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [None, ["a", "ü", "c c", '"'], [7, -1, 2**40, 0]])
def test_classifiers_have_labels_and_probabilities(classes, dtype, exported):
    net, X = network("softmax", dtype), samples(dtype)
    results = exported(net, X, classes=classes)
    assert list(results) == ["label", "probabilities"]
    exact(net, X).check(results["probabilities"], dtype)
    expected = np.array(classes or range(4))[net.predict(X).argmax(axis=1)]
    assert results["label"].tolist() == expected.tolist()
    assert len(set(expected.tolist())) > 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_output_tells_two_classes_apart(dtype, exported):
    net, X = network("relu", dtype, (3, 7, 1), "sigmoid"), samples(dtype)
    results = exported(net, X, classes=["no", "yes"])
    p = net.predict(X)
    exact(net, X).check(results["probabilities"][:, 1:], dtype)
    assert np.allclose(results["probabilities"].sum(axis=1), 1, rtol=0, atol=np.finfo(dtype).eps)
    expected = np.array(["no", "yes"])[(p[:, 0] >= 0.5).astype(int)]
    assert results["label"].tolist() == expected.tolist()
    assert len(set(expected)) == 2


def test_a_file_without_preparation_takes_scaled_features(exported):
    net, X = scaled("float32")[0], samples("float32")
    exact(net, X).check(exported(net, X, preparation=False)["predictions"], "float32")


@pytest.mark.parametrize("m", [0, 1, 13])
def test_any_number_of_rows(m, exported):
    results = exported(network("softmax"), samples("float32", m))
    assert results["label"].shape == (m,) and results["probabilities"].shape == (m, 4)


def test_any_number_of_layers(exported):
    for sizes in ((3, 4), (3, 5, 6, 7, 8, 4)):
        net = network("softmax", sizes=sizes)
        exact(net, samples("float32")).check(
            exported(net, samples("float32"))["probabilities"], "float32"
        )


def test_the_file_describes_itself(tmp_path):
    net = network("softmax")
    net.metadata["feature_names"] = ["x", "y", "z"]
    net.export(tmp_path / "my net.onnx", classes=list("abcd"))
    model = onnx.load(tmp_path / "my net.onnx")
    assert (model.ir_version, model.opset_import[0].version) == (7, 13)
    assert model.producer_name == "backprop_rs"
    assert model.graph.name == "my net" and model.doc_string == repr(net)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    assert properties == {
        "feature_names": '["x", "y", "z"]',
        "class_names": '["a", "b", "c", "d"]',
    }
    dim = model.graph.input[0].type.tensor_type.shape.dim
    assert (dim[0].dim_param, dim[1].dim_value) == ("batch", 3)
    (weights,) = (array for array in model.graph.initializer if array.name == "w1")
    assert onnx.numpy_helper.to_array(weights).tobytes() == net.weights[0].tobytes()


def test_a_wrong_weight_is_found(exported):
    net, X = network("gelu", "float64"), samples("float64")
    expected = exact(net, X)
    weights = net.weights
    weights[1][2, 3] += 1e-12
    net.weights = weights
    with pytest.raises(AssertionError):
        expected.check(exported(net, X)["predictions"], "float64")


def test_onnx_is_not_needed_to_write(tmp_path, monkeypatch):
    import sys

    for name in ("onnx", "google.protobuf"):
        monkeypatch.setitem(sys.modules, name, None)
    network().export(tmp_path / "net.onnx")
