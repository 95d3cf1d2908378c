"""Training gives the same bits for any number of threads, and a row the same in any batch."""

from hashlib import sha256

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.reference.random import SPLIT, raw, uniform
from conftest import MISSING

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))

THREADS = (1, 2, 3)
BATCH = 300  # more than one shard of 256 rows, and enough work for several threads
ROWS = 2 * BATCH + 70  # a ragged last batch


@pytest.fixture
def threads():
    """Sets the number of threads, and sets it back."""
    before = bp.get_num_threads()
    yield bp.set_num_threads
    bp.set_num_threads(before)


def samples(dtype):
    X = uniform(0, SPLIT, 0, ROWS * 130).reshape(ROWS, 130) - 0.5
    return X.astype(dtype), (raw(0, SPLIT, 1, ROWS) % 7).astype(int)


def trained(dtype, optimizer):
    net = bp.Network([130, 37, 65, 7], "tanh", "softmax", "cross_entropy", seed=0, dtype=dtype)
    history = net.fit(*samples(dtype), epochs=2, batch_size=BATCH, optimizer=optimizer)
    return net, history.cost


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_for_any_number_of_threads(dtype, optimizer, threads):
    results = []
    for n in THREADS:
        threads(n)
        net, cost = trained(dtype, optimizer)
        results.append([cost, *(array.tobytes() for array in net.weights + net.biases)])
    assert results[1:] == results[:-1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_alone_and_in_any_batch(dtype, threads):
    net, _ = trained(dtype, "sgd")
    X, _ = samples(dtype)
    together = net.predict(X)
    assert np.stack([net.predict(x) for x in X]).tobytes() == together.tobytes()
    for n in THREADS:
        threads(n)
        for m in (2, 5, 63, ROWS):
            assert net.predict(X[-m:]).tobytes() == together[-m:].tobytes()


@pytest.mark.parametrize(
    ("dtype", "expected"), [("float32", "71d745f414bbff4a"), ("float64", "cff814b7d4eadf68")]
)
def test_bits_of_this_release(dtype, expected):
    """A change of them is named in the changelog."""
    net, _ = trained(dtype, "sgd")
    digest = sha256()
    for array in net.weights + net.biases:
        digest.update(array.tobytes())
    assert digest.hexdigest()[:16] == expected
