"""Signals, custom functions and the end of the interpreter: no call hangs or aborts.

Code that might hang or abort runs in a separate process with a time limit.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from itertools import product

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs._internal.interrupts import Interrupts

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

LIMIT = 120  # seconds, for what takes a few

HEAD = """
import json, os, signal, sys, threading, time
import numpy as np
import backprop_rs as bp
from backprop_rs.training import fit, lbfgs  # which take a while to import
case = json.loads(sys.argv[1])
backend = case["backend"]
bp.set_num_threads(case.get("threads", 1))
random = np.random.default_rng(0)
def classes(n, n_in=4, n_out=3):
    return random.normal(size=(n, n_in)).astype(np.float32), random.integers(0, n_out, n)
def network(sizes=(4, 16, 3), **more):
    given = {"output": "softmax", "cost": "cross_entropy", "seed": 1, "backend": backend}
    return bp.Network(list(sizes), **(given | more))
def bits(net):
    return b"".join(one.tobytes() for one in net.weights + net.biases)
def after(seconds, number=signal.SIGTERM, times=1):
    def kill():
        for _ in range(times):
            time.sleep(seconds)
            os.kill(os.getpid(), number)
    threading.Thread(target=kill, daemon=True).start()
"""


def run(program, **case):
    """Return the last line that a program prints; it must end by itself and without an error."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HEAD + program, json.dumps(case)],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, (done.returncode, done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


# A handler that saves and exits, as batch systems ask for.

