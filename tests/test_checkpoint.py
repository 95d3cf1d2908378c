"""A training that was killed resumes with the same bits, from any step and with any setting."""

import json
import os
import subprocess
import sys

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.tables.optimizer import OPTIMIZERS
from backprop_rs.tables.schedule import CURVES
from backprop_rs.training import checkpoint, trainer

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(23, 4))
Y = np.arange(23) % 3
RUN = {"epochs": 4, "batch_size": 6, "learning_rate": 0.05, "progress": False}


def network(backend, seed=7, dropout=0.3):
    layers = [4, bp.Dense(9, "tanh", dropout=dropout, l2=1e-3), bp.Dense(5, "relu"), 3]
    return bp.Network(
        layers, output="softmax", cost="cross_entropy", seed=seed, dtype="float64", backend=backend
    )


def bits(net):
    return [array.tobytes() for array in net.weights + net.biases]


def columns(history):
    """Return the history without its times."""
    return {name: column for name, column in history.to_dict().items() if name != "seconds"}


def record(monkeypatch, tmp_path):
    """Keep a copy of every checkpoint that is written from now on, one after each step."""
    copies = []

    def write(self, *more):
        whole(self, *more)
        copies.append(tmp_path / f"{len(copies)}.checkpoint")
        os.link(self.path, copies[-1])

    whole = checkpoint.Checkpoints.write
    monkeypatch.setattr(checkpoint.Checkpoints, "write", write)
    monkeypatch.setattr(trainer, "SLICE", 0.0)
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # which takes its time
    return copies


