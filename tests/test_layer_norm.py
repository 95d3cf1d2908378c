"""Layer normalization (Ba, Kiros & Hinton 2016): its equations, its gradients, both backends."""

import copy
import pickle

import backprop_rs as bp
import numpy as np
import pytest
from alike import PARTS, SETTINGS, assert_trained_alike, fit, parameters
from backprop_rs._internal.layer_norm import EPSILON

ROWS = 37
H = np.finfo(float).eps ** 0.2  # as in test_gradients


def network(backend, sizes=(4, 19, 9, 5), norms=(True, True, False), penalties=None, **more):
    """Return a network whose gains and shifts differ from the initial ones."""
    activations = ("tanh", "gelu", "sigmoid")
    layers = [
        bp.Dense(n, activation, layer_norm=norm, **(penalties or {}))
        for n, activation, norm in zip(sizes[1:], activations, norms, strict=True)
    ]
    more = {"seed": 3, "dtype": "float64", "cost": "cross_entropy"} | more
    net = bp.Network([sizes[0], *layers], backend=backend, **more)
    random = np.random.default_rng(3)
    for name, (low, high) in {"gains": (0.5, 1.5), "shifts": (-0.5, 0.5)}.items():
        values = [
            None if one is None else random.uniform(low, high, one.shape)
            for one in getattr(net, name)
        ]
        setattr(net, name, values)
    return net


def batch(rows=ROWS):
    random = np.random.default_rng(5)
    return random.normal(size=(rows, 4)), random.uniform(size=(rows, 5))


