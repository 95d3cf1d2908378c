"""Metrics by name and by function: their values and their arguments."""

import pickle
import warnings
from functools import partial

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.training.metrics import LABELS as OF_LABELS
from backprop_rs.training.metrics import METRICS, Metrics
from backprop_rs.training.metrics import VALUES as OF_VALUES
from backprop_rs.training.scores import accuracy, mae, r2, rmse
from sklearn import metrics as of_scikit_learn

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(30, 4))
LABELS = np.arange(30) % 3
VALUES = RANDOM.normal(size=(30, 2))


def f1_score(average):
    def score(y, p, n, **weights):
        if average == "default":
            chosen = "binary" if y.ndim == 1 and n == 2 else "macro"
        else:
            chosen = average
        return of_scikit_learn.f1_score(y, p, average=chosen, zero_division=0, **weights)

    return score


def over_columns(function):
    """Return the mean over the columns of several labels; not all of scikit-learn's have it."""

    def score(y, p, n, **weights):
        if y.ndim == 1:
            return function(y, p, n, **weights)
        return np.mean([function(*pair, 2, **weights) for pair in zip(y.T, p.T, strict=True)])

    return score


def against_the_rest(function):
    def score(y, p, n, **weights):
        y = np.eye(n, dtype=int)[y] if y.ndim == 1 and n > 2 else y
        return function(y, p, **weights)

    return score


def plain(function):
    return lambda y, p, n, **weights: function(y, p, **weights)


def with_labels(function):
    return lambda y, p, n, **weights: function(y, p, labels=np.arange(n), **weights)


def root_of_mean(y, p, n, **weights):
    return np.sqrt(of_scikit_learn.mean_squared_error(y, p, **weights))


ORACLES = {
    "accuracy": plain(of_scikit_learn.accuracy_score),
    "balanced_accuracy": plain(of_scikit_learn.balanced_accuracy_score),
    "f1": f1_score("default"),
    "f1_macro": f1_score("macro"),
    "f1_micro": f1_score("micro"),
    "f1_weighted": f1_score("weighted"),
    "roc_auc": against_the_rest(of_scikit_learn.roc_auc_score),
    "average_precision": against_the_rest(of_scikit_learn.average_precision_score),
    "log_loss": over_columns(with_labels(of_scikit_learn.log_loss)),
    "brier": over_columns(with_labels(of_scikit_learn.brier_score_loss)),
    "r2": plain(of_scikit_learn.r2_score),
    "mae": plain(of_scikit_learn.mean_absolute_error),
    "rmse": root_of_mean,
    "mape": plain(of_scikit_learn.mean_absolute_percentage_error),
}


def classifier(backend):
    return bp.Network(
        [4, 6, 3], "tanh", "softmax", "cross_entropy", seed=0, dtype="float64", backend=backend
    )


def regressor(backend):
    return bp.Network([4, 6, 2], "tanh", "identity", seed=0, dtype="float64", backend=backend)


def test_every_metric_has_an_oracle():
    assert METRICS.keys() == ORACLES.keys()


def cases(kind, name, seed):
    """Draw y, p, weights and the number of classes of a random case with difficult values."""
    random = np.random.default_rng(seed)
    m = int(random.integers(2, 40))
    weights = None if seed % 3 else random.integers(0, 4, m) * random.uniform(0.5, 1)
    if weights is not None and not weights.any():
        weights[0] = 1.0
    row = METRICS[name]
    n = {"two": 2, "three": 3, "many": 12}.get(kind, int(random.integers(2, 5)))
    if kind == "values":
        y, p = random.normal(size=(2, m)) if seed % 2 else random.normal(size=(2, m, 3))
        if seed % 5 == 0:
            y = np.round(y)  # zeros, for what is divided by y
        return y, p, weights, 2
    if kind == "labels":
        y = (random.uniform(size=(m, n)) < 0.4).astype(int)
        p = random.uniform(size=(m, n))
        if seed % 4 == 0:
            y[:, 0] = 0  # a label that no sample has
        p = np.round(p, 1) if seed % 2 else p  # ties; 0 and 1 too
        return y, (p >= 0.5).astype(int) if row.needs == OF_LABELS else p, weights, n
    present = random.permutation(n)[: max(1, n - seed % 3)]  # some classes are missing
    y = random.choice(present, m)
    scores = random.dirichlet(np.ones(n), m)
    if seed % 2:
        scores = np.round(scores * 4)
        scores[:, 0] += scores.sum(axis=1) == 0
        scores /= scores.sum(axis=1, keepdims=True)
    if row.needs == OF_LABELS:
        return y, scores.argmax(axis=1), weights, n
    return y, scores[:, 1] if n == 2 else scores, weights, n


