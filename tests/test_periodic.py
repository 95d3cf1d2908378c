"""The learned periodic embedding of the inputs: its equations, gradients and both backends."""

import backprop_rs as bp
import matplotlib as mpl
import numpy as np
import pytest
from alike import (
    SETTINGS,
    assert_kept,
    assert_resumes,
    assert_same_on_instruction_sets,
    assert_slopes_of_embedding,
    assert_trained_alike,
    fit,
    parameters,
)
from backprop_rs.distributed.sharding import partition, tree_sum
from test_explain import check as check_explanation

ROWS = 37
INPUTS, FREQUENCIES, OUTPUTS = 4, 19, 3  # more frequencies than a line of the core
EDGES = bp.PiecewiseLinear({1: [-1.0, 0.0, 2.0]})
WIDTH = (OUTPUTS + 1) + 2 + 1 + (OUTPUTS + 1)
LEARNED = 2 * (FREQUENCIES * (OUTPUTS + 2) + OUTPUTS)
H = np.finfo(float).eps ** 0.2  # as in test_gradients


def network(backend, sizes=(INPUTS, 21, 9, 5), **more):
    """Return a network whose inputs 0 and 3 have waves, and input 1 has bins."""
    more = {"seed": 3, "dtype": "float64", "cost": "cross_entropy", "activation": "tanh"} | more
    waves = bp.PBLD([0, 3], FREQUENCIES, OUTPUTS)
    return bp.Network(list(sizes), backend=backend, **{"embedding": [waves, EDGES]} | more)


def batch(rows=ROWS):
    random = np.random.default_rng(5)
    return random.normal(size=(rows, INPUTS)), random.uniform(size=(rows, 5))


def embedded(net, X):
    """Return the embedded inputs by their definition."""
    columns = []
    for k, x in enumerate(X.T):
        waves = net.embedding_arrays().get(k)
        if waves is not None:
            phases = 2 * np.pi * np.outer(x, waves.frequencies) + waves.phases
            columns += list((np.cos(phases) @ waves.weights.T + waves.biases).T)
        if k == 1:
            columns += [np.minimum(x + 1, 1), np.maximum(x / 2, 0)]
        else:
            columns.append(x)
    return np.array(columns).T


@pytest.mark.parametrize("input_scale", [False, True])
def test_the_first_layer_receives_waves_and_the_inputs(input_scale, backend):
    net, (X, y) = network(backend, input_scale=input_scale), batch()
    e = embedded(net, X)
    assert e.shape == (ROWS, WIDTH) and net.weights[0].shape == (21, WIDTH)
    np.testing.assert_allclose(net.embed(X), e, rtol=1e-13, atol=1e-14)
    plain = bp.Network([WIDTH, 21, 9, 5], "tanh", dtype="float64", init=net.weights)
    plain.biases = net.biases
    np.testing.assert_allclose(net.predict(X), plain.predict(e), rtol=1e-12)
    trace = net.backward(X, y)
    np.testing.assert_allclose(trace.embedded_inputs, e, rtol=1e-13, atol=1e-14)
    delta = trace.deltas[0] @ net.weights[0]
    np.testing.assert_allclose(trace.input_deltas, delta, rtol=1e-10, atol=1e-14)
    assert (trace.scaled_inputs is not None) == input_scale


def slope(net, k, X, y):
    """Return dC / dtheta_k by differences of fourth order."""
    original = net.embeddings

    def cost(change):
        changed = original.copy()
        changed[k] += change
        net.embeddings = changed
        return net.evaluate(X, y)["cost"]

    near, far = cost(H) - cost(-H), cost(2 * H) - cost(-2 * H)
    net.embeddings = original
    return (8 * near - far) / (12 * H)


@pytest.mark.parametrize("input_scale", [False, True])
@pytest.mark.parametrize("sizes", [(INPUTS, 21, 9, 5), (INPUTS, 5)])
def test_gradients_are_the_slopes_of_the_cost(sizes, input_scale, backend):
    net, (X, y) = network(backend, sizes, input_scale=input_scale), batch()
    if input_scale:
        net.scales = np.linspace(-0.5, 1.5, WIDTH)
    gradient = net.backward(X, y).embedding_gradients
    assert gradient.shape == (LEARNED,) and (gradient != 0).all()
    slopes = [slope(net, k, X, y) for k in range(LEARNED)]
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-9)


def test_check_gradients_includes_them(backend):
    net, (X, y) = network(backend, input_scale=True), batch()
    check = net.check_gradients(X, y)
    assert check.passed and check.layers[0].parameters == LEARNED + WIDTH + (WIDTH + 1) * 21
    assert [layer.verdict for layer in check.layers] == ["agrees"] * 3


