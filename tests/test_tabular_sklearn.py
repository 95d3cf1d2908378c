"""Estimators for tables as scikit-learn's tools use them."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from backprop_rs import TabularClassifier, TabularRegressor
from sklearn.base import clone
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

SMALL = {"epochs": 12, "hidden": (16, 16), "n_members": 2, "n_folds": 4, "min_updates": 100}
FOLDS = "rows are divided into folds, so that a row of weight 2 is not the same row twice"


ESTIMATORS = [
    TabularClassifier(settings=SMALL, random_state=0),
    TabularRegressor(settings=SMALL, random_state=0),
]


def checks():
    """Return the common checks; a class without scikit-learn's base class gives a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* does not inherit from")
        return parametrize_with_checks(
            ESTIMATORS,
            expected_failed_checks=lambda _: {
                "check_sample_weight_equivalence_on_dense_data": FOLDS
            },
        )


@pytest.mark.filterwarnings("ignore")
@checks()
def test_common_checks(estimator, check):
    check(estimator)


def data(n=150, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, 2 * X[:, 0] - X[:, 1] + 0.3 * rng.normal(size=n)


def test_searches_pipelines_and_clones():
    X, y = data()
    model = TabularRegressor(settings=SMALL, random_state=0)
    assert clone(model.fit(X, y)).get_params() == model.get_params()
    with pytest.raises(ValueError, match="fit must come first"):
        clone(model).predict(X)
    pipeline = make_pipeline(StandardScaler(), model)
    search = GridSearchCV(pipeline, {"tabularregressor__metric": [None, "mae"]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.5
    classifier = TabularClassifier(settings=SMALL, random_state=0)
    assert cross_val_score(classifier, X, y > 0, cv=3, scoring="roc_auc").min() > 0.8
    assert cross_val_predict(classifier, X, y > 0, cv=3, method="predict_proba").shape == (150, 2)


def test_partial_dependence_and_permutation_importance():
    X, y = data()
    model = TabularRegressor(settings=SMALL, random_state=0).fit(X, y)
    found = partial_dependence(model, X, [0], grid_resolution=5)
    assert (np.diff(found["average"][0]) > 0).all()
    classifier = TabularClassifier(settings=SMALL, random_state=0).fit(X, y > 0)
    found = partial_dependence(classifier, X, [1], grid_resolution=5)
    assert found["average"][0][0] > found["average"][0][-1]
    assert permutation_importance(model, X, y, n_repeats=2).importances_mean[0] > 0.1
