"""Files of models whose networks have preparations, weights, a temperature and limits."""

from dataclasses import replace

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.data import Column, Preprocessor, Table, as_table
from backprop_rs.model import model_of_members
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from table_files import FORMATS, RUNS, check_outputs, needs_cc
from tables import customers, tables

QUICK = {"epochs": 3, "progress": False}
WEIGHTS = (0.5, 0.3, 0.2)


def members_of(table, target, weights=WEIGHTS, temperature=1.0, **options):
    """Return a model of three networks that have learned from different rows."""
    table = as_table(table)
    scalings = ("robust", "standard", "quantile")
    whole = Preprocessor(target).fit(table)
    networks, preprocessors = [], []
    for k, scaling in enumerate(scalings):
        part = Preprocessor(target, scaling=scaling).fit(table.take(np.arange(len(table)) % 3 != k))
        part.target = whole.target
        X = part.transform_counting(table, "float32", {})
        y = part.transform_target(table)
        output = {"classes": "softmax", "labels": "sigmoid"}.get(whole.target.kind, "identity")
        cost = "squared_error" if output == "identity" else "cross_entropy"
        sizes = [X.shape[1], 6 + k, whole.target.n_outputs]
        activation = ("relu", "selu", "tanh")[k]
        network = bp.Network(sizes, activation, output, cost, seed=k, **options)
        network.fit(X, y, **QUICK)
        networks.append(network)
        preprocessors.append(part)
    return model_of_members(whole, networks, preprocessors, weights, temperature)


def new_rows(n=40):
    table = customers(n, seed=5)
    del table["left"]
    return as_table(table)


@pytest.mark.parametrize("temperature", [1.0, 0.4, 2.5])
@pytest.mark.parametrize("form", FORMATS)
def test_classes(form, temperature, tmp_path):
    model = members_of(customers(300), "left", temperature=temperature)
    outputs, answers = RUNS[form](model, new_rows(), tmp_path)
    check_outputs(model, new_rows(), outputs)
    assert list(answers) == model.predict(new_rows()).tolist()


@pytest.mark.parametrize("form", FORMATS)
def test_equal_weights(form, tmp_path):
    model = members_of(customers(300), "left", None)
    outputs, _ = RUNS[form](model, new_rows(), tmp_path)
    check_outputs(model, new_rows(), outputs)


@pytest.mark.parametrize("form", FORMATS)
def test_several_labels_with_a_temperature(form, tmp_path):
    table = {name: cells for name, cells in customers(300).items() if name != "left"}
    table["busy"] = [visits > 3 for visits in table["visits"]]
    model = members_of(table, ["member", "busy"], temperature=1.7)
    rows = as_table(table).drop(["member", "busy"])
    outputs, _ = RUNS[form](model, rows, tmp_path)
    check_outputs(model, rows, outputs)


@pytest.mark.parametrize("form", FORMATS)
def test_values_with_limits(form, tmp_path):
    table = {name: cells for name, cells in customers(300).items() if name != "left"}
    table["cost"] = [1e4 + 250.3 * visits for visits in table["visits"]]
    model = members_of(table, "cost")
    target = model.preprocessor.target
    low, high = np.quantile(model.predict(table), [0.2, 0.8])
    model.preprocessor.target = replace(target, limits=((float(low), float(high)),))
    rows = as_table(table).drop(["cost"])
    outputs, answers = RUNS[form](model, rows, tmp_path)
    check_outputs(model, rows, outputs)
    values = np.asarray(outputs if form != "py" else answers).ravel()
    assert values.min() == low and values.max() == high


