"""Embeddings of the inputs: their equations, both backends, and every feature of a network."""

import json
import pickle
import shutil
import subprocess
import sys
from itertools import pairwise

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
from backprop_rs import embedding as embeddings
from backprop_rs.explain.embedded import GENERAL
from backprop_rs.export.embeddings import EMBEDDINGS as exported
from backprop_rs.tables.embedding import EMBEDDINGS
from test_explain import check as check_explanation

ROWS = 37
EDGES = {0: (-1.0, 0.0, 0.5, 2.0), 2: (-0.5, 0.5), 3: tuple(np.linspace(-2, 2, 30))}
INPUTS, WIDTH = 5, 3 + 1 + 1 + 29 + 1


def network(backend, sizes=(INPUTS, 21, 9, 4), **more):
    more = {"seed": 3, "dtype": "float64", "cost": "cross_entropy", "activation": "tanh"} | more
    more = {"embedding": bp.PiecewiseLinear(EDGES)} | more
    return bp.Network(list(sizes), backend=backend, **more)


def batch(rows=ROWS):
    random = np.random.default_rng(5)
    return random.normal(size=(rows, INPUTS)), random.uniform(size=(rows, 4))


def encoded(X):
    """Return the encoding by its definition, bin by bin."""
    columns = []
    for k, x in enumerate(X.T):
        edges = EDGES.get(k)
        if edges is None:
            columns.append(x)
            continue
        for i, (b, c) in enumerate(pairwise(edges)):
            low, high = -np.inf if i == 0 else 0, np.inf if i == len(edges) - 2 else 1
            columns.append(np.clip((x - b) / (c - b), low, high))
    return np.array(columns).T


def test_the_first_layer_receives_embedded_inputs(backend):
    net, (X, y) = network(backend), batch()
    plain = bp.Network([WIDTH, 21, 9, 4], "tanh", dtype="float64", init=net.weights)
    plain.biases = net.biases
    e = encoded(X)
    np.testing.assert_array_equal(net.embed(X), e)
    np.testing.assert_allclose(net.predict(X), plain.predict(e), rtol=1e-12)
    assert net.sizes == [INPUTS, 21, 9, 4] and net.weights[0].shape == (21, WIDTH)
    trace = net.backward(X, y)
    np.testing.assert_array_equal(trace.activations[0], X)
    np.testing.assert_array_equal(net.activations(X)[0], X)
    for seen in (trace.embedded_inputs, trace.layer_inputs[0], trace.unscaled_inputs):
        np.testing.assert_array_equal(seen, e)
    gradient = trace.deltas[0].T @ e / ROWS
    np.testing.assert_allclose(trace.weight_gradients[0], gradient, rtol=1e-10, atol=1e-14)