@pytest.mark.parametrize("place", [0, FREQUENCIES + 1, 2 * FREQUENCIES + 1])
def test_a_wrong_gradient_is_found(place, backend, monkeypatch):
    net, (X, y) = network(backend), batch()
    right = bp.Network.backward

    def wrong(self, *samples):
        trace = right(self, *samples)
        trace.embedding_gradients[place] *= 1.01
        return trace

    monkeypatch.setattr(bp.Network, "backward", wrong)
    check = net.check_gradients(X, y)
    assert check.layers[0].verdict == "differs"
    assert check.layers[0].absolute.place == f"θ[{place}]"


def test_a_batch_in_chunks_has_the_mean_of_the_gradients_of_its_samples(backend):
    net, (X, y) = network(backend), batch(1100)
    whole = net.backward(X, y).embedding_gradients
    halves = [net.backward(X[part], y[part]) for part in (slice(0, 550), slice(550, 1100))]
    mean = sum(half.embedding_gradients for half in halves) / 2
    np.testing.assert_allclose(whole, mean, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("input_scale", [False, True])
def test_both_backends_train_alike(input_scale, settings, both):
    nets = [network(name, l2=1e-3, input_scale=input_scale) for name in ("rust", "numpy")]
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
    np.testing.assert_allclose(parameters(nets[0]), parameters(nets[1]), rtol=1e-6, atol=1e-8)


def test_a_step_is_gradient_descent_without_penalties(backend):
    net, (X, y) = network(backend, l1=0.1, l2=0.1, weight_decay=0.1), batch()
    gradient, before = net.backward(X, y).embedding_gradients, net.embeddings
    net.step(X, y, 0.5)
    np.testing.assert_allclose(net.embeddings, before - 0.5 * gradient, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("clip_norm", [None, 1e9])
def test_they_are_a_group_with_factors_of_its_own(clip_norm, backend):
    net, (X, y) = network(backend, weight_decay=0.5), batch()
    gradient, before = net.backward(X, y).embedding_gradients, net.embeddings
    more = {"lr_factors": {"embeddings": 0.1}, "decay_factors": {"embeddings": 2}}
    fit(net, X, y, epochs=1, batch_size=ROWS, learning_rate=0.1, clip_norm=clip_norm, **more)
    expected = before * (1 - 0.1 * 0.5 * 2) - 0.01 * gradient
    np.testing.assert_allclose(net.embeddings, expected, rtol=1e-10, atol=1e-14)


# Initial values.


def test_initial_values_have_their_laws(both):
    nets = [
        bp.Network([40, 1], embedding=bp.PBLD(), seed=1, dtype="float64", backend=name)
        for name in ("rust", "numpy")
    ]
    np.testing.assert_allclose(nets[0].embeddings, nets[1].embeddings, rtol=1e-14)
    waves = nets[0].embedding_arrays().values()
    w1, b1, w2, b2 = (
        np.concatenate([part.ravel() for part in parts]) for parts in zip(*waves, strict=True)
    )
    assert abs(w1.std() / 0.1 - 1) < 5 / np.sqrt(2 * len(w1)) and abs(w1.mean()) < 0.02
    for values, limit in ((b1, np.pi), (w2, 0.25), (b2, 0.25)):
        assert np.abs(values).max() < limit
        assert abs(values.std() / (limit / np.sqrt(3)) - 1) < 0.2
    assert len(np.unique(w1)) == len(w1)
    other = bp.Network([40, 1], embedding=bp.PBLD(), seed=2, dtype="float64")
    assert (other.embeddings != nets[0].embeddings).all()


def test_given_weights_have_drawn_embeddings(backend):
    drawn = network(backend)
    given = network(backend, init=drawn.weights)
    np.testing.assert_array_equal(given.embeddings, drawn.embeddings)
    np.testing.assert_array_equal(given.weights[0], drawn.weights[0])


def test_initialize_draws_new_ones(backend):
    net, (X, y) = network(backend, input_scale=True), batch()
    before = net.embeddings
    fit(net, X, y)
    net.initialize(X)
    np.testing.assert_array_equal(net.embeddings, before)
    deviations = (net.embed(X) @ net.weights[0].T).std(axis=0)
    np.testing.assert_allclose(deviations, 1, rtol=1e-10)


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
                net = network("rust", (INPUTS, 150, 60, 5), dtype=dtype, input_scale=True)
                fit(net, X, y, batch_size=batch_size, optimizer="adam", clip_norm=clip_norm)
                results.append(parameters(net))
                together = net.predict(X)
        for other in results[1:]:
            np.testing.assert_array_equal(results[0], other)
        np.testing.assert_array_equal(together[7], net.predict(X[7]))


HASH = """
import test_periodic as t
print([t.trained(d, s) for d in ("float32", "float64") for s in (False, True)])
"""


def trained(dtype, input_scale):
    net, (X, y) = network("rust", dtype=dtype, input_scale=input_scale), batch(300)
    fit(net, X, y, optimizer="adam")
    return parameters(net).tobytes().hex()


def test_the_bits_do_not_depend_on_the_instruction_set(both):
    assert_same_on_instruction_sets(HASH)


# Keeping.


def test_files_pickles_and_states_hold_them(backend, tmp_path):
    net = network(backend, input_scale=True)
    given = net.embedding
    assert_kept(net, *batch(), tmp_path / "net", backend, lambda again: again.embedding == given)
    assert {"embeddings.1", "optimizer.mean.embeddings.1"} <= set(net._core.state())


def test_a_checkpoint_resumes_to_the_same_bits(backend, tmp_path):
    other = network(backend, embedding=[bp.PBLD([0, 3], FREQUENCIES, OUTPUTS, 0.2), EDGES])
    assert_resumes(lambda: network(backend), other, "embedding", *batch(), tmp_path / "at")


def test_early_stopping_returns_to_the_best(backend):
    net, (X, y) = network(backend), batch()
    seen = []
    history = fit(
        *(net, X, y),
        epochs=30,
        learning_rate=20.0,
        early_stopping=2,
        callbacks=lambda epoch: seen.append(net.embeddings),
    )
    assert history.stopped == "early_stopping"
    np.testing.assert_array_equal(net.embeddings, seen[int(np.argmin(history.cost))])


def test_they_are_averaged_too(backend):
    net, (X, y) = network(backend), batch()
    fit(net, X, y, average=0.5)
    state = net._core.state()
    np.testing.assert_array_equal(net.averaged().embeddings, state["averaged.embeddings.1"])
    assert (net.averaged().embeddings != net.embeddings).any()


# Settings.


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"columns": "ab"}, "columns must be a sequence of inputs; got 'ab'"),
        ({"columns": [-1]}, "columns must be an integer >= 0; got -1"),
        ({"columns": [1, 1]}, r"columns must be different inputs; got \[1, 1\]"),
        ({"frequencies": 0}, "frequencies must be an integer .*; got 0"),
        ({"outputs": 2.5}, "outputs must be an integer .*; got 2.5"),
        ({"deviation": -1}, "deviation must be .*; got -1"),
        ({"append": 1}, "append must be True or False; got 1"),
    ],
)
def test_wrong_settings_are_refused(settings, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        bp.PBLD(**settings)


def test_wrong_parameters_are_refused(backend):
    net = network(backend)
    with pytest.raises(ValueError, match=rf"embeddings must have shape \({LEARNED},\); got \(5,\)"):
        net.embeddings = np.ones(5)
    with pytest.raises(ValueError, match="embeddings must hold finite float64 numbers; got nan"):
        net.embeddings = np.full(LEARNED, np.nan)
    plain = bp.Network([3, 2], backend=backend)
    with pytest.raises(
        ValueError, match="embeddings must be None because it has none; got ndarray"
    ):
        plain.embeddings = np.ones(3)
    assert plain.embedding_arrays() == {}


def test_all_inputs_by_default(backend):
    net = bp.Network([3, 2], embedding=bp.PBLD(frequencies=2, outputs=1), backend=backend)
    assert net.embed(np.ones((1, 3))).shape == (1, 6) and list(net.embedding_arrays()) == [0, 1, 2]
    assert net.n_parameters == 3 * (2 + 2 + 2 + 1) + 6 * 2 + 2
    assert net.summary().splitlines()[3].split() == ["embedding", "(3,", "6)", "pbld", "21"]


# Features.


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("input_scale", [False, True])
def test_explanations_show_them(input_scale, dtype, backend):
    several = [bp.PBLD([0], frequencies=5, outputs=2), bp.PiecewiseLinear({1: [0, 1, 2]})]
    net = network(backend, (3, 4, 5), embedding=several, input_scale=input_scale, dtype=dtype)
    X, y = batch(2)
    for max_neurons in (4, 30):
        document = net.explain(X[:, :3], y, 0.5, max_neurons=max_neurons)
        assert check_explanation(document, dtype) > 100
    arrays = document.to_dict()
    after = arrays["embeddings"] - 0.5 * arrays["embedding_gradients"]
    np.testing.assert_allclose(arrays["new_embeddings"], after, rtol=1e-5, atol=1e-6)
    text = str(document)
    assert "∂C₀/∂ωf = 2 π aⱼ⁽⁰⁾ · ∂C₀/∂φf" in text and "New embeddings" in text
    assert r"\theta" in document.to_markdown() and document.to_html()


def test_slopes_of_an_explanation_are_those_of_the_embedding(backend):
    assert_slopes_of_embedding(network(backend), *batch(1), WIDTH)


def test_norms_health_films_and_drawings(backend, tmp_path):
    mpl.use("agg")
    net, (X, y) = network(backend, input_scale=True), batch()
    alone = net.backward(X[2], y[2:3])
    parts = (alone.weight_gradients[0], alone.bias_gradients[0], alone.scale_gradients)
    parts += (alone.embedding_gradients,)
    norm = np.sqrt(sum(np.square(part).sum() for part in parts))
    assert net.sample_gradient_norms(X, y, per_layer=True)[2, 0] == pytest.approx(norm, rel=1e-10)
    before = net.embeddings
    film = net.record(X, y, epochs=2, learning_rate=0.1, progress=False, health=1)
    np.testing.assert_array_equal(film.network(0).embeddings, before)
    np.testing.assert_array_equal(film.network(2).embeddings, net.embeddings)
    net.diagnose(X, y)
    bp.plot.network(net, X, y)
    bp.plot.chain(net, X[:1], y[:1], 1, 0, WIDTH - 1)


def test_several_networks_at_once(both):
    X, y = batch()
    config = {"sizes": [INPUTS, 8, 5], "embedding": bp.PBLD(), "seed": 1, "epochs": 2}
    (trained,) = bp.train_many([config], X, y)
    fresh = bp.Network(config["sizes"], embedding=bp.PBLD(), seed=1)
    assert (trained.net.embeddings != fresh.embeddings).any()


def test_sums_of_parts_of_a_batch_and_their_update_are_a_step(backend):
    """As ranks of a distributed training do it."""
    m = 1500
    X, y = (np.ascontiguousarray(array) for array in batch(m))
    shares = partition(m, 3, "exact")
    whole, parts = (network(backend, input_scale=True) for _ in range(2))
    settings = {"batch_size": m, "learning_rate": 0.1, "stop_epoch": 1, "budget": np.inf}
    settings |= {"clip_norm": 0.5}
    whole._core.train(X, y, settings, (0, 0, 0.0, 0.0))
    sums, layers = [], {0: [], 1: [], 2: []}
    for (first, last), rows in zip(shares.rows, shares.parts, strict=True):

        def ready(layer, sums):
            layers[layer] += list(sums)

        given = (X[first:last], y[first:last], settings, (0, 0), 1, rows, ready, None)
        sums += parts._core.sum_gradient(*given)
    gradient = [tree_sum(shares.nodes, layers[layer]) for layer in range(3)]
    assert [len(one) for one in gradient] == parts._core.sum_lengths()
    costs, weights = (tree_sum(shares.nodes, [one[i] for one in sums]) for i in (0, 1))
    parts._core.apply_gradient(gradient, (costs, weights, m), settings, (0, 0), 1)
    if backend == "rust":
        np.testing.assert_array_equal(parameters(whole), parameters(parts))
    np.testing.assert_allclose(parameters(whole), parameters(parts), rtol=0, atol=1e-12)


def test_a_source_trains_to_the_same_bits(backend):
    X, y = batch(100)
    nets = [network(backend, input_scale=True) for _ in range(2)]
    fit(nets[0], X, y, optimizer="adam")
    more = {"epochs": 2, "batch_size": 16, "learning_rate": 0.05, "optimizer": "adam"}
    nets[1].fit(bp.data.source(X, y), **more, progress=False)
    np.testing.assert_array_equal(parameters(nets[0]), parameters(nets[1]))
    np.testing.assert_array_equal(nets[0].predict(X), nets[1].predict(bp.data.source(X)))


def test_a_model_embeds_and_explains_its_features():
    random = np.random.default_rng(0)
    X = random.normal(size=(80, 2))
    table = {"a": X[:, 0], "b": X[:, 1], "y": np.sin(3 * X[:, 0])}
    model = bp.Model([8], embedding=bp.PBLD(frequencies=4), input_scale=True, seed=0)
    model.fit(table, "y", epochs=5, progress=False)
    assert "Gradient of the embeddings" in str(model.explain({"a": [0.5], "b": [1.0], "y": [0.2]}))