@pytest.mark.parametrize("kind", ["two", "three", "many", "labels", "values"])
@pytest.mark.parametrize("name", METRICS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_metric_equals_that_of_scikit_learn(name, kind):
    """With ties, weights of 0, missing classes and a single class; equal up to rounding."""
    row = METRICS[name]
    if (row.needs == OF_VALUES) != (kind == "values") or (kind == "labels" and not row.several):
        return
    for seed in range(24):
        y, p, weights, n = cases(kind, name, seed)
        arguments = {} if weights is None else {"sample_weight": weights}
        expected = ORACLES[name](y, p, n, **arguments)
        assert row.value(y, p, weights, n) == pytest.approx(expected, rel=1e-11, nan_ok=True), seed


@pytest.mark.parametrize(("y", "p"), [([2.0, 2.0], [2.0, 2.0]), ([2.0, 2.0], [1.0, 3.0])])
def test_r2_of_a_constant_is_scikit_learns(y, p):
    assert r2(np.array(y), np.array(p)) == of_scikit_learn.r2_score(y, p)


def test_metrics_by_hand():
    y, p = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 5.0])
    assert (mae(y, p), rmse(y, p)) == (2 / 3, np.sqrt(4 / 3))
    assert r2(y, p) == 1 - 4 / 2
    assert accuracy(np.array([0, 1, 1]), np.array([0, 1, 0])) == 2 / 3


@pytest.mark.parametrize("name", ["r2", "mae", "rmse"])
def test_a_curve_has_the_score_of_the_network_after_the_epoch(name, backend):
    net, twin = regressor(backend), regressor(backend)
    history = net.fit(X[:20], VALUES[:20], 3, 8, 0.01, metrics=name,
                      validation_data=(X[20:], VALUES[20:]))  # fmt: skip
    for epoch in range(3):
        twin.fit(X[:20], VALUES[:20], 1, 8, 0.01)
        expected = ORACLES[name](VALUES[:20], twin.predict(X[:20]), 2)
        assert history.metrics[name][epoch] == pytest.approx(expected, rel=1e-12)
        expected = ORACLES[name](VALUES[20:], twin.predict(X[20:]), 2)
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
    """One output predicts class 1 from the middle of its targets on, which are -1, 1 for hinge."""
    output = "sigmoid" if threshold else "identity"
    net = bp.Network([1, 1], output=output, cost=cost, init=[[[1.0]]], backend=backend)
    X, y = [[-2.0], [0.0], [0.2], [1.0], [-1.0]], np.array([0, 1, 1, 0, 0])
    history = net.fit(X, y, 1, learning_rate=0, metrics="accuracy", validation_data=(X, y))
    assert history.accuracy == history.val_accuracy == [0.8] == [net.evaluate(X, y)["accuracy"]]


def test_weights_of_validation_samples_count_in_its_accuracy(backend):
    """This holds with and without the metric in `metrics`."""
    net, weights = classifier(backend), np.arange(30.0)
    validation = (X, LABELS, weights)
    history = net.fit(X, LABELS, 1, 8, 0.1, metrics="accuracy", validation_data=validation)
    assert history.val_accuracy == [net.evaluate(*validation)["accuracy"]]
    assert history.accuracy == [net.evaluate(X, LABELS)["accuracy"]] != history.val_accuracy


