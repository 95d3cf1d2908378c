"""Situations of people with tables, from the table to the answer of a `Model`."""

import warnings

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.data import read_csv
from table_files import FORMATS, RUNS

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from backprop_rs.sklearn import MLPClassifier  # noqa: E402

QUICK = {"epochs": 5, "progress": False}


# Frames of floats and bools, as get_dummies gives them, and of nullable dtypes.


def plain_frame():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"size": rng.normal(size=60), "city": rng.choice(["Bonn", "Köln", "Ulm"], 60)}
    )
    return pd.get_dummies(frame), np.arange(60) % 2


FRAMES = {
    "dummies": lambda frame: frame,
    "nullable": lambda frame: frame.convert_dtypes(),
    "Float64": lambda frame: frame.astype("Float64"),
    "Float32 of integers": lambda frame: frame.round().astype("Float32"),
    "arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_any_dtype_of_the_same_numbers_gives_the_same_bits(kind):
    frame, y = plain_frame()
    if kind == "Float32 of integers":
        frame = frame.round()
    other = FRAMES[kind](frame)
    expected = frame.to_numpy(float)
    assert bp.data.Dataset(other, y).X.astype(float).tobytes() == expected.tobytes()
    for make in (
        lambda X, target: bp.Network([4, 8, 2], output="softmax", cost="cross_entropy", seed=0),
        lambda X, target: MLPClassifier((8,), max_iter=5, random_state=0),
    ):
        answers = []
        for X, target in ((expected, y), (other, y), (other, pd.Series(y, dtype="Int64"))):
            estimator = make(X, target)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", category=UserWarning)  # not converged, names
                if isinstance(estimator, bp.Network):
                    estimator.fit(X, target, **QUICK)
                    answers.append(estimator.predict(X))
                else:
                    estimator.fit(np.asarray(X) if X is expected else X, target)
                    answers.append(estimator.predict_proba(X))
        assert len({answer.tobytes() for answer in answers}) == 1


@pytest.mark.parametrize("target", ["Int64", "boolean", "category", "int64[pyarrow]", "str"])
def test_a_model_of_dummies_takes_any_target(target):
    frame, y = plain_frame()
    values = pd.Series(y).astype(bool) if target == "boolean" else pd.Series(y)
    answers = pd.Series(values.map(str) if target == "str" else values).astype(target)
    model = bp.Model((4,), seed=0).fit(frame.convert_dtypes(), answers, **QUICK)
    plain = bp.Model((4,), seed=0).fit(frame, y, **QUICK)
    assert model.predict_proba(frame).tobytes() == plain.predict_proba(frame).tobytes()
    assert set(map(str, model.predict(frame).tolist())) <= set(map(str, answers.tolist()))


# Classes called None and NA.


@pytest.mark.parametrize(("words", "column"), [
    (["None", "Apnea", "Insomnia"], "target"), (["NA", "EU", "AS"], "feature"),
])  # fmt: skip
@pytest.mark.parametrize("form", FORMATS)
def test_classes_called_none_are_kept(form, words, column, tmp_path):
    rows = [(k % 3, words[k % 3], k) for k in range(30)]
    lines = [f"{k},{words[k % 3]},{'no' if k % 2 else 'yes'}" for _, _, k in rows]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["x,word,answer", *lines]))
    table = read_csv(path, missing_values=[])
    target = "word" if column == "target" else "answer"
    model = bp.Model((4,), seed=0).fit(table, target, epochs=200, progress=False)
    names = model.classes if column == "target" else model.preprocessor.encoders[1].levels
    assert names == tuple(sorted(words))
    rows = table.drop([target]).select(model.preprocessor.columns)
    _, answers = RUNS[form](model, rows, tmp_path)
    assert list(answers) == model.predict(rows).tolist()
    assert column == "feature" or words[0] in answers


def test_a_missing_class_is_said_with_what_settles_it(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("x,disorder\n" + "1,None\n2,Apnea\n3,Insomnia\n" * 5)
    with pytest.raises(ValueError, match="'disorder' must have no missing cells; 5 of 15"):
        bp.Model((4,), seed=0).fit(path, "disorder", **QUICK)
    notes = read_csv(path).notes
    assert any("'None' (5 cells)" in note for note in notes)
    frame = pd.DataFrame({"x": [1, 2, 3] * 5, "disorder": ["None", "Apnea", "Insomnia"] * 5})
    model = bp.Model((4,), seed=0).fit(frame, "disorder", **QUICK)
    assert model.classes == ("Apnea", "Insomnia", "None")


# Columns called 1, 2, 3, 4.


def test_the_column_called_1_is_the_target():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 4)), columns=[1, 2, 3, 4])
    frame[1] = np.arange(60) % 2
    named = frame.rename(columns=str)
    expected = bp.Model((4,), seed=0).fit(named, "1", **QUICK)
    for target in (1, "1", np.int64(1)):
        model = bp.Model((4,), seed=0).fit(frame, target, **QUICK)
        assert model.preprocessor.columns == ("2", "3", "4") and model.classes == (0, 1)
        assert model.predict_proba(frame).tobytes() == expected.predict_proba(named).tobytes()
    model = bp.Model((4,), seed=0).fit(frame, 4, ignore=[2], **QUICK)
    assert model.preprocessor.target_names == ("4",)
    assert model.preprocessor.columns == ("1", "3")
    with pytest.raises(ValueError, match="target must name columns of the data"):
        bp.Model((4,), seed=0).fit(frame, 0, **QUICK)


# XOR that stays at 0.5.


@pytest.mark.parametrize("hidden", [2, 4])
def test_xor_that_learns_nothing_is_diagnosed(hidden):
    X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), [0, 1, 1, 0]
    net = bp.Network([2, hidden, 1], seed=0)
    assert net.check_gradients(X, y).passed
    net.fit(X, y, epochs=300, learning_rate=0.1, optimizer="sgd", batch_size=4, progress=False)
    assert (abs(net.predict(X) - 0.5) < 0.05).all()
    assert "no better than constant" in [finding.title for finding in net.diagnose(X, y)]
    tanh = bp.Network([2, 4, 1], "tanh", seed=0)
    tanh.fit(X, y, epochs=2000, learning_rate=1.0, optimizer="sgd", batch_size=4, progress=False)
    assert (tanh.predict(X).round()[:, 0] == y).all()
    titles = [finding.title for finding in tanh.diagnose(X, y)]
    assert "no better than constant" not in titles
