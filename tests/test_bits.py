"""Training gives the same bits for any number of threads, instruction set, stop and process."""

import json
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import backprop_rs as bp
import numpy as np
import pytest
from conftest import MISSING

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
if not MISSING:
    import hashes
    from backprop_rs import _core

HERE = Path(__file__).parent
THREADS = (1, 2, 3, 5, 8)
SETS = ("baseline", "avx2", "avx512", "neon")
# Every set and every number of threads; the other pairs take long.
CHOSEN = {(0, 1), (0, 3), (1, 2), (1, 8), (2, 5), (2, 1), (3, 3), (3, 8)}
MACHINES = [
    pytest.param(name, n, marks=() if (i, n) in CHOSEN else pytest.mark.full)
    for i, name in enumerate(SETS)
    for n in THREADS
]


@pytest.fixture
def threads():
    """Set the number of threads, and restore it."""
    before = bp.get_num_threads()
    yield bp.set_num_threads
    bp.set_num_threads(before)


def python(program, **environment):
    """Return what a program prints in a separate process."""
    path = os.pathsep.join([str(HERE), *sys.path])
    environment = os.environ | {"PYTHONPATH": path} | environment
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert run.returncode == 0, run.stderr
    return run.stdout


# Threads and instruction sets.


@pytest.mark.parametrize(("instruction_set", "n"), MACHINES)
def test_hashes_kept_in_the_repository(instruction_set, n):
    environment = {"BACKPROP_RS_ISA": instruction_set, "BACKPROP_RS_NUM_THREADS": str(n)}
    ask = "import backprop_rs._core as core; print(core.instruction_set(), core.get_num_threads())"
    output = python(ask, **environment).split()
    if output[0] != instruction_set:
        pytest.skip(f"this machine has no {instruction_set}")
    assert output[1] == str(n)
    train = "import json, hashes; print(json.dumps(hashes.hashes()))"
    assert json.loads(python(train, **environment)) == json.loads(
        (HERE / "hashes.json").read_text()
    ), "python tests/hashes.py > tests/hashes.json renews them, and the changelog says so"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("sizes", [[2, 3, 2], [4, 4], [9, 12, 16, 10], [2, 5, 3, 1], [40, 2, 2]])
def test_small_networks_have_their_own_steps_with_the_same_bits(sizes, batch_size, schedule, dtype):
    """Samples with weights, here all 1, use the code for large networks."""
    random = np.random.default_rng(0)
    X, y = random.normal(size=(10, sizes[0])), random.random((10, sizes[-1]))
    trained = []
    for weight in (None, np.ones(10)):
        net = bp.Network(sizes, "tanh", seed=1, dtype=dtype, backend="rust")
        settings = {"learning_rate": 0.5, "batch_size": batch_size, "schedule": schedule}
        history = net.fit(X, y, epochs=3, sample_weight=weight, **settings)
        trained.append([history.cost, *(p.tobytes() for p in net.weights + net.biases)])
    assert trained[0] == trained[1]


def test_every_case_trains():
    """A hash of NaN or of unchanged parameters would prove nothing."""
    for case, optimizer, dtype in hashes.combinations():
        first, net = case.network(dtype), case.network(dtype)
        net.fit(*case.data(dtype), 2, case.batch_size, 0.01, optimizer=optimizer)
        for before, after in zip(first.weights, net.weights, strict=True):
            assert np.isfinite(after).all() and (before != after).any(), case


@pytest.mark.parametrize("dtype", [] if MISSING else hashes.DTYPES)
def test_a_row_alone_and_in_any_batch(dtype, threads):
    case = next(case for case in hashes.CASES if case.name == "shared")
    net, (X, _) = case.network(dtype), case.data(dtype)
    together = net.predict(X)
    assert np.stack([net.predict(x) for x in X]).tobytes() == together.tobytes()
    for n in THREADS:
        threads(n)
        for m in (2, 5, 63, len(X)):
            assert net.predict(X[-m:]).tobytes() == together[-m:].tobytes()


# Stops.

SIZES, ROWS, BATCH = [64, 128, 10], 330, 64  # enough work to read the clock after every step


class Training:
    """A core network between two calls of `train`."""

    def __init__(self, optimizer, dtype, options=None, weighted=False, **more):
        rng = np.random.default_rng(5)
        self.options, self.more = options, more
        self.X = rng.random((ROWS, SIZES[0])).astype(dtype)
        self.y = rng.integers(0, SIZES[-1], ROWS)
        self.weights = rng.random(ROWS).astype(dtype) if weighted else None
        self.dtype = dtype
        self.at = (0, 0, 0.0, 0.0)
        self.costs = []
        self.core = self.fresh(optimizer)
        self.core.initialize("auto", 1)

    def fresh(self, optimizer):
        core = _core.Network(SIZES, ["relu", "softmax"], "cross_entropy", self.dtype, self.options)
        core.set_optimizer(optimizer)
        return core

    def go_on(self, budget=0.0):
        run = {"batch_size": BATCH, "learning_rate": 0.01, "shuffle": True, "seed": 9}
        run |= {"stop_epoch": 3, "budget": budget} | self.more
        costs, *at, _ = self.core.train(self.X, self.y, run, tuple(self.at), self.weights)
        self.at = at
        self.costs += costs

    def bits(self):
        state = self.core.state()
        arrays = [state[name] for name in sorted(state) if isinstance(state[name], np.ndarray)]
        return hashes.digest(arrays, self.costs)


