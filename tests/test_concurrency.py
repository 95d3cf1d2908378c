"""Threads, processes, signals and shutdown: right results or a clear error, never half a step.

A network whose inputs are all 1 and whose parameters start at 0 stays symmetric: after a complete
step all of its weights and biases are equal. Two different numbers prove half a step.
"""

import copy
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial

import backprop_rs as bp
import numpy as np
import pytest
from networks import classifier

WIDE = 3000
ONE = np.ones((1, 1), np.float32)
TARGETS = np.full((1, WIDE), 0.75, np.float32)


def symmetric(backend):
    return bp.Network([1, WIDE], output="identity", init="zeros", seed=0, backend=backend)


def numbers(net):
    return np.concatenate([net.weights[0].ravel(), net.biases[0]])


def together(*functions):
    """Call functions at the same time, and return what they return or raise."""
    results = [None] * len(functions)
    barrier = threading.Barrier(len(functions))

    def call(i):
        barrier.wait()
        try:
            results[i] = functions[i]()
        except Exception as error:
            results[i] = error

    threads = [threading.Thread(target=call, args=(i,)) for i in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def saved(net, path):
    net.save(path)
    return bp.Network.load(path, backend="numpy")


LOOKS = {
    "predict": lambda net, path: net.predict(ONE),
    "weights": lambda net, path: net.weights[0],
    "activations": lambda net, path: net.activations(ONE)[1],
    "backward": lambda net, path: net.backward(ONE, TARGETS).weight_gradients[0],
    "copy": lambda net, path: numbers(copy.deepcopy(net)),
    "pickle": lambda net, path: numbers(pickle.loads(pickle.dumps(net))),
    "save": lambda net, path: numbers(saved(net, path)),
}


@pytest.mark.parametrize("name", LOOKS)
def test_no_reader_gets_half_a_step(name, backend, tmp_path):
    net = symmetric(backend)
    done = threading.Event()

    def train():
        try:
            for _ in range(300):
                net.step(ONE, TARGETS, 1e-3)
        finally:
            done.set()

    def look():
        distinct = set()
        while not done.is_set():
            values = np.unique(LOOKS[name](net, tmp_path / "net"))
            assert len(values) == 1, values
            distinct.update(values.tolist())
        return distinct

    trained, distinct = together(train, look)
    assert trained is None
    assert isinstance(distinct, set), distinct
    assert len(np.unique(numbers(net))) == 1


def test_steps_of_several_threads_are_steps_one_after_another(backend):
    net, alone = symmetric(backend), symmetric(backend)
    net.step(ONE, TARGETS, 1e-3)
    assert together(*[lambda: [net.step(ONE, TARGETS, 1e-3) for _ in range(40)]] * 3)
    for _ in range(121):
        alone.step(ONE, TARGETS, 1e-3)
    assert numbers(net).tobytes() == numbers(alone).tobytes()


RUN = {"epochs": 30, "batch_size": 8, "learning_rate": 0.1, "progress": False}
X = np.random.default_rng(0).normal(size=(64, 5))
Y = np.arange(64) % 3


network = partial(classifier, sizes=[5, 8, 3])


def bits(net):
    return b"".join(array.tobytes() for array in net.weights + net.biases)


def test_a_network_is_trained_by_one_at_a_time(backend):
    net, begun, go_on = network(backend), threading.Event(), threading.Event()

    class Slow:
        def on_fit_begin(self, net):
            begun.set()
            go_on.wait()

    def second():
        begun.wait()
        try:
            net.fit(X, Y, **RUN)
        finally:
            go_on.set()

    first, other = together(lambda: net.fit(X, Y, **RUN, callbacks=Slow()), second)
    assert len(first) == 30
    assert isinstance(other, RuntimeError)
    assert "must not be called on a network that is being trained" in str(other)
    alone = network(backend)
    alone.fit(X, Y, **RUN)
    assert bits(net) == bits(alone)
    net.fit(X, Y, **RUN)  # it can be trained again


def test_fit_within_a_callback_is_refused(backend):
    def again(epoch):
        epoch.net.fit(X, Y, **RUN)

    net = network(backend)
    with pytest.raises(RuntimeError, match=r"in a callback or in another thread$"):
        net.fit(X, Y, **RUN, callbacks=again)
    net.fit(X, Y, **RUN)


def test_networks_of_several_threads_are_trained_as_alone(backend):
    def train(seed):
        net = network(backend, seed=seed)
        net.fit(X, Y, **RUN)
        return bits(net)

    expected = [train(seed) for seed in range(4)]
    assert together(*[lambda seed=seed: train(seed) for seed in range(4)]) == expected


# Processes. Each runs a separate program, because `spawn` imports it again.


PROCESSES = """
import multiprocessing, os, sys
import numpy as np
import backprop_rs as bp

def train(net):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(512, 300)), rng.integers(10, size=512)
    net.fit(X, y, epochs=2, batch_size=128, learning_rate=0.1, progress=False)
    return b"".join(array.tobytes() for array in net.weights + net.biases)

def network(seed=0):
    return bp.Network([300, 200, 10], "relu", "softmax", "cross_entropy", seed=seed)

if __name__ == "__main__":
    kind = sys.argv[1]
    bp.set_num_threads(2)
    net = network()
    train(net)  # the threads of this process are there when others begin
    expected = train(bp_copy := __import__("copy").deepcopy(net))
    if kind == "loky":
        from joblib import Parallel, delayed
        results = Parallel(n_jobs=2)(delayed(train)(net) for _ in range(3))
    else:
        with multiprocessing.get_context(kind).Pool(2) as pool:
            results = pool.map(train, [net] * 3)
    assert results == [expected] * 3, "other bits"
    assert train(net) == expected, "other bits in the parent"
    print("same bits")
"""


@pytest.mark.parametrize("kind", ["fork", "spawn", "forkserver", "loky"])
def test_processes_train_to_the_same_bits(kind, backend, tmp_path):
    if backend == "numpy":
        pytest.skip("nothing but NumPy")
    if kind == "loky":
        pytest.importorskip("joblib")
    elif kind not in __import__("multiprocessing").get_all_start_methods():
        pytest.skip("not on this system")
    program = tmp_path / "program.py"
    program.write_text(PROCESSES)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", program, kind], capture_output=True, text=True, timeout=300
    )
    assert (run.returncode, run.stdout) == (0, "same bits\n"), run.stderr


