"""Early stopping: when it ends a training, and that it gives the best parameters back."""

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.training.stopping import EarlyStopping

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 4))
LABELS = (X[:, 0] + RANDOM.normal(size=40) > 0).astype(int)


def network(backend="auto"):
    return bp.Network(
        [4, 20, 2], "tanh", "softmax", "cross_entropy", seed=0, dtype="float64", backend=backend
    )


class Core:
    """Stands for a core whose state is a number."""

    def __init__(self):
        self.now = 0

    def state(self):
        return self.now


def stops_after(costs, **settings):
    """The epoch after which it is over, the best one, and its state."""
    stopping, core = EarlyStopping("cost", **settings), Core()
    for epoch, cost in enumerate(costs, 1):
        core.now = epoch
        if stopping.is_over({"cost": cost}, epoch, core):
            return epoch, stopping.best_epoch, stopping.state
    return None, stopping.best_epoch, stopping.state


def test_patience_counts_epochs_without_progress():
    costs = [5, 4, 3, 3.5, 3, 2.9, 3, 3, 3, 1]
    assert stops_after(costs, patience=3) == (9, 6, 6)
    assert stops_after(costs, patience=1) == (4, 3, 3)
    assert stops_after(costs, patience=9) == (None, 10, 10)
    assert stops_after([5, 4, 4, 4], patience=2) == (4, 2, 2)  # the same is no progress


def test_progress_is_more_than_min_delta():
    costs = [5, 4.9, 4.8, 4.7, 4.6, 4.4]
    assert stops_after(costs, patience=3, min_delta=0.5) == (4, 1, 1)
    assert stops_after(costs, patience=5, min_delta=0.5) == (None, 6, 6)


def test_nan_is_no_progress():
    assert stops_after([np.nan, 3, np.nan, np.nan], patience=2) == (4, 2, 2)
    assert stops_after([np.nan] * 5, patience=2) == (2, 0, None)


def test_higher_is_better_for_accuracies_and_r2():
    for monitor, higher in {
        "accuracy": True,
        "val_r2": True,
        "val_cost": False,
        "f1": False,
    }.items():
        assert (EarlyStopping(monitor).sign() < 0) == higher
        assert EarlyStopping(monitor, higher_is_better=not higher).sign() == (1 if higher else -1)
    assert stops_after([1, 2, 3, 2, 2], patience=2, higher_is_better=True) == (5, 3, 3)


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
    for name, value in twin._core.state().items():  # the optimiser's memory too
        assert np.array_equal(value, net._core.state()[name]), name


def test_the_last_parameters_are_kept_where_asked_for(backend):
    net, twin = network(backend), network(backend)
    stopping = EarlyStopping("cost", patience=2, min_delta=0.1, restore_best=False)
    history = net.fit(X, LABELS, 400, 8, 0.1, early_stopping=stopping)
    assert history.stopped == "early_stopping" and history.best_epoch is None
    twin.fit(X, LABELS, len(history), 8, 0.1)
    assert np.array_equal(net.weights[0], twin.weights[0])


def test_the_best_are_restored_where_the_epochs_come_to_an_end(backend):
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


def test_it_watches_the_validation_where_there_is_one(backend):
    net = network(backend)
    history = net.fit(X, LABELS, 200, 8, 0.5, validation_fraction=0.25, early_stopping=True)
    assert history.best_epoch == int(np.argmin(history.val_cost)) + 1
    assert len(history) == min(200, history.best_epoch + 10)


def test_false_and_none_stop_nothing(backend):
    for given in (False, None):
        history = network(backend).fit(X, LABELS, 12, 8, 0.0, early_stopping=given)
        assert (history.stopped, len(history), history.best_epoch) == ("epochs", 12, None)


def test_a_metric_can_be_watched(backend):
    stopping = EarlyStopping("val_accuracy", patience=4)
    history = network(backend).fit(
        X, LABELS, 100, 8, 0.1, validation_fraction=0.25, early_stopping=stopping
    )
    assert history.best_epoch == int(np.argmax(history.val_accuracy)) + 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"patience": 0}, "patience must be an integer >= 1; got 0"),
        ({"patience": 1.5}, "patience must be an integer >= 1; got 1.5"),
        ({"min_delta": -1}, "min_delta must be a finite number >= 0; got -1"),
        ({"restore_best": "no"}, "restore_best must be True or False; got 'no'"),
        ({"higher_is_better": 2}, "higher_is_better must be True or False; got 2"),
        ({"monitor": 3}, "monitor must be a column of the history; got 3"),
    ],
)
def test_bad_settings_are_refused_at_construction(given, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        EarlyStopping(**given)


def test_what_there_will_not_be_cannot_be_watched(backend):
    net = network(backend)
    sentence = "^early_stopping must monitor one of accuracy, cost; got 'val_cost'$"
    with pytest.raises(ValueError, match=sentence):
        net.fit(X, LABELS, 1, metrics="accuracy", early_stopping=EarlyStopping("val_cost"))
    assert net.epochs_trained == 0
    with pytest.raises(TypeError, match=r"^early_stopping must be an integer >= 1; got 'soon'$"):
        net.fit(X, LABELS, 1, early_stopping="soon")
