"""The preparation of a table: features, targets, streams and reports."""

import datetime as dt
import json
import warnings

import numpy as np
import pytest
from backprop_rs.data import Column, Preprocessor, Table, TableStream, as_table, source
from backprop_rs.data.scalers import SCALERS
from backprop_rs.data.value_counts import ValueCounts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tables import customers, tables

NAN = float("nan")


def features(data, **options):
    """Return the features of a table by name, fitted on itself."""
    preprocessor = Preprocessor(**options).fit(data)
    X = preprocessor.transform(data, "float64")
    return dict(zip(preprocessor.feature_names, X.T.tolist(), strict=True))


def test_numbers_are_robust_and_the_median_fills():
    x = [1.0, 2.0, 3.0, 4.0, 100.0, NAN]
    result = features({"x": x})
    z = (np.array([1, 2, 3, 4, 100, 3.0]) - 3) / 2  # the quartiles are 2 and 4
    assert result["x"] == (z / np.sqrt(1 + (z / 3) ** 2)).tolist()
    assert result["x is missing"] == [0, 0, 0, 0, 0, 1]


def test_equal_quartiles_give_half_of_the_range():
    x = features({"x": [0.0] * 9 + [1.0]})["x"]
    assert x[-1] == pytest.approx(2 / np.sqrt(1 + 4 / 9), rel=1e-15)


def test_standard():
    assert features({"x": [0.0, 4.0]}, scaling="standard")["x"] == [-1, 1]


def test_time_stamps_keep_their_seconds():
    """Float32 would leave 4 of 400 different values."""
    seconds = 1_700_000_000 + np.arange(400)
    preprocessor = Preprocessor().fit({"t": seconds})
    X = preprocessor.transform({"t": seconds})
    assert X.dtype == np.float32 and len(np.unique(X)) == 400
    shifted = Preprocessor().fit({"t": np.arange(400)}).transform({"t": np.arange(400)})
    assert X.tobytes() == shifted.tobytes()


@pytest.mark.parametrize("scaling", SCALERS)
def test_huge_and_tiny_numbers_stay_finite(scaling):
    x = [1.7e308, -1.7e308, 5e-324, 0.0, 1.0]
    preprocessor = Preprocessor(scaling=scaling).fit({"x": x})
    assert np.isfinite(preprocessor.transform({"x": x})).all()


def test_categories():
    result = features({"c": ["red", "blue", "green"]})
    assert result == {"c=blue": [0, 1, 0], "c=green": [0, 0, 1], "c=red": [1, 0, 0]}
    assert features({"c": ["no", "yes", "no"]}) == {"c=yes": [-1, 1, -1]}
    assert features({"c": [True, False]}) == {"c": [1, -1]}
    assert features({"c": ["a", None, "b"]}) == {"c=b": [-1, 0, 1], "c is missing": [0, 1, 0]}
    assert features({"c": [3, 20, 100]}, kinds={"c": "category"}) == {
        "c=3": [1, 0, 0], "c=20": [0, 1, 0], "c=100": [0, 0, 1]
    }  # fmt: skip