SHUTDOWN = """
import sys, threading, time
import numpy as np, backprop_rs as bp

class Slow:  # the interpreter is shutting down while this is deleted
    def __del__(self, sleep=time.sleep):
        sleep(0.2)

slow = Slow()
net = bp.Network([200, 300, 10], seed=0, backend=sys.argv[1])
X, y = np.random.default_rng(0).normal(size=(2000, 200)), np.zeros(2000, int)
begun = threading.Event()

class Begun:
    def on_fit_begin(self, net):
        begun.set()

run = {"epochs": 10**6, "callbacks": Begun(), "progress": False}
threading.Thread(target=net.fit, args=(X, y), kwargs=run, daemon=True).start()
begun.wait()
time.sleep(0.1)
print("leaving")
"""


def test_the_interpreter_leaves_while_a_thread_trains(backend):
    run = subprocess.run(
        [sys.executable, "-c", SHUTDOWN, backend], capture_output=True, text=True, timeout=120
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "leaving\n", "")


# Ctrl-C.


LONG = {
    "predict": lambda net, X, y: net.predict(X),
    "predict into": lambda net, X, y: net.predict(X, np.empty((len(X), 10), X.dtype)),
    "activations": lambda net, X, y: net.activations(X),
    "backward": lambda net, X, y: net.backward(X, y),
    "evaluate": lambda net, X, y: net.evaluate(X, y),
    "step": lambda net, X, y: net.step(X, y, 0.1),
    "find_learning_rate": lambda net, X, y: net.find_learning_rate(
        X, y, steps=2000, high=1e-5, batch_size=64
    ),
}


@contextmanager
def no_collection():
    """Keep the garbage collector off: Python drops an exception of a signal that arrives in it."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("name", LONG)
def test_ctrl_c_ends_a_long_call(name, backend):
    """It ends in a small part of the full time, and the network is unchanged."""
    if backend == "numpy":
        pytest.skip("which is in NumPy's hands, array by array")
    call, rows, whole = LONG[name], 2_500, 0.0
    random = np.random.default_rng(1)

    def fresh():
        return bp.Network([32, 128, 128, 10], "relu", "softmax", "cross_entropy", backend=backend)

    while whole < 0.2 and rows < 640_000:  # enough to take some time on this machine
        rows *= 2
        X, y = random.normal(size=(rows, 32)).astype(np.float32), np.arange(rows) % 10
        started = time.perf_counter()
        call(fresh(), X, y)
        whole = time.perf_counter() - started
    before, sent, ended = bits(net := fresh()), [], []

    def press():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    for _ in range(9):  # on a busy machine a call may have ended before its signal
        sent.clear()
        ended.clear()
        timer = threading.Timer(whole / 5, press)
        with no_collection(), pytest.raises(KeyboardInterrupt):
            timer.start()
            call(net, X, y)
            ended.append(time.perf_counter())
            timer.join()
            time.sleep(0.1)
        if not ended or ended[0] > sent[0]:
            break
        net = fresh()
        before = bits(net)
    assert not ended
    assert bits(net) == before
    call(net, X[:100], y[:100])  # the network still works
