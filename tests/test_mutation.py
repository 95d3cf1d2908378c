"""Arrays that another thread changes while a network uses them cannot do harm.

Labels, weights and orders keep the values of their check. X and other targets are used in place: a
change gives other numbers, or an error.
"""

import contextlib
import threading

import backprop_rs as bp
import numpy as np
import pytest

# Sizes and rows of a batch: panels, a small network, one sample at a time in registers.
SHAPES = [([80, 64, 10], 64), ([4, 8, 3], 16), ([3, 3, 3], 1), ([4, 8, 3], 200)]
BEYOND = [10**8, 1000, -1, -(10**12)]


def assert_same_bits(left, right):
    for a, b in zip(left, right, strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.fixture(params=[1, 2])
def threads(request):
    before = bp.get_num_threads()
    bp.set_num_threads(request.param)
    yield request.param
    bp.set_num_threads(before)


def samples(sizes, rows=200):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, sizes[0])).astype("float32")
    return X, rng.integers(0, sizes[-1], rows)


def network(sizes, backend, output="softmax", cost="cross_entropy"):
    return bp.Network(sizes, "relu", output, cost, seed=0, backend=backend)


def fitted(net, X, y, batch_size, **options):
    net.fit(X, y, epochs=3, batch_size=batch_size, learning_rate=0.1, progress=False, **options)
    return net


def parameters(net):
    return [*net.weights, *net.biases]


@pytest.mark.parametrize(("sizes", "batch_size"), SHAPES)
@pytest.mark.parametrize("value", BEYOND)
def test_a_fit_has_the_labels_of_its_check(backend, threads, sizes, batch_size, value):
    X, y = samples(sizes)
    expected = fitted(network(sizes, backend), X, y.copy(), batch_size)
    net = network(sizes, backend)
    fitted(net, X, y, batch_size, callbacks=lambda event: y.fill(value))
    assert y[0] == value
    assert_same_bits(parameters(net), parameters(expected))


@pytest.mark.parametrize(("sizes", "batch_size"), SHAPES[:2])
def test_changing_labels_do_not_reach_the_padding(backend, sizes, batch_size):
    X, y = samples(sizes)
    expected = fitted(network(sizes, backend), X, y.copy(), batch_size)
    net = network(sizes, backend)

    def move(event):
        y[:] += 1

    fitted(net, X, y, batch_size, callbacks=move)
    assert_same_bits(parameters(net), parameters(expected))


@pytest.mark.parametrize("dtype", ["int64", "uint64", "int8", "bool"])
def test_labels_of_any_type_are_copied(backend, dtype):
    X, y = samples([4, 8, 2])
    y = y.astype(dtype)
    net, before = network([4, 8, 2], backend), y.copy()
    expected = fitted(network([4, 8, 2], backend), X, before, 16)
    fitted(net, X, y, 16, callbacks=lambda event: y.fill(np.array(-1).astype(dtype)))
    assert_same_bits(parameters(net), parameters(expected))


@pytest.mark.parametrize(("sizes", "batch_size"), SHAPES[:2])
def test_a_fit_has_the_weights_of_its_check(backend, sizes, batch_size):
    X, y = samples(sizes)
    weights = np.random.default_rng(1).uniform(0.5, 2, len(X)).astype("float32")
    expected = network(sizes, backend)
    fitted(expected, X, y, batch_size, sample_weight=weights.copy())
    net = network(sizes, backend)
    callbacks = lambda event: weights.fill(-np.inf)  # noqa: E731
    fitted(net, X, y, batch_size, sample_weight=weights, callbacks=callbacks)
    assert_same_bits(parameters(net), parameters(expected))


@pytest.mark.parametrize("sizes", [[80, 64, 10], [4, 8, 3]])
def test_a_writer_beside_every_call(backend, threads, sizes):
    """Each call uses the labels of its check, or reports the wrong value."""
    X, y = samples(sizes)
    good, done = y.copy(), threading.Event()

    def write():
        while not done.is_set():
            y.fill(10**8)
            y[:] = good

    net = network(sizes, backend)
    calls = {
        "fit": lambda: net.fit(X, y, epochs=2, batch_size=50, progress=False),
        "step": lambda: net.step(X, y, 0.01),
        "backward": lambda: net.backward(X, y).cost,
        "evaluate": lambda: net.evaluate(X, y)["cost"],
    }
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for call in calls.values():
            for _ in range(20):
                with contextlib.suppress(ValueError):
                    call()
    finally:
        done.set()
        writer.join()
    assert all(np.isfinite(array).all() for array in parameters(net))


