"""Explanations: their numbers, inserted into their equations, give their results."""

import copy
import json
import re
import shutil
import subprocess
from math import cos, cosh, erf, exp, log, sin, sqrt, tanh
from pathlib import Path
from xml.etree import ElementTree

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs._internal.expression import Number
from backprop_rs.explain import formulas
from backprop_rs.explain.mathml import MathML
from backprop_rs.explain.text import Text, text
from backprop_rs.tables.activation import ACTIVATIONS
from backprop_rs.tables.cost import COSTS
from backprop_rs.tables.cost import cost as cost_of

# A line of these small networks takes at most some thirty roundings of numbers below 10, and
# a slope below 10 may follow.
TOLERANCE = {"float32": 30 * 100 * 2**-24, "float64": 30 * 100 * 2**-53}

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

HIDDEN = [row.name for row in ACTIVATIONS if row.elementwise]
COST_AND_OUTPUT = [(cost.name, output) for cost in COSTS for output in cost.outputs]
OTHERS = [
    *(("leaky_relu(0.3)", "sigmoid", "cross_entropy(0.1)"), ("elu(0.7)", "softmax", "focal(1)")),
    *(("tanh", "softmax", "cross_entropy(0.2)"), ("tanh", "identity", "huber(0.3)")),
    *(("tanh", "identity", "quantile(0.2)"), ("tanh", "softplus", "squared_error(0.5)")),
]


def network(hidden, output, cost, **options):
    net = bp.Network([3, 4, 2, 3], hidden, output, cost, seed=3, **options)
    random = np.random.default_rng(5)
    net.biases = [random.uniform(-0.5, 0.5, b.shape) for b in net.biases]
    return net


def batch(cost, m=2):
    random = np.random.default_rng(1)
    X, y = random.normal(size=(m, 3)), random.uniform(size=(m, 3))
    if cost_of(cost).targets == (0, 1):
        y /= y.sum(axis=1, keepdims=True)
    return X, y


def lines(section):
    """Yield every line of a section and of the sections inside."""
    for group in section.groups:
        yield from group.lines
    for inner in section.sections:
        yield from lines(inner)


NAMES = {
    **{f.__name__: f for f in (cos, cosh, erf, log, sin, sqrt, tanh)},
    "exp": lambda x: exp(min(x, 700)),
    **{"max": max, "min": min, "abs": abs, "sign": lambda x: float(np.sign(x))},
    **{"π": np.pi, "λ": 1.0507009873554805, "α": 1.6732632423543773},
}
SIGNS = {"−": "-", "·": "*", "^": "**", "√": "sqrt", "×10": "e"}
SIGNS |= {"¹": "**1", "²": "**2", "³": "**3", "⁴": "**4"}


def worked_out(equation):
    """Return the value of a line of text without symbols of the network."""
    powers = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
    equation = re.sub("×10([⁻⁰-⁹¹²³]+)", lambda m: f"e{m[1].translate(powers)}", equation)
    equation = re.sub(r"\[[\d,]+ more: ([^]]*)\]", r"(\1)", equation)
    equation = equation.partition(" because ")[0]
    equation = re.sub(r"\|([^|]*)\|", r"abs(\1)", equation)
    for sign, python in SIGNS.items():
        equation = equation.replace(sign, python)
    factor = r"(?=[(\dπλα]|abs|sqrt|exp|log|tanh|sign|sin|cos)"
    equation = re.sub(rf"(?<=[\d)πλα]) {factor}", "*", equation)
    return eval(equation, {"__builtins__": {}}, NAMES)


def is_numeric(part):
    try:
        part.value()
    except ValueError:
        return False
    return True


def check(document, dtype):
    """Check that each part of a line without symbols has the value at its end."""
    checked = 0
    for line in lines(document.section):
        for part in filter(is_numeric, line.parts):
            tolerance = TOLERANCE[dtype] * max(1, abs(line.value))
            assert part.value() == pytest.approx(line.value, rel=0, abs=tolerance), text(line.name)
            if np.isfinite(line.value):
                value = worked_out(text(part, digits=17))
                assert value == pytest.approx(line.value, rel=0, abs=tolerance), text(line.name)
            checked += 1
    return checked


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", HIDDEN)
def test_numbers_of_each_hidden_activation_fit_their_equations(hidden, dtype):
    net = network(hidden, "sigmoid", "squared_error", dtype=dtype)
    assert check(net.explain(*batch("squared_error", m=1), 0.5), dtype) > 80


@pytest.mark.parametrize(("cost", "output"), COST_AND_OUTPUT)
def test_numbers_of_each_cost_and_output_fit_their_equations(cost, output, backend):
    net = network("tanh", output, cost, dtype="float64", backend=backend)
    X, y = batch(cost, m=1)
    explanation = net.explain(X, y, 0.5)
    assert check(explanation, "float64") > 80
    for parameter in (explanation.weight(1, 2, 0), explanation.weight(3, 1, 1)):
        assert check(parameter, "float64") >= 3
    assert check(explanation.bias(2, 1), "float64") >= 3


@pytest.mark.parametrize(("hidden", "output", "cost"), OTHERS)
def test_numbers_with_settings_fit_their_equations(hidden, output, cost, backend):
    net = network(hidden, output, cost, dtype="float64", backend=backend)
    assert check(net.explain(*batch(cost), 0.5), "float64") > 100


