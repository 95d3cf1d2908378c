"""Custom activations and costs on both backends."""

import copy
import pickle

import backprop_rs as bp
import numpy as np
import pytest
from alike import SETTINGS, assert_trained_alike, fit, parameters
from backprop_rs._internal.derivative_check import check_activation, check_cost
from backprop_rs.tables.activation import ACTIVATIONS, activation
from backprop_rs.tables.cost import COSTS
from backprop_rs.tables.cost import cost as cost_of
from test_gradients import check_gradients

ARCSINH = bp.Activation("arcsinh", np.arcsinh, lambda z, a: 1 / np.sqrt(z * z + 1))
QUARTIC = bp.Cost("quartic", lambda a, y: (a - y) ** 4, lambda a, y: 4 * (a - y) ** 3)
SUMMED = bp.Cost("summed", lambda a, y: ((a - y) ** 2).sum(axis=1), lambda a, y: 2 * (a - y))
# (hidden activation, output, cost): each place of a function, alone and with others.
PLACES = {
    "hidden": (ARCSINH, "sigmoid", "cross_entropy"),
    "output": ("tanh", ARCSINH, "huber"),
    "cost": ("gelu", "sigmoid", QUARTIC),
    "cost after softmax": ("tanh", "softmax", SUMMED),
    "all": (ARCSINH, ARCSINH, QUARTIC),
}
ROWS = 70


def plus_one(z):
    return z + 1


def one(z, a):
    return np.ones_like(z)


def square(a, y):
    return (a - y) ** 2


def twice(a, y):
    return 2 * (a - y)


def network(place, backend, sizes=(4, 19, 6, 3), **more):
    hidden, output, cost = PLACES[place] if isinstance(place, str) else place
    more = {"seed": 3, "dtype": "float64"} | more
    return bp.Network(list(sizes), hidden, output, cost, backend=backend, **more)


def batch(rows=ROWS):
    random = np.random.default_rng(5)
    y = random.uniform(size=(rows, 3))
    return random.normal(size=(rows, 4)), y / y.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("place", PLACES)
def test_gradients_are_the_slopes_of_the_cost(place, backend):
    net, (X, y) = network(place, backend, (4, 5, 4, 3)), batch(7)
    check_gradients(net, net.backward(X, y), X, y)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("place", PLACES)
def test_both_backends_train_alike(place, settings, both):
    dropout = 0.0 if settings == "lbfgs" else 0.2
    nets = [network(place, name, dropout=dropout) for name in ("rust", "numpy")]
    assert_trained_alike(nets, *batch(), settings)


@pytest.mark.parametrize(
    "row", [row for row in ACTIVATIONS if row.elementwise], ids=lambda row: row.name
)
def test_an_entry_of_the_table_as_a_custom_function_trains_the_same(row, backend):
    name = row.name
    sound = activation(name)
    own = bp.Activation(f"my_{name}", sound.sigma, sound.sigma_prime)
    X, y = batch()
    init = network("cost", backend).weights
    nets = [
        network((hidden, "sigmoid", "squared_error"), backend, init=init) for hidden in (own, name)
    ]
    for net in nets:
        fit(net, X, y)
    np.testing.assert_allclose(parameters(nets[0]), parameters(nets[1]), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("place", PLACES)
def test_the_bits_do_not_depend_on_threads_or_other_rows(place, dtype):
    """With 1,200 rows a batch has two chunks, and enough work for several threads."""
    X, y = batch(1200)
    results = []
    for threads in (1, 2, 3):
        with bp.num_threads(threads):
            net = network(place, "rust", (4, 90, 60, 3), dtype=dtype)
            fit(net, X, y, batch_size=1100, epochs=2)
            results.append(parameters(net))
            together = net.predict(X)
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)
    np.testing.assert_array_equal(together[7], net.predict(X[7]))


def test_classes_and_sample_weights_reach_a_custom_cost(backend):
    net, (X, _) = network("cost after softmax", backend), batch()
    labels = np.arange(ROWS) % 3
    weights = np.linspace(0, 1, ROWS)
    costs = ((net.predict(X) - np.eye(3)[labels]) ** 2).sum(axis=1)
    assert net.evaluate(X, labels, weights)["cost"] == pytest.approx(
        float(np.average(costs, weights=weights)), rel=1e-12
    )
    assert set(net.evaluate(X, labels)) == {"cost", "accuracy"}


# The check of the derivatives.


