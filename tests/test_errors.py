"""Bad input: one sentence that names the argument, the given value and the accepted ones.

The sentences are listed once here and hold for both backends.
"""
# ruff: noqa: E501 (a sentence stands on one line)

import subprocess
import sys
import warnings

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.tables.activation import ACTIVATIONS
from backprop_rs.tables.cost import COSTS
from backprop_rs.tables.init import INITS
from backprop_rs.tables.optimizer import OPTIMIZERS
from backprop_rs.tables.schedule import CURVES

NAMES = ", ".join(row.name for row in ACTIVATIONS)
COST_NAMES = ", ".join(row.name for row in COSTS)
OPTIMIZER_NAMES = ", ".join(row.name for row in OPTIMIZERS)
INIT_NAMES = ", ".join(row.name for row in INITS)
CURVE_NAMES = ", ".join(row.name for row in CURVES)
FOREIGN = (
    "state does not fit this network and optimizer: 'snapshot' is missing or has another shape"
)
SIZES = "sizes must be at least two positive integers; got "
X = np.zeros((4, 2), np.float32)
Y = np.zeros((4, 3), np.float32)


def nan_at(row, column, shape=(4, 2), value=np.nan):
    array = np.zeros(shape)
    array[row, column] = value
    return array


SETTINGS = [
    ({"activation": "sigmod"}, f"activation must be one of {NAMES}; got 'sigmod' (did you mean 'sigmoid'?)"),
    ({"activation": "swash"}, f"activation must be one of {NAMES}; got 'swash'"),
    ({"activation": ["relu", "Tanh"]}, f"activation must be one of {NAMES}; got 'Tanh' (did you mean 'tanh'?)"),
    ({"activation": ["relu"]}, "activation must be one name or one per hidden layer (2); got 1 names"),
    ({"activation": 5}, "activation must be one name or one per hidden layer (2); got 5"),
    ({"activation": "softmax"}, "softmax can only be the output activation; got it for hidden layer 1"),
    ({"activation": ["relu", "softmax"]}, "softmax can only be the output activation; got it for hidden layer 2"),
    ({"sizes": [2, 1], "output": "softmax"}, "softmax needs at least 2 output neurons; got 1"),
    ({"sizes": [2, 1], "activation": "sigmod"}, f"activation must be one of {NAMES}; got 'sigmod' (did you mean 'sigmoid'?)"),
    ({"output": "sofmax"}, f"activation must be one of {NAMES}; got 'sofmax' (did you mean 'softmax'?)"),
    ({"output": None}, f"activation must be one of {NAMES}; got None"),
    ({"cost": "mse"}, f"cost must be one of {COST_NAMES}; got 'mse' (did you mean 'mean_squared_error'?)"),
    ({"cost": "cross_entropy", "output": "relu"}, "cost 'cross_entropy' requires output sigmoid or softmax; got output 'relu'"),
    ({"sizes": [2, 0]}, SIZES + "[2, 0]"),
    ({"sizes": [2, -1, 3]}, SIZES + "[2, -1, 3]"),
    ({"sizes": [2]}, SIZES + "[2]"),
    ({"sizes": []}, SIZES + "[]"),
    ({"sizes": 5}, SIZES + "5"),
    ({"sizes": [2, 3.5]}, SIZES + "[2, 3.5]"),
    ({"dtype": "float16"}, "dtype must be float32 or float64; got 'float16'"),
    ({"dtype": "double precision"}, "dtype must be float32 or float64; got 'double precision'"),
    ({"dtype": None}, "dtype must be float32 or float64; got None"),
    ({"seed": -1}, "seed must be an integer from 0 to 18446744073709551615; got -1"),
    ({"seed": 0.5}, "seed must be an integer from 0 to 18446744073709551615; got 0.5"),
    ({"seed": True}, "seed must be an integer from 0 to 18446744073709551615; got True"),
    ({"init": "zero"}, f"init must be one of {INIT_NAMES}; got 'zero' (did you mean 'zeros'?)"),
    ({"init": [np.zeros((2, 2))]}, "weights must be a list of 3 arrays, one per layer; got 1"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "sentence"), SETTINGS, ids=lambda value: str(value)[:40])
