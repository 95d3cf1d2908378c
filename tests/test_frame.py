"""Data frames of pandas, polars and pyarrow."""

import sys

import numpy as np
import pytest
from backprop_rs.data import Dataset, from_frame, standardize

pytest.importorskip("narwhals")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

COLUMNS = {
    "a": [1, None, 3, 4],
    "color": ["red", "blue", None, "red"],
    "on": [True, False, True, True],
    "y": [1.5, 2.5, 3.5, 4.5],
}


@pytest.fixture(params=[pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "pyarrow"])
def table(request):
    return request.param


def test_each_library_gives_the_same_data(table):
    data = from_frame(table(COLUMNS), "y", missing="drop", name="lamps")
    assert data.feature_names == ("a", "color=red", "on")
    assert data.X.tolist() == [[1, 1, 1], [4, 1, 1]]
    assert data.y.tolist() == [1.5, 4.5]
    assert data.name == "lamps"


def test_mean(table):
    data = from_frame(table(COLUMNS), missing="mean")
    assert data.feature_names == ("a", "color=blue", "color=red", "on")
    assert data.X[1, 0] == 8 / 3
    assert data.X[2, 1:3].tolist() == [1 / 3, 2 / 3]


def test_classes(table):
    with pytest.warns(UserWarning, match="target 'color' is missing in 1 of 4 rows"):
        data = from_frame(table(COLUMNS), "color", ignore=["a"], missing="drop")
    assert data.class_names == ("blue", "red")
    assert data.y.tolist() == [1, 0, 1]
    assert data.feature_names == ("on", "y")


def test_features_of_another_data_set(table):
    train = from_frame(table(COLUMNS), missing="drop")
    data = from_frame(table({"on": [False], "color": ["red"], "a": [9]}),
                      features=train.feature_names)  # fmt: skip
    assert data.X.tolist() == [[9, 1, 0]]
    assert data.y is None


def test_the_dtype_decides_what_is_text(table):
    data = from_frame(table({"a": ["1", "NA"], "y": [0.5, 1.5]}))
    assert data.feature_names == ("a=1", "a=NA")


def test_dtypes_of_pandas():
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None, 3], "Int64"),
            "kind": pd.Categorical([1, 2, 1]),
            "object": pd.Series(["x", None, "z"], dtype=object),
            "text": pd.array(["p", pd.NA, "p"], "string"),
        }
    )
    data = from_frame(frame, "kind", missing="drop")
    assert data.feature_names == ("whole", "object=x", "object=z", "text=p")
    assert data.X.tolist() == [[1, 1, 0, 1], [3, 0, 1, 1]]
    assert data.class_names == ("1",)


def test_an_integer_is_the_name_of_a_column_before_its_position():
    frame = pd.DataFrame({1: [5, 6], 2: [7, 8], 3: [0.5, 0.25], 4: [9, 10]})
    assert from_frame(frame, 1).y.tolist() == [5, 6]
    assert from_frame(frame, 4).y.tolist() == [9, 10]
    assert from_frame(frame, -2).y.tolist() == [0.5, 0.25]
    assert from_frame(frame, 3, ignore=[1]).feature_names == ("2", "4")
    plain = pd.DataFrame(np.eye(3))
    assert from_frame(plain, 0).feature_names == ("1", "2")


def test_large_values_keep_their_differences():
    frame = pd.DataFrame({"t": 1_700_000_000 + np.arange(400), "y": np.arange(400) / 8})
    for data in (from_frame(frame), Dataset(frame[["t"]])):
        assert (data.X[:, 0] == frame["t"]).all()
        assert len(np.unique(standardize(data).X.astype(np.float32))) == 400


def test_names_that_are_not_text():
    assert from_frame(pd.DataFrame(np.eye(2))).feature_names == ("0",)


def test_refuses(table):
    with pytest.raises(ValueError, match=r"row 1 \(counted from 0\), column 'a': the cell is miss"):
        from_frame(table(COLUMNS))
    with pytest.raises(ValueError, match="target must be one of a, color, on, y; got 'z'"):
        from_frame(table(COLUMNS), "z")
    with pytest.raises(TypeError, match="column 'color' must hold numbers, as features has it"):
        from_frame(table(COLUMNS), features=["color"])
    with pytest.raises(TypeError, match="column 'a' must hold numbers, booleans or text; got List"):
        from_frame(table({"a": [[1], [2]], "y": [1, 2]}) if table is not pd.DataFrame
                   else pl.DataFrame({"a": [[1], [2]], "y": [1, 2]}))  # fmt: skip
    with pytest.raises(ValueError, match="X must hold finite numbers; got inf"):
        from_frame(table({"a": [float("inf")], "y": [0.5]}))


@pytest.mark.parametrize("frame", [pl.LazyFrame({"a": [1]}), np.eye(2), [[1]], None])
def test_other_objects_are_refused(frame):
    with pytest.raises(TypeError, match="frame must be a data frame of pandas, polars or pyarrow"):
        from_frame(frame)


def test_empty_frame():
    with pytest.raises(ValueError, match=r"at least one row and column; got shape \(0, 1\)"):
        from_frame(pl.DataFrame({"a": []}))


def test_without_narwhals(monkeypatch):
    monkeypatch.setitem(sys.modules, "narwhals", None)
    with pytest.raises(ImportError, match=r"pip install narwhals"):
        from_frame(pd.DataFrame({"a": [1]}))