def assert_resumes_from_everywhere(
    backend, monkeypatch, tmp_path, few=False, make=network, again=None, **run
):
    """Train without interruption, then resume from each checkpoint of that training."""
    run = {**RUN, **run}
    whole = make(backend)
    expected = whole.fit(X, Y, **run)
    copies = record(monkeypatch, tmp_path)
    path = tmp_path / "checkpoint"
    written = make(backend)
    written.fit(X, Y, **run, checkpoint=path, checkpoint_every="0s")
    assert bits(written) == bits(whole)  # writing checkpoints changes nothing
    monkeypatch.undo()
    steps = -(-len(X) // run["batch_size"]) * len(expected)
    assert len(copies) >= steps // 4  # the small kernel may do some steps together
    for copy in copies[:: max(len(copies) // 3, 1)] if few else copies:
        net = (again or make)(backend, seed=8)
        history = net.fit(X, Y, **run, resume=copy)
        assert bits(net) == bits(whole)
        assert columns(history) == columns(expected)
        assert (history.stopped, history.best_epoch) == (expected.stopped, expected.best_epoch)
        assert (net.seed, net.epochs_trained) == (7, whole.epochs_trained)
        if "average" in run:
            assert bits(net.averaged()) == bits(whole.averaged())
    return copies


EVERYTHING = {
    "optimizer": "adam(amsgrad=1)",
    "schedule": "warmup(1) then cosine",
    "lr_factors": {"weights": "ntp", "biases": 0.1},
    "decay_factors": {"biases": 1.0},
    "decay_schedule": "flat_cos",
    "average": 0.9,
    "input_noise": 0.1,
    "clip_norm": 0.5,
    "sample_weight": np.linspace(0, 2, 23),
    "class_weight": "balanced",
    "metrics": ["accuracy", "rmse"],
    "validation_fraction": 0.25,
    "early_stopping": bp.EarlyStopping(patience=2, monitor="val_rmse"),
}


def test_with_everything_from_every_step(backend, monkeypatch, tmp_path):
    assert_resumes_from_everywhere(backend, monkeypatch, tmp_path, **EVERYTHING)


@pytest.mark.parametrize("optimizer", [row.name for row in OPTIMIZERS])
def test_with_every_optimizer(optimizer, backend, monkeypatch, tmp_path):
    assert_resumes_from_everywhere(backend, monkeypatch, tmp_path, few=True, optimizer=optimizer)


@pytest.mark.parametrize("schedule", [row.name for row in CURVES])
def test_with_every_schedule(schedule, backend, monkeypatch, tmp_path):
    run = {"schedule": schedule, "epochs": 6}
    if schedule in ("reduce_on_plateau", "adaptive"):
        run |= {"schedule": f"{schedule}(patience=1)", "learning_rate": 3.0}
    assert_resumes_from_everywhere(backend, monkeypatch, tmp_path, few=True, **run)


def test_without_shuffling_and_in_one_batch(backend, monkeypatch, tmp_path):
    run = {"shuffle": False, "batch_size": 23}
    assert_resumes_from_everywhere(backend, monkeypatch, tmp_path, **run)


def test_with_a_rate_that_a_callback_has_set(backend, monkeypatch, tmp_path):
    def halve(epoch):
        epoch.learning_rate = np.float32(epoch.learning_rate / 2)

    assert_resumes_from_everywhere(backend, monkeypatch, tmp_path, few=True, callbacks=halve)


def test_after_an_earlier_training(backend, monkeypatch, tmp_path):
    """Epochs, schedule and optimizer state continue from the end of the earlier training."""

    def trained(backend, seed=7):
        net = network(backend, seed)
        net.fit(X, Y, epochs=3, batch_size=5, optimizer="adam")
        return net

    run = {"optimizer": "adam", "schedule": "cosine", "make": trained, "again": network}
    assert_resumes_from_everywhere(backend, monkeypatch, tmp_path, few=True, **run)


def test_back_from_a_cost_of_nan(backend, monkeypatch, tmp_path):
    """Every checkpoint is early enough to go back to the last good step."""

    def linear(backend, seed=7):
        return bp.Network([4, 3], output="identity", seed=seed, backend=backend)

    with np.errstate(all="ignore"):
        run = {"learning_rate": 2.0, "epochs": 50, "on_nan": "stop", "make": linear}
        copies = assert_resumes_from_everywhere(backend, monkeypatch, tmp_path, **run)
    assert len(copies) > 2


def test_a_finished_training_is_finished(backend, tmp_path):
    net, twin = network(backend), network(backend)
    path = tmp_path / "checkpoint"
    expected = net.fit(X, Y, **RUN, checkpoint=path)
    assert columns(twin.fit(X, Y, **RUN, resume=path)) == columns(expected)
    assert bits(net) == bits(twin)


def test_resume_true_starts_fresh_without_a_file(backend, tmp_path):
    net, twin = network(backend), network(backend)
    run = {**RUN, "checkpoint": tmp_path / "checkpoint", "resume": True}
    for one in (net, twin):
        assert len(one.fit(X, Y, **run)) == 4
    assert bits(net) == bits(twin)
    assert twin.epochs_trained == 4


@pytest.mark.parametrize("every", [1, 2])
def test_every_so_many_epochs(every, backend, monkeypatch, tmp_path):
    copies = record(monkeypatch, tmp_path)
    path = tmp_path / "checkpoint"
    network(backend).fit(X, Y, **RUN, checkpoint=path, checkpoint_every=every)
    places = [checkpoint.Resumed(str(copy)).state.position.stop for copy in copies]
    assert places == [(epoch, 0) for epoch in range(every, 4, every)] + [(4, 0)]


def test_ctrl_c_leaves_the_checkpoint_before(backend, tmp_path):
    def interrupt(epoch):
        if epoch.number == 3:
            raise KeyboardInterrupt

    path = tmp_path / "checkpoint"
    run = {**RUN, "checkpoint": path, "checkpoint_every": 1}
    stopped, whole, resumed = network(backend), network(backend), network(backend)
    assert stopped.fit(X, Y, **run, callbacks=interrupt).stopped == "interrupted"
    assert checkpoint.Resumed(str(path)).state.position.stop == (2, 0)
    whole.fit(X, Y, **RUN)
    resumed.fit(X, Y, **run, resume=True)
    assert bits(resumed) == bits(whole)


# Refused checkpoints.


HERE = {
    "X": {"X": X + 1e-9},
    "y": {"y": Y[::-1]},
    "weights": {"sample_weight": np.ones(23)},
    "validation X": {"validation_data": (X, Y)},
    "epochs": {"epochs": 5},
    "batch_size": {"batch_size": 7},
    "learning_rate": {"learning_rate": 0.06},
    "optimizer": {"optimizer": "sgd(momentum=0.9)"},
    "schedule": {"schedule": "cosine"},
    "factors": {"lr_factors": {"biases": 0.5}},
    "dropout_schedule": {"dropout_schedule": "cosine"},
    "decay_schedule": {"decay_schedule": "cosine"},
    "shuffle": {"shuffle": False},
    "clip_norm": {"clip_norm": 1.0},
    "clip_value": {"clip_value": 1.0},
    "average": {"average": 0.9},
    "input_noise": {"input_noise": 0.1},
    "on_nan": {"on_nan": "stop"},
    "metrics": {"metrics": "accuracy"},
    "early_stopping": {"early_stopping": 3},
    "layers": {"dropout": 0.2},
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "checkpoint"
    network("numpy").fit(X, Y, **RUN, checkpoint=path)
    return path


@pytest.mark.parametrize("name", HERE)
def test_another_training_is_refused_with_what_differs(name, path):
    more = {"X": X, "y": Y, "dropout": 0.3, **HERE[name]}
    data, labels, dropout = (more.pop(key) for key in ("X", "y", "dropout"))
    net = network("numpy", dropout=dropout)
    before = bits(net)
    with pytest.raises(ValueError) as caught:
        net.fit(data, labels, **{**RUN, **more}, resume=path)
    sentence = str(caught.value)
    assert sentence.startswith("resume must name a checkpoint of the same training; it differs in ")
    assert f"{name} (" in sentence
    assert bits(net) == before
    assert net.epochs_trained == 0


def test_another_network_is_refused_with_what_differs(path):
    net = bp.Network([4, 3], output="softmax", dtype="float32", backend="numpy")
    with pytest.raises(ValueError, match=r"sizes \(\[4, 9, 5, 3\] there, \[4, 3\] here\), act.*"):
        net.fit(X, Y, **RUN, resume=path)


EVERY = "checkpoint_every must be an integer of epochs >= 1, or a time such as '30s', '10min' or "
SENTENCES = [
    ({"checkpoint_every": 0}, EVERY + "'2h'; got 0"),
    ({"checkpoint_every": 1.5}, EVERY + "'2h'; got 1.5"),
    ({"checkpoint_every": "5 days"}, EVERY + "'2h'; got '5 days'"),
    ({"checkpoint_every": "1.2.3s"}, EVERY + "'2h'; got '1.2.3s'"),
    ({"resume": True}, "resume must be a path if there is no checkpoint; got True"),
    (
        {"checkpoint": "x", "optimizer": "lbfgs"},
        "optimizer 'lbfgs' does not support checkpoint; got 'x'",
    ),
]


@pytest.mark.parametrize(("settings", "sentence"), SENTENCES, ids=lambda value: str(value)[:40])
def test_arguments(settings, sentence):
    with pytest.raises((ValueError, TypeError)) as caught:
        network("numpy").fit(X, Y, **settings)
    assert str(caught.value) == sentence


def test_files_of_another_kind_are_refused(path, tmp_path):
    net = network("numpy")
    net.save(tmp_path / "model")
    with pytest.raises(ValueError, match="another program or kind"):
        net.fit(X, Y, resume=tmp_path / "model")
    with pytest.raises(ValueError, match="another program or kind"):
        bp.Network.load(path)
    with pytest.raises(FileNotFoundError):
        net.fit(X, Y, resume=tmp_path / "none")


@pytest.mark.parametrize("name", ["at", "identity", "history", "shapes", "stopping", "rates"])
def test_content_that_cannot_be_used_is_refused(name, path, tmp_path):
    """The checksum is right."""
    settings, arrays = checkpoint.safetensors.read(path, checkpoint.CHECKPOINT)
    del settings[name]
    broken = tmp_path / "broken"
    text = json.dumps(settings)
    checkpoint.safetensors.write(broken, checkpoint.CHECKPOINT, text, arrays)
    with pytest.raises(ValueError, match="has content that cannot be used"):
        network("numpy").fit(X, Y, **RUN, resume=broken)


# Killed.


KILLED = """
import os, random, signal, sys, time
import backprop_rs as bp, numpy as np
from backprop_rs.training import checkpoint, fit, trainer

path, backend, last = sys.argv[1:]
rng = np.random.default_rng(0)
X, y = rng.normal(size=(200, 8)), rng.integers(3, size=200)
run = {"epochs": 80, "batch_size": 5, "optimizer": "adam", "schedule": "cosine",
       "input_noise": 0.1, "progress": False, "average": 0.9}

def train(**more):
    layers = [8, bp.Dense(16, "tanh", dropout=0.2), 3]
    net = bp.Network(layers, output="softmax", cost="cross_entropy", seed=1, backend=backend)
    net.fit(X, y, **run, **more)
    return b"".join(array.tobytes() for array in net.weights + net.biases)

def tell():
    if not told:
        os.write(to, b"!")
        told.append(True)

def place():
    return checkpoint.Resumed(path).state.position.stop if os.path.exists(path) else (0, 0)

class Begun:
    def on_fit_begin(self, net):
        if kills % 2:
            tell()

class Checkpoints(checkpoint.Checkpoints):
    def write(self, *more):
        super().write(*more)
        writes.append(True)
        if len(writes) == 2:
            tell()

expected = train()
trainer.SLICE, fit.Checkpoints = 0.002, Checkpoints
told, writes = [], []
random.seed(5)
kills = further = 0
while kills < int(last):
    before = place()
    come, to = os.pipe()
    child = os.fork()
    if not child:
        train(resume=True, checkpoint=path, checkpoint_every="0.001s", callbacks=Begun())
        os._exit(0)
    os.close(to)  # the child's end alone is left: reading ends with the child
    os.read(come, 1)
    os.close(come)
    time.sleep(random.uniform(0.0, 0.02))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert place() >= before, "less than before"
        assert place() > before or kills % 2, "two checkpoints written, and no further"
        further += place() > before
        kills += 1
    else:
        os.unlink(path)  # it was done: once more
# There is no file if the last one had finished and the next one was killed at once.
assert train(resume=True, checkpoint=path) == expected, "other bits"
print(kills, further)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
def test_killed_at_many_instants(backend, tmp_path, sweep):
    """Each process resumes from the checkpoint of the one before, and the last one finishes.

    Half of them are killed near their start. The others are killed after two checkpoints, so that
    these make progress on a machine of any speed.
    """
    number = len(sweep(range(50), 20))
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "checkpoint"), backend, str(number)],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    kills, further = map(int, run.stdout.split())
    assert kills == number
    assert further >= number // 2  # all that have written twice