def test_settings(settings, sentence, backend):
    arguments = {"sizes": [2, 4, 4, 3], "activation": "sigmoid", **settings}
    with pytest.raises((ValueError, TypeError)) as caught:
        bp.Network(**arguments, backend=backend)
    assert str(caught.value) == sentence


BACKEND = "backend must be one of auto, rust, numpy; got 'rusty' (did you mean 'rust'?)"


def test_unknown_backend():
    with pytest.raises(ValueError) as caught:
        bp.Network([2, 3], backend="rusty")
    assert str(caught.value) == BACKEND


CORE = [
    ([2, 0], ["sigmoid"], "squared_error"),
    ([2], [], "squared_error"),
    ([2, 3], ["sigmod"], "squared_error"),
    ([2, 3], ["sigmoid"], "crossentropy"),
    ([2, 3, 3], ["softmax", "softmax"], "squared_error"),
    ([2, 1], ["softmax"], "cross_entropy"),
    ([2, 3], ["tanh"], "cross_entropy"),
]


@pytest.mark.parametrize("arguments", CORE, ids=str)
def test_cores_word_settings_alike(arguments, both):
    """This also holds without the checks of the public interface."""
    sentences = []
    for module in both:
        with pytest.raises(ValueError) as caught:
            module.Network(*arguments, "float32")
        sentences.append(str(caught.value))
    assert sentences[0] == sentences[1]


def rust(*activations, sizes=(2, 3), dtype="float32", norm=False):
    """Return a network of the Rust core, which must be safe without the checks of the interface."""
    core = pytest.importorskip("backprop_rs._core")
    options = dict.fromkeys(["dropout", "l1", "l2", "weight_decay", "max_norm"], 0.0)
    options = [options | {"layer_norm": norm} for _ in activations]
    return core.Network(list(sizes), list(activations), "squared_error", dtype, options)


ROWS = 2**32 - 1  # more than a number of 32 bits can count
RUST = [
    (lambda _: rust("tanh", "tanh"), "activations must be one per layer (1); got 2 names"),
    (lambda _: rust("tanh", sizes=(2, 1), norm=True), "layer_norm must be for layers of 2 neurons or more; got 1 in layer 1"),
    (lambda _: rust("tanh", dtype="float16"), "dtype must be float32 or float64; got 'float16'"),
    (lambda _: rust("tanh").go_back(rust("tanh", dtype="float64").snapshot()), FOREIGN),
    (lambda _: rust("tanh").go_back(rust("tanh", sizes=(2, 40)).snapshot()), FOREIGN),
    (lambda _: rust("tanh", dtype="float64").go_back(rust("tanh", sizes=(20, 3), dtype="float64").snapshot()), FOREIGN),
    (lambda core: core.shuffled(ROWS, 0, (0, 0, 0)), f"X must have fewer than {ROWS} rows; got {ROWS}"),
    (lambda core: core.set_num_threads(0), "n must be an integer >= 1; got 0"),
    (lambda core: core.first_nonfinite(np.zeros(3, int)), "X must be an array of float32 or float64"),
    (lambda core: core.fma_peak("float16", 1), "dtype must be float32 or float64; got 'float16'"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "sentence"), RUST, ids=[sentence[:40] for _, sentence in RUST])
def test_the_rust_core_checks_what_could_harm_it(call, sentence):
    with pytest.raises((ValueError, TypeError)) as caught:
        call(pytest.importorskip("backprop_rs._core"))
    assert str(caught.value) == sentence


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_core_goes_back_to_a_snapshot(dtype):
    net = rust("tanh", dtype=dtype)
    before, snapshot = net.weights()[0], net.snapshot()
    assert snapshot.is_finite()
    net.set_weights([np.full((3, 2), np.nan, dtype)])
    assert not net.snapshot().is_finite()
    net.go_back(snapshot)
    assert np.array_equal(net.weights()[0], before)