SAVES = """
path = case["path"]
X, y = classes(4000)
net = network()
def handler(*_):
    net.save(path)
    twin = bp.Network.load(path, backend=backend)
    print(json.dumps({"whole": bits(twin) == bits(net), "epochs": twin.epochs_trained}))
    sys.exit(0)
signal.signal(signal.SIGTERM, handler)
after(0.4)
kind = case["kind"]
if kind == "fit":
    net.fit(X, y, 10**7, 10, 0.01)
elif kind == "validated":
    net.fit(X, y, 10**7, 10, 0.01, validation_data=(X, y), metrics="accuracy")
elif kind == "source":
    blocks = lambda: ((X[i:i + 500], y[i:i + 500]) for i in range(0, 4000, 500))
    net.fit(bp.data.source(blocks), None, 10**7, 10, 0.01)
elif kind == "lbfgs":
    X, y = classes(30000)
    net.fit(X, y, 10**6, optimizer="lbfgs(tolerance=0)")
elif kind == "step":
    while True:
        net.step(X, y, 0.01)
elif kind == "predict":
    while True:
        net.predict(X)
elif kind == "large":
    net = network((400, 1024, 600, 10))
    X, y = classes(900, 400, 10)
    net.fit(X, y, 10**7, 256, 0.01)
elif kind == "long step":
    net = network((400, 1024, 600, 10))
    X, y = classes(20000, 400, 10)
    while True:
        net.step(X, y, 0.01)
"""
KINDS = ["fit", "validated", "source", "lbfgs", "step", "predict", "large", "long step"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_saves_and_exits(kind, backend, tmp_path):
    if kind == "lbfgs":
        pytest.importorskip("scipy")
    output = run(SAVES, backend=backend, kind=kind, path=str(tmp_path / "m"), threads=2)
    assert output["whole"]


WHOLE = """
X, y = classes(4000)
n, batch = len(X), 10
kept = []
net = network()
def handler(*_):
    kept.append((bits(net), net.epochs_trained))
signal.signal(signal.SIGTERM, handler)
after(0.15, times=3)
settings = {"batch_size": batch, "learning_rate": 0.01, "optimizer": "adam", "schedule": "constant"}
def end(epoch):
    if len(kept) == 3:
        epoch.stop()
net.fit(X, y, 10**6, callbacks=end if case["callback"] else (), **settings) if case["callback"] \\
    else net.fit(X, y, 40, **settings)
epochs = net.epochs_trained
twin = network()
twin.fit(X, y, epochs, **settings)
same_end = bits(twin) == bits(net)
found = []
for bytes_, epoch in kept:  # of the steps of which epoch are they?
    twin = network()
    if epoch:
        twin.fit(X, y, epoch, **settings)
    else:
        twin._core.set_optimizer("adam")
    hit, at = bits(twin) == bytes_, (epoch, 0, 0.0, 0.0)
    more = {"batch_size": batch, "learning_rate": 0.01, "shuffle": True, "seed": 1, "budget": 1e9}
    for step in range(1, n // batch):
        if hit:
            break
        until = {"stop_epoch": epoch, "stop_step": step}
        _, *at, _ = twin._core.train(X, y, more | until, tuple(at))
        hit = bits(twin) == bytes_
    found.append(hit)
print(json.dumps({"same_end": same_end, "found": found}))
"""


@pytest.mark.parametrize("callback", [False, True])
def test_a_handler_finds_complete_steps_and_the_bits_stay(callback, backend):
    output = run(WHOLE, backend=backend, callback=callback)
    assert output["same_end"]
    assert all(output["found"]), output


# Actions of a handler.

ASKS = """
X, y = classes(4000)
net = network()
results = {}
import copy, pickle
ASKED = {
    "sizes": lambda: net.sizes, "repr": lambda: repr(net), "weights": lambda: net.weights,
    "predict": lambda: net.predict(X[:3]), "evaluate": lambda: net.evaluate(X[:9], y[:9]),
    "backward": lambda: net.backward(X[:3], y[:3]), "copy": lambda: copy.deepcopy(net),
    "pickle": lambda: pickle.dumps(net), "save": lambda: net.save(case["path"]),
    "penalty": lambda: net.penalty(), "summary": lambda: net.summary(),
    "step": lambda: net.step(X, y, 0.1), "fit": lambda: net.fit(X, y, 1),
    "weights=": lambda: setattr(net, "weights", net.weights),
    "biases=": lambda: setattr(net, "biases", net.biases),
}
def handler(*_):
    for name, ask in ASKED.items():
        try:
            ask()
            results[name] = "works"
        except Exception as error:
            results[name] = f"{type(error).__name__}: {error}"
signal.signal(signal.SIGTERM, handler)
if case["kind"] == "fit":
    after(0.2)
    net.fit(X, y, 10**7, 10, 0.01, callbacks=lambda epoch: results and epoch.stop())
    net.fit(X, y, 1)
else:
    net = network((200, 512, 512, 3))
    X, y = classes(20000, 200)
    call = {
        "predict": lambda: net.predict(X), "evaluate": lambda: net.evaluate(X, y),
        "costs": lambda: net.sample_costs(X, y),
    }[case["kind"]]
    X_, y_ = X, y
    X, y = X[:9], y[:9]
    def long():
        global X, y
        net._core.mean_cost(X_, y_) if case["kind"] == "evaluate" else net._core.predict(X_)
    after(0.1)
    while not results:
        long()
    net.step(X, y, 0.1)
print(json.dumps(results))
"""
CHANGES = {"step", "fit", "weights=", "biases="}


def test_actions_of_a_handler_in_fit(backend, tmp_path):
    output = run(ASKS, backend=backend, kind="fit", path=str(tmp_path / "m"))
    for name, result in output.items():
        if name not in CHANGES:
            assert result == "works", (name, result)
        elif name == "fit":
            assert "fit must not be called on a network that is being trained" in result
        else:
            assert result.endswith("must not be changed while the network is being trained")


@pytest.mark.parametrize("kind", ["predict", "evaluate"])
@pytest.mark.parametrize("threads", [1, 2])
def test_actions_of_a_handler_in_a_pass(kind, threads, backend, tmp_path):
    output = run(ASKS, backend=backend, kind=kind, threads=threads, path=str(tmp_path / "m"))
    in_use = "RuntimeError: this network must not be changed here: the call that runs this"
    for name, result in output.items():
        if name not in CHANGES:
            assert result == "works", (name, result)
        else:
            # It comes between two passes, or within one.
            assert result == "works" or result.startswith(in_use), (name, result)


# Custom functions.

OWN = """
told = {}
def probe(name, ask):
    try:
        ask()
        told.setdefault(name, "works")
    except Exception as error:
        told.setdefault(name, f"{type(error).__name__}: {error}")
def sigma(z):
    if case["at"] == where[0]:
        probe("sizes", lambda: net.sizes)
        probe("activation", lambda: (net.activation, net.output, net.cost, net.dtype, net.layers))
        probe("n_parameters", lambda: net.n_parameters)
        probe("weights", lambda: net.weights)
        probe("biases=", lambda: net._core.set_biases(before))
    return np.tanh(z)
where = [None]
own = bp.Activation("mine", sigma, lambda z, a: 1 - a * a)
X, y = classes(case["rows"])
net = network((4, 400, 3), activation=own)
before = net.biases
net.step(X[:4], y[:4], 0.1)  # its derivative has been checked
where[0] = "predict"
net.predict(X)
where[0] = "evaluate"
net.evaluate(X, y)
where[0] = "step"
net.step(X, y, 0.1)
where[0] = "fit"
net.fit(X, y, 1, 100, 0.1)
print(json.dumps(told))
"""


@pytest.mark.parametrize("at", ["predict", "evaluate", "step", "fit"])
@pytest.mark.parametrize(("rows", "threads"), [(50, 1), (2000, 2)])
def test_actions_of_a_custom_function(at, rows, threads, backend):
    output = run(OWN, backend=backend, at=at, rows=rows, threads=threads)
    for name in ("sizes", "activation", "n_parameters"):
        assert output[name] == "works"
    sentence = "the call that runs this signal handler, finalizer or function is using it"
    if at in ("predict", "evaluate"):
        assert output["weights"] == "works"
    else:
        assert output["weights"].startswith("RuntimeError: this network must not be read here: ")
        assert sentence in output["weights"]
    assert output["biases="].startswith("RuntimeError: this network must not be changed here: ")
    assert sentence in output["biases="]


RECURSES = """
def sigma(z):
    return np.tanh(z) if len(z) < 9 else net.predict(np.ones((len(z), 4), np.float32)) @ ones
ones = np.ones((3, 400), np.float32)
own = bp.Activation("mine", sigma, lambda z, a: 1 - a * a)
net = network((4, 400, 3), activation=own)
try:
    net.predict(classes(case["rows"])[0])
except RuntimeError as error:
    print(json.dumps(str(error)))
net.predict(classes(5)[0])
"""


@pytest.mark.parametrize(("rows", "threads"), [(50, 1), (2000, 2)])
def test_a_network_within_itself_is_refused(rows, threads, backend):
    output = run(RECURSES, backend=backend, rows=rows, threads=threads)
    assert output.startswith("this network must not be read here")


CIRCLE = """
barrier, first = threading.Barrier(2, timeout=60), threading.local()
def sigma(z):
    if len(z) == 7 and not getattr(first, "done", False):
        first.done = True
        barrier.wait()
        other[threading.current_thread().name].predict(np.ones((3, 4), np.float32))
    return np.tanh(z)
own = bp.Activation("mine", sigma, lambda z, a: 1 - a * a)
nets = [network(activation=own), network(activation=own)]
other, told = {"0": nets[1], "1": nets[0]}, []
def call(i):
    try:
        nets[i].predict(np.ones((7, 4), np.float32))
        told.append("works")
    except RuntimeError as error:
        told.append(str(error)[:35])
threads = [threading.Thread(target=call, args=(i,), name=str(i)) for i in range(2)]
[one.start() for one in threads]
[one.join() for one in threads]
print(json.dumps(sorted(told)))
"""


def test_two_networks_that_wait_for_each_other(backend):
    output = run(CIRCLE, backend=backend)
    assert output[0] == "this network must not be read here:"
    assert output[1] in ("works", output[0])


# An exception during a training: weights, history and epochs_trained agree.

AGREES = """
kind, calls = case["kind"], [0]
X, y = classes(1000)
batch, steps = 100, 10
def handler(*_):
    raise TimeoutError("time")
def sigma(z):
    calls[0] += 1
    if calls[0] == 1500:
        raise TimeoutError("time")
    return np.tanh(z)
def blocks():
    for i in range(0, 1000, 200):
        calls[0] += 1
        if kind == "source fails" and calls[0] == 57:
            raise LookupError("time")
        yield X[i:i + 200], y[i:i + 200]
data, targets = X, y
if kind.startswith("source"):
    data, targets = bp.data.source(blocks), None
activation = "tanh"
if kind == "own":
    activation = bp.Activation("mine", sigma, lambda z, a: 1 - a * a)
net = network(activation=activation)
number = signal.SIGINT if kind == "source ctrl-c" else signal.SIGALRM
if kind not in ("own", "source fails"):
    if number == signal.SIGALRM:
        signal.signal(number, handler)
    after(case["after"], number)
caught = None
try:
    net.fit(data, targets, 10**6, batch, 0.01, optimizer="adam")
except (TimeoutError, LookupError) as error:
    caught = str(error.args[0])
history, state = net._history, net._core.state()
print(json.dumps({
    "caught": caught, "updates": state["updates"], "steps": steps, "trained": net.epochs_trained,
    "history": [len(history), len(history.cost), len(history.seconds), (history.epoch or [0])[-1]],
    "stopped": history.stopped,
}))
"""
SIGNALS = ["alarm", "source alarm", "source ctrl-c"]


@pytest.mark.parametrize(
    ("kind", "after"),
    [*product(SIGNALS, [0.25, 0.42]), ("own", None), ("source fails", None)],
)
def test_weights_and_history_agree_after_an_exception(kind, after, backend):
    output = run(AGREES, backend=backend, kind=kind, after=after)
    assert output["caught"] == (None if kind == "source ctrl-c" else "time")
    assert output["trained"] == output["updates"] // output["steps"]
    assert output["history"] == [output["trained"]] * 4
    assert output["trained"] > 0


# Handlers and their order.


def test_handlers_are_as_before(backend):
    heard = []
    handler = lambda *_: heard.append(1)  # noqa: E731
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        net = bp.Network([4, 3], seed=0, backend=backend)
        kill = lambda epoch: os.kill(os.getpid(), signal.SIGUSR1)  # noqa: E731
        net.fit(np.ones((8, 4)), np.ones((8, 3)), 3, 8, 0.1, callbacks=kill)
        assert signal.getsignal(signal.SIGUSR1) is handler
        assert heard == [1, 1, 1]
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_handler_that_a_callback_sets_stays(backend):
    handler, new = (lambda *_: None), (lambda *_: None)
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        net = bp.Network([4, 3], seed=0, backend=backend)
        sets = lambda epoch: signal.signal(signal.SIGUSR1, new)  # noqa: E731
        net.fit(np.ones((8, 4)), np.ones((8, 3)), 1, 8, 0.1, callbacks=sets)
        assert signal.getsignal(signal.SIGUSR1) is new
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_recorded_signals_are_delivered_in_order():
    heard = []
    numbers = (signal.SIGUSR1, signal.SIGUSR2)
    before = [signal.signal(one, lambda number, _: heard.append(number)) for one in numbers]
    try:
        with Interrupts() as interrupts:
            for number in (*numbers, numbers[0]):
                os.kill(os.getpid(), number)
                time.sleep(0)
            assert heard == [] and not interrupts.asked()
            interrupts.deliver()
            assert heard == [*numbers, numbers[0]]
            os.kill(os.getpid(), numbers[1])
        assert heard == [*numbers, numbers[0], numbers[1]]
    finally:
        for one, handler in zip(numbers, before, strict=True):
            signal.signal(one, handler)


RATE = """
X, y = classes(2000, 400, 10)
net = network((400, 512, 512, 10))
count = [0]
def handler(*_):
    count[0] += 1
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.005)
net.fit(X, y, 1, 1000, 0.01)
net.step(X, y, 0.01)
signal.setitimer(signal.ITIMER_REAL, 0)
twin = network((400, 512, 512, 10))
twin.fit(X, y, 1, 1000, 0.01)
twin.step(X, y, 0.01)
print(json.dumps([bits(net) == bits(twin), count[0] > 0]))
"""


def test_a_timer_does_not_keep_steps_from_ending(backend):
    assert run(RATE, backend=backend) == [True, True]


# The scikit-learn estimators.

SKLEARN = """
import pickle, warnings
from backprop_rs.sklearn import MLPClassifier
X, y = classes(case["rows"])
def handler(*_):
    text = pickle.dumps(mlp)
    mlp.predict(X[:5])
    print(json.dumps(bits(pickle.loads(text)._net()) == bits(mlp._net())))
    sys.exit(0)
signal.signal(signal.SIGTERM, handler)
settings = {"tol": 0, "max_iter": 10**6, "n_iter_no_change": 10**6, "max_fun": 10**9}
mlp = MLPClassifier(case["hidden"], solver=case["solver"], **settings)
after(0.5)
mlp.fit(X, y)
"""


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    ("hidden", "rows"),
    [([8], 100_000), ([256, 256], 4000)],  # so that L-BFGS has not converged by then
)
def test_a_handler_of_an_estimator_saves_and_exits(solver, hidden, rows):
    pytest.importorskip("sklearn")
    assert run(SKLEARN, backend="auto", solver=solver, hidden=hidden, rows=rows)