def test_a_number_that_does_not_fit_is_noticed():
    """A delta that is wrong by 1 % fails the check."""
    net = network("tanh", "sigmoid", "squared_error", dtype="float64")
    trace = net.backward(*batch("squared_error"))
    trace.deltas[1][0] *= 1.01
    net.backward = lambda X, y: trace
    with pytest.raises(AssertionError, match="δ"):
        check(net.explain(*batch("squared_error")), "float64")


@pytest.fixture(scope="module")
def document():
    net = network("elu", "softmax", "cross_entropy(0.1)")
    return net.explain(*batch("cross_entropy"), 0.5)


# The formulas.


def test_every_activation_and_cost_has_a_formula(core):
    assert [*formulas.ACTIVATIONS, "softmax"] == [name for name, _ in core.table("activation")]
    assert set(formulas.COSTS) == {name for name, _ in core.table("cost")}
    for cost in COSTS:
        for output in cost.fused:
            assert output in formulas.COSTS[cost.name]


@pytest.mark.parametrize("name", HIDDEN)
def test_formulas_of_activations_equal_the_core(name, core):
    net = core.Network([1, 1], [name], "squared_error", "float64")
    net.set_weights([np.ones((1, 1))])
    grid = np.linspace(-4, 4, 57)[:, None] + 0.01
    formula = formulas.activation_formula(name)
    for z, a in zip(grid[:, 0], net.predict(grid)[:, 0], strict=True):
        sigma = formula.sigma.put({formulas.z: Number(z)}).value()
        assert sigma == pytest.approx(a, rel=1e-14, abs=1e-14)
    deltas = net.backward(grid, np.zeros((57, 1)))[3]
    for z, a, delta in zip(grid[:, 0], net.predict(grid)[:, 0], deltas[0][:, 0], strict=True):
        prime = formula.sigma_prime.put({formulas.z: Number(z), formulas.a: Number(a)}).value()
        assert 2 * a * prime == pytest.approx(delta, rel=1e-13, abs=1e-13)


def test_the_chosen_case_has_its_reason():
    net = bp.Network([1, 2], output="relu", init=[[[1.5], [-1.5]]])
    words = str(net.explain([1.0], [0.0, 0.0]).part("backward", "slope of the activation"))
    assert "= 1 because 1.5 > 0 = 1" in words and "= 0 because −1.5 ≤ 0 = 0" in words


def test_a_custom_function_keeps_its_name():
    assert text(formulas.activation_formula("mine").sigma_prime) == "mine′(z)"
    assert text(formulas.cost_formula("mine", "sigmoid").term) == "mine(a, y)"


# The arrays.


def test_arrays_are_those_of_the_core_and_of_the_derivation(backend):
    net = network("tanh", "sigmoid", "squared_error", dtype="float64", backend=backend)
    X, y = batch("squared_error", m=4)
    arrays = net.explain(X, y, 0.5).to_dict()
    trace = net.backward(X, y)
    for name in ("weighted_inputs", "activations", "deltas", "weight_gradients", "bias_gradients"):
        for shown, computed in zip(arrays[name], getattr(trace, name), strict=True):
            np.testing.assert_array_equal(shown, computed)
    close = {"rtol": 1e-13, "atol": 1e-14}
    a, weights = trace.activations, net.weights
    np.testing.assert_allclose(arrays["cost_terms"], (a[3] - y) ** 2, **close)
    np.testing.assert_allclose(arrays["sample_costs"], ((a[3] - y) ** 2).sum(axis=1), **close)
    np.testing.assert_allclose(arrays["activation_gradients"][2], 2 * (a[3] - y), **close)
    back = np.einsum("ij,jk->ik", trace.deltas[2], weights[2])
    np.testing.assert_allclose(arrays["activation_gradients"][1], back, **close)
    np.testing.assert_allclose(arrays["activation_slopes"][1], 1 - a[2] ** 2, **close)
    each = np.einsum("ij,ik->ijk", trace.deltas[0], X)
    np.testing.assert_allclose(arrays["sample_weight_gradients"][0], each, **close)
    before = net.weights
    assert net.step(X, y, 0.5) == arrays["cost"]
    for shown, stepped in zip(arrays["new_weights"], net.weights, strict=True):
        np.testing.assert_array_equal(shown, stepped)
    assert arrays["new_cost"] == net.evaluate(X, y)["cost"]
    np.testing.assert_array_equal(arrays["weights"][0], before[0])


def test_nothing_is_changed():
    net = network("tanh", "sigmoid", "squared_error")
    state = net.weights + net.biases
    document = net.explain(*batch("squared_error"), 0.5)
    net.weights = [np.zeros_like(w) for w in net.weights]
    np.testing.assert_array_equal(document.to_dict()["weights"][0], state[0])
    assert "= 0 · " not in document.text()


# Parts, and one parameter.


