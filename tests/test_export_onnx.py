"""ONNX files pass the checker and give the network's outputs in ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from backprop_rs.reference.activation import activation
from exported import (
    DTYPES,
    ELEMENTWISE,
    SCALING,
    TARGET,
    WRITTEN,
    edges,
    exact,
    network,
    neuron,
    samples,
    steep,
    with_norm,
)


def run(path, X):
    """The outputs by their names."""
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"X": X}), strict=True))


@pytest.fixture
def exported(tmp_path):
    def export(net, X, **options):
        net.export(tmp_path / "net.onnx", **options)
        return run(tmp_path / "net.onnx", X)

    return export


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("text", WRITTEN)
def test_each_activation_is_within_its_bound(text, dtype, exported):
    net, X = network(text, dtype), samples(dtype)
    results = exported(net, X)
    exact(net, X).holds(results["probabilities" if text == "softmax" else "predictions"], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("text", ELEMENTWISE)
def test_tiny_and_huge_inputs(text, dtype, exported):
    net, (z, expected) = neuron(text, dtype), edges(activation(text), dtype)
    expected.holds(exported(net, z)["predictions"], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_layer_normalisation(dtype, exported):
    net, X = with_norm(dtype), samples(dtype)
    exact(net, X).holds(exported(net, X)["probabilities"], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_beyond_the_range_of_exp(dtype, exported):
    net, X = steep(dtype), samples(dtype)
    exact(net, X).holds(exported(net, X)["probabilities"], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [None, ["a", "ü", "c c", '"'], [7, -1, 2**40, 0]])
def test_classifiers_have_labels_and_probabilities(classes, dtype, exported):
    net, X = network("softmax", dtype), samples(dtype)
    results = exported(net, X, classes=classes)
    assert list(results) == ["label", "probabilities"]
    exact(net, X).holds(results["probabilities"], dtype)
    expected = np.array(classes or range(4))[net.predict(X).argmax(axis=1)]
    assert results["label"].tolist() == expected.tolist()
    assert len(set(expected.tolist())) > 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_output_tells_two_classes_apart(dtype, exported):
    net, X = network("relu", dtype, (3, 7, 1), "sigmoid"), samples(dtype)
    results = exported(net, X, classes=["no", "yes"])
    p = net.predict(X)
    exact(net, X).holds(results["probabilities"][:, 1:], dtype)
    assert np.allclose(results["probabilities"].sum(axis=1), 1, rtol=0, atol=np.finfo(dtype).eps)
    expected = np.array(["no", "yes"])[(p[:, 0] >= 0.5).astype(int)]
    assert results["label"].tolist() == expected.tolist()
    assert len(set(expected)) == 2


@pytest.mark.parametrize("dtype", DTYPES)
def test_data_go_in_and_out_in_their_own_units(dtype, exported):
    net = network("tanh", dtype)
    net.metadata |= {"scaling": SCALING, "target_scaling": TARGET, "feature_names": list("xyz")}
    X = (samples(dtype) * SCALING["scale"] + SCALING["mean"]).astype(dtype)
    exact(net, X, SCALING, TARGET).holds(exported(net, X)["predictions"], dtype)
    exact(net, samples(dtype)).holds(
        exported(net, samples(dtype), preparation=False)["predictions"], dtype
    )


@pytest.mark.parametrize("m", [0, 1, 13])
def test_any_number_of_rows(m, exported):
    results = exported(network("softmax"), samples("float32", m))
    assert results["label"].shape == (m,) and results["probabilities"].shape == (m, 4)


def test_deep_and_without_a_hidden_layer(exported):
    for sizes in ((3, 4), (3, 5, 6, 7, 8, 4)):
        net = network("softmax", sizes=sizes)
        exact(net, samples("float32")).holds(
            exported(net, samples("float32"))["probabilities"], "float32"
        )


def test_what_the_file_says_of_itself(tmp_path):
    net = network("softmax")
    net.metadata["feature_names"] = ["x", "y", "z"]
    net.export(tmp_path / "my net.onnx", classes=list("abcd"))
    model = onnx.load(tmp_path / "my net.onnx")
    assert (model.ir_version, model.opset_import[0].version) == (7, 13)
    assert model.producer_name == "backprop_rs"
    assert model.graph.name == "my net" and model.doc_string == repr(net)
    properties = {one.key: one.value for one in model.metadata_props}
    assert properties == {
        "feature_names": '["x", "y", "z"]',
        "class_names": '["a", "b", "c", "d"]',
    }
    dim = model.graph.input[0].type.tensor_type.shape.dim
    assert (dim[0].dim_param, dim[1].dim_value) == ("batch", 3)
    (weights,) = (one for one in model.graph.initializer if one.name == "w1")
    assert onnx.numpy_helper.to_array(weights).tobytes() == net.weights[0].tobytes()


def test_a_wrong_weight_would_be_seen(exported):
    net, X = network("gelu", "float64"), samples("float64")
    expected = exact(net, X)
    weights = net.weights
    weights[1][2, 3] += 1e-12
    net.weights = weights
    with pytest.raises(AssertionError):
        expected.holds(exported(net, X)["predictions"], "float64")


def test_onnx_is_not_needed_to_write(tmp_path, monkeypatch):
    import sys

    for name in ("onnx", "google.protobuf"):
        monkeypatch.setitem(sys.modules, name, None)
    network().export(tmp_path / "net.onnx")
