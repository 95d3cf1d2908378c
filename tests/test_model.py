"""From a raw table to an answer, and back: training, prediction and files of models."""

import copy
import datetime as dt
import json
import pickle
import signal
import warnings

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.data import Column, Preprocessor, Table, TableStream, as_table, source
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tables import customers, tables

QUICK = {"epochs": 3, "progress": False}


@pytest.fixture(scope="module")
def model():
    return bp.Model(seed=1).fit(customers(1000), target="left", epochs=40, progress=False)


def new_rows(n=20):
    table = customers(n, seed=5)
    del table["left"]
    return table


def test_a_table_of_mixed_kinds(model):
    scores = model.evaluate(customers(seed=2))
    assert scores["accuracy"] > 0.9
    assert set(scores) == {"accuracy", "log_loss"}
    answers = model.predict(new_rows())
    assert set(answers) <= {"yes", "no"}
    probabilities = model.predict_proba(new_rows())
    assert model.classes == ("no", "yes")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert answers.tolist() == [model.classes[k] for k in probabilities.argmax(axis=1)]


def test_the_same_row_gets_the_same_answer(model):
    table = as_table(new_rows())
    outputs = model.predict_proba(table)
    for row in (0, 7, 19):
        alone = dict(zip(table.names, table.take([row]).to_dict().values(), strict=True))
        alone = {name: cells[0] for name, cells in alone.items()}
        assert model.predict_proba(alone).tobytes() == outputs[row].tobytes()
    backwards = table.take(slice(None, None, -1)).select(table.names[::-1])
    assert model.predict_proba(backwards).tobytes() == outputs[::-1].tobytes()
    stream = TableStream([table.take(slice(k, k + 3)) for k in range(0, 20, 3)])
    assert model.predict_proba(stream).tobytes() == outputs.tobytes()


def test_columns_go_by_name(model):
    rows = new_rows()
    expected = model.predict_proba(rows).tobytes()
    with pytest.warns(UserWarning, match="are not used: 'station'"):
        assert model.predict_proba(rows | {"station": ["x"] * 20}).tobytes() == expected
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.predict_proba(rows | {"left": [None] * 20}).tobytes() == expected
    del rows["age"]
    with pytest.raises(ValueError, match="it lacks 'age'"):
        model.predict(rows)


def test_the_missing_cell_of_a_row_does_not_depend_on_other_rows(model):
    """The fill is that of the training rows, and not of the new ones."""
    row = {name: cells[:1] for name, cells in new_rows().items()} | {"age": [None]}
    alone = model.predict_proba(row)
    for age in (20.0, 80.0):
        both = {name: cells * 2 for name, cells in row.items()} | {"age": [None, age]}
        assert model.predict_proba(both)[:1].tobytes() == alone.tobytes()


def test_unknown_levels_are_counted(model):
    rows = new_rows() | {"city": ["Madrid"] * 20}
    with pytest.warns(
        UserWarning, match=r"20 cells hold levels .* 20 in 'city' \(such as 'Madrid'"
    ):
        assert len(model.predict(rows)) == 20


def test_a_stream_counts_unknown_levels_once(model):
    table = as_table(new_rows() | {"city": ["Madrid"] * 20})
    stream = TableStream([table.take(slice(k, k + 3)) for k in range(0, 20, 3)])
    with pytest.warns(UserWarning) as warned:
        outputs = model.predict_proba(stream)
    assert [str(each.message)[:20] for each in warned] == ["20 cells hold levels"]
    with pytest.warns(UserWarning, match="20 cells"):
        assert outputs.tobytes() == model.predict_proba(table).tobytes()


def test_save_and_load(model, tmp_path):
    path = tmp_path / "model.safetensors"
    model.save(path)
    loaded = bp.load(path)
    assert isinstance(loaded, bp.Model)
    assert loaded.predict_proba(new_rows()).tobytes() == model.predict_proba(new_rows()).tobytes()
    assert loaded.predict(new_rows()).tolist() == model.predict(new_rows()).tolist()
    assert loaded.info == model.info and loaded.classes == model.classes
    assert repr(loaded) == repr(model)
    again = loaded.fit(customers(), target="left", **QUICK)
    assert set(again.predict(new_rows())) <= {"yes", "no"}


