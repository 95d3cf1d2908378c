"""Each rule finds its illness in a network that has it, and none in healthy ones."""

import json
from pathlib import Path

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.health import RULES
from backprop_rs.health.constant import best_constant_cost
from backprop_rs.health.context import range_of

IRIS = bp.load_iris()
SCALED = ((IRIS.X - IRIS.X.mean(axis=0)) / IRIS.X.std(axis=0)).astype(np.float32)
DIGITS = bp.load_digits()
NORMAL = np.random.default_rng(0).normal(size=(300, 3))
WAVES = np.sin(NORMAL[:, :1]) + 0.5 * NORMAL[:, 1:2]


def classifier(sizes=(4, 8, 3), activation="tanh", **options):
    settings = {"output": "softmax", "cost": "cross_entropy", "seed": 0} | options
    return bp.Network(list(sizes), activation, **settings)


def regressor(sizes=(3, 16, 1), activation="tanh", **options):
    return bp.Network(list(sizes), activation, **{"output": "identity", "seed": 0} | options)


def trained(net, X, y, epochs=30, rate=0.05, **options):
    net.fit(X, y, epochs, 32, rate, progress=False, **{"on_nan": "stop"} | options)
    return net, X, y


def dead_relu():
    net = classifier((4, 8, 3), "relu")
    net.biases = [[-50.0] * 6 + [0.0, 0.0], [0.0] * 3]
    return net, SCALED, IRIS.y


def saturated():
    net = classifier()
    net.weights = [60 * net.weights[0], net.weights[1]]
    return net, SCALED, IRIS.y


def wrong_and_flat():
    net = bp.Network([4, 8, 3], "tanh", seed=0)
    net.biases = [[0.0] * 8, [30.0, 0.0, 0.0]]
    return net, SCALED, IRIS.y


def overflown():
    net = classifier()
    net.weights = [np.full((8, 4), 3e38), np.full((3, 8), 3e38)]
    return net, SCALED, IRIS.y


def imbalanced():
    rows = np.concatenate([np.flatnonzero(IRIS.y < 2), np.flatnonzero(IRIS.y == 2)[:4]])
    return classifier(), SCALED[rows], IRIS.y[rows]


def fitted_too_well():
    random = np.random.default_rng(1)
    X = random.normal(size=(80, 10))
    y = random.integers(0, 2, 80)
    net = classifier((10, 128, 2), "relu")
    net.fit(X[:40], y[:40], 200, 8, 0.1, validation_data=(X[40:], y[40:]), progress=False)
    return net, X, y


XOR = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def stuck_xor(**options):
    """Train a network whose outputs near 0.5 differ, so that no other rule applies."""
    net = bp.Network([2, 2, 1], "sigmoid", "sigmoid", seed=3, **options)
    return trained(net, XOR, [0, 1, 1, 0], epochs=200, rate=0.1)


def explosive():
    net = classifier((4, *[20] * 6, 3), "relu")
    net.weights = [5 * w if 0 < i < 6 else w for i, w in enumerate(net.weights)]
    return net, SCALED, IRIS.y


ILL = {
    "nonfinite": overflown,
    "unscaled_inputs": lambda: (classifier(), SCALED * [1, 1, 1, 500], IRIS.y),
    "unscaled_targets": lambda: (regressor(), NORMAL, 1000 + 100 * WAVES),
    "targets_out_of_range": lambda: (regressor(output="sigmoid"), NORMAL, WAVES),
    "class_imbalance": imbalanced,
    "learning_rate_too_large": lambda: trained(regressor(), NORMAL, WAVES, rate=5.0),
    "learning_rate_too_small": lambda: trained(classifier(), SCALED, IRIS.y, rate=1e-6),
    "equal_neurons": lambda: (classifier(init="zeros"), SCALED, IRIS.y),
    "dead_neurons": dead_relu,
    "saturated_neurons": saturated,
    "saturated_output": wrong_and_flat,
    "vanishing_delta": lambda: (classifier((4, *[10] * 8, 3), "sigmoid"), SCALED, IRIS.y),
    "exploding_delta": explosive,
    "constant_output": lambda: (classifier((4, *[10] * 8, 3), "sigmoid"), SCALED, IRIS.y),
    "no_better_than_constant": stuck_xor,
    "overfitting": fitted_too_well,
}