def test_unknown_levels_are_neutral_and_counted():
    preprocessor = Preprocessor().fit({"c": ["a", "b", "c"], "d": ["x", "y", "x"]})
    new = {"c": ["q", "a", "q"], "d": ["x", "z", None]}
    with pytest.warns(UserWarning, match=r"3 cells hold levels .* 2 in 'c' \(such as 'q'\), 1 in"):
        X = preprocessor.transform(new)
    assert X.tolist() == [[0, 0, 0, -1], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_dates():
    days = [dt.datetime(2024, 1, 31, 6), dt.datetime(2024, 3, 1, 6), dt.datetime(2024, 1, 1, 6)]
    result = features({"d": days})
    assert list(result) == [
        *("d (month, sine)", "d (month, cosine)", "d (day, sine)", "d (day, cosine)"),
        *("d (weekday, sine)", "d (weekday, cosine)", "d (seconds)"),
    ]
    assert result["d (month, sine)"] == pytest.approx([0, np.sin(2 * np.pi * 2 / 12), 0])
    weekdays = np.array([2, 4, 0])  # Wednesday, Friday, Monday
    assert result["d (weekday, cosine)"] == pytest.approx(np.cos(2 * np.pi * weekdays / 7).tolist())
    assert list(features({"d": days}, date_parts=["seconds"])) == ["d (seconds)"]


def test_missing_dates():
    result = features({"d": [dt.date(2020, 1, 1), None, dt.date(2022, 1, 1), dt.date(2021, 1, 1)]})
    assert result["d is missing"] == [0, 1, 0, 0]
    assert result["d (year)"][1] == result["d (year)"][3] == 0


def test_dates_may_be_texts_at_prediction():
    preprocessor = Preprocessor().fit({"d": [dt.date(2020, 1, 1), dt.date(2022, 5, 1)]})
    same = preprocessor.transform({"d": ["2020-01-01", "2022-05-01"]})
    assert same.tobytes() == preprocessor.transform(
        {"d": [dt.date(2020, 1, 1), dt.date(2022, 5, 1)]}).tobytes()  # fmt: skip


def test_columns_go_by_name():
    preprocessor = Preprocessor("y").fit({"a": [1, 2], "b": ["p", "q"], "y": [0.5, 1.5]})
    X = preprocessor.transform({"b": ["q"], "a": [2]})
    assert X.tobytes() == preprocessor.transform({"a": [2], "b": ["q"], "y": [1.5]}).tobytes()
    with pytest.warns(UserWarning, match="did not have are not used: 'z'"):
        assert X.tobytes() == preprocessor.transform({"z": [1], "b": ["q"], "a": [2]}).tobytes()
    with pytest.raises(ValueError, match=r"the columns of the training \('a', 'b'\); it lacks 'b'"):
        preprocessor.transform({"a": [2]})
    with pytest.raises(TypeError, match=r"column 'a' must hold numbers, .* got categories such as"):
        preprocessor.transform({"a": ["x"], "b": ["q"]})


def test_integer_names_of_pandas_are_names():
    pd = pytest.importorskip("pandas")
    pytest.importorskip("narwhals")
    frame = pd.DataFrame({1: [0, 1, 0, 1], 2: [5, 6, 7, 8], 3: [2, 3, 4, 5], 4: [1, 0, 1, 1]})
    preprocessor = Preprocessor(1).fit(frame)
    assert preprocessor.columns == ("2", "3", "4")
    assert preprocessor.classes == (0, 1)


def test_plain_arrays():
    X = np.array([[1.0, 5.0], [2.0, 5.0], [4.0, 6.0]])
    preprocessor = Preprocessor().fit(X)
    assert preprocessor.columns == ("x0", "x1")
    named = Preprocessor().fit({"a": X[:, 0], "b": X[:, 1]})
    assert named.transform(X).tobytes() == preprocessor.transform(X).tobytes()


@pytest.mark.parametrize(("target", "kind", "classes", "dtype"), [
    (["a", "b", "a"], "classes", ("a", "b"), "<U1"),
    ([5, 15, 5, 15], "classes", (5, 15), "int64"),
    (np.array([1, 2, 1, 2], np.uint8), "classes", (1, 2), "uint8"),
    ([True, False], "classes", (False, True), "bool"),
    ([1.0, 2.0, 1.0, 2.0], "classes", (1.0, 2.0), "float64"),
    ([1.5, 2.5, 7.0], "values", (), "float64"),
    ([1, 2, 3, 4], "values", (), "float64"),
    (np.array([1.5, 2.5], np.float32), "values", (), "float32"),
])  # fmt: skip
def test_targets_come_back_in_their_own_type(target, kind, classes, dtype):
    table = {"a": np.arange(len(target)), "y": target}
    preprocessor = Preprocessor("y").fit(table)
    assert preprocessor.target.kind == kind
    assert [*map(type, preprocessor.classes)] == [*map(type, classes)]
    assert preprocessor.classes == classes
    y = preprocessor.transform_target(table)
    outputs = np.eye(len(classes))[y] if kind == "classes" else y
    answers = preprocessor.inverse_transform(outputs)
    assert answers.dtype == dtype
    np.testing.assert_allclose(answers, target) if kind == "values" else None
    assert kind == "values" or answers.tolist() == list(target)


def test_several_labels_and_values():
    table = {"a": [1, 2, 3], "p": [True, False, True], "q": [0, 0, 1], "r": [0.5, 1.5, 9]}
    labels = Preprocessor(["p", "q"]).fit(table)
    assert labels.target.kind == "labels"
    assert labels.transform_target(table).tolist() == [[1, 0], [0, 0], [1, 1]]
    values = Preprocessor(["q", "r"]).fit(table)
    assert values.target.kind == "values"
    y = values.transform_target(table)
    assert values.inverse_transform(y) == pytest.approx(np.array([[0, 0.5], [0, 1.5], [1, 9]]))


@pytest.mark.parametrize(("data", "options", "sentence"), [
    ({"a": [1, 2], "y": ["p", "p"]}, {"target": "y"}, "'y' must have at least 2 classes; all 2"),
    ({"a": [1, 2], "y": ["p", None]}, {"target": "y"}, "'y' must have no missing cells; 1 of 2"),
    ({"a": [1, 2], "y": ["p", "q"]}, {"target": "y", "classes": False}, "classes=False needs"),
    ({"a": [1, 2]}, {"target": "y"}, "target must name columns of the data .* got 'y'"),
    ({"a": [1, 2]}, {"ignore": ["z"]}, "ignore must name columns"),
    ({"a": [1, 1], "b": [None, None]}, {}, "no column is left for the features"),
    ({"a": [1, float("inf")]}, {}, "row 1 .*, column 'a': a number must be finite; got inf"),
    ({"a": ["0,5", "1,5"]}, {}, "column 'a' holds texts such as '0,5', which look like numbers wi"),
    ({"a": ["1:2", "1:3"]}, {}, "look like cells of a LIBSVM file"),
    ({"a": [f"n{k}" for k in range(50)]}, {}, "holds 50 different texts in 50 rows, too many"),
    ({"a": [f"2024-01-{k:02}" for k in range(1, 31)]}, {}, "look like dates: give kinds={'a': 'da"),
    ({"a": np.zeros(0)}, {}, "data must have at least one row"),
    ({"a": [1, 2]}, {"scaling": "log"}, "scaling must be one of robust, standard, quantile, none"),
    ({"a": [1, 2]}, {"scaling": ["none"]}, r"scaling must be one of .*; got \['none'\]"),
    ({"a": [1, 2]}, {"target_scaling": "log"}, "target_scaling must be one of standard, none; got"),
    ({"a": [1, 2]}, {"kinds": {"a": "text"}}, "kinds must be of number"),
    ({"a": [1, 2]}, {"date_parts": ["minute"]}, "date_parts must be auto or of year"),
    ({"a": ["x", "y"]}, {"kinds": {"a": "number"}}, "column 'a' must hold numbers"),
])  # fmt: skip
def test_mistakes(data, options, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        Preprocessor(**options).fit(data)


def test_texts_in_disguise_are_never_categories_in_silence():
    with pytest.warns(UserWarning, match="'zip' holds texts that look like numbers, such as '10'"):
        Preprocessor().fit({"zip": ["10", "20", "10"]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert features({"zip": ["10", "20"]}, kinds={"zip": "category"}) == {"zip=20": [-1, 1]}
        assert features({"n": ["0", "4"]}, kinds={"n": "number"}, scaling="standard")["n"] == [
            -1,
            1,
        ]
        assert "d (year)" in features(
            {"d": ["2020-01-01", "2021-01-01"]}, kinds={"d": "datetime"})  # fmt: skip


def test_none_and_na_as_texts_are_classes():
    preprocessor = Preprocessor("y").fit({"a": [1, 2, 3], "y": ["None", "NA", "EU"]})
    assert preprocessor.classes == ("EU", "NA", "None")


def test_a_class_of_new_rows_must_be_known():
    preprocessor = Preprocessor("y").fit({"a": [1, 2], "y": ["p", "q"]})
    with pytest.raises(ValueError, match=r"row 1 .*, column 'y': class 'r' is not one of 'p', 'q'"):
        preprocessor.transform_target({"y": ["p", "r"]})
    with pytest.raises(ValueError, match=r"row 0 .*, column 'y': the cell is missing"):
        preprocessor.transform_target({"y": [None, "p"]})


def test_report():
    report = Preprocessor("left", ignore=["joined"]).fit(customers()).report()
    lines = {line.name: line for line in report}
    assert list(lines) == ["age", "city", "visits", "member", "left"]
    assert (lines["age"].n_missing, lines["city"].n_distinct, lines["city"].n_features) == (
        19,
        3,
        4,
    )
    assert "<td>city</td><td>category</td>" in report._repr_html_()
    assert str(report).splitlines()[0].split() == [
        *("column", "kind", "missing", "distinct", "features", "remarks")
    ]


def test_the_report_remarks_what_is_odd():
    n = 300
    table = {
        "id": np.arange(n),
        "one": ["x"] * n,
        "none": [None] * n,
        "age": [-999.0 if k == 7 else 20.0 + k % 50 for k in range(n)],
        "far": [1e9 if k == 7 else float(k % 7) for k in range(n)],
        "rare": ["b" if k == 7 else "a" for k in range(n)],
        "gone": [1.5 * k if k < 9 else None for k in range(n)],
    }
    remarks = {line.name: "; ".join(line.remarks) for line in Preprocessor().fit(table).report()}
    assert remarks == {
        "id": "all values differ: an identifier?",
        "one": "constant",
        "none": "no value: not used",
        "age": "-999 may stand for missing",
        "far": "extreme values, from 0 to 1e+09",
        "rare": "'a' in 299 of 300 rows",
        "gone": "mostly missing",
    }


def test_names_are_escaped():
    preprocessor = Preprocessor().fit({"<b>": [1, 2], "\x1b[2J": [1, 2]})
    assert "<b>" not in preprocessor._repr_html_()
    assert "\x1b" not in str(preprocessor.report()) + repr(preprocessor)


def test_an_array_source_gives_the_same_bits():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 3))
    X[:, 2] *= 1e9
    y = (X[:, 0] > 0).astype(int)
    samples = source(X, y)
    samples.chunk_bytes = 1000
    memory = Preprocessor("y").fit({"x0": X[:, 0], "x1": X[:, 1], "x2": X[:, 2], "y": y})
    streamed = Preprocessor("y").fit(samples)
    assert streamed.to_dict() == memory.to_dict()
    blocks = list(memory.source(samples).blocks(100))
    assert b"".join(block.X.tobytes() for block in blocks) == memory.transform(X).tobytes()
    assert np.concatenate([block.y for block in blocks]).tolist() == y.tolist()


def test_a_changed_dictionary_is_refused():
    values = Preprocessor("y").fit({"a": [1.0, 2.0], "y": ["p", "q"]}).to_dict()
    for change in ({"version": 2}, {"encoders": [{"label": "x"}]}, {"columns": []}, {"target": 3}):
        with pytest.raises(ValueError, match=r"must be|cannot be used"):
            Preprocessor.from_dict(values | change)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40),
       st.integers(2, 8), st.randoms(use_true_random=False))  # fmt: skip
