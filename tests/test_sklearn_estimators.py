"""Input, attributes, copies and additions of the estimators."""

import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

import backprop_rs as bp
import sklearn
from backprop_rs.sklearn import (
    HiddenActivations,
    MLPClassifier,
    MLPRegressor,
    _data,
    from_sklearn,
    to_sklearn,
)
from scipy import sparse
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError

X, y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[y]
FEW = {"max_iter": 5, "random_state": 0}
rng = np.random.default_rng(0)
COLUMNS = (rng.uniform(size=(150, 3)) < 0.4).astype(int)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def same(a, b):
    for mine, one in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        np.testing.assert_array_equal(mine, one)


# Warnings and errors.


def test_warnings_are_scikit_learns():
    for kind in (MLPClassifier, theirs.MLPClassifier):
        with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(5\) reached and the"):
            kind(**FEW).fit(X, y)
        with pytest.warns(UserWarning, match="Got `batch_size` less than 1 or larger than sample"):
            kind(batch_size=200, **FEW).fit(X, y)
        with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge after 5 iteration"):
            kind(solver="lbfgs", **FEW).fit(X, y)


@pytest.mark.parametrize(
    ("settings", "labels", "sentence"),
    [
        ({"hidden_layer_sizes": (3, 0)}, y, r"hidden_layer_sizes must be > 0, got \[3, 0\]."),
        ({"early_stopping": True}, y[:3], "The validation set is too small"),
        ({}, X[:, 0], "Unknown label type"),
        ({}, np.stack([y, y], axis=1), "Multioutput target data is not supported"),
        ({"activation": "rely"}, y, "The 'activation' parameter of MLPClassifier must be a str"),
        ({"activation": ["relu"] * 2}, y, "activation must be one or a list of 1"),
        ({"dropout": [0.1, 0.2]}, y, "dropout must be one or a list of 1"),
        ({"cost": "poisson"}, y, "cost 'poisson'"),
        ({"output_activation": "softmax"}, y > 0, "output_activation must be 'logistic'"),
        ({"solver": "lbfgs", "schedule": "cosine"}, y, "solver 'lbfgs' does not support"),
        (
            {"solver": "lbfgs", "dropout": 0.5},
            y,
            "optimizer 'lbfgs' does not support dropout",
        ),
        ({"callbacks": [3]}, y, "callbacks must be callable"),
    ],
)
def test_errors(settings, labels, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        MLPClassifier(**settings).fit(X[: len(labels)], labels)


def test_errors_of_a_second_training():
    mlp = MLPClassifier(warm_start=True, **FEW).fit(X, y)
    with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same"):
        mlp.fit(X, np.minimum(y, 1))
    mlp = MLPClassifier(**FEW)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        mlp.partial_fit(X, y)
    mlp.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="is not the same as on last call"):
        mlp.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="`y` has classes not in"):
        mlp.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match="X has 3 features, but MLPClassifier is expecting 4"):
        mlp.predict(X[:, :3])
    mlp = MLPRegressor(**FEW).partial_fit(X, y)
    with pytest.raises(ValueError, match="y must have 1 columns as before; got 2"):
        mlp.partial_fit(X, X[:, :2])
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        MLPRegressor(early_stopping=True).partial_fit(X, y)


def test_errors_of_use():
    with pytest.raises(NotFittedError):
        MLPClassifier().predict(X)
    with pytest.raises(AttributeError, match="has no attribute 'coefs_'"):
        _ = MLPClassifier().coefs_
    mlp = MLPClassifier(**FEW).fit(X, y)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        mlp.predict(np.full((1, 4), np.nan))
    with pytest.raises(ValueError, match="Expected 2D array"):
        mlp.predict(X[0])
    with pytest.raises(ValueError, match="y must be at least 0 for cost 'poisson'"):
        MLPRegressor(loss="poisson").fit(X, y - 1)


