"""The learned factors of the inputs: their equations, their gradients, both backends."""

import backprop_rs as bp
import matplotlib as mpl
import numpy as np
import pytest
from alike import SETTINGS, assert_kept, assert_resumes, assert_trained_alike, fit, parameters
from test_explain import check as check_explanation

ROWS = 37
H = np.finfo(float).eps ** 0.2  # as in test_gradients
SCALES = np.linspace(-0.5, 1.5, 19)


def network(backend, sizes=(19, 21, 9, 5), **more):
    """Return a network whose factors differ from the initial ones."""
    more = {"seed": 3, "dtype": "float64", "cost": "cross_entropy", "activation": "tanh"} | more
    net = bp.Network(list(sizes), backend=backend, input_scale=True, **more)
    net.scales = SCALES[: sizes[0]]
    return net


def batch(rows=ROWS, n=19):
    random = np.random.default_rng(5)
    return random.normal(size=(rows, n)), random.uniform(size=(rows, 5))


def test_the_first_layer_receives_scaled_inputs(backend):
    net, (X, y) = network(backend), batch()
    plain = bp.Network([19, 21, 9, 5], "tanh", dtype="float64", init=net.weights, backend=backend)
    plain.biases = net.biases
    np.testing.assert_allclose(net.predict(X), plain.predict(SCALES * X), rtol=1e-12)
    trace = net.backward(X, y)
    np.testing.assert_array_equal(trace.activations[0], X)
    np.testing.assert_array_equal(net.activations(X)[0], X)
    np.testing.assert_array_equal(trace.scaled_inputs, SCALES * X)
    np.testing.assert_array_equal(trace.layer_inputs[0], trace.scaled_inputs)
    delta = trace.deltas[0] @ net.weights[0]
    np.testing.assert_allclose(trace.input_deltas, delta, rtol=1e-10, atol=1e-14)
    mean = (delta * X).mean(axis=0)
    np.testing.assert_allclose(trace.scale_gradients, mean, rtol=1e-10, atol=1e-14)


def test_without_it_there_is_nothing_to_see(backend):
    net = bp.Network([3, 2], backend=backend)
    trace = net.backward(np.ones((2, 3)), np.ones((2, 2)))
    assert not net.input_scale and net.scales is None and trace.scale_gradients is None
    assert trace.scaled_inputs is None and trace.input_deltas is None
    with pytest.raises(ValueError, match="scales must be None because it has none; got ndarray"):
        net.scales = np.ones(3)


def slope(net, k, X, y):
    """Return dC / ds_k by differences of fourth order."""
    original = net.scales

    def cost(change):
        changed = original.copy()
        changed[k] += change
        net.scales = changed
        return net.evaluate(X, y)["cost"]

    near, far = cost(H) - cost(-H), cost(2 * H) - cost(-2 * H)
    net.scales = original
    return (8 * near - far) / (12 * H)


@pytest.mark.parametrize("sizes", [(19, 21, 9, 5), (19, 5)])
@pytest.mark.parametrize("cost", ["cross_entropy", "squared_error"])
def test_gradients_are_the_slopes_of_the_cost(sizes, cost, backend):
    net, (X, y) = network(backend, sizes, cost=cost), batch()
    gradient = net.backward(X, y).scale_gradients
    slopes = [slope(net, k, X, y) for k in range(19)]
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-10)


def test_gradients_behind_normalization_and_a_custom_activation(backend):
    arcsinh = bp.Activation("arcsinh", np.arcsinh, lambda z, a: 1 / np.sqrt(z * z + 1))
    layers = [bp.Dense(8, arcsinh, layer_norm=True), bp.Dense(5, "softmax", layer_norm=True)]
    net, (X, y) = network(backend, (19, *layers)), batch()
    y /= y.sum(axis=1, keepdims=True)
    slopes = [slope(net, k, X, y) for k in range(19)]
    np.testing.assert_allclose(net.backward(X, y).scale_gradients, slopes, rtol=0, atol=1e-9)


@pytest.mark.parametrize("settings", SETTINGS)
def test_both_backends_train_alike(settings, both):
    nets = [network(name, l2=1e-3) for name in ("rust", "numpy")]
    assert_trained_alike(nets, *batch(), settings)