def test_counts_depend_on_the_values_alone(values, max_values, random):
    whole = ValueCounts(max_values=max_values)
    whole.add(np.array(values))
    parts = ValueCounts(max_values=max_values)
    random.shuffle(values)
    for k in range(0, len(values), 3):
        parts.add(np.array(values[k : k + 3]))
    assert (whole.shift, whole.keys.tolist(), whole.counts.tolist()) == (
        parts.shift, parts.keys.tolist(), parts.counts.tolist()
    )  # fmt: skip
    assert (whole.mean(), whole.deviation()) == (parts.mean(), parts.deviation())
    assert whole.n_distinct <= max_values


def test_the_sign_of_zero_does_not_depend_on_the_order():
    for values in ([0.0, -0.0, 2.0], [-0.0, 2.0, 0.0], [-2.0, -0.0]):
        counts = ValueCounts()
        counts.add(np.array(values))
        assert {f"{x}" for x in (counts.min, counts.max)} <= {"0.0", "2.0", "-2.0"}


JUNK = [None, -1, "x", [], {}, float("inf"), float("nan"), 2**70, True, [1, "a"], ["x", "x"]]


def changed(value):
    """Yield values with one part exchanged for junk or left out."""
    yield from JUNK
    if isinstance(value, dict):
        for key, part in value.items():
            yield {other: each for other, each in value.items() if other != key}
            for each in changed(part):
                yield value | {key: each}
    if isinstance(value, list) and value:
        yield value[1:]
        for each in changed(value[0]):
            yield [each, *value[1:]]