def test_values_that_overflow_are_refused():
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        MLPRegressor(solver="sgd", learning_rate_init=1e200, max_iter=3).fit(X, y)


def test_an_interrupted_training_is_kept():
    def interrupt(epoch):
        if epoch.number == 3:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        mlp = MLPClassifier(callbacks=interrupt, random_state=0).fit(X, y)
    assert mlp.n_iter_ == 3 and len(mlp.loss_curve_) == 3
    assert mlp.predict(X).shape == (150,)


# Input.


def test_predictions_have_the_labels_of_the_training():
    for labels in (y, NAMES, NAMES.astype(object), y.astype(float), y > 0, y - 5):
        mlp, one = (kind(**FEW).fit(X, labels) for kind in (MLPClassifier, theirs.MLPClassifier))
        np.testing.assert_array_equal(mlp.classes_, one.classes_)
        assert mlp.classes_.dtype == one.classes_.dtype
        np.testing.assert_array_equal(mlp.predict(X), one.predict(X))
    only = MLPClassifier(**FEW).fit(X, np.full(150, "x"))
    assert set(only.predict(X)) == {"x"} and only.predict_proba(X).shape == (150, 2)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_matrix])
def test_a_sparse_matrix_is_the_same_as_a_dense_one(container, solver, monkeypatch):
    wide = np.where(rng.uniform(size=(60, 30)) < 0.2, 1.0, 0.0)
    settings = {"solver": solver, "batch_size": 7, "early_stopping": solver == "adam"}
    plain = MLPClassifier((5,), **settings, **FEW).fit(wide, y[::5].repeat(2))
    same(plain, MLPClassifier((5,), **settings, **FEW).fit(container(wide), y[::5].repeat(2)))
    monkeypatch.setattr(_data, "MAX_DENSE", 30 * 15)  # two batches at a time
    parts = MLPClassifier((5,), **settings, **FEW).fit(container(wide), y[::5].repeat(2))
    same(plain, parts)
    np.testing.assert_allclose(parts.loss_, plain.loss_, rtol=1e-14)
    np.testing.assert_array_equal(parts.predict_proba(container(wide)), plain.predict_proba(wide))


@pytest.mark.parametrize("batch_size", [7, 60])
@pytest.mark.parametrize(
    "settings",
    [
        {"schedule": "cosine"},
        {"schedule": "warmup(2) then cosine"},
        {"dropout": 0.5},
        {"input_noise": 0.3},
        {"shuffle": False, "dropout": 0.5, "schedule": "cosine"},
        {"solver": "sgd", "clip_norm": 0.1, "dropout": 0.2},
    ],
    ids=str,
)
def test_a_sparse_matrix_in_parts_is_the_same_as_a_dense_one(settings, batch_size, monkeypatch):
    """Schedules, noise and dropout depend on step and row, not on the parts."""
    wide = np.where(rng.uniform(size=(60, 30)) < 0.2, 1.0, 0.0)
    settings = {"batch_size": batch_size, **settings, **FEW}
    plain = MLPClassifier((5,), **settings).fit(wide, y[::5].repeat(2))
    monkeypatch.setattr(_data, "MAX_DENSE", 30 * 15)
    parts = MLPClassifier((5,), **settings).fit(sparse.csr_array(wide), y[::5].repeat(2))
    same(plain, parts)
    assert parts.loss_curve_ == plain.loss_curve_


