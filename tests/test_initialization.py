"""Initial parameters that depend on the samples."""

import backprop_rs as bp
import numpy as np
import pytest

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 6)) * [1, 100, 0.01, 1, 5, 1] + [0, 50, 0, -3, 0, 0]
SIZES = [6, 40, 30, 5]


def network(backend, **options):
    options = {"dtype": "float64", "seed": 2, "backend": backend} | options
    return bp.Network(SIZES, "selu", "softmax", "cross_entropy", **options)


def weighted_inputs(net, x=X):
    """Return z of each layer without the biases, with the formulas of the layers."""
    a, zs = x, []
    for w, b in zip(net.weights, net.biases, strict=True):
        zs.append(a @ w.T)
        z = zs[-1] + b
        a = 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(np.minimum(z, 0)))
    return zs


def same(one, other):
    pairs = zip(one.weights + one.biases, other.weights + other.biases, strict=True)
    return all((a == b).all() for a, b in pairs)


def test_every_weighted_input_has_the_deviation_1(backend):
    net = network(backend).initialize(X)
    for z, b in zip(weighted_inputs(net), net.biases, strict=True):
        np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-12)
        assert (-b >= z.min(axis=0)).all() and (-b <= z.max(axis=0)).all()


def test_weights_are_divided_normal_numbers(backend):
    """They are those of init="normal(1)", so their signs and ratios stay."""
    net, drawn = network(backend).initialize(X), network(backend, init="normal(1)")
    for w, v in zip(net.weights, drawn.weights, strict=True):
        ratio = w / v
        np.testing.assert_allclose(ratio, ratio[:, :1] * np.ones_like(w), rtol=1e-12)
        assert (ratio > 0).all()


def test_biases_have_the_moments_of_random_means(backend):
    """Shares of 5 Exp(1) numbers have E sum u^2 = 1/3, so var(b) = var(z) / 3 = 1/3."""
    net = bp.Network([6, 20_000], output="identity", dtype="float64", seed=4, backend=backend)
    net.initialize(X)
    (z,), (b,) = weighted_inputs(net), net.biases
    apart = b + z.mean(axis=0)
    assert abs(apart.mean()) < 5 * np.sqrt(1 / 3 / 20_000)
    assert apart.var() == pytest.approx(1 / 3, rel=0.06)


def test_both_backends_agree(both):
    pytest.importorskip("backprop_rs._core")
    one, other = (network(name).initialize(X) for name in ("rust", "numpy"))
    for a, b in zip(one.weights + one.biases, other.weights + other.biases, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_bits_do_not_depend_on_threads(backend, dtype):
    before = bp.get_num_threads()
    try:
        nets = []
        for n in (1, 2, 3):
            bp.set_num_threads(n)
            large = np.tile(X, (30, 1))
            nets.append(network(backend, dtype=dtype).initialize(large, max_rows=8000))
    finally:
        bp.set_num_threads(before)
    assert same(nets[0], nets[1]) and same(nets[0], nets[2])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constant_weighted_inputs_are_not_divided(backend, dtype):
    net = network(backend, dtype=dtype)
    net.initialize(np.full((50, 6), 0.1))
    drawn = network(backend, dtype=dtype, init="normal(1)")
    np.testing.assert_allclose(net.weights[0], drawn.weights[0] / np.sqrt(6), rtol=1e-6)
    assert all(np.isfinite(array).all() for array in net.weights + net.biases)
    one = network(backend, dtype=dtype).initialize(X[0])
    assert all(np.isfinite(array).all() for array in one.weights + one.biases)


def test_each_layer_has_its_choice(backend):
    net = network(backend)
    before = net.weights, net.biases
    net.initialize(X, ["std", None, "zeros"], ["zeros", "he+5", None], seed=9)
    assert (net.weights[1] == before[0][1]).all() and not net.weights[2].any()
    assert not net.biases[0].any() and net.biases[1].any() and not net.biases[2].any()
    np.testing.assert_allclose(weighted_inputs(net)[0].std(axis=0), 1, rtol=1e-12)
    drawn = network(backend, init="pytorch", seed=9)
    net.initialize(X, "pytorch", None, seed=9)
    assert same(net, drawn)


def test_layer_norm_and_dropout_of_a_layer(backend):
    layers = [6, bp.Dense(9, "tanh", dropout=0.5, layer_norm=True), 4]
    net = bp.Network(layers, output="identity", dtype="float64", seed=0, backend=backend)
    net.gains = [np.full(9, 3.0), None]
    net.initialize(X)
    assert (net.gains[0] == 1).all() and not net.shifts[0].any()
    a = net.activations(X)[1]
    np.testing.assert_allclose((a @ net.weights[1].T).std(axis=0), 1, rtol=1e-12)


def test_own_activations_and_frames(backend):
    pandas = pytest.importorskip("pandas")
    cube = bp.Activation("cube", lambda z: z**3, lambda z, a: 3 * z * z)
    net = bp.Network([6, 5, 2], cube, "identity", dtype="float64", seed=0, backend=backend)
    net.initialize(pandas.DataFrame(X))
    a = (X @ net.weights[0].T + net.biases[0]) ** 3
    np.testing.assert_allclose((a @ net.weights[1].T).std(axis=0), 1, rtol=1e-10)


def test_many_rows_are_sampled(backend):
    large = np.vstack([X, X + 1])
    net, other = network(backend), network(backend)
    net.initialize(large, max_rows=200)
    rows = bp.reference.shuffled(600, 2, (2**64 - 1, 0, 0))[:200]
    other.initialize(large[rows])
    assert same(net, other)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"weights": "st"}, "init must be one of auto, "),
        ({"biases": "he"}, "biases must be one of he+5, zeros; got 'he'"),
        ({"weights": ["std"]}, "weights must be one choice or one per layer (3); got 1"),
        ({"max_rows": 0}, "max_rows must be an integer >= 1; got 0"),
        ({"X": bp.data.source((X, X[:, 0]))}, "X must be an array in memory; got a source"),
        (
            {"X": X / 400 * 1.7e308},
            "X must be so small that all weighted inputs of layer 1 are finite",
        ),
    ],
)
def test_mistakes_are_explained(arguments, sentence, backend):
    net = network(backend)
    before = net.weights
    with pytest.raises((ValueError, TypeError)) as caught:
        net.initialize(**{"X": X} | arguments)
    assert str(caught.value).startswith(sentence)
    assert (net.weights[0] == before[0]).all()
