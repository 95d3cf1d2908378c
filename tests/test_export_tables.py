"""Models of raw tables as files: NumPy source, C99 and ONNX give the answers of `predict`."""

import subprocess
import sys

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.data import Column, Preprocessor, Table, TableStream, as_table
from backprop_rs.data.columns import NO_TIME
from backprop_rs.data.scalers import SCALERS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from table_files import CC, FORMATS, RUNS, check_outputs, needs_cc
from tables import customers, tables

QUICK = {"epochs": 3, "progress": False}


@pytest.fixture(scope="module")
def labeled():
    table = customers(300)
    table["grade"] = [k % 4 for k in range(300)]
    return table


@pytest.mark.parametrize("scaling", SCALERS)
@pytest.mark.parametrize("form", FORMATS)
def test_classes(form, scaling, labeled, tmp_path):
    preprocessor = Preprocessor(scaling=scaling, kinds={"grade": "category"})
    model = bp.Model((8,), members=2, seed=0, preprocessor=preprocessor)
    model.fit(labeled, "left", **QUICK)
    table = as_table(customers(40, seed=3) | {"grade": [k % 5 for k in range(40)]})
    with pytest.warns(UserWarning, match="8 cells hold levels"):
        expected = model.predict(table)
    outputs, answers = RUNS[form](*quiet(model, table), tmp_path)
    assert list(answers) == expected.tolist()
    check_outputs(*quiet(model, table), outputs)


def quiet(model, table):
    """Return the model and a table without the level that it does not know."""
    column = as_table({"grade": [None if cell == 4 else cell for cell in table["grade"].to_list()]})
    return model, Table([*table.drop(["left", "grade"]), *column])


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values(form, dtype, labeled, tmp_path):
    model = bp.Model((8, 4), seed=0, dtype=dtype, layer_norm=True)
    table = {name: cells for name, cells in labeled.items() if name not in ("left", "age")}
    table["cost"] = [1e5 + 100.0 * visits for visits in table["visits"]]
    model.fit(table, "cost", classes=False, **QUICK)
    rows = as_table(table).drop(["cost"])
    outputs, _ = RUNS[form](model, rows, tmp_path)
    check_outputs(model, rows, outputs)


@pytest.mark.parametrize("form", FORMATS)
def test_several_labels(form, labeled, tmp_path):
    table = {name: labeled[name] for name in ("age", "city", "visits", "member")}
    table["busy"] = [visits > 3 for visits in table["visits"]]
    model = bp.Model((8,), seed=0).fit(table, ["member", "busy"], **QUICK)
    rows = as_table(table).drop(["member", "busy"])
    outputs, answers = RUNS[form](model, rows, tmp_path)
    check_outputs(model, rows, outputs)
    assert form == "c" or answers.tolist() == model.predict(rows).tolist()


@pytest.mark.parametrize("target", [[5, 15, 25], [True, False], [-1.5, 2.0], ["a", "b"]])
@pytest.mark.parametrize("form", FORMATS)
def test_class_names_keep_their_type(form, target, tmp_path):
    y = np.array(target * 10)
    x = np.tile(np.arange(len(target)) * 1.0, 10)
    model = bp.Model((8,), seed=0).fit({"x": x, "y": y}, "y", classes=True, **QUICK)
    _, answers = RUNS[form](model, as_table({"x": x}), tmp_path)
    expected = model.predict({"x": x})
    if form == "c":
        assert answers == [str(answer) for answer in expected.tolist()]
    else:
        assert answers.dtype.kind in (expected.dtype.kind, "O")
        assert answers.tolist() == expected.tolist()


def test_the_python_file_tests_itself(labeled, tmp_path):
    bp.Model((8,), seed=0).fit(labeled, "left", **QUICK).export(tmp_path / "model.py")
    run = subprocess.run([sys.executable, tmp_path / "model.py"], capture_output=True, text=True)
    assert run.returncode == 0 and run.stdout.startswith("0 of"), run.stdout + run.stderr


TARGETS = {
    "texts": lambda k: Column("y", "category", k % 2, ("no", "größe")),
    "integers": lambda k: Column("y", "number", k % 3 * 5 - 1, dtype="int64"),
    "booleans": lambda k: Column("y", "boolean", k % 2),
    "values": lambda k: Column("y", "number", k * 1e300 - 7e299),
    "small values": lambda k: Column("y", "number", k * 1e-300),
}


def any_model(data):
    """Return a model of any table and target, and the table."""
    table = data.draw(tables(min_rows=6))
    target = data.draw(st.sampled_from(sorted(TARGETS)))
    # Values cannot be learned from numbers of any size that are not scaled.
    scalings = set(SCALERS) - {"none"} if "values" in target else SCALERS
    scaling = data.draw(st.sampled_from(sorted(scalings)))
    members, dtype = data.draw(st.sampled_from([(1, "float32"), (2, "float32"), (1, "float64")]))
    labeled = Table([*table, TARGETS[target](np.arange(len(table)))])
    preprocessor = Preprocessor(scaling=scaling)
    model = bp.Model((4,), members=members, dtype=dtype, seed=0, preprocessor=preprocessor)
    classes = "values" not in target
    return model.fit(labeled, "y", classes=classes, epochs=1, progress=False), labeled


