"""Options of layers and of training: both backends, and the effect of each option."""

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs._internal.random import NOISE, mask, normal
from backprop_rs.reference.train import noise
from backprop_rs.tables.optimizer import OPTIMIZERS
from backprop_rs.tables.schedule import CURVES

SIZES, ROWS = [5, 19, 8, 3], 37
PLAIN = {"dropout": 0.0, "l1": 0.0, "l2": 0.0, "weight_decay": 0.0, "max_norm": 0.0}
RUN = {"batch_size": 10, "learning_rate": 0.02, "shuffle": True, "seed": 9, "stop_epoch": 3}
EPS = float(np.finfo(float).eps)
# A rounding grows at most tenfold with each of the 12 updates of these small networks.
CLOSE = {"rtol": 1e-9, "atol": 1e-11}


def core_of(module, rule="sgd", options=(PLAIN, PLAIN, PLAIN), cost="squared_error"):
    core = module.Network(SIZES, ["tanh", "gelu", "sigmoid"], cost, "float64", list(options))
    core.initialize("auto", 3)
    core.set_optimizer(rule)
    return core


def batch(rows=ROWS):
    random = np.random.default_rng(5)
    return random.normal(size=(rows, SIZES[0])), random.uniform(size=(rows, SIZES[-1]))


def train(core, weights=None, rows=ROWS, **more):
    X, y = batch(rows)
    run = RUN | {"budget": 60.0} | more
    costs, *_, reason = core.train(X, y, run, (0, 0, 0.0, 0.0), weights)
    assert reason == "done"
    return costs


def parameters(core):
    return np.concatenate([array.ravel() for array in core.weights() + core.biases()])


def options(**values):
    return [PLAIN | values] * 3


ORDERS = np.array([np.roll(range(ROWS), i) for i in range(3)], np.uint32)
FEATURES = {
    "dropout": {"options": [PLAIN | {"dropout": 0.3}, PLAIN | {"dropout": 0.5}, PLAIN]},
    "noise": {"input_noise": 0.3},
    "weights": {"weights": np.linspace(0, 2, ROWS)},
    "weights beside a penalty per sample": {
        "weights": np.linspace(0, 2, ROWS),
        **{"options": options(l2=1.0), "penalty_per_sample": True},
    },
    "l1": {"options": options(l1=1e-2)},
    "l2": {"options": options(l2=1e-2)},
    "weight_decay": {"options": options(weight_decay=0.5)},
    "max_norm": {"options": options(max_norm=0.7)},
    "penalty in the cost": {
        "options": options(l1=1e-2, l2=1e-1),
        **{"penalty_in_cost": True, "penalty_per_sample": True},
    },
    "clip_norm": {"clip_norm": 0.05},
    "clip_value": {"clip_value": 1e-2},
    "average": {"average": 0.7},
    "orders": {"shuffle": False, "orders": ORDERS},
    "part of an epoch": {"stop_epoch": 1, "stop_step": 2},
    **{
        f"schedule {row.name}": {"schedule": row.name, "schedule_epochs": 3}
        for row in CURVES
        if row.observe is None
    },
    "schedules": {"schedule": "warmup(1) then cosine * exponential(0.5)", "schedule_epochs": 3},
}  # fmt: skip
RULES = [
    *(row.name for row in OPTIMIZERS),
    *("sgd(momentum=0.9)", "sgd(0.9, nesterov=1)", "sgd(0.9, 1, velocity=1)"),
    *("adam(amsgrad=1)", "adam(epsilon=1e-3, epsilon_hat=1)", "adamw(amsgrad=1)"),
    *("rmsprop(momentum=0.9)", "rmsprop(centered=1)", "rmsprop(momentum=0.5, centered=1)"),
    *("adagrad(initial=0.1, rate_decay=0.2)", "lion(weight_decay=0.3)"),
]


def trained(module, rule="sgd", feature=None):
    more = dict(FEATURES[feature]) if feature else {}
    core = core_of(module, rule, more.pop("options", (PLAIN, PLAIN, PLAIN)))
    costs = train(core, **more)
    return core, costs


@pytest.mark.parametrize("feature", FEATURES)
def test_both_backends_train_alike(both, feature):
    (rust, costs), (numpy, others) = (trained(module, "adam", feature) for module in both)
    np.testing.assert_allclose(costs, others, **CLOSE)
    np.testing.assert_allclose(parameters(rust), parameters(numpy), **CLOSE)
    states = rust.state(), numpy.state()
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        np.testing.assert_allclose(value, states[1][name], err_msg=name, **CLOSE)


