"""scikit-learn's estimators and ours have equal errors, warnings, attributes and epochs."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from backprop_rs.sklearn import MLPClassifier, MLPRegressor
from scipy import sparse
from sklearn import neural_network as theirs

KINDS = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}
ATTRIBUTES = [
    *("coefs_", "intercepts_", "n_iter_", "n_layers_", "n_outputs_", "out_activation_", "loss_"),
    *("best_loss_", "loss_curve_", "validation_scores_", "best_validation_score_", "t_"),
    *("classes_", "n_features_in_", "feature_names_in_"),
]
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 4))
VALUES = np.sin(X[:, 0]) + X[:, 1]
LABELS = np.digitize(VALUES, [-0.5, 0.5])
COLUMNS = (X[:, :2] > 0).astype(int)
TARGETS = {
    "MLPClassifier": [LABELS, (LABELS > 1).astype(str), COLUMNS],
    "MLPRegressor": [VALUES, X[:, :2]],
}
BASE = {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 1, "batch_size": 15}

# Values of each parameter that are accepted, refused, or at the edge of it.
SETTINGS = {
    "hidden_layer_sizes": [0, (), (5, 0), (5, 2.5), (5, "3"), "5", None, np.array([5, 3]), (True,)],
    "activation": ["logistic", "rely", None],
    "solver": ["SGD", None],
    "alpha": [-1, None, 0, np.nan, np.inf, True],
    "batch_size": [0, None, 2.5, 1, 41, "auto"],
    "learning_rate": ["x", "invscaling", "adaptive"],
    "learning_rate_init": [0, "x", np.inf, 1e-300],
    "power_t": [-1, 0, 2],
    "max_iter": [0, 2.5, 1],
    "shuffle": [None, 0, "x", np.bool_(True)],
    "random_state": ["x", -1, 1.5, 2**32],
    "tol": [-1, 0, np.inf],
    "verbose": [-1, "x", 2],
    "warm_start": [None, 1, "x"],
    "momentum": [-0.1, 1.1, 0, 1],
    "nesterovs_momentum": [None, 0],
    "early_stopping": [None, True],
    "validation_fraction": [1, 0, 0.01, 0.999, "x"],
    "beta_1": [1, 0],
    "beta_2": [1, 0],
    "epsilon": [0, 1],
    "n_iter_no_change": [0, 1, np.inf],
    "max_fun": [0, 3],
}


def form(value):
    """Return an attribute without the numbers that depend on rounding."""
    if isinstance(value, (list, np.ndarray)):
        return len(value)
    return "a number" if isinstance(value, float) else value


def outcome(kind, settings, use):
    """Return all results of using an estimator that do not depend on rounding."""
    mlp, error = None, None
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            mlp = kind(**settings)
            use(mlp)
        except Exception as raised:
            bases = (ValueError, TypeError, AttributeError, OverflowError)
            error = next((base for base in bases if isinstance(raised, base)), type(raised))
    said = {(one.category, str(one.message)[:60]) for one in caught}
    said = {one for one in said if one[0] is not RuntimeWarning}
    left = {name: form(getattr(mlp, name, "missing")) for name in ATTRIBUTES} if not error else {}
    return error, said, left


def assert_alike(name, settings, use):
    ours = outcome(KINDS[name], {**settings, "sklearn_compat": True}, use)
    assert ours == outcome(getattr(theirs, name), settings, use)


def parts(name):
    return getattr(theirs, name)().get_params()


def test_every_parameter_is_tried():
    assert {*parts("MLPClassifier"), "loss"} == {*SETTINGS, "loss"}


@pytest.mark.parametrize("name", KINDS)
def test_parameters_come_in_the_same_order_with_the_same_defaults(name):
    mine = KINDS[name]().get_params()
    assert parts(name).items() <= mine.items()
    positional = KINDS[name].__init__.__code__.co_varnames[: len(parts(name)) + 1]
    assert (
        list(positional)
        == list(getattr(theirs, name).__init__.__code__.co_varnames)[: len(positional)]
    )


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("parameter", SETTINGS)
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_a_setting_is_accepted_or_refused_as_in_scikit_learn(name, parameter, solver):
    early = parameter == "validation_fraction" and solver != "lbfgs"
    for value in SETTINGS[parameter]:
        settings = {**BASE, "solver": solver, "early_stopping": early, parameter: value}
        for y in TARGETS[name][1:]:
            assert_alike(name, settings, lambda mlp, y=y: mlp.fit(X, y))


# Input.

DATA = {
    "single": X.astype(np.float32), "integers": (X > 0).astype(int), "objects": X.astype(object),
    "a list": X.tolist(), "sparse": sparse.csr_matrix(X), "columns first": np.asfortranarray(X),
    "a row": X[:, 0], "too deep": X[None], "NaN": np.where(X > 1.5, np.nan, X), "none": None,
    "infinite": np.where(X > 1.5, np.inf, X), "no rows": X[:0], "no columns": X[:, :0],
    "strings": np.full(X.shape, "a"), "complex": X + 0j, "fewer": X[:30], "masked": np.ma.array(X),
}  # fmt: skip
LABELLINGS = {
    "strings": np.array(["a", "b", "c"])[LABELS], "bools": LABELS > 1, "a column": LABELS[:, None],
    "objects": np.array(["a", "b", "c"], object)[LABELS], "values": VALUES, "one": 0 * LABELS,
    "each its own": np.arange(40), "columns": COLUMNS, "sparse": sparse.csr_matrix(COLUMNS),
    "several": np.stack([LABELS, LABELS], axis=1), "NaN": np.where(VALUES > 1, np.nan, LABELS),
    "none": None, "fewer": LABELS[:30], "too deep": np.zeros((40, 2, 2)), "a list": LABELS.tolist(),
}  # fmt: skip
NUMBERS = {
    "strings": np.array(["a", "b", "c"])[LABELS], "digits": LABELS.astype(str),
    "objects": VALUES.astype(object), "a column": VALUES[:, None], "integers": LABELS,
    "NaN": np.where(VALUES > 1, np.nan, VALUES), "none": None, "fewer": VALUES[:30],
    "infinite": np.where(VALUES > 1, np.inf, VALUES), "complex": VALUES + 1j, "a list": [*VALUES],
    "sparse": sparse.csr_matrix(VALUES[:, None]), "too deep": np.zeros((40, 2, 2)),
}  # fmt: skip
WEIGHTS = {
    "ones": np.ones(40), "a number": 2.0, "zeros": np.zeros(40), "negative": -np.ones(40),
    "fewer": np.ones(30), "a column": np.ones((40, 1)), "NaN": np.full(40, np.nan),
    "strings": ["1"] * 40, "integers": 1 + np.arange(40), "half": np.repeat([0.0, 1.0], 20),
    "one": np.arange(40) == 39,
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("data", DATA)
def test_data_are_accepted_or_refused_as_in_scikit_learn(name, data):
    fit = {"MLPClassifier": LABELS > 1, "MLPRegressor": VALUES}[name]
    for solver in ("adam", "lbfgs"):
        if (data, solver) != ("single", "lbfgs"):  # which stays single here
            assert_alike(name, {**BASE, "solver": solver}, lambda mlp: mlp.fit(DATA[data], fit))
    assert_alike(name, BASE, lambda mlp: mlp.fit(X, fit).predict(DATA[data]))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    ("name", "targets"),
    [("MLPClassifier", one) for one in LABELLINGS] + [("MLPRegressor", one) for one in NUMBERS],
)
def test_targets_are_accepted_or_refused_as_in_scikit_learn(name, targets, early_stopping):
    y = (LABELLINGS if name == "MLPClassifier" else NUMBERS)[targets]
    assert_alike(name, {**BASE, "early_stopping": early_stopping}, lambda mlp: mlp.fit(X, y))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_weights_are_accepted_or_refused_as_in_scikit_learn(name, weights):
    y = TARGETS[name][0]
    for more in ({}, {"early_stopping": True}, {"solver": "lbfgs"}):
        assert_alike(
            name,
            {**BASE, "batch_size": "auto", **more},
            lambda mlp: mlp.fit(X, y, WEIGHTS[weights]),
        )


def test_sparse_predictions_have_scikit_learns_type():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for container in (sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix):
            mine, one = (
                kind(**BASE).fit(X, container(COLUMNS)).predict(X)
                for kind in (MLPClassifier, theirs.MLPClassifier)
            )
            assert type(mine) is type(one) and mine.dtype == one.dtype
            np.testing.assert_array_equal(mine.toarray(), one.toarray())


# One training after the other.


def then(**settings):
    return lambda mlp, y: mlp.set_params(**settings)


def fit(mlp, y):
    mlp.fit(X, y)


def predict(mlp, y):
    mlp.predict(X)


def less(mlp, y):
    mlp.fit(X[:, :3], y)


def other(mlp, y):
    mlp.fit(X, y[::-1] if y.ndim == 1 else -y)


def partial(mlp, y):
    mlp.partial_fit(X, y)


COURSES = {
    "twice": (fit, fit), "a part more": (fit, partial, partial), "other columns": (fit, less),
    "a part first": (partial,), "other targets": (fit, other), "all again": (fit, partial, fit),
    "another rate": (fit, then(learning_rate_init=0.1), fit, partial),
    "another seed": (fit, then(random_state=5), fit), "not fitted": (predict,),
    "another solver": (fit, then(solver="sgd"), fit, partial),
    "fewer neurons": (fit, then(hidden_layer_sizes=(3,)), fit),
    "one epoch": (then(max_iter=1), fit, fit, fit),
    "to its end": (then(max_iter=300, tol=0.05, n_iter_no_change=2), fit, fit),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_sequence_of_trainings_is_the_same(name, course, warm_start):
    for y in TARGETS[name][:2]:  # columns need no list of classes in `partial_fit` here

        def use(mlp, y=y):
            for step in COURSES[course]:
                step(mlp, y)

        assert_alike(name, {**BASE, "warm_start": warm_start}, use)


# Cases that fail in scikit-learn.


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("before", "after", "goes_on"),
    [
        ({"solver": "lbfgs"}, {"solver": "adam"}, fit),
        ({"solver": "lbfgs"}, {"solver": "adam"}, partial),
        ({"early_stopping": True}, {"early_stopping": False}, fit),
        ({"early_stopping": True}, {"early_stopping": False}, partial),
        ({"early_stopping": False}, {"early_stopping": True}, fit),
    ],
)
def test_a_training_may_continue_with_another_solver_or_early_stopping(
    name, before, after, goes_on
):
    y = TARGETS[name][0]
    mlp = KINDS[name](**{**BASE, "warm_start": True, **before})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlp.fit(X, y).set_params(**after)
        epochs = len(getattr(mlp, "loss_curve_", []))
        goes_on(mlp, y)
    assert len(mlp.loss_curve_) == epochs + mlp.n_iter_
    if mlp.early_stopping:
        assert mlp.best_validation_score_ == max(mlp.validation_scores_)
        assert len(mlp.validation_scores_) == mlp.n_iter_
    else:
        assert mlp.best_loss_ == min(mlp.loss_curve_[epochs:])


@pytest.mark.parametrize("sizes", [(5, 2.5), (5, "3"), [[5]], (5, None), (True,)])
def test_sizes_that_are_not_integers_are_named(sizes):
    with pytest.raises(TypeError, match=r"^hidden_layer_sizes must be integers > 0, got \["):
        MLPClassifier(sizes).fit(X, LABELS)


@pytest.mark.parametrize("y", [LABELS.astype(str), np.arange(40).astype("datetime64[D]")])
def test_values_that_are_not_numbers_are_named(y):
    with pytest.raises(TypeError, match=r"^y must hold numbers; got "):
        MLPRegressor().fit(X, y)