@pytest.mark.parametrize("value", ["acuracy", 5, ["r2", None], bp.Metric])
def test_other_objects_than_metrics_are_refused(value, backend):
    sentence = r"^metrics must be functions or among accuracy, balanced_accuracy, f1, .*mape; got"
    with pytest.raises(ValueError, match=sentence):
        classifier(backend).fit(X, LABELS, 1, metrics=value)
    with pytest.raises(ValueError, match=sentence):
        classifier(backend).evaluate(X, LABELS, metrics=value)


def test_accuracy_of_values_is_refused_before_the_training(backend):
    net = regressor(backend)
    with pytest.raises(ValueError, match=r"^metric 'accuracy' must have classes as targets"):
        net.fit(X, VALUES, 1, metrics="accuracy")
    assert net.epochs_trained == 0


def test_names_of_functions():
    metrics = Metrics([of_scikit_learn.r2_score, "mae", partial(of_scikit_learn.f1_score)])
    assert metrics.names == ["r2_score", "mae", "f1_score"]


def cost(y, p):
    return 0.0


@pytest.mark.parametrize(
    ("functions", "sentence"),
    [
        ([lambda y, p: 1.0, lambda y, p: 2.0], "must have different names; got '<lambda>' twice"),
        (["r2", "r2"], "metrics must have different names; got 'r2' twice"),
        ([partial(cost), partial(cost, p=1)], "metrics must not be called 'cost'"),
        (cost, r"metrics must not be called 'cost', .*; bp.Metric\(name, function\) gives"),
        (bp.Metric("val_r2", cost), "metrics must not be called 'val_r2'"),
        (bp.Metric("epoch", cost), "metrics must not be called 'epoch'"),
    ],
)
def test_every_column_of_the_history_has_a_unique_name(functions, sentence, backend):
    net = regressor(backend)
    with pytest.raises(ValueError, match=sentence):
        net.fit(X, VALUES, 1, metrics=functions)
    with pytest.raises(ValueError, match=sentence):
        net.evaluate(X, VALUES, metrics=functions)
    named = [bp.Metric("one", lambda y, p: 1.0), bp.Metric("two", lambda y, p: 2.0)]
    history = net.fit(X, VALUES, 2, metrics=named, validation_data=(X, VALUES))
    assert history.metrics == {
        "one": [1, 1], "two": [2, 2], "val_one": [1, 1], "val_two": [2, 2]
    }  # fmt: skip


def test_a_function_called_accuracy_has_both_of_its_columns(backend):
    def accuracy(y_true, y_pred):
        return 7.0

    net, validation = classifier(backend), (X, LABELS)
    history = net.fit(X, LABELS, 2, metrics=accuracy, validation_data=validation)
    assert history.accuracy == history.val_accuracy == [7, 7]
    assert net.evaluate(X, LABELS, metrics=accuracy)["accuracy"] == 7
    history = net.fit(X, LABELS, 2, metrics="accuracy", validation_data=validation)
    assert history.accuracy == history.val_accuracy != [7, 7]


# The arguments of each.


def received(needs, net, *arguments, weights=None):
    """Return y_true, y_pred and weights as `evaluate` passes them to a metric."""
    got = []

    def note(y_true, y_pred, sample_weight=None):
        got.append((y_true, y_pred, sample_weight))
        return 0.0

    net.evaluate(*arguments, weights, metrics=bp.Metric("m", note, needs=needs))
    return got[0]


