"""Sources: the same bits as the same rows in memory, for any size of a read."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.data.sources.block import Block, Epoch
from backprop_rs.data.sources.prefetch import Prefetcher
from networks import classifier

N, FEATURES = 1000, 6
RNG = np.random.default_rng(8)
X = RNG.normal(size=(N, FEATURES)).astype(np.float32)
Y = (X[:, :3].argmax(axis=1)).astype(np.int64)
SETTINGS: dict[str, Any] = {"epochs": 3, "batch_size": 96, "learning_rate": 0.2, "progress": False}


network = partial(classifier, sizes=[FEATURES, 9, 3], seed=3)


def parameters(net: bp.Network) -> list[Any]:
    return [array.tolist() for array in (*net.weights, *net.biases)]


def order_of(source: bp.data.Source, epoch: int, seed: int = 3) -> Any:
    """Return the numbers of the samples of an epoch, in its order."""
    run = source.begin(Epoch(epoch, seed, True))
    return run.rows(0, N)[1].astype(int)


def batches() -> Any:
    """Yield batches of irregular sizes."""
    cuts = [0, 1, 130, 131, 517, 999, N]
    for first, last in pairwise(cuts):
        yield X[first:last], Y[first:last]


class Items:
    """A map-style data set as in PyTorch."""

    def __len__(self) -> int:
        return N

    def __getitem__(self, row: int) -> Any:
        return X[row], Y[row]


def npy_folder(path: Path) -> Path:
    for i, rows in enumerate((slice(0, 400), slice(400, 401), slice(401, N))):
        np.save(path / f"X-{i}.npy", X[rows])
        np.save(path / f"y-{i}.npy", Y[rows])
    return path


def npz_folder(path: Path) -> Path:
    for i, rows in enumerate((slice(0, 400), slice(400, 401), slice(401, N))):
        np.savez_compressed(path / f"part-{i}.npz", X=X[rows], y=Y[rows])
    return path


def table() -> Any:
    pa = pytest.importorskip("pyarrow")
    return pa.table({f"f{k}": X[:, k] for k in range(FEATURES)} | {"kind": Y})


def parquet_folder(path: Path) -> Path:
    pq = pytest.importorskip("pyarrow.parquet")
    whole = table()
    pq.write_table(whole.slice(0, 450), path / "a.parquet", row_group_size=200)
    pq.write_table(whole.slice(450), path / "b.parquet", row_group_size=300)
    return path


def csv_folder(path: Path) -> Path:
    csv = pytest.importorskip("pyarrow.csv")
    whole = table()
    csv.write_csv(whole.slice(0, 450), path / "a.csv")
    csv.write_csv(whole.slice(450), path / "b.csv")
    return path


def csv_file(path: Path) -> Path:
    csv = pytest.importorskip("pyarrow.csv")
    csv.write_csv(table(), path / "whole.csv")
    return path / "whole.csv"


def npy_files(path: Path) -> Any:
    np.save(path / "X.npy", X)
    np.save(path / "labels.npy", Y)
    return bp.data.source(path / "X.npy", path / "labels.npy")


WHOLE = {
    "arrays": lambda path: bp.data.source(X, Y),
    "npy": npy_files,
    "npy folder": lambda path: bp.data.source(npy_folder(path)),
    "items": lambda path: bp.data.source(Items()),
}
STREAMS = {
    "npz folder": lambda path: bp.data.source(npz_folder(path), shuffle_rows=300),
    "parquet folder": lambda path: bp.data.source(parquet_folder(path), shuffle_rows=300),
    "csv folder": lambda path: bp.data.source(csv_folder(path), shuffle_rows=300),
    "csv file": lambda path: bp.data.source(csv_file(path), shuffle_rows=300),
    "arrow table": lambda path: bp.data.source(table(), shuffle_rows=300),
    "iterable": lambda path: bp.data.source(batches, shuffle_rows=300),
    "blocks of arrays": lambda path: bp.data.source(X, Y, shuffle="blocks", shuffle_rows=300),
}
KINDS = WHOLE | STREAMS


@pytest.fixture(params=KINDS)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> bp.data.Source:
    made = KINDS[request.param](tmp_path)
    made.chunk_bytes = FEATURES * 4 * 200  # two batches of 96 at a time
    return made


def in_memory(net: bp.Network, orders: list[Any], schedule: str = "constant") -> list[float]:
    """Train the core on the same rows in the same orders."""
    net._use_optimizer("sgd")
    settings = {
        "batch_size": 96, "learning_rate": 0.2, "schedule": schedule, "schedule_epochs": 3,
        "seed": net.seed, "orders": np.array(orders, np.uint32), "stop_epoch": len(orders),
        "budget": np.inf,
    }  # fmt: skip
    return net._core.train(X, Y, settings, (0, 0, 0.0, 0.0))[0]


def test_a_source_gives_the_bits_of_its_rows_in_memory(source: bp.data.Source) -> None:
    net, twin = network(), network()
    history = net.fit(source, optimizer="sgd", schedule="cosine", **SETTINGS)
    costs = in_memory(twin, [order_of(source, epoch) for epoch in range(3)], "cosine")
    assert parameters(net) == parameters(twin)
    assert history.cost == costs


@pytest.mark.parametrize("kind", WHOLE)
def test_sources_with_random_access_are_ordered_as_in_fit(kind: str, tmp_path: Path) -> None:
    net, twin = network(), network()
    net.fit(WHOLE[kind](tmp_path), **SETTINGS)
    twin.fit(X, Y, **SETTINGS)
    assert parameters(net) == parameters(twin)


@pytest.mark.parametrize("backend", ["rust", "numpy"])
def test_noise_and_dropout_depend_on_the_number_of_the_sample(backend: str) -> None:
    source = bp.data.source(X, Y, chunk_bytes=FEATURES * 4 * 100)
    net, twin = (network(backend, dropout=0.3) for _ in range(2))
    net.fit(source, input_noise=0.1, **SETTINGS)
    twin.fit(X, Y, input_noise=0.1, **SETTINGS)
    assert parameters(net) == parameters(twin)


def test_each_sample_comes_once_per_epoch_in_an_order_of_seed_and_epoch(
    source: bp.data.Source,
) -> None:
    orders = [order_of(source, 0), order_of(source, 0), order_of(source, 1), order_of(source, 0, 4)]
    for order in orders:
        assert sorted(order) == list(range(N))
    assert (orders[0] == orders[1]).all()
    assert (orders[0] != orders[2]).any()
    assert (orders[0] != orders[3]).any()


def test_row_ids_number_the_rows(source: bp.data.Source) -> None:
    block, names, _ = source.begin(Epoch(2, 5, True)).rows(0, N)
    assert block is not None
    np.testing.assert_array_equal(block.X.astype(np.float32), X[names.astype(int)])
    np.testing.assert_array_equal(block.y, Y[names.astype(int)])


@pytest.mark.parametrize("first", [0, 1, 299, 300, 301, 650, 999, N])
def test_a_pass_can_begin_at_any_row(source: bp.data.Source, first: int) -> None:
    source.count()
    order = order_of(source, 1)
    _, names, rows = source.begin(Epoch(1, 3, True)).rows(first, N)
    assert rows == N - first
    np.testing.assert_array_equal(names.astype(int), order[first:])


def test_the_size_of_a_read_changes_nothing(source: bp.data.Source) -> None:
    nets = []
    for chunk_bytes in (1, 5000, 10**9):
        source.chunk_bytes = chunk_bytes
        net = network()
        net.fit(source, **SETTINGS)
        nets.append(parameters(net))
    assert nets[0] == nets[1] == nets[2]


def test_a_stopped_training_resumes_with_the_same_bits(source: bp.data.Source) -> None:
    from backprop_rs.training.out_of_core import Streamed
    from backprop_rs.training.state import Position

    whole, parts = network(), network()
    settings = {
        "batch_size": 96, "learning_rate": 0.2, "seed": 3, "shuffle": True, "stop_epoch": 2,
        "budget": np.inf,
    }  # fmt: skip
    source.count()
    samples = Streamed(whole, source, 96)
    samples.train(whole._core, settings, Position(0, 0))
    position = Position(0, 0)
    for stop in ((0, 4), (0, 5), (1, 7), (2, 0)):
        fresh = Streamed(parts, source, 96)  # as in another process
        run = settings | {"stop_epoch": stop[0], "stop_step": stop[1]}
        _, position, _ = fresh.train(parts._core, run, position)
        assert position.stop == stop
        fresh.close()
    samples.close()
    assert parameters(whole) == parameters(parts)


def test_scores_and_predictions_equal_those_in_memory(source: bp.data.Source) -> None:
    net = network()
    assert net.evaluate(source) == net.evaluate(X, Y)
    np.testing.assert_array_equal(net.predict(source), net.predict(X))


def test_options_of_fit_work_with_a_source(source: bp.data.Source) -> None:
    arguments: dict[str, Any] = {"metrics": ["accuracy"], "early_stopping": 2, "epochs": 4}
    epochs: list[int] = []
    net, twin = network(), network()
    validation = bp.data.source(X[:300], Y[:300])
    settings = SETTINGS | arguments | {"callbacks": lambda epoch: epochs.append(epoch.number)}
    history = net.fit(source, validation_data=validation, **settings)
    assert epochs == history.epoch == [1, 2, 3, 4]
    if not hasattr(source, "segments"):
        other = twin.fit(X, Y, validation_data=(X[:300], Y[:300]), **SETTINGS | arguments)
        assert history.scores() == other.scores()
    assert set(history.scores()) == {"cost", "accuracy", "val_cost", "val_accuracy"}


def test_a_killed_training_from_a_source_resumes(source: bp.data.Source, tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    settings = SETTINGS | {"checkpoint": path, "checkpoint_every": 1, "resume": True}

    def stop(epoch: Any) -> None:
        if epoch.number == 2:
            raise RuntimeError("killed")

    whole, parts, other = network(), network(), network()
    history = whole.fit(source, **SETTINGS)
    with pytest.raises(RuntimeError, match="killed"):
        parts.fit(source, callbacks=stop, **settings)
    resumed = other.fit(source, **settings)
    assert parameters(other) == parameters(whole)
    assert resumed.cost == history.cost
    if source.name != "arrays":
        with pytest.raises(ValueError, match="it differs in source"):
            network().fit(bp.data.source(X, Y), **settings)


def test_the_health_of_a_training_from_a_source(source: bp.data.Source) -> None:
    health = bp.Health(every=1)
    assert len(network().fit(source, health=health, **SETTINGS).health) == 3


def test_weights_come_with_the_samples() -> None:
    weights = RNG.uniform(size=N).astype(np.float32)
    net, twin = network(), network()
    source = bp.data.source(X, Y, weights=weights)
    net.fit(source, class_weight={1: 2.0}, **SETTINGS)
    twin.fit(X, Y, sample_weight=weights, class_weight={1: 2.0}, **SETTINGS)
    assert parameters(net) == parameters(twin)
    # Sums of rounded products: eps times the number of samples bounds the difference.
    memory, streamed = twin.evaluate(X, Y, weights), net.evaluate(source)
    for name, value in memory.items():
        assert streamed[name] == pytest.approx(value, rel=N * 2.0**-24)


def test_an_iterator_serves_one_epoch() -> None:
    source = bp.data.source(batches())
    assert not source.repeatable
    net, twin = network(), network()
    settings = SETTINGS | {"epochs": 1, "shuffle": False}
    net.fit(source, **settings)
    twin.fit(X, Y, **settings)
    assert parameters(net) == parameters(twin)
    with pytest.raises(ValueError, match="epochs must be 1 for a source that can be read"):
        net.fit(bp.data.source(batches()), **SETTINGS)


def test_scaling_in_one_pass_equals_that_in_two() -> None:
    source = bp.data.source(batches)
    stats = source.statistics()
    oracle = bp.data.Scaling.fit(X)
    # Both are sums of N terms in float64.
    np.testing.assert_allclose(stats.scaling.mean, oracle.mean, atol=N * 2.0**-52)
    np.testing.assert_allclose(stats.scaling.scale, oracle.scale, rtol=N * 2.0**-52)
    assert stats.length == N and stats.classes == [0, 1, 2]


def test_statistics_of_blocks_equal_those_of_the_whole() -> None:
    stats = bp.data.ColumnStats()
    for block, _ in batches():
        stats.add(block)
    oracle = X.astype(float)
    np.testing.assert_allclose(stats.mean, oracle.mean(axis=0), atol=N * 2.0**-52)
    np.testing.assert_allclose(stats.squares / N, oracle.var(axis=0), rtol=N * 2.0**-52)
    assert (stats.min == X.min(axis=0)).all() and (stats.max == X.max(axis=0)).all()


def test_the_deviation_is_exact_with_a_large_mean() -> None:
    far = (1e6 + np.arange(1000.0)).reshape(-1, 1)
    scaling = bp.data.Scaling.fit(bp.data.source(far, far))
    # N terms, each of eps times the mean over the deviation.
    assert scaling.scale[0] == pytest.approx(far.std(), rel=1000 * 2.0**-52 * 1e6 / far.std())


def test_the_scaling_stays_with_the_network() -> None:
    source = bp.data.source(X, Y)
    scaling = bp.data.Scaling.fit(source)
    net, twin = network(), network()
    net.fit(source.scaled(scaling), **SETTINGS)
    twin.fit(scaling.apply(X), Y, **SETTINGS)
    assert parameters(net) == parameters(twin)
    assert net.metadata["scaling"] == scaling.to_dict()


def test_text_targets_are_classes(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    kinds = np.array(["ash", "birch", "cedar"])[Y]
    pq.write_table(table().set_column(FEATURES, "kind", pa.array(kinds)), tmp_path / "t.parquet")
    source = bp.data.source(tmp_path)
    classes = source.statistics().classes
    assert classes == ["ash", "birch", "cedar"]
    coded = bp.data.source(tmp_path, class_names=classes)
    net, twin = network(), network()
    net.fit(coded, shuffle=False, **SETTINGS)
    twin.fit(X, Y, shuffle=False, **SETTINGS)
    assert parameters(net) == parameters(twin)
    with pytest.raises(ValueError, match=r"t.parquet.*one of ash, birch; got 'cedar'"):
        net.fit(bp.data.source(tmp_path, class_names=["ash", "birch"]), **SETTINGS)


# Errors name the fault.


def damaged(path: Path, keep: float = 0.6) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])


@pytest.mark.parametrize(
    ("folder", "name"),
    [(npy_folder, "X-2.npy"), (npz_folder, "part-2.npz"), (parquet_folder, "b.parquet")],
)
def test_a_truncated_shard_is_named(folder: Any, name: str, tmp_path: Path) -> None:
    damaged(folder(tmp_path) / name)
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        network().fit(bp.data.source(tmp_path), **SETTINGS)


@pytest.mark.parametrize(
    ("folder", "name"), [(npz_folder, "part-2.npz"), (parquet_folder, "b.parquet")]
)
def test_a_missing_shard_is_named(folder: Any, name: str, tmp_path: Path) -> None:
    source = bp.data.source(folder(tmp_path))
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        network().fit(source, **SETTINGS)


def test_an_incomplete_pair_is_refused(tmp_path: Path) -> None:
    (npy_folder(tmp_path) / "y-1.npy").unlink()
    with pytest.raises(ValueError, match=r"must hold X\*\.npy, each with its y\*\.npy"):
        bp.data.source(tmp_path)


def test_a_shard_with_other_columns_is_named(tmp_path: Path) -> None:
    npz_folder(tmp_path)
    np.savez(tmp_path / "part-9.npz", X=X[:, 1:], y=Y)
    with pytest.raises(ValueError, match=r"part-9\.npz must have 6 columns.*got 5"):
        bp.data.source(tmp_path)


def npy_shards(path: Path, xs: list[Any], ys: list[Any]) -> bp.data.Source:
    for i, (one, other) in enumerate(zip(xs, ys, strict=True)):
        np.save(path / f"X-{i:02}.npy", np.asarray(one))
        np.save(path / f"y-{i:02}.npy", np.asarray(other))
    return bp.data.source(path)


@pytest.mark.parametrize(
    ("xs", "ys"),
    [
        ([[[1, 2]], [[0.5, 0.25], [0.75, -0.5]]], [[1], [0.5, 0.9]]),
        ([np.array([[7]], np.uint8), [[300], [-1]]], [["a"], ["bird", "cat"]]),
        ([[[True]], [[3]]], [[True], [0.5]]),
    ],
)
def test_npy_shards_of_different_types_keep_their_values(
    xs: list[Any], ys: list[Any], tmp_path: Path
) -> None:
    source = npy_shards(tmp_path, xs, ys)
    (block,) = source.blocks()
    assert block.X.tolist() == [row for one in xs for row in np.asarray(one).tolist()]
    assert block.y is not None and block.y.tolist() == [value for one in ys for value in one]
    backwards = source.take(np.arange(len(block))[::-1])  # type: ignore[attr-defined]
    assert backwards.X.tolist() == block.X.tolist()[::-1]


@pytest.mark.parametrize(
    ("ys", "sentence"),
    [
        (
            [[1], ["a"]],
            r"y-01\.npy must hold y of a type compatible with int64 in .*y-00\.npy; got <U1",
        ),
        ([[1], [[1]]], r"y-01\.npy must hold y of shape \(m,\), as .*y-00\.npy does; got \(m, 1\)"),
    ],
)
def test_npy_shards_that_cannot_be_joined_are_refused(
    ys: list[Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=sentence):
        npy_shards(tmp_path, [[[1]], [[2]]], ys)


@pytest.mark.parametrize("rows", [40, 100, 128])
def test_an_iterable_may_reuse_its_arrays(rows: int) -> None:
    buffers = np.empty((rows, FEATURES), np.float32), np.empty(rows, np.int64), np.empty(rows)

    def refilled() -> Any:
        for first in range(0, N - rows + 1, rows):
            for buffer, values in zip(buffers, (X, Y, X[:, 0] ** 2), strict=True):
                buffer[...] = values[first : first + rows]
            yield buffers
        for buffer in buffers:
            buffer[...] = 0

    count = N - N % rows
    for make in (refilled, lambda: (Block(*one) for one in refilled())):
        source = bp.data.source(make, shuffle_rows=100)
        blocks = list(source.blocks(100))
        for name, values in {"X": X, "y": Y, "weights": X[:, 0] ** 2}.items():
            joined = np.concatenate([getattr(block, name) for block in blocks])
            assert (joined == values[:count]).all()
    net, twin = network(), network()
    net.fit(bp.data.source(refilled, shuffle_rows=100), **SETTINGS)
    weights = (X[:count, 0] ** 2).astype(float)
    twin.fit(bp.data.source(lambda: iter([(X[:count], Y[:count], weights)]), shuffle_rows=100),
             **SETTINGS)  # fmt: skip
    assert parameters(net) == parameters(twin)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("window", [10, 1000])
def test_weights_must_come_with_every_batch(backwards: bool, window: int) -> None:
    batches = [(X[:10], Y[:10]), (X[10:20], Y[10:20], np.ones(10))]
    batches = batches[::-1] if backwards else batches
    parts = ["X and y", "X and y and weights"]
    first, second = parts[::-1] if backwards else parts
    source = bp.data.source(lambda: iter(batches), name="given", shuffle_rows=window)
    sentence = f"given, from row 10 on: samples must have {first}, as given, from row 0 on; got "
    for read in (
        lambda: network().fit(source, **SETTINGS),
        lambda: network().evaluate(source),
        lambda: list(source.blocks()),
    ):
        with pytest.raises(ValueError, match=sentence + second):
            read()


def test_targets_must_not_mix_numbers_and_texts() -> None:
    batches = [(X[:2], np.array([1, 2])), (X[2:4], np.array(["a", "b"]))]
    source = bp.data.source(lambda: iter(batches))
    with pytest.raises(
        ValueError, match="targets must be numbers or texts throughout; got <U1, in"
    ):
        list(source.blocks())


def test_items_must_have_the_parts_of_the_first() -> None:
    items = [(X[0], 1.0), (X[1], 1.0, 2.0)]

    class Some:
        def __len__(self) -> int:
            return 2

        def __getitem__(self, row: int) -> Any:
            return items[row]

    with pytest.raises(ValueError, match=r"row 1: all items must have as many parts.*\(2\); got 3"):
        list(bp.data.source(Some()).blocks())


class Sequence:
    """An object with `__getitem__` and `__len__` that is neither a list nor a tuple."""

    def __init__(self, items: Any) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, row: int) -> Any:
        return self.items[row]


@pytest.mark.parametrize("make", [list, tuple, Sequence])
@pytest.mark.parametrize("rows", [(4, 4), (4, 2), (2, 2)], ids=str)
def test_batches_are_not_taken_for_single_samples(make: Any, rows: Any) -> None:
    batches = make([(X[:m], Y[:m]) for m in rows])
    with pytest.raises(ValueError, match=r"row 0: an item must be one sample .*look like a batch"):
        list(bp.data.source(batches).blocks())
    source = bp.data.source(lambda: iter(batches))
    assert sum(len(block) for block in source.blocks(4)) == sum(rows)


@pytest.mark.parametrize("y", [1, np.eye(5)[0], np.ones(1)], ids=["label", "row", "value"])
def test_items_may_be_images(y: Any) -> None:
    images = [(np.full((1, 4, 3), k), y) for k in range(3)]
    (block,) = bp.data.source(images).blocks()
    assert block.X.shape == (3, 12) and block.y.tolist() == [np.array(y).tolist()] * 3


def test_items_of_different_shapes_are_refused() -> None:
    items = [(X[0], 1.0), (X[1, :2], 1.0)]
    with pytest.raises(ValueError, match=r"list: x must have the same shape in all items; got \("):
        list(bp.data.source(items).blocks())


FAULTS = {
    "1,2": ": a row must have as many cells as the first row (3); got 2",
    "1,2,3,4": ": a row must have as many cells as the first row (3); got 4",
    "x,1,2": ", column 1 ('a'): 'x' is not a number; add 'x' to missing_values if it stands for a "
    "missing cell, or give kinds={'a': 'category'} if the column is texts",
    "1,,2": ", column 2 ('b'): the cell is missing",
    "1,2,NaN": ", column 3 ('kind'): the cell is missing (it is 'NaN', one of missing_values)",
    '1,"2,3': ": the row must be CSV; got unexpected end of data in a cell whose quotation mark is "
    "not closed",
    "1,\xff,3": ": the file must be text in the encoding 'utf-8', or encoding must name its own, "
    "such as 'latin-1', 'cp1252' or 'utf-16'; got the byte 0xff",
}


@pytest.mark.parametrize("row", FAULTS)
@pytest.mark.parametrize("before", [2, 90_000])  # in the first buffer, and beyond it
def test_a_csv_row_that_does_not_fit_is_named_by_file_and_line(
    row: str, before: int, tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "bad.csv"
    good = "0.123456,1.5,0\n"
    path.write_text("a,b,kind\n\n" + good * before + row + "\n1,2,0\n", encoding="latin-1")
    with pytest.raises(ValueError, match=r"bad\.csv") as caught:
        bp.data.source(path).count()
    where = f"{path}, line {before + 3}"  # below the header and a blank line
    assert str(caught.value) == where + FAULTS[row]


@pytest.mark.parametrize("content", ["", "a,b\n"])
def test_a_csv_file_without_rows_is_named(content: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "none.csv").write_text(content)
    with pytest.raises(ValueError, match=r"none\.csv") as caught:
        network().fit(bp.data.source(tmp_path / "none.csv"), **SETTINGS)
    assert "\n" not in str(caught.value)


LARGE_CSV = """
import pathlib, resource, sys
import numpy as np
import backprop_rs as bp
folder = pathlib.Path(sys.argv[1])
block = "".join(",".join(map(str, row)) + f",{i % 3}\\n" for i, row in
                enumerate(np.random.default_rng(0).integers(100000, 999999, (4000, 12)) / 1e6))
