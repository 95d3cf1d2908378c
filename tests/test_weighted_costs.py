"""The cost of an epoch is sum w C / sum w over its samples, for every way of training."""

from fractions import Fraction
from typing import Any

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.training import checkpoint, trainer

RANDOM = np.random.default_rng(3)
N = 100
X = RANDOM.normal(size=(N, 3))
Y = RANDOM.normal(size=(N, 2))
WEIGHTS = RANDOM.integers(0, 5, N) * (RANDOM.uniform(size=N) < 0.4)  # most are 0
SPARSE = np.where(np.arange(N) < 20, 1, 0)
STILL = {"learning_rate": 0.0, "progress": False, "optimizer": "sgd", "schedule": "constant"}


def network(backend: str = "auto", dtype: str = "float64", **more: Any) -> Any:
    return bp.Network([3, 5, 2], "tanh", "identity", seed=1, dtype=dtype, backend=backend, **more)


def exact(net: Any, weights: Any, X: Any = X, Y: Any = Y) -> float:
    """Return the weighted mean of the costs in rational numbers."""
    costs = net._core.costs(*net._samples(X, Y))
    pairs = zip(costs.tolist(), np.asarray(weights).tolist(), strict=True)
    total = sum(Fraction(cost) * Fraction(weight) for cost, weight in pairs)
    return float(total / Fraction(int(np.sum(weights))))


@pytest.mark.parametrize("weights", [WEIGHTS, SPARSE], ids=["many", "first twenty"])
@pytest.mark.parametrize("batch_size", [1, 7, 20, 33, 100])
def test_the_cost_of_an_epoch(batch_size: int, weights: Any, backend: str) -> None:
    """It does not depend on the batches, even if whole batches have weights of 0."""
    net = network(backend)
    history = net.fit(X, Y, 2, batch_size, sample_weight=weights, **STILL)
    # As many roundings as there are samples.
    assert history.cost == pytest.approx([exact(net, weights)] * 2, rel=N * np.finfo(float).eps)
    assert history.cost[0] == pytest.approx(net.evaluate(X, Y, weights)["cost"], rel=1e-14)


def test_a_batch_without_weights_counts_for_nothing(backend: str) -> None:
    net = bp.Network([1, 1], output="identity", init="zeros", backend=backend, dtype="float64")
    ones = np.ones((N, 1))
    for batch_size in (20, 100):
        history = net.fit(ones, ones, 1, batch_size, sample_weight=SPARSE, shuffle=False, **STILL)
        assert history.cost == [1.0]


def test_weights_of_one_change_no_bit(backend: str) -> None:
    runs = []
    for weights in (None, np.ones(N)):
        net = network(backend)
        settings = {"optimizer": "adam", "learning_rate": 0.01, "sample_weight": weights}
        runs.append(net.fit(X, Y, 3, 32, progress=False, **settings).cost)
    assert runs[0] == runs[1]


def test_penalties_and_repeated_rows(backend: str) -> None:
    """A whole weight equals repeated rows in one batch."""
    times = np.arange(N) % 3
    rows = np.repeat(np.arange(N), times)
    run = {"learning_rate": 0.05, "optimizer": "sgd", "progress": False, "shuffle": False}
    one, other = network(backend, l2=0.1), network(backend, l2=0.1)
    first = one.fit(X, Y, 3, N, sample_weight=times, **run)
    second = other.fit(X[rows], Y[rows], 3, len(rows), **run)
    assert first.cost == pytest.approx(second.cost, rel=1e-12)


def test_early_stopping_monitors_it(backend: str) -> None:
    """With means of batches the cost, and so the end, would depend on the order."""
    net = network(backend)
    history = net.fit(X, Y, 50, 7, sample_weight=SPARSE, early_stopping=2, **STILL)
    assert np.ptp(history.cost) <= 1e-13
    assert len(history) <= 50


def test_sources_and_train_many_agree(backend: str) -> None:
    expected = network(backend).fit(X, Y, 3, 16, 0.05, optimizer="sgd", shuffle=False,
                                    sample_weight=WEIGHTS, progress=False).cost  # fmt: skip

    def batches() -> Any:
        for first in range(0, N, 16):
            rows = slice(first, first + 16)
            yield X[rows], Y[rows], WEIGHTS[rows]

    source = bp.data.source(batches)
    net = network(backend)
    history = net.fit(source, epochs=3, batch_size=16, learning_rate=0.05, optimizer="sgd",
                      shuffle=False, progress=False)  # fmt: skip
    assert history.cost == expected
    config = {
        "sizes": [3, 5, 2], "activation": "tanh", "output": "identity", "seed": 1,
        "dtype": "float64", "backend": backend, "epochs": 3, "batch_size": 16,
        "learning_rate": 0.05, "optimizer": "sgd", "shuffle": False, "sample_weight": WEIGHTS,
    }  # fmt: skip
    (one,) = bp.train_many([config], X, Y)
    assert one.error is None and one.history is not None
    assert one.history.cost == expected