def test_predictions_of_sparse_columns_are_sparse():
    mlp = MLPClassifier(**FEW).fit(X, sparse.csr_array(COLUMNS))
    assert sparse.issparse(mlp.predict(X))
    dense = MLPClassifier(**FEW).fit(X, COLUMNS)
    np.testing.assert_array_equal(mlp.predict(X).toarray(), dense.predict(X))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_keep_the_names_of_their_columns(library):
    if library == "polars" and sklearn.__version__.startswith(("1.6", "1.7", "1.8")):
        pytest.skip("the names of Polars' columns came to scikit-learn later")
    frame = pytest.importorskip(library).DataFrame(dict(zip("abcd", X.T, strict=True)))
    mlp = MLPClassifier(early_stopping=True, **FEW).fit(frame, NAMES)
    assert list(mlp.feature_names_in_) == list("abcd")
    np.testing.assert_array_equal(mlp.predict_proba(frame), mlp.to_network().predict(X))
    with pytest.raises(ValueError, match="feature names should match"):
        mlp.predict(frame[list("bacd")])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        mlp.predict(X)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_float32_stays_float32(kind, solver):
    mlp = kind(hidden_layer_sizes=(3,), solver=solver, **FEW)
    mlp.fit(X.astype(np.float32), y)
    assert {one.dtype for one in mlp.coefs_ + mlp.intercepts_} == {np.dtype("float32")}
    raw = mlp.predict_proba if kind is MLPClassifier else mlp.predict
    assert raw(X.astype(np.float32)).dtype == raw(X).dtype == np.float32
    double = clone(mlp).fit(X, y)
    assert double.coefs_[0].dtype == np.float64
    np.testing.assert_allclose(double.coefs_[0], mlp.coefs_[0], rtol=0.02, atol=1e-3)


# Parameters and copies.


def test_coefficients_may_be_changed_in_place_and_assigned():
    mlp = MLPClassifier((3,), **FEW).fit(X, y)
    before = mlp.predict_proba(X)
    mlp.coefs_[1][:] = 0.0
    mlp.intercepts_[1][:] = np.log([1, 2, 1])
    np.testing.assert_allclose(mlp.predict_proba(X), np.tile([0.25, 0.5, 0.25], (150, 1)))
    assert not np.allclose(before, mlp.predict_proba(X))
    twin = pickle.loads(pickle.dumps(mlp))
    np.testing.assert_array_equal(twin.predict_proba(X), mlp.predict_proba(X))
    mlp.coefs_ = [w[:, :2] if i == 0 else w[:2] for i, w in enumerate(mlp.coefs_)]
    mlp.intercepts_ = [mlp.intercepts_[0][:2], mlp.intercepts_[1]]  # a neuron is gone
    np.testing.assert_allclose(mlp.predict_proba(X)[:, 1], 0.5)
    assert mlp.to_network().sizes == [4, 2, 3]


def test_training_continues_from_changed_coefficients():
    one, other = (MLPClassifier((3,), **FEW).partial_fit(X, y, classes=[0, 1, 2]) for _ in "ab")
    other.coefs_[0] += 0.5
    shifted = [w.copy() for w in other.coefs_]
    one.partial_fit(X, y)
    other.partial_fit(X, y)
    assert np.abs(other.coefs_[0] - shifted[0]).max() < 0.1
    assert np.abs(other.coefs_[0] - one.coefs_[0]).max() > 0.4


@pytest.mark.parametrize("solver", ["sgd", "adam", "nadam"])
def test_a_pickle_continues_to_the_same_bits(solver):
    mlp = MLPRegressor(hidden_layer_sizes=(4,), solver=solver, **FEW).partial_fit(X, y)
    twin = pickle.loads(pickle.dumps(mlp))
    same(mlp, twin)
    for one in (mlp, twin):
        one.partial_fit(X, y).partial_fit(X, y)
    same(mlp, twin)
    assert mlp.loss_curve_ == twin.loss_curve_


def test_a_setting_changed_between_partial_fits_is_used():
    mlps = [MLPRegressor(hidden_layer_sizes=(4,), solver="sgd", **FEW) for _ in range(2)]
    for mlp in mlps:
        mlp.partial_fit(X, y)
    same(*mlps)
    sizes = []
    for mlp, alpha in zip(mlps, (0.0, 100.0), strict=True):
        mlp.set_params(alpha=alpha).partial_fit(X, y)
        sizes.append(np.abs(mlp.coefs_[0]).sum())
    assert sizes[1] < sizes[0]