header = ",".join(f"f{k}" for k in range(13)) + "\\n"
def train(repeats):
    with open(folder / "large.csv", "w") as file:
        file.write(header)
        for _ in range(repeats):
            file.write(block)
    net = bp.Network([12, 4, 3], output="softmax", cost="cross_entropy", seed=0)
    source = bp.data.source(folder / "large.csv", shuffle_rows=4096, chunk_bytes=2**19)
    net.fit(source, epochs=1, batch_size=4000, learning_rate=0.1, progress=False)
    assert source.count() == 4000 * repeats
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = train(120)
print(train(360) - before, (folder / "large.csv").stat().st_size // 1024)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in kB on Linux")
def test_a_large_csv_file_is_never_fully_in_memory(tmp_path: Path) -> None:
    """A file three times as large takes no more memory once the queue is full."""
    pytest.importorskip("pyarrow")
    command = [sys.executable, "-c", LARGE_CSV, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    grown, size = map(int, run.stdout.split())
    assert size > 150_000
    assert grown < size / 3


@pytest.mark.parametrize("content", [b"nonsense", b""])
def test_a_file_that_is_not_npy_is_named(content: bytes, tmp_path: Path) -> None:
    """The error does not repeat NumPy's advice to unpickle the file."""
    (tmp_path / "X.npy").write_bytes(content)
    with pytest.raises(ValueError, match=r"X\.npy cannot be read: ") as caught:
        bp.data.source(tmp_path / "X.npy")
    assert "pickle" not in str(caught.value)


def test_nan_is_named_by_its_file_and_row(tmp_path: Path) -> None:
    bad = X[401:].copy()
    bad[7, 2] = np.nan
    np.save(npy_folder(tmp_path) / "X-2.npy", bad)
    with pytest.raises(ValueError, match=r"X-2\.npy, row 7: X must hold finite.*column 2"):
        network().fit(bp.data.source(tmp_path), **SETTINGS)


def test_a_missing_cell_is_named(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"a": [1.0, None], "b": [0.0, 1.0]}), tmp_path / "gaps.parquet")
    net = bp.Network([1, 1], seed=0)
    with pytest.raises(ValueError, match=r"gaps\.parquet.*'a' has a missing cell in row 1"):
        net.fit(bp.data.source(tmp_path), **SETTINGS)