@pytest.mark.parametrize("form", FORMATS)
def test_levels_that_a_member_does_not_have(form, tmp_path):
    # Each third of the rows has a level of its own, so that each member lacks one.
    n = 90
    table = {
        "color": [("red", "green", "blau")[k % 3] if k % 5 else None for k in range(n)],
        "code": [100 + k % 3 if k % 7 else None for k in range(n)],
        "y": [("no", "yes")[k // 2 % 2] for k in range(n)],
    }
    data = as_table(table)
    code = data["code"]
    levels = [100, 101, 102]
    codes = np.where(code.missing, -1, np.nan_to_num(code.values) - 100).astype(int)
    data = Table([data["color"], Column("code", "category", codes, levels), data["y"]])
    model = members_of(data, "y")
    assert {len(each.feature_names) for each in model.preprocessors} < {4, 5, 6, 7, 8}
    outputs, answers = RUNS[form](model, data.drop(["y"]), tmp_path)
    check_outputs(model, data.drop(["y"]), outputs)
    assert list(answers) == model.predict(data).tolist()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("is_text", [True, False])
def test_many_levels_are_looked_up(form, is_text, tmp_path):
    n, n_levels = 2000, 700
    rng = np.random.default_rng(0)
    codes = rng.integers(0, n_levels, n)
    numbers = sorted(set(rng.integers(-(10**9), 10**9, 2 * n_levels).tolist()))[:n_levels]
    levels = [f"größe {k}" for k in rng.permutation(n_levels)] if is_text else numbers
    column = Column("c", "category", codes, levels)
    data = Table([column, Column("y", "number", np.sin(codes))])
    model = bp.Model((2,), seed=0).fit(data, "y", epochs=1, progress=False)
    rows = Table([Column("c", "category", [*range(n_levels), -1], levels)])
    outputs, _ = RUNS[form](model, rows, tmp_path)
    check_outputs(model, rows, outputs)
    (file,) = (path for path in tmp_path.glob("model.*") if path.suffix != ".so")
    assert file.stat().st_size < 200 * n_levels


@needs_cc
def test_float_only(tmp_path):
    from subprocess import run

    from table_files import CC, FLAGS

    model = members_of(customers(300), "left", temperature=1.3)
    model.export(tmp_path / "model.c", float_only=True)
    text = (tmp_path / "model.c").read_text()
    assert "double" not in text.split("#ifdef MODEL_SELF_TEST")[0].split("*/", 1)[1]
    build = [CC, *FLAGS, "-Wdouble-promotion", "-DMODEL_SELF_TEST", "model.c", "-lm", "-o", "self"]
    run([*build[:-2], "-o", "self"], cwd=tmp_path, check=True)
    test = run([tmp_path / "self"], capture_output=True, text=True)
    assert test.returncode == 0 and test.stdout.startswith("0 of"), test.stdout


def test_two_levels_with_one_text(tmp_path):
    table = {"c": [1, "1", 2, "b"] * 5, "y": ["no", "yes"] * 10}
    data = as_table({"y": table["y"]})
    column = Column("c", "category", [0, 1, 2, 3] * 5, [1, "1", 2, "b"])
    model = bp.Model((2,), seed=0).fit(Table([column, data["y"]]), "y", **QUICK)
    for suffix in ("c", "onnx"):
        with pytest.raises(ValueError, match="cannot tell the level 1 from '1'"):
            model.export(tmp_path / f"model.{suffix}")
    rows = Table([column])
    outputs, _ = RUNS["py"](model, rows, tmp_path)
    check_outputs(model, rows, outputs)


@pytest.mark.parametrize("form", ["py", "onnx"])
@settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_table(form, data, tmp_path_factory):
    table = data.draw(tables(min_rows=6))
    y = Column("y", "category", np.arange(len(table)) // 2 % 2, ("no", "yes"))
    model = members_of(Table([*table, y]), "y", temperature=data.draw(st.sampled_from([1.0, 0.5])))
    if form == "onnx" and {"label", "probabilities"} & set(model.preprocessor.columns):
        return
    outputs, _ = RUNS[form](model, table, tmp_path_factory.mktemp("any"))
    check_outputs(model, table, outputs)


@pytest.mark.parametrize("encodings", [("plain",), ("bins",), ("plain", "bins")], ids=str)
@pytest.mark.parametrize("kind", [bp.TabularClassifier, bp.TabularRegressor])
@pytest.mark.parametrize("form", FORMATS)
def test_tabular_estimators(form, kind, encodings, tmp_path):
    """Bins of numbers, target codes of many levels, weights, a temperature and limits."""
    table = customers(300)
    rng = np.random.default_rng(0)
    table["shop"] = [f"shop {k}" for k in rng.integers(0, 30, 300)]
    table["age"] = [None if age != age else age for age in table["age"]]
    target = table.pop("left")
    if kind is bp.TabularRegressor:
        target = [
            visits + age for visits, age in zip(table["visits"], rng.normal(size=300), strict=True)
        ]
    settings = {"max_one_hot": 10, "hidden": (8, 8), "epochs": 3, "n_members": 2, "min_updates": 5}
    settings["encodings"] = encodings
    estimator = kind(settings=settings, random_state=0).fit(table, target)
    model = estimator.model_
    encoders = {encoder.label for each in model.preprocessors for encoder in each.encoders}
    assert "codes" in encoders and ("piecewise" in encoders) == ("bins" in encodings)
    rows = as_table({name: cells[:60] for name, cells in table.items()})
    outputs, answers = RUNS[form](model, rows, tmp_path)
    check_outputs(model, rows, outputs)
    if kind is bp.TabularClassifier:
        assert list(answers) == estimator.predict(rows).tolist()