@pytest.mark.parametrize(
    "row", [row for row in ACTIVATIONS if row.elementwise], ids=lambda row: row.name
)
def test_the_check_knows_a_right_derivative_from_a_wrong_one(row):
    sound = activation(row.name)
    check_activation(bp.Activation("mine", sound.sigma, sound.sigma_prime), 3)
    wrong = bp.Activation("mine", sound.sigma, lambda z, a: sound.sigma_prime(z, a) + 1e-3)
    with pytest.raises(ValueError, match=r"^sigma_prime of activation 'mine' must be the deriv"):
        check_activation(wrong, 3)


@pytest.mark.parametrize("row", [row for row in COSTS if row.terms], ids=lambda row: row.name)
def test_the_check_knows_a_right_cost_from_a_wrong_one(row):
    sound = cost_of(row.name)
    random = np.random.default_rng(0)
    a, y = random.uniform(0.1, 0.9, (20, 3)), random.uniform(0.1, 0.9, (20, 3))
    a[3, 1] = y[3, 1]  # where some costs have a kink

    def value(a, y):
        return sound.terms(a, y, **sound.values)

    def slope(a, y):
        return sound.slope(a, y, **sound.values)

    check_cost(bp.Cost("mine", value, slope), a, y)
    wrong = bp.Cost("mine", value, lambda a, y: slope(a, y) + 1e-3 * (np.arange(3) == 2))
    with pytest.raises(ValueError, match=r"^derivative of cost 'mine' must be dC/da; .*output 3"):
        check_cost(wrong, a, y)


def test_the_worst_element_is_reported():
    def prime(z, a):
        return 1 / np.sqrt(z * z + 1) + 0.1 * (z == z.max()) + 0.01 * (z == z.min())

    with pytest.raises(ValueError, match=r"at z = 3\.\d+ .* \(the worst of 160 elements\)$"):
        check_activation(bp.Activation("mine", np.arcsinh, prime), 4)


@pytest.mark.parametrize("call", ["fit", "backward", "step"])
def test_a_wrong_derivative_is_refused_before_any_update(call, backend):
    X, y = batch()
    wrong = bp.Cost("wrong", lambda a, y: (a - y) ** 2, lambda a, y: a - y)
    net = network(("tanh", "sigmoid", wrong), backend)
    before = parameters(net)
    for _ in range(2):
        with pytest.raises(ValueError, match="derivative of cost 'wrong' must be dC/da"):
            getattr(net, call)(X, y, **({"learning_rate": 0.1} if call == "step" else {}))
    np.testing.assert_array_equal(before, parameters(net))


# Errors.


def failing_after(calls, error):
    """Return arcsinh that raises an error at one of its calls."""
    count = iter(range(10**9))

    def sigma(z):
        if next(count) == calls:
            raise error
        return np.arcsinh(z)

    return bp.Activation("failing", sigma, ARCSINH.sigma_prime)


class Mine(Exception):
    """An error of a custom function."""


@pytest.mark.parametrize("call", ["predict", "activations", "evaluate", "backward", "step", "fit"])
def test_an_exception_of_a_function_is_raised_unchanged(call, backend):
    error = Mine("a reason")
    X, y = batch()
    net = network((failing_after(10**9, error), "sigmoid", "squared_error"), backend)
    net.backward(X, y)  # after the check
    failing = failing_after(0, error)
    object.__setattr__(net._functions[0], "sigma", failing.sigma)
    arguments = {"predict": (X,), "activations": (X,), "step": (X, y, 0.1)}.get(call, (X, y))
    before = parameters(net)
    with pytest.raises(Mine) as caught:
        getattr(net, call)(*arguments)
    assert caught.value is error
    np.testing.assert_array_equal(before, parameters(net))
    net.predict(X)  # the next call works


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("error", [Mine("a reason"), KeyboardInterrupt()], ids=["own", "ctrl-c"])
def test_a_failure_in_training_keeps_the_last_complete_step(error, threads, backend):
    X, y = batch(1200)
    sizes = (4, 90, 60, 3)
    functions = [failing_after(10**9, error) for _ in range(2)]
    nets = [network((f, "sigmoid", "squared_error"), backend, sizes) for f in functions]
    for net in nets:
        net.backward(X, y)
    settings = {"batch_size": 400, "shuffle": False}
    with bp.num_threads(threads):
        for _ in range(2):
            nets[0].step(X[:400], y[:400], 0.05)
            nets[1].step(X[:400], y[:400], 0.05)
        failing = failing_after(7, error)
        object.__setattr__(functions[1], "sigma", failing.sigma)
        if isinstance(error, KeyboardInterrupt):
            assert fit(nets[1], X, y, **settings).stopped == "interrupted"
        else:
            with pytest.raises(Mine):
                fit(nets[1], X, y, **settings)
    states = [parameters(nets[0])]
    for start in (0, 400, 800):
        nets[0].step(X[start : start + 400], y[start : start + 400], 0.05)
        states.append(parameters(nets[0]))
    assert any((parameters(nets[1]) == state).all() for state in states)


