"""The cost and the gradient norm of each sample."""

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.health import measures

IRIS = bp.load_iris()

# NumPy may add up a row's products in another order than those of a batch, in chains of at most 7,
# three layers forward and three back; the errors grow with the condition of these sums, about 3.
ROUNDINGS = 6 * 7 * 3


NETS = {
    "derivation": ([4, 6, 3], ["tanh"], "sigmoid", "squared_error"),
    "classes": ([4, 6, 5, 3], ["relu", "gelu"], "softmax", "cross_entropy"),
    "values": ([4, 1], [], "identity", "huber(0.5)"),
}


def network(name, backend="auto", dtype="float64"):
    sizes, hidden, output, cost = NETS[name]
    return bp.Network(sizes, hidden, output, cost, seed=2, backend=backend, dtype=dtype)


def targets(name):
    return IRIS.X[:, 1] if name == "values" else IRIS.y


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_costs_equal_those_of_single_samples(name, dtype, backend):
    net, y = network(name, backend, dtype), targets(name)
    costs = net.sample_costs(IRIS.X, y)
    assert costs.shape == (150,)
    for i in range(0, 150, 17):
        alone = net.backward(IRIS.X[i], y[i : i + 1]).cost
        near = 0 if backend == "rust" else ROUNDINGS * float(np.finfo(dtype).eps)
        assert costs[i] == pytest.approx(alone, rel=near, abs=near)
    # The mean of 150 numbers, added up in another order: 150 roundings, in float64.
    assert costs.mean() == pytest.approx(net.evaluate(IRIS.X, y)["cost"], rel=150 * 2.3e-16)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_norms_equal_those_of_the_gradients_of_single_samples(name, dtype, backend):
    net, y = network(name, backend, dtype), targets(name)
    layers = net.sample_gradient_norms(IRIS.X, y, per_layer=True)
    norms = net.sample_gradient_norms(IRIS.X, y)
    assert layers.shape == (150, len(net.sizes) - 1)
    # Each ∂C/∂w is one product of δ and a, rounded once; the squares are added up in float64.
    near = (4 if backend == "rust" else ROUNDINGS) * float(np.finfo(dtype).eps)
    for i in range(0, 150, 17):
        trace = net.backward(IRIS.X[i], y[i : i + 1])
        pairs = zip(trace.weight_gradients, trace.bias_gradients, strict=True)
        alone = [np.sqrt((w.astype(float) ** 2).sum() + (b.astype(float) ** 2).sum())
                 for w, b in pairs]  # fmt: skip
        np.testing.assert_allclose(layers[i], alone, rtol=near)
        assert norms[i] == pytest.approx(np.sqrt(np.square(alone).sum()), rel=near)


def test_norms_of_many_rows_are_computed_in_blocks(monkeypatch):
    net = network("classes")
    whole = net.sample_gradient_norms(IRIS.X, IRIS.y)
    monkeypatch.setattr(measures, "ROWS", 64)
    assert (net.sample_gradient_norms(IRIS.X, IRIS.y) == whole).all()


def test_a_wrong_label_has_the_largest_gradient():
    net = network("classes")
    X = (IRIS.X - IRIS.X.mean(axis=0)) / IRIS.X.std(axis=0)
    y = IRIS.y.copy()
    y[3] = 2  # a setosa, which is far from the others
    net.fit(X, y, 30, 16, 0.05, progress=False)
    assert net.sample_gradient_norms(X, y).argmax() == 3
    assert net.sample_costs(X, y).argmax() == 3


def test_one_sample_alone():
    net = network("classes")
    assert net.sample_costs(IRIS.X[0], IRIS.y[:1]).shape == (1,)
    assert net.sample_gradient_norms(IRIS.X[0], IRIS.y[:1], per_layer=True).shape == (1, 3)
    with pytest.raises(ValueError, match=r"y must have as many rows as X \(150\)"):
        net.sample_costs(IRIS.X, IRIS.y[:3])


def test_layer_normalization(backend):
    sizes = [4, bp.Dense(6, "tanh", layer_norm=True), 3]
    net = bp.Network(sizes, seed=0, dtype="float64", backend=backend)
    layers = net.sample_gradient_norms(IRIS.X[:5], IRIS.y[:5], per_layer=True)
    trace = net.backward(IRIS.X[2], IRIS.y[2:3])
    parts = [trace.weight_gradients[0], trace.bias_gradients[0]]
    parts += [trace.gain_gradients[0], trace.shift_gradients[0]]
    alone = np.sqrt(sum(np.square(part).sum() for part in parts))
    assert layers[2, 0] == pytest.approx(alone, rel=1e-12)
    norms = net.sample_gradient_norms(IRIS.X[:5], IRIS.y[:5])
    assert norms[2] == pytest.approx(np.hypot(*layers[2]), rel=1e-12)


@pytest.mark.parametrize("backend", ["rust", "numpy"])
def test_a_training_needs_a_weight_above_0(backend):
    net = bp.Network([2, 3, 2], output="softmax", seed=0, backend=backend)
    X, y = np.eye(2), [0, 1]
    before = net.weights
    with pytest.raises(ValueError, match=r"^sample_weight must not be all 0; got 2 weights of 0$"):
        net.fit(X, y, sample_weight=[0, 0])
    with pytest.raises(ValueError, match=r"^the weights of samples and classes must not be all 0"):
        net.fit(X, y, class_weight={0: 0, 1: 0})
    assert all((a == b).all() for a, b in zip(net.weights, before, strict=True))