@pytest.mark.parametrize("copy_of", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy])
def test_copies(model, copy_of):
    assert copy_of(model).predict(new_rows()).tolist() == model.predict(new_rows()).tolist()


def test_a_network_alone_is_refused_unless_it_is_wanted_bare(model, tmp_path):
    path = tmp_path / "model.safetensors"
    model.save(path)
    with pytest.raises(ValueError, match=r"holds a model with the preparation .* bp\.load"):
        bp.Network.load(path)
    network = bp.Network.load(path, bare=True)
    X = model.preprocessor.transform(new_rows())
    assert network.predict(X).tobytes() == model.predict_proba(new_rows()).tobytes()
    several = bp.Model((4,), members=2, seed=0).fit(customers(), target="left", **QUICK)
    several.save(path)
    with pytest.raises(ValueError, match=r"must name one network; .* a model of 2"):
        bp.Network.load(path, bare=True)


def test_load_gives_back_a_network(tmp_path):
    path = tmp_path / "net.safetensors"
    bp.Network([2, 3, 1], seed=0).save(path)
    assert isinstance(bp.load(path), bp.Network)


def test_the_file_of_a_model_is_checked(model, tmp_path):
    from backprop_rs._internal import table_model_file

    network = model.networks[0]
    parts = [(network._settings(), network._parameters(False))]
    whole = {"preprocessor": model.preprocessor.to_dict(), "info": {}}
    path = tmp_path / "model.safetensors"
    encoders = whole["preprocessor"]["encoders"]
    for change in (
        {"info": []},
        {"preprocessor": {}},
        {"preprocessor": whole["preprocessor"] | {"encoders": encoders[:1]}},
        {"preprocessor": whole["preprocessor"] | {"target": None}},
    ):
        table_model_file.write(path, whole | change, parts)
        with pytest.raises(ValueError, match="path must name a model saved by backprop_rs"):
            bp.load(path)
    table_model_file.write(path, whole, parts)
    bp.load(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="path must name"):
        bp.load(path)


def test_facts_of_the_training(tmp_path):
    model = bp.Model((8,), seed=0)
    model.fit(customers(), target="left", validation_fraction=0.25, **QUICK)
    info = model.info
    assert info["library_version"] == bp.__version__
    assert (info["n_rows"], info["n_held_out_rows"]) == (150, 50)
    assert set(info["held_out_metrics"]) == {"accuracy", "log_loss"}
    assert dt.datetime.fromisoformat(info["date"]).tzinfo is not None
    assert info["fingerprint"] == model.preprocessor.fingerprint
    assert json.loads(json.dumps(info)) == info


def test_held_out_rows_teach_nothing():
    """A city that only held-out rows have is unknown, and a huge age does not move the median."""
    table = customers()
    model = bp.Model((4,), seed=3).fit(table, target="left", validation_fraction=0.2, **QUICK)
    train = model.preprocessor.n_rows
    summary = {line.name: line for line in model.report()}
    assert summary["age"].n == train == 160
    again = bp.Model((4,), seed=3).fit(table, target="left", validation_fraction=0.2, **QUICK)
    assert again.predict_proba(table).tobytes() == model.predict_proba(table).tobytes()
    assert "val_cost" in dir(model.histories[0]) and len(model.histories[0].val_cost) == 3


@pytest.mark.parametrize("target", [
    ["ant", "bee"], [5, 15], [1, 2], [-1, 1], [True, False], [1.0, 2.0],
    np.array([1, 2], np.uint8), ["no", "yes"], ["5", "15"],
])  # fmt: skip
def test_answers_have_the_type_of_the_target(target):
    y = np.array(target * 10 if isinstance(target, list) else np.tile(target, 10))
    x = np.tile([0.0, 1.0], 10)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "column 'y' holds texts")
        model = bp.Model(seed=0).fit({"x": x, "y": y}, target="y", epochs=200, progress=False)
    answers = model.predict({"x": x})
    assert answers.dtype == y.dtype
    assert answers.tolist() == y.tolist()