@pytest.mark.parametrize("feature", FEATURES)
def test_each_option_has_an_effect(core, feature):
    plain, with_it = trained(core), trained(core, feature=feature)
    plainly = feature in ("average", "schedule constant")
    if feature.startswith("schedule step"):  # whose first step comes after ten epochs
        plainly = True
    assert (parameters(plain[0]) == parameters(with_it[0])).all() == plainly


@pytest.mark.parametrize("rule", RULES)
def test_both_backends_have_the_same_rules(both, rule):
    (rust, costs), (numpy, others) = (trained(module, rule) for module in both)
    np.testing.assert_allclose(costs, others, **CLOSE)
    np.testing.assert_allclose(parameters(rust), parameters(numpy), **CLOSE)
    assert (parameters(rust) != parameters(core_of(both[0]))).any()


# The effect of each option.


def test_a_whole_weight_is_a_row_as_often(core):
    X, y = batch()
    times = np.arange(ROWS) % 3
    weighted = core_of(core).backward(X, y, times.astype(float))
    repeated = core_of(core).backward(np.repeat(X, times, axis=0), np.repeat(y, times, axis=0))
    np.testing.assert_allclose(weighted[0], repeated[0], rtol=ROWS * EPS)
    for one, other in zip(weighted[4] + weighted[5], repeated[4] + repeated[5], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=ROWS * EPS)


def test_weights_of_zero_change_nothing(core):
    network = core_of(core)
    before = parameters(network)
    assert train(network, np.zeros(ROWS)) == [0, 0, 0]
    np.testing.assert_array_equal(before, parameters(network))


@pytest.mark.parametrize("rows", [7, 37, 1100])
def test_equal_weights_have_no_effect(core, rows):
    plain, weighted = core_of(core), core_of(core)
    costs = train(plain, rows=rows, batch_size=1050)
    others = train(weighted, np.full(rows, 0.25), rows=rows, batch_size=1050)
    np.testing.assert_allclose(costs, others, rtol=1e-11)
    np.testing.assert_allclose(parameters(plain), parameters(weighted), **CLOSE)


def test_a_penalty_is_in_the_update_and_its_slope_is_that_of_its_value(core):
    network = core_of(core, options=options(l1=0.1, l2=0.2))
    X, y = batch()
    w, gradient = network.weights(), network.backward(X, y)[4]
    network.step(X, y, 0.5)
    for before, g, after in zip(w, gradient, network.weights(), strict=True):
        expected = before - 0.5 * (g + 0.1 * np.sign(before) + 2 * 0.2 * before)
        np.testing.assert_allclose(after, expected, rtol=1e-12, atol=1e-14)


def test_no_norm_is_larger_than_max_norm(core):
    network = core_of(core, options=options(max_norm=0.4))
    train(network)
    norms = np.concatenate([np.linalg.norm(w, axis=1) for w in network.weights()])
    assert norms.max() <= 0.4 * (1 + 8 * EPS) and norms.max() > 0.39


def test_no_norm_of_a_small_network_is_larger_than_max_norm(core):
    """All of its layers fit in registers, so that steps use other code."""
    limited = options(max_norm=0.4)[1:]
    network = core.Network([2, 3, 2], ["tanh"] * 2, "squared_error", "float64", limited)
    network.initialize("auto", 3)
    network.step(np.ones((4, 2)), np.zeros((4, 2)), 0.5)
    norms = np.concatenate([np.linalg.norm(w, axis=1) for w in network.weights()])
    assert norms.max() <= 0.4 * (1 + 8 * EPS) and norms.max() > 0.39


def test_a_gradient_is_cut_to_its_largest_norm(core):
    network = core_of(core)
    X, y = batch()
    before = parameters(network)
    network.train(X, y, RUN | {"clip_norm": 0.01, "batch_size": ROWS, "stop_epoch": 1,
                               "learning_rate": 1.0, "budget": 60.0}, (0, 0, 0.0, 0.0))  # fmt: skip
    np.testing.assert_allclose(np.linalg.norm(parameters(network) - before), 0.01, rtol=1e-9)


def test_a_gradient_that_is_short_enough_is_left_as_it_is(core):
    plain, clipped = core_of(core), core_of(core)
    train(plain)
    train(clipped, clip_norm=1e6, clip_value=1e6)
    np.testing.assert_array_equal(parameters(plain), parameters(clipped))