@pytest.mark.parametrize(
    "more",
    [{"input_noise": 0.2}, {"optimizer": "lion"}, {"optimizer": "rprop"}, {"clip_value": 1e-3}],
)
def test_both_backends_agree_with_noise_dropout_and_other_rules(more, both):
    X, y = batch()
    nets = [network(name, dropout=0.2) for name in ("rust", "numpy")]
    for net in nets:
        fit(net, X, y, **more)
    np.testing.assert_allclose(parameters(nets[0]), parameters(nets[1]), rtol=1e-7, atol=1e-9)


def test_noise_comes_before_the_factors(backend):
    """The noise of an input whose factor is 0 has no effect."""
    X, y = batch()
    costs = []
    for noise in (0.0, 5.0):
        net = network(backend)
        net.scales = np.zeros(19)
        costs += fit(net, X, y, epochs=1, learning_rate=0.0, input_noise=noise).cost
    assert costs[0] == costs[1]


def test_a_step_is_gradient_descent(backend):
    net, (X, y) = network(backend, l1=0.1, l2=0.1, weight_decay=0.1), batch()
    gradient = net.backward(X, y).scale_gradients
    net.step(X, y, 0.5)
    np.testing.assert_allclose(net.scales, SCALES - 0.5 * gradient, rtol=1e-12)


@pytest.mark.parametrize("clip_norm", [None, 1e9])
def test_they_are_a_group_with_factors_of_its_own(clip_norm, backend):
    net, (X, y) = network(backend, weight_decay=0.5), batch()
    gradient = net.backward(X, y).scale_gradients
    more = {"lr_factors": {"scales": 6}, "decay_factors": {"scales": 2}, "clip_norm": clip_norm}
    fit(net, X, y, epochs=1, batch_size=ROWS, learning_rate=0.1, **more)
    decayed = SCALES * (1 - 0.1 * 0.5 * 2)
    np.testing.assert_allclose(net.scales, decayed - 0.6 * gradient, rtol=1e-10, atol=1e-14)


