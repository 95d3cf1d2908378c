"""Frames of pandas, polars and pyarrow in the calls of a network: their types and their names."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import backprop_rs as bp
import numpy as np
import pytest
from networks import classifier

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

N = 60
RNG = np.random.default_rng(2)
FLAG = RNG.random(N) < 0.5
PLAIN = np.column_stack([RNG.integers(-9, 9, (N, 2)) / 4, FLAG, RNG.integers(0, 9, N)])
NAMES = ["a", "b", "flag", "count"]
LABELS = (PLAIN[:, 0] > PLAIN[:, 1]).astype(np.int64)
SETTINGS: dict[str, Any] = {"epochs": 3, "batch_size": 7, "learning_rate": 0.1, "progress": False}
COLUMNS = {"a": PLAIN[:, 0], "b": PLAIN[:, 1], "flag": FLAG, "count": PLAIN[:, 3].astype(int)}
MAKERS = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}


network = partial(classifier, sizes=[4, 5, 2], seed=1)


def trained(X: Any, y: Any = LABELS, **options: str) -> bp.Network:
    net = network(**options)
    net.fit(X, y, **SETTINGS)
    return net


def bits(net: bp.Network) -> list[Any]:
    return [array.tolist() for array in (*net.weights, *net.biases)]


def frames() -> dict[str, Any]:
    plain = pd.DataFrame(COLUMNS)
    nullable = plain.astype({"a": "Float64", "b": "Float32", "flag": "boolean", "count": "Int64"})
    return {
        **{name: make(COLUMNS) for name, make in MAKERS.items()},
        "batch": pa.table(COLUMNS).to_batches()[0],
        "nullable": nullable,
        "converted": plain.convert_dtypes(),
        "arrow": nullable.astype(
            {"a": "double[pyarrow]", "flag": "bool[pyarrow]", "count": "int64[pyarrow]"}
        ),
        "float and boolean": plain.astype({"flag": "boolean", "count": float}),
        "float and bool": plain.astype({"count": float}),
        "sparse": plain.astype({"count": pd.SparseDtype(int)}),
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", ["rust", "numpy"])
@pytest.mark.parametrize("kind", list(frames()))
def test_a_frame_of_mixed_types_has_the_bits_of_its_numbers(
    kind: str, backend: str, dtype: str
) -> None:
    frame = frames()[kind]
    net = trained(frame, backend=backend, dtype=dtype)
    assert bits(net) == bits(trained(PLAIN, backend=backend, dtype=dtype))
    assert (net.predict(frame) == net.predict(PLAIN)).all()
    assert net.evaluate(frame, LABELS) == net.evaluate(PLAIN, LABELS)
    assert (bp.data.Dataset(frame).X == bp.data.Dataset(PLAIN).X).all()
    (block,) = bp.data.source(frame, LABELS).blocks()
    assert (block.X == PLAIN).all()


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "Float64", "int64[pyarrow]", "category"])
def test_targets_of_each_type_of_pandas_are_numbers(dtype: str) -> None:
    y = pd.Series(LABELS.astype(bool) if dtype == "boolean" else LABELS).astype(dtype)
    labels = y if dtype != "Float64" else y.astype("Int64")
    assert bits(trained(PLAIN, labels)) == bits(trained(PLAIN))
    value = bp.Network([4, 3, 1], output="identity", seed=0)
    assert value.evaluate(PLAIN, y) == value.evaluate(PLAIN, LABELS)


def missing() -> dict[str, Any]:
    columns = {name: list(values) for name, values in COLUMNS.items()}
    columns["flag"] = [True, None, *FLAG[2:].tolist()]
    plain = pd.DataFrame(columns)
    return {
        "pandas": plain.astype({"flag": "boolean"}),
        "arrow": plain.astype({"flag": "bool[pyarrow]"}),
        "polars": pl.DataFrame(columns),
        "pyarrow": pa.table(columns),
    }


@pytest.mark.parametrize("kind", list(missing()))
def test_a_missing_cell_is_named(kind: str) -> None:
    frame = missing()[kind]
    with pytest.raises(ValueError, match="X must hold finite float32 numbers; got nan in row 1, c"):
        network().predict(frame)
    with pytest.raises(ValueError, match="X must hold finite numbers; got nan at row 1, c"):
        bp.data.Dataset(frame)


@pytest.mark.parametrize("library", list(MAKERS))
@pytest.mark.parametrize(
    "cells", [["red", "blue"] * 30, [None, "blue"] * 30, [datetime(2024, 1, 31)] * 60]
)
def test_a_column_of_texts_is_named_with_a_remedy(library: str, cells: list[Any]) -> None:
    frame = MAKERS[library]({**COLUMNS, "count": cells})
    sentence = (
        r"X must hold bools, integers or floats; column 'count' has dtype .*: bp\.data\.from_"
    )
    net = network()
    for call in (
        lambda: net.predict(frame),
        lambda: net.fit(frame, LABELS, **SETTINGS),
        lambda: net.evaluate(frame, LABELS),
        lambda: bp.data.Dataset(frame),
        lambda: bp.train_many([{"sizes": [4, 1]}], frame, LABELS),
    ):
        with pytest.raises(TypeError, match=sentence):
            call()
    assert net.metadata == {}


@pytest.mark.parametrize(
    "y",
    [
        np.array(["no", "yes"])[LABELS],
        np.array(["no", "yes"], object)[LABELS],
        pd.Series(np.array(["no", "yes"])[LABELS]),
        pd.Series(np.array(["no", "yes"])[LABELS], dtype="category"),
        pl.Series(np.array(["no", "yes"])[LABELS].tolist(), dtype=pl.Categorical),
        pl.Series(np.array(["no", "yes"])[LABELS].tolist(), dtype=pl.Enum(["no", "yes"])),
        pa.array(np.array(["no", "yes"])[LABELS]),
    ],
    ids=["array", "objects", "series", "category", "polars", "enum", "arrow"],
)
def test_a_target_of_texts_says_what_to_do(y: Any) -> None:
    sentence = r"y must hold bools, integers or floats; got texts such as '(yes|no)': bp\.data\.Dat"
    with pytest.raises(TypeError, match=sentence):
        trained(PLAIN, y)
    dataset = bp.data.Dataset(PLAIN, y)
    assert dataset.class_names == ("no", "yes") and dataset.y.tolist() == LABELS.tolist()


# Names.


@pytest.mark.parametrize("library", list(MAKERS))
@pytest.mark.parametrize("other", list(MAKERS))
def test_columns_are_matched_by_name(library: str, other: str, tmp_path: Path) -> None:
    net = trained(MAKERS[library](COLUMNS))
    assert net.metadata["feature_names"] == NAMES
    assert bits(net) == bits(trained(PLAIN))
    net.save(tmp_path / "net.safetensors")
    loaded = bp.Network.load(tmp_path / "net.safetensors")
    mixed = MAKERS[other]({name: COLUMNS[name] for name in ("count", "b", "flag", "a")})
    for one in (net, loaded):
        assert (one.predict(mixed) == net.predict(PLAIN)).all()
        assert (one.predict(mixed, out=np.empty((N, 2), np.float32)) == net.predict(PLAIN)).all()
        assert one.evaluate(mixed, LABELS) == net.evaluate(PLAIN, LABELS)
        assert (one.activations(mixed)[0] == net.activations(PLAIN)[0]).all()
        assert one.backward(mixed, LABELS).cost == net.backward(PLAIN, LABELS).cost
        assert (one.sample_costs(mixed, LABELS) == net.sample_costs(PLAIN, LABELS)).all()
    net.fit(mixed, LABELS, **SETTINGS)
    loaded.fit(PLAIN, LABELS, **SETTINGS)
    assert bits(net) == bits(loaded)


@pytest.mark.parametrize("library", list(MAKERS))
def test_a_frame_with_other_columns_is_refused(library: str) -> None:
    make = MAKERS[library]
    net = trained(make(COLUMNS))
    known = "'a', 'b', 'flag', 'count'"
    few = make({name: COLUMNS[name] for name in ("count", "b", "flag")})
    sentence = rf"X must have the columns that the network was trained on \({known}\); it lacks 'a'"
    with pytest.raises(ValueError, match=sentence):
        net.predict(few)
    renamed = make({name.upper(): column for name, column in COLUMNS.items()})
    with pytest.raises(ValueError, match="it lacks 'a', 'b', 'flag', 'count'"):
        net.fit(renamed, LABELS, **SETTINGS)
    more = make({**COLUMNS, "id": np.arange(N)})
    with pytest.raises(
        ValueError, match=rf"only the columns that .* \({known}\); it also has 'id'"
    ):
        net.evaluate(more, LABELS)


def test_validation_samples_are_matched_by_the_names_of_the_training_samples() -> None:
    frame, mixed = pd.DataFrame(COLUMNS), pd.DataFrame(COLUMNS)[["b", "count", "a", "flag"]]
    one, other = network(), network()
    first = one.fit(frame, LABELS, validation_data=(mixed, LABELS), **SETTINGS)
    second = other.fit(PLAIN, LABELS, validation_data=(PLAIN, LABELS), **SETTINGS)
    assert first.val_cost == second.val_cost


def test_a_row_of_a_frame_is_matched_by_name() -> None:
    frame = pd.DataFrame(COLUMNS)
    net = trained(frame)
    row = frame[["flag", "b", "a", "count"]].iloc[3]
    assert (net.predict(row) == net.predict(PLAIN[3])).all()
    with pytest.raises(ValueError, match="it lacks 'count'"):
        net.predict(row.rename({"count": "n"}))


@pytest.mark.parametrize("columns", [range(4), [("x", i) for i in range(4)], ["a", "a", "b", "c"]])
def test_names_that_are_not_unique_texts_are_ignored(columns: Any) -> None:
    frame = pd.DataFrame(PLAIN, columns=list(columns))
    net = trained(frame)
    assert net.metadata == {}
    assert (net.predict(frame.iloc[:, ::-1]) == net.predict(PLAIN[:, ::-1])).all()


def test_arrays_are_matched_by_position() -> None:
    net = trained(pd.DataFrame(COLUMNS))
    assert (net.predict(PLAIN.tolist()) == net.predict(PLAIN)).all()
    net.fit(PLAIN, LABELS, **SETTINGS)
    assert net.metadata["feature_names"] == NAMES


def test_a_training_that_is_refused_leaves_no_names() -> None:
    net = network()
    with pytest.raises(ValueError, match="batch_size"):
        net.fit(pd.DataFrame(COLUMNS), LABELS, batch_size=0)
    assert net.metadata == {}


@pytest.mark.parametrize("scaled", [False, True])
def test_columns_of_a_source_are_matched_by_name(scaled: bool, tmp_path: Path) -> None:
    columns = {name: np.asarray(column, float) for name, column in COLUMNS.items()}
    table = pa.table({**columns, "y": LABELS})
    mixed = table.select(["b", "flag", "count", "a", "y"])
    scaling = bp.data.Scaling.fit(PLAIN) if scaled else None
    straight = bp.data.source(table).scaled(scaling)
    backwards = bp.data.source(mixed)
    backwards = backwards.scaled(bp.data.Scaling.fit(backwards) if scaled else None)
    net = network()
    net.fit(straight, **SETTINGS)
    kept = dict(net.metadata)
    assert kept["feature_names"] == NAMES
    np.testing.assert_array_equal(net.predict(backwards), net.predict(straight))
    assert net.evaluate(backwards) == net.evaluate(straight)
    twin = bp.Network.__new__(bp.Network)
    twin.__setstate__(net.__getstate__())
    net.fit(straight, **SETTINGS)
    twin.fit(backwards, **SETTINGS)
    assert bits(net) == bits(twin) and twin.metadata == kept
    with pytest.raises(ValueError, match="it lacks 'a'"):
        net.evaluate(bp.data.source(table.rename_columns(["A", *NAMES[1:], "y"])))


def test_many_networks_know_the_names() -> None:
    config = {"sizes": [4, 5, 2], "output": "softmax", "cost": "cross_entropy", **SETTINGS}
    (one,) = bp.train_many([config], pd.DataFrame(COLUMNS), LABELS)
    assert one.net is not None and one.net.metadata["feature_names"] == NAMES


def test_a_data_set_takes_the_names_of_its_frame() -> None:
    assert bp.data.Dataset(pd.DataFrame(COLUMNS)).feature_names == tuple(NAMES)
    assert bp.data.Dataset(pd.DataFrame(PLAIN)).feature_names == ("x0", "x1", "x2", "x3")
    assert bp.data.Dataset(pl.DataFrame(COLUMNS), None, list("efgh")).feature_names[0] == "e"
