"""Members with preparations and weights of their own, a temperature, and limits of values."""

import copy
import pickle
from dataclasses import replace

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.data import Preprocessor, as_table
from backprop_rs.model import model_of_members
from tables import customers

QUICK = {"epochs": 3, "progress": False}


def members(n=3):
    """Return models that have learned from different rows, with one encoder of the target."""
    table = as_table(customers(300))
    whole = Preprocessor("left").fit(table)
    models = []
    for k in range(n):
        rows = np.arange(300) // 3 % n != k
        model = bp.Model((8,), seed=k).fit(table.take(rows), "left", **QUICK)
        model.preprocessor.target = whole.target
        models.append(model)
    return whole, models


def combined(weights=None, temperature=1.0):
    whole, models = members()
    return models, model_of_members(
        whole,
        [model.networks[0] for model in models],
        [model.preprocessor for model in models],
        weights,
        temperature,
    )


def new_rows(n=30):
    table = customers(n, seed=5)
    del table["left"]
    return table


def test_weighted_average_of_members():
    weights = (0.5, 0.3, 0.2)
    models, model = combined(weights)
    parts = [each.predict_proba(new_rows()).astype(float) for each in models]
    expected = sum(weight * part for weight, part in zip(weights, parts, strict=True))
    np.testing.assert_array_equal(model.predict_proba(new_rows()), expected.astype("float32"))
    for k, each in enumerate(models):
        alone = model.member_outputs(k, new_rows())
        assert alone.tobytes() == each.predict_proba(new_rows()).tobytes()


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_temperature_is_a_power(temperature):
    _, plain = combined()
    _, model = combined(temperature=temperature)
    p = plain.predict_proba(new_rows()).astype(float)
    q = np.exp(np.log(p) / temperature)
    np.testing.assert_allclose(
        model.predict_proba(new_rows()), q / q.sum(axis=1, keepdims=True), rtol=2e-6)  # fmt: skip
    assert model.predict(new_rows()).tolist() == plain.predict(new_rows()).tolist()


def test_temperature_of_labels_is_that_of_each():
    x = np.linspace(-1, 1, 40)
    table = {"x": x, "p": x > 0, "q": x > 0.5}
    model = bp.Model((8,), seed=0).fit(table, ["p", "q"], epochs=20, progress=False)
    p = model.predict_proba({"x": x}).astype(float)
    model.temperature = 2.0
    logit = np.log(p / (1 - p)) / 2
    np.testing.assert_allclose(model.predict_proba({"x": x}), 1 / (1 + np.exp(-logit)), rtol=1e-5)


def test_extreme_probabilities_stay_probabilities():
    from backprop_rs._internal.averages import tempered

    p = np.array([[1.0, 0.0], [1e-38, 1 - 1e-7], [0.5, 0.5]], np.float32)
    for temperature in (0.01, 100.0):
        q = tempered(p, temperature)
        assert np.isfinite(q).all()
        np.testing.assert_allclose(q.sum(axis=1), 1, rtol=1e-6)
        assert np.isfinite(tempered(p, temperature, several=True)).all()


@pytest.mark.parametrize("again", ["save", "pickle", "copy"])
def test_members_are_kept(again, tmp_path):
    _, model = combined((0.5, 0.3, 0.2), 1.5)
    expected = model.predict_proba(new_rows()).tobytes()
    if again == "save":
        model.save(tmp_path / "m.safetensors")
        other = bp.load(tmp_path / "m.safetensors")
    elif again == "pickle":
        other = pickle.loads(pickle.dumps(model))
    else:
        other = copy.deepcopy(model)
    assert other.predict_proba(new_rows()).tobytes() == expected
    assert (other.weights, other.temperature) == ((0.5, 0.3, 0.2), 1.5)


def test_levels_unknown_to_all_are_counted_once():
    _, model = combined()
    rows = new_rows() | {"city": ["Madrid"] * 30}
    with pytest.warns(UserWarning, match="30 cells hold levels") as warned:
        model.predict(rows)
    assert len(warned) == 1


def test_explain_uses_the_preparation_of_the_member():
    models, model = combined()
    row = {name: cells[0] for name, cells in customers().items()}
    for k, each in enumerate(models):
        alone, within = (
            each.explain(row, max_neurons=2),
            model.explain(row, member=k, max_neurons=2),
        )
        for title in ("from cells", "forward", "backward", "update"):
            assert str(within.part(title)) == str(alone.part(title))


def test_values_are_cut_off_at_the_limits(tmp_path):
    x = np.linspace(0, 1, 50)
    model = bp.Model((8,), seed=0).fit({"x": x, "y": 10 * x}, "y", epochs=300, progress=False)
    target = model.preprocessor.target
    model.preprocessor.target = replace(target, limits=((2.0, 7.0),))
    answers = model.predict({"x": [0.0, 0.5, 1.0]})
    assert answers[0] == 2 and answers[2] == 7 and answers[1] == pytest.approx(5, abs=0.5)
    error = np.sqrt(np.mean((model.predict({"x": x}) - 10 * x) ** 2))
    assert model.evaluate({"x": x, "y": 10 * x})["rmse"] == pytest.approx(error, rel=1e-9)
    model.save(tmp_path / "m.safetensors")
    assert bp.load(tmp_path / "m.safetensors").predict({"x": x}).tobytes() == (
        model.predict({"x": x}).tobytes())  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), [
    ({"weights": (0.5, 0.5)}, "weights must sum to 1"),
    ({"weights": (0.5, 0.5, 0.5)}, "weights must sum to 1"),
    ({"weights": (1.5, -0.5, 0.0)}, "weights must be"),
    ({"temperature": 0.0}, "temperature must be > 0"),
])  # fmt: skip
def test_parts_must_fit(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        combined(**change)


def test_a_preparation_must_fit_its_network():
    whole, models = members(2)
    networks = [model.networks[0] for model in models]
    with pytest.raises(ValueError, match="a preparation for each"):
        model_of_members(whole, networks, [models[0].preprocessor])
    other = Preprocessor("left", ignore=["age"]).fit(as_table(customers(300)))
    with pytest.raises(ValueError, match="do not fit"):
        model_of_members(whole, networks, [other, other])