@pytest.mark.parametrize("needs", ["auto", "labels", "scores", "probabilities", "values"])
def test_a_metric_gets_what_it_needs(needs, backend):
    two = bp.Network([4, 2], output="softmax", cost="cross_entropy", seed=0, backend=backend)
    one = bp.Network([4, 1], cost="cross_entropy", seed=0, backend=backend)
    several = bp.Network([4, 3], cost="cross_entropy", seed=0, backend=backend)
    y = LABELS % 2
    bits = RANDOM.integers(0, 2, (30, 3))
    classes = needs in ("auto", "labels")
    for net, targets, form in ((two, y, y), (one, y, y), (several, bits, bits)):
        a = net.predict(X)
        true, predicted, weights = received(needs, net, X, targets, weights=np.arange(30))
        np.testing.assert_array_equal(weights, np.arange(30))
        if needs == "values":
            expected = np.eye(2)[y] if net is two else targets
            wanted = a[:, 0] if net is one else a
        else:
            expected = form
            if classes:
                wanted = a.argmax(axis=1) if net is two else (a >= 0.5).astype(int)
                wanted = wanted.ravel() if net is one else wanted
            else:
                wanted = a if net is several else a[:, -1]
        np.testing.assert_array_equal(true, expected)
        np.testing.assert_array_equal(predicted, wanted)
    true, predicted, weights = received(needs, classifier(backend), X, LABELS)
    assert weights is None
    expected = np.eye(3)[LABELS] if needs == "values" else LABELS
    np.testing.assert_array_equal(true, expected)
    assert predicted.shape == ((30,) if classes else (30, 3))


def test_attributes_of_a_function_say_what_it_needs(backend):
    def top(y_true, y_pred):
        return float((y_pred.argmax(axis=1) == y_true).mean())

    top.needs, top.higher_is_better = "probabilities", True
    stopping = bp.EarlyStopping("top", patience=2)
    net = classifier(backend)
    history = net.fit(X, LABELS, 20, metrics=[top, "accuracy"], early_stopping=stopping)
    assert history.top == history.accuracy
    assert history.best_epoch == int(np.argmax(history.top)) + 1


@pytest.mark.parametrize(
    "function",
    [
        *(of_scikit_learn.roc_auc_score, of_scikit_learn.average_precision_score),
        *(of_scikit_learn.log_loss, of_scikit_learn.brier_score_loss),
    ],
)
def test_functions_of_scikit_learn_get_probabilities_not_labels(function, backend):
    weights = np.arange(30.0)
    for output in ("sigmoid", "softmax"):
        n = 1 + (output == "softmax")
        net = bp.Network(
            [4, 6, n], "tanh", output, "cross_entropy", seed=0, dtype="float64", backend=backend
        )
        history = net.fit(X, LABELS == 1, 5, 8, 0.1, metrics=[function], sample_weight=weights)
        expected = function(LABELS == 1, net.predict(X)[:, -1], sample_weight=weights)
        assert history.metrics[function.__name__][-1] == expected


