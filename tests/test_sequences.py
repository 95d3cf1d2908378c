"""Random sequences of calls: the Rust core and its NumPy twin agree after each of them.

After every call both networks have the same parameters and results, up to rounding, or both raise
the same error. Cost and activations are smooth and the rates small, so that rounding errors stay
small: a few hundred updates of some dozen operations of 1e-16 each stay far within 1e-9.
"""

import copy
import pickle

import backprop_rs as bp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=(13, 3))
Y = RANDOM.uniform(0.1, 0.9, size=(13, 2))
LABELS = np.arange(13) % 2
CLOSE = {"rtol": 1e-9, "atol": 1e-9}

OPTIMIZERS = st.sampled_from(
    [
        "sgd",
        "sgd(momentum=0.9)",
        "sgd(0.9, nesterov=1)",
        "adam(epsilon=0.01)",
        "rmsprop(epsilon=0.1)",
    ]
)
SCHEDULES = st.sampled_from(["constant", "cosine", "warmup(2) then exponential(0.9)", "adaptive"])
RATES = st.sampled_from([0.0, 1e-3, 0.05])
BAD = st.sampled_from(
    [
        {"learning_rate": -1.0},
        {"batch_size": 0},
        {"optimizer": "adm"},
        {"schedule": "cosin"},
        {"clip_norm": float("nan")},
        {"metrics": "loss"},
        {"average": 2.0},
        {"validation_fraction": 0.99},
        {"resume": True},
    ]
)
ROWS = st.integers(1, 13)


def calls():
    """Draw a call as (name, function)."""

    def call(name, *strategies):
        return st.tuples(st.just(name), *strategies)

    return st.one_of(
        call("predict", ROWS),
        call("activations", ROWS),
        call("backward", ROWS, st.booleans()),
        call("evaluate", ROWS),
        call("step", ROWS, RATES),
        call(
            "fit",
            st.fixed_dictionaries(
                {"epochs": st.integers(0, 4), "batch_size": st.integers(1, 14)},
                optional={
                    "learning_rate": RATES,
                    "optimizer": OPTIMIZERS,
                    "schedule": SCHEDULES,
                    "shuffle": st.booleans(),
                    "clip_norm": st.sampled_from([0.1, 10.0]),
                    "average": st.just(0.9),
                    "input_noise": st.just(0.1),
                    "validation_fraction": st.just(0.2),
                    "early_stopping": st.integers(1, 3),
                    "metrics": st.just(["mae", "r2"]),
                },
            ),
        ),
        call("refused", BAD),
        call("weights", st.sampled_from([0.5, 0.9])),
        call("labels", ROWS),
        call("twin", st.sampled_from(["copy", "pickle", "file"])),
        call("averaged"),
        call("find_learning_rate"),
    )


def do(net, path, name, *how):
    """Return the network after a call, and its result."""
    if name in ("predict", "activations"):
        return net, getattr(net, name)(X[: how[0]])
    if name == "evaluate":
        return net, net.evaluate(X[: how[0]], Y[: how[0]])
    if name == "labels":
        return net, net.evaluate(X[: how[0]], LABELS[: how[0]])
    if name == "backward":
        weights = np.arange(how[0]) / 2.0 if how[1] else None
        trace = net.backward(X[: how[0]], Y[: how[0]], weights)
        return net, [trace.cost, trace.deltas, trace.weight_gradients, trace.bias_gradients]
    if name == "step":
        return net, net.step(X[: how[0]], Y[: how[0]], how[1])
    if name in ("fit", "refused"):
        history = net.fit(X, Y, **{"learning_rate": 0.01, "progress": False, **how[0]})
        return net, [history.cost, history.val_cost, history.epoch, history.metrics]
    if name == "weights":
        net.weights = [how[0] * w for w in net.weights]
        net.biases = [how[0] * b for b in net.biases]
        return net, None
    if name == "averaged":
        return net, net.averaged().weights
    if name == "find_learning_rate":
        return net, net.find_learning_rate(X, Y, batch_size=4, steps=4, high=1e-3).costs
    if how[0] == "file":
        net.save(path)
        return bp.Network.load(path, backend=net.backend), None
    return copy.deepcopy(net) if how[0] == "copy" else pickle.loads(pickle.dumps(net)), None


def attempt(net, path, call):
    try:
        return do(net, path, *call)
    except (ValueError, TypeError) as refusal:
        return net, f"{type(refusal).__name__}: {refusal}"


def assert_same(one, other):
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        assert_same(list(one.values()), list(other.values()))
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_same(left, right)
    elif isinstance(one, (float, np.ndarray)):
        np.testing.assert_allclose(one, other, **CLOSE)
    else:
        assert one == other


NETWORKS = st.fixed_dictionaries(
    {
        "activation": st.sampled_from(["tanh", "sigmoid", "silu", "softplus"]),
        "cost": st.sampled_from(["squared_error", "log_cosh", "cross_entropy"]),
        "dropout": st.sampled_from([0.0, 0.3]),
        "l2": st.sampled_from([0.0, 0.01]),
        "seed": st.integers(0, 2**64 - 1),
    }
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(made=NETWORKS, sequence=st.lists(calls(), min_size=1, max_size=8))
def test_both_backends_agree_after_each_call(both, tmp_path, made, sequence):
    sizes = [3, 5, 4, 2]
    rust, numpy = (bp.Network(sizes, **made, dtype="float64", backend=b) for b in ("rust", "numpy"))
    for call in sequence:
        rust, one = attempt(rust, tmp_path / "net", call)
        numpy, other = attempt(numpy, tmp_path / "net", call)
        assert_same(one, other)
        assert_same(rust.weights + rust.biases, numpy.weights + numpy.biases)
        assert rust.epochs_trained == numpy.epochs_trained
        if call[0] == "refused":
            assert isinstance(one, str)


def test_the_comparison_finds_a_difference():
    with pytest.raises(AssertionError):
        assert_same([1.0, np.ones(2)], [1.0, np.array([1.0, 1.0 + 1e-8])])
    with pytest.raises(AssertionError):
        assert_same({"cost": 1.0}, {"cost": 1.0, "accuracy": 1.0})
