"""Messages to the logger "backprop_rs": what each level tells, and that silence costs nothing."""

import logging
import subprocess
import sys

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.training import log

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


def network(seed=7):
    return bp.Network([3, 4, 2], output="softmax", cost="cross_entropy", seed=seed)


def events(caplog, level=logging.DEBUG):
    return [record.event for record in caplog.records if record.levelno >= level]


@pytest.fixture
def listening(caplog):
    caplog.set_level(logging.DEBUG, "backprop_rs")
    return caplog


def test_a_training_tells_its_settings_epochs_and_end(listening):
    history = network().fit(X, Y, epochs=3, batch_size=20, learning_rate=0.1, progress=False,
                            validation_data=(X, Y), metrics="accuracy")  # fmt: skip
    assert events(listening) == ["begin", "epoch", "epoch", "epoch", "end"]
    begin, *epochs, end = listening.records
    assert begin.getMessage() == (
        "Network(3-4-2) with seed 7: training begins: samples 60, validation samples 60, epochs 3, "
        "batch_size 20, optimizer sgd, learning_rate 0.1, schedule constant"
    )
    assert begin.levelno == end.levelno == logging.INFO
    assert begin.settings["learning_rate"] == 0.1
    for k, record in enumerate(epochs):
        assert record.levelno == logging.DEBUG
        assert record.epoch == k + 1
        assert record.scores == {name: column[k] for name, column in history.scores().items()}
        assert record.getMessage().startswith(f"Network(3-4-2) with seed 7: epoch {k + 1} of 3, co")
    assert set(epochs[0].scores) >= {"cost", "val_cost", "accuracy", "val_accuracy"}
    assert end.stopped == "epochs" and end.epoch == 3
    assert "training ends after epoch 3 (epochs), cost " in end.getMessage()
    assert {record.name for record in listening.records} == {"backprop_rs"}


def test_epochs_that_end_together_are_each_told(listening):
    history = network().fit(X, Y, epochs=40, progress=False)
    told = [record for record in listening.records if record.event == "epoch"]
    assert [record.epoch for record in told] == list(range(1, 41))
    assert [record.scores["cost"] for record in told] == history.cost


def test_progress_comes_at_intervals(caplog, monkeypatch):
    caplog.set_level(logging.INFO, "backprop_rs")
    monkeypatch.setattr(log, "INTERVAL", 0.0)
    network().fit(X, Y, epochs=3, validation_data=(X, Y), progress=False)
    assert events(caplog) == ["begin", "progress", "progress", "progress", "end"]
    assert " of 3, cost " in caplog.records[1].getMessage()
    assert "samples/s" in caplog.records[1].getMessage()


def test_early_stopping(listening):
    history = network().fit(X, Y, epochs=50, progress=False, validation_data=(X, 1 - Y),
                            early_stopping=2)  # fmt: skip
    assert history.stopped == "early_stopping"
    found = [record for record in listening.records if record.event == "early_stopping"]
    assert len(found) == 1
    assert found[0].best_epoch == history.best_epoch
    assert "early stopping: val_cost has not improved since epoch" in found[0].getMessage()
    end = listening.records[-1]
    assert f"with the parameters of epoch {history.best_epoch}" in end.getMessage()


def test_checkpoints_and_resuming(listening, tmp_path):
    path = tmp_path / "c"

    def fail(event):
        if event.number == 3:
            raise RuntimeError("power cut")

    options = {"epochs": 5, "progress": False, "checkpoint": path,
               "checkpoint_every": 1}  # fmt: skip
    with pytest.raises(RuntimeError):
        network().fit(X, Y, **options, callbacks=fail)
    written = [record for record in listening.records if record.event == "checkpoint"]
    assert {record.path for record in written} == {str(path)}
    assert f"written to {path}" in written[-1].getMessage()
    assert "RuntimeError: power cut" in listening.records[-1].getMessage()
    last = written[-1].epoch
    listening.clear()
    network().fit(X, Y, **options, resume=True)
    assert events(listening, logging.INFO)[:2] == ["begin", "resume"]
    resume = listening.records[1]
    assert resume.epoch == last
    assert f"resumes from {path} after epoch {last}" in resume.getMessage()
    told = [record.epoch for record in listening.records if record.event == "epoch"]
    assert told == list(range(last + 1, 6))


def test_an_interrupt_is_a_warning(listening):
    def interrupt(event):
        raise KeyboardInterrupt

    network().fit(X, Y, epochs=3, progress=False, callbacks=interrupt)
    end = listening.records[-1]
    assert (end.event, end.stopped, end.levelno) == ("end", "interrupted", logging.WARNING)


def test_an_error_is_a_warning(listening):
    net = bp.Network([3, 4, 1], "relu", "identity", seed=0)
    with pytest.raises(bp.NonFiniteCost):
        net.fit(X * 1e6, X[:, 0] * 1e6, epochs=5, learning_rate=1e3, progress=False)
    assert events(listening)[-1] == "error"
    assert listening.records[-1].levelno == logging.WARNING
    assert "NonFiniteCost: the cost is no longer finite" in listening.records[-1].getMessage()


def test_lbfgs(listening):
    net = bp.Network([3, 4, 1], "tanh", "identity", seed=0)
    net.fit(X, X[:, 0], optimizer="lbfgs", epochs=3, progress=False)
    assert events(listening, logging.INFO) == ["begin", "end"]
    assert events(listening)[1] == "epoch"


def test_a_model_and_many_networks(listening):
    table = {"x": X[:, 0], "y": Y}
    bp.Model((4,), seed=3, members=2).fit(table, "y", epochs=1, progress=False)
    begins = [record.getMessage() for record in listening.records if record.event == "begin"]
    assert ["with seed 3" in begins[0], "with seed 4" in begins[1]] == [True, True]
    listening.clear()
    bp.train_many([{"sizes": [3, 2], "seed": k, "epochs": 1} for k in range(3)], X, Y)
    assert events(listening).count("end") == 3


def test_nobody_listens(caplog):
    caplog.set_level(logging.ERROR, "backprop_rs")
    network().fit(X, Y, epochs=2, progress=False)
    assert caplog.records == []


def test_the_history_does_not_depend_on_the_log(listening):
    heard = network().fit(X, Y, epochs=4, progress=False)
    logging.getLogger("backprop_rs").setLevel(logging.ERROR)
    assert network().fit(X, Y, epochs=4, progress=False).cost == heard.cost


TRAIN = """
import backprop_rs as bp, sys
{}
def interrupt(event):
    raise KeyboardInterrupt
net = bp.Network([1, 1], seed=0)
net.fit([[0.0], [1.0]], [0, 1], epochs=2, callbacks=interrupt, progress=False)
"""


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


@pytest.mark.parametrize("first", ["", "import logging"])
def test_nothing_is_printed_unless_asked(first):
    result = run(TRAIN.format(first))
    assert result.stdout == result.stderr == ""


def test_a_program_without_logging_does_not_load_it():
    code = TRAIN.format("before = 'logging' in sys.modules")
    code += "assert ('logging' in sys.modules) == before\n"
    run(code)


def test_messages_go_where_the_program_sends_them():
    first = "import logging; logging.basicConfig(level='INFO', format='%(name)s %(message)s')"
    lines = run(TRAIN.format(first)).stderr.splitlines()
    assert [line.split(": ")[1].split(" ")[1] for line in lines] == ["begins", "ends"]
    assert all(line.startswith("backprop_rs Network(1-1) with seed 0: ") for line in lines)
