"""Metrics by name and by function: what they are, and what they are given."""

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.training.metrics import METRICS, Metrics, accuracy, mae, r2, rmse
from sklearn import metrics as of_scikit_learn

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(30, 4))
LABELS = np.arange(30) % 3
VALUES = RANDOM.normal(size=(30, 2))
ORACLES = {
    "accuracy": of_scikit_learn.accuracy_score,
    "r2": of_scikit_learn.r2_score,
    "mae": of_scikit_learn.mean_absolute_error,
    "rmse": lambda y, p: np.sqrt(of_scikit_learn.mean_squared_error(y, p)),
}


def classifier(backend):
    return bp.Network(
        [4, 6, 3], "tanh", "softmax", "cross_entropy", seed=0, dtype="float64", backend=backend
    )


def regressor(backend):
    return bp.Network([4, 6, 2], "tanh", "identity", seed=0, dtype="float64", backend=backend)


def test_every_metric_has_an_oracle():
    assert METRICS.keys() == ORACLES.keys()


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("columns", [1, 3])
def test_a_metric_is_scikit_learns(name, columns):
    y, p = RANDOM.normal(size=(2, 50, columns))
    if name == "accuracy":
        y, p = RANDOM.integers(0, 4, size=(2, 50))
    assert METRICS[name](y, p) == pytest.approx(ORACLES[name](y, p), rel=1e-12)


@pytest.mark.parametrize(("y", "p"), [([2.0, 2.0], [2.0, 2.0]), ([2.0, 2.0], [1.0, 3.0])])
def test_r2_of_a_constant_is_scikit_learns(y, p):
    assert r2(np.array(y), np.array(p)) == of_scikit_learn.r2_score(y, p)


def test_metrics_by_hand():
    y, p = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 5.0])
    assert (mae(y, p), rmse(y, p)) == (2 / 3, np.sqrt(4 / 3))
    assert r2(y, p) == 1 - 4 / 2
    assert accuracy(np.array([0, 1, 1]), np.array([0, 1, 0])) == 2 / 3


@pytest.mark.parametrize("name", ["r2", "mae", "rmse"])
def test_a_curve_is_what_the_network_says_after_the_epoch(name, backend):
    net, twin = regressor(backend), regressor(backend)
    history = net.fit(X[:20], VALUES[:20], 3, 8, 0.01, metrics=name,
                      validation_data=(X[20:], VALUES[20:]))  # fmt: skip
    for epoch in range(3):
        twin.fit(X[:20], VALUES[:20], 1, 8, 0.01)
        expected = ORACLES[name](VALUES[:20], twin.predict(X[:20]))
        assert history.metrics[name][epoch] == pytest.approx(expected, rel=1e-12)
        expected = ORACLES[name](VALUES[20:], twin.predict(X[20:]))
        assert getattr(history, f"val_{name}")[epoch] == pytest.approx(expected, rel=1e-12)


def test_functions_of_classes_get_labels(backend):
    def f1(y_true, y_pred):
        assert y_true.shape == y_pred.shape == (30,)
        return of_scikit_learn.f1_score(y_true, y_pred, average="macro")

    net = classifier(backend)
    history = net.fit(X, LABELS, 3, 8, 0.1, metrics=["accuracy", f1])
    classes = net.predict(X).argmax(axis=1)
    assert history.accuracy[-1] == np.mean(classes == LABELS)
    assert history.f1[-1] == of_scikit_learn.f1_score(LABELS, classes, average="macro")
    assert list(history.to_dict()) == [
        "epoch",
        "cost",
        "seconds",
        "learning_rate",
        "accuracy",
        "f1",
    ]


def test_one_hot_targets_are_classes_too(backend):
    histories = [
        classifier(backend).fit(X, y, 2, 8, 0.1, metrics="accuracy")
        for y in (LABELS, np.eye(3)[LABELS])
    ]
    assert histories[0].accuracy == histories[1].accuracy


def test_metrics_of_values_take_classes_as_one_hot_rows(backend):
    net = classifier(backend)
    history = net.fit(X, LABELS, 2, 8, 0.1, metrics="rmse")
    expected = np.sqrt(np.mean(np.square(np.eye(3)[LABELS] - net.predict(X))))
    assert history.rmse[-1] == pytest.approx(expected, rel=1e-12)


def test_one_output_is_a_vector(backend):
    def same_shape(y_true, y_pred):
        assert y_true.shape == y_pred.shape == (30,)
        return 0

    net = bp.Network([4, 1], output="identity", seed=0, backend=backend)
    net.fit(X, VALUES[:, 0], 1, metrics=same_shape)
    binary = bp.Network([4, 1], cost="cross_entropy", seed=0, dtype="float64", backend=backend)
    history = binary.fit(X, LABELS == 1, 1, metrics=["accuracy", same_shape])
    assert history.accuracy[-1] == np.mean((binary.predict(X)[:, 0] >= 0.5) == (LABELS == 1))


@pytest.mark.parametrize(("cost", "threshold"), [("squared_error", 0.5), ("hinge", 0.0)])
def test_accuracy_is_that_of_evaluate(cost, threshold, backend):
    """One output says class 1 from the middle of its targets on, which are -1 and 1 for hinge."""
    output = "sigmoid" if threshold else "identity"
    net = bp.Network([1, 1], output=output, cost=cost, init=[[[1.0]]], backend=backend)
    X, y = [[-2.0], [0.0], [0.2], [1.0], [-1.0]], np.array([0, 1, 1, 0, 0])
    history = net.fit(X, y, 1, learning_rate=0, metrics="accuracy", validation_data=(X, y))
    assert history.accuracy == history.val_accuracy == [0.8] == [net.evaluate(X, y)["accuracy"]]


def test_weights_of_validation_samples_count_in_its_accuracy(backend):
    """Whether or not the metric is asked for."""
    net, weights = classifier(backend), np.arange(30.0)
    held = (X, LABELS, weights)
    history = net.fit(X, LABELS, 1, 8, 0.1, metrics="accuracy", validation_data=held)
    assert history.val_accuracy == [net.evaluate(*held)["accuracy"]]
    assert history.accuracy == [net.evaluate(X, LABELS)["accuracy"]] != history.val_accuracy


@pytest.mark.parametrize("given", ["acuracy", 5, ["r2", None]])
def test_what_is_no_metric_is_refused(given, backend):
    with pytest.raises(ValueError, match=r"^metrics must be functions or among accuracy, r2, mae"):
        classifier(backend).fit(X, LABELS, 1, metrics=given)


def test_accuracy_of_values_is_refused_before_the_training(backend):
    net = regressor(backend)
    with pytest.raises(ValueError, match=r"^metric 'accuracy' must have classes as targets"):
        net.fit(X, VALUES, 1, metrics="accuracy")
    assert net.epochs_trained == 0


def test_names_of_functions():
    assert Metrics([of_scikit_learn.r2_score, "mae"]).names == ["r2_score", "mae"]
