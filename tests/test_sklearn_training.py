"""Additional settings of trainings do what they do in `Network.fit`."""

import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

import backprop_rs as bp
from backprop_rs.sklearn import (
    HiddenActivations,
    MLPClassifier,
    MLPRegressor,
    from_sklearn,
    to_sklearn,
)
from backprop_rs.sklearn._validation import r2
from sklearn.base import clone
from sklearn.metrics import r2_score

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
y = np.sin(X[:, 0]) + X[:, 1]
HELD = (X[:20], -y[:20])  # gets worse while the network learns y
# Plain gradient descent in the order of the rows, without a penalty.
PLAIN = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "shuffle": False, "tol": 0.0}
BASE = PLAIN | {"hidden_layer_sizes": (5,), "random_state": 3, "batch_size": 25, "max_iter": 6}
RATE = 0.05

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def regressor(**settings):
    return MLPRegressor(**BASE | {"learning_rate_init": RATE} | settings)


def network_of(mlp):
    """Return the network at the beginning of a training."""
    return clone(mlp).initialize(X, y).to_network()


def assert_same(mlp, net):
    """Assert equality to the rounding of 18 updates; both use the same core."""
    for w, coef in zip(net.weights, mlp.coefs_, strict=True):
        np.testing.assert_allclose(coef, w.T, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "settings",
    [
        {"clip_value": 0.01},
        {"clip_norm": 0.01},
        {"input_noise": 0.5},
        {"schedule": "cosine"},
        {"schedule": "warmup(2) then exponential(0.5)"},
    ],
    ids=str,
)
def test_a_setting_is_that_of_fit(settings):
    mlp = regressor(**settings)
    net, plain = network_of(mlp), network_of(mlp)
    run = {"epochs": 6, "batch_size": 25, "learning_rate": RATE, "shuffle": False}
    net.fit(X, y, **run, **settings)
    plain.fit(X, y, **run)
    assert_same(mlp.fit(X, y), net)
    assert np.abs(net.weights[0] - plain.weights[0]).max() > 1e-4


def test_a_warm_start_restarts_its_schedule():
    mlp = regressor(schedule="cosine", warm_start=True)
    net = network_of(mlp)
    for _ in range(2):
        mlp.fit(X, y)
        net.fit(X, y, 6, 25, RATE, schedule="cosine", shuffle=False)
    assert_same(mlp, net)


def test_partial_fits_follow_a_schedule():
    whole = regressor(schedule="cosine").fit(X, y)
    parts = regressor(schedule="cosine")
    for _ in range(6):
        parts.partial_fit(X, y)
    assert_same(parts, whole.to_network())


@pytest.mark.parametrize("held", [None, HELD])
def test_a_plateau_is_one_of_the_validation_loss_if_there_is_one(held):
    """Without it the cost falls by less than tol at so small a rate."""
    rate, schedule = (1e-5 if held is None else RATE), "adaptive(patience=1)"
    mlp = regressor(schedule=schedule, learning_rate_init=rate)
    net, plain = network_of(mlp), network_of(mlp)
    run = {"epochs": 6, "batch_size": 25, "learning_rate": rate, "shuffle": False}
    net.fit(X, y, **run, schedule=schedule, validation_data=held)
    plain.fit(X, y, **run)
    mlp.fit(X, y, **({} if held is None else {"X_val": held[0], "y_val": held[1]}))
    assert_same(mlp, net)
    assert np.abs(net.weights[0] - plain.weights[0]).max() > 0.1 * rate


def test_the_end_of_a_schedule_causes_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        regressor(schedule="cosine").fit(X, y)


def test_a_callback_may_change_coefficients():
    def clear(epoch):
        if epoch.number == 3:
            for array in epoch.estimator.coefs_ + epoch.estimator.intercepts_:
                array[:] = 0.0

    mlp = regressor(callbacks=clear, learning_rate_init=1e-9).fit(X, y)
    assert max(np.abs(w).max() for w in mlp.coefs_) < 1e-6


def test_a_callback_gets_the_validation_losses():
    losses = []
    mlp = regressor(callbacks=lambda epoch: losses.append(epoch.validation_loss))
    mlp.fit(X, y, X_val=HELD[0], y_val=HELD[1])
    assert losses == mlp.validation_loss_curve_ and len(losses) == 6


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_n_jobs_is_the_number_of_threads(n_jobs):
    counts, before = [], bp.get_num_threads()
    regressor(n_jobs=n_jobs, callbacks=lambda epoch: counts.append(bp.get_num_threads())).fit(X, y)
    assert counts == [n_jobs] * 6 and bp.get_num_threads() == before