def test_values_have_the_units_of_the_target():
    x = np.linspace(0, 10, 200)
    y = 250_000 + 1000 * x
    model = bp.Model(seed=0).fit({"x": x, "y": y}, target="y", epochs=200, progress=False)
    assert model.predict({"x": [5.0]}) == pytest.approx([255_000], abs=300)
    scores = model.evaluate({"x": x, "y": y})
    assert scores["r2"] > 0.99 and scores["rmse"] == pytest.approx(
        np.sqrt(np.mean((model.predict({"x": x}) - y) ** 2)), rel=1e-9)  # fmt: skip
    with pytest.raises(ValueError, match="predict_proba goes with a target of classes"):
        model.predict_proba({"x": [5.0]})


def test_time_stamps_are_as_good_as_small_numbers():
    """Rounded to float32 before the scaling, 400 seconds would be 4 different numbers."""
    t = np.arange(400)
    y = np.sin(t / 60)
    scores = [
        bp.Model((32,), seed=0).fit({"t": start + t, "y": y}, target="y", epochs=300,
                                    progress=False).evaluate({"t": start + t, "y": y})
        for start in (0, 1_700_000_000)
    ]  # fmt: skip
    assert scores[0] == scores[1] and scores[0]["r2"] > 0.99


def test_several_labels():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 300))
    table = {"a": a, "b": b, "p": a > 0, "q": a + b > 0}
    model = bp.Model(seed=0).fit(table, target=["p", "q"], epochs=60, progress=False)
    answers = model.predict(table)
    assert answers.dtype == bool and answers.shape == (300, 2)
    assert model.evaluate(table)["accuracy"] > 0.9


def test_several_values():
    x = np.linspace(-1, 1, 100)
    table = {"x": x, "p": 3 * x, "q": 100 - x}
    model = bp.Model(seed=0).fit(table, target=["p", "q"], epochs=200, progress=False)
    np.testing.assert_allclose(model.predict({"x": [0.5]}), [[1.5, 99.5]], atol=0.3)


def test_members_are_averaged():
    table = customers()
    model = bp.Model((8,), members=3, seed=4).fit(table, target="left", **QUICK)
    alone = [bp.Model((8,), seed=4 + k).fit(table, target="left", **QUICK) for k in range(3)]
    total = sum(each.predict_proba(table).astype(float) for each in alone)
    assert model.predict_proba(table).tobytes() == (total / 3).astype("float32").tobytes()
    assert len(model.histories) == 3


def test_members_are_saved(tmp_path):
    model = bp.Model((8,), members=2, seed=4).fit(customers(), target="left", **QUICK)
    model.save(tmp_path / "m.safetensors")
    loaded = bp.load(tmp_path / "m.safetensors")
    assert loaded.predict_proba(new_rows()).tobytes() == model.predict_proba(new_rows()).tobytes()


def test_the_target_as_values():
    table = customers()
    y = table.pop("left")
    model = bp.Model((8,), seed=0).fit(table, y, **QUICK)
    named = bp.Model((8,), seed=0).fit(table | {"target": y}, "target", **QUICK)
    assert model.predict_proba(table).tobytes() == named.predict_proba(table).tobytes()
    pd = pytest.importorskip("pandas")
    pytest.importorskip("narwhals")
    of_series = bp.Model((8,), seed=0).fit(pd.DataFrame(table), pd.Series(y, name="left"), **QUICK)
    assert of_series.preprocessor.target_names == ("left",)
    assert of_series.predict_proba(table).tobytes() == named.predict_proba(table).tobytes()


def test_weights_of_rows_and_classes():
    table = customers()
    weights = np.ones(200)
    weights[::2] = 3
    model = bp.Model((8,), seed=0).fit(table, "left", sample_weight=weights, **QUICK)
    named = bp.Model((8,), seed=0).fit(
        table | {"w": weights}, "left", sample_weight="w", **QUICK)  # fmt: skip
    assert model.predict_proba(table).tobytes() == named.predict_proba(table).tobytes()
    assert "w" not in named.preprocessor.columns
    bp.Model((8,), seed=0).fit(table, "left", class_weight={"yes": 2.0, "no": 1.0}, **QUICK)
    with pytest.raises(ValueError, match="class_weight must name classes of the target"):
        bp.Model((8,), seed=0).fit(table, "left", class_weight={1: 2.0}, **QUICK)


