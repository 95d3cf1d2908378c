"""The same steps as scikit-learn from the same draws: coefficients, losses, epochs, random states.

Tolerances. A gradient is a sum of at most `SUM` products, rounded by at most SUM eps times the sum
of their sizes, which is up to `SPREAD` times the gradient where terms cancel. A later step can only
stretch what earlier ones have left by 1 + (learning rate times curvature); these cases keep that
so small that `STEPS` steps stretch by less than 10.
"""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from backprop_rs.sklearn import MLPClassifier, MLPRegressor
from sklearn import neural_network as theirs
from sklearn.exceptions import ConvergenceWarning

SUM, SPREAD, STEPS = 64, 100, 60
ONE_STEP = SUM * SPREAD * np.finfo(float).eps  # 1.4e-12
BOUND = 10 * STEPS * ONE_STEP  # 9e-10

rng = np.random.default_rng(5)
X = rng.normal(size=(43, 5))
WEIGHTS = rng.uniform(0.2, 2, size=len(X))
VALUES = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
TARGETS = {
    "binary": (VALUES > 0).astype(int),
    "strings": np.array(["c", "a", "b"])[np.digitize(VALUES, [-0.5, 0.5])],
    "multilabel": np.stack([VALUES > 0, X[:, 3] > 0.3, X[:, 4] < 0], axis=1).astype(int),
    "single": VALUES,
    "several": np.stack([VALUES, X[:, 3] ** 2], axis=1),
    "poisson": np.round(np.exp(VALUES / 3)),
}
CLASSES = ("binary", "strings", "multilabel")
SOLVERS = {
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "plain": {"solver": "sgd", "learning_rate_init": 0.05, "momentum": 0.0},
    "classical": {"solver": "sgd", "learning_rate_init": 0.05, "nesterovs_momentum": False},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.2},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.05},
    "adam": {"solver": "adam", "beta_1": 0.8, "epsilon": 1e-4},
}


def twins(kind, **settings):
    """Return our estimator and scikit-learn's, not fitted."""
    settings = {"random_state": 3, "batch_size": 10, "alpha": 0.1} | settings
    settings.setdefault("hidden_layer_sizes", (7, 4))
    name = "MLPClassifier" if kind in CLASSES else "MLPRegressor"
    if kind == "poisson":
        settings["loss"] = "poisson"
    ours = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}[name]
    return ours(**settings, sklearn_compat=True), getattr(theirs, name)(**settings)


