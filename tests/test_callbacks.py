"""Callbacks: the events that each receives, what it reads, and what it may change."""

from functools import partial

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.training.callbacks import MOMENTS
from networks import classifier

X = np.random.default_rng(0).normal(size=(20, 4))
LABELS = np.arange(20) % 3


network = partial(classifier, dtype="float64")


class Recorder:
    """Record all events."""

    def __init__(self):
        self.told = []

    def on_fit_begin(self, net):
        self.told.append("begin")

    def on_epoch_begin(self, net):
        self.told.append(f"epoch {net.epochs_trained + 1}")

    def on_step_end(self, step):
        self.told.append(f"step {step.epoch} {step.number}")

    def on_epoch_end(self, epoch):
        self.told.append(f"end {epoch.number}")

    def on_fit_end(self, net):
        self.told.append("over")


def test_a_recorder_receives_every_event():
    assert all(hasattr(Recorder, moment) for moment in MOMENTS)


def test_the_events_and_their_order(backend):
    recorder = Recorder()
    network(backend).fit(X, LABELS, 2, 8, 0.1, callbacks=recorder)
    steps = [[f"step {epoch} {number}" for number in (1, 2, 3)] for epoch in (1, 2)]
    assert recorder.told == [
        *("begin", "epoch 1", *steps[0], "end 1"),
        *("epoch 2", *steps[1], "end 2", "over"),
    ]


def test_a_function_is_called_after_each_epoch(backend):
    epochs = []
    history = network(backend).fit(X, LABELS, 3, learning_rate=0.1, callbacks=epochs.append)
    assert [epoch.number for epoch in epochs] == [1, 2, 3]
    assert [epoch.scores["cost"] for epoch in epochs] == history.cost
    assert epochs[0].history is history
    assert repr(epochs[2]) == f"Epoch(3, cost {history.cost[2]:.4g})"


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_single_event_is_received_every_time(moment, backend):
    events = []
    callback = type("One", (), {moment: lambda self, event: events.append(event)})()
    network(backend).fit(X, LABELS, 3, 8, 0.1, callbacks=callback)
    often = {"on_fit_begin": 1, "on_fit_end": 1, "on_step_end": 9}.get(moment, 3)
    assert len(events) == often


def test_epochs_are_counted_over_all_trainings(backend):
    net, numbers = network(backend), []
    for _ in range(2):
        net.fit(X, LABELS, 2, learning_rate=0.1, callbacks=lambda e: numbers.append(e.number))
    assert numbers == [1, 2, 3, 4]


def test_several_are_called_in_their_order(backend):
    events = []
    several = [lambda epoch, name=name: events.append((epoch.number, name)) for name in "abc"]
    network(backend).fit(X, LABELS, 2, learning_rate=0.1, callbacks=several)
    assert events == [(epoch, name) for epoch in (1, 2) for name in "abc"]


def test_a_callable_object_with_events_is_only_called_at_these(backend):
    class Both:
        called = began = 0

        def __call__(self, epoch):
            self.called += 1

        def on_fit_begin(self, net):
            self.began += 1

    both = Both()
    network(backend).fit(X, LABELS, 3, learning_rate=0.1, callbacks=both)
    assert (both.called, both.began) == (0, 1)


@pytest.mark.parametrize("moment", ["on_epoch_begin", "on_step_end", "on_epoch_end"])
def test_callbacks_do_not_change_the_training(moment, backend):
    watched, plain = network(backend), network(backend)
    callback = type("Watcher", (), {moment: lambda self, event: None})()
    settings = {"epochs": 3, "batch_size": 8, "optimizer": "adam", "schedule": "cosine"}
    histories = [
        watched.fit(X, LABELS, callbacks=callback, **settings),
        plain.fit(X, LABELS, **settings),
    ]
    assert histories[0].cost == histories[1].cost
    assert histories[0].learning_rate == histories[1].learning_rate
    for one, other in zip(watched.weights, plain.weights, strict=True):
        assert one.tobytes() == other.tobytes()


def test_the_costs_of_the_steps_are_those_of_the_epoch(backend):
    steps = []
    callback = type("Watcher", (), {"on_step_end": lambda self, step: steps.append(step)})()
    history = network(backend).fit(X, LABELS, 2, 8, 0.1, callbacks=callback)
    rows = [8, 8, 4]
    for epoch, cost in enumerate(history.cost):
        of_epoch = [step.cost for step in steps if step.epoch == epoch + 1]
        assert np.dot(rows, of_epoch) / 20 == pytest.approx(cost, rel=1e-14)
    assert repr(steps[0]) == f"Step(1, 1, cost {steps[0].cost:.4g})"