def test_live_snapshots_do_not_share_memory():
    """The memory of a released snapshot is used again."""
    net = rust("tanh")
    filled = [np.full((3, 2), i, "float32") for i in range(4)]
    snapshots = []
    for w in filled:
        net.set_weights([w])
        snapshots.append(net.snapshot())
        net.snapshot()  # released at once
    for w, snapshot in zip(filled, snapshots, strict=True):
        net.go_back(snapshot)
        assert np.array_equal(net.weights()[0], w)


@pytest.mark.parametrize(("call", "arguments"), [("table", ["row"]), ("canonical", ["row", "x"])])
def test_an_unknown_table(call, arguments, core):
    sentence = "kind must be one of activation, cost, init, optimizer, schedule; got 'row'"
    with pytest.raises(ValueError) as caught:
        getattr(core, call)(*arguments)
    assert str(caught.value) == sentence


INPUTS = [
    (np.zeros((4, 3)), "X must have shape (m, 2) or (2,); got (4, 3)"),
    (np.zeros(3), "X must have shape (m, 2) or (2,); got (3,)"),
    (np.zeros((1, 4, 2)), "X must have shape (m, 2) or (2,); got (1, 4, 2)"),
    (1.5, "X must have shape (m, 2) or (2,); got ()"),
    (np.zeros((0, 2)), "X must have at least one row; got shape (0, 2)"),
    ([], "X must have at least one row; got shape (0,)"),
    (nan_at(2, 1), "X must hold finite float32 numbers; got nan in row 2, column 1 (counted from 0)"),
    (nan_at(3, 0, value=-np.inf), "X must hold finite float32 numbers; got -inf in row 3, column 0 (counted from 0)"),
    (nan_at(1, 1, value=1e300), "X must hold finite float32 numbers; got 1e+300 in row 1, column 1 (counted from 0)"),
    (nan_at(2, 1).astype(np.float32), "X must hold finite float32 numbers; got nan in row 2, column 1 (counted from 0)"),
    (np.asfortranarray(nan_at(2, 1)), "X must hold finite float32 numbers; got nan in row 2, column 1 (counted from 0)"),
    ([0, np.nan], "X must hold finite float32 numbers; got nan in row 0, column 1 (counted from 0)"),
    ([[1, 2], [3]], "X must be a rectangular array of numbers; got list that NumPy cannot convert"),
    ([["a", "b"]], "X must hold bools, integers or floats; got dtype <U1"),
    (np.zeros((4, 2), complex), "X must hold bools, integers or floats; got dtype complex128"),
    (np.zeros((4, 2), object), "X must hold bools, integers or floats; got dtype object"),
    (None, "X must hold bools, integers or floats; got dtype object"),
]  # fmt: skip


def calls(net, x, y):
    """Return a call of every method that takes data."""
    return {
        "predict": lambda: net.predict(x),
        "activations": lambda: net.activations(x),
        "backward": lambda: net.backward(x, y),
        "evaluate": lambda: net.evaluate(x, y),
        "step": lambda: net.step(x, y, 0.1),
        "fit": lambda: net.fit(x, y),
        "validation": lambda: net.fit(X, Y, validation_data=(x, y)),
    }


METHODS = list(calls(None, None, None))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("value", "sentence"), INPUTS, ids=lambda value: str(value)[:40])
def test_inputs(value, sentence, method, backend):
    net = bp.Network([2, 4, 3], seed=0, backend=backend)
    before = net.weights
    with pytest.raises((ValueError, TypeError)) as caught:
        calls(net, value, Y)[method]()
    assert str(caught.value) == sentence
    assert all(np.array_equal(w, v) for w, v in zip(before, net.weights, strict=True))