def test_a_partial_function_is_that_function(backend):
    net = classifier(backend)
    auc = partial(of_scikit_learn.roc_auc_score, multi_class="ovr", average="weighted")
    scores = net.evaluate(X, LABELS, metrics=[auc, "roc_auc"])
    expected = of_scikit_learn.roc_auc_score(LABELS, net.predict(X), multi_class="ovr")
    # The mean over classes of the same size is the same with and without weights, to rounding.
    assert scores["roc_auc_score"] == pytest.approx(expected, rel=1e-12)
    assert scores["roc_auc"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_weights_are_repetitions_in_evaluate_fit_and_sources(name, backend):
    """A weight of 3 counts like three rows, and all three ways give the same number."""
    of_values = METRICS[name].needs == OF_VALUES
    net = regressor(backend) if of_values else classifier(backend)
    y = VALUES + 1 if of_values else LABELS
    weights = RANDOM.integers(0, 4, 30)
    repeated = np.repeat(np.arange(30), weights)
    expected = net.evaluate(X[repeated], y[repeated], metrics=name)[name]
    assert net.evaluate(X, y, weights, metrics=name)[name] == pytest.approx(expected, rel=1e-12)
    source = bp.data.source(X, y, weights=weights)
    assert net.evaluate(source, metrics=name)[name] == pytest.approx(expected, rel=1e-12)
    for arguments in ({"X": X, "y": y, "sample_weight": weights}, {"X": source}):
        validation = source if arguments["X"] is source else (X, y, weights)
        settings = {"epochs": 1, "learning_rate": 0.0, "metrics": name}
        settings |= {"validation_data": validation}
        history = net.fit(**arguments, **settings)
        columns = history.to_dict()
        assert columns[name] == columns[f"val_{name}"] == [pytest.approx(expected, rel=1e-12)]


def test_evaluate_keeps_its_columns_in_order(backend):
    scores = classifier(backend).evaluate(X, LABELS, metrics=["roc_auc", "accuracy", "f1"])
    assert list(scores) == ["cost", "roc_auc", "accuracy", "f1"]
    assert list(classifier(backend).evaluate(X, LABELS, metrics="f1")) == ["cost", "accuracy", "f1"]
    assert list(regressor(backend).evaluate(X, VALUES, metrics="mape")) == ["cost", "mape"]


# Undefined scores.


@pytest.mark.parametrize("name", ["roc_auc", "r2"])
def test_undefined_scores_are_nan_with_one_warning(name, backend):
    rows = slice(0, 1) if name == "r2" else slice(0, 30, 3)  # of class 0 alone
    net = regressor(backend) if name == "r2" else classifier(backend)
    y = VALUES if name == "r2" else LABELS
    with pytest.warns(RuntimeWarning, match=f"metric '{name}' is NaN: it requires") as record:
        history = net.fit(X[rows], y[rows], 3, metrics=name, learning_rate=0.1)
    assert np.isnan(history.metrics[name]).all() and len(record) == 1


def test_zeros_instead_of_an_undefined_number(backend):
    """As in scikit-learn, but without its warnings."""
    y, p = np.zeros(4, int), np.zeros(4, int)
    assert METRICS["f1"].value(y, p, None, 2) == 0
    assert METRICS["average_precision"].value(y, p * 0.5, None, 2) == 0


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "log_loss", "brier", "mae"])
def test_nan_stays_nan(name):
    y, p = np.array([0, 1, 1, 0]), np.array([0.1, np.nan, 0.8, 0.3])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(METRICS[name].value(y, p, None, 2))


@pytest.mark.parametrize("name", ["log_loss", "brier"])
def test_probabilities_are_those_of_softmax_and_sigmoid_alone(name, backend):
    for output, n in (("identity", 3), ("sigmoid", 3), ("tanh", 3)):
        net = bp.Network([4, n], output=output, backend=backend)
        with pytest.raises(ValueError, match=rf"^metric '{name}' must have probabilities.* with 3"):
            net.evaluate(X, LABELS, metrics=name)
    hinge = bp.Network([4, 1], output="identity", cost="hinge", backend=backend)
    with pytest.raises(ValueError, match=r"got identity with 1 output$"):
        hinge.fit(X, LABELS % 2, 1, metrics=name)
    assert 0 <= hinge.evaluate(X, LABELS % 2, metrics="roc_auc")["roc_auc"] <= 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("", cost), "name must be a text; got ''"),
        (("f", 3), "function must be callable; got 3"),
        (("f", cost, "proba"), "needs must be one of auto, labels, scores, probabilities, values"),
        (("f", cost, "auto", 1), "higher_is_better must be True or False; got 1"),
    ],
)
def test_bad_settings_of_a_metric_are_refused(arguments, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        bp.Metric(*arguments)


def test_weights_that_are_all_0_are_refused_before_anything_is_done(backend):
    zeros, net = np.zeros(30), classifier(backend)
    with pytest.raises(ValueError, match=r"^sample_weight must not be all 0; got 30 weights of 0$"):
        net.evaluate(X, LABELS, zeros)
    sentence = r"^the weights of validation_data must not be all 0; got 30 weights of 0$"
    with pytest.raises(ValueError, match=sentence):
        net.fit(X, LABELS, 3, validation_data=(X, LABELS, zeros))
    with pytest.raises(ValueError, match=r"^sample_weight must not be all 0; got 30"):
        net.fit(X, LABELS, 3, sample_weight=zeros, metrics="mae")
    assert net.epochs_trained == 0
    with pytest.raises(ValueError, match=r"^the weights of .* must not be all 0; got 30 of 0$"):
        net.evaluate(bp.data.source(X, LABELS, weights=zeros))


def test_labels_need_no_matrix_of_all_classes():
    """8,000 classes and four rows take 8,000 numbers per row, not 64 million."""
    import tracemalloc

    net = bp.Network([2, 8000], output="softmax", cost="cross_entropy", init="zeros")
    rows, labels = np.ones((4, 2)), np.array([0, 1, 7999, 3])
    tracemalloc.start()
    try:
        net.evaluate(rows, labels, metrics=["mae", "brier", "log_loss", "f1", "accuracy"])
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()


# Several labels a sample.


def several(backend):
    return bp.Network(
        [4, 6, 3], "tanh", "sigmoid", "cross_entropy", seed=0, dtype="float64", backend=backend
    )


BITS = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0], [1, 0, 1]] * 6)


