"""The thread that reads and those that train, where they share all processors."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from math import inf
from typing import Any

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.data.sources.reader import Ahead
from backprop_rs.training import sharing
from backprop_rs.training.sharing import PIECE, WAITING

core = pytest.importorskip("backprop_rs._core")
needs_clock = pytest.mark.skipif(
    not hasattr(time, "pthread_getcpuclockid"), reason="no clock of another thread here"
)


class Made:
    """Items, each of which is made as long as it is told to."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work, self.go_on = work, threading.Event()

    def items(self) -> Iterator[int]:
        for i in range(3):
            while not self.go_on.is_set():
                self.work()
            yield i


def compute() -> None:
    np.sort(np.arange(20_000) % 7)


def wait() -> None:
    time.sleep(0.002)


def until(true: Callable[[], bool]) -> None:
    """The machine may be slow, but it comes to it."""
    for _ in range(3000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it has not come to it")


def threads_in(reader: Any) -> tuple[int, float]:
    with sharing.sharing(reader) as piece:
        return core.get_num_threads(), piece


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three threads for three processors."""
    monkeypatch.setattr(sharing, "processors", lambda: 3)
    with bp.num_threads(3):
        yield
        assert core.get_num_threads() == 3


@needs_clock
def test_one_thread_stands_back_while_the_reader_computes(crowded: None) -> None:
    made = Made(compute)
    with Ahead(made.items(), 1) as reader:
        until(lambda: reader.clock is not None)
        assert threads_in(reader) == (2, PIECE)
        made.go_on.set()
        until(lambda: not reader.making)  # one item in the queue, one waits for room
        assert threads_in(reader) == (3, inf)
        next(reader)
        assert reader.looked is None
        assert [*reader] == [1, 2]
        assert threads_in(reader) == (3, inf)


@needs_clock
def test_no_thread_stands_back_while_the_reader_waits_for_the_disk(crowded: None) -> None:
    made = Made(wait)
    with Ahead(made.items(), 1) as reader:
        until(lambda: reader.clock is not None)
        reader.computes()  # what it did before is not known
        time.sleep(0.2)  # of which it computes next to nothing, however slow the machine is
        assert threads_in(reader) == (3, WAITING)
        made.go_on.set()


@pytest.mark.parametrize(("threads", "processors"), [(1, 1), (2, 3)])
def test_where_a_processor_is_free_nobody_stands_back(
    threads: int, processors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "processors", lambda: processors)
    made = Made(compute)
    with bp.num_threads(threads), Ahead(made.items(), 1) as reader:
        assert threads_in(reader) == (threads, inf)
        made.go_on.set()
    with bp.num_threads(threads):
        assert threads_in(iter([1, 2])) == (threads, inf)


def test_limits_lie_within_each_other() -> None:
    from backprop_rs._backend import at_most

    with bp.num_threads(4):
        with at_most(3):
            with at_most(1):
                assert core.get_num_threads() == 1
            assert core.get_num_threads() == 3
            with at_most(9):
                assert core.get_num_threads() == 4
        assert core.get_num_threads() == 4


def test_how_the_processors_are_shared_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(3000, 40)).astype("f4"), rng.integers(0, 4, 3000)
    nets = []
    for processors, piece in ((2, 0.0), (2, 1e-4), (64, inf)):
        monkeypatch.setattr(sharing, "processors", lambda n=processors: n)
        monkeypatch.setattr(sharing, "PIECE", piece)
        net = bp.Network([40, 64, 4], output="softmax", cost="cross_entropy", seed=0)
        source = bp.data.source(X, y, shuffle_rows=500, shuffle="blocks", chunk_bytes=40_000)
        with bp.num_threads(2):
            history = net.fit(source, epochs=3, batch_size=128, progress=False)
        nets.append((history.cost, [w.tolist() for w in net.weights]))
    assert nets[0] == nets[1] == nets[2]