def test_initialize_draws_the_initial_parameters_of_fit():
    for settings in ({}, {"init": "he_uniform"}, {"dropout": 0.5}):
        mlp = MLPClassifier((4,), warm_start=True, **settings, **FEW).initialize(X, NAMES)
        assert mlp.n_iter_ == mlp.t_ == 0 and mlp.loss_curve_ == []
        assert mlp.predict_proba(X).shape == (150, 3)
        start = [w.copy() for w in mlp.coefs_]
        plain = clone(mlp).set_params(solver="sgd", learning_rate_init=1e-300, max_iter=1)
        np.testing.assert_array_equal(plain.fit(X, NAMES).coefs_[0], start[0])


@pytest.mark.parametrize("labels", [y, y > 0, COLUMNS])
def test_conversion_to_and_from_scikit_learn(labels):
    one = theirs.MLPClassifier((5,), **FEW).fit(X, labels)
    mine = from_sklearn(one)
    np.testing.assert_allclose(mine.predict_proba(X), one.predict_proba(X), rtol=1e-13)
    np.testing.assert_array_equal(mine.predict(X), one.predict(X))
    assert mine.loss_curve_ == one.loss_curve_ and mine.n_iter_ == one.n_iter_
    back = to_sklearn(mine)
    np.testing.assert_array_equal(back.predict_proba(X), one.predict_proba(X))
    back.partial_fit(X, labels)
    mine.partial_fit(X, labels)
    np.testing.assert_allclose(mine.coefs_[0], back.coefs_[0], rtol=1e-9, atol=1e-12)


def test_conversion_of_regressors_and_its_errors():
    one = theirs.MLPRegressor("poisson", (5,), **FEW).fit(X, y)
    np.testing.assert_allclose(from_sklearn(one).predict(X), one.predict(X), rtol=1e-13)
    mine = MLPRegressor(hidden_layer_sizes=(5,), activation="tanh", **FEW).fit(X, X[:, :2])
    np.testing.assert_allclose(to_sklearn(mine).predict(X), mine.predict(X), rtol=1e-12)
    for settings in ({"activation": "gelu"}, {"cost": "huber"}, {"solver": "rmsprop"}):
        with pytest.raises(ValueError, match="for scikit-learn"):
            to_sklearn(MLPRegressor(**settings, **FEW).fit(X, y))
    for convert in (from_sklearn, to_sklearn):
        with pytest.raises(TypeError, match="mlp must be"):
            convert(3)


# Additions to scikit-learn.


def test_each_layer_has_its_own_settings():
    mlp = MLPClassifier((6, 4), ["tanh", "leaky_relu(0.1)"], dropout=[0.2, 0], l1=0.1, **FEW)
    net = mlp.set_params(weight_decay=[0, 0.1, 0], max_norm=2.0).fit(X, y).to_network()
    assert net.activation == ["tanh", "leaky_relu(slope=0.1)"]
    assert [layer.dropout for layer in net.layers] == [0.2, 0.0, 0.0]
    assert [layer.weight_decay for layer in net.layers] == [0.0, 0.1, 0.0]
    assert all(np.linalg.norm(w, axis=1).max() <= 2.0 + 1e-12 for w in net.weights)
    same(mlp, clone(mlp).fit(X, y))


def test_l1_makes_coefficients_vanish():
    settings = {"solver": "sgd", "alpha": 0.0, "momentum": 0.0, "max_iter": 60, "random_state": 0}
    settings |= {"hidden_layer_sizes": (4,), "batch_size": 10, "learning_rate_init": 0.003}
    sizes = []
    for l1 in (0.0, 20.0):
        mlp = MLPRegressor(l1=l1, **settings).fit(X, X[:, 0])
        sizes.append(sum(np.abs(w).sum() for w in mlp.coefs_))
    assert sizes[1] < 0.2 * sizes[0]


