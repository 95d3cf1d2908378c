"""L-BFGS: convergence, the minimized cost, the line search, and unsupported options."""

import sys

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs._internal import interrupts
from backprop_rs.training.lbfgs import Objective
from backprop_rs.training.samples import Samples

pytest.importorskip("scipy")
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(50, 4))
Y = np.tanh(X @ RANDOM.normal(size=(4, 2)))


def network(backend="auto", sizes=(4, 6, 2), dtype="float64", **settings):
    return bp.Network(
        *(list(sizes), "tanh", "identity"), seed=0, dtype=dtype, backend=backend, **settings
    )


def test_a_line_is_found_exactly(backend):
    """Without a hidden layer it is a problem of least squares."""
    net = network(backend, [4, 2])
    history = net.fit(X, Y, optimizer="lbfgs(tolerance=1e-10)")
    expected, *_ = np.linalg.lstsq(np.c_[X, np.ones(50)], Y, rcond=None)
    # The gradient is below 1e-10, so the parameters are within it over the least curvature.
    np.testing.assert_allclose(np.c_[net.weights[0], net.biases[0]], expected.T, atol=1e-8)
    assert history.stopped == "converged"


def test_l2_is_ridge_regression(backend):
    net = network(backend, [4, 2], l2=0.3)
    net.fit(X, Y, optimizer="lbfgs(tolerance=1e-10)")
    # C + l2 sum w^2, and C is a mean over 50 samples: 15 in a sum; biases are not penalized
    A, B = X - X.mean(axis=0), Y - Y.mean(axis=0)
    expected = np.linalg.solve(A.T @ A + 50 * 0.3 * np.eye(4), A.T @ B)
    np.testing.assert_allclose(net.weights[0], expected.T, atol=1e-8)


def test_weights_of_samples_count(backend):
    nets = [network(backend, [4, 2]) for _ in range(2)]
    times = np.arange(50) % 3
    nets[0].fit(X, Y, optimizer="lbfgs(tolerance=1e-10)", sample_weight=times)
    rows = np.repeat(np.arange(50), times)
    nets[1].fit(X[rows], Y[rows], optimizer="lbfgs(tolerance=1e-10)")
    np.testing.assert_allclose(nets[0].weights[0], nets[1].weights[0], atol=1e-8)


def test_the_gradient_is_that_of_the_value(backend):
    net = network(backend, l2=0.1)
    objective = Objective(net, Samples(net, X, Y), interrupts.Interrupts())
    vector = objective.vector()
    _, gradient = objective(vector)
    step = 1e-6
    for i in range(0, len(vector), 5):
        aside = step * np.eye(len(vector))[i]
        slope = (objective(vector + aside)[0] - objective(vector - aside)[0]) / (2 * step)
        assert gradient[i] == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_steps_satisfy_the_strong_wolfe_conditions(monkeypatch):
    """Nocedal & Wright 2006, eq. 3.7, with the constants of SciPy's search, 1e-3 and 0.9."""
    import scipy.optimize

    points = []
    minimize = scipy.optimize.minimize

    def watched(objective, start, callback, **settings):
        points.append(start)

        def both(intermediate_result):
            points.append(intermediate_result.x.copy())
            callback(intermediate_result)

        return minimize(objective, start, callback=both, **settings)

    monkeypatch.setattr(scipy.optimize, "minimize", watched)
    net = network()
    net.fit(X, Y, 30, optimizer="lbfgs")
    objective = Objective(net, Samples(net, X, Y), interrupts.Interrupts())
    values = [objective(point) for point in points]
    assert len(values) == 31
    for (before, g), (after, h), x, x_new in zip(
        values, values[1:], points, points[1:], strict=False
    ):
        step = x_new - x
        assert after <= before + 1e-3 * g @ step + 1e-12
        assert abs(h @ step) <= 0.9 * abs(g @ step) + 1e-12


def test_it_learns_more_than_gradient_descent(backend):
    costs = []
    for settings in ({"optimizer": "lbfgs"}, {"optimizer": "adam", "learning_rate": 0.01}):
        net = network(backend)
        net.fit(X, Y, 60, **settings)
        costs.append(net.evaluate(X, Y)["cost"])
    assert costs[0] < 0.1 * costs[1]


def test_an_iteration_is_an_epoch(backend):
    net = network(backend)
    history = net.fit(X, Y, 7, optimizer="lbfgs")
    assert history.epoch == list(range(1, 8)) and net.epochs_trained == 7
    assert history.stopped == "epochs"
    assert history.cost[-1] == net.evaluate(X, Y)["cost"]
    assert (np.diff(history.cost) < 0).all()


def test_both_backends_take_the_same_steps(both):
    nets = [network(backend) for backend in ("rust", "numpy")]
    costs = [net.fit(X, Y, 10, optimizer="lbfgs").cost for net in nets]
    assert costs[0] == pytest.approx(costs[1], rel=1e-9)


