"""Finite differences of C against the gradients, for every activation with every cost."""

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs import reference
from backprop_rs.reference.activation import ACTIVATIONS
from backprop_rs.reference.cost import COSTS

# Central differences of fourth order: the truncation is h^4/30 |d5C| and the rounding
# 3/2 eps C/h, so that h = eps^(1/5) makes both about 1e-12. C and its derivatives are of
# order 1 to 100 in these small networks; the tolerance leaves a factor of 100 for the latter.
H = np.finfo(float).eps ** 0.2
TOLERANCE = 1e-10

HIDDEN = [row.name for row in ACTIVATIONS if row.elementwise]
COST_AND_OUTPUT = [(cost.name, output) for cost in COSTS for output in cost.pairs]


def network(hidden, output, cost, backend, seed=3):
    """A network with all kinds of layers before the output, and biases that are not zero."""
    net = bp.Network(
        [3, 4, 5, 3], hidden, output, cost, seed=seed, dtype="float64", backend=backend
    )
    random = np.random.default_rng(seed)
    net.biases = [random.uniform(-0.5, 0.5, b.shape) for b in net.biases]
    return net


def batch(cost, seed=7):
    """Seven samples; with cross-entropy, targets are probabilities."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(7, 3))
    y = random.uniform(size=(7, 3))
    if cost == "cross_entropy":
        return X, y / y.sum(axis=1, keepdims=True)
    return X, 2 * y - 1


def slope(net, name, layer, index, X, y):
    """dC / d(one weight or bias), by differences."""

    def cost(change):
        original = getattr(net, name)
        changed = [array.copy() for array in original]
        changed[layer][index] += change
        setattr(net, name, changed)
        value = net.evaluate(X, y)["cost"]
        setattr(net, name, original)
        return value

    near, far = cost(H) - cost(-H), cost(2 * H) - cost(-2 * H)
    return (8 * near - far) / (12 * H)


def check_gradients(net, trace, X, y):
    """Every weight and every bias."""
    for name, gradients in (("weights", trace.weight_gradients), ("biases", trace.bias_gradients)):
        for layer, gradient in enumerate(gradients):
            for index in np.ndindex(gradient.shape):
                expected = slope(net, name, layer, index, X, y)
                difference = abs(gradient[index] - expected)
                assert difference <= TOLERANCE, f"{name} of layer {layer + 1} at {index}"


def away_from_kinks(net, X, y):
    """No z of a relu may change its sign under a step of 2 H in one parameter."""
    smallest = min(np.abs(z).min() for z in net.backward(X, y).weighted_inputs)
    return smallest > 20 * H * (1 + np.abs(X).max())


def case(hidden, output, cost, backend):
    """A network and a batch that suit finite differences."""
    for seed in range(100):
        net, (X, y) = network(hidden, output, cost, backend, seed), batch(cost, seed)
        if "relu" not in (hidden, output) or away_from_kinks(net, X, y):
            return net, X, y
    raise AssertionError("no seed without a z near the kink of relu")


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(("cost", "output"), COST_AND_OUTPUT)
def test_gradients(hidden, cost, output, backend):
    net, X, y = case(hidden, output, cost, backend)
    check_gradients(net, net.backward(X, y), X, y)


def test_every_activation_and_cost_is_tested(core):
    assert set(HIDDEN) | {output for _, output in COST_AND_OUTPUT} == {
        name for name, _ in core.table("activation")
    }
    assert {cost for cost, _ in COST_AND_OUTPUT} == {name for name, _ in core.table("cost")}


def test_class_labels_have_the_gradient_of_one_hot_rows(backend):
    net, X, _ = case("tanh", "softmax", "cross_entropy", backend)
    labels = np.array([0, 2, 1, 1, 0, 2, 2])
    check_gradients(net, net.backward(X, labels), X, np.eye(3)[labels])


@pytest.mark.parametrize("name", ["weight_gradients", "bias_gradients"])
def test_a_gradient_wrong_in_one_place_is_caught(name, backend):
    net, X, y = case("sigmoid", "sigmoid", "squared_error", backend)
    trace = net.backward(X, y)
    getattr(trace, name)[1].flat[3] *= 1 + 1e-5
    with pytest.raises(AssertionError, match=r"of layer 2 at"):
        check_gradients(net, trace, X, y)


@pytest.mark.parametrize("row", ACTIVATIONS, ids=lambda row: row.name)
def test_a_wrong_derivative_is_caught(row, monkeypatch):
    """The derivative of one row of the table is planted with an error of 1e-5."""
    net, X, y = case("tanh", row.name, "squared_error", "numpy")
    planted = row._replace(sigma_prime=lambda z, a: (1 + 1e-5) * row.sigma_prime(z, a))
    pair = reference.cost.Pair(
        reference.cost.squared_error,
        lambda z, a, y: reference.cost.squared_error_delta(planted, z, a, y),
    )
    monkeypatch.setitem(COSTS[0].pairs, row.name, pair)
    wrong = bp.Network(
        net.sizes, "tanh", row.name, init=net.weights, dtype="float64", backend="numpy"
    )
    wrong.biases = net.biases
    with pytest.raises(AssertionError, match="of layer 1 at"):
        check_gradients(wrong, wrong.backward(X, y), X, y)
