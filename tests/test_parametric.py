"""Parametric activations z + alpha (sigma(z) - z): their equations, gradients, both backends."""

import backprop_rs as bp
import matplotlib as mpl
import numpy as np
import pytest
from alike import (
    SETTINGS,
    assert_kept,
    assert_resumes,
    assert_same_on_instruction_sets,
    assert_trained_alike,
    fit,
    parameters,
)
from backprop_rs.tables.activation import ACTIVATIONS, activation
from test_explain import check as check_explanation

ROWS = 37
H = np.finfo(float).eps ** 0.2  # as in test_gradients
HIDDEN = [row.name for row in ACTIVATIONS if row.elementwise]


def network(backend, hidden=("selu", "mish"), sizes=(6, 19, 21, 5), alphas=True, **more):
    """Return a network whose alphas differ from the initial ones."""
    more = {"seed": 3, "dtype": "float64", "cost": "cross_entropy"} | more
    net = bp.Network(list(sizes), list(hidden), backend=backend, parametric=True, **more)
    if alphas:
        net.alphas = [*(np.linspace(-0.5, 1.5, n) for n in sizes[1:-1]), None]
    return net


def batch(rows=ROWS):
    random = np.random.default_rng(5)
    return random.normal(size=(rows, 6)), random.uniform(size=(rows, 5))


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("name", HIDDEN)
def test_activations_follow_their_formula(name, layer_norm, backend):
    net, (X, y) = network(backend, (name, "tanh"), layer_norm=layer_norm), batch()
    trace = net.backward(X, y)
    z = trace.weighted_inputs[0]
    if layer_norm:
        z = (z - z.mean(1, keepdims=True)) / np.sqrt(z.var(1, keepdims=True) + 1e-5)
    expected = z + net.alphas[0] * (activation(name).sigma(z) - z)
    for a in (trace.activations[1], net.activations(X)[1]):
        np.testing.assert_allclose(a, expected, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(net.predict(X), trace.activations[-1], rtol=1e-12)


def slopes(net, layer, X, y):
    """Return dC / dalpha of a layer by differences of fourth order."""
    original = net.alphas

    def cost(k, change):
        changed = [None if alpha is None else alpha.copy() for alpha in original]
        changed[layer][k] += change
        net.alphas = changed
        return net.evaluate(X, y)["cost"]

    found = []
    for k in range(len(original[layer])):
        near, far = cost(k, H) - cost(k, -H), cost(k, 2 * H) - cost(k, -2 * H)
        found.append((8 * near - far) / (12 * H))
    net.alphas = original
    return found


@pytest.mark.parametrize("more", [{}, {"layer_norm": True}, {"cost": "squared_error"}])
def test_gradients_are_the_slopes_of_the_cost(more, backend):
    net, (X, y) = network(backend, **more), batch()
    gradients = net.backward(X, y).alpha_gradients
    assert gradients[-1] is None
    for layer in (0, 1):
        np.testing.assert_allclose(gradients[layer], slopes(net, layer, X, y), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", HIDDEN)
def test_check_gradients_includes_them(name, backend):
    net, (X, y) = network(backend, (name, "tanh")), batch()
    check = net.check_gradients(X, y, max_parameters=400)
    assert check.passed and check.layers[0].parameters == 7 * 19 + 19


def test_gradients_of_a_custom_activation(backend):
    arcsinh = bp.Activation("arcsinh", np.arcsinh, lambda z, a: 1 / np.sqrt(z * z + 1))
    net, (X, y) = network(backend, (arcsinh, arcsinh)), batch()
    assert net.check_gradients(X, y).passed


def test_a_wrong_gradient_is_found(backend, monkeypatch):
    net, (X, y) = network(backend), batch()
    right = bp.Network.backward

    def wrong(self, *samples):
        trace = right(self, *samples)
        trace.alpha_gradients[1][3] *= 1.01
        return trace

    monkeypatch.setattr(bp.Network, "backward", wrong)
    check = net.check_gradients(X, y)
    assert check.layers[1].verdict == "differs" and check.layers[1].absolute.place == "r[3]"


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("layer_norm", [False, True])
def test_both_backends_train_alike(layer_norm, settings, both):
    more = {"l2": 1e-3, "layer_norm": layer_norm}
    nets = [network(name, **more) for name in ("rust", "numpy")]
    assert_trained_alike(nets, *batch(), settings)


@pytest.mark.parametrize(
    "more", [{"input_noise": 0.2}, {"optimizer": "lion"}, {"clip_value": 0.01}]
)
def test_both_backends_agree_with_dropout_and_other_rules(more, both):
    X, y = batch()
    nets = [network(name, dropout=0.2) for name in ("rust", "numpy")]
    for net in nets:
        fit(net, X, y, **more)
    np.testing.assert_allclose(parameters(nets[0]), parameters(nets[1]), rtol=1e-6, atol=1e-8)


def test_alphas_of_one_are_the_plain_activation(backend):
    """The first outputs and gradients agree; after steps the alphas differ from 1."""
    net, (X, y) = network(backend, alphas=False), batch()
    plain = bp.Network(
        [6, 19, 21, 5], ["selu", "mish"], cost="cross_entropy", seed=3, dtype="float64"
    )
    assert all((alpha == 1).all() for alpha in net.alphas[:-1])
    np.testing.assert_allclose(net.predict(X), plain.predict(X), rtol=1e-12)
    ours, theirs = net.backward(X, y), plain.backward(X, y)
    for one, other in zip(ours.weight_gradients, theirs.weight_gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-14)
    fit(net, X, y)
    assert (net.alphas[0] != 1).any()


def test_alphas_of_zero_are_linear_layers(backend):
    net, (X, _) = network(backend), batch()
    net.alphas = [np.zeros(19), np.zeros(21), None]
    linear = bp.Network([6, 19, 21, 5], "identity", init=net.weights, dtype="float64")
    linear.biases = net.biases
    np.testing.assert_allclose(net.predict(X), linear.predict(X), rtol=1e-12)


def test_a_step_is_gradient_descent_without_penalties(backend):
    net, (X, y) = network(backend, l1=0.1, l2=0.1, weight_decay=0.1), batch()
    gradients, before = net.backward(X, y).alpha_gradients, net.alphas
    net.step(X, y, 0.5)
    for layer in (0, 1):
        after = before[layer] - 0.5 * gradients[layer]
        np.testing.assert_allclose(net.alphas[layer], after, rtol=1e-12, atol=1e-15)


def test_they_are_a_group_with_factors_of_its_own(backend):
    net, (X, y) = network(backend, weight_decay=0.5), batch()
    gradients, before = net.backward(X, y).alpha_gradients, net.alphas
    more = {"lr_factors": {"alphas": 0.1}, "decay_factors": {"alphas": [2, 0, 0]}}
    fit(net, X, y, epochs=1, batch_size=ROWS, learning_rate=0.1, **more)
    expected = before[0] * (1 - 0.1 * 0.5 * 2) - 0.01 * gradients[0]
    np.testing.assert_allclose(net.alphas[0], expected, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(net.alphas[1], before[1] - 0.01 * gradients[1], rtol=1e-10)


# Bits.


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("clip_norm", [None, 0.1])
def test_the_bits_do_not_depend_on_threads_or_other_rows(clip_norm, dtype, both):
    """With 1,200 rows a batch has two chunks, and enough work for several threads."""
    X, y = batch(1200)
    for batch_size in (300, 1100):
        results = []
        for threads in (1, 2, 3):
            with bp.num_threads(threads):
                net = network("rust", sizes=(6, 150, 61, 5), dtype=dtype, layer_norm=True)
                fit(net, X, y, batch_size=batch_size, optimizer="adam", clip_norm=clip_norm)
                results.append(parameters(net))
                together = net.predict(X)
        for other in results[1:]:
            np.testing.assert_array_equal(results[0], other)
        np.testing.assert_array_equal(together[7], net.predict(X[7]))


HASH = """
import test_parametric as t
print([t.trained(d) for d in ("float32", "float64")])
"""


def trained(dtype):
    net, (X, y) = network("rust", dtype=dtype), batch(300)
    fit(net, X, y, optimizer="adam")
    return parameters(net).tobytes().hex()


def test_the_bits_do_not_depend_on_the_instruction_set(both):
    assert_same_on_instruction_sets(HASH)


# Keeping and settings.


def test_files_pickles_and_states_hold_them(backend, tmp_path):
    net = network(backend)

    def has_alphas(again):
        return [layer.parametric for layer in again.layers] == [True, True, False]

    assert_kept(net, *batch(), tmp_path / "net", backend, has_alphas)
    assert {"alphas.1", "alphas.2", "optimizer.mean.alphas.2"} <= set(net._core.state())


def test_a_checkpoint_resumes_to_the_same_bits(backend, tmp_path):
    plain = {"dtype": "float64", "seed": 3, "cost": "cross_entropy", "backend": backend}
    other = bp.Network([6, 19, 21, 5], ["selu", "mish"], **plain)
    assert_resumes(lambda: network(backend), other, "layers", *batch(), tmp_path / "at")


def test_they_are_averaged_and_early_stopping_returns_to_them(backend):
    net, (X, y) = network(backend, ("tanh", "tanh")), batch()
    fit(net, X, y, average=0.5)
    state = net._core.state()
    np.testing.assert_array_equal(net.averaged().alphas[1], state["averaged.alphas.2"])
    seen = []
    history = fit(
        *(net, X, y),
        epochs=30,
        optimizer="adam",
        learning_rate=0.5,
        early_stopping=2,
        callbacks=lambda epoch: seen.append(net.alphas[0]),
    )
    assert history.stopped == "early_stopping"
    np.testing.assert_array_equal(net.alphas[0], seen[int(np.argmin(history.cost))])


def test_initialize_begins_with_one(backend):
    net, (X, _) = network(backend), batch()
    net.initialize(X)
    assert all((alpha == 1).all() for alpha in net.alphas[:-1])
    deviations = [z.std(axis=0) for z in net.backward(X, np.zeros((ROWS, 5))).weighted_inputs]
    np.testing.assert_allclose(np.concatenate(deviations), 1, rtol=1e-9)


def test_wrong_settings_are_refused(backend, both):
    with pytest.raises(TypeError, match="parametric must be True or False; got 1"):
        bp.Network([4, 3, 2], parametric=1, backend=backend)
    sentences = set()
    with pytest.raises(ValueError, match="parametric must be for hidden layers") as raised:
        bp.Network([4, 3, bp.Dense(2, parametric=True)], backend=backend)
    sentences.add(str(raised.value))
    for module in both:
        options = [{"dropout": 0.0, "l1": 0.0, "l2": 0.0, "weight_decay": 0.0, "max_norm": 0.0}]
        with pytest.raises(ValueError) as raised:
            parametric = [options[0] | {"parametric": True}]
            module.Network([2, 1], ["identity"], "squared_error", "float64", parametric)
        sentences.add(str(raised.value))
    assert len(sentences) == 1
    net = network(backend)
    with pytest.raises(ValueError, match=r"alphas of layer 1 must have shape \(19,\)"):
        net.alphas = [np.ones(3), np.ones(21), None]
    with pytest.raises(ValueError, match="alphas of layer 3 must be None because it has none"):
        net.alphas = [np.ones(19), np.ones(21), np.ones(5)]


def test_counts_and_summaries(backend):
    net = bp.Network([4, bp.Dense(3, "selu", parametric=True), 2], backend=backend)
    assert net.n_parameters == 4 * 3 + 3 + 3 + 3 * 2 + 2
    assert net.summary().splitlines()[3].split() == ["1", "(3,", "4)", "parametric", "selu", "18"]


# Features.


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("name", ["selu", "mish", "tanh", "relu", "identity"])
def test_explanations_show_them(name, layer_norm, backend):
    sizes = (3, 4, 4, 5)
    net = network(backend, (name, "tanh"), sizes, layer_norm=layer_norm)
    X, y = batch(2)
    document = net.explain(X[:, :3], y, 0.5)
    assert check_explanation(document, "float64") > 100
    arrays = document.to_dict()
    after = arrays["alphas"][0] - 0.5 * arrays["alpha_gradients"][0]
    np.testing.assert_allclose(arrays["new_alphas"][0], after, rtol=1e-12)
    assert "Gradient of the alphas" in str(document) and "New alphas" in str(document)
    check_explanation(document.weight(1, 0, 0), "float64")
    assert document.to_markdown() and document.to_html()


def test_norms_health_films_and_drawings(backend):
    mpl.use("agg")
    net, (X, y) = network(backend), batch()
    alone = net.backward(X[2], y[2:3])
    parts = (alone.weight_gradients[0], alone.bias_gradients[0], alone.alpha_gradients[0])
    norm = np.sqrt(sum(np.square(part).sum() for part in parts))
    assert net.sample_gradient_norms(X, y, per_layer=True)[2, 0] == pytest.approx(norm, rel=1e-10)
    before = net.alphas[0]
    film = net.record(X, y, epochs=2, learning_rate=0.1, progress=False, health=1)
    np.testing.assert_array_equal(film.network(0).alphas[0], before)
    np.testing.assert_array_equal(film.network(2).alphas[0], net.alphas[0])
    net.diagnose(X, y)
    bp.plot.network(net, X, y)
    bp.plot.chain(net, X[:1], y[:1], 1, 0, 0)


def test_several_networks_at_once(both):
    X, y = batch()
    config = {"sizes": [6, 8, 5], "parametric": True, "seed": 1, "epochs": 2}
    (trained,) = bp.train_many([config], X, y)
    assert (trained.net.alphas[0] != 1).any()