@pytest.mark.parametrize("scaling", ["robust", "quantile"])
def test_no_dictionary_does_harm(scaling):
    """It is refused by a ValueError, or the preprocessor works or says what is missing."""
    table = customers(30)
    whole = Preprocessor("left", scaling=scaling).fit(table).to_dict()
    accepted = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for values in changed(json.loads(json.dumps(whole))):
            try:
                other = Preprocessor.from_dict(values)
            except ValueError:
                continue
            try:
                X = other.transform(table)
                assert X.shape == (30, len(other.feature_names))
                accepted += 1
            except (ValueError, TypeError) as error:
                assert str(error)
    assert accepted > 10


# NumPy squares deviations as they are, which underflow below 1e-160.
MODERATE = st.floats(-1e6, 1e6).map(lambda x: x if abs(x) > 1e-100 else 0.0)


@given(st.lists(MODERATE, min_size=1, max_size=40), st.floats(0, 1))
def test_quantiles_are_those_of_numpy(values, share):
    counts = ValueCounts()
    counts.add(np.array(values))
    scale = max(map(abs, values)) + 1e-300
    assert counts.quantile(share) == pytest.approx(np.quantile(values, share), abs=scale * 1e-14)
    assert counts.mean() == pytest.approx(np.mean(values), abs=scale * 1e-14)
    assert counts.deviation() == pytest.approx(np.std(values), abs=scale * 1e-7)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from(sorted(SCALERS)))
