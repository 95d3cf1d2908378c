"""The estimators inside scikit-learn's tools."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

import joblib
import sklearn
from backprop_rs.sklearn import MLPClassifier, MLPRegressor
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_val_score,
    learning_curve,
)
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

X, y = load_iris(return_X_y=True)
FAST = {"solver": "lbfgs", "max_iter": 300, "tol": 1e-2, "alpha": 0.01, "random_state": 0}
MLP = MLPClassifier((8,), **FAST)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_pipelines_and_cross_validation():
    pipe = make_pipeline(StandardScaler(), MLP)
    assert cross_val_score(pipe, X, y, cv=3).mean() > 0.9
    assert cross_val_predict(pipe, X, y, cv=3, method="predict_proba").shape == (150, 3)
    assert learning_curve(pipe, X, y, cv=3, train_sizes=[60, 90], shuffle=True)[2].min() > 0.8


def test_columns_of_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    frame["kind"] = np.where(X[:, 0] > 5.8, "long", "short")
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), list("abcd")), ("names", OneHotEncoder(), ["kind"])],
        sparse_threshold=1.0,
    )
    assert make_pipeline(columns, MLP).fit(frame, y).score(frame, y) > 0.95
    pipe = make_pipeline(StandardScaler(), clone(MLP)).set_output(transform="pandas")
    pipe.fit(frame[list("abcd")], y)
    assert list(pipe[-1].feature_names_in_) == list("abcd")
    assert pipe.score(frame[list("abcd")], y) > 0.95


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grids(n_jobs):
    grid = {"mlp__activation": ["relu", ["gelu"]], "mlp__alpha": [0.01, 0.1]}
    from sklearn.pipeline import Pipeline

    pipe = Pipeline([("scale", StandardScaler()), ("mlp", MLP)])
    search = GridSearchCV(pipe, grid, cv=2, n_jobs=n_jobs).fit(X, y)
    assert search.best_score_ > 0.9 and search.predict(X[:2]).shape == (2,)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_workers_do_not_compete_for_processors(n_jobs):
    """joblib limits the threads of its workers, and the core respects the limit."""
    import backprop_rs as bp

    def threads():
        import backprop_rs as bp

        return bp.get_num_threads()

    with joblib.parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=1):
        counts = joblib.Parallel()(joblib.delayed(threads)() for _ in range(2))
    assert counts == ([1, 1] if n_jobs == 2 else [bp.get_num_threads()] * 2)


def test_ensembles_and_meta_estimators():
    others = [("mlp", MLP), ("linear", LogisticRegression(max_iter=500))]
    for ensemble in (
        VotingClassifier(others, voting="soft"),
        StackingClassifier(others, cv=2),
        BaggingClassifier(MLP, n_estimators=2, random_state=0),
        CalibratedClassifierCV(MLP, cv=2),
    ):
        scaled = make_pipeline(StandardScaler(), ensemble).fit(X, y)
        assert scaled.score(X, y) > 0.9
        assert scaled.predict_proba(X).shape == (150, 3)
    columns = np.stack([y == 0, y == 1], axis=1).astype(int)
    assert ClassifierChain(MLP).fit(X, columns).predict(X).shape == (150, 2)
    mlp = MLPRegressor(hidden_layer_sizes=(8,), **FAST)
    logs = TransformedTargetRegressor(mlp, func=np.log, inverse_func=np.exp)
    assert logs.fit(X[:, :3], X[:, 3]).score(X[:, :3], X[:, 3]) > 0.8


def test_inspection():
    mlp = clone(MLP).fit(X, y)
    importance = permutation_importance(mlp, X, y, n_repeats=2, random_state=0)
    assert importance.importances_mean.argmax() in (2, 3)
    assert partial_dependence(mlp, X, [2], grid_resolution=5)["average"].shape == (3, 5)


def test_clones_and_files(tmp_path):
    settings = {"dropout": [0.1], "max_iter": 3, "schedule": "cosine", "random_state": 0}
    mlp = MLPClassifier((8,), ["tanh"], **settings)
    assert clone(mlp).get_params() == mlp.get_params()
    mlp.fit(X, y)
    joblib.dump(mlp, tmp_path / "mlp.joblib")
    twin = joblib.load(tmp_path / "mlp.joblib")
    np.testing.assert_array_equal(twin.predict_proba(X), mlp.predict_proba(X))
    assert twin.get_params() == mlp.get_params() and not hasattr(clone(twin), "coefs_")


def test_representations():
    assert repr(MLPClassifier((8,), dropout=0.1)) == (
        "MLPClassifier(dropout=0.1, hidden_layer_sizes=(8,))"
    )
    html = make_pipeline(StandardScaler(), MLP).fit(X, y)._repr_html_()
    assert "MLPClassifier" in html and "hidden_layer_sizes" in html


def test_metadata_routing():
    weights = np.where(y == 2, 100.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        mlp = clone(MLP).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scale = StandardScaler().set_fit_request(sample_weight=False)
        pipe = make_pipeline(scale, mlp)
        pipe.fit(X, y, sample_weight=weights)
        plain = make_pipeline(scale, clone(MLP)).fit(X, y)
        assert not np.array_equal(pipe[-1].coefs_[0], plain[-1].coefs_[0])
        search = GridSearchCV(mlp, {"alpha": [0.1, 1]}, cv=2)
        assert search.fit(X, y, sample_weight=weights).best_score_ > 0.9


def test_a_pipeline_transforms_validation_samples():
    """`X_val` has the name that scikit-learn's `transform_input` expects."""
    settings = {"max_iter": 3, "tol": 0.0, "schedule": "cosine", "random_state": 0}
    with sklearn.config_context(enable_metadata_routing=True):
        mlp = MLPClassifier((8,), **settings).set_fit_request(X_val=True, y_val=True)
        pipe = make_pipeline(StandardScaler(), mlp, transform_input=["X_val"])
        pipe.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert pipe[-1].validation_scores_[-1] == pytest.approx(pipe.score(X[1::2], y[1::2]))
