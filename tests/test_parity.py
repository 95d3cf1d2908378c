"""Rust against NumPy: output, then cost, then each named gradient, then trained parameters.

The tolerance is derived: `bounds.py` computes the same quantities in float64, with bounds of the
rounding errors of a backend.
"""

from dataclasses import dataclass

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs._internal.random import shuffled_order
from backprop_rs.tables.activation import ACTIVATIONS
from backprop_rs.tables.cost import COSTS
from bounds import Model, exactly
from hypothesis import assume, given, settings
from hypothesis import strategies as st

# Small enough for deep networks of identity layers to converge.
TRAINING = {"epochs": 2, "learning_rate": 1e-3}

HIDDEN = [row.name for row in ACTIVATIONS if row.elementwise]
COST_AND_OUTPUT = [(cost, output) for cost in COSTS for output in cost.outputs]
TABLES = ["activation", "cost", "init", "optimizer"]


@pytest.mark.parametrize("kind", TABLES)
def test_tables_have_the_same_entries(both, kind):
    """Compare names, settings, defaults and accepted numbers."""
    rust, numpy = (dict(module.table(kind)) for module in both)
    assert set(rust) == set(numpy), f"rows of one backend only: {sorted({*rust} ^ {*numpy})}"
    assert rust == numpy, "the settings differ"
    assert list(rust) == list(numpy), "the rows stand in another order"


SETTINGS = st.one_of(
    st.floats(), st.integers(-3, 3), st.sampled_from(["", "a", "nan", "1e-8", "="])
)


@settings(deadline=None)
@given(st.data())
def test_entries_are_read_and_refused_alike(both, data):
    kind = data.draw(st.sampled_from(TABLES))
    names = dict(both[0].table(kind))
    name = data.draw(st.sampled_from([*names, "relo", ""]))
    keys = [setting for setting, _, _ in names.get(name, [])] + ["beta9"]
    argument = st.one_of(
        SETTINGS.map(str), st.builds("{}={}".format, st.sampled_from(keys), SETTINGS)
    )
    arguments = data.draw(st.lists(argument, max_size=3))
    text = data.draw(st.sampled_from(["{}({})", "{}", " {} ( {} ) ", "{}({}"]))
    text = text.format(name, ", ".join(arguments))
    results = []
    for module in both:
        try:
            results.append(module.canonical(kind, text))
        except ValueError as error:
            results.append(f"refused: {error}")
    assert results[0] == results[1]


# Cases.


@dataclass
class Case:
    """The arguments of a network, a batch as the user passes it, and the exact batch."""

    arguments: dict
    X: object
    y: object
    exact_X: np.ndarray
    exact_y: np.ndarray
    batch_size: int

    def network(self, backend):
        net = bp.Network(**self.arguments, backend=backend)
        random = np.random.default_rng(net.seed)
        net.biases = [random.uniform(-0.5, 0.5, b.shape) for b in net.biases]
        return net

    def model(self):
        net = self.network("numpy")
        return Model(
            [exactly(w) for w in net.weights],
            [exactly(b) for b in net.biases],
            [*net.activation, net.output],
            net.cost,
            float(np.finfo(net.dtype).eps),
        )


def fortran(X):
    return np.asfortranarray(X)


def strided(X):
    """Return every second row and column of a larger array."""
    larger = np.full((2 * X.shape[0], 2 * X.shape[1]), 99, X.dtype)
    larger[::2, ::2] = X
    return larger[::2, ::2]


def reversed_rows(X):
    return X[::-1].copy()[::-1]


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def unaligned(X):
    raw = np.zeros(X.nbytes + 1, np.uint8)
    view = raw[1:].view(X.dtype).reshape(X.shape)
    view[...] = X
    return view


def big_endian(X):
    return X.astype(X.dtype.newbyteorder(">"))


def as_list(X):
    return X.tolist()


LAYOUTS = [np.copy, fortran, strided, reversed_rows, read_only, unaligned, big_endian, as_list]


@st.composite
def hidden_activations(draw, n, output):
    """Draw any activations, but at most one exponential: two of them overflow."""
    rows = []
    for _ in range(n):
        steep = "exponential" in (output, *rows)
        left_out = "exponential" if steep else ""
        rows.append(draw(st.sampled_from([row for row in HIDDEN if row != left_out])))
    return rows