def test_a_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must have 1,001 rows; it ended after 1,000"):
        network().fit(bp.data.source(batches, length=N + 1), **SETTINGS)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"validation_fraction": 0.1}, "validation_fraction must be 0 for a source"),
        ({"class_weight": "balanced"}, "class_weight must be a mapping for a source"),
        ({"sample_weight": np.ones(N)}, "sample_weight must be part of a source"),
        ({"optimizer": "lbfgs"}, "must have all samples in memory"),
    ],
)
def test_options_without_support_for_sources_are_refused(
    arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        network().fit(bp.data.source(X, Y), **SETTINGS | arguments)


def test_other_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"data must be an \.npy"):
        bp.data.source(3)
    with pytest.raises(FileNotFoundError):
        bp.data.source(tmp_path / "nothing")
    with pytest.raises(ValueError, match="must hold files of one kind"):
        bp.data.source(tmp_path)
    with pytest.raises(TypeError, match="y is required"):
        network().fit(X, **SETTINGS)


# The thread that reads ahead.


def test_the_prefetcher_is_exactly_two_items_ahead() -> None:
    from time import sleep

    made: list[int] = []

    def items() -> Any:
        for i in range(10):
            made.append(i)
            yield i

    with Prefetcher(items()) as ahead:
        assert next(ahead) == 0
        for _ in range(200):
            sleep(0.01)
            if len(made) == 4:
                break
        # One is taken, two are in the queue, and one waits for the queue.
        assert made == [0, 1, 2, 3]
    assert not ahead.thread.is_alive()


