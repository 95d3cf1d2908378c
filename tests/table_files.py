"""The files of a model of raw tables, run on rows: NumPy source, C99 and ONNX."""

import ctypes
import json
import runpy
import shutil
import subprocess
import warnings

import numpy as np
import pytest
from backprop_rs.export.c_table import field_names
from backprop_rs.export.table_model import table_model_of

CC = shutil.which("cc") or shutil.which("gcc")
FLAGS = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic"]


def allowed(model, table):
    """Return the bound on the error of each output (m, n_L) of an exported file."""
    parts = (model.preprocessor, model.networks, model.preprocessors, model.weights)
    exported = table_model_of("", *parts, model.temperature)
    inputs = [each.transform_counting(table, model.dtype, {}) for each in exported.preparations]
    return exported.bound(table, inputs)


def run_python(model, table, folder):
    """Return the outputs and the answers of the exported Python file."""
    model.export(folder / "model.py")
    file = runpy.run_path(str(folder / "model.py"))
    cells = table.to_dict()
    distinct = {id(each): each for each in model.preprocessors}.values()
    for each, rules in zip(distinct, file["PREPARATIONS"], strict=True):
        features = file["features"](cells, rules).astype(model.dtype)
        assert features.tobytes() == each.transform_counting(table, model.dtype, {}).tobytes()
    rows = [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]
    assert file["predict"](rows).tolist() == file["predict"](cells).tolist()
    answers = file["predict"](cells)
    if model.preprocessor.target.kind == "values":  # in the units of the target, as in other files
        return answers.astype(float).reshape(len(table), -1), answers
    return file["outputs"](cells), answers


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
        if any(isinstance(level, str) for level in column.levels):
            return None if level is None else str(level).encode()
        return float("nan") if level is None else float(level)
    return value


def run_c(model, table, folder):
    """Return the outputs and the answers of the exported C file, which also tests itself."""
    model.export(folder / "model.c")
    subprocess.run([CC, *FLAGS, "-DMODEL_SELF_TEST", "model.c", "-lm", "-o", "self"], cwd=folder,
                   check=True)  # fmt: skip
    test = subprocess.run([folder / "self"], capture_output=True, text=True)
    assert test.returncode == 0 and test.stdout.startswith("0 of"), test.stdout
    return answers_in_c(shared_library(folder, ["model.c"]), "model", model, table)


def shared_library(folder, sources):
    """Compile C files of a folder to one library, and return it."""
    command = [CC, *FLAGS, "-shared", "-fPIC", *sources, "-lm", "-o", "models.so"]
    subprocess.run(command, cwd=folder, check=True)
    return ctypes.CDLL(folder / "models.so")


def answers_in_c(library, name, model, table):
    """Return the outputs and the answers of the functions of a model in a library."""
    Row, target = struct_of(model), model.preprocessor.target
    y = np.empty((len(table), target.n_outputs), "f8" if target.kind == "values" else model.dtype)
    answers = []
    columns = [table[column] for column in model.preprocessor.columns]
    for row, result in enumerate(y):
        cells = Row(*(cell_of(column, row) for column in columns))
        predict = getattr(library, f"{name}_predict")
        predict(ctypes.byref(cells), result.ctypes.data_as(ctypes.c_void_p))
        if target.kind == "classes":
            names = (ctypes.c_char_p * target.n_outputs).in_dll(library, f"{name}_classes")
            chosen = getattr(library, f"{name}_class")(ctypes.byref(cells))
            answers.append(names[chosen].decode())
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
            cells = [missing if cell is None else str(cell) for cell in column.to_list()]
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
    with warnings.catch_warnings():  # levels may be unknown
        warnings.simplefilter("ignore")
        expected = model._outputs(table).astype(float)
    error = allowed(model, table)
    if target.kind == "values":
        scale = np.array([scaler.deviation for scaler in target.scalers] or [1.0])
        mean = np.abs([scaler.mean for scaler in target.scalers] or [0.0])
        expected = target.unscaled(expected)
        # The product and the sum are rounded on both sides.
        error = error * scale + 4 * np.finfo(float).eps * (np.abs(expected) + mean)
        expected = target.limited(expected)  # cutting off does not enlarge an error
    assert (np.abs(outputs - expected) <= error).all()