def test_factors_come_after_the_embedding(backend):
    net, (X, y) = network(backend, input_scale=True), batch()
    net.scales = scales = np.linspace(-1, 1, WIDTH)
    trace, e = net.backward(X, y), encoded(X)
    np.testing.assert_array_equal(trace.scaled_inputs, scales * e)
    delta = trace.deltas[0] @ net.weights[0]
    np.testing.assert_allclose(trace.input_deltas, delta, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(trace.scale_gradients, (delta * e).mean(axis=0), atol=1e-14)
    check = net.check_gradients(X, y)
    assert check.passed and check.layers[0].parameters == WIDTH + (WIDTH + 1) * 21


def test_the_input_itself_may_follow_its_encoding(backend):
    kept = bp.PiecewiseLinear({1: [0, 1, 2]}, append=True)
    net = bp.Network([3, 2], embedding=kept, backend=backend, dtype="float64")
    assert net.embed([5.0, 1.5, 7.0]).tolist() == [[5.0, 1.0, 0.5, 1.5, 7.0]]


def test_several_embeddings_have_inputs_of_their_own(backend):
    several = [bp.PiecewiseLinear({2: [0, 1, 2]}), bp.PiecewiseLinear({0: [0, 4]})]
    net = bp.Network([3, 2], embedding=several, backend=backend, dtype="float64")
    assert net.embed([[1.0, 5.0, 1.5]]).tolist() == [[0.25, 5.0, 1.0, 0.5]]
    assert net.embedding == tuple(several)


def test_without_an_embedding_nothing_changes(backend):
    net, X = bp.Network([3, 2], backend=backend, dtype="float64"), np.eye(3)
    assert net.embedding == () and net.backward(X, X[:, :2]).embedded_inputs is None
    np.testing.assert_array_equal(net.embed(X), X)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("input_scale", [False, True])
def test_both_backends_train_alike(input_scale, settings, both):
    nets = [network(name, l2=1e-3, input_scale=input_scale) for name in ("rust", "numpy")]
    assert_trained_alike(nets, *batch(), settings)


def test_both_backends_agree_with_noise_and_dropout(both):
    X, y = batch()
    nets = [network(name, dropout=0.2) for name in ("rust", "numpy")]
    for net in nets:
        fit(net, X, y, input_noise=0.2)
    np.testing.assert_allclose(parameters(nets[0]), parameters(nets[1]), rtol=1e-7, atol=1e-9)


def test_lbfgs_lowers_the_cost(backend):
    net, (X, y) = network(backend), batch()
    before = net.evaluate(X, y)["cost"]
    history = net.fit(X, y, epochs=20, optimizer="lbfgs", progress=False)
    assert history.cost[-1] < 0.9 * before


def test_noise_comes_before_the_embedding(backend):
    """An encoding that is 1 from -100 on does not see it."""
    X, y = batch()
    flat = bp.PiecewiseLinear({k: [-200.0, -100.0, 500.0] for k in range(INPUTS)})
    costs = []
    for noise in (0.0, 1.0):
        net = network(backend, embedding=flat)
        w = net.weights
        w[0][:, 1::2] = 0  # the bins from -100 on
        net.weights = w
        costs += fit(net, X, y, epochs=1, learning_rate=0.0, input_noise=noise).cost
    assert costs[0] == costs[1]


@pytest.mark.parametrize("input_scale", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_bits_do_not_depend_on_threads_or_other_rows(dtype, input_scale, both):
    """With 1,200 rows a batch has two chunks, and enough work for several threads."""
    X, y = batch(1200)
    for batch_size in (300, 1100):
        results = []
        for threads in (1, 2, 3):
            with bp.num_threads(threads):
                more = {"dtype": dtype, "input_scale": input_scale}
                net = network("rust", (INPUTS, 150, 60, 4), **more)
                fit(net, X, y, batch_size=batch_size, optimizer="adam")
                results.append(parameters(net))
                together = net.predict(X)
        for other in results[1:]:
            np.testing.assert_array_equal(results[0], other)
        np.testing.assert_array_equal(together[7], net.predict(X[7]))


HASH = """
import test_embedding as t
print([t.network("rust", dtype=d, input_scale=s).embed(t.batch()[0]).tobytes().hex()[-200:]
       + t.trained(d, s) for d in ("float32", "float64") for s in (False, True)])
"""


def trained(dtype, input_scale):
    net, (X, y) = network("rust", dtype=dtype, input_scale=input_scale), batch(300)
    fit(net, X, y, optimizer="adam")
    return parameters(net).tobytes().hex()[-400:]


def test_the_bits_do_not_depend_on_the_instruction_set(both):
    assert_same_on_instruction_sets(HASH)


def test_small_networks_and_single_samples_are_embedded_too(backend):
    net, (X, y) = network(backend, (INPUTS, 4, 4), seed=1), batch()
    plain = bp.Network([WIDTH, 4, 4], "tanh", dtype="float64", cost="cross_entropy", seed=1)
    plain.weights, plain.biases = net.weights, net.biases
    for batch_size in (1, 8):
        for each, given in ((net, X), (plain, encoded(X))):
            fit(each, given, y, batch_size=batch_size, shuffle=False)
        np.testing.assert_allclose(parameters(net), parameters(plain), rtol=1e-9, atol=1e-12)
    net.step(X, y, 0.1)
    plain.step(encoded(X), y, 0.1)
    np.testing.assert_allclose(parameters(net), parameters(plain), rtol=1e-9, atol=1e-12)


def test_initial_weights_suit_the_embedded_samples(backend):
    net, (X, _) = network(backend), batch(200)
    net.initialize(X)
    deviations = (encoded(X) @ net.weights[0].T).std(axis=0)
    np.testing.assert_allclose(deviations, 1, rtol=1e-10)


def test_ntp_counts_the_embedded_inputs(backend):
    net, (X, y) = network(backend), batch()
    gradient, before = net.backward(X, y).weight_gradients[0], net.weights[0]
    net.step(X, y, 1.0, lr_factors={"weights": "ntp"})
    expected = before - gradient / np.sqrt(WIDTH)
    np.testing.assert_allclose(net.weights[0], expected, rtol=1e-12, atol=1e-15)


# Edges.


def test_quantiles_of_the_samples():
    X = np.array([[0.0, 1.0, 3.0], [1.0, 1.0, 3.0], [2.0, 1.0, 3.0], [8.0, 2.0, 3.0]])
    fitted = bp.PiecewiseLinear.from_quantiles(X, 3)
    assert fitted.edges == {0: (0.0, 1.0, 2.0, 8.0), 1: (1.0, 2.0)}  # the last is constant
    assert bp.PiecewiseLinear.from_quantiles(X, 3, columns=[1]).inputs(3) == (1,)
    random = np.random.default_rng(0).normal(size=(1000, 1)).astype("float32")
    (edges,) = bp.PiecewiseLinear.from_quantiles(random, 4).edges.values()
    np.testing.assert_allclose(edges, np.quantile(random, [0, 0.25, 0.5, 0.75, 1]), rtol=1e-6)
    close = 1e9 + np.arange(5.0)[:, None]
    assert bp.PiecewiseLinear.from_quantiles(close, 4).edges == {}
    assert len(bp.PiecewiseLinear.from_quantiles(close, 4, dtype="float64").edges[0]) == 5


def test_an_encoding_of_nothing_is_no_encoding(backend):
    net = bp.Network([2, 1], embedding=bp.PiecewiseLinear({}), backend=backend)
    assert net.embed([[1.0, 2.0]]).tolist() == [[1.0, 2.0]] and net.n_parameters == 3
    assert pickle.loads(pickle.dumps(net)).embedding == net.embedding


def test_edges_are_values():
    one, other = (
        bp.PiecewiseLinear([[0, 1], None, [1, 2]]),
        bp.PiecewiseLinear({2: [1, 2], 0: [0, 1]}),
    )
    assert one == other and hash(one) == hash(other) and one.inputs(9) == (0, 2)
    assert one != bp.PiecewiseLinear({0: [0, 1]}) and eval(repr(one), vars(bp)) == one
    array = np.array([[0.0, 1.0], [1.0, 2.0]])
    assert bp.PiecewiseLinear(array).edges == {0: (0.0, 1.0), 1: (1.0, 2.0)}


@pytest.mark.parametrize(
    ("edges", "sentence"),
    [
        (3, "edges must be a mapping from inputs to edges, or a sequence .*; got 3"),
        ("ab", "edges must be a mapping .*; got 'ab'"),
        ({0: [1.0]}, r"edges of input 0 must be two numbers or more; got shape \(1,\)"),
        ({0: [[1.0, 2.0]]}, r"edges of input 0 must be two numbers or more; got shape \(1, 2\)"),
        ({0: [1.0, 1.0]}, r"edges of input 0 must grow; got \[1.0, 1.0\]"),
        ([None, [2, 1]], r"edges of input 1 must grow; got \[2.*, 1.*\]"),
        ({0: [0, np.inf]}, "edges of input 0 must hold finite float64 numbers; got inf"),
        ({0: ["a", "b"]}, "edges of input 0 must hold bools, integers or floats; got dtype <U1"),
        ({-1: [0, 1]}, "an input of edges must be an integer >= 0; got -1"),
        ({"age": [0, 1]}, "an input of edges must be an integer >= 0; got 'age'"),
    ],
)
def test_wrong_edges_are_refused(edges, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        bp.PiecewiseLinear(edges)


@pytest.mark.parametrize(
    ("embedding", "sentence"),
    [
        (3, "embedding must be PiecewiseLinear.*; got 3"),
        ([None], "embedding must be PiecewiseLinear.*; got None"),
        (bp.PiecewiseLinear({3: [0, 1]}), "embedding must be of inputs 0 to 2; got one of input 3"),
        (
            [bp.PiecewiseLinear({1: [0, 1]})] * 2,
            "embedding must have each input once; got input 1 twice",
        ),
        (
            bp.PiecewiseLinear({1: [1, 1 + 1e-9]}),
            "edges of input 1 must grow by finite steps in float32; got 1.0 and 1.000000001",
        ),
        (bp.PiecewiseLinear({1: [-3e38, 3e38]}), "edges of input 1 must grow by finite steps"),
    ],
)
def test_wrong_embeddings_are_refused(embedding, sentence, backend):
    with pytest.raises((TypeError, ValueError), match=sentence):
        bp.Network([3, 2], embedding=embedding, backend=backend)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ("ab", "columns must be a sequence of inputs; got 'ab'"),
        ([2], "columns must be .*from 0 to 1; got 2"),
        ([0, 0], r"columns must be different inputs; got \[0, 0\]"),
    ],
)
def test_wrong_columns_are_refused(columns, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        bp.PiecewiseLinear.from_quantiles(np.eye(2), 4, columns)
    with pytest.raises(ValueError, match=r"X must have shape \(m, n\); got \(3,\)"):
        bp.PiecewiseLinear.from_quantiles(np.ones(3))
    with pytest.raises(ValueError, match="X must hold finite float32 numbers; got nan"):
        bp.PiecewiseLinear.from_quantiles([[np.nan]])


def test_the_tables_of_both_backends_have_the_same_embeddings(both):
    sentences = []
    wrong = [
        (0, "fourier", []),
        (2, "identity", []),
        (0, "piecewise_linear", [1.0]),
        (0, "periodic", [0, 1, 0.1]),
    ]
    for module in both:
        made = (["identity"], "squared_error", "float64", None, False)
        for row in EMBEDDINGS:
            numbers = {"piecewise_linear": [0.0, 1.0], "periodic": [2, 1, 0.1]}.get(row.name, [])
            module.Network([2, 1], *made, [(0, row.name, numbers)])
        for part in wrong:
            with pytest.raises(ValueError) as raised:
                module.Network([2, 1], *made, [part])
            sentences.append(str(raised.value))
    assert sentences[: len(wrong)] == sentences[len(wrong) :]
    assert all(row.name in sentences[0] for row in EMBEDDINGS)


# Keeping.


def test_files_pickles_and_states_hold_it(backend, tmp_path):
    net = network(backend, input_scale=True)
    given = net.embedding
    assert_kept(net, *batch(), tmp_path / "net", backend, lambda again: again.embedding == given)
    json.dumps([each.to_dict() for each in net.embedding])


@pytest.mark.parametrize(
    "change",
    [
        {"size": 3},
        {"size": "a"},
        {"parts": None},
        {"parts": [{"kind": "fourier"}]},
        {"parts": [{"kind": "piecewise_linear", "edges": [[0, [1, 0]]], "append": False}]},
        {"parts": []},
    ],
)
def test_a_file_with_another_embedding_is_refused(change, tmp_path, monkeypatch):
    net = network("auto")
    settings = net._settings()
    settings["embedding"] |= change
    monkeypatch.setattr(net, "_settings", lambda: settings)
    net.save(tmp_path / "net")
    with pytest.raises(ValueError, match="net"):
        bp.Network.load(tmp_path / "net")


def test_a_checkpoint_knows_the_embedding(backend, tmp_path):
    other = network(backend, embedding=bp.PiecewiseLinear(EDGES | {3: np.linspace(-3, 3, 30)}))
    assert_resumes(lambda: network(backend), other, "embedding", *batch(), tmp_path / "at")


# Features.


def test_explanations_show_it(backend):
    edges = {0: (-1.0, 0.0, 2.0), 2: (-0.5, 0.5)}
    for input_scale in (False, True):
        more = {"embedding": bp.PiecewiseLinear(edges, append=True), "input_scale": input_scale}
        net = network(backend, (3, 4, 4), **more)
        X, y = batch(2)
        document = net.explain(X[:, :3], y, 0.5, max_neurons=20)
        assert check_explanation(document, "float64") > 100
        np.testing.assert_array_equal(document.to_dict()["embedded_inputs"], net.embed(X[:, :3]))
        text = str(document)
        assert "eₖ = max(0, min(1, (aⱼ⁽⁰⁾ − p) / (q − p)))" in text
        assert "∂eₖ/∂aⱼ⁽⁰⁾ = {0 if aⱼ⁽⁰⁾ ≤ p, 1 / (q − p) if aⱼ⁽⁰⁾ ≤ q, else 0}" in text
        check_explanation(document.weight(1, 0, 5), "float64")
        for writing in (document.to_markdown, document.to_html):
            assert writing()


def test_slopes_of_an_explanation_are_those_of_the_embedding(backend):
    assert_slopes_of_embedding(network(backend), *batch(1), WIDTH)


def test_norms_health_films_and_drawings(backend, tmp_path):
    mpl.use("agg")
    net, (X, y) = network(backend, input_scale=True), batch()
    alone = net.backward(X[2], y[2:3])
    parts = (alone.weight_gradients[0], alone.bias_gradients[0], alone.scale_gradients)
    norm = np.sqrt(sum(np.square(part).sum() for part in parts))
    assert net.sample_gradient_norms(X, y, per_layer=True)[2, 0] == pytest.approx(norm, rel=1e-12)
    film = net.record(X, y, epochs=2, learning_rate=0.1, progress=False, health=1)
    np.testing.assert_array_equal(film.network(2).weights[0], net.weights[0])
    film.animate("network").save(tmp_path / "film.html")
    net.diagnose(X, y)
    for given in ((), (X[:1],), (X[:1], y[:1])):
        bp.plot.network(net, *given)
    bp.plot.network(net, X, y, edges="gradient")
    bp.plot.chain(net, X[:1], y[:1], 1, 0, WIDTH - 1)
    assert net.summary().splitlines()[3].split()[:3] == ["embedding", f"({INPUTS},", f"{WIDTH})"]


def test_several_networks_at_once(both):
    X, y = batch()
    config = {"sizes": [INPUTS, 8, 4], "embedding": bp.PiecewiseLinear(EDGES), "seed": 1}
    (trained,) = bp.train_many([config | {"epochs": 2}], X, y)
    assert trained.net.embedding == (config["embedding"],)
    assert trained.net.weights[0].shape == (8, WIDTH)


def test_a_model_passes_it_on():
    random = np.random.default_rng(0)
    X = random.normal(size=(80, 2))
    table = {"a": X[:, 0], "b": X[:, 1], "y": np.abs(X[:, 0])}
    model = bp.Model([8], embedding=bp.PiecewiseLinear({0: [-1, 0, 1]}), seed=0)
    model.fit(table, "y", epochs=5, progress=False)
    assert all(net.weights[0].shape == (8, 3) for net in model.networks)


def test_every_entry_of_the_table_is_exported_and_explained():
    names = {row.name for row in EMBEDDINGS}
    assert set(exported) == names == set(GENERAL)


def test_every_embedding_has_a_class_and_survives_json():
    several = [bp.PiecewiseLinear(EDGES), bp.PiecewiseLinear({0: [0, 0.1]}, append=True)]
    for each in [*several, bp.PBLD(), bp.PBLD([3, 1], 2, outputs=1, deviation=2, append=False)]:
        assert type(each) in embeddings.EMBEDDINGS
        assert embeddings.from_settings(json.loads(json.dumps([each.to_dict()]))) == (each,)


def test_exports_of_a_model_embed_its_features(tmp_path):
    """Each file compares its answers with those of the model when it runs."""
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 2))
    table = {"a": X[:, 0], "b": X[:, 1], "y": np.abs(X[:, 0])}
    encoding = bp.PiecewiseLinear({0: [-1, 0, 1]}, append=True)
    model = bp.Model([8], members=2, embedding=encoding, input_scale=True, seed=0)
    model.fit(table, "y", epochs=5, progress=False)
    for suffix in ("py", "c", "onnx"):
        model.export(tmp_path / f"model.{suffix}")
    commands = [[sys.executable, "model.py"]]
    if shutil.which("cc"):
        options = ["-std=c99", "-DMODEL_SELF_TEST", "model.c", "-lm", "-o", "model"]
        subprocess.run(["cc", *options], cwd=tmp_path, check=True)
        commands.append([str(tmp_path / "model")])
    for command in commands:
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
    session = pytest.importorskip("onnxruntime").InferenceSession(tmp_path / "model.onnx")
    rows = {name: table[name][:, None] for name in "ab"}
    kinds = {"tensor(float)": np.float32, "tensor(double)": np.float64}
    given = {one.name: rows[one.name].astype(kinds[one.type]) for one in session.get_inputs()}
    (answers,) = session.run(None, given)
    expected = np.asarray(model.predict({name: table[name] for name in "ab"}))
    np.testing.assert_allclose(answers.ravel(), expected.ravel(), rtol=1e-4, atol=1e-5)