def test_an_error_in_the_prefetcher_is_raised_in_place_of_the_item() -> None:
    def items() -> Any:
        yield 1
        raise OSError("the disk is gone")

    with Prefetcher(items()) as ahead:
        assert next(ahead) == 1
        for _ in range(2):
            with pytest.raises(OSError, match="the disk is gone"):
                next(ahead)


# Reading and training take turns.


@pytest.mark.parametrize("threads", [1, 2])
def test_reading_between_steps_gives_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    from backprop_rs.training import out_of_core

    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", Y)
    source = bp.data.source(
        tmp_path / "X.npy", tmp_path / "y.npy", shuffle="blocks", shuffle_rows=100
    )
    monkeypatch.setattr(out_of_core, "processors", lambda: threads)
    monkeypatch.setattr(out_of_core, "get_num_threads", lambda: 1)
    net, twin = network(), network()
    samples = out_of_core.Streamed(net, source)
    assert samples.reads_beside == (threads == 2 or not source.can_prefetch)
    net.fit(source, **SETTINGS)
    monkeypatch.undo()
    twin.fit(bp.data.source(X, Y, shuffle="blocks", shuffle_rows=100), **SETTINGS)
    assert parameters(net) == parameters(twin)


def mixed_frame() -> tuple[Any, Any]:
    """Noise and a class that the order of the rows tells; and the rows mixed."""
    pd = pytest.importorskip("pandas")
    noise = np.random.default_rng(1).normal(size=400)
    frame = pd.DataFrame({"noise": noise, "other": noise[::-1], "y": np.repeat([0, 1], 200)})
    return frame, frame.sample(frac=1, random_state=0)


