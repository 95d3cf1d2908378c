"""`check_gradients` agrees with correct gradients and reports wrong ones."""

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.gradient_check.check import in_float64, shares
from backprop_rs.reference.layer import Layer
from backprop_rs.reference.layer_norm import Norm
from backprop_rs.tables.activation import ACTIVATIONS
from backprop_rs.tables.cost import COSTS
from backprop_rs.tables.cost import cost as cost_of

SIZES = [3, 5, 4, 2]
HIDDEN = [row.name for row in ACTIVATIONS if row.elementwise]
COST_AND_OUTPUT = [(cost.name, output) for cost in COSTS for output in cost.outputs]


def batch(cost="squared_error", m=6, seed=1):
    random = np.random.default_rng(seed)
    X, y = random.normal(size=(m, SIZES[0])), random.uniform(size=(m, SIZES[-1]))
    return X, y / y.sum(axis=1, keepdims=True) if cost_of(cost).targets == (0, 1) else y


def verdicts(check):
    return [layer.verdict for layer in check.layers]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", HIDDEN)
def test_every_hidden_activation_agrees(hidden, dtype, backend):
    net = bp.Network(SIZES, hidden, seed=0, dtype=dtype, backend=backend)
    check = net.check_gradients(*batch())
    assert check.passed and verdicts(check) == ["agrees"] * 3, check
    assert [layer.checked + layer.excluded for layer in check.layers] == [20, 24, 10]
    assert all(layer.absolute.difference < 1e-8 for layer in check.layers)


@pytest.mark.parametrize(("cost", "output"), COST_AND_OUTPUT)
def test_every_cost_and_output_agrees(cost, output):
    net = bp.Network(SIZES, "tanh", output, cost, seed=0)
    check = net.check_gradients(*batch(cost))
    assert check.passed and verdicts(check) == ["agrees"] * 3, check


def test_custom_functions_agree(backend):
    own = {
        "activation": bp.Activation("arcsinh", np.arcsinh, lambda z, a: 1 / np.sqrt(z * z + 1)),
        "cost": bp.Cost("quartic", lambda a, y: (a - y) ** 4, lambda a, y: 4 * (a - y) ** 3),
    }
    check = bp.Network(SIZES, **own, seed=0, backend=backend).check_gradients(*batch())
    assert verdicts(check) == ["agrees"] * 3, check


@pytest.mark.parametrize("hidden", ["tanh", "relu"])
def test_layers_with_normalization_agree(hidden, backend):
    layers = [bp.Dense(5, hidden, layer_norm=True), 4, bp.Dense(2, layer_norm=True)]
    net = bp.Network([3, *layers], "tanh", seed=0, backend=backend)
    random = np.random.default_rng(3)
    net.gains = [random.uniform(0.5, 2, 5), None, random.uniform(0.5, 2, 2)]
    net.shifts = [random.uniform(-1, 1, 5), None, random.uniform(-1, 1, 2)]
    check = net.check_gradients(*batch())
    assert verdicts(check) == ["agrees"] * 3, check
    assert [layer.parameters for layer in check.layers] == [30, 24, 14]
    assert [layer.checked + layer.excluded for layer in check.layers] == [30, 24, 14]


def test_a_wrong_gain_is_reported(monkeypatch):
    sound = Norm.backward

    def wrong(self, *arguments):
        delta, grad_gain, grad_shift = sound(self, *arguments)
        return delta, 1.01 * grad_gain, grad_shift

    monkeypatch.setattr(Norm, "backward", wrong)
    net = bp.Network([3, bp.Dense(4, layer_norm=True), 2], seed=0, backend="numpy")
    check = net.check_gradients(*batch())
    assert verdicts(check) == ["differs", "agrees"]
    assert check.layers[0].relative.place.startswith("g[")


# An error of 1 % in the delta of one layer, planted in the NumPy twin.


def plant(monkeypatch, shape, factor=1.01):
    """Make delta of the layer of this shape 1 % too large, and pass it on."""
    for name in ("backward", "grad_a_prev"):
        sound = getattr(Layer, name)

        def wrong(self, delta, *others, sound=sound):
            planted = factor if self.w.shape == shape else 1
            return sound(self, planted * delta, *others)

        monkeypatch.setattr(Layer, name, wrong)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("layer", [1, 2, 3])
def test_an_error_of_one_percent_is_reported(layer, hidden, monkeypatch):
    net = bp.Network(SIZES, hidden, seed=0, backend="numpy")
    plant(monkeypatch, (SIZES[layer], SIZES[layer - 1]))
    check = net.check_gradients(*batch())
    assert not check.passed
    assert verdicts(check) == ["differs"] * layer + ["agrees"] * (3 - layer)
    relative = check.layers[layer - 1].relative
    assert relative.difference == pytest.approx(0.01 / 1.01, rel=0.1)


@pytest.mark.parametrize("layer", [1, 2])
def test_an_error_is_reported_in_a_sample_of_a_large_network(layer, monkeypatch):
    digits = bp.load_digits()
    net = bp.Network([64, 30, 10], "relu", "softmax", "cross_entropy", seed=0, backend="numpy")
    assert net.check_gradients(digits.X[:5], digits.y[:5], max_parameters=20).passed
    plant(monkeypatch, [(30, 64), (10, 30)][layer - 1])
    check = net.check_gradients(digits.X[:5], digits.y[:5], max_parameters=20)
    assert verdicts(check)[layer - 1] == "differs"


