"""Networks trained by scikit-learn or PyTorch give the same predictions here."""

import json
import warnings

import backprop_rs as bp
import numpy as np
import pytest
import safetensors.numpy
from backprop_rs.cli import main
from backprop_rs.sklearn import MLPClassifier as OwnClassifier
from backprop_rs.sklearn import MLPRegressor as OwnRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.neural_network._base import ACTIVATIONS as THEIRS

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4))
LABELS = X[:, :3].argmax(axis=1)
VALUES = X @ RANDOM.normal(size=(4, 3))


def fitted(kind, y, dtype=np.float64, **settings):
    settings = {"hidden_layer_sizes": (7, 5), "max_iter": 5, "random_state": 0} | settings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return kind(**settings).fit(X.astype(dtype), y)


def close(ours, theirs, dtype):
    """Return True if outputs agree to the rounding of three layers of up to seven inputs."""
    assert ours.dtype == dtype and ours.shape == theirs.shape
    return np.abs(ours - theirs).max() < 100 * np.finfo(dtype).eps * max(1, np.abs(theirs).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_a_classifier(activation, dtype, backend):
    mlp = fitted(MLPClassifier, LABELS, dtype, activation=activation)
    net = bp.Network.from_sklearn(mlp, backend=backend)
    assert close(net.predict(X.astype(dtype)), mlp.predict_proba(X.astype(dtype)), dtype)
    assert (net.output, net.cost) == ("softmax", "cross_entropy")
    assert net.metadata == {"class_names": [0, 1, 2]}
    assert net.epochs_trained == 5


@pytest.mark.parametrize("activation", ["logistic", "relu"])
@pytest.mark.parametrize("y", [VALUES, VALUES[:, 0]], ids=["three", "one"])
def test_a_regressor(y, activation):
    mlp = fitted(MLPRegressor, y, activation=activation)
    net = bp.Network.from_sklearn(mlp)
    assert close(net.predict(X), mlp.predict(X).reshape(len(X), -1), "float64")
    assert net.metadata == {}


def test_all_their_activations_have_a_name_here():
    from backprop_rs.importing.estimator import activation_of
    from exported import NAMES

    assert {activation_of(name) for name in THEIRS} <= set(NAMES)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_the_cost_has_their_scale(loss):
    """One step of theirs from these parameters is one of ours, for one output (issue 8349)."""
    y = np.abs(VALUES[:, :1]) if loss == "poisson" else VALUES[:, :1]
    settings = {"solver": "sgd", "momentum": 0, "alpha": 0, "batch_size": 60, "loss": loss}
    mlp = fitted(MLPRegressor, y.ravel(), **settings)
    net = bp.Network.from_sklearn(mlp)
    mlp.partial_fit(X, y.ravel())
    net.step(X, y, learning_rate=mlp.learning_rate_init)
    for w, coefs in zip(net.weights, mlp.coefs_, strict=True):
        assert np.abs(w - coefs.T).max() < 1e-14


def test_the_cost_of_a_classifier_has_their_scale():
    mlp = fitted(MLPClassifier, LABELS, solver="sgd", momentum=0, alpha=0, batch_size=60)
    net = bp.Network.from_sklearn(mlp)
    mlp.partial_fit(X, LABELS)
    assert net.step(X, LABELS, mlp.learning_rate_init) == pytest.approx(mlp.loss_, rel=1e-12)
    for w, coefs in zip(net.weights, mlp.coefs_, strict=True):
        assert np.abs(w - coefs.T).max() < 1e-14


CLASSES = {
    "text": (np.array(["a", "b", "c"])[LABELS], ["a", "b", "c"]),
    "two": (np.array(["no", "yes"])[LABELS % 2], ["no", "yes"]),
    "truth": (LABELS > 0, [False, True]),
    "floats": (LABELS.astype(float), [0.0, 1.0, 2.0]),
}


@pytest.mark.parametrize("name", CLASSES)
def test_classes_are_kept(name, tmp_path):
    y, names = CLASSES[name]
    mlp = fitted(MLPClassifier, y)
    net = bp.Network.from_sklearn(mlp)
    assert net.metadata["class_names"] == names
    assert list(map(type, net.metadata["class_names"])) == list(map(type, names))
    assert close(net.predict(X), mlp.predict_proba(X)[:, 3 - len(names) :], "float64")
    net.save(tmp_path / "net.safetensors")
    net.export(tmp_path / "net.py")
    assert json.loads(json.dumps(net.metadata)) == net.metadata


def test_the_command_knows_two_classes_of_one_output(tmp_path, capsys):
    mlp = fitted(MLPClassifier, CLASSES["two"][0])
    bp.Network.from_sklearn(mlp).save(tmp_path / "net.safetensors")
    np.savetxt(tmp_path / "X.csv", X, "%.17g", ",", header="a,b,c,d", comments="")
    assert main(["predict", str(tmp_path / "net.safetensors"), str(tmp_path / "X.csv")]) == 0
    header, *rows = [line.split(",") for line in capsys.readouterr().out.splitlines()]
    assert header == ["prediction", "no", "yes"]
    assert [row[0] for row in rows] == mlp.predict(X).tolist()
    shown = np.array([row[1:] for row in rows], float)
    assert np.abs(shown - mlp.predict_proba(X)).max() < 1e-6  # data sets are float32


def test_several_labels_per_sample_have_no_class_names():
    mlp = fitted(MLPClassifier, (VALUES > 0).astype(int))
    net = bp.Network.from_sklearn(mlp)
    assert (net.output, net.metadata) == ("sigmoid", {})
    assert close(net.predict(X), mlp.predict_proba(X), "float64")


def test_names_of_features_are_kept():
    import pandas

    mlp = MLPRegressor(hidden_layer_sizes=(3,), max_iter=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mlp.fit(pandas.DataFrame(X, columns=list("abcd")), VALUES)
    assert bp.Network.from_sklearn(mlp).metadata == {"feature_names": list("abcd")}


COSTS = {"squared_error": "mean_squared_error(scale=0.5)", "poisson": "poisson"}
OWN = [
    {"activation": ["tanh", "gelu"], "cost": "huber(2)"},
    {"activation": "leaky_relu(0.2)", "output_activation": "softplus", "loss": "poisson"},
    {},
]


@pytest.mark.parametrize("settings", OWN)
def test_the_estimators_of_this_package(settings):
    mlp = fitted(OwnRegressor, np.abs(VALUES), **settings)
    net = bp.Network.from_sklearn(mlp)
    assert (net.predict(X) == mlp.predict(X)).all()
    assert net.cost == {"huber(2)": "huber(delta=2)"}.get(mlp.cost, COSTS[mlp.loss])
    mlp = fitted(OwnClassifier, LABELS, activation=settings.get("activation", "relu"))
    assert (bp.Network.from_sklearn(mlp).predict(X) == mlp.predict_proba(X)).all()


def test_other_objects_than_fitted_mlps_are_refused():
    with pytest.raises(
        TypeError, match=r"^mlp must be a fitted MLPClassifier or MLPRegressor; got"
    ):
        bp.Network.from_sklearn([1, 2])
    with pytest.raises(ValueError, match=r"got MLPClassifier without coefs_$"):
        bp.Network.from_sklearn(MLPClassifier())


# Arrays by name.


class Tensor:
    """A substitute for a tensor of PyTorch: on another device, with a gradient, not an array."""

    def __init__(self, array, ready=False):
        self.array, self.ready = array, ready

    def detach(self):
        return Tensor(self.array)

    def cpu(self):
        return Tensor(self.array, ready=True)

    def __array__(self, dtype=None, copy=None):
        assert self.ready
        return self.array


def arrays(names, sizes=(4, 6, 5, 3), dtype=np.float32):
    tensors = {}
    for name, n_in, n_out in zip(names, sizes, sizes[1:], strict=False):
        tensors[f"{name}.weight"] = RANDOM.normal(size=(n_out, n_in)).astype(dtype)
        tensors[f"{name}.bias"] = RANDOM.normal(size=n_out).astype(dtype)
    return tensors


@pytest.mark.parametrize("tensor", [np.asarray, Tensor], ids=["arrays", "tensors"])
@pytest.mark.parametrize("names", [("0", "2", "4"), ("fc1", "fc2", "fc3"), ("in", "hidden", "out")])
def test_a_state_dictionary(names, tensor, backend):
    state = arrays(names)
    net = bp.Network.from_state_dict(
        {name: tensor(array) for name, array in state.items()}, "relu", "softmax", backend=backend
    )
    a = X.astype(np.float32)
    for i, name in enumerate(names):
        z = a @ state[f"{name}.weight"].T + state[f"{name}.bias"]
        a = np.maximum(z, 0) if i < 2 else np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    assert close(net.predict(X), a, "float32")


@pytest.mark.parametrize("names", [("9", "10", "100"), ("m.l9", "m.l10", "m.l11")])
def test_numbers_decide_the_order(names, tmp_path):
    state = arrays(names, (4, 4, 4, 4))
    upside_down = dict(reversed(state.items()))
    safetensors.numpy.save_file(upside_down, tmp_path / "net.safetensors")
    for source in (state, upside_down, tmp_path / "net.safetensors"):
        net = bp.Network.from_state_dict(source)
        for name, w, b in zip(names, net.weights, net.biases, strict=True):
            assert (w == state[f"{name}.weight"]).all() and (b == state[f"{name}.bias"]).all()


def test_the_order_may_be_given(tmp_path):
    state = arrays(("body", "head"), (4, 4, 4))
    path = tmp_path / "net.safetensors"
    safetensors.numpy.save_file(state, path)
    with pytest.raises(
        ValueError, match=r"^layers must say in which order (body, head|head, body)"
    ):
        bp.Network.from_state_dict(path)
    net = bp.Network.from_state_dict(path, layers=["head", "body"])
    assert (net.weights[0] == state["head.weight"]).all()
    with pytest.raises(ValueError, match=r"^layers must be .* in their order; got \['head'\]$"):
        bp.Network.from_state_dict(path, layers=["head"])


def test_without_biases_and_without_a_name():
    net = bp.Network.from_state_dict({"weight": np.ones((3, 2))})
    assert net.sizes == [2, 3] and net.dtype == "float64" and not net.biases[0].any()
    assert (
        bp.Network.from_state_dict({"weight": np.ones((3, 2))}, dtype="float32").dtype == "float32"
    )


def bfloat16(array):
    return (array.view(np.uint32) >> 16).astype("<u2")


@pytest.mark.parametrize("dtype", ["F64", "F32", "F16", "BF16"])
def test_types_of_a_file(dtype, tmp_path):
    w = np.float32([[1.0, -2.5], [0.125, 3.0], [2.0**-14, 100.0]])  # exact in all four
    kinds = {"F64": np.float64, "F32": np.float32, "F16": np.float16}
    data = (bfloat16(w) if dtype == "BF16" else w.astype(kinds[dtype])).tobytes()
    entry = {"dtype": dtype, "shape": [3, 2], "data_offsets": [0, len(data)]}
    header = json.dumps({"0.weight": entry}).encode()
    path = tmp_path / "net.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    net = bp.Network.from_state_dict(path)
    assert net.dtype == ("float64" if dtype == "F64" else "float32")
    assert (net.weights[0] == w).all()


W = np.ones((3, 2))
WRONG = {
    "no weight": ({}, "arrays must hold at least one weight; got none"),
    "another name": ({"a.gamma": W}, "arrays must have names that end in weight or bias; got"),
    "a convolution": ({"a.weight": W[None]}, "arrays must be weights (n_out, n_in) and biases"),
    "a norm": ({"a.weight": W[0]}, "arrays must be weights (n_out, n_in) and biases"),
    "a bias alone": ({"a.bias": W[0]}, "arrays must have a weight for each bias; 'a' has none"),
    "a bias of another size": (
        {"a.weight": W, "a.bias": W[0]},
        "arrays of a layer must go together; 'a' has (3, 2) and (2,)",
    ),
    "no chain": (
        {"1.weight": W, "2.weight": W},
        "layers must follow each other; '1' gives 3 activations and '2' takes 2",
    ),
    "text": ({"a.weight": [["a"]]}, "arrays['a.weight'] must hold bools, integers or floats; got"),
    "not finite": ({"a.weight": W * np.nan}, "init"),
    "no mapping": (
        [W],
        "arrays must be a mapping of names to arrays, or the path of a safetensors",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_arrays_of_other_layers_are_refused(name):
    state, sentence = WRONG[name]
    with pytest.raises((ValueError, TypeError)) as caught:
        bp.Network.from_state_dict(state)
    assert str(caught.value).startswith(sentence) or name == "not finite"


ENTRY = {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]}
DAMAGE = {
    "no safetensors": b"PK\x03\x04" * 20,
    "short": b"1",
    "no offsets": {"dtype": "F32", "shape": [3, 2]},
    "integers": ENTRY | {"dtype": "I64"},
    "a list as type": ENTRY | {"dtype": ["F32"]},
    "beyond the end": ENTRY | {"data_offsets": [24, 48]},
    "huge": ENTRY | {"shape": [2**40, 2**40]},
    "negative": ENTRY | {"shape": [-3, -2]},
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_files_are_refused(name, tmp_path):
    content = DAMAGE[name]
    if isinstance(content, dict):
        header = json.dumps({"0.weight": content}).encode()
        content = len(header).to_bytes(8, "little") + header + bytes(24)
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"^arrays must name a safetensors file of weights and bias"
    ):
        bp.Network.from_state_dict(path)


def file_of(path, entries, numbers):
    header = json.dumps(entries).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(numbers))
    return path


def test_arrays_that_share_bytes_are_refused(tmp_path):
    """A small file could fill the memory otherwise."""
    entries = {f"{i}.weight": ENTRY for i in range(1000)}
    with pytest.raises(ValueError, match=r"has an overlap before the numbers of"):
        bp.Network.from_state_dict(file_of(tmp_path / "net", entries, 24))


@pytest.mark.parametrize(
    ("entries", "numbers", "words"),
    [
        ({"0.weight": ENTRY}, 25, "holds 1 bytes more than its arrays"),
        ({"0.weight": ENTRY | {"data_offsets": [4, 28]}}, 28, "has a hole"),
        ({"0.weight": ENTRY | {"shape": [1] * 9}}, 24, "not of 8 sizes or fewer"),
        ({str(i): ENTRY for i in range(100_001)}, 24, "100000 is the most"),
    ],
)
def test_headers_are_limited_as_those_of_models_are(entries, numbers, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        bp.Network.from_state_dict(file_of(tmp_path / "net", entries, numbers))


def test_a_missing_file_is_missing():
    with pytest.raises(FileNotFoundError):
        bp.Network.from_state_dict("no such file")