def test_several_labels_mean_the_same_in_every_batch(backend, tmp_path):
    """Rows with one label each are not classes if the training had rows with several."""
    net = several(backend)
    history = net.fit(X, BITS, 30, 8, 0.3, metrics="accuracy", validation_data=(X[:2], BITS[:2]))
    net.save(tmp_path / "net")
    for twin in (net, bp.Network.load(tmp_path / "net", backend), pickle.loads(pickle.dumps(net))):
        right = ((twin.predict(X) >= 0.5) == BITS).all(axis=1)
        assert twin.evaluate(X, BITS)["accuracy"] == right.mean() == history.accuracy[-1]
        for row in range(5):
            one = twin.evaluate(X[row : row + 1], BITS[row : row + 1])
            assert one["accuracy"] == right[row]
        assert history.val_accuracy[-1] == right[:2].mean()
        for source in (bp.data.source(X, BITS), bp.data.source(X[:2], BITS[:2])):
            assert twin.evaluate(source)["accuracy"] == right[: len(source)].mean()


def test_several_labels_may_only_be_in_the_last_block(backend):
    net, order = several(backend), np.argsort(BITS.sum(axis=1) != 1, kind="stable")
    X_, bits = X[order], BITS[order].astype(float)

    def blocks():
        yield from ((X_[i : i + 6], bits[i : i + 6]) for i in range(0, 30, 6))

    source = bp.data.source(lambda: blocks())
    expected = ((net.predict(X_) >= 0.5) == bits).all(axis=1).mean()
    assert net.evaluate(source)["accuracy"] == expected == net.evaluate(X_, bits)["accuracy"]
    net.fit(source, epochs=1, learning_rate=0.0)
    one_hot = slice(0, 6)
    right = ((net.predict(X_[one_hot]) >= 0.5) == bits[one_hot]).all(axis=1)
    assert net.evaluate(X_[one_hot], bits[one_hot])["accuracy"] == right.mean()


def test_one_hot_rows_for_sigmoid_outputs_are_still_classes(backend):
    net, one_hot = several(backend), np.eye(3)[LABELS]
    net.fit(X, one_hot, 2)
    expected = (net.predict(X).argmax(axis=1) == LABELS).mean()
    assert net.evaluate(X, one_hot)["accuracy"] == net.evaluate(X, LABELS)["accuracy"] == expected


def test_values_are_not_labels(backend):
    """Outputs without a threshold, and numbers between 0 and 1, have no accuracy."""
    net = bp.Network([4, 3], output="identity", backend=backend)
    assert list(net.evaluate(X, BITS)) == ["cost"]
    assert list(several(backend).evaluate(X, BITS / 2)) == ["cost"]
    with pytest.raises(ValueError, match=r"^metric 'f1' must have classes as targets; got values"):
        several(backend).fit(X, BITS / 2, 1, metrics="f1")
    with pytest.raises(ValueError, match=r"^metric 'balanced_accuracy' must have one class"):
        several(backend).fit(X, BITS, 1, metrics="balanced_accuracy")
    source = bp.data.source(X, VALUES)
    with pytest.raises(ValueError, match=r"^metric 'f1' must have classes as targets; got values"):
        regressor(backend).fit(source, epochs=1, metrics="f1")