def test_class_weights_are_sample_weights():
    weights = {0: 2.0, 1: 0.5, 2: 1.0}
    one = MLPClassifier((4,), class_weight=weights, **FEW).fit(X, y)
    same(one, MLPClassifier((4,), **FEW).fit(X, y, [weights[label] for label in y]))
    rare = MLPClassifier((4,), class_weight="balanced", **FEW).fit(X[:110], y[:110])
    counts = np.bincount(y[:110])
    same(rare, MLPClassifier((4,), **FEW).fit(X[:110], y[:110], (110 / 3 / counts)[y[:110]]))
    with pytest.raises(ValueError, match="class_weight must be a dict for partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])


def test_outputs_and_costs():
    settings = {"max_iter": 300, "learning_rate_init": 0.01, "random_state": 0}
    hinge = MLPClassifier((8,), cost="hinge", output_activation="identity", **settings)
    assert not hasattr(hinge, "predict_proba")
    assert hinge.fit(X, y).score(X, y) > 0.9
    np.testing.assert_array_equal(hinge.decision_function(X).argmax(axis=1), hinge.predict(X))
    two = clone(hinge).fit(X[:100], NAMES[:100])
    np.testing.assert_array_equal(two.decision_function(X[:100]) > 0, two.predict(X[:100]) > "t")
    apart = MLPClassifier(output_activation="logistic", **FEW).fit(X, y)
    np.testing.assert_allclose(apart.predict_proba(X).sum(axis=1), 1)
    noise = rng.normal(size=150)
    high = MLPRegressor(cost="quantile(0.9)", n_iter_no_change=np.inf, **settings).fit(X, noise)
    assert 0.8 < np.mean(noise <= high.predict(X)) < 1.0


def test_partial_fit_of_columns_needs_no_classes():
    mlp = MLPClassifier(**FEW).partial_fit(X, COLUMNS).partial_fit(X[:5], COLUMNS[:5])
    told = MLPClassifier(**FEW).partial_fit(X, COLUMNS, classes=[0, 1, 2])
    same(mlp, told.partial_fit(X[:5], COLUMNS[:5]))
    assert mlp.predict(X).shape == COLUMNS.shape


def test_validation_samples_of_the_user():
    train, validation = slice(0, 150, 2), slice(1, 150, 2)
    plain = MLPClassifier((4,), **FEW).fit(X[train], NAMES[train])
    mlp = MLPClassifier((4,), **FEW)
    mlp.fit(X[train], NAMES[train], X_val=X[validation], y_val=NAMES[validation])
    same(plain, mlp)
    assert mlp.validation_scores_[-1] == pytest.approx(mlp.score(X[validation], NAMES[validation]))
    p = mlp.predict_proba(X[validation])[np.arange(75), y[validation]]
    assert mlp.validation_loss_curve_[-1] == pytest.approx(-np.log(p).mean(), rel=1e-12)
    stopping = MLPClassifier((4,), early_stopping=True, n_iter_no_change=2, tol=0.1, random_state=0)
    stopping.fit(X[train], y[train], X_val=X[validation], y_val=y[validation])
    assert stopping.n_iter_ < 200 and stopping.t_ == 75 * stopping.n_iter_
    score = stopping.score(X[validation], y[validation])
    assert stopping.best_validation_score_ == pytest.approx(score)
    with pytest.raises(ValueError, match="X_val and y_val must be given together"):
        mlp.fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="`y` has classes not in"):
        mlp.fit(X, y, X_val=X, y_val=y + 1)


def test_the_loss_of_poisson_regressions_is_the_weighted_deviance():
    weights = rng.uniform(0.5, 2, 150)
    mlp = MLPRegressor("poisson", (4,), alpha=0.0, early_stopping=True, **FEW)
    mlp.fit(X, y, weights, X_val=X[::2], y_val=y[::2], sample_weight_val=weights[::2])
    from sklearn.metrics import mean_poisson_deviance

    mlp.coefs_, mlp.intercepts_ = mlp.coefs_, mlp.intercepts_
    best = int(np.argmax(mlp.validation_scores_))
    deviance = mean_poisson_deviance(y[::2], mlp.predict(X[::2]), sample_weight=weights[::2])
    assert 2 * mlp.validation_loss_curve_[best] == pytest.approx(deviance, rel=1e-12)