def test_a_part_is_found_by_its_titles(document):
    part = document.part("Sample 1", "layer 3", "error term")
    words = str(part)
    assert (
        "δ₀⁽³⁾" in words and "wⱼₖ" not in words and "Sample 0" not in words and "δ₀⁽¹⁾" not in words
    )
    assert len(list(lines(part.section))) == 3
    assert document.part("error", "backward")._repr_html_().count('class="group"') == 6
    with pytest.raises(ValueError, match=r"titles must be among Sample 0, .*; got delta"):
        document.part("delta")


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_products_along_all_paths_add_up_to_the_gradient(output):
    cost = "cross_entropy"
    net = network("tanh", output, cost, dtype="float64")
    X, y = batch(cost)
    document = net.explain(X, y)
    chain = document.weight(1, 2, 0, max_paths=1000).to_dict()
    count = 2 * 3 * (3 if output == "softmax" else 1)
    assert [len(paths) for paths in chain["paths"]] == [count] * 2 == chain["path_counts"]
    sums = [products.sum() for products in chain["products"]]
    np.testing.assert_allclose(sums, chain["sample_gradients"], rtol=1e-12)
    assert chain["gradient"] == net.backward(X, y).weight_gradients[0][2, 0]
    assert np.mean(sums) == pytest.approx(chain["gradient"], rel=1e-12)


def test_the_largest_paths_are_found():
    """The search is compared with all 120 paths of a network."""
    net = bp.Network([2, 3, 4, 5, 6], "tanh", "identity", seed=0, dtype="float64")
    document = net.explain([1.0, -2.0], np.arange(6.0))
    every = document.weight(1, 1, 0, max_paths=120).to_dict()
    assert every["path_counts"] == [120]
    few = document.weight(1, 1, 0, max_paths=7)
    shown = few.to_dict()
    largest = np.sort(np.abs(every["products"][0]))[-7:]
    np.testing.assert_allclose(np.sort(np.abs(shown["products"][0])), largest, rtol=1e-14)
    assert "113 of 120 paths, the smallest, are left out here." in str(few)
    assert check(few, "float64") == 9


def test_a_missing_parameter_is_an_error():
    document = network("tanh", "sigmoid", "squared_error").explain(*batch("squared_error"))
    with pytest.raises(ValueError, match="layer must be an integer from 1 to 3; got 4"):
        document.weight(4, 0, 0)
    with pytest.raises(ValueError, match="j must be an integer from 0 to 1; got 2"):
        document.weight(2, 2, 0)
    with pytest.raises(ValueError, match="k must be an integer from 0 to 2; got -1"):
        document.weight(1, 0, -1)
    for place in [(True, 0, 0), (1, False, 0), (1, 0, np.True_)]:
        with pytest.raises(TypeError, match=r"must be an integer from \d to \d; got (True|False)$"):
            document.weight(*place)
    with pytest.raises(TypeError, match="max_paths must be an integer >= 1; got 'all'"):
        document.bias(1, 0, max_paths="all")


# What is special.


def test_a_saturated_output_is_computed_from_z():
    """a rounds to 1 and 0, and its log is not finite, but the cost and delta are."""
    net = bp.Network([1, 2], output="sigmoid", cost="cross_entropy", init=[[[200.0], [-1000.0]]])
    document = net.explain([1.0], [0.0, 1.0])
    assert "1000" in str(document)
    assert check(document, "float32") > 5
    assert "rounded to 0 or 1" in str(document)
    assert "the paths begin at z" in document.weight(1, 0, 0).text(None)


def test_penalties_decay_and_max_norm_are_in_the_update(backend):
    layers = [bp.Dense(20, l1=0.1, weight_decay=0.2, max_norm=0.5), bp.Dense(3, l2=0.3, l1=0.1)]
    net = bp.Network([3, *layers], seed=0, dtype="float64", backend=backend)
    document = net.explain(*batch("squared_error"), 0.5, max_neurons=20)
    check(document, "float64")
    assert "to the norm 0.5" in str(document)


@pytest.mark.parametrize(("output", "cost"), [("softmax", "cross_entropy"), ("tanh", "huber")])
def test_layer_normalization_is_shown(output, cost, backend):
    layers = [bp.Dense(5, "elu", layer_norm=True), 4, bp.Dense(3, layer_norm=True)]
    net = bp.Network([3, *layers], "tanh", output, cost, seed=0, dtype="float64", backend=backend)
    random = np.random.default_rng(3)
    net.gains = [random.uniform(0.5, 2, 5), None, random.uniform(0.5, 2, 3)]
    net.shifts = [random.uniform(-1, 1, 5), None, random.uniform(-1, 1, 3)]
    X, y = batch(cost)
    document = net.explain(X, y, 0.5)
    assert check(document, "float64") > 300
    assert check(net.explain(X, y, 0.5, max_neurons=2), "float64") > 100
    arrays, trace = document.to_dict(), net.backward(X, y)
    for name in ("gains", "shifts"):
        of_samples = arrays["seen_gradients"][0]
        of_samples = of_samples * (arrays["normalized"][0] if name == "gains" else 1)
        averaged = getattr(trace, f"{name[:-1]}_gradients")[0]
        np.testing.assert_allclose(of_samples.mean(axis=0), averaged, rtol=1e-10, atol=1e-13)
        assert arrays[name][1] is None


def normalized(hidden, output, cost, backend, dtype="float64"):
    """Return a network with two normalized layers of three, one of them the output."""
    layers = [bp.Dense(4, hidden, layer_norm=True), 2, bp.Dense(3, layer_norm=True)]
    net = bp.Network([3, *layers], "tanh", output, cost, seed=0, dtype=dtype, backend=backend)
    random = np.random.default_rng(3)
    net.gains = [random.uniform(0.5, 2, 4), None, random.uniform(0.5, 2, 3)]
    net.shifts = [random.uniform(-1, 1, 4), None, random.uniform(-1, 1, 3)]
    return net


