"""Early stopping: the end of a training, and the restored best parameters."""

from functools import partial

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.training.early_stopping import EarlyStopping, Stopping
from backprop_rs.training.state import Best
from networks import classifier

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 4))
LABELS = (X[:, 0] + RANDOM.normal(size=40) > 0).astype(int)


network = partial(classifier, sizes=[4, 20, 2], dtype="float64")


class Core:
    """A substitute for a core, whose state is a number."""

    def __init__(self):
        self.now = 0

    def state(self):
        return self.now


def stops_after(costs, first=0, higher=False, **settings):
    """Return the last epoch, the best one and its state; `first` epochs came before."""
    stopping, core = Stopping(EarlyStopping("cost", **settings), higher), Core()
    best = Best(first)
    for epoch, cost in enumerate(costs, first + 1):
        core.now = epoch
        if stopping.should_stop(best, {"cost": cost}, epoch, core, first):
            return epoch, best.epoch, best.parameters
    return None, best.epoch, best.parameters


def test_patience_counts_epochs_without_progress():
    costs = [5, 4, 3, 3.5, 3, 2.9, 3, 3, 3, 1]
    assert stops_after(costs, patience=3) == (9, 6, 6)
    assert stops_after(costs, patience=1) == (4, 3, 3)
    assert stops_after(costs, patience=9) == (None, 10, 10)
    assert stops_after([5, 4, 4, 4], patience=2) == (4, 2, 2)  # an equal value is not progress


def test_progress_is_more_than_min_delta():
    costs = [5, 4.9, 4.8, 4.7, 4.6, 4.4]
    assert stops_after(costs, patience=3, min_delta=0.5) == (4, 1, 1)
    assert stops_after(costs, patience=5, min_delta=0.5) == (None, 6, 6)


def test_nan_is_not_progress():
    assert stops_after([np.nan, 3, np.nan, np.nan], patience=2) == (4, 2, 2)
    assert stops_after([np.nan] * 5, patience=2) == (2, 0, None)


def test_epochs_before_this_training_do_not_count():
    assert stops_after([np.nan, 3, np.nan, np.nan], first=50, patience=2) == (54, 52, 52)
    assert stops_after([np.nan] * 5, first=50, patience=2) == (52, 50, None)


def test_higher_is_better_if_set():
    assert stops_after([1, 2, 3, 2, 2], patience=2, higher=True) == (5, 3, 3)
    assert stops_after([3, 2, 1, 2, 2], patience=2, higher=False) == (5, 3, 3)


def test_the_last_of_equal_epochs_is_the_best_if_set():
    costs = [5, 3, 4, 3, 3, np.nan, 4, 4]
    assert stops_after(costs, patience=None, ties="last") == (None, 5, 5)
    assert stops_after(costs, patience=None) == (None, 2, 2)
    assert stops_after(costs, patience=3, ties="last") == (8, 5, 5)
    assert stops_after([np.nan] * 5, patience=2, ties="last") == (2, 0, None)
    assert stops_after([np.inf] * 3, patience=2, ties="last") == (None, 3, 3)
    assert stops_after([3, 4, 4, 3, 2], patience=9, ties="last", higher=True) == (None, 3, 3)


@pytest.mark.parametrize("first", [0, 50])
@pytest.mark.parametrize(("best", "end"), [(1, 23), (7, 35), (10, 41)])
def test_the_patience_grows_with_the_best_epoch(best, end, first):
    """The rule of RealMLP: stop as soon as epoch > 2 best_epoch + 20."""
    costs = [1.0 if epoch == best else 2.0 for epoch in range(1, 99)]
    assert end == min(epoch for epoch in range(1, 99) if epoch > 2 * best + 20 and epoch >= best)
    expected = (first + end, first + best, first + best)
    assert stops_after(costs, first, patience=21, patience_factor=2) == expected