RETURNS = {
    "shape": (lambda z: z[:, :1], ValueError, r"must return an array of shape \(70, 19\); got \("),
    "text": (lambda z: np.full(z.shape, "a"), TypeError, "must return real numbers; got <U1"),
    "in place": (lambda z: np.tanh(z, out=z), ValueError, "read-only"),
}


@pytest.mark.parametrize("case", RETURNS)
def test_the_result_of_a_function_is_checked(case, backend):
    sigma, error, sentence = RETURNS[case]
    own = bp.Activation("mine", sigma, lambda z, a: z)
    with pytest.raises(error, match=sentence):
        network((own, "sigmoid", "squared_error"), backend).predict(batch()[0])


def test_a_function_of_several_rows_is_refused(backend):
    centered = bp.Activation("centered", lambda z: z - z.mean(axis=0), lambda z, a: 1 + 0 * z)
    with pytest.raises(ValueError, match="must take each row alone; got other numbers beside"):
        network((centered, "sigmoid", "squared_error"), backend).backward(*batch())


def test_names_and_functions_are_checked(backend):
    with pytest.raises(ValueError, match="name must be an identifier such as 'my_cost'; got 'a b'"):
        bp.Cost("a b", square, twice)
    with pytest.raises(ValueError, match="that of a built-in activation; got 'tan"):
        bp.Activation("tanh", np.tanh, one)
    with pytest.raises(TypeError, match="sigma_prime must be a function; got 1"):
        bp.Activation("mine", np.tanh, 1)
    other = bp.Activation("arcsinh", np.sinh, one)
    with pytest.raises(ValueError, match="activations of your own must have different names; got"):
        network(([ARCSINH, other], "sigmoid", "squared_error"), backend)
    with pytest.raises(TypeError, match="cost must be one of"):
        network(("tanh", "sigmoid", ARCSINH), backend)
    with pytest.raises(ValueError, match="requires output sigmoid or softmax; got output 'arcs"):
        network(("tanh", ARCSINH, "cross_entropy"), backend)


# Keeping.


def test_a_file_has_names_and_is_read_with_the_functions(backend, tmp_path):
    net, (X, y) = network("all", backend), batch()
    fit(net, X, y)
    net.save(tmp_path / "net")
    for functions in ((), (ARCSINH,), (ARCSINH, QUARTIC, SUMMED)):
        sentence = "^functions must be activation 'arcsinh', cost 'quartic', as when saved; got "
        with pytest.raises(ValueError, match=sentence):
            bp.Network.load(tmp_path / "net", functions=functions)
    again = bp.Network.load(tmp_path / "net", backend, functions=[QUARTIC, ARCSINH])
    np.testing.assert_array_equal(net.predict(X), again.predict(X))
    assert again.layers == net.layers and again.cost == "quartic"


def test_pickles_and_copies(backend):
    own = bp.Activation("shifted", plus_one, one), bp.Cost("square", square, twice)
    net, (X, y) = network((own[0], "sigmoid", own[1]), backend), batch()
    fit(net, X, y)
    for again in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        np.testing.assert_array_equal(net.predict(X), again.predict(X))
        fit(again, X, y)


def test_many_trainings_at_once_equal_single_ones(backend):
    X, y = batch()
    hidden, output, cost = PLACES["all"]
    config = {"sizes": [4, 8, 3], "activation": hidden, "output": output, "cost": cost}
    config |= {"seed": 1, "epochs": 2, "learning_rate": 0.05, "backend": backend}
    failing = failing_after(0, Mine("a reason"))
    first, second = bp.train_many([config, config | {"activation": failing}], X, y, threads=2)
    alone = network("all", backend, (4, 8, 3), seed=1, dtype="float32")
    alone.fit(X, y, epochs=2, learning_rate=0.05, progress=False)
    np.testing.assert_array_equal(parameters(first.net), parameters(alone))
    assert isinstance(second.error, Mine)