def test_an_array_source_and_arrays_give_the_same_bits():
    data = bp.load_iris()
    memory = bp.Model((8,), seed=0).fit(data.X, data.y, **QUICK)
    samples = source(data.X, data.y)
    streamed = bp.Model((8,), seed=0).fit(samples, **QUICK)
    expected = memory.predict_proba(data.X).tobytes()
    assert streamed.predict_proba(data.X).tobytes() == expected
    assert streamed.predict_proba(samples).tobytes() == expected
    assert streamed.evaluate(samples) == memory.evaluate(
        {f"x{k}": data.X[:, k] for k in range(4)} | {"target": data.y})  # fmt: skip


def test_a_data_set():
    data = bp.load_iris()
    model = bp.Model((8,), seed=0).fit(data, epochs=300, progress=False)
    assert model.classes == data.class_names
    assert model.preprocessor.columns == data.feature_names
    assert model.evaluate(data)["accuracy"] > 0.9
    assert model.predict_proba(data).tobytes() == model.predict_proba(data.X).tobytes()


def test_a_target_of_one_column_may_have_two_axes():
    x, y = np.arange(6.0), np.array([0.5, 1.0, 4.0, 2.0, 3.0, 9.0])
    flat = bp.Model((4,), seed=0).fit({"x": x}, y, **QUICK)
    column = bp.Model((4,), seed=0).fit({"x": x}, y[:, None], **QUICK)
    assert flat.predict({"x": x}).tobytes() == column.predict({"x": x}).tobytes()
    assert flat.predict({"x": x}).shape == (6,)


def test_validation_rows_of_sorted_classes_are_of_all_classes():
    data = bp.load_iris()
    model = bp.Model((4,), seed=0).fit(data, validation_fraction=0.2, **QUICK)
    assert (model.preprocessor.n_rows, model.info["n_held_out_rows"]) == (120, 30)
    assert model.classes == data.class_names


@pytest.mark.parametrize("texts", [["None", "Apnea", "Insomnia"], ["NA", "EU", "AS"]])
def test_none_and_na_are_classes_and_levels(texts):
    table = {"x": [0.0, 1.0, 2.0] * 10, "level": texts * 10, "y": texts * 10}
    model = bp.Model(seed=0).fit(table, "y", epochs=100, progress=False)
    assert model.predict(table).tolist() == texts * 10
    assert "level is missing" not in model.preprocessor.feature_names


def test_dummies_of_pandas_are_features():
    """Frames of floats and booleans, and of nullable types, give the bits of the plain floats."""
    pd = pytest.importorskip("pandas")
    pytest.importorskip("narwhals")
    frame = pd.get_dummies(pd.DataFrame({"a": [1.5, 2.0, 4.0, 3.0], "c": ["p", "q", "r", "p"]}))
    y = [0.5, 1.5, 2.5, 3.5]
    plain = bp.Model((4,), seed=0).fit(frame, y, **QUICK)
    for other in (frame.convert_dtypes(), frame.astype("Float64")):
        model = bp.Model((4,), seed=0).fit(frame, y, **QUICK)
        assert model.predict(other).tobytes() == plain.predict(frame).tobytes()


def test_a_stream_of_tables_gives_the_same_bits():
    table = as_table(customers())
    parts = [table.take(slice(k, k + 17)) for k in range(0, 200, 17)]
    options = QUICK | {"shuffle": False}  # a stream is shuffled in windows
    memory = bp.Model((8,), seed=0).fit(table, "left", **options)
    streamed = bp.Model((8,), seed=0).fit(TableStream(parts), "left", **options)
    assert streamed.predict_proba(table).tobytes() == memory.predict_proba(table).tobytes()
    assert streamed.evaluate(TableStream(parts)) == memory.evaluate(table)


def test_frames():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    pytest.importorskip("narwhals")
    table = customers()
    expected = bp.Model((8,), seed=0).fit(table, "left", **QUICK)
    for frame in (pd.DataFrame(table), pd.DataFrame(table).convert_dtypes(), pl.DataFrame(table)):
        model = bp.Model((8,), seed=0).fit(frame, "left", **QUICK)
        assert model.predict_proba(frame).tobytes() == expected.predict_proba(table).tobytes()
        assert model.predict(frame).tolist() == expected.predict(table).tolist()


def test_explain(model):
    row = {name: cells[0] for name, cells in customers().items()}
    assert "Back-propagation through Network" in str(model.explain(row, max_neurons=2))
    del row["left"]
    with pytest.raises(ValueError, match=r"row must have the target .* it lacks 'left'"):
        model.explain(row)


