"""Ctrl-C: real signals; the parameters are those of a complete step, with the history.

`tools/interrupt.py` measures that it takes less than 0.1 s; no test here depends on time.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs._internal.interrupts import Interrupts

X = np.random.default_rng(0).normal(size=(20, 4))
LABELS = np.arange(20) % 3

# Train without end, and find the step whose parameters remain.
PROGRAM = """
import json, sys
import numpy as np
import backprop_rs as bp
from backprop_rs.training import fit  # which takes a while, and is no training yet
case = json.loads(sys.argv[1])
bp.set_num_threads(case["threads"])
sizes, n, batch = case["sizes"], case["n"], case["batch"]
random = np.random.default_rng(0)
X, y = random.uniform(size=(n, sizes[0])), random.integers(0, sizes[-1], n)
def network():
    settings = {"output": "softmax", "cost": "cross_entropy", "backend": case["backend"]}
    return bp.Network(sizes, seed=1, **settings)
net = network()
settings = {"batch_size": batch, "learning_rate": 0.01, "optimizer": "adam"}
print("ready", flush=True)
history = net.fit(X, y, 10**7, **settings, validation_data=(X, y) if case["validate"] else None)
whole = len(history)
twin = network()
twin.fit(X, y, whole, schedule="constant", **settings)
run = settings | {"shuffle": True, "seed": 1, "budget": 1e9, "stop_epoch": whole}
run.pop("optimizer")
X, y, steps = X.astype(np.float32), y.astype(np.int64), -(-n // batch)
def same():
    return all(map(np.array_equal, net.weights + net.biases, twin.weights + twin.biases))
found, at = same(), (whole, 0, 0.0, 0.0)
for step in range(1, steps):
    if not found:
        _, *at, _ = twin._core.train(X, y, run | {"stop_step": step}, tuple(at))
        found = same()
columns = {len(column) for column in history.to_dict().values()}
print(json.dumps({"stopped": history.stopped, "whole": whole, "trained": net.epochs_trained,
                  "columns": sorted(columns), "found": found}))
"""
SMALL = {"sizes": [4, 16, 3], "n": 4000, "batch": 10, "validate": False}
LARGE = {"sizes": [400, 1024, 600, 10], "n": 900, "batch": 256, "validate": False}


def interrupted(program, argument, after=0.5):
    """Return what a program prints that receives a real SIGINT while it trains."""
    command = [sys.executable, "-c", program, json.dumps(argument)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as child:
        assert child.stdout.readline() == "ready\n", child.stderr.read()
        time.sleep(after)
        child.send_signal(signal.SIGINT)
        try:
            out, err = child.communicate(timeout=120)
        finally:
            child.kill()
    assert child.returncode == 0, err
    return json.loads(out)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("case", [SMALL, LARGE, SMALL | {"validate": True}],
                         ids=["small", "large", "validated"])  # fmt: skip
def test_a_signal_leaves_a_whole_step(case, threads, backend):
    if backend == "numpy" and threads == 2:
        pytest.skip("NumPy has threads of its own")
    output = interrupted(PROGRAM, case | {"threads": threads, "backend": backend})
    assert output["stopped"] == "interrupted"
    assert output["whole"] == output["trained"]
    assert output["columns"] in ([output["whole"]], [])
    assert output["found"]


MANY = """
import json, signal, sys
import numpy as np
import backprop_rs as bp
from backprop_rs.training import fit  # which takes a while, and is no training yet
case = json.loads(sys.argv[1])
random = np.random.default_rng(0)
X, y = random.uniform(size=(500, 4)), random.integers(0, 3, 500)
config = {"sizes": [4, 16, 3], "seed": 0, "learning_rate": 0.1, "backend": case["backend"]}
def own(number, frame):
    raise TimeoutError
if case["own"]:
    signal.signal(signal.SIGINT, own)
begun = []
class Begins:
    def on_fit_begin(self, net):
        begun.append(net)
        if len(begun) == 2:
            print("ready", flush=True)
long = config | {"epochs": 10**7, "callbacks": Begins()}
configs = [config | {"epochs": 2}, long, long, long, long]
try:
    many = bp.train_many(configs, X, y, threads=2)
except TimeoutError:
    sys.exit(print(json.dumps("the user's own")))
print(json.dumps([one.history and one.history.stopped for one in many]))
assert all(one.error is None for one in many)
assert all((one.net is None) == (one.history is None) for one in many)
"""


def test_a_signal_ends_many_trainings(backend):
    output = interrupted(MANY, {"backend": backend, "own": False})
    assert output == ["epochs", "interrupted", "interrupted", None, None]


def test_an_exception_of_the_users_handler_ends_many_trainings(backend):
    assert interrupted(MANY, {"backend": backend, "own": True}) == "the user's own"


# In this process.


def network(backend):
    return bp.Network(
        [4, 6, 3], output="softmax", cost="cross_entropy", seed=0, dtype="float64", backend=backend
    )


def press():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)  # is cut short by the signal


class Presses:
    """Press Ctrl-C at an event of the second epoch."""

    def __init__(self, moment):
        setattr(self, moment, self.at)

    def at(self, event):
        if (event if isinstance(event, bp.Network) else event.net).epochs_trained == 2:
            press()


@pytest.mark.parametrize("moment", ["on_epoch_begin", "on_step_end", "on_epoch_end"])
def test_a_callback_ends_at_once(moment, backend):
    net = network(backend)
    history = net.fit(X, LABELS, 9, 8, 0.1, callbacks=Presses(moment), validation_data=(X, LABELS))
    assert (history.stopped, len(history), net.epochs_trained) == ("interrupted", 2, 2)
    assert {len(column) for column in history.to_dict().values()} == {2}
    assert net.fit(X, LABELS, 1).epoch == [3]


def test_a_metric_that_was_not_computed_is_nan(backend):
    def slow(y_true, y_pred):
        slow.calls += 1
        if slow.calls == 2:
            press()
        return 0.0

    slow.calls = 0
    history = network(backend).fit(X, LABELS, 9, 8, 0.1, metrics=slow)
    assert history.stopped == "interrupted"
    assert history.slow[0] == 0 and np.isnan(history.slow[1]) and len(history.cost) == 2


def test_another_training_in_a_callback_is_ended_with_this_one(backend):
    inner = []

    def trains(epoch):
        inner.append(network(backend).fit(X, LABELS, 9, callbacks=Presses("on_epoch_end")).stopped)

    history = network(backend).fit(X, LABELS, 9, callbacks=trains)
    assert history.stopped == "interrupted" and len(history) == 1
    assert inner in (["interrupted"], [])


def test_the_handler_is_as_before_afterwards(backend):
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(ZeroDivisionError):
        network(backend).fit(X, LABELS, 1, callbacks=lambda epoch: 1 / 0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_user_is_kept(backend):
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    try:
        kill = lambda epoch: os.kill(os.getpid(), signal.SIGINT)  # noqa: E731
        history = network(backend).fit(X, LABELS, 3, callbacks=kill)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [1, 1, 1] and history.stopped == "epochs"


def test_another_thread_receives_a_shared_interrupt():
    shared = Interrupts()
    heard = []

    def listens():
        with Interrupts(shared) as own:
            shared.requested = True
            heard.append(own.asked())

    thread = threading.Thread(target=listens)
    thread.start()
    thread.join()
    assert heard == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