@pytest.mark.parametrize(("output", "cost"), [("softmax", "cross_entropy"), ("tanh", "huber")])
def test_every_path_through_a_normalization(output, cost, backend):
    net = normalized("elu", output, cost, backend)
    X, y = batch(cost)
    document = net.explain(X, y)
    joined = 3 if output == "softmax" else 1
    of_layer = {1: 4 * 2 * 3 * 3, 2: 3 * 3, 3: 3}  # a layer of n has n paths, normalized n times n
    for layer, j, k in ((1, 2, 0), (1, 0, None), (2, 1, 3), (3, 2, 1), (3, 0, None)):
        written = document.bias(layer, j, max_paths=400) if k is None else (
            document.weight(layer, j, k, max_paths=400)
        )  # fmt: skip
        chain = written.to_dict()
        assert [len(paths) for paths in chain["paths"]] == chain["path_counts"]
        assert chain["path_counts"] == [of_layer[layer] * joined] * 2
        sums = [products.sum() for products in chain["products"]]
        np.testing.assert_allclose(sums, chain["sample_gradients"], rtol=1e-10, atol=1e-15)
        assert check(written, "float64") > 2 * of_layer[layer]


@pytest.mark.parametrize("place", [(1, 2, 0), (1, 0, None), (2, 1, 3), (3, 2, 1), (3, 0, None)])
def test_paths_through_a_normalization_equal_differences(place, backend):
    """Central differences of C: the error is h^2 = 1e-10 and eps / h = 2e-11."""
    net = normalized("tanh", "softmax", "cross_entropy", backend)
    X, y = batch("cross_entropy", m=1)
    layer, j, k = place
    name = "biases" if k is None else "weights"
    document = net.explain(X, y)
    written = (
        document.bias(layer, j, max_paths=400)
        if k is None
        else document.weight(*place, max_paths=400)
    )
    costs = []
    for h in (1e-5, -1e-5):
        moved = [array.copy() for array in getattr(net, name)]
        moved[layer - 1][(j,) if k is None else (j, k)] += h
        twin = copy.deepcopy(net)
        setattr(twin, name, moved)
        costs.append(twin.evaluate(X, y)["cost"])
    products = written.to_dict()["products"][0]
    assert products.sum() == pytest.approx((costs[0] - costs[1]) / 2e-5, rel=0, abs=1e-8)


def test_the_largest_paths_through_a_normalization_are_found():
    net = normalized("tanh", "softmax", "cross_entropy", "numpy")
    document = net.explain([1.0, -2.0, 0.5], [0.0, 0.0, 1.0])
    every = document.weight(1, 1, 0, max_paths=400).to_dict()
    few = document.weight(1, 1, 0, max_paths=7)
    largest = np.sort(np.abs(every["products"][0]))[-7:]
    np.testing.assert_allclose(np.sort(np.abs(few.to_dict()["products"][0])), largest, rtol=1e-12)
    assert "209 of 216 paths, the smallest, are left out here." in str(few)
    assert "Through the normalization of layer 3" in str(few)
    for form in (few.to_markdown(), few.to_html(), few.text(None)):
        assert "Through the normalization of layer 1" in form


def test_paths_of_a_saturated_normalized_output_begin_at_u():
    net = bp.Network([2, bp.Dense(2, layer_norm=True)], output="sigmoid", cost="cross_entropy",
                     seed=0, dtype="float64")  # fmt: skip
    net.gains = [[900.0, 900.0]]
    document = net.explain([1.0, 3.0], [0.0, 1.0])
    chain = document.weight(1, 0, 0)
    assert "the paths begin at u" in chain.text(None)
    assert chain.to_dict()["products"][0].sum() == pytest.approx(chain.to_dict()["gradient"])


def own_functions():
    return {
        "activation": bp.Activation("arcsinh", np.arcsinh, lambda z, a: 1 / np.sqrt(z * z + 1)),
        "output": bp.Activation("cubic", lambda z: z**3, lambda z, a: 3 * z**2),
        "cost": bp.Cost("quartic", lambda a, y: (a - y) ** 4, lambda a, y: 4 * (a - y) ** 3),
    }


def test_custom_functions_keep_their_names(backend):
    net = bp.Network([3, 4, 3], **own_functions(), seed=0, dtype="float64", backend=backend)
    X, y = batch("squared_error", m=1)
    document = net.explain(X, y)
    words = document.text(None)
    for part in (
        "σ(zⱼ⁽¹⁾) = arcsinh(zⱼ⁽¹⁾)",
        "arcsinh′(z₀⁽¹⁾)",
        "C₀ = quartic(a, y) = ",
        "quartic′(a₀⁽²⁾, y₀)",
    ):
        assert part in words
    arrays = document.to_dict()
    a = arrays["activations"][2]
    np.testing.assert_allclose(arrays["activation_gradients"][1], 4 * (a - y) ** 3, rtol=1e-12)
    known = [part for line in lines(document.section) for part in line.parts if is_numeric(part)]
    assert sum(np.isfinite(part.value()) for part in known) > 40
    assert (
        document.weight(1, 0, 0).to_dict()["gradient"]
        == net.backward(X, y).weight_gradients[0][0, 0]
    )