def test_float32_ends_where_its_rounding_does(backend):
    net = network(backend, dtype="float32")
    history = net.fit(X, Y, 2000, optimizer="lbfgs(tolerance=0)")
    assert history.stopped == "converged"
    assert all(w.dtype == np.float32 for w in net.weights)
    assert history.cost[-1] == net.evaluate(X, Y)["cost"]  # not at the last point of its search


def test_it_continues_from_its_parameters(backend):
    net = network(backend)
    first = net.fit(X, Y, 5, optimizer=bp.optimizers.LBFGS(memory=5)).cost[-1]
    assert net.fit(X, Y, 5, optimizer=bp.optimizers.LBFGS(memory=5)).cost[0] < first
    net.fit(X, Y, 1, learning_rate=0.001)  # and another optimizer may follow


def test_ctrl_c_keeps_the_best(backend, monkeypatch):
    """Ctrl-C may come at any time, even if the line search has just gone too far."""
    left = []
    monkeypatch.setattr(interrupts.Interrupts, "asked", lambda self: not left or left.pop())
    costs = []
    for looks in range(1, 60):
        left[:] = [False] * looks
        net = network(backend)
        before = net.evaluate(X, Y)["cost"]
        history = net.fit(X, Y, 100, optimizer="lbfgs")
        assert history.stopped == "interrupted"
        costs.append(net.evaluate(X, Y)["cost"])
        assert costs[-1] <= min([before, *history.cost])
    assert costs == sorted(costs, reverse=True) and costs[-1] < costs[0]


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_cost_of_nan_is_reported_as_in_fit(backend):
    """NaN before any update, so that the network has learned nothing."""
    X = np.full((4, 1), 1e300)
    for on_nan in ("raise", "stop"):
        net = bp.Network(
            [1, 1], output="identity", init=[[[1e10]]], dtype="float64", backend=backend
        )
        before = bits(net)
        if on_nan == "raise":
            with pytest.raises(bp.NonFiniteCost, match="not finite before any update") as caught:
                net.fit(X, X, optimizer="lbfgs")
            history = caught.value.history
        else:
            history = net.fit(X, X, optimizer="lbfgs", on_nan="stop")
        assert history.stopped == "nan" and len(history) == 0
        assert bits(net) == before and net.epochs_trained == 0
    history = net.fit(X, X, 2, optimizer="lbfgs", on_nan="ignore")
    assert history.stopped != "nan"


def test_a_cost_that_becomes_nan_leaves_the_best(backend, monkeypatch):
    """NaN may come at any evaluation."""
    whole = Objective.__call__
    for good in (1, 3, 7, 12):
        calls = []

        def call(self, vector, calls=calls, good=good):
            calls.append(vector)
            with np.errstate(all="ignore"):
                return whole(self, vector if len(calls) <= good else np.full_like(vector, np.inf))

        net = network(backend)
        monkeypatch.setattr(Objective, "__call__", call)
        with pytest.raises(
            bp.NonFiniteCost, match="no longer finite in a step of L-BFGS"
        ) as caught:
            net.fit(X, Y, 100, optimizer="lbfgs")
        monkeypatch.undo()
        history = caught.value.history
        assert history.stopped == "nan" and net._core.is_finite()
        assert net.evaluate(X, Y)["cost"] <= min(history.cost, default=np.inf)


@pytest.mark.parametrize(
    ("status", "iterations", "stopped"),
    [(0, 3, "converged"), (0, 9, "converged"), (1, 9, "epochs"), (1, 3, "evaluations"),
     (2, 3, "line_search"), (2, 9, "line_search")],
)  # fmt: skip
def test_the_reason_of_the_end_is_recorded(status, iterations, stopped, monkeypatch):
    import scipy.optimize

    def minimize(objective, start, **settings):
        objective(start)
        return scipy.optimize.OptimizeResult(x=start, status=status, nit=iterations)

    monkeypatch.setattr(scipy.optimize, "minimize", minimize)
    assert network().fit(X, Y, 9, optimizer="lbfgs").stopped == stopped


def test_a_limit_of_evaluations_ends_it(monkeypatch):
    import scipy.optimize

    minimize = scipy.optimize.minimize

    def limited(*arguments, options, **settings):
        return minimize(*arguments, options=options | {"maxfun": 3}, **settings)

    monkeypatch.setattr(scipy.optimize, "minimize", limited)
    assert network().fit(X, Y, 100, optimizer="lbfgs").stopped == "evaluations"


def test_a_line_search_that_fails_says_so(backend, monkeypatch):
    """The gradient points uphill, so that no step along it reduces the cost."""
    whole = Objective.__call__

    def uphill(self, vector):
        value, gradient = whole(self, vector)
        return value, -gradient

    monkeypatch.setattr(Objective, "__call__", uphill)
    net = network(backend)
    before = net.evaluate(X, Y)["cost"]
    assert net.fit(X, Y, 100, optimizer="lbfgs").stopped == "line_search"
    assert net.evaluate(X, Y)["cost"] <= before