# Processes and threads.

DAEMON = """
def sigma(z):
    return np.tanh(z)
own = bp.Activation("mine", sigma, lambda z, a: 1 - a * a)
X, y = classes(2000)
net = network((4, 64, 3), activation=own)
begun = threading.Event()
def train():
    begun.set()
    net.fit(X, y, 10**6, 20, 0.01, progress=False)
threading.Thread(target=train, daemon=True).start()
begun.wait()
time.sleep(0.1 + 0.05 * random.random())
print("true")
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_a_daemon_with_a_custom_function_at_exit(threads, backend, sweep):
    if backend == "numpy" and threads == 2:
        pytest.skip("NumPy has threads of its own")
    for _ in sweep(range(13), 6):
        assert run(DAEMON, backend=backend, threads=threads)


AT_EXIT = """
import atexit
def sigma(z):
    return np.tanh(z)
own = bp.Activation("mine", sigma, lambda z, a: 1 - a * a)
X, y = classes(2000)
net = network((4, 64, 3), activation=own)
def save():
    net.save(case["path"])
    print("true", flush=True)
atexit.register(save)
begun = threading.Event()
def train():
    begun.set()
    net.fit(X, y, 10**6, 20, 0.01, progress=False)
threading.Thread(target=train, daemon=True).start()
begun.wait()
time.sleep(0.1)
"""


def test_a_network_can_be_saved_at_exit(backend, tmp_path):
    assert run(AT_EXIT, backend=backend, path=str(tmp_path / "m"))


INIT = """
ticks = [0]
def tick():
    while True:
        time.sleep(0.005)
        ticks[0] += 1