TARGETS = [
    (np.zeros((3, 3)), "y must have as many rows as X (4); got 3"),
    ([0, 1, 2], "y must have as many rows as X (4); got 3"),
    (np.zeros((4, 2)), "y must have shape (4, 3) or (4,) of integer class labels; got (4, 2) of float64"),
    (np.zeros(4), "y must have shape (4, 3) or (4,) of integer class labels; got (4,) of float64"),
    (0, "y must have shape (4, 3) or (4,) of integer class labels; got () of int64"),
    ([0, 1, 3, 2], "y must hold class labels from 0 to 2; got 3 in row 2 (counted from 0)"),
    ([0, -1, 0, 0], "y must hold class labels from 0 to 2; got -1 in row 1 (counted from 0)"),
    (nan_at(3, 2, (4, 3)), "y must hold finite float32 numbers; got nan in row 3, column 2 (counted from 0)"),
    (["a", "b", "c", "d"], "y must hold bools, integers or floats; got texts such as 'a': bp.data.Dataset(X, y) holds them as labels y and class_names"),
    (nan_at(1, 2, (4, 3), 1.5), "y must lie between 0 and 1 for cost 'cross_entropy'; got 1.5 in row 1, column 2 (counted from 0)"),
    (nan_at(1, 2, (4, 3), -0.5), "y must lie between 0 and 1 for cost 'cross_entropy'; got -0.5 in row 1, column 2 (counted from 0)"),
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS[2:])
@pytest.mark.parametrize(("value", "sentence"), TARGETS, ids=lambda value: str(value)[:40])
def test_targets(value, sentence, method, backend):
    net = bp.Network([2, 4, 3], cost="cross_entropy", seed=0, backend=backend)
    with pytest.raises((ValueError, TypeError)) as caught:
        calls(net, X, value)[method]()
    assert str(caught.value) == sentence


def test_targets_of_one_output(backend):
    net = bp.Network([2, 4, 1], seed=0, backend=backend)
    with pytest.raises(ValueError) as caught:
        net.evaluate(X, np.zeros((4, 2)))
    assert str(caught.value) == "y must have shape (4, 1) or (4,); got (4, 2) of float64"


TRAINING = [
    ({"learning_rate": -1.0}, "learning_rate must be a finite number >= 0; got -1.0"),
    ({"learning_rate": np.inf}, "learning_rate must be a finite number >= 0; got inf"),
    ({"learning_rate": "fast"}, "learning_rate must be a finite number >= 0; got 'fast'"),
    ({"batch_size": 0}, "batch_size must be an integer >= 1; got 0"),
    ({"batch_size": 2.5}, "batch_size must be an integer >= 1; got 2.5"),
    ({"batch_size": True}, "batch_size must be an integer >= 1; got True"),
    ({"epochs": -1}, "epochs must be an integer >= 0; got -1"),
    ({"epochs": "ten"}, "epochs must be an integer >= 0; got 'ten'"),
    ({"optimizer": "adm"}, f"optimizer must be one of {OPTIMIZER_NAMES}; got 'adm' (did you mean 'adam'?)"),
    ({"optimizer": 3}, f"optimizer must be one of {OPTIMIZER_NAMES}; got 3"),
    ({"optimizer": {"beta1": 0.9}}, f"optimizer must be one of {OPTIMIZER_NAMES}; got {{'beta1': 0.9}}"),
    ({"optimizer": {"name": "adam", "beta3": 0.9}}, "optimizer 'adam' has settings beta1, beta2, epsilon, amsgrad, epsilon_hat; got 'beta3'"),
    ({"optimizer": "sgd(speed=0.9)"}, "optimizer 'sgd' has settings momentum, nesterov, velocity; got 'speed'"),
    ({"optimizer": {"name": "adam", "beta1": 1}}, "beta1 of optimizer 'adam' must be a number >= 0 and < 1; got 1"),
    ({"schedule": 3}, f"schedule must be one of {CURVE_NAMES}; got 3"),
    ({"schedule": "cosin"}, f"schedule must be one of {CURVE_NAMES}; got 'cosin' (did you mean 'cosine'?)"),
    ({"schedule": "cosine then constant"}, "schedule 'cosine' needs a length before 'then'; got none"),
    ({"schedule": "warmup(3) then step * exponential then constant"}, "schedule 'step' needs a length before 'then'; got none"),
    ({"validation_data": X}, "validation_data must be a pair (X, y) or a source; got ndarray"),
    ({"progress": "yes"}, "progress must be True, False or None; got 'yes'"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "sentence"), TRAINING, ids=lambda value: str(value)[:40])