def test_parameters_that_suit_the_samples_begin_with_factors_of_one(backend):
    net, (X, _) = network(backend), batch()
    net.initialize(X)
    np.testing.assert_array_equal(net.scales, np.ones(19))
    deviations = (X @ net.weights[0].T).std(axis=0)
    np.testing.assert_allclose(deviations, 1, rtol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("clip_norm", [None, 0.1])
def test_the_bits_do_not_depend_on_threads_or_other_rows(clip_norm, dtype, both):
    """With 1,200 rows a batch has two chunks, and enough work for several threads."""
    X, y = batch(1200)
    for batch_size in (300, 1100):
        results = []
        for threads in (1, 2, 3):
            with bp.num_threads(threads):
                net = network("rust", (19, 150, 60, 5), dtype=dtype)
                fit(net, X, y, batch_size=batch_size, optimizer="adam", clip_norm=clip_norm)
                results.append(parameters(net))
                together = net.predict(X)
        for other in results[1:]:
            np.testing.assert_array_equal(results[0], other)
        np.testing.assert_array_equal(together[7], net.predict(X[7]))


def test_a_batch_in_chunks_has_the_mean_of_the_gradients_of_its_samples(backend):
    net, (X, y) = network(backend), batch(1100)
    whole = net.backward(X, y).scale_gradients
    halves = [net.backward(X[part], y[part]) for part in (slice(0, 550), slice(550, 1100))]
    mean = sum(half.scale_gradients for half in halves) / 2
    np.testing.assert_allclose(whole, mean, rtol=1e-9, atol=1e-12)


# Keeping.


def test_files_pickles_and_states_hold_them(backend, tmp_path):
    net = network(backend)
    assert_kept(net, *batch(), tmp_path / "net", backend, lambda again: again.input_scale)
    assert {"scales.1", "optimizer.mean.scales.1"} <= set(net._core.state())


def test_a_checkpoint_resumes_to_the_same_bits(backend, tmp_path):
    plain = {"dtype": "float64", "seed": 3, "cost": "cross_entropy", "backend": backend}
    other = bp.Network([19, 21, 9, 5], "tanh", **plain)
    assert_resumes(lambda: network(backend), other, "input_scale", *batch(), tmp_path / "at")


def test_early_stopping_returns_to_the_best_factors(backend):
    net, (X, y) = network(backend), batch()
    seen = []
    history = fit(
        *(net, X, y),
        epochs=30,
        learning_rate=20.0,
        early_stopping=2,
        callbacks=lambda epoch: seen.append(net.scales),
    )
    assert history.stopped == "early_stopping"
    np.testing.assert_array_equal(net.scales, seen[int(np.argmin(history.cost))])


def test_a_new_network_begins_with_factors_of_one(backend):
    net = bp.Network([4, 6, 3], input_scale=True, backend=backend, seed=0)
    np.testing.assert_array_equal(net.scales, np.ones(4))
    assert net.n_parameters == 4 + 30 + 21
    assert net.summary().splitlines()[3].split() == ["scales", "(4,)", "4"]


def test_wrong_settings_are_refused(backend):
    with pytest.raises(TypeError, match="input_scale must be True or False; got 1"):
        bp.Network([4, 3], input_scale=1, backend=backend)
    net = network(backend)
    with pytest.raises(ValueError, match=r"scales must have shape \(19,\); got \(5,\)"):
        net.scales = np.ones(5)
    with pytest.raises(ValueError, match="scales must hold finite float64 numbers; got nan"):
        net.scales = np.full(19, np.nan)


def test_the_factors_are_averaged_too(backend):
    net, (X, y) = network(backend), batch()
    fit(net, X, y, average=0.5)
    state = net._core.state()
    np.testing.assert_array_equal(net.averaged().scales, state["averaged.scales.1"])
    assert (net.averaged().scales != net.scales).any()


# Features.


def test_check_gradients_includes_them(backend):
    net, (X, y) = network(backend), batch()
    check = net.check_gradients(X, y)
    assert check.passed and check.layers[0].parameters == 19 + 20 * 21
    assert [layer.verdict for layer in check.layers] == ["agrees"] * 3


def test_a_wrong_gradient_is_found(backend, monkeypatch):
    net, (X, y) = network(backend), batch()
    right = bp.Network.backward

    def wrong(self, *samples):
        trace = right(self, *samples)
        trace.scale_gradients[3] *= 1.01
        return trace

    monkeypatch.setattr(bp.Network, "backward", wrong)
    check = net.check_gradients(X, y)
    assert check.layers[0].verdict == "differs" and check.layers[0].absolute.place == "s[3]"


def test_explanations_show_them(backend):
    net, (X, y) = network(backend, (3, 4, 5)), batch(2, 3)
    document = net.explain(X, y, 0.5)
    assert check_explanation(document, "float64") > 100
    arrays = document.to_dict()
    np.testing.assert_allclose(arrays["scaled_inputs"], net.scales * X)
    after = arrays["scales"] - 0.5 * arrays["scale_gradients"]
    np.testing.assert_allclose(arrays["new_scales"], after, rtol=1e-12)
    assert "New scales" in str(document) and r"\tilde{a}" in document.to_markdown()
    check_explanation(document.weight(1, 0, 0), "float64")


def test_norms_of_the_gradients_of_samples(backend):
    net, (X, y) = network(backend), batch()
    layers = net.sample_gradient_norms(X, y, per_layer=True)
    trace = net.backward(X[2], y[2:3])
    parts = (trace.weight_gradients[0], trace.bias_gradients[0], trace.scale_gradients)
    alone = np.sqrt(sum(np.square(part).sum() for part in parts))
    assert layers[2, 0] == pytest.approx(alone, rel=1e-12)


def test_films_hold_them(backend):
    net, (X, y) = network(backend), batch()
    film = net.record(X, y, epochs=2, learning_rate=0.1, progress=False, health=1)
    np.testing.assert_array_equal(film.network(0).scales, SCALES)
    np.testing.assert_array_equal(film.network(2).scales, net.scales)


def test_drawings_do_not_break():
    mpl.use("agg")
    net, (X, y) = network("auto", (3, 4, 5)), batch(1, 3)
    bp.plot.network(net, X, y)
    bp.plot.network(net, X)
    bp.plot.chain(net, X, y, 1, 0, 0)


def test_several_networks_at_once(both):
    X, y = batch()
    config = {"sizes": [19, 8, 5], "input_scale": True, "seed": 1, "epochs": 2}
    (trained,) = bp.train_many([config], X, y)
    assert (trained.net.scales != 1).all()