# The same cause in another form.
ALSO = {
    "learning_rate_too_large": [
        lambda: trained(classifier(), SCALED, IRIS.y, rate=300.0),
        lambda: trained(classifier((4, 16, 3), "relu"), SCALED, IRIS.y, rate=2.0, optimizer="adam"),
        lambda: trained(regressor(), NORMAL, WAVES, rate=1e4),
    ],
    "learning_rate_too_small": [
        lambda: trained(classifier(), SCALED, IRIS.y, rate=1e-7, optimizer="adam"),
        lambda: trained(regressor(), NORMAL, WAVES, rate=1e-6),
    ],
    "unscaled_inputs": [
        lambda: (classifier(), 1e-4 * SCALED, IRIS.y),
        lambda: (classifier((64, 16, 10)), DIGITS.X * 255, DIGITS.y),
        lambda: (classifier(), SCALED * [0.001, 0.002, 1, 0.001], IRIS.y),
    ],
    "targets_out_of_range": [
        lambda: (regressor(output="relu"), NORMAL, WAVES),
        lambda: (regressor(output="tanh"), NORMAL, WAVES),
    ],
    "saturated_neurons": [lambda: (classifier((4, 8, 3), "sigmoid"), 100 * SCALED, IRIS.y)],
    "no_better_than_constant": [
        lambda: stuck_xor(cost="cross_entropy"),
        lambda: trained(regressor(), NORMAL, WAVES[::-1], epochs=5, rate=0.01),
        lambda: trained(classifier(), SCALED, np.random.default_rng(0).integers(0, 3, 150), 5),
    ],
}

HEALTHY = {
    "the derivation's": lambda: (bp.Network([2, 3, 2], seed=0), [[0.05, 0.1]], [[0.01, 0.99]]),
    "fresh": lambda: (classifier(), SCALED, IRIS.y),
    "iris": lambda: trained(classifier(), SCALED, IRIS.y),
    "iris as it is": lambda: trained(classifier(activation="relu"), IRIS.X, IRIS.y),
    "iris by adam": lambda: trained(classifier(), SCALED, IRIS.y, 100, 0.01, optimizer="adam"),
    "iris by default": lambda: trained(classifier(), SCALED, IRIS.y, "auto", "auto"),
    "iris, sigmoid": lambda: trained(
        bp.Network([4, 8, 3], seed=0), SCALED, IRIS.y, epochs=100, rate=0.2
    ),
    "iris to the end": lambda: trained(classifier(), SCALED, IRIS.y, 2000, 0.1),
    "one output": lambda: trained(
        bp.Network([4, 8, 1], "tanh", cost="cross_entropy", seed=0), SCALED, IRIS.y > 0
    ),
    "digits": lambda: trained(classifier((64, 64, 10), "relu"), DIGITS.X, DIGITS.y, rate=0.1),
    "digits by adam": lambda: trained(
        classifier((64, 128, 64, 10), "relu"), DIGITS.X, DIGITS.y, 10, 0.001, optimizer="adam"
    ),
    "digits with validation": lambda: trained(
        classifier((64, 32, 10), "relu"), DIGITS.X, DIGITS.y, validation_fraction=0.2
    ),
    "values": lambda: trained(regressor(), NORMAL, WAVES),
    "values by default": lambda: trained(regressor(), NORMAL, WAVES, "auto", "auto"),
    "values, fresh": lambda: (regressor(activation="relu"), NORMAL, WAVES),
    "deep relu": lambda: (classifier((4, *[64] * 8, 3), "relu"), SCALED, IRIS.y),
    "deep tanh": lambda: trained(classifier((4, *[32] * 4, 3), "tanh"), SCALED, IRIS.y),
    "no hidden layer": lambda: trained(classifier((4, 3)), SCALED, IRIS.y),
    "gelu": lambda: trained(classifier((4, 16, 3), "gelu"), SCALED, IRIS.y),
    "resumed": lambda: trained(*[*trained(classifier(), SCALED, IRIS.y)]),
}