def settings(**others):
    plain = {"batch_size": 20, "learning_rate": 0.1, "stop_epoch": 2, "budget": 1e9}
    return plain | others


def train(net, X, y, **others):
    """Train, and raise the exception that the core returns after the completed steps."""
    *_, reason = net.train(X, y, settings(**others), (0, 0, 0.0, 0.0))
    if isinstance(reason, BaseException):
        raise reason


CALLS = {
    "train": train,
    "one by one": lambda net, X, y: train(net, X, y, batch_size=1),
    "clipped": lambda net, X, y: train(net, X, y, clip_norm=1.0),
    "step": lambda net, X, y: net.step(X, y, 0.1),
    "backward": lambda net, X, y: net.backward(X, y),
    "gradient": lambda net, X, y: net.gradient(X, y),
    "costs": lambda net, X, y: net.costs(X, y),
    "mean_cost": lambda net, X, y: net.mean_cost(X, y),
    "sum_gradient": lambda net, X, y: net.sum_gradient(
        X, y, settings(), (0, 0), 1, [len(X)], lambda layer, sums: None
    ),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(("sizes", "output"), [([40, 70, 10], "softmax"), ([3, 3, 3], "sigmoid")])
@pytest.mark.parametrize("value", [*BEYOND, "n_out", "padding"])
def test_an_invalid_label_is_never_used(core, threads, name, sizes, output, value):
    """This skips all checks, as if labels changed after them."""
    n_out = sizes[-1]
    value = {"n_out": n_out, "padding": n_out + 1}.get(value, value)
    X, y = samples(sizes, 60)
    y[37] = value
    net = core.Network(sizes, ["sigmoid", output], "cross_entropy", "float32")
    net.initialize("auto", 0)
    before = [*net.weights(), *net.biases()]
    with pytest.raises(ValueError, match="y must hold class labels") as raised:
        CALLS[name](net, X, y)
    assert str(raised.value) == (
        f"y must hold class labels from 0 to {n_out - 1} until the call returns; got {value}"
    )
    if name in ("step", "backward"):  # nothing was updated from it
        assert_same_bits([*net.weights(), *net.biases()], before)
    y[37] = 0
    CALLS[name](net, X, y)  # and the network goes on


@pytest.mark.parametrize("order", [60, 2**32 - 1])
@pytest.mark.parametrize("sizes", [[40, 70, 10], [3, 3, 3]])
def test_an_order_must_name_existing_rows(core, sizes, order):
    X, y = samples(sizes, 60)
    net = core.Network(sizes, ["sigmoid", "softmax"], "cross_entropy", "float32")
    orders = np.arange(60, dtype=np.uint32)[None].copy()
    orders[0, 59] = order
    sentence = "orders must hold rows from 0 to 59 for every epoch; got others, or too few"
    for wrong, first in ((orders, 0), (np.arange(60, dtype=np.uint32)[None], 1)):
        with pytest.raises(ValueError, match="orders") as raised:
            train(net, X, y, orders=wrong, orders_from=first)
        assert str(raised.value) == sentence


def test_arrays_of_other_lengths_are_refused_by_the_core(core):
    if core.__name__.endswith("reference"):
        pytest.skip("arrays of NumPy know their lengths")
    X, y = samples([4, 8, 3], 60)
    net = core.Network([4, 8, 3], ["sigmoid", "softmax"], "cross_entropy", "float32")
    weights = np.ones(60, np.float32)
    ready = lambda layer, sums: None  # noqa: E731
    for call in (
        lambda: net.train(X, y[:-1].copy(), settings(), (0, 0, 0.0, 0.0)),
        lambda: net.train(X, y, settings(), (0, 0, 0.0, 0.0), weights[:-1].copy()),
        lambda: net.train(X.reshape(30, 8), y[:30].copy(), settings(), (0, 0, 0.0, 0.0)),
        lambda: net.train(X[:0], y[:0], settings(), (0, 0, 0.0, 0.0)),
        lambda: net.train(X, y, settings(batch_size=0), (0, 0, 0.0, 0.0)),
        lambda: net.train(
            X, y, settings(names=np.arange(3, dtype=np.uint64), window=(60, 0)), (0, 0, 0.0, 0.0)
        ),
        lambda: net.train(X, y, settings(window=(60, 2)), (0, 0, 0.0, 0.0)),
        lambda: net.step(X, np.zeros((60, 2), np.float32), 0.1),
        lambda: net.backward(X.reshape(30, 8), y[:30].copy()),
        lambda: net.activations_of(X.reshape(30, 8)),
        lambda: net.sum_gradient(X, y, settings(), (0, 0), 1, [61], ready),
        lambda: net.sum_gradient(X, y, settings(), (0, 0), 1, [60, 0], ready),
        lambda: net.sum_gradient(X, y, settings(), (0, 0), 1, [1, 2**64 - 1], ready),
    ):
        with pytest.raises(ValueError, match="must"):
            call()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of inf - inf
@pytest.mark.parametrize("sizes", [[80, 64, 10], [4, 8, 3]])
def test_numbers_that_become_nan_end_the_fit(backend, sizes):
    X, y = samples(sizes)
    net = network(sizes, backend)
    with pytest.raises(ValueError, match=r"finite|large"):
        fitted(net, X, y, 50, callbacks=lambda event: X.fill(np.nan))
    values = np.zeros((len(X), sizes[-1]), np.float32)
    X, net = samples(sizes)[0], network(sizes, backend, "identity", "squared_error")
    with pytest.raises(ValueError, match=r"finite|large"):
        fitted(net, X, values, 50, callbacks=lambda event: values.fill(np.inf))


def test_a_metric_that_writes_to_its_labels(backend):
    """The metric shares the arrays of the fit: the fit reports it, and has no other effect."""
    X, y = samples([4, 8, 3])

    def destructive(y_true, y_pred):
        y_true[:] = 1000
        return 0.0

    with pytest.raises(ValueError, match="y must hold class labels from 0 to 2 until"):
        fitted(network([4, 8, 3], backend), X, y, 50, metrics=destructive)
    assert y.max() == 2


# Results that share memory with samples.


def two_views(rows, shift, dtype="float32"):
    """Return X and out (rows, 3) in one memory, `shift` rows apart, as two objects."""
    size = np.dtype(dtype).itemsize * 3
    memory = bytearray((rows + abs(shift)) * size)
    places = (0, shift) if shift >= 0 else (-shift, 0)
    return [
        np.frombuffer(memory, dtype, rows * 3, place * size).reshape(rows, 3) for place in places
    ]


@pytest.mark.parametrize("shift", [0, 1, -1, 100, -100, 999, -999, 1000, -1000])
def test_predict_into_memory_that_it_shares(backend, threads, shift):
    net = bp.Network([3, 16, 3], "tanh", seed=0, backend=backend)
    X, out = two_views(1000, shift)
    X[:] = np.random.default_rng(2).normal(size=X.shape)
    expected = net.predict(X.copy())
    assert net.predict(X, out=out) is out
    assert_same_bits([out], [expected])


@pytest.mark.parametrize("shift", [0, 1, -1, 600, -600])
def test_predict_a_source_into_its_own_memory(backend, shift):
    net = bp.Network([3, 16, 3], "tanh", seed=0, backend=backend)
    X, out = two_views(1000, shift)
    X[:] = np.random.default_rng(2).normal(size=X.shape)
    expected, source = net.predict(X.copy()), bp.data.source(X)
    source.chunk_bytes = 1200
    assert net.predict(source, out=out) is out
    assert_same_bits([out], [expected])


def test_one_sample_into_itself(backend):
    net = bp.Network([3, 3], seed=0, backend=backend)
    X, out = two_views(1, 0)
    X[:] = 0.5, 1.0, -2.0
    expected = net.predict(X[0].copy())
    net.predict(X[0], out=out[0])
    assert_same_bits([out[0]], [expected])