def export_any(form, data, folder):
    """Check the file of any model, also of one that was saved, and of one that read a stream."""
    model, labeled = any_model(data)
    table = labeled.drop(["y"])
    levels = [
        level for encoder in model.preprocessor.encoders for level in getattr(encoder, "levels", ())
    ]
    names = model.preprocessor.columns
    if form == "c" and any("\0" in str(level) for level in levels):
        return
    if form == "onnx" and {"label", "probabilities", "predictions"} & set(names):
        return
    model.save(folder / "model")
    saved = bp.load(folder / "model")
    outputs, answers = RUNS[form](saved, table, folder)
    check_outputs(model, table, outputs)
    if model.classes and answers is not None:
        p = np.sort(model.predict_proba(table), axis=1)
        clear = p[:, -1] - p[:, -2] > 1e-5  # rounding may decide between equal ones
        expected = model.predict(table).tolist()
        same = [str(answer) == str(other) for answer, other in zip(answers, expected, strict=True)]
        assert all(np.array(same)[clear])
    parts = [labeled.take(slice(k, k + 4)) for k in range(0, len(labeled), 4)]
    streamed = Preprocessor(
        "y", scaling=model.preprocessor.scaling, classes=bool(model.classes)
    ).fit(TableStream(parts))
    features = streamed.transform(table, model.dtype)
    assert features.tobytes() == model.preprocessor.transform(table, model.dtype).tobytes()


@pytest.mark.parametrize("form", ["py", "onnx"])
@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_table(form, data, tmp_path_factory):
    export_any(form, data, tmp_path_factory.mktemp("any"))


@needs_cc
@settings(deadline=None, max_examples=6, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_table_in_c(data, tmp_path_factory):
    export_any("c", data, tmp_path_factory.mktemp("any"))


@pytest.mark.parametrize("form", FORMATS)
def test_dates_of_all_centuries(form, tmp_path):
    rng = np.random.default_rng(0)
    times = rng.integers(-(2**63) + 1, 2**63 - 1, 500)
    times[::50] = NO_TIME
    days = np.array(["1900-02-28", "1900-03-01", "2000-02-29", "2000-12-31", "1969-12-31"])
    times[:5] = days.astype("datetime64[ns]").view(np.int64)
    table = Table([Column("t", "datetime", times)])
    labeled = Table([*table, Column("y", "number", np.arange(500.0) / 7)])
    model = bp.Model((8,), seed=0).fit(labeled, "y", **QUICK)
    assert len(model.preprocessor.feature_names) == 11
    outputs, _ = RUNS[form](model, table, tmp_path)
    check_outputs(model, table, outputs)


@pytest.mark.parametrize("form", FORMATS)
def test_a_constant_date_that_may_be_missing(form, tmp_path):
    table = Table([Column("t", "datetime", [5, NO_TIME, 5]), Column("x", "number", [1, 2, 3])])
    labeled = Table([*table, Column("y", "category", [0, 1, 0], ("no", "yes"))])
    model = bp.Model((4,), seed=0).fit(labeled, "y", **QUICK)
    assert model.preprocessor.feature_names == ("t is missing", "x")
    outputs, _ = RUNS[form](model, table, tmp_path)
    check_outputs(model, table, outputs)


@pytest.mark.parametrize("form", FORMATS)
def test_constants_that_are_0_or_1_in_float_only(form, tmp_path):
    # ONNX Runtime compares the constants of Sub, Add, Mul and Div with 0 or 1 in float.
    table = {"x": [1 - 1e-9, -1 + 1e-9] * 4, "y": [k * 1e-300 for k in range(8)]}
    preprocessor = Preprocessor(scaling="standard")
    model = bp.Model((4,), seed=0, dtype="float64", preprocessor=preprocessor)
    model.fit(table, "y", classes=False, **QUICK)
    rows = as_table({"x": table["x"]})
    outputs, _ = RUNS[form](model, rows, tmp_path)
    check_outputs(model, rows, outputs)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_differences_of_huge_numbers_do_not_overflow(scaling, form, tmp_path):
    huge = [-1.7e308, 1e308, 1.5e308, 1.7e308, 1.7e308, 1.2e308]
    table = {"x": huge * 2, "y": ["no", "yes", "no"] * 4}
    model = bp.Model((4,), seed=0, preprocessor=Preprocessor(scaling=scaling))
    model.fit(table, "y", **QUICK)
    features = model.preprocessor.transform(table, "float64")[:6, 0]
    scaled = np.array(huge) / 1e308  # the scalings do not depend on the unit
    same = Preprocessor(scaling=scaling).fit({"x": scaled.tolist() * 2})
    np.testing.assert_allclose(features, same.transform({"x": scaled}, "float64")[:, 0], rtol=1e-12)
    rows = as_table({"x": table["x"]})
    outputs, _ = RUNS[form](model, rows, tmp_path)
    check_outputs(model, rows, outputs)


def test_hostile_names_stay_in_their_place(tmp_path):
    names = ["*/ int x;", '"""', "a\nb", "\\", "int", "int ", "größe"]
    table = {name: [1.0, 2.0, 4.0] for name in names} | {"y": ['"', "*/", "\\n"]}
    model = bp.Model((4,), seed=0).fit(table, "y", **QUICK)
    rows = as_table({name: table[name] for name in names})
    for form in ("py", "onnx", *(["c"] if CC else [])):
        outputs, answers = RUNS[form](model, rows, tmp_path)
        assert list(answers) == model.predict(rows).tolist()
        check_outputs(model, rows, outputs)


@pytest.mark.parametrize(("name", "file", "sentence"), [
    ("x", "m.txt", "path must end in .onnx, .c, .py"),
    ("label", "m.onnx", "cannot have an input called 'label'"),
])  # fmt: skip
def test_mistakes(name, file, sentence, tmp_path):
    model = bp.Model((4,), seed=0).fit({name: [1, 2], "y": ["p", "q"]}, "y", **QUICK)
    with pytest.raises(ValueError, match=sentence):
        model.export(tmp_path / file)
    assert not list(tmp_path.iterdir())