WRITTEN = {
    "activation": bp.Activation(
        *("arcsinh", np.arcsinh, lambda z, a: 1 / np.sqrt(z * z + 1)),
        formula="log(z + sqrt(z^2 + 1))",
        derivative_formula="1 / sqrt(z**2 + 1)",
    ),
    "output": bp.Activation(
        *("bent", lambda z: np.where(z > 0, z, z / 2), lambda z, a: np.where(z > 0, 1, 0.5)),
        formula="z if z > 0 else z / 2",
        derivative_formula="1 if z > 0 else 0.5",
    ),
    "cost": bp.Cost(
        *("quartic", lambda a, y: (a - y) ** 4, lambda a, y: 4 * (a - y) ** 3),
        formula="(a - y)^4",
        derivative_formula="4 * (a - y)^3",
    ),
}


def test_formulas_of_custom_functions_are_shown(backend):
    """Every notation shows them, and their numbers fit, as for the tables."""
    net = bp.Network([3, 4, 2, 3], **WRITTEN, seed=3, dtype="float64", backend=backend)
    document = net.explain(*batch("squared_error"))
    check(document, "float64")
    words = document.text(None)
    for part in ("log(", "(aⱼ⁽³⁾ − yⱼ)⁴", "4 (a", "√(", "= 0.5 because"):
        assert part in words, part
    assert "quartic(" not in words and "arcsinh(" not in words
    assert "\\ln" in document.to_markdown() or "\\log" in document.to_markdown()
    assert "<msup>" in document.to_html()


def test_a_formula_alone_leaves_the_derivative_its_name():
    cost = bp.Cost(
        "square", lambda a, y: (a - y) ** 2, lambda a, y: 2 * (a - y), formula="(a - y)^2"
    )
    formula = formulas.cost_formula(cost, "sigmoid")
    assert text(formula.term) == "(a − y)²" and text(formula.slope) == "square′(a, y)"
    net = bp.Network([3, 2], cost=cost, seed=0)
    net.explain(np.ones((1, 3)), np.ones((1, 2))).text(None)


def square(z):
    return z * z


def double(z, a):
    return 2 * z


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("z^3", "formula of activation 'square' must be that of sigma; at z = -7.5 it is -421.875, "
                "and sigma gives 56.25"),
        ("z^2 + w", "formula of activation 'square' must be a formula of z such as .* got "
                    "'z\\^2 \\+ w', with 'w'"),
        ("z^", "must be a formula of z"),
        ("__import__('os')", "must be a formula of z"),
        ("z.real", "must be a formula of z"),
        ("arctan(z)", "with 'arctan\\(z\\)'"),
        ("z if z else 0", "must be a formula of z"),
        ("9^9^9^9^9 + z", "must be that of sigma"),
    ],
)  # fmt: skip
def test_formulas_that_are_not_those_of_the_function(formula, message):
    with pytest.raises(ValueError, match=message):
        bp.Activation("square", square, double, formula=formula)


def test_formulas_are_text_and_of_what_is_known():
    with pytest.raises(
        TypeError, match="derivative_formula of activation 'square' must be a formula"
    ):
        bp.Activation("square", square, double, derivative_formula=2)
    with pytest.raises(ValueError, match=r"must be that of derivative; at a = 0\.05, y = 0.3"):
        bp.Cost("half", lambda a, y: (a - y) ** 2 / 2, lambda a, y: a - y,
                derivative_formula="a")  # fmt: skip


def test_a_function_with_formulas_is_kept(tmp_path):
    net = bp.Network([3, 4, 2], **WRITTEN, seed=3)
    net.save(tmp_path / "net")
    again = bp.Network.load(tmp_path / "net", functions=list(WRITTEN.values()))
    assert again.explain([1.0, 2, 3], [1.0, 2]).text() == net.explain([1.0, 2, 3], [1.0, 2]).text()


def test_half_the_squared_error_is_shown_with_its_plain_slope():
    net = bp.Network([3, 2], cost="half_squared_error", seed=0)
    document = net.explain(np.ones(3), np.zeros(2))
    words = str(document)
    assert "(aⱼ⁽¹⁾ − yⱼ)² / 2" in words and "∂C₀/∂aⱼ⁽¹⁾ = aⱼ⁽¹⁾ − yⱼ" in words
    assert "\\frac" in document.to_markdown() and "<mfrac>" in document.to_html()


def test_a_note_says_that_dropout_is_off():
    net = bp.Network([3, bp.Dense(4, dropout=0.5), 3], seed=0)
    document = net.explain(*batch("squared_error"))
    assert "Dropout is off" in str(document)
    assert "Dropout" not in str(network("tanh", "sigmoid", "huber").explain(*batch("huber")))


def test_class_labels_and_a_single_output():
    labels = bp.Network([3, 4, 3], output="softmax", cost="cross_entropy", seed=0)
    document = labels.explain(batch("huber")[0], [2, 0])
    np.testing.assert_array_equal(document.to_dict()["y"], np.eye(3)[[2, 0]])
    check(document, "float32")
    check(bp.Network([3, 4, 1], seed=0).explain([1, 2, 3], 1), "float32")


# Large networks.


def test_neurons_that_are_left_out_are_counted():
    net = bp.Network([64, 20, 10], output="softmax", cost="cross_entropy", seed=1)
    digits = bp.load_digits()
    document = net.explain(digits.X[:5], digits.y[:5], max_neurons=4, max_samples=2)
    words = str(document)
    assert "3 of 5 samples are not shown; the averages include them." in " ".join(words.split())
    for note in ("16 of 20 neurons", "6 of 10 neurons", "1,264 of 1,280", "184 of 200"):
        assert f"{note} are left out here." in " ".join(words.split())
    assert "… (60 more)" in words and "[60 more: " in words and "[3 more: " in words
    check(document, "float32")
    assert len(words.splitlines()) < 1200


