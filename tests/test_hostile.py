"""Hostile and odd input to every call: the right result or one clear sentence, and nothing else.

Every public call that takes data gets every kind of input. A panic of the core would reach Python
as `pyo3_runtime.PanicException`, which is not an `Exception`, so that every test here would fail.
"""

import ctypes
import decimal
import warnings
from importlib.util import find_spec

import backprop_rs as bp
import numpy as np
import pytest

GOOD = np.random.default_rng(0).integers(-8, 8, size=(6, 4)).astype(np.float32) / 8
TARGETS = np.random.default_rng(1).integers(0, 2, size=(6, 3)).astype(np.float32)
WEIGHTS = np.array([1, 0, 2, 1, 1, 0.5], np.float32)
RUN = {"epochs": 2, "batch_size": 4, "learning_rate": 0.1, "progress": False}


def network(backend):
    return bp.Network([4, 5, 3], "tanh", cost="huber", seed=3, backend=backend)


def values(result):
    """Return the result of a call as bytes and numbers."""
    if isinstance(result, bp.Network):
        return values(result.weights + result.biases)
    if isinstance(result, bp.Trace):
        return values([result.cost, *result.deltas, *result.weight_gradients])
    if isinstance(result, bp.History):
        return values(result.cost)
    if isinstance(result, (list, tuple)):
        return [values(one) for one in result]
    if isinstance(result, dict):
        return {key: values(one) for key, one in result.items()}
    return result.tobytes() if isinstance(result, np.ndarray) else result


def one_of_many(net, X, y):
    """Return a twin of the network, trained by `train_many`, or raise its error."""
    config = {"sizes": net.sizes, "activation": "tanh", "cost": net.cost, "seed": 3}
    (one,) = bp.train_many([config | {"backend": net.backend} | RUN], X, y)
    if one.error:
        raise one.error
    return one.history, one.net


SCIPY = find_spec("scipy") is not None
CALLS = {
    "predict": lambda net, X, y: net.predict(X),
    "predict into": lambda net, X, y: net.predict(X, np.empty((6, 3), np.float32)),
    "activations": lambda net, X, y: net.activations(X),
    "backward": lambda net, X, y: net.backward(X, y),
    "evaluate": lambda net, X, y: net.evaluate(X, y),
    "step": lambda net, X, y: net.step(X, y, 0.1),
    "fit": lambda net, X, y: net.fit(X, y, **RUN),
    "partial_fit": lambda net, X, y: net.partial_fit(X, y, progress=False),
    **({"fit lbfgs": lambda net, X, y: net.fit(X, y, 2, optimizer="lbfgs")} if SCIPY else {}),
    "train_many": one_of_many,
    "validation": lambda net, X, y: net.fit(GOOD, TARGETS, validation_data=(X, y), **RUN),
    "find_learning_rate": lambda net, X, y: net.find_learning_rate(X, y, steps=5).costs,
}
OF_TARGETS = [name for name in CALLS if not name.startswith(("predict", "activations"))]
OF_WEIGHTS = {
    "backward": lambda net, weights: net.backward(GOOD, TARGETS, weights),
    "evaluate": lambda net, weights: net.evaluate(GOOD, TARGETS, weights),
    "step": lambda net, weights: net.step(GOOD, TARGETS, 0.1, weights),
    "fit": lambda net, weights: net.fit(GOOD, TARGETS, sample_weight=weights, **RUN),
}


# Odd arrays that are valid.


