"""Networks that can be exported, the names of outputs, and errors."""

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.cli import main
from backprop_rs.export import FORMATS
from backprop_rs.export.c_activations import ACTIVATIONS as C
from backprop_rs.export.model import model_of
from backprop_rs.export.numpy_activations import ACTIVATIONS as NUMPY
from backprop_rs.export.onnx_activations import ACTIVATIONS as ONNX
from backprop_rs.export.protobuf import message, varint
from backprop_rs.export.vectors import vectors
from exported import DTYPES, NAMES, SCALING, TARGET, WRITTEN, exact, network, with_norm


@pytest.mark.parametrize("table", [ONNX, C, NUMPY], ids=["onnx", "c", "numpy"])
def test_each_format_has_every_activation(table):
    assert list(table) == NAMES, "activations are missing or in another order"


@pytest.mark.parametrize("suffix", [*FORMATS, *(suffix.upper() for suffix in FORMATS)])
def test_the_suffix_decides_on_the_format(suffix, tmp_path):
    network().export(tmp_path / f"net{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == [f"net{suffix}"]


@pytest.mark.parametrize("path", ["net", "net.txt", "onnx", ".onnx/net"])
def test_another_suffix_is_refused(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=rf"^path must end in \.onnx, \.c, \.py; got '{path}'$"):
        network().export(path)


CLASSES = {
    "too few": (["a", "b"], "classes must be 4 different names; got ['a', 'b']"),
    "twice": (["a", "b", "c", "a"], "classes must be 4 different names; got"),
    "no names": ([None, 2, 3, 4], "classes must all be texts, all numbers or all booleans; got"),
    "mixed": (["a", 1, "b", 2], "classes must all be texts, all numbers or all booleans; got"),
    "too large": ([0, 1, 2, 2**63], "classes must be integers of 64 bits; got"),
    "nan": ([0, 1, 2, float("nan")], "classes must be finite; got"),
    "one text": ("abcd", "classes must be a list of names; got 'abcd'"),
    "a number": (4, "classes must be a list of names; got 4"),
}


@pytest.mark.parametrize("name", CLASSES)
def test_wrong_classes_are_refused(name, tmp_path):
    classes, sentence = CLASSES[name]
    with pytest.raises((ValueError, TypeError)) as caught:
        network("softmax").export(tmp_path / "net.onnx", classes=classes)
    assert str(caught.value).startswith(sentence)
    assert not list(tmp_path.iterdir())


def test_classes_of_arguments_metadata_and_softmax():
    assert model_of(network(), None, True).classes == []
    assert model_of(network("softmax"), None, True).classes == [0, 1, 2, 3]
    net = network("softmax")
    net.metadata["class_names"] = list("abcd")
    assert model_of(net, None, True).classes == list("abcd")
    assert model_of(net, np.arange(10, 14), True).classes == [10, 11, 12, 13]
    single = network(sizes=(3, 2, 1), output="sigmoid")
    assert model_of(single, None, True).classes == []
    assert model_of(single, ["no", "yes"], True).classes == ["no", "yes"]
    with pytest.raises(ValueError, match=r"^classes must go with output 'sigmoid' or several; got"):
        model_of(network(sizes=(3, 2, 1)), ["no", "yes"], True)


def test_names_of_the_outputs():
    names = {output: "scores" for output in ("identity", "tanh")} | {"sigmoid": "probabilities"}
    for output, name in names.items():
        assert model_of(network(output=output), list("abcd"), True).outputs == name
    assert model_of(network("softmax"), None, True).outputs == "probabilities"
    assert model_of(network(output="sigmoid"), None, True).outputs == "predictions"


def test_a_wrong_preparation_is_refused(tmp_path):
    net = network()
    net.metadata["scaling"] = {"mean": [0.0], "scale": [1.0]}
    with pytest.raises(ValueError, match=r"scaling must have 3 means; got 1$"):
        net.export(tmp_path / "net.c")
    net.export(tmp_path / "net.c", preparation=False)


def test_parameters_that_are_not_finite_are_refused(tmp_path):
    net = bp.Network([1, 1], output="identity", seed=0, backend="numpy")
    net.weights = [[[1e30]]]
    with np.errstate(all="ignore"):
        for _ in range(3):
            net.step([[1e30]], [[0.0]], 1e30)
    with pytest.raises(ValueError, match=r"^weights of layer 1 must hold finite float32 numbers"):
        net.export(tmp_path / "net.py")


def test_custom_activations_are_refused():
    square = bp.Activation("square", lambda z: z * z, lambda z, a: 2 * z)
    net = bp.Network([2, 3, 1], square, seed=0, backend="numpy")
    sentence = r"^export does not support custom activations; layer 1 has 'square'$"
    for suffix in FORMATS:
        with pytest.raises(ValueError, match=sentence):
            net.export(f"net{suffix}")


class Foreign:
    """A network with an option that exported files do not support."""

    def __init__(self, net, **changed):
        self.net, self.changed = net, changed

    def __getattr__(self, name):
        return self.changed[name] if name in self.changed else getattr(self.net, name)


def test_unsupported_options_of_layers_are_refused():
    options = [{"dropout": 0.5, "made_up": 1.0}, {}]
    with pytest.raises(ValueError, match=r"^export does not support made_up; got it for layer 1$"):
        model_of(Foreign(network(), _options=options), None, True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("text", WRITTEN)
def test_test_vectors_are_right_and_their_bounds_tight(text, dtype):
    """The bounds allow for an independent computation, and not for one wrong weight."""
    net = network(text, dtype)
    X, y, bound = vectors(model_of(net, None, True))
    assert X.dtype == y.dtype == bound.dtype == dtype
    assert y.tobytes() == net.predict(X).tobytes()
    exact(net, X).check(y, dtype)
    assert bound.max() < 1e3 * np.finfo(dtype).eps * (1 + np.abs(y).max())
    weights = net.weights
    weights[0][0, 0] *= 1.001
    net.weights = weights
    assert (np.abs(net.predict(X) - y) > bound).any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_test_vectors_with_layer_normalization(dtype):
    net = with_norm(dtype)
    X, y, bound = vectors(model_of(net, None, True))
    exact(net, X).check(y, dtype)
    assert bound.max() < 1e4 * np.finfo(dtype).eps
    gains = net.gains
    gains[0][2] *= 1.01
    net.gains = gains
    assert (np.abs(net.predict(X) - y) > bound).any()


def test_test_vectors_are_in_the_units_of_the_data():
    net = network(dtype="float64")
    net.metadata |= {"scaling": SCALING, "target_scaling": TARGET}
    X, y, bound = vectors(model_of(net, None, True))
    assert (np.abs(X.mean(axis=0) - SCALING["mean"]) < 2 * np.array(SCALING["scale"])).all()
    exact(net, X, SCALING, TARGET).check(y, "float64")
    assert (bound < 1e-10).all()


def test_protocol_buffers():
    """The examples of protobuf.dev, "Encoding", and a negative number."""
    assert message((1, 150)) == b"\x08\x96\x01"
    assert message((2, "testing")) == b"\x12\x07testing"
    assert message((3, message((1, 150)))) == b"\x1a\x03\x08\x96\x01"
    assert varint(-2) == b"\xfe" + 8 * b"\xff" + b"\x01"


@pytest.fixture
def saved(tmp_path):
    net = network("softmax")
    net.metadata |= {"scaling": SCALING, "class_names": list("abcd")}
    net.save(tmp_path / "net.safetensors")
    return str(tmp_path / "net.safetensors")


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_command_writes_what_the_method_does(suffix, saved, tmp_path, capsys):
    out, raw, method = (tmp_path / name / f"net{suffix}" for name in ("out", "raw", "method"))
    for path in (out, raw, method):
        path.parent.mkdir()
    assert main(["export", saved, str(out)]) == 0
    assert capsys.readouterr().out.endswith(f" written to {out}\n")
    assert main(["export", saved, str(raw), "--raw"]) == 0
    bp.Network.load(saved).export(method)
    assert out.read_bytes() == method.read_bytes() != raw.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["net.txt"], "path must end in .onnx, .c, .py; got 'net.txt'"),
        (["no/such/folder/net.c"], "No such file or directory"),
    ],
)
def test_errors_of_the_command(arguments, sentence, saved, capsys):
    assert main(["export", saved, *arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1