def fitted(kind, weights=None, epochs=12, **settings):
    pair = twins(kind, max_iter=epochs, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return [mlp.fit(X, TARGETS[kind], sample_weight=weights) for mlp in pair]


def compare(ours, sklearns, bound=BOUND):
    """Return all attributes of a fitted estimator."""
    pairs = [*zip(ours.coefs_, sklearns.coefs_, strict=True)]
    pairs += zip(ours.intercepts_, sklearns.intercepts_, strict=True)
    for mine, one in pairs:
        assert mine.shape == one.shape and mine.dtype == one.dtype
        np.testing.assert_allclose(mine, one, rtol=bound, atol=bound)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(ours, name) == getattr(sklearns, name)
    names = ["loss_"]
    if ours.solver != "lbfgs":
        names += ["loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_"]
    for name in names:
        mine, one = getattr(ours, name), getattr(sklearns, name)
        assert (mine is None) == (one is None), name
        if one is not None:
            np.testing.assert_allclose(mine, one, rtol=bound, atol=bound)
    np.testing.assert_allclose(*(raw(mlp) for mlp in (ours, sklearns)), rtol=bound, atol=bound)


def raw(mlp):
    return mlp.predict_proba(X) if hasattr(mlp, "classes_") else mlp.predict(X)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("solver", ["sgd", "plain", "classical", "adam"])
def test_one_step(kind, solver):
    compare(*fitted(kind, epochs=1, batch_size=len(X), **SOLVERS[solver]), ONE_STEP)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_many_steps(kind, solver):
    compare(*fitted(kind, **SOLVERS[solver]))


@pytest.mark.parametrize("kind", TARGETS)
def test_weighted_steps(kind):
    compare(*fitted(kind, WEIGHTS, **SOLVERS["sgd"]))


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_activations(activation):
    compare(*fitted("several", activation=activation, **SOLVERS["sgd"]))


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", ["auto", 1, 7])
def test_batches(batch_size, shuffle):
    epochs = 12 if batch_size != 1 else 1
    compare(*fitted("binary", batch_size=batch_size, shuffle=shuffle, epochs=epochs))


@pytest.mark.parametrize("learning_rate", ["constant", "adaptive"])
@pytest.mark.parametrize("patience", [1, 2, 5])
def test_they_stop_in_the_same_epoch(patience, learning_rate):
    settings = {"learning_rate": learning_rate, "n_iter_no_change": patience, "tol": 0.02}
    ours, sklearns = fitted("strings", epochs=300, **(SOLVERS["sgd"] | settings))
    assert ours.n_iter_ < 300
    # Hundreds of steps have stretched the rounding further than in the cases above.
    compare(ours, sklearns, 1e3 * BOUND)
    assert ours._no_improvement_count == sklearns._no_improvement_count


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_early_stopping(kind, weights):
    settings = {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 3}
    ours, sklearns = fitted(kind, weights, **settings, **SOLVERS["sgd"])
    compare(ours, sklearns)
    assert len(ours.validation_loss_curve_) == ours.n_iter_


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_lbfgs(kind, weights):
    """Each iteration divides differences of gradients and so loses some digits."""
    compare(*fitted(kind, weights, epochs=4, solver="lbfgs"), 1e3 * BOUND)


@pytest.mark.parametrize("solver", ["sgd", "invscaling", "adam"])
@pytest.mark.parametrize("kind", TARGETS)
def test_partial_fits(kind, solver):
    ours, sklearns = twins(kind, **SOLVERS[solver])
    classes = {"classes": np.unique(TARGETS[kind])} if kind in ("binary", "strings") else {}
    if kind == "multilabel":
        classes = {"classes": [0, 1, 2]}
    for start in range(0, 40, 10):
        for mlp in (ours, sklearns):
            mlp.partial_fit(X[start:], TARGETS[kind][start:], **classes)
    compare(ours, sklearns)


@pytest.mark.parametrize("solver", ["sgd", "invscaling", "adam"])
def test_warm_starts(solver):
    ours, sklearns = twins("strings", warm_start=True, max_iter=4, **SOLVERS[solver])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for mlp in (ours, sklearns):
            mlp.fit(X, TARGETS["strings"]).fit(X, TARGETS["strings"])
    compare(ours, sklearns)


def test_a_shared_random_state_makes_the_same_draws():
    """Several estimators that share a RandomState get the draws that they get in scikit-learn."""
    states = [np.random.RandomState(8) for _ in range(2)]
    for mlp, state in zip(twins("binary", tol=0.05, n_iter_no_change=2), states, strict=True):
        mlp.set_params(random_state=state).fit(X, TARGETS["binary"])
    assert states[0].randint(2**31) == states[1].randint(2**31)


@pytest.mark.parametrize("kind", ["strings", "several"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_what_is_printed(kind, early_stopping, capsys):
    settings = {"early_stopping": early_stopping, "learning_rate": "adaptive", "solver": "sgd"}
    settings |= {"tol": 0.05, "n_iter_no_change": 1, "max_iter": 200, "validation_fraction": 0.3}
    printed = []
    for mlp in twins(kind, verbose=True, **settings):
        mlp.fit(X, TARGETS[kind])
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] and "Stopping." in printed[0]


def test_without_hidden_layers():
    compare(*fitted("strings", hidden_layer_sizes=(), **SOLVERS["sgd"]))


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_without_a_hidden_layer_the_draw_depends_on_the_activation(activation):
    settings = {"hidden_layer_sizes": (), "activation": activation}
    compare(*fitted("several", **settings, **SOLVERS["sgd"]))


def test_the_gradient_of_several_outputs_is_that_of_the_loss():
    """Without `sklearn_compat`, issue 8349 of scikit-learn is fixed."""
    ours, sklearns = twins("several", alpha=0.0, batch_size=len(X), max_iter=1, **SOLVERS["plain"])
    ours.set_params(sklearn_compat=False)
    first = twins("several", max_iter=1)[0].initialize(X, TARGETS["several"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        right, large = (
            mlp.fit(X, TARGETS["several"]).coefs_[0] - first.coefs_[0] for mlp in (ours, sklearns)
        )
    np.testing.assert_allclose(2 * right, large, rtol=1e-9, atol=1e-15)
    assert ours.loss_ == pytest.approx(sklearns.loss_, rel=1e-14)
