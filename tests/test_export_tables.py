"""Models of raw tables as files: NumPy source, C99 and ONNX give the answers of `predict`."""

import ctypes
import json
import runpy
import shutil
import subprocess
import sys

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.data import Column, Preprocessor, Table, as_table
from backprop_rs.data.columns import NO_TIME
from backprop_rs.data.scalers import SCALERS
from backprop_rs.export.c_table import field_names
from backprop_rs.export.model import model_of
from backprop_rs.export.vectors import bound
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tables import customers, tables

CC = shutil.which("cc") or shutil.which("gcc")
FLAGS = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic"]
QUICK = {"epochs": 3, "progress": False}


def allowed(model, table):
    """Return the bound on the error of each output (m, n_L)."""
    X = model.preprocessor.transform(table, model.dtype)
    bounds = [bound(model_of(net, [], False), X).astype(float) for net in model.networks]
    return sum(bounds) / len(bounds) + np.finfo(model.dtype).eps * np.abs(model._outputs(table))


def run_python(model, table, folder):
    """Return the outputs and the answers of the exported Python file."""
    model.export(folder / "model.py")
    file = runpy.run_path(str(folder / "model.py"))
    cells = table.to_dict()
    features = file["features"](cells).astype(model.dtype)
    assert features.tobytes() == model.preprocessor.transform(table, model.dtype).tobytes()
    rows = [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]
    assert file["predict"](rows).tolist() == file["predict"](cells).tolist()
    return file["outputs"](cells), file["predict"](cells)


def struct_of(model):
    """Return the struct of a row, as ctypes knows it."""
    kinds = {"number": ctypes.c_double, "boolean": ctypes.c_int, "datetime": ctypes.c_int64}
    fields = []
    names = field_names(model.preprocessor.columns)
    for encoder, name in zip(model.preprocessor.encoders, names, strict=True):
        text = any(isinstance(level, str) for level in getattr(encoder, "levels", ()))
        category = ctypes.c_char_p if text else ctypes.c_double
        fields.append((name, kinds.get(encoder.kind, category)))
    return type("Row", (ctypes.Structure,), {"_fields_": fields})


def cell_of(column, row):
    """Return a cell as the C file takes it."""
    value = column.values[row].item()
    if column.kind == "category":
        level = None if value < 0 else column.levels[value]
        if all(isinstance(level, str) for level in column.levels):
            return None if level is None else level.encode()
        return float("nan") if level is None else float(level)
    return value


def run_c(model, table, folder):
    """Return the outputs and the answers of the exported C file, which also tests itself."""
    model.export(folder / "model.c")
    subprocess.run([CC, *FLAGS, "-DMODEL_SELF_TEST", "model.c", "-lm", "-o", "self"], cwd=folder,
                   check=True)  # fmt: skip
    test = subprocess.run([folder / "self"], capture_output=True, text=True)
    assert test.returncode == 0 and test.stdout.startswith("0 of"), test.stdout
    subprocess.run([CC, *FLAGS, "-shared", "-fPIC", "model.c", "-lm", "-o", "model.so"],
                   cwd=folder, check=True)  # fmt: skip
    file, Row = ctypes.CDLL(folder / "model.so"), struct_of(model)
    target = model.preprocessor.target
    y = np.empty((len(table), target.n_outputs), "f8" if target.kind == "values" else model.dtype)
    answers = []
    columns = [table[name] for name in model.preprocessor.columns]
    for row, result in enumerate(y):
        cells = Row(*(cell_of(column, row) for column in columns))
        file.model_predict(ctypes.byref(cells), result.ctypes.data_as(ctypes.c_void_p))
        if target.kind == "classes":
            names = (ctypes.c_char_p * target.n_outputs).in_dll(file, "model_classes")
            answers.append(names[file.model_class(ctypes.byref(cells))].decode())
    return y, answers


def run_onnx(model, table, folder):
    """Return the outputs and the answers of the exported ONNX file."""
    onnx = pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    path = str(folder / "model.onnx")
    model.export(path)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    texts = json.loads(session.get_modelmeta().custom_metadata_map.get("missing_text", "{}"))
    feed = {}
    for entry in session.get_inputs():
        column = table[entry.name]
        if entry.type == "tensor(string)":
            missing = texts[entry.name]
            cells = [missing if cell is None else cell for cell in column.to_list()]
            values = np.array(cells, object)
        elif column.kind == "datetime":
            values = column.values
        else:
            cells = [np.nan if cell is None else float(cell) for cell in column.to_list()]
            values = np.array(cells)
        feed[entry.name] = values.reshape(-1, 1)
    names = [entry.name for entry in session.get_outputs()]
    results = dict(zip(names, session.run(names, feed), strict=True))
    answers = results.get("label", results.get("labels"))
    return results.get("probabilities", results.get("predictions")), answers


RUNS = {"py": run_python, "c": run_c, "onnx": run_onnx}
needs_cc = pytest.mark.skipif(CC is None, reason="there is no C compiler")
FORMATS = ["py", pytest.param("c", marks=needs_cc), "onnx"]


def check_outputs(model, table, outputs):
    """Assert that outputs are those of the model, up to the rounding of sums."""
    target = model.preprocessor.target
    expected, error = model._outputs(table).astype(float), allowed(model, table)
    if target.kind == "values" and outputs.dtype == float and target.scalers:
        scale = np.array([scaler.deviation for scaler in target.scalers])
        expected, error = target.unscaled(expected), error * scale + 1e-12 * np.abs(
            target.unscaled(expected))  # fmt: skip
    assert (np.abs(outputs - expected) <= error).all()


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
    model.fit(table, "cost", **QUICK)
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


def any_model(data):
    """Return a model of any table, and the table."""
    table = data.draw(tables(min_rows=4))
    scaling = data.draw(st.sampled_from(sorted(SCALERS)))
    y = Column("y", "category", np.arange(len(table)) % 2, ("no", "yes"))
    labeled = Table([*table, y])
    model = bp.Model((4,), seed=0, preprocessor=Preprocessor(scaling=scaling))
    model.fit(labeled, "y", epochs=1, progress=False)
    return model, table


def export_any(form, data, folder):
    """Check the file of any model."""
    model, table = any_model(data)
    levels = [level for encoder in model.preprocessor.encoders
              for level in getattr(encoder, "levels", ())]  # fmt: skip
    names = model.preprocessor.columns
    if form == "c" and any("\0" in str(level) for level in levels):
        return
    if form == "onnx" and any(name in ("label", "probabilities") for name in names):
        return
    outputs, _ = RUNS[form](model, table, folder)
    check_outputs(model, table, outputs)


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
