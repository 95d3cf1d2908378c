"""If the system refuses memory, calls raise MemoryError and the network stays usable."""

import subprocess
import sys

import backprop_rs as bp
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")

LIMITED = """
import resource
import numpy as np
import backprop_rs as bp
from backprop_rs._internal import memory
memory.available = lambda: None  # so that the core itself has to ask
bp.set_num_threads(1)

def limit(more):
    pages = int(open("/proc/self/statm").read().split()[0])
    size = pages * resource.getpagesize() + (more << 20)
    resource.setrlimit(resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))

def refused(call):
    try:
        call()
    except MemoryError as error:
        assert str(error).startswith("there is no memory for another "), error
    else:
        raise AssertionError("the memory was there")
"""


def run(program):
    """Run a program in a separate process with limited memory."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED + program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stderr}"


def test_a_batch_beyond_the_memory_is_refused_and_a_smaller_one_trains():
    run("""
net = bp.Network([1, 1_000_000, 1], seed=0)
X, y = np.ones((1024, 1)), np.ones((1024, 1))
before = [w.copy() for w in net.weights]
options = {"epochs": 1, "learning_rate": 0.1, "progress": False}
limit(500)
refused(lambda: net.fit(X, y, batch_size=1024, **options))
refused(lambda: net.backward(X, y))
refused(lambda: net.activations(X))
assert all((a == b).all() for a, b in zip(before, net.weights))
assert net.epochs_trained == 0
assert len(net.fit(X[:2], y[:2], batch_size=2, **options).cost) == 1
""")


def test_the_memory_of_an_optimizer_is_refused():
    run("""
net = bp.Network([1000, 5000, 1], seed=0)
X, y = np.ones((2, 1000)), np.ones((2, 1))
options = {"epochs": 1, "batch_size": 2, "learning_rate": 0.1, "progress": False}
net.fit(X, y, **options)
before = net.predict(X)
limit(15)
refused(lambda: net.fit(X, y, optimizer="adam", **options))
refused(lambda: net.fit(X, y, average=0.9, **options))
refused(lambda: net.fit(X, y, clip_norm=1.0, **options))
assert (net.predict(X) == before).all()
assert len(net.fit(X, y, **options).cost) == 1
""")


@pytest.mark.parametrize(
    "call",
    [
        "net.weights",
        "net.backward(X, y)",
        "net._core.state()",
        "net._core.snapshot()",
        "bp.Network([2000, 5000, 1])",
    ],
)
def test_copies_beyond_the_memory_are_refused(call):
    run(f"""
net = bp.Network([1000, 5000, 1], seed=0)
X, y = np.ones((2, 1000), np.float32), np.ones((2, 1), np.float32)
before = net.predict(X)
limit(10)
refused(lambda: {call})
assert (net.predict(X) == before).all()
""")


def test_a_result_beyond_the_memory_is_refused():
    run("""
net = bp.Network([1, 4000], seed=0)
X = np.ones((10_000, 1), np.float32)
net.predict(X[:100])
limit(50)
refused(lambda: net.predict(X))
assert net.predict(X[:100]).shape == (100, 4000)
""")


def test_a_batch_that_the_machine_has_no_memory_for_is_refused_at_once(backend, monkeypatch):
    net = bp.Network([4, 200_000, 1], init="zeros", backend=backend)
    monkeypatch.setattr("backprop_rs._internal.memory.available", lambda: 1 << 30)
    X, y = np.zeros((1024, 4)), np.zeros(1024)
    sentence = (
        r"training of sizes \[4, 200000, 1\] in batches of 1,024 "
        r"would need 1\.5 GiB of memory; 1\.0 GiB are free"
    )
    with pytest.raises(MemoryError, match=sentence):
        net.fit(X, y, batch_size=2000, epochs=1, learning_rate=0.1, progress=False)
    assert net.epochs_trained == 0
    assert net.fit(X[:2], y[:2], batch_size=1, epochs=1, learning_rate=0.1, progress=False).cost


def test_a_control_group_leaves_its_limit_less_what_it_uses(tmp_path):
    from backprop_rs._internal import memory

    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 400\ninactive_file 100\n")
    assert memory.left_by_group(str(tmp_path)) == 400
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.left_by_group(str(tmp_path)) > 1 << 60