def test_the_state_of_another_optimizer_is_dropped(backend):
    """adam, lbfgs, adam: the last starts as in a new network with these parameters."""
    adam = {"optimizer": "adam", "learning_rate": 0.01, "batch_size": 10, "shuffle": False}
    net = network(backend)
    net.fit(X, Y, 3, **adam)
    net.fit(X, Y, 3, optimizer="lbfgs")
    assert not any(name.startswith("optimizer.") for name in net._core.state())
    fresh = network(backend)
    fresh.weights, fresh.biases = net.weights, net.biases
    assert net.fit(X, Y, 3, **adam).cost == fresh.fit(X, Y, 3, **adam).cost
    assert bits(net) == bits(fresh)


def test_diagnose_sees_the_history_of_the_last_training():
    net = network()
    net.fit(X, Y, 2, learning_rate=0.01)
    history = net.fit(X, Y, 3, optimizer="lbfgs")
    assert net._history is history
    net.diagnose(X, Y)


def bits(net):
    return [array.tobytes() for array in net.weights + net.biases]


class Mine(Exception):
    """An error of a custom function."""


def test_an_error_on_the_way_leaves_the_best(backend):
    """The custom function may raise any error, at any point of the line search."""
    left = np.inf

    def sigma(z):
        nonlocal left
        left -= 1
        if left < 0:
            raise Mine
        return np.tanh(z)

    own = bp.Activation("failing", sigma, lambda z, a: 1 - a * a)
    costs = []
    for calls in range(60):
        left = np.inf
        net = bp.Network(*([4, 6, 2], own, "identity"), seed=0, dtype="float64", backend=backend)
        before = net.evaluate(X, Y)["cost"]
        left = calls
        with pytest.raises(Mine):
            net.fit(X, Y, 100, optimizer="lbfgs")
        left = np.inf
        costs.append(net.evaluate(X, Y)["cost"])
        assert costs[-1] <= before
    assert costs == sorted(costs, reverse=True) and costs[-1] < costs[0]


def test_more_memory_takes_other_steps(backend):
    costs = [network(backend).fit(X, Y, 20, optimizer=f"lbfgs(memory={n})").cost for n in (1, 9)]
    assert costs[0][0] == costs[1][0]  # without any history yet
    assert costs[0][-1] != costs[1][-1]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"batch_size": 8}, "lbfgs' does not support batch_size; got 8"),
        ({"learning_rate": 0.1}, "lbfgs' does not support learning_rate; got 0.1"),
        ({"schedule": "cosine"}, "lbfgs' does not support schedule; got 'cosine'"),
        ({"lr_factors": {"biases": 1}}, "lbfgs' does not support lr_factors; got {'biases': 1}"),
        ({"decay_factors": {}}, "lbfgs' does not support decay_factors; got {}"),
        ({"dropout_schedule": "cosine"}, "lbfgs' does not support dropout_schedule; got 'cosine'"),
        ({"decay_schedule": "cosine"}, "lbfgs' does not support decay_schedule; got 'cosine'"),
        ({"clip_norm": 1.0}, "lbfgs' does not support clip_norm; got 1.0"),
        ({"average": 0.9}, "lbfgs' does not support average; got 0.9"),
        ({"input_noise": 0.1}, "lbfgs' does not support input_noise; got 0.1"),
        ({"early_stopping": 3}, "lbfgs' does not support early_stopping; got 3"),
        ({"callbacks": print}, "lbfgs' does not support callbacks; got <built-in"),
        ({"metrics": "r2"}, "lbfgs' does not support metrics; got 'r2'"),
        ({"validation_fraction": 0.2}, "lbfgs' does not support validation data"),
        ({"optimizer": "lbfgs(speed=2)"}, "'lbfgs' has settings tolerance, memory; got 'speed'"),
        ({"optimizer": "lbfgs(memory=0)"}, "memory of optimizer 'lbfgs' must be an integer >= 1"),
    ],
)
def test_unsupported_options_are_refused(settings, sentence, backend):
    with pytest.raises(ValueError, match=sentence):
        network(backend).fit(X, Y, 1, **{"optimizer": "lbfgs"} | settings)


@pytest.mark.parametrize("name", ["l1", "dropout", "weight_decay", "max_norm"])
def test_unsupported_options_of_layers_are_refused(name, backend):
    with pytest.raises(ValueError, match=f"does not support {name} in layers; got {name} > 0"):
        network(backend, **{name: 0.1}).fit(X, Y, 1, optimizer="lbfgs")


def test_without_scipy_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=r"needs SciPy: pip install scipy"):
        network().fit(X, Y, 1, optimizer="lbfgs")