def test_a_step_counts_samples_by_their_weights(backend):
    X, y = np.linspace(-1, 1, 20).reshape(5, 4), np.ones((5, 2))
    nets = [bp.Network([4, 3, 2], seed=0, dtype="float64", backend=backend) for _ in "12"]
    nets[0].step(X, y, 0.5, sample_weight=[0, 1, 2, 0, 0])
    nets[1].step(X[[1, 2, 2]], y[:3], 0.5)
    for one, other in zip(*(net.weights + net.biases for net in nets), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_dropout_leaves_out_its_share_and_keeps_the_mean():
    drawn = np.array([mask(3, row, 1, 2, 200, 0.3) for row in range(200)])
    n = drawn.size
    left_out = (drawn == 0).mean()
    assert abs(left_out - 0.3) < 6 * np.sqrt(0.3 * 0.7 / n)
    np.testing.assert_allclose(drawn[drawn > 0], 1 / 0.7, rtol=2**-15)
    assert abs(drawn.mean() - 1) < 6 * np.sqrt(0.3 / 0.7 / n)
    others = [mask(4, 0, 1, 2, 200, 0.3), mask(3, 0, 2, 2, 200, 0.3), mask(3, 0, 1, 1, 200, 0.3)]
    assert all((other != drawn[0]).any() for other in others)


def test_dropout_is_for_training_alone(core):
    dropping, plain = core_of(core, options=options(dropout=0.5)), core_of(core)
    X, _ = batch()
    np.testing.assert_array_equal(dropping.predict(X), plain.predict(X))


def test_noise_is_normal():
    drawn = normal(1, NOISE, (2, 3, 0), 20_000)
    n = len(drawn)
    assert abs(drawn.mean()) < 6 / np.sqrt(n)
    assert abs(drawn.std() - 1) < 6 / np.sqrt(2 * n)
    assert abs((drawn**4).mean() - 3) < 6 * np.sqrt(96 / n)


def averaging(backend):
    sizes = [3, bp.Dense(4, layer_norm=True), 2]
    net = bp.Network(sizes, seed=0, dtype="float64", backend=backend, input_scale=True)
    X, y = np.eye(3), np.eye(3)[:, :2]
    run = {"epochs": 2, "learning_rate": 0.1, "optimizer": "adam", "progress": False}
    return net, lambda **more: net.fit(X, y, **run | more)


@pytest.mark.parametrize("part", ["weights", "biases", "gains", "shifts"])
def test_assigning_parameters_ends_their_average(part, backend):
    net, fit = averaging(backend)
    fit(average=0.99)
    net.averaged()
    setattr(net, part, [None if one is None else 0 * one + 5 for one in getattr(net, part)])
    with pytest.raises(ValueError, match="the assignment of parameters, ends the average"):
        net.averaged()
    fit(average=0.99, learning_rate=0.0)
    values = [one for one in getattr(net.averaged(), part) if one is not None]
    assert all((one == 5).all() for one in values)


@pytest.mark.parametrize("how", ["fit", "step", "lbfgs"])
def test_training_without_an_average_ends_it(how, backend):
    net, fit = averaging(backend)
    fit(average=0.99)
    if how == "step":
        net.step(np.eye(3), np.eye(3)[:, :2], 0.1)
    elif how == "lbfgs":
        pytest.importorskip("scipy")
        fit(optimizer="lbfgs", learning_rate="auto")
    else:
        fit()
    with pytest.raises(ValueError, match=r"needs a previous fit\(average=...\)"):
        net.averaged()
    before = net.weights
    fit(average=0.99, learning_rate=0.0)
    assert all(
        (one == other).all() for one, other in zip(net.averaged().weights, before, strict=True)
    )


def test_an_average_continues_from_training_to_training(backend):
    once, several = averaging(backend), averaging(backend)
    once[1](epochs=4, average=0.9)
    several[1](average=0.9)
    several[1](average=0.9)
    pairs = zip(once[0].averaged().weights, several[0].averaged().weights, strict=True)
    assert all((one == other).all() for one, other in pairs)


def test_going_back_brings_an_average_back(core):
    """The snapshot is from before a training that ended the average."""
    (X, y), network = batch(), core_of(core)
    run = RUN | {"budget": 60.0, "batch_size": ROWS, "stop_epoch": 1}
    network.train(X, y, run | {"average": 0.9}, (0, 0, 0.0, 0.0))
    expected = network.state()
    kept = network.snapshot()
    network.train(X, y, run, (0, 0, 0.0, 0.0))
    assert "averaged.weights.1" not in network.state()
    network.go_back(kept)
    values = network.state()
    assert values.keys() == expected.keys()
    assert all((values[name] == expected[name]).all() for name in values if "." in name)


def test_the_average_follows_the_parameters(core):
    network = core_of(core)
    X, y = batch()
    run = RUN | {"budget": 60.0, "average": 0.9, "batch_size": ROWS}
    expected = network.weights()[1]
    for epoch in range(3):
        network.train(X, y, run | {"stop_epoch": epoch + 1}, (epoch, 0, 0.0, 0.0))
        expected = 0.9 * expected + 0.1 * network.weights()[1]
    np.testing.assert_allclose(network.state()["averaged.weights.2"], expected, rtol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("sizes", [[2, 3, 1], [30, 100, 1]])
def test_a_cost_that_is_not_finite_is_not_applied(core, sizes, batch_size):
    network = core.Network(sizes, ["identity", "identity"], "squared_error", "float32")
    network.initialize("auto", 0)
    X = np.full((6, sizes[0]), 1e3, np.float32)
    y = np.zeros((6, 1), np.float32)
    run = RUN | {"budget": 60.0, "learning_rate": 1e3, "check_finite": True}
    run |= {"batch_size": batch_size, "stop_epoch": 50}
    with np.errstate(all="ignore"):
        costs, epoch, step, *_, reason = network.train(X, y, run, (0, 0, 0.0, 0.0))
    assert reason == "nonfinite" and len(costs) == epoch
    again = core.Network(sizes, ["identity", "identity"], "squared_error", "float32")
    again.initialize("auto", 0)
    with np.errstate(all="ignore"):
        again.train(X, y, run | {"stop_epoch": epoch, "stop_step": step}, (0, 0, 0.0, 0.0))
    for one, other in zip(network.weights(), again.weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_state_of_another_network_is_refused(core):
    network = core_of(core)
    for state in (core_of(core).state(), core_of(core, "adam").state()):
        network.set_state(state)
    adam = core_of(core, "adam")
    train(adam, average=0.9)
    before = adam.state()
    shorter = {"optimizer.mean.biases.3": before["optimizer.mean.biases.3"][:-1]}
    for state, name in [
        (core_of(core).state(), "optimizer.mean.weights.1"),
        (before | shorter, "optimizer.mean.biases.3"),
    ]:
        sentence = rf"optimizer: '{name}' is missing or has another shape$"
        with pytest.raises(ValueError, match=sentence):
            adam.set_state(state)
        after = adam.state()
        assert before.keys() == after.keys()
        assert all(np.array_equal(before[key], after[key]) for key in before)


def test_penalties_are_those_of_the_weights():
    layers = [bp.Dense(3, l1=0.5), bp.Dense(2, l1=0.25, l2=0.125)]
    net = bp.Network([4, *layers], seed=0, dtype="float64")
    w = net.weights
    expected = 0.5 * np.abs(w[0]).sum() + (0.25 * np.abs(w[1]) + 0.125 * w[1] ** 2).sum()
    np.testing.assert_allclose(net.penalty(), expected, rtol=1e-13)


def test_a_step_is_gradient_descent_after_any_optimizer(backend):
    X, y = np.linspace(-1, 1, 20).reshape(5, 4), np.ones((5, 2))
    trained, twin = (bp.Network([4, 3, 2], seed=0, backend=backend) for _ in range(2))
    trained.fit(X, y, 2, optimizer="adam")
    twin.weights, twin.biases = trained.weights, trained.biases
    assert trained.step(X, y, 0.5) == twin.step(X, y, 0.5)
    for one, other in zip(trained.weights, twin.weights, strict=True):
        assert one.tobytes() == other.tobytes()


def test_fit_clips_the_gradient(backend):
    """A single update of gradient descent is the gradient itself."""
    X, y = np.linspace(-1, 1, 20).reshape(5, 4), np.full((5, 2), 50.0)
    for name, size in {"clip_value": np.inf, "clip_norm": 2}.items():
        net = bp.Network([4, 2], output="identity", seed=0, dtype="float64", backend=backend)
        before = [*net.weights, *net.biases]
        net.fit(X, y, 1, batch_size=5, learning_rate=1.0, **{name: 0.25})
        after = zip(before, [*net.weights, *net.biases], strict=True)
        moved = np.concatenate([(one - other).ravel() for one, other in after])
        np.testing.assert_allclose(np.linalg.norm(moved, size), 0.25, rtol=1e-12)


def test_fit_trains_on_inputs_with_their_noise(backend):
    """An update with noise equals one on the samples plus the noise that is drawn for each."""
    X, y = np.linspace(-1, 1, 20).reshape(5, 4), np.ones((5, 2))
    noisy, twin = (bp.Network([4, 3, 2], seed=3, dtype="float64", backend=backend) for _ in "12")
    noisy.fit(X, y, 1, batch_size=5, learning_rate=0.5, input_noise=0.25, shuffle=False)
    twin.step(X + 0.25 * noise(3, np.arange(5), 0, X), y, 0.5)
    for one, other in zip(noisy.weights + noisy.biases, twin.weights + twin.biases, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)