def test_steps_add_up_to_their_epoch(backend: str) -> None:
    """Each step reports the weighted mean over its batch, or 0 without weights."""
    costs: list[float] = []

    class Steps:
        def on_step_end(self, step: Any) -> None:
            costs.append(step.cost)

    net = network(backend)
    history = net.fit(X, Y, 1, 30, sample_weight=SPARSE, shuffle=False, callbacks=Steps(), **STILL)
    expected = [exact(net, np.ones(20, int), X[:20], Y[:20]), 0, 0, 0]
    assert costs == pytest.approx(expected, rel=1e-13)
    assert history.cost[0] == pytest.approx(costs[0], rel=1e-13)
    costs.clear()
    history = net.fit(X, Y, 2, 30, sample_weight=WEIGHTS, shuffle=False, callbacks=Steps(), **STILL)
    sums = [WEIGHTS[first : first + 30].sum() for first in range(0, N, 30)] * 2
    assert np.average(costs, weights=sums) == pytest.approx(history.cost[0], rel=1e-13)


def test_a_checkpoint_within_an_epoch_keeps_the_sums(
    backend: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "SLICE", 0.0)
    run = {
        "epochs": 2, "batch_size": 9, "learning_rate": 0.05, "optimizer": "adam",
        "sample_weight": WEIGHTS, "progress": False,
    }  # fmt: skip
    expected = network(backend).fit(X, Y, **run).cost
    copies: list[Any] = []
    whole = checkpoint.Checkpoints.write

    def write(self: Any, *more: Any) -> None:
        whole(self, *more)
        copies.append(tmp_path / f"{len(copies)}.checkpoint")
        copies[-1].write_bytes((tmp_path / "path").read_bytes())

    monkeypatch.setattr(checkpoint.Checkpoints, "write", write)
    network(backend).fit(X, Y, **run, checkpoint=tmp_path / "path", checkpoint_every="0s")
    assert len(copies) > 5
    for copy in copies:
        assert network(backend).fit(X, Y, **run, resume=copy).cost == expected


@pytest.mark.parametrize("step", [0, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_positions_of_an_earlier_release(step: int, weighted: bool) -> None:
    """They had no sum of weights; without weights it is the number of rows."""
    identity = {"batch_size": 9, "weights": "float64 of shape (100,)" if weighted else None}
    if weighted and step:
        with pytest.raises(ValueError, match="without the sum of its weights"):
            checkpoint.position_of([3, step, 1.5], identity)
    else:
        position = checkpoint.position_of([3, step, 1.5], identity)
        assert position == (3, step, 1.5, 9.0 * step)
    assert checkpoint.position_of([3, step, 1.5, 2.5], identity) == (3, step, 1.5, 2.5)


# What weights may be.


EXTREME = [("float32", 1e-42), ("float32", 1e35), ("float64", 1e-300)]


@pytest.mark.parametrize(("dtype", "weight"), EXTREME)
def test_weights_that_would_lose_the_digits_are_refused(
    dtype: str, weight: float, backend: str
) -> None:
    net = network(backend, dtype)
    weights = np.ones(N)
    weights[7] = weight
    with pytest.raises(
        ValueError, match=f"^sample_weight must be 0 or from 1e-.* in {dtype}; got .* in row 7"
    ):
        net.fit(X, Y, 1, sample_weight=weights)


@pytest.mark.parametrize("scale", [1e-30, 1e-10, 1e10, 1e29])
def test_only_the_ratios_of_weights_matter(scale: float, backend: str) -> None:
    run = {"epochs": 2, "batch_size": 16, "learning_rate": 0.05, "optimizer": "sgd"}
    costs = [
        network(backend, "float32")
        .fit(X, Y, sample_weight=SPARSE * one, progress=False, **run)
        .cost
        for one in (1.0, scale)
    ]
    assert costs[1] == pytest.approx(costs[0], rel=1e-5)


def test_class_weights_may_be_a_series(backend: str) -> None:
    pandas = pytest.importorskip("pandas")
    labels = np.arange(N) % 3
    costs = []
    for class_weight in ({0: 1.0, 1: 2.0, 2: 0.5}, pandas.Series([1.0, 2.0, 0.5])):
        net = bp.Network([3, 3], output="softmax", cost="cross_entropy", seed=0, backend=backend)
        costs.append(net.fit(X, labels, 2, 16, class_weight=class_weight, progress=False).cost)
        source = bp.data.source(lambda: iter([(X, labels)]))
        net.fit(source, epochs=1, batch_size=16, class_weight=class_weight, progress=False)
    assert costs[0] == costs[1]
    with pytest.raises(TypeError, match="class_weight must be 'balanced' or a mapping"):
        net.fit(X, labels, 1, class_weight=np.ones(3))