def test_a_gradient_without_its_average_is_reported(monkeypatch):
    sound = Layer.backward
    monkeypatch.setattr(Layer, "backward", lambda self, delta, a, m: sound(self, delta, a, 1))
    net = bp.Network(SIZES, seed=0, backend="numpy")
    assert verdicts(net.check_gradients(*batch())) == ["differs"] * 3


# Kinks.


def test_relu_at_zero_is_excluded_and_counted(backend):
    """A sample of zeros with biases of zero: every z of the first layer is at the kink."""
    net = bp.Network([2, 4, 1], "relu", "identity", seed=0, backend=backend)
    check = net.check_gradients([[0.0, 0.0], [1.0, -2.0]], [1.0, 2.0])
    first, last = check.layers
    assert (first.parameters, first.checked, first.excluded) == (12, 8, 4)  # its biases
    assert last.excluded == 0 and check.passed
    assert "      4" in repr(check)


def test_a_kink_nearby_is_avoided_by_a_smaller_step():
    net = bp.Network([1, 1, 1], "relu", "identity", init=[[[1.0]], [[1.0]]], dtype="float64")
    check = net.check_gradients([[1e-5]], [1.0])
    assert check.layers[0].excluded == 0
    assert verdicts(check) == ["agrees"] * 2


def test_the_kink_of_a_cost_is_excluded():
    net = bp.Network([1, 1], output="identity", cost="absolute_error", init=[[[2.0]]])
    check = net.check_gradients([[3.0]], [6.0])
    assert (check.layers[0].checked, check.layers[0].excluded) == (0, 2)
    assert verdicts(check) == ["undecided"] and check.passed


def test_without_exclusion_a_kink_would_look_like_an_error(monkeypatch):
    from backprop_rs.gradient_check.check import Kinks

    monkeypatch.setattr(Kinks, "__bool__", lambda self: False)
    net = bp.Network([2, 4, 1], "relu", "identity", seed=0)
    assert not net.check_gradients([[0.0, 0.0], [1.0, -2.0]], [1.0, 2.0]).passed


# The report.


def test_vanished_gradients_are_undecided():
    net = bp.Network([3, *[4] * 20, 1], "sigmoid", seed=0)
    check = net.check_gradients(np.ones((2, 3)), [0, 1])
    assert verdicts(check)[0] == "undecided" and verdicts(check)[-1] == "agrees"
    assert check.passed and check.layers[0].relative is None


def test_gradients_of_zero_agree():
    net = bp.Network([2, 3, 1], "relu", init=[-np.ones((3, 2)), np.ones((1, 3))])
    check = net.check_gradients([[1.0, 2.0]], [0.0])
    assert verdicts(check) == ["agrees", "agrees"]  # the first layer is dead


def test_places_and_tables():
    check = bp.Network([2, 3, 2], seed=0).check_gradients([[0.5, 0.1]], [[0.0, 1.0]])
    words, html = repr(check), check._repr_html_()
    for column in ("layer", "kinks", "worst absolute", "worst relative", "verdict"):
        assert column in words and f"<th>{column}</th>" in html
    worst = check.layers[0].absolute
    assert worst.name in ("weights", "biases") and worst.place in words
    assert words.splitlines()[0].endswith("17 parameters)")
    assert "sigmoid -&gt; sigmoid" in html


def test_a_sample_is_seeded_and_spread_over_the_layers():
    digits = bp.load_digits()
    net = bp.Network([64, 30, 10], output="softmax", cost="cross_entropy", seed=0)
    one, two = (
        net.check_gradients(digits.X[:3], digits.y[:3], max_parameters=30, seed=4) for _ in range(2)
    )
    assert one == two
    assert [layer.checked for layer in one.layers] == [15, 15]
    assert one != net.check_gradients(digits.X[:3], digits.y[:3], max_parameters=30, seed=5)
    assert shares([10, 1000, 2000], 410) == [10, 200, 200]
    assert shares([5, 5], 100) == [5, 5]


def test_the_network_is_not_changed():
    net = bp.Network(SIZES, seed=0)
    net.fit(*batch(), epochs=1, optimizer="adam", progress=False)
    before = net.weights + net.biases
    net.check_gradients(*batch())
    for now, then in zip(net.weights + net.biases, before, strict=True):
        np.testing.assert_array_equal(now, then)
    twin = in_float64(net)
    assert twin.dtype == "float64" and twin.n_parameters == net.n_parameters
    np.testing.assert_array_equal(twin.weights[0], before[0].astype(float))


def test_wrong_arguments():
    net = bp.Network(SIZES, seed=0)
    with pytest.raises(ValueError, match="max_parameters must be an integer >= 1; got 0"):
        net.check_gradients(*batch(), max_parameters=0)
    with pytest.raises(TypeError, match="seed must be an integer >= 0; got 'x'"):
        net.check_gradients(*batch(), seed="x")
    with pytest.raises(ValueError, match="y must"):
        net.check_gradients(batch()[0], [1, 2])