class OnlyDLPack:
    """A tensor of another library, with its exchange protocol only."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **more):
        return self.array.__dlpack__(**more)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class OnlyArray:
    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


class Subclass(np.ndarray):
    pass


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def misaligned(array):
    room = np.zeros(array.nbytes + 1, np.uint8)
    odd = room[1:].view(array.dtype).reshape(array.shape)
    odd[...] = array
    assert not odd.flags.aligned
    return odd


def mapped(array, folder):
    path = folder / "array.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def frame(module, array):
    library = pytest.importorskip(module)
    if array.ndim == 1:
        return library.Series(array)
    return library.DataFrame({f"x{i}": array[:, i] for i in range(array.shape[1])})


ODD = {
    "lists": lambda a, folder: a.tolist(),
    "tuples": lambda a, folder: tuple(map(tuple, a)) if a.ndim == 2 else tuple(a),
    "a list of rows": lambda a, folder: list(a),
    "negative strides": lambda a, folder: a[::-1].copy()[::-1],
    "a part of every other row": lambda a, folder: np.repeat(a, 2, axis=0)[::2],
    "columns first": lambda a, folder: np.asfortranarray(a),
    "a row over and over": lambda a, folder: np.lib.stride_tricks.as_strided(a, a.shape, a.strides),
    "read-only": lambda a, folder: read_only(a),
    "misaligned": lambda a, folder: misaligned(a),
    "the other byte order": lambda a, folder: a.astype(a.dtype.newbyteorder()),
    "float64": lambda a, folder: a.astype(np.float64),
    "float16": lambda a, folder: a.astype(np.float16),
    "long double": lambda a, folder: a.astype(np.longdouble),
    "a memory map": mapped,
    "nothing masked": lambda a, folder: np.ma.masked_invalid(a),
    "a list of rows of which nothing is masked": lambda a, folder: list(np.ma.masked_invalid(a)),
    "a subclass": lambda a, folder: a.view(Subclass),
    "dlpack alone": lambda a, folder: OnlyDLPack(a.copy()),
    "__array__ alone": lambda a, folder: OnlyArray(a),
    "a buffer": lambda a, folder: memoryview(a),
    "pandas": lambda a, folder: frame("pandas", a),
    "polars": lambda a, folder: frame("polars", a),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_arrays_give_what_plain_ones_give(kind, backend, tmp_path):
    (tmp_path / "X").mkdir(), (tmp_path / "y").mkdir()
    X, y = ODD[kind](GOOD, tmp_path / "X"), ODD[kind](TARGETS, tmp_path / "y")
    for name, call in CALLS.items():
        plain, odd = network(backend), network(backend)
        assert values(call(plain, GOOD, TARGETS)) == values(call(odd, X, y)), name
        assert values(plain) == values(odd), name


@pytest.mark.parametrize("kind", ODD)
def test_odd_weights_give_what_plain_ones_give(kind, backend, tmp_path):
    weights = ODD[kind](WEIGHTS, tmp_path)
    for name, call in OF_WEIGHTS.items():
        plain, odd = network(backend), network(backend)
        assert values(call(plain, WEIGHTS)) == values(call(odd, weights)), name
        assert values(plain) == values(odd), name


@pytest.mark.parametrize("kind", ODD)
def test_odd_parameters_are_set_as_plain_ones(kind, backend, tmp_path):
    net, expected = network(backend), [array / 4 for array in network(backend).weights]
    if kind == "float16":
        expected = [array.astype(np.float16).astype(np.float32) for array in expected]
    given = []
    for number, array in enumerate(expected):
        (tmp_path / str(number)).mkdir()
        given.append(ODD[kind](array, tmp_path / str(number)))
    net.weights = given
    assert values(net.weights) == values(expected)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("n", [1, 2, 7])
def test_one_row_and_one_column(n, call, backend):
    net = bp.Network([1, 1], cost="huber", seed=3, backend=backend)
    X, y = np.ones((n, 1), np.float32), np.ones(n, np.float32)
    if call == "predict into":
        assert net.predict(X, np.empty((n, 1), np.float32)).shape == (n, 1)
    elif call == "validation":
        assert len(net.fit(X, y, validation_data=(X, y), **RUN)) == 2
    else:
        CALLS[call](net, X, y)
    assert all(np.isfinite(w).all() for w in net.weights)


TINY, HUGE = np.finfo(np.float32).smallest_subnormal, np.finfo(np.float32).max


@pytest.mark.parametrize("activation", ["identity", "sigmoid", "tanh", "relu", "softmax"])
@pytest.mark.parametrize("value", [TINY, -TINY, HUGE, -HUGE, -0.0, 1e-30, 1e30])
def test_extreme_numbers_give_the_same_on_both_backends(value, activation):
    """A number that overflows is infinite or NaN on both backends; no other number is.

    There are three products with weights that are powers of two. Their sums are exact, so that the
    bits are the same except for the rounding of the functions.
    """
    w = [[[0.5, 0.25, 2.0], [-1.0, 0.5, 0.125]]]
    X = np.full((2, 3), value, np.float32)
    X[1] = [value, 0, -value]
    results = []
    for backend in ("rust", "numpy"):
        try:
            net = bp.Network([3, 2], output=activation, init=w, backend=backend)
        except ImportError:
            pytest.skip("no core")
        with np.errstate(all="ignore"):
            results.append(net.predict(X))
    eps = np.finfo(np.float32).eps
    np.testing.assert_allclose(*results, rtol=8 * eps, atol=float(TINY))


# Refused input.


def with_value(value, dtype=np.float64):
    array = GOOD.astype(dtype)
    array[2, 1] = value
    return array


def masked():
    return np.ma.masked_equal(GOOD, GOOD[2, 1])


def missing(module):
    library = pytest.importorskip(module)
    column = [0.5, None, 1.0, 2.0, 3.0, 4.0]
    return library.DataFrame({name: column for name in "abcd"})


def nullable():
    pandas = pytest.importorskip("pandas")
    column = pandas.array([1, None, 2, 3, 4, 5], dtype="Int64")
    return pandas.DataFrame({name: column for name in "abcd"})


def sparse():
    return pytest.importorskip("scipy.sparse").csr_matrix(GOOD)


def deep():
    nested = []
    for _ in range(10_000):
        nested = [nested]
    return nested


def endless():
    while True:
        yield [0.0] * 4


class Angry:
    def __array__(self, dtype=None, copy=None):
        raise ValueError("not today")


REFUSED = {
    "nothing": lambda: None,
    "one number": lambda: 0.5,
    "0-d": lambda: np.array(0.5),
    "empty": lambda: [],
    "no rows": lambda: np.zeros((0, 4)),
    "no columns": lambda: np.zeros((6, 0)),
    "3-d": lambda: np.zeros((1, 6, 4)),
    "64-d": lambda: np.zeros((1,) * 32),
    "a column less": lambda: np.zeros((6, 3)),
    "a column more": lambda: np.zeros((6, 5)),
    "ragged": lambda: [[1, 2, 3, 4], [1, 2]],
    "objects": lambda: GOOD.astype(object),
    "complex": lambda: GOOD.astype(complex),
    "text": lambda: GOOD.astype(str),
    "bytes": lambda: GOOD.astype("S9"),
    "dates": lambda: np.zeros((6, 4), "M8[s]"),
    "durations": lambda: np.zeros((6, 4), "m8[s]"),
    "records": lambda: np.zeros((6, 4), [("a", "f4"), ("b", "i4")]),
    "void": lambda: np.zeros((6, 4), "V4"),
    "decimals": lambda: [[decimal.Decimal(1)] * 4] * 6,
    "integers without end": lambda: [[10**400] * 4] * 6,
    "NaN": lambda: with_value(np.nan),
    "NaN of float32": lambda: with_value(np.nan, np.float32),
    "infinity": lambda: with_value(np.inf),
    "minus infinity": lambda: with_value(-np.inf, np.float32),
    "NaN of float16": lambda: with_value(np.nan, np.float16),
    "NaN of long doubles": lambda: with_value(np.nan, np.longdouble),
    "too large for float32": lambda: with_value(1e39),
    "too large an integer": lambda: [[10**40] * 4] * 6,
    "masked": masked,
    "rows that are masked": lambda: list(masked()),
    "frames with missing values": lambda: missing("pandas"),
    "polars with missing values": lambda: missing("polars"),
    "integers with missing values": nullable,
    "a sparse matrix": sparse,
    "a dictionary": lambda: {"a": [1, 2, 3, 4]},
    "a set": lambda: {1, 2, 3, 4},
    "a generator": endless,
    "a function": lambda: np.zeros,
    "a type": lambda: np.ndarray,
    "a string": lambda: "0.5 0.5 0.5 0.5",
    "deep lists": deep,
    "an angry object": Angry,
    "a pointer": lambda: ctypes.c_void_p(8),
}


def refusal(function):
    with warnings.catch_warnings(), pytest.raises((ValueError, TypeError)) as caught:
        warnings.simplefilter("error")
        function()
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert len(sentence) < 300
    return sentence


@pytest.mark.parametrize("kind", REFUSED)
def test_invalid_inputs_are_refused(kind, backend):
    net = network(backend)
    before, X = values(net), REFUSED[kind]()
    for call in CALLS.values():
        assert refusal(lambda: call(net, X, TARGETS)).startswith("X must ")  # noqa: B023
        assert values(net.weights + net.biases) == before
    assert net.epochs_trained == 0


NOT_TARGETS = {
    **{kind: make for kind, make in REFUSED.items() if "column" not in kind},
    "a column less": lambda: np.zeros((6, 2)),
    "a row less": lambda: np.zeros((5, 3)),
    "labels out of range": lambda: [0, 1, 2, 3, 0, 1],
    "labels below zero": lambda: [0, 1, 2, -1, 0, 1],
    "labels far out of range": lambda: np.full(6, 2**64 - 1, np.uint64),
    "labels that are no integers": lambda: [0.0, 1.0, 2.0, 0.0, 1.0, 2.0],
    "labels as text": lambda: ["a", "b", "c", "a", "b", "c"],
    "labels in a column": lambda: [[0], [1], [2], [0], [1], [2]],
    "masked labels": lambda: np.ma.masked_equal([0, 1, 2, 0, 1, 2], 2),
}


@pytest.mark.parametrize("kind", NOT_TARGETS)
def test_invalid_targets_are_refused(kind, backend):
    net = network(backend)
    before, y = values(net), NOT_TARGETS[kind]()
    for name in OF_TARGETS:
        assert refusal(lambda: CALLS[name](net, GOOD, y)).startswith(("y must ", "y is required "))  # noqa: B023
        assert values(net) == before


NOT_WEIGHTS = {
    **{kind: make for kind, make in REFUSED.items() if kind != "nothing"},  # there may be none
    "negative": lambda: [1, 1, -1, 1, 1, 1],
    "too few": lambda: [1.0] * 5,
}


@pytest.mark.parametrize("kind", NOT_WEIGHTS)
def test_invalid_weights_are_refused(kind, backend):
    net = network(backend)
    before, given = values(net), NOT_WEIGHTS[kind]()
    for call in OF_WEIGHTS.values():
        assert refusal(lambda: call(net, given)).startswith("sample_weight must ")  # noqa: B023
        assert values(net) == before


@pytest.mark.parametrize("name", ["weights", "biases"])
@pytest.mark.parametrize("kind", REFUSED)
def test_invalid_parameters_are_refused(kind, name, backend):
    net = network(backend)
    before, good = values(net), getattr(net, name)
    sentence = refusal(lambda: setattr(net, name, [good[0], REFUSED[kind]()]))
    assert sentence.startswith(f"{name} of layer 2 must ")
    assert refusal(lambda: setattr(net, name, REFUSED[kind]())).startswith(f"{name} ")
    assert values(net) == before


def test_a_mask_is_named(backend):
    sentence = refusal(lambda: network(backend).predict(masked()))
    row, column = np.argwhere(np.ma.getmaskarray(masked()))[0]
    assert (
        sentence == f"X must hold no masked values; got one at ({row}, {column}) (counted from 0)"
    )


DATA = {
    "standardize": lambda data: bp.data.standardize(bp.Dataset(data, [0, 1, 0, 1, 0, 1])),
    "one_hot": lambda data: bp.data.one_hot(data[:, 0]),
    "an iterable": lambda data: network("numpy").fit(
        bp.data.source(iter([(data, TARGETS)])), **RUN | {"epochs": 1, "shuffle": False}
    ),
}


@pytest.mark.parametrize("call", DATA)
def test_no_call_uses_masked_values(call):
    with pytest.raises(ValueError, match="must hold no masked values; got one at"):
        DATA[call](masked())


# Numbers of any size.


@pytest.mark.parametrize(
    "sizes",
    [
        [10, 10**9, 10**3],
        [10**6, 10**6],
        [2**31, 2**31, 2**31],
        [2**32, 2**32],
        [2**63, 2],
        [1, 2**64],
        [10**30, 10**30],
    ],
    ids=str,
)
def test_a_network_beyond_the_memory_is_refused_at_once(sizes, backend, monkeypatch):
    monkeypatch.setattr("backprop_rs._internal.memory.available", lambda: 1 << 40)
    with pytest.raises(MemoryError) as caught:
        bp.Network(sizes, backend=backend)
    assert str(caught.value).startswith(f"a network of sizes {sizes} would need ")
    assert str(caught.value).endswith(" of memory; 1,024.0 GiB are free")


def test_results_beyond_the_memory_are_refused_at_once(backend, monkeypatch):
    net = bp.Network([1, 2**12], init="zeros", backend=backend)
    X = np.lib.stride_tricks.as_strided(np.zeros(1, np.float32), (2**34, 1), (0, 4))
    monkeypatch.setattr("backprop_rs._internal.checks.finite", lambda name, given, dtype: given)
    for call in (net.predict, net.activations, lambda X: net.backward(X, X)):
        monkeypatch.setattr(net, "_samples", lambda X, y: (X, y), raising=False)
        with pytest.raises(MemoryError, match=r"of 17,179,869,184 samples|for 17,179,869,184"):
            call(X)


def test_the_system_reports_free_memory():
    from backprop_rs._internal import memory

    free = memory.available()
    assert free is None or free > 1 << 20


BIG = [10**18, 10**19, 10**30]


@pytest.mark.parametrize("number", BIG)
def test_huge_counts_are_taken_as_endless(number, backend):
    """The batch has all samples, and training runs until something else ends it."""
    nets = [network(backend) for _ in range(2)]
    nets[0].fit(GOOD, TARGETS, epochs=2, batch_size=6, learning_rate=0.1, progress=False)
    nets[1].fit(
        *(GOOD, TARGETS),
        **{"epochs": number, "batch_size": number, "learning_rate": 0.1, "progress": False},
        callbacks=lambda epoch: epoch.stop() if epoch.number == 2 else None,
    )
    assert values(nets[0]) == values(nets[1])
    assert nets[0].partial_fit(GOOD, TARGETS, batch_size=number).cost
    assert nets[0].find_learning_rate(GOOD, TARGETS, batch_size=number, steps=3).costs


@pytest.mark.parametrize("number", BIG)
def test_huge_numbers_of_threads(number):
    before = bp.get_num_threads()
    try:
        bp.set_num_threads(number)
        assert bp.get_num_threads() <= 1024
    finally:
        bp.set_num_threads(before)


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": 10**400},
        {"learning_rate": "1e400"},
        {"clip_norm": float("nan")},
        {"average": 1.0},
        {"input_noise": -1},
        {"validation_fraction": 1.0},
        {"epochs": None},
        {"epochs": 1e3},
        {"batch_size": float("inf")},
        {"schedule": "\ud800"},
        {"optimizer": "adam(" * 1000},
        {"optimizer": "sgd(momentum=1e999)"},
        {"optimizer": "sgd(momentum=nan)"},
        {"schedule": "cosine then " * 500},
        {"optimizer": b"adam"},
        {"class_weight": {0: "heavy"}},
        {"class_weight": "heavy"},
        {"metrics": "loss"},
        {"metrics": 5},
        {"callbacks": 5},
        {"early_stopping": 0},
        {"early_stopping": "soon"},
        {"on_nan": "cry"},
        {"validation_data": 5},
        {"validation_data": (GOOD,)},
    ],
    ids=str,
)
def test_invalid_settings_are_refused(settings, backend):
    net = network(backend)
    with pytest.raises((ValueError, TypeError)) as caught:
        net.fit(GOOD, [0, 1, 2, 0, 1, 2], **RUN | settings)
    assert "\n" not in str(caught.value)
    assert net.epochs_trained == 0


@pytest.mark.parametrize("kind", ["activation", "output", "cost", "init"])
@pytest.mark.parametrize(
    "text", ["", "(", ")", "relu(", "relu)", "relu()()", "elu(1,2)", "elu(x=1)", "elu(--1)", "\0",
             "elu(1e400)", "elu(nan)", "elu" * 10_000, "élu", "\ud800", 5, None, [], {}, b"relu"],
    ids=lambda text: repr(text)[:20],
)  # fmt: skip
def test_invalid_names_are_refused(text, kind, backend):
    with pytest.raises((ValueError, TypeError)):
        bp.Network([4, 5, 3], **{kind: text}, backend=backend)