def test_a_small_network_is_shown_whole():
    words = str(network("tanh", "sigmoid", "squared_error").explain(*batch("squared_error")))
    assert "left out" not in words and "more" not in words.split("Update")[0]


# The forms.


def test_equations_have_the_numbers_of_the_derivation():
    net = network("sigmoid", "sigmoid", "squared_error")
    document = net.explain(*batch("squared_error"), 0.5)
    page = (Path(__file__).parents[1] / "docs" / "derivation.md").read_text("utf-8")
    for form in (document.text(None), document.to_markdown(), document.to_html()):
        words = re.sub(r"<[^>]*>|\*\*", "", form)
        assert "Equation numbers (eq.) are those of docs/derivation.md." in words
        for title, number in EQUATIONS.items():
            assert re.search(rf"{title}\s+\(eq. {number}\)", words, re.DOTALL), title
            assert f"\\tag{{{number}}}" in page
    assert not re.search(r"\(eq\. [^0-9]", document.to_html())


EQUATIONS = {
    "Weighted input": 1,
    "Activation": 2,
    r"squared\\?_error": 3,
    "Slope of the cost": 4,
    "Slope of the activation": 5,
    r"Layer 3: output.*Error term": 7,
    "Gradient of the weights": 8,
    "Gradient of the biases": 9,
    "Back through the weights of layer 2": 10,
    r"Layer 2: hidden.*Error term": 11,
    "Cost of the batch": 12,
    r"Average over 2 samples.*Gradient of the biases": 13,
    "New weights": 14,
}


def test_layers_can_be_counted_from_the_output():
    net = network("tanh", "softmax", "cross_entropy")
    numbered = net.explain(*batch("cross_entropy"))
    document = net.explain(*batch("cross_entropy"), notation="from_output")
    chain, numbered_chain = (one.weight(1, 0, 0) for one in (document, numbered))
    for words, plain in (
        (document.text(None), numbered.text(None)),
        (chain.text(None), numbered_chain.text(None)),
    ):
        for layer, written in enumerate(("⁽ᴸ⁻³⁾", "⁽ᴸ⁻²⁾", "⁽ᴸ⁻¹⁾", "⁽ᴸ⁾")):
            words = words.replace(written, f"⁽{'⁰¹²³'[layer]}⁾")
        assert words == plain and "⁽¹⁾" in plain
    assert "w_{0{,}0}^{(L-2)}" in document.to_markdown()
    assert "<mi>L</mi><mo>−</mo><mn>2</mn>" in document.to_html()
    with pytest.raises(ValueError, match="notation must be one of number, from_output; got 'L'"):
        net.explain(*batch("cross_entropy"), notation="L")


def test_an_equation_with_penalties_has_no_number():
    net = bp.Network([3, bp.Dense(4, l2=0.1), 3], seed=0)
    words = net.explain(*batch("squared_error")).text(None)
    update = words[words.index("Update") :]
    first, second = update.split("Layer 2")
    assert "New weights\n" in first and "New biases  (eq. 14)" in first
    assert "New weights  (eq. 14)" in second


def test_text_keeps_within_its_width(document):
    for width in (60, 80, 120):
        assert max(map(len, document.text(width).splitlines())) <= width
    wide = document.text(width=None)
    assert max(map(len, wide.splitlines())) > 120
    assert len(wide.splitlines()) < len(document.text().splitlines())
    assert str(document) == document.text(80)
    with pytest.raises(ValueError, match="width must be an integer >= 60; got 3"):
        document.text(3)


def test_html_is_well_formed_and_loads_nothing(document):
    part, page = document._repr_html_(), document.to_html()
    ElementTree.fromstring(part.replace("<details open", "<details"))  # raises if not closed
    assert part in page and "<script" not in part
    assert page.count("<details open") == page.count("</details>") > 10
    own = page.replace("url(data:font/woff2;base64,", "")
    for needed in ("http:", "https:", "src=", "url(", "@import", "<link"):
        assert needed not in own.replace("http://www.w3.org", "")
    assert "<script" not in document.weight(1, 0, 0).to_html()


def test_markdown_has_balanced_latex(document):
    words = document.to_markdown()
    formulas = words.split("$$")[1::2]
    assert len(formulas) > 40
    for formula in formulas:
        assert formula.count("{") == formula.count("}")
        assert formula.count(r"\left") == formula.count(r"\right")
        assert formula.count(r"\begin") == formula.count(r"\end")
        assert formula.isascii()


def test_every_formula_has_latex_and_mathml():
    from backprop_rs.explain.latex import latex
    from backprop_rs.explain.mathml import mathml

    rows = [part for row in formulas.ACTIVATIONS.values() for part in row[:2]]
    rows += [
        part
        for by_output in formulas.COSTS.values()
        for row in by_output.values()
        for part in (row.term, row.slope, row.short, row.by_z)
        if part is not None
    ]
    for formula in rows:
        assert latex(formula).isascii()
        ElementTree.fromstring(mathml(formula))