@pytest.mark.parametrize("name", [None, "day"])
def test_the_index_of_a_pandas_frame_is_left_out(name: str | None, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow as pa
    from pyarrow import feather

    _, mixed = mixed_frame()
    mixed.index.name = name
    mixed.to_parquet(tmp_path / "mixed.parquet")
    feather.write_feather(mixed, tmp_path / "mixed.feather")
    for data in (
        mixed,
        tmp_path / "mixed.parquet",
        pa.Table.from_pandas(mixed),
        feather.read_table(tmp_path / "mixed.feather"),
    ):
        for options in ({}, {"target": "y"}, {"target": -1}, {"target": 2}):
            source = bp.data.source(data, **options)
            assert source.feature_names == ("noise", "other")
            (block,) = source.blocks()
            assert block.y is not None and block.y.tolist() == mixed["y"].tolist()
        called = name or "__index_level_0__"
        asked = bp.data.source(data, target=called)
        (block,) = asked.blocks()
        assert asked.feature_names == ("noise", "other", "y")
        assert block.y is not None and block.y.tolist() == mixed.index.tolist()
        assert bp.data.source(data, ignore=[called]).feature_names == ("noise", "other")


def test_an_index_without_its_metadata_is_left_out_with_a_warning(tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    _, mixed = mixed_frame()
    mixed.to_parquet(tmp_path / "mixed.parquet")
    frame = pl.read_parquet(tmp_path / "mixed.parquet")
    assert "__index_level_0__" in frame.columns
    for make in (bp.data.source, bp.data.from_frame):
        with pytest.warns(UserWarning, match="'__index_level_0__' is left out: it looks like the"):
            assert make(frame).feature_names == ("noise", "other")


def test_row_numbers_are_not_used_as_a_feature(tmp_path: Path) -> None:
    """The only feature is noise, so that half of the test rows are right by chance."""
    pytest.importorskip("pyarrow")
    from backprop_rs.data.sources.split import split

    _, mixed = mixed_frame()
    mixed.to_parquet(tmp_path / "mixed.parquet")
    source = bp.data.source(tmp_path / "mixed.parquet", target="y", ignore=["other"])
    train, test = split(source.scaled(bp.data.Scaling.fit(source)), 0.5)
    net = bp.Network([1, 16, 2], "relu", "softmax", "cross_entropy", seed=0)
    net.fit(train, epochs=30, batch_size=20, learning_rate=0.01, optimizer="adam", progress=False)
    # 200 rows: four standard deviations of a fair coin.
    assert abs(net.evaluate(test)["accuracy"] - 0.5) < 4 * 0.5 / np.sqrt(200)


@pytest.mark.parametrize("kind", ["Categorical", "Enum", "pandas"])
def test_categories_are_classes(kind: str) -> None:
    pytest.importorskip("pyarrow")
    frame: Any
    if kind == "pandas":
        pd = pytest.importorskip("pandas")
        frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "k": pd.Categorical(["y", "x", "y"])})
    else:
        pl = pytest.importorskip("polars")
        dtype = pl.Categorical if kind == "Categorical" else pl.Enum(["z", "y", "x"])
        frame = pl.DataFrame({"a": [1.0, 2.0, 3.0], "k": pl.Series(["y", "x", "y"], dtype=dtype)})
    source = bp.data.source(frame)
    assert source.statistics().classes == ["x", "y"]
    (block,) = source.coded(["x", "y"]).blocks()
    assert block.y is not None and block.y.tolist() == [1, 0, 1]
    assert bp.data.from_frame(frame).y.tolist() == [1, 0, 1]
    assert bp.data.Dataset(frame[["a"]], frame["k"]).y.tolist() == [1, 0, 1]


def test_adjacent_ranges_of_columns_are_merged(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa
    from backprop_rs.data.sources.table import ranges_of

    pq.write_table(pa.table({name: np.arange(100.0) for name in "abcd"}), tmp_path / "t.parquet")
    group = pq.read_metadata(tmp_path / "t.parquet").row_group(0)
    sizes = [group.column(k).total_compressed_size for k in range(4)]
    assert [size for _, size in ranges_of(group, set("abcd"))] == [sum(sizes)]
    assert [size for _, size in ranges_of(group, set("abd"))] == [sum(sizes[:2]), sizes[3]]