def test_the_activation_receives_normalized_z(backend):
    net, (X, y) = network(backend), batch()
    trace = net.backward(X, y)
    z = trace.weighted_inputs[0]
    np.testing.assert_allclose(z, X @ net.weights[0].T + net.biases[0], rtol=1e-12, atol=1e-13)
    z_hat = (z - z.mean(axis=1, keepdims=True)) / np.sqrt(z.var(axis=1, keepdims=True) + EPSILON)
    u = net.gains[0] * z_hat + net.shifts[0]
    np.testing.assert_allclose(trace.activations[1], np.tanh(u), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(net.predict(X), trace.activations[-1], rtol=1e-12)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_the_scale_of_the_inputs_has_almost_no_effect(factor, backend):
    """Only the 1e-5 next to the variance depends on it, which is at least 1e12 times larger."""
    net, (X, _) = network(backend), batch()
    net.weights = [1e7 * net.weights[0], *net.weights[1:]]
    net.biases = [np.zeros(19), *net.biases[1:]]
    np.testing.assert_allclose(net.predict(X), net.predict(factor * X), rtol=1e-4)


def slope(net, name, layer, index, X, y):
    """Return dC / d(one parameter) by differences of fourth order."""
    original = getattr(net, name)

    def cost(change):
        changed = [None if one is None else one.copy() for one in original]
        changed[layer][index] += change
        setattr(net, name, changed)
        return net.evaluate(X, y)["cost"]

    near, far = cost(H) - cost(-H), cost(2 * H) - cost(-2 * H)
    setattr(net, name, original)
    return (8 * near - far) / (12 * H)


def check_gradients(net, trace, X, y):
    """Compare to 1e-8: the fifth derivative of 1 / deviation is about 10^4 in these layers."""
    gradients = (
        *(trace.weight_gradients, trace.bias_gradients),
        *(trace.gain_gradients, trace.shift_gradients),
    )
    checked = 0
    for name, layers in zip(PARTS, gradients, strict=True):
        for layer, gradient in enumerate(layers):
            for index in np.ndindex(() if gradient is None else gradient.shape):
                if gradient is not None:
                    difference = abs(gradient[index] - slope(net, name, layer, index, X, y))
                    assert difference <= 1e-8, f"{name} of layer {layer + 1} at {index}"
                    checked += 1
    assert checked == net.n_parameters


@pytest.mark.parametrize("norms", [(True, True, True), (True, False, False), (False, True, False)])
@pytest.mark.parametrize("cost", ["cross_entropy", "squared_error"])
def test_gradients_are_the_slopes_of_the_cost(norms, cost, backend):
    net, (X, y) = network(backend, (4, 8, 7, 5), norms, cost=cost), batch(7)
    check_gradients(net, net.backward(X, y), X, y)


def test_gradients_with_softmax_and_custom_functions(backend):
    arcsinh = bp.Activation("arcsinh", np.arcsinh, lambda z, a: 1 / np.sqrt(z * z + 1))
    layers = [bp.Dense(8, arcsinh, layer_norm=True), bp.Dense(5, "softmax", layer_norm=True)]
    net = bp.Network([4, *layers], cost="cross_entropy", dtype="float64", seed=0, backend=backend)
    X, y = batch(7)
    y /= y.sum(axis=1, keepdims=True)
    check_gradients(net, net.backward(X, y), X, y)


@pytest.mark.parametrize("name", ["gain_gradients", "shift_gradients", "weight_gradients"])
def test_a_gradient_wrong_in_one_place_is_caught(name, backend):
    net, (X, y) = network(backend, (4, 8, 7, 5)), batch(7)
    trace = net.backward(X, y)
    getattr(trace, name)[1].flat[3] += 1e-6
    with pytest.raises(AssertionError, match=r"of layer 2 at"):
        check_gradients(net, trace, X, y)


@pytest.mark.parametrize("settings", SETTINGS)
def test_both_backends_train_alike(settings, both):
    nets = [network(name, l2=1e-3) for name in ("rust", "numpy")]
    assert_trained_alike(nets, *batch(), settings)


def test_both_backends_agree_with_dropout_and_in_single_precision(both):
    X, y = batch()
    nets = [network(name, dtype="float32") for name in ("rust", "numpy")]
    for net in nets:
        fit(net, X, y)
    # eps 1.2e-7, which grows tenfold in each of about five updates of a part
    np.testing.assert_allclose(parameters(nets[0]), parameters(nets[1]), rtol=1e-3, atol=1e-4)
    layers = [bp.Dense(n, "tanh", layer_norm=True, dropout=0.3) for n in (19, 9)]
    nets = [
        bp.Network([4, *layers, 5], seed=1, dtype="float64", backend=name)
        for name in ("rust", "numpy")
    ]
    for net in nets:
        fit(net, X, y)
    np.testing.assert_allclose(parameters(nets[0]), parameters(nets[1]), rtol=1e-7, atol=1e-9)


def test_a_batch_in_chunks_has_the_mean_of_the_gradients_of_its_samples(backend):
    net, (X, y) = network(backend), batch(1100)
    whole = net.backward(X, y)
    halves = [net.backward(X[part], y[part]) for part in (slice(0, 550), slice(550, 1100))]
    for name in ("gain_gradients", "shift_gradients"):
        for layer in (0, 1):
            mean = sum(getattr(half, name)[layer] for half in halves) / 2
            np.testing.assert_allclose(getattr(whole, name)[layer], mean, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_bits_do_not_depend_on_threads_or_other_rows(dtype, both):
    """With 1,200 rows a batch has two chunks, and enough work for several threads."""
    X, y = batch(1200)
    results = []
    for threads in (1, 2, 3):
        with bp.num_threads(threads):
            net = network("rust", (4, 90, 60, 5), dtype=dtype)
            fit(net, X, y, batch_size=1100, optimizer="adam", clip_norm=1.0)
            results.append(parameters(net))
            together = net.predict(X)
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)
    np.testing.assert_array_equal(together[7], net.predict(X[7]))


def test_gains_and_shifts_are_not_penalized(backend):
    """Without a gradient of the cost only weights shrink."""
    net, (X, _) = network(backend, penalties={"l2": 0.5, "weight_decay": 0.5}), batch()
    before, weights = (net.gains, net.shifts), net.weights[0].copy()
    net.fit(X, net.predict(X), 1, ROWS, 0.1, progress=False)
    for old, new in zip(before, (net.gains, net.shifts), strict=True):
        np.testing.assert_array_equal(old[0], new[0])
    assert (np.abs(net.weights[0]) < np.abs(weights)).all()


# Keeping.


def test_files_pickles_and_states_hold_them(backend, tmp_path):
    net, (X, y) = network(backend), batch()
    fit(net, X, y, optimizer="adam")
    net.save(tmp_path / "net")
    kept = [bp.Network.load(tmp_path / "net", backend), pickle.loads(pickle.dumps(net))]
    for again in (*kept, copy.deepcopy(net)):
        np.testing.assert_array_equal(parameters(net), parameters(again))
        np.testing.assert_array_equal(net.predict(X), again.predict(X))
        assert again.layers == net.layers
    state = net._core.state()
    assert {"gains.1", "shifts.2", "optimizer.mean.gains.1"} <= set(state)
    assert "gains.3" not in state
    other = copy.deepcopy(net)
    fit(net, X, y, optimizer="adam")
    fit(other, X, y, optimizer="adam")
    np.testing.assert_array_equal(parameters(net), parameters(other))


def test_a_new_network_begins_with_gains_of_one(backend):
    net = bp.Network([4, 6, 5, 3], layer_norm=True, backend=backend, seed=0)
    assert [layer.layer_norm for layer in net.layers] == [True, True, False]
    for gain, shift in zip(net.gains[:2], net.shifts[:2], strict=True):
        np.testing.assert_array_equal(gain, np.ones_like(gain))
        np.testing.assert_array_equal(shift, np.zeros_like(shift))
    assert net.gains[2] is None and net.shifts[2] is None
    assert net.n_parameters == 30 + 12 + 35 + 10 + 18
    assert "sigmoid of layer norm" in net.summary()


def test_wrong_settings_are_refused(backend):
    with pytest.raises(ValueError, match="layer_norm must be for layers of 2 neurons or more; got"):
        bp.Network([4, 1, 3], layer_norm=True, backend=backend)
    with pytest.raises(TypeError, match="layer_norm must be True or False; got 1"):
        bp.Dense(3, layer_norm=1)
    net = bp.Network([4, 6, 3], layer_norm=True, backend=backend)
    with pytest.raises(ValueError, match="gains of layer 2 must be None because"):
        net.gains = [np.ones(6), [1, 1, 1]]
    with pytest.raises(ValueError, match=r"shifts of layer 1 must have shape \(6,\); got \(5,\)"):
        net.shifts = [np.ones(5), None]


def test_gains_and_shifts_are_averaged_too(backend):
    """The average of the training lags behind the parameters."""
    net = network(backend)
    X, y = batch()
    net.fit(X, y, 3, batch_size=ROWS, learning_rate=0.5, average=0.5)
    state = net._core.state()
    for name in PARTS:
        for number, (mean, last) in enumerate(
            zip(getattr(net.averaged(), name), getattr(net, name), strict=True), 1
        ):
            if mean is not None:
                np.testing.assert_array_equal(mean, state[f"averaged.{name}.{number}"])
                assert (mean != last).any()