def diagnosis_of(make, **options):
    net, X, y = make()
    return net.diagnose(X, y, **options)


def test_the_tables_of_rules_are_complete():
    names = [row.name for row in RULES]
    assert sorted(ILL) == sorted(names)
    assert set(ALSO) <= set(names)
    page = (Path(__file__).parent.parent / "docs" / "guide" / "health.md").read_text("utf-8")
    for row in RULES:
        assert f"| `{row.name}` | {row.means} | {row.advice.replace('|', chr(92) + '|')} |" in page


@pytest.mark.parametrize("name", ILL)
def test_illness_is_found(name):
    diagnosis = diagnosis_of(ILL[name])
    assert name in diagnosis.rules, diagnosis
    for finding in diagnosis:
        assert finding.evidence.endswith(".")
        assert finding.advice.endswith(".")


@pytest.mark.parametrize(("name", "make"), [(n, one) for n, many in ALSO.items() for one in many])
def test_illness_is_found_in_other_networks(name, make):
    diagnosis = diagnosis_of(make)
    assert name in diagnosis.rules, diagnosis


def test_an_untrained_network_may_be_no_better_than_a_constant():
    net = bp.Network([2, 2, 1], seed=3)
    assert "no_better_than_constant" not in net.diagnose(XOR, [0, 1, 1, 0]).rules
    net.fit(XOR, [0, 1, 1, 0], 4000, 4, 2.0, optimizer="sgd(momentum=0.9)", progress=False)
    assert "no_better_than_constant" not in net.diagnose(XOR, [0, 1, 1, 0]).rules


CONSTANTS = [
    *((cost, "identity") for cost in ("squared_error", "mean_squared_error", "squared_error(2)")),
    *((cost, "identity") for cost in ("absolute_error", "huber(0.3)", "log_cosh", "quantile(0.9)")),
    *((cost, "tanh") for cost in ("squared_error", "absolute_error", "huber(0.3)")),
    *((cost, "sigmoid") for cost in ("cross_entropy", "cross_entropy(0.1)", "focal", "hinge")),
    *((cost, "softmax") for cost in ("cross_entropy", "cross_entropy(0.1)", "focal")),
    *(("squared_error", "softmax"), ("huber(0.3)", "softmax"), ("hinge", "identity")),
    *(("poisson", "exponential"), ("poisson", "softplus"), ("squared_error", "sigmoid")),
]


@pytest.mark.parametrize(("cost", "output"), CONSTANTS)
def test_the_best_constant_is_the_best(cost, output):
    """SciPy's search over the biases of a network without inputs finds no lower cost."""
    from scipy.optimize import minimize

    random = np.random.default_rng(0)
    net = bp.Network([1, 3], output=output, cost=cost, init="zeros", dtype="float64")
    classes = np.eye(3)[random.choice(3, 40, p=[0.6, 0.3, 0.1])]
    y = random.normal(size=(40, 3)) if output in ("identity", "tanh") else classes
    y = random.poisson([0.5, 2, 9], (40, 3)).astype(float) if cost == "poisson" else y
    y = classes if cost == "hinge" else y
    nothing = np.zeros((40, 1))

    def at(biases):
        net.biases = [np.clip(biases, -60, 60)]
        return net.evaluate(nothing, y)["cost"]

    best = best_constant_cost(net, y, range_of(output))
    starts = [np.zeros(3), *random.normal(0, 2, (6, 3))]
    method = {"method": "Nelder-Mead", "options": {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000}}
    lowest = min(minimize(at, start, **method).fun for start in starts)
    # They differ by at most the tolerance of the searches.
    assert best == pytest.approx(lowest, rel=1e-4, abs=1e-6)


