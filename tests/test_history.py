"""The history of a training, and its progress bar."""

import re
import subprocess
import sys
from functools import partial

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs import progress
from networks import classifier

X = np.random.default_rng(0).normal(size=(30, 4))
LABELS = np.arange(30) % 3


network = partial(classifier, dtype="float64")


def test_one_entry_per_epoch(backend):
    history = network(backend).fit(X, LABELS, epochs=4, validation_data=(X, LABELS))
    for column in (history.epoch, history.cost, history.val_cost, history.seconds):
        assert len(column) == 4
    assert len(history.val_accuracy) == 4
    assert all(seconds > 0 for seconds in history.seconds)


def test_epochs_that_end_together_share_their_time():
    history = bp.History()
    history.extend(4, [0.5, 0.25], seconds=3.0, rates=[0.1, 0.2])
    assert history.to_dict() == {
        "epoch": [3, 4], "cost": [0.5, 0.25], "seconds": [1.5, 1.5], "learning_rate": [0.1, 0.2],
    }  # fmt: skip


def test_no_validation_no_columns(backend):
    history = network(backend).fit(X, LABELS, epochs=3)
    assert history.to_dict().keys() == {"epoch", "cost", "seconds", "learning_rate"}


def test_no_accuracy_if_targets_are_not_classes(backend):
    y = np.full((30, 3), 0.3)
    history = network(backend).fit(X, y, epochs=2, validation_data=(X, y))
    assert history.to_dict().keys() == {"epoch", "cost", "val_cost", "seconds", "learning_rate"}


def test_validation_equals_evaluate_after_the_epoch(backend):
    net, twin = network(backend), network(backend)
    history = net.fit(X, LABELS, epochs=2, learning_rate=0.1, validation_data=(X[:9], LABELS[:9]))
    for epoch in range(2):
        twin.fit(X, LABELS, epochs=1, learning_rate=0.1)
        scores = twin.evaluate(X[:9], LABELS[:9])
        assert history.val_cost[epoch] == scores["cost"]
        assert history.val_accuracy[epoch] == scores["accuracy"]


def test_validation_does_not_change_training(backend):
    nets = [network(backend) for _ in range(2)]
    nets[0].fit(X, LABELS, epochs=3)
    nets[1].fit(X, LABELS, epochs=3, validation_data=(X, LABELS))
    for left, right in zip(nets[0].weights, nets[1].weights, strict=True):
        assert left.tobytes() == right.tobytes()


def test_no_epochs(backend):
    history = network(backend).fit(X, LABELS, epochs=0)
    assert len(history) == 0
    assert repr(history) == "History(0 epochs)"


def test_repr(backend):
    history = network(backend).fit(X, LABELS, epochs=2, validation_data=(X, LABELS))
    number = r"[\d.]+ -> [\d.]+"
    pattern = rf"History\(2 epochs, cost {number}, val_cost {number}, val_accuracy {number}, .+ s\)"
    assert re.fullmatch(pattern, repr(history))


def test_ctrl_c_keeps_the_finished_epochs(backend, monkeypatch):
    """Ctrl-C arrives between two slices of training; a later fit continues from there."""
    net, twin = network(backend), network(backend)

    class Interrupting(progress.Silent):
        shown = None

        def wants(self):
            return True

        def show(self, fraction, text):
            if net.epochs_trained == 2 and fraction != self.shown:
                self.shown = fraction
                raise KeyboardInterrupt

    monkeypatch.setattr("backprop_rs.training.fit.progress_bar", lambda show: Interrupting())
    history = net.fit(X, LABELS, epochs=5, learning_rate=0.1, validation_data=(X, LABELS))
    assert history.stopped == "interrupted"
    assert len(history) == 2
    monkeypatch.undo()
    twin.fit(X, LABELS, epochs=2, learning_rate=0.1)
    for left, right in zip(net.weights, twin.weights, strict=True):
        assert left.tobytes() == right.tobytes()


# The bar.


def test_no_bar_in_a_pipe():
    program = "import backprop_rs as bp; bp.Network([1, 1], backend='numpy').fit([[1]], [1])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert run.stdout == run.stderr == b""