def test_all_epochs_are_made_and_the_best_one_is_restored(backend):
    values = [3.0, 1.0, 2.0, 1.0, 4.0]
    kept = []
    for ties, best in (("first", 2), ("last", 4)):
        scores = iter(values)
        metric = bp.Metric("m", lambda y, p, scores=scores: next(scores), higher_is_better=False)
        net = network(backend)
        weights = []
        history = net.fit(
            X, LABELS, 5, 8, 0.1, metrics=metric,
            early_stopping=bp.EarlyStopping("m", patience=None, ties=ties),
            callbacks=lambda epoch, weights=weights: weights.append(epoch.net.weights),
        )  # fmt: skip
        assert (len(history), history.best_epoch, history.stopped) == (5, best, "epochs")
        assert all((a == b).all() for a, b in zip(net.weights, weights[best - 1], strict=True))
        kept.append(net.weights[0])
    assert (kept[0] != kept[1]).any()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"ties": "both"}, "ties must be one of first, last; got 'both'"),
        ({"patience_factor": 0.5}, "patience_factor must be a finite number >= 1; got 0.5"),
        ({"ties": "last", "min_delta": 0.1}, "min_delta must be 0 with ties='last'; got 0.1"),
    ],
)
def test_wrong_rules_are_refused(settings, sentence):
    with pytest.raises(ValueError) as caught:
        bp.EarlyStopping(**settings)
    assert str(caught.value).startswith(sentence)


def test_nan_in_the_first_epoch_of_a_second_training_does_not_end_it(backend):
    values = iter([np.nan, 1.0, 0.5, 0.7, 0.7] * 2)
    metric = bp.Metric("m", lambda y, p: next(values), higher_is_better=False)
    stopping, net = bp.EarlyStopping("m", patience=2), network(backend)
    for best in (3, 8):
        history = net.fit(X, LABELS, 20, 8, 0.1, metrics=metric, early_stopping=stopping)
        assert (len(history), history.best_epoch, history.stopped) == (5, best, "early_stopping")


def f1_of_sklearn(y, p):
    from sklearn.metrics import f1_score

    return f1_score(y, p)


@pytest.mark.parametrize(
    ("metric", "higher"),
    [
        *(("accuracy", True), ("r2", True), ("f1", True), ("roc_auc", True), ("brier", False)),
        *(("log_loss", False), ("mape", False), (bp.Metric("f", f1_of_sklearn), None)),
        (bp.Metric("f", f1_of_sklearn, higher_is_better=True), True),
        (f1_of_sklearn, None),
    ],
)
def test_the_direction_is_that_of_the_metric(metric, higher, backend):
    """The parameters are those of the epoch with the best score; functions must state theirs."""
    net = network(backend)
    name = metric if isinstance(metric, str) else getattr(metric, "name", "f1_of_sklearn")
    settings = {"metrics": metric, "validation_data": (X[::-1] + 0.5, LABELS)}

    def fit(**stopping):
        watched = bp.EarlyStopping(f"val_{name}", patience=30, **stopping)
        return net.fit(X, LABELS, 12, 8, 0.5, early_stopping=watched, **settings)

    if higher is None:
        sentence = "early_stopping must have higher_is_better=True or False to monitor "
        with pytest.raises(ValueError, match=f"{sentence}'val_{name}'"):
            fit()
        assert net.epochs_trained == 0
        history, higher = fit(higher_is_better=True), True
    else:
        history = fit()
    curve = history.metrics.get(f"val_{name}") or history.val_accuracy
    best = np.argmax(curve) if higher else np.argmin(curve)
    assert history.best_epoch == best + 1
    scores = net.evaluate(X[::-1] + 0.5, LABELS, metrics=metric)
    assert scores[name] == curve[best]
    assert max(curve) > min(curve)


def test_sharing_the_settings_changes_nothing(backend):
    """Each of many trainings stops and goes back as it does alone."""
    shared = bp.EarlyStopping("cost", patience=3, min_delta=0.01)
    configs = [
        {"sizes": [4, n, 2], "output": "softmax", "cost": "cross_entropy", "seed": n, "epochs": 40,
         "learning_rate": 0.5, "backend": backend, "early_stopping": shared}
        for n in (3, 20, 4, 30)
    ]  # fmt: skip
    before = repr(shared)
    together = bp.train_many(configs, X, LABELS, threads=2)
    assert repr(shared) == before
    for one, config in zip(together, configs, strict=True):
        fresh = {"early_stopping": bp.EarlyStopping("cost", patience=3, min_delta=0.01)}
        (alone,) = bp.train_many([config | fresh], X, LABELS)
        assert one.error is None
        assert one.history.cost == alone.history.cost
        assert one.history.best_epoch == alone.history.best_epoch is not None
        assert all(map(np.array_equal, one.net.weights, alone.net.weights))