def test_files(document, tmp_path):
    for name in ("one.html", "one.md", "one.txt"):
        document.save(tmp_path / name)
    assert (tmp_path / "one.txt").read_text("utf-8") == document.text()
    with pytest.raises(ValueError, match=r"path must end in .html, .md, .txt; got 'one.pdf'"):
        document.save("one.pdf")


def test_digits():
    net = bp.Network([1, 1], output="identity", init=[[[1 / 3]]], dtype="float64")
    assert "0.33 · 1" in str(net.explain([1], [1], digits=2))
    assert "0.3333333333333333 · 1" in str(net.explain([1], [1], digits=16))
    with pytest.raises(ValueError, match="digits must be an integer from 1 to 17; got 0"):
        net.explain([1], [1], digits=0)


def test_wrong_arguments():
    net = network("tanh", "sigmoid", "squared_error")
    with pytest.raises(ValueError, match="X must have shape"):
        net.explain([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="learning_rate must be a finite number >= 0; got -1"):
        net.explain(*batch("squared_error"), -1)
    with pytest.raises(ValueError, match="max_neurons must be an integer >= 1; got 0"):
        net.explain(*batch("squared_error"), max_neurons=0)


OPTIMIZERS = [
    *("sgd(momentum=0.9)", "sgd(momentum=0.8, nesterov=1)", "sgd(momentum=0.7, velocity=1)"),
    *("sgd(momentum=0.7, nesterov=1, velocity=1)", "adam", "adam(beta1=0.8, amsgrad=1)"),
    *("adam(epsilon=0.01, epsilon_hat=1)", "adamw(weight_decay=0.1)"),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("trained", [0, 3])
def test_the_step_of_an_optimizer_with_its_moments(optimizer, trained, backend):
    """The moments and the new parameters are those of `fit`, and each line has its value."""
    layers = [3, bp.Dense(4, l1=1e-2, l2=1e-2), bp.Dense(2, weight_decay=0.1, max_norm=0.9), 3]
    layers[1:1] = [bp.Dense(3, layer_norm=True)]
    net = bp.Network(layers, "tanh", "sigmoid", seed=3, dtype="float64", backend=backend)
    X, y = batch("squared_error", m=4)
    settings = {"optimizer": optimizer, "learning_rate": 0.1, "batch_size": 4, "progress": False}
    if trained:
        net.fit(X, y, epochs=trained, **settings)
    before = copy.deepcopy(net)
    explanation = net.explain(X, y, 0.1, optimizer=optimizer)
    assert check(explanation.part("update"), "float64") >= 2 * 40
    arrays = explanation.to_dict()
    assert all((a == b).all() for a, b in zip(net.weights, before.weights, strict=True))
    twin = copy.deepcopy(net)
    twin.fit(X, y, epochs=1, shuffle=False, **settings)
    for name in ("weights", "biases"):
        for shown, stepped in zip(arrays[f"new_{name}"], getattr(twin, name), strict=True):
            np.testing.assert_allclose(shown, stepped, rtol=1e-12, atol=1e-14)
    for name, moment in arrays["new_moments"].items():
        state = twin._core.state()[f"optimizer.{name}"]
        np.testing.assert_allclose(moment, state, rtol=1e-12, atol=1e-16)
    words = explanation.part("update").text(None)
    assert f"This is step {trained + 1}: " in explanation.text(None)
    letter = "p" if optimizer.startswith("sgd") else "m"
    assert f"{letter}₀,₀⁽¹⁾ := " in words


def test_the_moments_of_another_optimizer_are_not_used():
    net = network("tanh", "sigmoid", "squared_error")
    X, y = batch("squared_error")
    net.fit(X, y, epochs=2, optimizer="adam", progress=False)
    text = net.explain(X, y, optimizer="adam(beta1=0.5)").text(None)
    assert "This is step 1: its moments start at 0." in text
    assert net.explain(X, y, optimizer=bp.optimizers.Adam()).quantities.moments.t == 3
    for optimizer in ("rmsprop", "lion", "nadam"):
        with pytest.raises(ValueError, match="optimizer must be one of sgd, adam, adamw; got"):
            net.explain(X, y, optimizer=optimizer)


# The picture in the page.


def content_of(page, start, end):
    return page.partition(start)[2].partition(end)[0]


@pytest.fixture(scope="module")
def stepped():
    """Return a network with a relu that is off, its explanation of two samples, and the page."""
    net = bp.Network([3, 9, 2], "relu", "softmax", "cross_entropy", seed=1, dtype="float64")
    net.metadata["feature_names"] = [
        "width",
        "<height>",
        "a name that is much too long to be shown",
    ]
    net.metadata["class_names"] = ["no", "yes"]
    X, y = np.array([[0.5, -1.0, 2.0], [1.0, 1.0, -1.0]]), np.array([0, 1])
    explanation = net.explain(X, y, 0.1, optimizer="adam")
    return net, (X, y), explanation, explanation.to_html()


def test_the_picture_has_the_numbers_of_the_trace(stepped):
    net, samples, explanation, page = stepped
    data = json.loads(content_of(page, 'class="data">', "</script>").replace("<\\/", "</"))
    trace, neurons = net.backward(*samples), explanation.shown.neurons
    write = Text(3)
    for i, sample in enumerate(data["samples"]):
        for layer, shown in enumerate(neurons):
            for neuron in shown:
                node = sample["nodes"][f"{layer},{neuron}"]
                assert node["a"] == write(Number(float(trace.activations[layer][i, neuron])))
                if layer:
                    z = float(trace.weighted_inputs[layer - 1][i, neuron])
                    assert node["z"] == write(Number(z))
                    assert node["d"] == write(Number(float(trace.deltas[layer - 1][i, neuron])))
                    assert node["off"] == (layer == 1 and z <= 0)
    assert len(data["weights"]) == 6 * 3 + 2 * 6
    for name, weight in data["weights"].items():
        layer, j, k = map(int, name.split(","))
        new = explanation.to_dict()["new_weights"][layer - 1][j, k]
        gradient = trace.weight_gradients[layer - 1][j, k]
        values = [net.weights[layer - 1][j, k], gradient, new]
        assert [weight["w"], weight["g"], weight["new"]] == [write(Number(v)) for v in values]
    assert data["new_cost"] == write(Number(explanation.to_dict()["new_cost"]))
    for name in ("width", "&lt;height&gt;", "a name that is much t…", "no", "yes", "relu, 6 of 9"):
        assert f">{name}</text>" in page


def test_each_weight_of_the_picture_has_its_formulas(stepped):
    net, samples, explanation, page = stepped
    digits = MathML(6)
    gradient = net.backward(*samples).weight_gradients
    for name in re.findall(r'<g class="edge" data-w="([^"]+)"', page):
        layer, j, k = map(int, name.split(","))
        formulas = content_of(page, f'<template data-w="{name}">', "</template>")
        ElementTree.fromstring(f"<div>{formulas.replace('<details open', '<details')}</div>")
        assert digits(Number(float(gradient[layer - 1][j, k]))) in formulas
        for title in ("Every path", "Their sum", "Mean of the gradient: weights", "New weights"):
            assert f">{title}</div>" in formulas
        new = explanation.to_dict()["new_weights"][layer - 1][j, k]
        assert digits(Number(float(new))) in formulas


def test_text_of_the_picture_has_contrast():
    """Text, faint text, and text on the colors of neurons; at least 4.5 (WCAG 2.1, AA)."""
    matplotlib = pytest.importorskip("matplotlib")
    from backprop_rs.explain.picture_page import STYLE
    from backprop_rs.plot.contrast import contrast

    assert "calc(var(--v, 0) * 45%)" in STYLE
    light, dark = re.findall(r"--ink: [^}]+", STYLE)
    for theme in (light, dark):
        colors = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", theme))
        rgb = {name: np.array(matplotlib.colors.to_rgb(color)) for name, color in colors.items()}
        pairs = [(rgb["ink"], rgb["ground"]), (rgb["faint"], rgb["ground"])]
        for share in np.linspace(0, 0.45, 50):
            for tone in ("pos", "neg"):
                pairs.append((rgb["ink"], share * rgb[tone] + (1 - share) * rgb["ground"]))
        assert min(contrast(one, other) for one, other in pairs) >= 4.5


def test_the_font_has_its_license():
    folder = Path(bp.__file__).parent / "explain"
    assert (folder / "math.woff2").read_bytes()[:4] == b"wOF2"
    assert (folder / "math.woff2").stat().st_size < 110_000
    license = (folder / "math_font_license.txt").read_text("utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in license and "STI Pub Companies" in license


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_script_lights_up_paths_and_opens_formulas(stepped, tmp_path):
    """A browser opens the page at a step, and with a chosen weight."""
    path = tmp_path / "step.html"
    stepped[2].save(path)

    def dom(asked):
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000"]
        command = [CHROMIUM, *options, "--dump-dom", f"file://{path}#{asked}"]
        run = subprocess.run(command, capture_output=True, timeout=120, check=True)
        return run.stdout.decode()

    page = dom("step=4")  # input, two layers, cost, and the output backward
    assert "Backward, layer 2: δ and the gradients" in page
    panel = content_of(page, '<div class="panel">', '<template class="intro">')
    assert "Slopes of softmax" in panel and 'data-part="Sample 0/Backward/Layer 2"' in panel
    first = stepped[2].shown.neurons[1][0]
    page = dom(f"step=0&weight=1,{first},2")
    panel = content_of(page, '<div class="panel">', '<template class="intro">')
    assert "Every path" in panel
    lit = set(re.findall(r'class="edge[^"]* lit[^"]*" data-w="([^"]+)"', page))
    assert lit == {f"1,{first},2", f"2,0,{first}", f"2,1,{first}"}


@pytest.mark.parametrize("optimizer", ["sgd(momentum=0.9)", "adamw"])
def test_the_moments_of_factors_and_embeddings(optimizer, backend):
    options = {"embedding": bp.PBLD([0, 2], 2, outputs=1), "input_scale": True}
    net = bp.Network([3, 4, 3], "tanh", seed=3, dtype="float64", backend=backend, **options)
    X, y = batch("squared_error")
    net.fit(X, y, epochs=2, batch_size=2, optimizer=optimizer, progress=False)
    explanation = net.explain(X, y, 0.1, optimizer=optimizer)
    assert check(explanation.part("update"), "float64") > 60
    text = explanation.part("update").text(None)
    letters = "p" if optimizer.startswith("sgd") else "mv"
    for kind, layers in (("weights", 2), ("biases", 2), ("scales", 1), ("embeddings", 1)):
        titles = [line for line in text.splitlines() if line.endswith(f": {kind}")]
        assert len(titles) == layers * len(letters)