def test_callbacks_of_scikit_learn_get_the_weights():
    pytest.importorskip("sklearn.callback")
    received = []

    class Record:
        def setup(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context, *, metadata=None):
            received.append(metadata["sample_weight"])

        def on_fit_task_end(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

    weights = rng.uniform(1, 2, size=60)
    regressor().set_callbacks(Record()).fit(X, y, weights)
    assert len(received) >= 6 and all(np.array_equal(one, weights) for one in received)


def test_noise_is_drawn_from_the_random_state():
    seeds = [
        regressor(input_noise=0.1, random_state=one).initialize(X, y).to_network().seed
        for one in (1, 1, 2)
    ]
    assert seeds[0] == seeds[1] != seeds[2]


# Uses of what was trained.


@pytest.mark.parametrize(
    ("output", "cost"), [("identity", "squared_error"), ("identity", "hinge"), ("tanh", "hinge")]
)
def test_the_prediction_changes_with_the_sign_of_the_decision_function(output, cost):
    mlp = MLPClassifier((5,), output_activation=output, cost=cost, max_iter=20, random_state=0)
    labels = np.where(y > 0, "yes", "no")
    mlp.fit(X, labels, X_val=X[:30], y_val=labels[:30])
    chosen = mlp.predict(X) == "yes"
    np.testing.assert_array_equal(mlp.decision_function(X) > 0, chosen)
    assert 0 < chosen.mean() < 1
    assert mlp.validation_scores_[-1] == mlp.score(X[:30], labels[:30])


@pytest.mark.parametrize(("layer", "n"), [(0, 5), (1, 4), (-1, 4), (-2, 5)])
def test_hidden_activations_have_one_name_per_neuron(layer, n):
    hidden = HiddenActivations(regressor(hidden_layer_sizes=(5, 4)), layer=layer).fit(X, y)
    assert hidden.transform(X).shape == (60, n) and len(hidden.get_feature_names_out()) == n


def test_the_finder_has_the_batches_and_the_solver_of_the_estimator():
    settings = [{"batch_size": 16}, {"batch_size": 8}, {"batch_size": 16, "solver": "adam"}]
    searches = [regressor(**one).find_learning_rate(X, y, steps=20, high=0.1) for one in settings]
    costs = [search.costs for search in searches]
    assert costs[0][0] != costs[1][0]  # of another batch
    assert costs[0][0] == costs[2][0] and costs[0][-1] != costs[2][-1]


def test_to_network_returns_a_copy():
    mlp = regressor().fit(X, y)
    before = mlp.predict(X)
    mlp.to_network().step(X, y, 0.5)
    np.testing.assert_array_equal(mlp.predict(X), before)


def test_another_setting_does_not_restart_the_epochs():
    mlp = regressor(input_noise=0.1).partial_fit(X, y)
    seed = mlp.to_network().seed
    mlp.set_params(alpha=0.1).partial_fit(X, y)
    assert (mlp.to_network().epochs_trained, mlp.to_network().seed) == (2, seed)


def test_a_pickle_has_changed_coefficients():
    mlp = regressor().fit(X, y)
    mlp.coefs_[0][:] = 0.0
    assert not pickle.loads(pickle.dumps(mlp)).coefs_[0].any()


def test_to_sklearn_renames_activations():
    mlp = regressor(activation="sigmoid").fit(X, y)
    back = to_sklearn(mlp)
    assert back.activation == "logistic"
    # sums of 5 products, each rounded, of an activation whose error is some eps
    np.testing.assert_allclose(back.predict(X), mlp.predict(X), rtol=1e-13, atol=1e-14)
    assert from_sklearn(back).validation_loss_curve_ is None  # theirs keep none


def test_a_stop_in_lbfgs_causes_no_warning():
    def stop(epoch):
        if epoch.number == 2:
            epoch.stop()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mlp = regressor(solver="lbfgs", callbacks=stop, max_iter=50).fit(X, y)
    assert mlp.n_iter_ == 2


@pytest.mark.parametrize("sign", [1, -1])
def test_validation_scores_are_scikit_learns(sign):
    """Weights below 0 are accepted too, as in scikit-learn."""
    a, weights = y[:, None] + rng.normal(size=(60, 1)), sign * rng.uniform(1, 2, size=60)
    expected = r2_score(y, a[:, 0], sample_weight=weights)
    assert r2(a, y[:, None], weights) == pytest.approx(expected, rel=1e-12)
