"""Finite differences of C against the gradients, for every activation with every cost."""

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.tables.activation import ACTIVATIONS, activation
from backprop_rs.tables.cost import COSTS
from backprop_rs.tables.cost import cost as cost_of

# Central differences of fourth order: the truncation is h^4/30 |d5C| and the rounding
# 3/2 eps C/h, so that h = eps^(1/5) makes both about 1e-12. C and its derivatives are of
# order 1 to 100 in these small networks; the tolerance leaves a factor of 100 for the latter.
H = np.finfo(float).eps ** 0.2
TOLERANCE = 1e-10

HIDDEN = [row.name for row in ACTIVATIONS if row.elementwise]
COST_AND_OUTPUT = [(cost.name, output) for cost in COSTS for output in cost.outputs]


def network(hidden, output, cost, backend, seed=3):
    """Return a network with all kinds of layers before the output, and nonzero biases."""
    net = bp.Network(
        [3, 4, 5, 3], hidden, output, cost, seed=seed, dtype="float64", backend=backend
    )
    random = np.random.default_rng(seed)
    net.biases = [random.uniform(-0.5, 0.5, b.shape) for b in net.biases]
    return net


def batch(cost, seed=7):
    """Return seven samples with targets for which the cost is defined."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(7, 3))
    y = random.uniform(size=(7, 3))
    if cost_of(cost).targets == (0, 1):
        return X, y / y.sum(axis=1, keepdims=True)
    return X, y if cost_of(cost).targets[0] == 0 else 2 * y - 1


def slope(net, name, layer, index, X, y):
    """Return dC / d(one weight or bias) by differences."""

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
    """Check every weight and every bias; the fifth derivative of C grows with C and its slopes."""
    largest = max(np.abs(g).max() for g in trace.weight_gradients + trace.bias_gradients)
    tolerance = TOLERANCE * max(1, trace.cost, largest)
    for name, gradients in (("weights", trace.weight_gradients), ("biases", trace.bias_gradients)):
        for layer, gradient in enumerate(gradients):
            for index in np.ndindex(gradient.shape):
                expected = slope(net, name, layer, index, X, y)
                difference = abs(gradient[index] - expected)
                assert difference <= tolerance, f"{name} of layer {layer + 1} at {index}"


def away_from_kinks(net, X, y):
    """Return True if no z and no output crosses a kink when one parameter changes by 2 H."""
    trace = net.backward(X, y)
    reach = 8 * H * (1 + np.abs(X).max())
    distances = [
        np.abs(z - kink).min()
        for z, name in zip(trace.weighted_inputs, [*net.activation, net.output], strict=True)
        for kink in activation(name).kinks
    ]
    cost = cost_of(net.cost)
    if cost.kink:
        distances.append(np.abs(cost.kink(trace.activations[-1], y, **cost.values)).min())
    return min(distances, default=np.inf) > reach


def case(hidden, output, cost, backend):
    """Return a network and a batch that suit finite differences."""
    for seed in range(1000):
        net, (X, y) = network(hidden, output, cost, backend, seed), batch(cost, seed)
        largest = max(np.abs(a).max() for a in net.activations(X))
        if largest < 3 and away_from_kinks(net, X, y):  # d5C grows with the fifth power of a
            return net, X, y
    raise AssertionError("no seed without large activations and z near a kink")


@pytest.mark.parametrize("hidden", HIDDEN)
def test_gradients_with_each_hidden_activation(hidden, backend):
    net, X, y = case(hidden, "sigmoid", "squared_error", backend)
    check_gradients(net, net.backward(X, y), X, y)


@pytest.mark.parametrize(("cost", "output"), COST_AND_OUTPUT)
def test_gradients_with_each_cost_and_output(cost, output, backend):
    net, X, y = case("tanh", output, cost, backend)
    check_gradients(net, net.backward(X, y), X, y)


OTHERS = [
    *("squared_error(scale=0.5)", "mean_squared_error(scale=3)", "cross_entropy(0.1)"),
    *("huber(0.3)", "quantile(0.2)", "focal(0)", "focal(0.5)"),
]


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
@pytest.mark.parametrize("cost", OTHERS)
def test_gradients_with_other_settings_of_a_cost(cost, output, backend):
    net, X, y = case("elu(0.7)", output, cost, backend)
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
    """The derivative of one entry of the table has a planted error of 1e-5."""
    net, X, y = case("tanh", row.name, "squared_error", "numpy")
    sound = activation(row.name)
    planted = sound._replace(sigma_prime=lambda z, a: (1 + 1e-5) * sound.sigma_prime(z, a))
    wrong = bp.Network(
        net.sizes, "tanh", row.name, init=net.weights, dtype="float64", backend="numpy"
    )
    wrong.biases = net.biases
    monkeypatch.setattr(wrong._core._served, "_output", planted)
    with pytest.raises(AssertionError, match="of layer 1 at"):
        check_gradients(wrong, wrong.backward(X, y), X, y)