def test_any_table(data, scaling):
    """Streams, order of rows and columns, batch position and JSON do not matter."""
    table = data.draw(tables())
    options = {"scaling": scaling, "kinds": {}}
    whole = Preprocessor(**options).fit(table)
    order = data.draw(st.permutations(range(len(table))))
    parts = [table.take(order[k : k + 2]) for k in range(0, len(order), 2)]
    streamed = Preprocessor(**options).fit(TableStream(parts))
    assert streamed.to_dict() == whole.to_dict()
    again = Preprocessor.from_dict(json.loads(json.dumps(whole.to_dict())))
    X = whole.transform(table)
    assert np.isfinite(X).all() and X.shape == (len(table), len(whole.feature_names))
    assert again.transform(table).tobytes() == X.tobytes()
    names = data.draw(st.permutations(table.names))
    shuffled = table.take(order).select(names)
    assert whole.transform(shuffled).tobytes() == X[list(order)].tobytes()
    row = data.draw(st.integers(0, len(table) - 1))
    assert whole.transform(table.take([row])).tobytes() == X[row].tobytes()


def test_a_boolean_with_missing_cells_may_come_as_numbers():
    preprocessor = Preprocessor().fit({"a": [True, False, True]})
    X = preprocessor.transform(Table([Column("a", "number", [1.0, NAN, 0.0])]))
    assert X.tolist() == [[1], [0], [-1]]


def test_frames_and_dictionaries_give_the_same_bits():
    pd = pytest.importorskip("pandas")
    pytest.importorskip("narwhals")
    table = customers()
    whole = Preprocessor("left").fit(table)
    frame = pd.DataFrame(table)
    assert Preprocessor("left").fit(frame).to_dict() == whole.to_dict()
    assert whole.transform(frame).tobytes() == whole.transform(as_table(table)).tobytes()