@st.composite
def cases(draw, layers=6, widths=70):
    """Draw 1 to 6 layers of 1 to 70 neurons, and 1 to 40 rows in any layout and dtype."""
    cost, output = draw(st.sampled_from(COST_AND_OUTPUT))
    least = 2 if output == "softmax" else 1
    n_layers = draw(st.integers(1, layers))
    sizes = draw(st.lists(st.integers(1, widths), min_size=n_layers, max_size=n_layers))
    sizes.append(draw(st.integers(least, widths)))
    arguments = {
        "sizes": sizes,
        "activation": draw(hidden_activations(len(sizes) - 2, output)),
        "output": output,
        "cost": cost.name,
        "dtype": draw(st.sampled_from(["float32", "float64"])),
        "seed": draw(st.integers(0, 2**64 - 1)),
    }
    n = draw(st.integers(1, 40))
    random = np.random.default_rng(arguments["seed"])
    X = random.normal(size=(n, sizes[0])).astype(arguments["dtype"])
    given_dtype = draw(st.sampled_from(["float32", "float64", "int64", "uint8"]))
    X = np.abs(2 * X).astype(given_dtype) if "int" in given_dtype else X.astype(given_dtype)
    y, exact_y = targets(draw, random, cost, n, sizes[-1], arguments["dtype"])
    X_given = draw(st.sampled_from(LAYOUTS))(X)
    exact_X = X.astype(arguments["dtype"]).astype(float)
    return Case(arguments, X_given, y, exact_X, exact_y, draw(st.integers(1, n + 1)))


def targets(draw, random, cost, n, n_out, dtype):
    """Return y as it is passed, and as the matrix that it stands for."""
    if n_out > 1 and draw(st.booleans()):
        labels = random.integers(n_out, size=n)
        return labels, np.eye(n_out)[labels]
    y = random.uniform(size=(n, n_out)).astype(dtype)
    if cost.targets[0] < 0:
        y = 2 * y - 1
    return draw(st.sampled_from(LAYOUTS))(y), y.astype(float)


# Comparisons.


def agree(left, right, bound, what):
    """Check that both results are within the bound of the value, and of each other."""
    allowed = bound.allowed()
    for result, other in ((left, bound.value), (right, bound.value), (left, right)):
        assert np.shape(result) == bound.value.shape, what
        assert (np.abs(np.subtract(result, other, dtype=float)) <= allowed).all(), what


def compare_backward(case, first, second):
    """Compare the output, then the cost, then each named gradient."""
    results = case.model().backward(case.exact_X, case.exact_y)
    nets = [case.network(backend) for backend in (first, second)]
    agree(*(net.predict(case.X) for net in nets), results["activations"][-1], "output")
    agree(*(net.evaluate(case.X, case.y)["cost"] for net in nets), results["cost"], "cost")
    traces = [vars(net.backward(case.X, case.y)) for net in nets]
    agree(*(trace["cost"] for trace in traces), results["cost"], "cost")
    # These networks have none of those.
    others = {"gain_gradients", "shift_gradients"}
    others |= {"embedded_inputs", "scaled_inputs", "input_deltas", "scale_gradients"}
    others |= {"embedding_gradients", "alpha_gradients"}
    for name in traces[0].keys() - others - {"cost"}:
        per_layer = zip(*(trace[name] for trace in traces), results[name], strict=True)
        for layer, (left, right, bound) in enumerate(per_layer):
            agree(left, right, bound, f"{name}[{layer}]")


def compare_training(case, first, second):
    """Compare the parameters after the epochs."""
    nets = [case.network(backend) for backend in (first, second)]
    run = TRAINING | {"batch_size": case.batch_size, "on_nan": "stop"}
    with np.errstate(over="ignore", invalid="ignore"):
        ends = [net.fit(case.X, case.y, **run).stopped for net in nets]
    assume("nan" not in ends)  # a diverging training has no bound
    model = case.model()
    n = len(case.exact_X)
    for epoch in range(TRAINING["epochs"]):
        order = shuffled_order(n, nets[0].seed, epoch)
        for start in range(0, n, case.batch_size):
            rows = order[start : start + case.batch_size]
            model.step(case.exact_X[rows], case.exact_y[rows], TRAINING["learning_rate"])
    for name, bounds in (("weights", model.w), ("biases", model.b)):
        per_layer = zip(*(getattr(net, name) for net in nets), bounds, strict=True)
        for layer, (left, right, bound) in enumerate(per_layer):
            agree(left, right, bound, f"{name}[{layer}]")
    return model


@settings(deadline=None, max_examples=100)
@given(cases())
def test_forward_and_backward(both, case):
    compare_backward(case, "rust", "numpy")


@settings(deadline=None, max_examples=50)
@given(cases(layers=3, widths=40))
def test_training(both, case):
    compare_training(case, "rust", "numpy")


@settings(deadline=None, max_examples=30)
@given(cases())
def test_the_bounds_hold_for_numpy(case):
    compare_backward(case, "numpy", "numpy")


@settings(deadline=None, max_examples=20)
@given(cases(layers=3, widths=40))
def test_the_bounds_hold_for_numpy_in_training(case):
    compare_training(case, "numpy", "numpy")