def test_a_callback_may_stop_the_training(backend):
    net, twin = network(backend), network(backend)
    history = net.fit(
        X, LABELS, 9, 8, 0.1, callbacks=lambda epoch: epoch.number == 4 and epoch.stop()
    )
    assert (history.stopped, len(history), net.epochs_trained) == ("callback", 4, 4)
    twin.fit(X, LABELS, 4, 8, 0.1)
    assert np.array_equal(net.weights[0], twin.weights[0])


def test_a_callback_may_stop_the_training_after_a_step(backend):
    net, core = network(backend), network(backend)._core
    stop = type("Stop", (), {"on_step_end": lambda self, step: step.number == 2 and step.stop()})()
    history = net.fit(X, LABELS, 9, 8, 0.1, callbacks=stop)
    assert (history.stopped, len(history), net.epochs_trained) == ("callback", 0, 0)
    core.set_optimizer("sgd")
    run = {"batch_size": 8, "learning_rate": 0.1, "shuffle": True, "seed": 0, "budget": 60.0}
    core.train(X, LABELS, run | {"stop_epoch": 0, "stop_step": 2}, (0, 0, 0.0, 0.0))
    for one, other in zip(net.weights, core.weights(), strict=True):
        assert one.tobytes() == other.tobytes()


def test_a_callback_may_change_the_learning_rate(backend):
    """A rate that is set after epoch 2 applies from epoch 3 on, times the schedule."""

    def slower(epoch):
        if epoch.number == 2:
            epoch.learning_rate = 0.01

    net, twin = network(backend), network(backend)
    history = net.fit(X, LABELS, 4, 8, 0.1, callbacks=slower)
    assert history.learning_rate == [0.1, 0.1, 0.01, 0.01]
    twin.fit(X, LABELS, 2, 8, 0.1)
    twin.fit(X, LABELS, 2, 8, 0.01)
    assert np.array_equal(net.weights[0], twin.weights[0])


def test_a_callback_may_read_and_save_but_not_change(backend, tmp_path):
    refused = []

    def reads(epoch):
        net = epoch.net
        assert net.evaluate(X, LABELS).keys() == {"cost", "accuracy"}
        net.save(tmp_path / f"{epoch.number}.safetensors")
        for change in (
            lambda: net.fit(X, LABELS, 1),
            lambda: net.partial_fit(X, LABELS),
            lambda: net.step(X, LABELS, 0.1),
            lambda: setattr(net, "weights", net.weights),
            lambda: setattr(net, "biases", net.biases),
        ):
            with pytest.raises(RuntimeError, match="being trained"):
                change()
            refused.append(change)

    net = network(backend)
    net.fit(X, LABELS, 2, 8, 0.1, callbacks=[reads])
    assert len(refused) == 10
    saved = bp.Network.load(tmp_path / "2.safetensors")
    assert np.array_equal(saved.weights[1], net.weights[1])
    net.fit(X, LABELS, 1)  # it is free again


def test_a_callback_may_train_another_network(backend):
    other = network(backend)
    network(backend).fit(X, LABELS, 2, callbacks=lambda epoch: other.fit(X, LABELS, 3))
    assert other.epochs_trained == 6


def test_an_exception_of_a_callback_ends_the_training(backend):
    def raises(epoch):
        raise ZeroDivisionError("of the callback")

    net = network(backend)
    with pytest.raises(ZeroDivisionError, match="of the callback"):
        net.fit(X, LABELS, 2, callbacks=raises)
    assert net.fit(X, LABELS, 1).epoch == [2]


@pytest.mark.parametrize("callbacks", [5, "early", Recorder, [print, None], object()])
def test_other_objects_than_callbacks_are_refused(callbacks, backend):
    net = network(backend)
    with pytest.raises(TypeError, match=r"^callbacks must be functions or objects with one of on_"):
        net.fit(X, LABELS, 1, callbacks=callbacks)
    assert net.epochs_trained == 0


@pytest.mark.parametrize("rate", [-1.0, "fast", np.nan])
def test_a_rate_that_cannot_be_used_is_refused(rate, backend):
    with pytest.raises((TypeError, ValueError), match=r"^learning_rate must be a finite number"):
        network(backend).fit(X, LABELS, 2, callbacks=lambda e: setattr(e, "learning_rate", rate))
