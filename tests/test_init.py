"""Initializers: the distribution of each entry, equal numbers on both backends, other libraries."""

from math import sqrt

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.tables.activation import ACTIVATIONS
from backprop_rs.tables.init import INITS

N_IN, N_OUT = 300, 200
# The random error of a mean of n squares: six standard deviations.
NOISE = 6 * sqrt(2 / (N_IN * N_OUT))
# The root mean square of a layer's weights, and the largest as a multiple of it.
UNIFORM, NORMAL, ANY = (0.99 * sqrt(3), sqrt(3)), (3.5, 6.0), (1.0, 6.0)
# A normal number within two standard deviations has the variance 1 - 4 phi(2) / (2 Phi(2) - 1).
TRUNCATED = sqrt(0.7737)
LAWS = {
    "auto": (sqrt(2 / N_IN), UNIFORM),  # before relu
    "constant(0.3)": (0.3, (1, 1)),
    "uniform": (0.05 / sqrt(3), UNIFORM),
    "uniform(2)": (2 / sqrt(3), UNIFORM),
    "normal": (0.05, NORMAL),
    "normal(2)": (2, NORMAL),
    "truncated_normal": (0.05 * TRUNCATED, (1.98 / TRUNCATED, 2 / TRUNCATED)),
    "truncated_normal(2)": (2 * TRUNCATED, (1.98 / TRUNCATED, 2 / TRUNCATED)),
    "glorot_uniform": (sqrt(2 / (N_IN + N_OUT)), UNIFORM),
    "glorot_normal": (sqrt(2 / (N_IN + N_OUT)), NORMAL),
    "he_uniform": (sqrt(2 / N_IN), UNIFORM),
    "he_normal": (sqrt(2 / N_IN), NORMAL),
    "lecun_uniform": (sqrt(1 / N_IN), UNIFORM),
    "lecun_normal": (sqrt(1 / N_IN), NORMAL),
    "orthogonal": (sqrt(1 / N_IN), ANY),
    "orthogonal(2)": (2 * sqrt(1 / N_IN), ANY),
    "scikit_learn": (sqrt(2 / (N_IN + N_OUT)), UNIFORM),
    "pytorch": (sqrt(1 / N_IN / 3), UNIFORM),
}


def first(init, backend="auto", dtype="float64", activation="relu", seed=5):
    """Return the parameters of the first layer."""
    net = bp.Network(
        [N_IN, N_OUT, 3], activation, init=init, seed=seed, dtype=dtype, backend=backend
    )
    return net.weights[0], net.biases[0]


def test_every_entry_has_its_distribution_here():
    assert {row.name for row in INITS} == {text.partition("(")[0] for text in LAWS} | {"zeros"}


@pytest.mark.parametrize("text", LAWS)
def test_weights_have_their_distribution(text, backend):
    size, (least, most) = LAWS[text]
    w, b = first(text, backend)
    root = np.sqrt(np.square(w).mean())
    assert root == pytest.approx(size, rel=NOISE)
    assert least <= np.abs(w).max() / size <= most * (1 + 1e-15)
    if not text.startswith("constant"):
        assert abs(w.mean()) < 6 * size / sqrt(w.size)
    drawn = text in ("scikit_learn", "pytorch")
    assert b.any() == drawn
    if drawn:
        assert np.abs(b).max() == pytest.approx(np.abs(w).max(), rel=0.05)
        assert not np.isin(b, w).any()  # not the same numbers again


@pytest.mark.parametrize("row", INITS, ids=lambda row: row.name)
@pytest.mark.parametrize("sizes", [[4, 7, 3], [9, 2, 5]])
def test_both_backends_draw_the_same(row, sizes, both):
    """The method of Box and Muller uses a logarithm and a cosine, each within an ulp or two."""
    nets = [bp.Network(sizes, "tanh", init=row.name, seed=2**64 - 1, dtype="float64",
                       backend=backend) for backend in ("rust", "numpy")]  # fmt: skip
    # Orthogonal rows are differences of nearly parallel ones: some hundredfold.
    close = {"rtol": 1e-12, "atol": 1e-12 if row.name == "orthogonal" else 0}
    for one, other in zip(*(net.weights + net.biases for net in nets), strict=True):
        np.testing.assert_allclose(one, other, **close)
        if row.law.__name__ in ("uniform", "constant"):
            assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("row", INITS, ids=lambda row: row.name)
