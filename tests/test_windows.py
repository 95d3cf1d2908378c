"""Windows of a stream: rows between a file and the core."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.data.sources.block import Block, Epoch
from backprop_rs.data.sources.columns import ColumnRows, rows_of_columns, writer
from backprop_rs.data.sources.shuffle_buffer import BufferPool, Part, Window, windows
from networks import classifier
from numpy.typing import NDArray

RNG = np.random.default_rng(9)
N = 1000
X = RNG.normal(size=(N, 5)).astype(np.float32)
Y = RNG.integers(0, 3, N)


network = partial(classifier, sizes=[5, 7, 3], seed=1)


def parts(*cuts: int) -> list[Part]:
    ranges = pairwise((0, *cuts, N))
    return [Part(Block(X[a:b], Y[a:b]), "a file", a, a) for a, b in ranges]


def same(block: Block) -> Block:
    return block


# Columns.


@pytest.mark.parametrize("kind", ["float32", "float64", "int16"])
@pytest.mark.parametrize("width", [1, 15, 16, 17, 40])
@pytest.mark.parametrize("rows", [1, 63, 64, 65, 300])
def test_columns_become_rows(kind: str, width: int, rows: int) -> None:
    expected = (1000 * RNG.normal(size=(rows, width))).astype(kind)
    columns = [np.ascontiguousarray(column) for column in expected.T]
    result = np.asarray(ColumnRows(columns))
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)
    for put in (writer(), rows_of_columns):  # the core and NumPy
        if kind.startswith("float"):
            out = np.zeros_like(expected)
            put(columns, out)
            np.testing.assert_array_equal(out, expected)


def test_columns_of_different_dtypes_become_rows_of_a_common_dtype() -> None:
    columns = [np.array([2**40 + 1, 3]), np.array([0.5, 1], np.float32), np.array([True, False])]
    rows = np.asarray(ColumnRows(columns))
    assert rows.dtype == np.float64
    assert rows.tolist() == [[2**40 + 1, 0.5, 1], [3, 1, 0]]


def test_columns_that_are_not_contiguous_become_rows() -> None:
    wide = RNG.normal(size=(10, 4))
    np.testing.assert_array_equal(np.asarray(ColumnRows(list(wide.T))[2:9]), wide[2:9])


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (0, 3)])
def test_the_core_refuses_rows_of_another_shape(shape: tuple[int, int]) -> None:
    core = pytest.importorskip("backprop_rs._core")
    with pytest.raises(ValueError, match=r"out must have a row of . for each of"):
        core.rows_of_columns([np.zeros(4)] * 3, np.zeros(shape))


# Windows.


@pytest.mark.parametrize("size", [1, 7, 300, 500, N, 2 * N])
@pytest.mark.parametrize("cuts", [(), (500,), (1, 2, 3, 299, 300, 301, 999)])
def test_windows_hold_all_rows_in_their_order(size: int, cuts: tuple[int, ...]) -> None:
    result = list(windows(iter(parts(*cuts)), size))
    assert all(window.count == size for window in result[:-1])
    blocks = [window.prepared(same) for window in result]
    np.testing.assert_array_equal(np.concatenate([block.X for block in blocks]), X)
    np.testing.assert_array_equal(np.concatenate([block.y for block in blocks]), Y)
    names = np.concatenate([window.row_ids() for window in result])
    np.testing.assert_array_equal(names, np.arange(N))


def test_rows_that_fill_a_window_are_not_copied() -> None:
    (first, second) = windows(iter(parts(500)), 500)
    for window, start in ((first, 0), (second, 500)):
        assert np.shares_memory(window.prepared(same).X, X[start : start + 500])


def test_rows_of_a_wider_dtype_widen_the_window() -> None:
    window = Window(4, BufferPool())
    window.add(Part(Block(np.ones((2, 1), np.float32)), "a", 0, 0))
    window.add(Part(Block(np.full((2, 1), 2**30 + 1)), "b", 0, 2))
    rows = window.prepared(same).X
    assert rows.tolist() == [[1], [1], [2**30 + 1], [2**30 + 1]]


def test_the_part_at_fault_is_named() -> None:
    def refuse(block: Block) -> Block:
        if (X[700] == block.X).all(axis=1).any():
            raise ValueError("no such rows")
        return block

    (window,) = windows(iter(parts(300, 650)), N)
    with pytest.raises(ValueError, match=r"^a file, from row 650 on: no such rows$"):
        window.prepared(refuse)


def test_targets_that_match_only_after_preparation_are_concatenated_then() -> None:
    one, other = parts(400)
    one.block.y = Y[:400, None]
    net = network()

    def ready(block: Block) -> Block:
        assert block.y is not None
        return Block(*net._samples(block.X, block.y.reshape(-1)))

    (window,) = windows(iter([one, other]), N)
    block = window.prepared(ready)
    np.testing.assert_array_equal(block.X, X)
    np.testing.assert_array_equal(block.y, Y)


def test_parts_of_another_width_are_named() -> None:
    window = Window(9, BufferPool())
    window.add(Part(Block(X[:2]), "a file", 0, 0))
    with pytest.raises(ValueError, match=r"another, from row 3 on: X must have 5 columns.*got 4"):
        window.add(Part(Block(X[:2, 1:]), "another", 3, 2))


# Pieces of an epoch.


@pytest.mark.parametrize("shuffle_rows", [1, 10, 64, 300, 5000])
@pytest.mark.parametrize("batch_size", [1, 64, 96, 700, N, 3000])
@pytest.mark.parametrize("first", [0, 2])
def test_pieces_are_whole_batches_in_the_order_of_the_epoch(
    shuffle_rows: int, batch_size: int, first: int
) -> None:
    source = bp.data.source(X, Y, shuffle="blocks", shuffle_rows=shuffle_rows)
    first = min(first * batch_size, N)
    run = source.begin(Epoch(3, 1, True))
    order = source.begin(Epoch(3, 1, True)).rows(0, N)[1]
    pieces = list(run.pieces(first, batch_size, 2))
    assert all(piece.rows % batch_size == 0 for piece in pieces[:-1])
    assert sum(piece.rows for piece in pieces) == N - first
    result = [piece.in_order() for piece in pieces]
    names = np.concatenate([np.empty(0, np.uint64), *(piece.row_ids for piece in result)])
    np.testing.assert_array_equal(names, order[first:])
    for piece in result:
        assert piece.block is not None
        np.testing.assert_array_equal(piece.block.X, X[piece.row_ids.astype(int)])


@pytest.mark.parametrize("backend", ["rust", "numpy"])
@pytest.mark.parametrize("batch_size", [1, 32, 96, 200])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_the_core_takes_some_of_the_samples_of_a_window_in_an_order(
    backend: str, batch_size: int, noise: float
) -> None:
    """The result equals that of only these samples in that order, with noise by their numbers."""
    order = RNG.permutation(300)[:192].astype(np.uint32)
    names = (1000 + np.arange(300)).astype(np.uint64)
    nets: list[Any] = []
    for rows, run in (
        (slice(None, 300), {"orders": order[None], "orders_from": 2, "names": names}),
        (order, {"names": names[order]}),
    ):
        net = network(backend)
        net._use_optimizer("sgd")
        settings = {
            "batch_size": batch_size, "learning_rate": 0.1, "window": (192, 0), "stop_epoch": 3,
            "budget": np.inf, "input_noise": noise, "seed": 4,
        }  # fmt: skip
        costs, *place, reason = net._core.train(X[rows], Y[rows], settings | run, (2, 0, 0.0, 0.0))
        assert len(costs) == 1 and place == [3, 0, costs[0] * 192, 192.0] and reason == "done"
        nets.append((costs, [w.tolist() for w in net.weights]))
    assert nets[0] == nets[1]


# Memory that is reused.


def test_windows_reuse_the_memory_of_unreferenced_windows() -> None:
    def places() -> Iterator[NDArray[Any]]:
        for window in windows(iter(parts(*range(5, N, 5))), 7):
            assert window.rows is not None
            yield window.rows

    assert len({rows.ctypes.data for rows in places()}) <= 3
    kept = list(places())
    assert not any(np.shares_memory(first, second) for first, second in pairwise(kept))