def test_the_settings_cannot_be_changed():
    from dataclasses import FrozenInstanceError

    for settings in (bp.EarlyStopping(), bp.Health()):
        for name in ("patience", "every", "state", "record"):
            with pytest.raises(FrozenInstanceError):
                setattr(settings, name, 1)


def test_the_best_parameters_are_restored(backend):
    net, twin = network(backend), network(backend)
    history = net.fit(
        *(X, LABELS, 400, 8, 0.5), optimizer="sgd(momentum=0.9)", early_stopping=5,
        validation_data=(X[::-1] + 0.5, LABELS[::-1]),
    )  # fmt: skip
    best = int(np.argmin(history.val_cost)) + 1
    assert history.stopped == "early_stopping"
    assert history.best_epoch == best == len(history) - 5
    twin.fit(X, LABELS, best, 8, 0.5, optimizer="sgd(momentum=0.9)")
    for name, value in twin._core.state().items():  # the optimizer state too
        assert np.array_equal(value, net._core.state()[name]), name


def test_the_last_parameters_are_kept_on_request(backend):
    net, twin = network(backend), network(backend)
    stopping = EarlyStopping("cost", patience=2, min_delta=0.1, restore_best=False)
    history = net.fit(X, LABELS, 400, 8, 0.1, early_stopping=stopping)
    assert history.stopped == "early_stopping" and history.best_epoch is None
    twin.fit(X, LABELS, len(history), 8, 0.1)
    assert np.array_equal(net.weights[0], twin.weights[0])


def test_the_best_are_restored_after_the_last_epoch(backend):
    net = network(backend)
    history = net.fit(X, LABELS, 30, 8, 3.0, early_stopping=100, on_nan="ignore")
    assert history.stopped == "epochs"
    assert history.best_epoch == int(np.argmin(history.cost)) + 1


def test_a_second_training_starts_afresh(backend):
    stopping = EarlyStopping("cost", patience=2, min_delta=0.1)
    net = network(backend)
    for _ in range(2):
        history = net.fit(X, LABELS, 50, 8, 0.05, early_stopping=stopping)
        assert history.epoch[0] <= history.best_epoch <= history.epoch[-1]


def test_it_monitors_validation_data_if_there_are_any(backend):
    net = network(backend)
    history = net.fit(X, LABELS, 200, 8, 0.5, validation_fraction=0.25, early_stopping=True)
    assert history.best_epoch == int(np.argmin(history.val_cost)) + 1
    assert len(history) == min(200, history.best_epoch + 10)


def test_false_and_none_stop_nothing(backend):
    for option in (False, None):
        history = network(backend).fit(X, LABELS, 12, 8, 0.0, early_stopping=option)
        assert (history.stopped, len(history), history.best_epoch) == ("epochs", 12, None)


def test_a_metric_can_be_monitored(backend):
    stopping = EarlyStopping("val_accuracy", patience=4)
    history = network(backend).fit(
        X, LABELS, 100, 8, 0.1, validation_fraction=0.25, early_stopping=stopping
    )
    assert history.best_epoch == int(np.argmax(history.val_accuracy)) + 1


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"patience": 0}, "patience must be an integer >= 1; got 0"),
        ({"patience": 1.5}, "patience must be an integer >= 1; got 1.5"),
        ({"min_delta": -1}, "min_delta must be a finite number >= 0; got -1"),
        ({"restore_best": "no"}, "restore_best must be True or False; got 'no'"),
        ({"higher_is_better": 2}, "higher_is_better must be True or False; got 2"),
        ({"monitor": 3}, "monitor must be a column of the history; got 3"),
    ],
)
def test_bad_settings_are_refused_at_construction(settings, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        EarlyStopping(**settings)


def test_a_missing_column_cannot_be_monitored(backend):
    net = network(backend)
    sentence = "^early_stopping must monitor one of accuracy, cost; got 'val_cost'$"
    with pytest.raises(ValueError, match=sentence):
        net.fit(X, LABELS, 1, metrics="accuracy", early_stopping=EarlyStopping("val_cost"))
    assert net.epochs_trained == 0
    with pytest.raises(TypeError, match=r"^early_stopping must be an integer >= 1; got 'soon'$"):
        net.fit(X, LABELS, 1, early_stopping="soon")