@pytest.mark.parametrize("tqdm", [True, False])
def test_a_bar_on_request(tqdm, monkeypatch, capsys):
    if tqdm:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm", None)
        monkeypatch.setitem(sys.modules, "tqdm.autonotebook", None)
    history = network("numpy").fit(X, LABELS, epochs=3, progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"epoch 3/3, cost {history.cost[-1]:.4g}" in captured.err.splitlines()[-1]
    assert captured.err.endswith("\n")


def test_no_bar_with_progress_false(monkeypatch, capsys):
    monkeypatch.setattr(progress, "in_terminal", lambda: True)
    network("numpy").fit(X, LABELS, epochs=3, progress=False)
    assert capsys.readouterr().err == ""


def test_a_bar_in_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(progress, "in_terminal", lambda: True)
    network("numpy").fit(X, LABELS, epochs=3)
    assert "epoch 3/3" in capsys.readouterr().err


def test_a_bar_in_jupyter(monkeypatch):
    class ZMQInteractiveShell:
        pass

    class IPython:
        @staticmethod
        def get_ipython():
            return ZMQInteractiveShell()

    assert not progress.in_jupyter()
    monkeypatch.setitem(sys.modules, "IPython", IPython)
    assert progress.in_jupyter()


def test_a_second_fit_continues_the_count(backend, monkeypatch):
    texts = []

    class Recording(progress.Silent):
        def wants(self):
            return True

        def show(self, fraction, text):
            texts.append(text)

    monkeypatch.setattr("backprop_rs.training.trainer.SLICE", 0.0)  # a look after every step
    monkeypatch.setattr("backprop_rs.training.fit.progress_bar", lambda show: Recording())
    net = network(backend)
    for _ in range(2):
        net.fit(X, LABELS, epochs=1, batch_size=len(X) // 2)
    assert [text.split(",")[0] for text in texts] == [
        *("epoch 0/1", "epoch 1/1"),
        *("epoch 1/2", "epoch 2/2"),
    ]


@pytest.mark.parametrize("step", [0, 1])
def test_a_resumed_training_counts_from_its_checkpoint(step, backend, monkeypatch, tmp_path):
    """10 epochs of two steps of a second each; another process has done the first 6."""
    texts, fractions = [], []

    class Fails:
        """Stop two steps after the checkpoint was written."""

        steps = 12 + step + 2

        def on_step_end(self, event):
            self.steps -= 1
            if not self.steps:
                raise OSError

    class Recording(progress.Silent):
        def wants(self):
            return True

        def show(self, fraction, text):
            fractions.append(fraction)
            texts.append(text.split(", ")[-2:])

    run = {"epochs": 10, "batch_size": 15, "learning_rate": 0.1, "progress": False}
    run |= {"checkpoint": tmp_path / "run", "checkpoint_every": "0s", "resume": True}
    with pytest.raises(OSError):
        network(backend).fit(X, LABELS, callbacks=Fails(), **run)

    now = [100.0]
    monkeypatch.setattr("backprop_rs.training.trainer.perf_counter", lambda: now[0])
    monkeypatch.setattr("backprop_rs.training.fit.progress_bar", lambda show: Recording())

    class Clock:
        def on_step_end(self, event):
            now[0] += 1.0

    network(backend).fit(X, LABELS, callbacks=Clock(), **run)
    left = 8 - step
    assert fractions == [1 - one / 20 for one in range(left - 1, -1, -1)]
    assert texts == [["15 samples/s", f"0:{one:02d} left"] for one in range(left - 1, -1, -1)]


def test_html_has_the_first_and_the_last_score():
    history = bp.History(
        epoch=[1, 2], cost=[0.5, 0.25], seconds=[0.1, 0.1], metrics={"<b>": [1, 2]}
    )
    page = history._repr_html_()
    assert "<td>cost</td><td>0.5</td><td>0.25</td>" in page and "<td>&lt;b&gt;</td>" in page
    assert bp.History()._repr_html_() == "<div>History(0 epochs)</div>"
