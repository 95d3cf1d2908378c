"""All of scikit-learn's own checks of estimators."""

import pytest

pytest.importorskip("sklearn")

from backprop_rs.sklearn import HiddenActivations, MLPClassifier, MLPRegressor
from sklearn.utils.estimator_checks import check_param_validation, parametrize_with_checks

SMALL = {"hidden_layer_sizes": (8,), "max_iter": 60}
ESTIMATORS = [
    MLPClassifier(max_iter=60),
    MLPClassifier((8,), solver="sgd", learning_rate_init=0.1, max_iter=60),
    MLPClassifier((8,), solver="lbfgs", max_iter=60),
    MLPClassifier(
        (8, 4),
        *(["gelu", "leaky_relu(0.1)"],),
        **{"cost": "hinge", "output_activation": "identity", "solver": "rmsprop"},
        **{"learning_rate_init": 0.01, "l1": 1e-4, "schedule": "cosine", "max_iter": 100},
    ),
    MLPRegressor(max_iter=60),
    MLPRegressor(**SMALL, solver="sgd", learning_rate_init=0.01),
    MLPRegressor(**SMALL, cost="huber(0.5)", solver="lbfgs", sklearn_compat=True),
    HiddenActivations(MLPClassifier((5,), max_iter=20, random_state=0)),
]


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(ESTIMATORS)
def test_common_checks(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
def test_each_parameter_has_its_error(estimator):
    check_param_validation(type(estimator).__name__, estimator)