def test_a_custom_cost_has_no_best_constant():
    fourth = bp.Cost(
        "fourth", lambda a, y: ((a - y) ** 4).sum(axis=1), lambda a, y: 4 * (a - y) ** 3
    )
    net = bp.Network([2, 2, 1], cost=fourth, seed=3)
    net.fit(XOR, [0, 1, 1, 0], 20, 4, 0.1, progress=False)
    assert "no_better_than_constant" not in net.diagnose(XOR, [0, 1, 1, 0]).rules


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_networks_have_no_findings(name):
    diagnosis = diagnosis_of(HEALTHY[name])
    assert not diagnosis.rules, diagnosis
    assert repr(diagnosis).startswith("Nothing wrong was found in ")


def test_both_backends_have_the_same_findings():
    texts = []
    for backend in ("rust", "numpy"):
        net = classifier((4, *[10] * 8, 3), "sigmoid", backend=backend, dtype="float64")
        texts.append(repr(net.diagnose(SCALED, IRIS.y)))
    assert texts[0] == texts[1]


def test_the_layer_is_named():
    diagnosis = diagnosis_of(dead_relu)
    (finding,) = [one for one in diagnosis if one.rule == "dead_neurons"]
    assert (finding.layer, finding.title) == (1, "dead neurons (layer 1)")
    assert "75%" in finding.evidence


def test_a_rate_is_judged_before_any_training():
    net = regressor()
    assert net.diagnose(NORMAL, WAVES).rules == []
    assert net.diagnose(NORMAL, WAVES, learning_rate=0.05).rules == []
    large = net.diagnose(NORMAL, WAVES, learning_rate=50.0)
    assert large.rules == ["learning_rate_too_large"]
    small = net.diagnose(NORMAL, WAVES, learning_rate=1e-6)
    assert small.rules == ["learning_rate_too_small"]


def test_history_of_another_process():
    net, X, y = trained(regressor(), NORMAL, WAVES, rate=5.0)
    history, copy = net._history, bp.Network([3, 16, 1], "tanh", "identity", seed=0)
    assert copy.diagnose(X, y).rules == []
    assert "learning_rate_too_large" in copy.diagnose(X, y, history=history).rules


def test_the_network_is_not_changed():
    net, X, y = trained(classifier(), SCALED, IRIS.y, 3, 0.01, optimizer="adam")
    twin, *_ = trained(classifier(), SCALED, IRIS.y, 3, 0.01, optimizer="adam")
    net.diagnose(X, y, learning_rate=0.5)
    for one in (net, twin):
        one.fit(X, y, 2, 32, 0.01, optimizer="adam", progress=False)
    pairs = zip(net.weights + net.biases, twin.weights + twin.biases, strict=True)
    assert all((a == b).all() for a, b in pairs)


def test_nonfinite_is_the_only_finding():
    assert diagnosis_of(overflown).rules == ["nonfinite"]


def test_text_and_html():
    diagnosis = diagnosis_of(dead_relu)
    text, html = repr(diagnosis), diagnosis._repr_html_()
    assert text.startswith(f"{len(diagnosis)} finding")
    assert max(map(len, text.splitlines())) <= 80
    assert html.count("<li>") == len(diagnosis)
    assert "<script" not in html
    assert json.loads(json.dumps(diagnosis.to_dict()))[0]["rule"] == "dead_neurons"
    assert diagnosis[0].layer == 1
    assert "<ol>" not in diagnosis_of(HEALTHY["fresh"])._repr_html_()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("identity", (-np.inf, np.inf)),
        ("sigmoid", (0, 1)),
        ("tanh", (-1, 1)),
        ("relu", (0, np.inf)),
        ("softplus", (0, np.inf)),
        ("exponential", (0, np.inf)),
        ("leaky_relu", (-np.inf, np.inf)),
        ("elu", (-1, np.inf)),
        ("softsign", (-1, 1)),
        ("gaussian", (0, 1)),
        ("sine", (-1, 1)),
        ("relu6", (0, 6)),
        ("softmax", (0, 1)),
    ],
)
def test_range_of_an_activation(name, expected):
    assert range_of(name) == expected


def test_bad_input():
    with pytest.raises(ValueError, match="learning_rate must be a finite number >= 0"):
        classifier().diagnose(SCALED, IRIS.y, learning_rate=-1)
    with pytest.raises(ValueError, match="X must have shape"):
        classifier().diagnose(SCALED[:, :2], IRIS.y)