RULES = [] if MISSING else [name for name, _ in _core.table("optimizer")]
PLAIN = {"dropout": 0.0, "l1": 0.0, "l2": 0.0, "weight_decay": 0.0, "max_norm": 0.0}
# Options of a training other than its optimizer.
FEATURES = {
    "nothing": {},
    "dropout": {"options": [PLAIN | {"dropout": 0.3}, PLAIN]},
    "noise": {"input_noise": 0.1},
    "weights": {"weighted": True},
    "penalties": {"options": [PLAIN | {"l1": 1e-3, "l2": 1e-3, "weight_decay": 0.1}] * 2},
    "penalties in the cost": {
        "options": [PLAIN | {"l2": 1e-2}] * 2,
        **{"penalty_in_cost": True, "penalty_per_sample": True},
    },
    "norms": {"options": [PLAIN | {"max_norm": 0.5}] * 2},
    "clip_norm": {"clip_norm": 0.05},
    "clip_value": {"clip_value": 1e-3},
    "average": {"average": 0.9},
    "schedules": {
        "options": [PLAIN | {"dropout": 0.3, "weight_decay": 0.1}] * 2,
        "schedule_epochs": 3,
        **{"dropout_schedule": "cosine", "decay_schedule": "flat_cos"},
    },
    "factors": {
        "factors": {
            "weights": [(0.5, 1.0), (2.0, 0.5)],
            "biases": [(0.1, 0.2)] * 2,
            "gains": [(1.0, 0.0)] * 2,
            "shifts": [(1.0, 0.0)] * 2,
            "scales": [(1.0, 0.0)] * 2,
            "embeddings": [(1.0, 0.0)] * 2,
            "alphas": [(1.0, 0.0)] * 2,
        }
    },
    "schedule": {"schedule": "warmup(1) then cosine", "schedule_epochs": 3},
}
STOPS = [*((rule, "nothing") for rule in RULES), *(("adam", feature) for feature in FEATURES)]


@pytest.mark.parametrize(("optimizer", "feature"), STOPS)
@pytest.mark.parametrize("dtype", [] if MISSING else hashes.DTYPES)
def test_a_training_that_stops_after_every_batch(optimizer, feature, dtype, threads):
    """A new network continues with another number of threads."""
    whole = Training(optimizer, dtype, **FEATURES[feature])
    whole.go_on(budget=1e9)
    stopped = Training(optimizer, dtype, **FEATURES[feature])
    places = []
    while stopped.at[0] < 3:
        threads(1 + len(places) % 3)
        stopped.go_on()
        places.append(tuple(stopped.at[:2]))
        core = stopped.fresh(optimizer)
        core.set_state(stopped.core.state())
        stopped.core = core
    steps = -(-ROWS // BATCH)
    assert places == [divmod(i, steps) for i in range(1, 3 * steps + 1)]
    assert stopped.costs == whole.costs
    assert stopped.bits() == whole.bits()
    if feature != "nothing":
        plain = Training(optimizer, dtype)
        plain.go_on(budget=1e9)
        states = [training.core.state() for training in (plain, whole)]
        assert states[0].keys() != states[1].keys() or plain.bits() != whole.bits()


# Processes and threads of Python.


METHODS = [name for name in ("fork", "spawn", "forkserver")
           if name in multiprocessing.get_all_start_methods()]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_process_trains(method, threads):
    expected = hashes.train_shared(3)  # the pool has threads by now, which a forked child lacks
    with multiprocessing.get_context(method).Pool(2) as children:
        jobs = [children.apply_async(hashes.train_shared, (n,)) for n in (1, 2, 3)]
        assert [job.get(60) for job in jobs] == [expected] * 3
    assert hashes.train_shared(3) == expected


def test_two_python_threads_train_two_networks(threads):
    threads(2)
    cases = [case for case in hashes.CASES if case.name in ("shared", "chunked")]
    expected = {case.name: case.train("adam", "float32") for case in cases}
    results = {case.name: [] for case in cases}
    begin = threading.Barrier(len(cases))

    def work(case):
        begin.wait()
        results[case.name] = [case.train("adam", "float32") for _ in range(4)]

    workers = [threading.Thread(target=work, args=[case]) for case in cases]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results == {name: [digest] * 4 for name, digest in expected.items()}


SHARING = """
import threading
import backprop_rs as bp, hashes
bp.set_num_threads(2)
case = next(case for case in hashes.CASES if case.name == "shared")
net, twin, (X, y) = case.network("float32"), case.network("float32"), case.data("float32")
allowed = {twin.predict(X).tobytes()}
for _ in range(50):
    twin.step(X, y, 0.1)
    allowed.add(twin.predict(X).tobytes())
trainer = threading.Thread(target=lambda: [net.step(X, y, 0.1) for _ in range(50)])
trainer.start()
met = set()
while trainer.is_alive():
    met.add(net.predict(X).tobytes())
    net.weights, net.sizes
trainer.join()
print(met <= allowed, net.predict(X).tobytes() == twin.predict(X).tobytes())
"""


def test_one_network_is_shared_by_two_python_threads():
    """Calls take turns without a deadlock: predictions use complete sets of parameters."""
    assert python(SHARING) == "True True\n"


IDLE = """
import time
import hashes, backprop_rs as bp
bp.set_num_threads(4)
hashes.train_shared(4)
before = time.process_time()
time.sleep(0.5)
print(time.process_time() - before)
"""


def test_an_idle_pool_burns_nothing():
    assert float(python(IDLE)) < 0.05, "seconds of processor time in half a second of sleep"


def test_a_process_bound_to_one_processor_uses_one_thread():
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system has no affinity")
    program = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); "
    program += "import backprop_rs as bp; print(bp.get_num_threads())"
    empty = {"BACKPROP_RS_NUM_THREADS": "", "OMP_NUM_THREADS": ""}
    assert python(program, **empty) == "1\n"