def test_training(settings, sentence, backend):
    net = bp.Network([2, 4, 3], seed=0, backend=backend)
    with pytest.raises((ValueError, TypeError)) as caught:
        net.fit(X, Y, **settings)
    assert str(caught.value) == sentence


PARAMETERS = [
    ("weights", [np.zeros((4, 2))], "weights must be a list of 2 arrays, one per layer; got 1"),
    ("weights", np.zeros((4, 2)), "weights must be a list of 2 arrays, one per layer; got ndarray"),
    ("weights", [np.zeros((2, 4)), np.zeros((3, 4))], "weights of layer 1 must have shape (4, 2); got (2, 4)"),
    ("weights", [np.zeros((4, 2)), nan_at(1, 3, (3, 4))], "weights of layer 2 must hold finite float32 numbers; got nan in row 1, column 3 (counted from 0)"),
    ("biases", [np.zeros(4), np.zeros((3, 1))], "biases of layer 2 must have shape (3,); got (3, 1)"),
    ("biases", [np.zeros(4), ["a", "b", "c"]], "biases of layer 2 must hold bools, integers or floats; got dtype <U1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "sentence"), PARAMETERS)
def test_parameters(name, value, sentence, backend):
    net = bp.Network([2, 4, 3], seed=0, backend=backend)
    before = net.weights
    with pytest.raises((ValueError, TypeError)) as caught:
        setattr(net, name, value)
    assert str(caught.value) == sentence
    assert all(np.array_equal(w, v) for w, v in zip(before, net.weights, strict=True))


def read_only(shape):
    array = np.zeros(shape, np.float32)
    array.flags.writeable = False
    return array


OUT = "out must be a writable C-contiguous float32 array of shape (4, 3); got "
OUTPUTS = [
    (np.zeros((4, 3)), OUT + "float64 of shape (4, 3)"),
    (np.zeros((3, 4), np.float32), OUT + "float32 of shape (3, 4)"),
    (np.zeros((3, 4), np.float32).T, OUT + "one that is read-only or not contiguous"),
    (read_only((4, 3)), OUT + "one that is read-only or not contiguous"),
    ([[0.0] * 3] * 4, OUT + "list"),
]


@pytest.mark.parametrize(("out", "sentence"), OUTPUTS, ids=lambda value: str(value)[:40])
def test_outputs(out, sentence, backend):
    with pytest.raises((ValueError, TypeError)) as caught:
        bp.Network([2, 4, 3], seed=0, backend=backend).predict(X, out)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(("n", "got"), [(0, "0"), (-2, "-2"), ("two", "'two'"), (1.5, "1.5")])
def test_threads(n, got):
    with pytest.raises((ValueError, TypeError)) as caught:
        bp.set_num_threads(n)
    assert str(caught.value) == f"n must be an integer >= 1; got {got}"


def test_auto_warns_without_the_core(monkeypatch):
    monkeypatch.setitem(sys.modules, "backprop_rs._core", None)
    monkeypatch.delattr(bp, "_core", raising=False)
    with pytest.warns(RuntimeWarning, match="the NumPy backend is used, because the compiled core"):
        assert bp.Network([2, 3]).backend == "numpy"
    with pytest.raises(ImportError):
        bp.Network([2, 3], backend="rust")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bp.Network([2, 3], backend="numpy").backend == "numpy"
        assert bp.get_num_threads() == 1
    with pytest.warns(RuntimeWarning, match="set_num_threads has no effect"):
        bp.set_num_threads(2)


def test_training_needs_no_core():
    """Only CSV files do."""
    program = """
import sys, warnings
sys.modules["backprop_rs._core"] = None
warnings.simplefilter("ignore")
import backprop_rs as bp
net = bp.Network([2, 3, 1], seed=0)
net.fit([[0, 1], [1, 0]], [0, 1], epochs=1, progress=False)
data = bp.data.standardize(bp.Dataset([[0.0, 1.0], [1.0, 0.0]], [0, 1]))
print(net.backend, "cost" in net.evaluate(data.X, data.y))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout == "numpy True\n", run.stderr