def test_float32_is_rounded_float64(row, backend):
    single, double = first(row.name, backend, "float32"), first(row.name, backend, "float64")
    for one, other in zip(single, double, strict=True):
        assert one.tobytes() == other.astype(np.float32).tobytes()


@pytest.mark.parametrize("row", INITS, ids=lambda row: row.name)
def test_each_seed_and_layer_has_different_numbers(row, backend):
    nets = [bp.Network([6, 6, 6], init=row.name, seed=seed, backend=backend) for seed in (0, 0, 1)]
    same, again, other = (net.weights for net in nets)
    assert np.array_equal(same, again)
    if row.name not in ("zeros", "constant"):
        assert not np.isin(same[0], same[1]).any()
        assert not np.isin(same, other).any()


@pytest.mark.parametrize(("n_in", "n_out"), [(9, 5), (5, 9), (7, 7), (1, 4), (1, 1), (200, 70)])
def test_orthogonal_is_orthogonal(n_in, n_out, backend):
    net = bp.Network([n_in, n_out], init="orthogonal(2)", dtype="float64", seed=1, backend=backend)
    w = net.weights[0] / 2
    product = w @ w.T if n_out <= n_in else w.T @ w
    # One pass of Gram and Schmidt loses the condition of a random matrix, some hundreds.
    np.testing.assert_allclose(product, np.eye(min(n_in, n_out)), atol=1e-12)


def test_auto_picks_by_activation(backend):
    rectifiers = ("relu", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "mish")
    rectifiers += ("softplus", "relu6")
    for row in ACTIVATIONS:
        if not row.elementwise:
            continue
        picked = "he_uniform" if row.name in rectifiers else "glorot_uniform"
        picked = "lecun_normal" if row.name == "selu" else picked
        one, other = (first(init, backend, activation=row.name)[0] for init in ("auto", picked))
        assert one.tobytes() == other.tobytes(), row.name


@pytest.mark.parametrize(("ours", "theirs"), [("relu", "relu"), ("sigmoid", "logistic")])
def test_scikit_learn_is_scikit_learns(ours, theirs):
    """Compare the limits of its parameters after a step of nearly no length."""
    from sklearn.neural_network import MLPClassifier

    random = np.random.default_rng(0)
    X, y = random.normal(size=(60, 90)), np.arange(60) % 50
    model = MLPClassifier([80], theirs, learning_rate_init=1e-12, max_iter=1, random_state=0)
    with pytest.warns(UserWarning, match="converge"):
        model.fit(X, y)
    net = bp.Network(
        [90, 80, 50], ours, "softmax", "cross_entropy", init="scikit_learn", seed=0, dtype="float64"
    )
    parameters = net.weights + net.biases
    for one, other in zip(parameters, model.coefs_ + model.intercepts_, strict=True):
        # The largest of n uniform numbers falls short of the limit by some 1 / n.
        short = 6 / other.size
        assert np.abs(one).max() == pytest.approx(np.abs(other).max(), rel=max(short, 1e-3))


def test_arrays_are_taken_as_they_are(backend):
    net = bp.Network([2, 3, 1], init=[np.full((3, 2), 0.5), [[1, 2, 3]]], backend=backend)
    assert [w.tolist() for w in net.weights] == [[[0.5, 0.5]] * 3, [[1, 2, 3]]]
    assert not any(b.any() for b in net.biases)


def test_constants_and_zeros(backend):
    assert (first("constant(-1.5)", backend)[0] == -1.5).all()
    assert not first("zeros", backend)[0].any()
    assert not first("constant", backend)[0].any()