def test_callbacks_get_each_epoch_and_may_stop_the_training():
    events = []

    def watch(epoch):
        events.append((epoch.number, epoch.loss, epoch.estimator.predict(X).shape))
        epoch.learning_rate /= 2
        if epoch.number == 4:
            epoch.stop()

    mlp = MLPClassifier(callbacks=[watch], random_state=0).fit(X, y)
    assert [number for number, *_ in events] == [1, 2, 3, 4] and mlp.n_iter_ == 4
    assert [loss for _, loss, _ in events] == mlp.loss_curve_
    assert mlp._rate == pytest.approx(0.001 / 16)


def test_a_callback_that_only_reads_changes_nothing():
    looks = []
    watched = MLPClassifier(callbacks=lambda epoch: looks.append(epoch.estimator.coefs_), **FEW)
    same(watched.fit(X, y), MLPClassifier(**FEW).fit(X, y))
    assert len(looks) == 5


def test_scikit_learns_own_callbacks():
    pytest.importorskip("sklearn.callback")

    class Record:
        def __init__(self):
            self.calls, self.scores = [], []

        def setup(self, estimator, context):
            self.calls.append("setup")

        def on_fit_task_begin(self, estimator, context, *, X=None):
            self.calls.append(f"begin {context.task_name}")

        def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
            self.calls.append(f"end {context.task_name}")
            self.scores.append(fitted_estimator.score(X, y))
            return context.task_name == "epoch" and len(self.scores) == 3

        def teardown(self, estimator, context):
            self.calls.append("teardown")

    for solver in ("adam", "lbfgs"):
        record = Record()
        mlp = MLPClassifier((4,), solver=solver, random_state=0).set_callbacks(record)
        mlp.fit(X, NAMES)
        assert mlp.n_iter_ == 3 and record.calls[0] == "setup" and record.calls[-1] == "teardown"
        assert record.calls.count("begin epoch") >= 3 and record.calls.count("end epoch") == 3
        assert record.scores[-1] == record.scores[-2] == mlp.score(X, NAMES)


def test_progress_is_shown_on_standard_error(capsys):
    MLPClassifier(progress=True, **FEW).fit(X, y)
    captured = capsys.readouterr()
    assert "epoch 5/5, loss" in captured.err and captured.out == ""


def test_schedules_multiply_the_learning_rate():
    settings = {"solver": "sgd", "momentum": 0.0, "tol": 0.0, "random_state": 0, "batch_size": 150}
    mlp = MLPRegressor(schedule="step(every=2, factor=0.5)", max_iter=4, **settings).fit(X, y)
    plain = MLPRegressor(max_iter=2, warm_start=True, **settings).fit(X, y)
    plain.set_params(learning_rate_init=0.0005).fit(X, y)
    np.testing.assert_allclose(mlp.coefs_[0], plain.coefs_[0], rtol=1e-9)
    reactive = MLPClassifier(schedule="reduce_on_plateau", **FEW).fit(X, y)
    assert reactive.n_iter_ == 5


def test_noise_and_dropout_come_from_the_random_state():
    settings = {"dropout": 0.3, "input_noise": 0.1, "max_iter": 5}
    one, other, third = (
        MLPClassifier((8,), random_state=seed, **settings).fit(X, y) for seed in (1, 1, 2)
    )
    same(one, other)
    assert not np.array_equal(one.coefs_[0], third.coefs_[0])