def test_jupyter(model):
    html = model._repr_html_()
    assert "<td>city</td>" in html and "<table" in html
    assert "not fitted" in bp.Model()._repr_html_()
    assert "<td>" in bp.load_iris()._repr_html_()


@pytest.mark.parametrize(("call", "sentence"), [
    (lambda: bp.Model(8), "hidden must be a sequence"),
    (lambda: bp.Model(members=0), "members must be"),
    (lambda: bp.Model(los="x"), "unexpected keyword argument 'los'"),
    (lambda: bp.Model(preprocessor=3), "preprocessor must be a data.Preprocessor"),
    (lambda: bp.Model().predict({"a": 1}), "fit must come first"),
    (lambda: bp.Model().save("x"), "fit must come first"),
    (lambda: bp.Model().fit({"a": [1, 2]}), "target must name a column of the data"),
    (lambda: bp.Model().fit({"a": [1, 2]}, "y"), "got 'y'"),
    (lambda: bp.Model().fit({"a": [1, 2]}, [1.0, 2.0, 3.0]), "as many rows as data"),
    (lambda: bp.Model().fit(customers(), "left", lr=1), "unexpected keyword argument 'lr'"),
    (lambda: bp.Model().fit(customers(), "left", sample_weight="q"), "must name a column"),
    (lambda: bp.Model().fit(customers(), "left", validation_fraction=2.0), "validation_fraction"),
    (lambda: bp.Model().fit({"a": [1, 2], "y": ["p", "p"]}, "y"), "'y' must have at least 2 cla"),
])  # fmt: skip
def test_mistakes(call, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        call()


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_table(tmp_path_factory, data):
    """Trained, saved, loaded and streamed: the same predictions for the same row."""
    table = data.draw(tables(min_rows=4))
    classes = data.draw(st.booleans())
    y = [["yes", "no"][k % 2] if classes else k * 0.5 for k in range(len(table))]
    labeled = Table([*table, *as_table({"y": y})])
    seed = data.draw(st.integers(0, 5))
    options = {"epochs": 2, "progress": False, "shuffle": False}
    model = bp.Model((4,), seed=seed).fit(labeled, "y", **options)
    expected = model._outputs(table)
    assert np.isfinite(expected).all()
    parts = [labeled.take(slice(k, k + 3)) for k in range(0, len(table), 3)]
    streamed = bp.Model((4,), seed=seed).fit(TableStream(parts), "y", **options)
    assert streamed._outputs(TableStream(parts)).tobytes() == expected.tobytes()
    path = tmp_path_factory.mktemp("any") / "m.safetensors"
    model.save(path)
    loaded = bp.load(path)
    order = data.draw(st.permutations(range(len(table))))
    names = data.draw(st.permutations(table.names))
    shuffled = table.take(order).select(names)
    assert loaded._outputs(shuffled).tobytes() == expected[list(order)].tobytes()
    assert loaded.predict(shuffled).tolist() == model.predict(table)[list(order)].tolist()
    alone = [loaded._outputs(table.take([row])) for row in range(len(table))]
    assert np.concatenate(alone).tobytes() == expected.tobytes()
    doubled = table.take([*range(len(table)), 0])
    assert loaded._outputs(doubled).tobytes() == np.append(expected, expected[:1], 0).tobytes()
    unused = next(name for name in ("z", "zz", "zzzzz") if name not in table)
    wider = Table([Column(unused, "number", np.arange(len(table))), *table])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # names the additional column
        assert loaded._outputs(wider).tobytes() == expected.tobytes()


def test_options_of_the_preprocessor_are_used():
    model = bp.Model((4,), seed=0, preprocessor=Preprocessor("left", scaling="standard"))
    model.fit(customers(), ignore=["joined"], **QUICK)
    assert "joined" not in model.preprocessor.columns
    assert model.preprocessor.encoders[0].scaler.name == "standard"


def test_ctrl_c_ends_the_training_of_all_members():
    def interrupt(epoch):
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        model = bp.Model(members=3, seed=0)
        model.fit(customers(60), "left", epochs=50, callbacks=interrupt, progress=False)
    finally:
        signal.signal(signal.SIGINT, before)
    assert [history.stopped for history in model.histories] == ["interrupted"]
    assert len(model.histories[0]) < 50 and len(model.networks) == 1