threading.Thread(target=tick, daemon=True).start()
after(0.3, signal.SIGINT)
started = time.perf_counter()
try:
    network((4000, 4000), init="orthogonal")
    print(json.dumps("it came too late"))
except KeyboardInterrupt:
    print(json.dumps([time.perf_counter() - started, ticks[0]]))
"""


def test_ctrl_c_ends_the_drawing_of_weights(backend):
    if backend == "numpy":
        pytest.skip("which is in NumPy's hands, array by array")
    took, ticks = run(INIT, backend=backend)
    assert ticks >= 10  # other threads held the interpreter
    assert took < 5  # of the time that it would take, half a minute


def test_blocks_of_several_threads_restore_the_number_of_threads():
    n = bp.get_num_threads()
    inside, leave = threading.Event(), threading.Event()

    def block():
        with bp.num_threads(n + 1):
            inside.set()
            leave.wait()

    thread = threading.Thread(target=block)
    thread.start()
    inside.wait()
    with bp.num_threads(n + 2):
        assert bp.get_num_threads() == n + 2
        leave.set()
        thread.join()
        assert bp.get_num_threads() == n + 2
    assert bp.get_num_threads() == n


def test_one_array_for_two_results(backend):
    """The results are right, or there is one sentence."""
    sizes = [64, 512, 512, 4]
    X = np.random.default_rng(0).normal(size=(4000, 64)).astype(np.float32)
    out = np.empty((4000, 4), np.float32)
    nets = [bp.Network(sizes, seed=seed, backend=backend) for seed in (0, 1)]
    output, barrier = [], threading.Barrier(2)

    def call(net):
        barrier.wait()
        for _ in range(5):
            try:
                assert net.predict(X, out) is out
            except RuntimeError as error:
                output.append(str(error))

    threads = [threading.Thread(target=call, args=(net,)) for net in nets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(output) <= {
        "X, y and out must not be in use by a call of another thread that writes to them"
    }