def test_the_number_of_threads_changes_nothing():
    wide = rng.normal(size=(400, 60))
    labels = wide[:, 0] > 0
    before = bp.get_num_threads()
    mlps = [MLPClassifier(n_jobs=n, **FEW).fit(wide, labels) for n in (1, 2, -1, None)]
    for mlp in mlps[1:]:
        same(mlps[0], mlp)
    assert bp.get_num_threads() == before


def test_both_backends_train_the_same():
    mlps = [MLPClassifier((4,), backend=one, **FEW).fit(X, y) for one in ("rust", "numpy")]
    assert [mlp.to_network().backend for mlp in mlps] == ["rust", "numpy"]
    for mine, one in zip(*(mlp.coefs_ for mlp in mlps), strict=True):
        np.testing.assert_allclose(mine, one, rtol=1e-10, atol=1e-13)


def test_find_learning_rate():
    mlp = MLPClassifier((8,), batch_size=16, random_state=0)
    search = mlp.find_learning_rate(X, NAMES)
    assert 1e-6 <= search.suggestion <= 10 and not hasattr(mlp, "coefs_")
    with pytest.raises(ValueError, match="does not support solver 'lbfgs'"):
        mlp.set_params(solver="lbfgs").find_learning_rate(X, y)


def test_hidden_activations():
    mlp = MLPClassifier((5, 3), "tanh", **FEW).fit(X, y)
    first, second = mlp.hidden_activations(X)
    np.testing.assert_allclose(first, np.tanh(X @ mlp.coefs_[0] + mlp.intercepts_[0]), rtol=1e-12)
    assert second.shape == (150, 3)
    features = HiddenActivations(mlp, layer=0)
    frame = features.set_output(transform="pandas").fit_transform(X, y)
    assert list(frame.columns) == [f"mlp{i}" for i in range(5)]
    np.testing.assert_array_equal(frame, first)
    with pytest.raises(ValueError, match="layer must be from -2 to 1; got 2"):
        HiddenActivations(mlp, layer=2).fit(X, y)


def test_a_good_training_has_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPClassifier((8,), solver="lbfgs", max_iter=500, tol=0.05, random_state=0).fit(X, y)


def test_custom_functions():
    arcsinh = bp.Activation("arcsinh", np.arcsinh, lambda z, a: 1 / np.sqrt(z * z + 1))
    quartic = bp.Cost("quartic", lambda a, y: (a - y) ** 4, lambda a, y: 4 * (a - y) ** 3)
    settings = {"hidden_layer_sizes": (4, 4), "activation": [arcsinh, "relu"], "cost": quartic}
    for solver in ("adam", "lbfgs"):
        mlp = MLPRegressor(**settings, solver=solver, **FEW).fit(X, X[:, 0])
        assert mlp.to_network().activation == ["arcsinh", "relu"]
        assert clone(mlp).fit(X, X[:, 0]).loss_ == mlp.loss_
    wrong = bp.Cost("wrong", lambda a, y: (a - y) ** 4, lambda a, y: 3 * (a - y) ** 3)
    with pytest.raises(ValueError, match="derivative of cost 'wrong' must be"):
        MLPClassifier(cost=wrong, **FEW).fit(X, y)


def test_both_kinds_of_weights_multiply():
    sample_weight = rng.uniform(0.5, 2, 150)
    weights = np.array([2.0, 0.5, 1.0])
    one = MLPClassifier((4,), class_weight=dict(enumerate(weights)), **FEW).fit(X, y, sample_weight)
    same(one, MLPClassifier((4,), **FEW).fit(X, y, weights[y] * sample_weight))


def test_a_label_needs_a_probability_above_one_half():
    mlp = MLPClassifier((4,), **FEW).fit(X, COLUMNS)
    p = mlp.predict_proba(X)
    mlp.intercepts_[-1] = mlp.intercepts_[-1] - np.median(np.log(p / (1 - p)), axis=0)
    chosen = mlp.predict(X)
    np.testing.assert_array_equal(chosen, mlp.predict_proba(X) > 0.5)
    assert 0.3 < chosen.mean() < 0.7
