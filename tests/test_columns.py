"""Columns and tables: each library, type and form of data gives the same table."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest
from backprop_rs.data import Column, Table, as_table
from backprop_rs.data.columns import NO_TIME

pytest.importorskip("narwhals")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

UTC_2 = dt.timezone(dt.timedelta(hours=2))
CELLS = {
    "integer": [1, 2, 3],
    "float": [1.5, None, 3],
    "boolean": [True, False, None],
    "text": ["x", None, "ä"],
    "time": [dt.datetime(2024, 1, 1, 5), None, dt.datetime(2025, 1, 1)],
    "date": [dt.date(2024, 1, 1), None, dt.date(1970, 1, 2)],
    "zone": [dt.datetime(2024, 1, 1, 5, tzinfo=UTC_2), None, None],
    "decimal": [Decimal("1.5"), None, Decimal(2)],
    "duration": [dt.timedelta(seconds=5), None, dt.timedelta(1)],
}
DAY = 86_400 * 10**9
HOUR = 3600 * 10**9
NAN = float("nan")
VALUES = {
    "integer": ("number", [1.0, 2.0, 3.0]),
    "float": ("number", [1.5, NAN, 3.0]),
    "boolean": ("boolean", [1, 0, -1]),
    "text": ("category", [0, -1, 1]),
    "time": ("datetime", [19_723 * DAY + 5 * HOUR, NO_TIME, 20_089 * DAY]),
    "date": ("datetime", [19_723 * DAY, NO_TIME, DAY]),
    "zone": ("datetime", [19_723 * DAY + 3 * HOUR, NO_TIME, NO_TIME]),
    "decimal": ("number", [1.5, NAN, 2.0]),
    "duration": ("number", [5.0, NAN, 86_400.0]),
}
FORMS = {
    "dictionary": lambda cells: cells,
    "rows": lambda cells: [
        dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)
    ],
    "pandas": pd.DataFrame,
    "nullable": lambda cells: pd.DataFrame(cells).convert_dtypes(),
    "pandas of pyarrow": lambda cells: pa.table(cells).to_pandas(types_mapper=pd.ArrowDtype),
    "objects": lambda cells: pd.DataFrame(cells, dtype=object),
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_table(form):
    table = as_table(FORMS[form](CELLS))
    assert table.names == tuple(CELLS)
    for name, (kind, values) in VALUES.items():
        assert (table[name].kind, table[name].values.tobytes()) == (
            kind,
            Column(name, kind, values, ("x", "ä") if kind == "category" else ()).values.tobytes(),
        ), name
    assert table["text"].levels == ("x", "ä")
    assert table["integer"].dtype == "int64"


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_column_has_only_missing_cells(form):
    column = as_table(FORMS[form]({"a": [None, None]}))["a"]
    assert column.missing.tolist() == [True, True]


def test_categories_keep_the_type_of_their_levels():
    frame = pd.DataFrame({
        "grade": pd.Categorical([3, 1, None], [3, 2, 1]),
        "range": pd.cut([1, 2, 3], [0, 2, 3]),
        4: [1, 2, 3],
    })  # fmt: skip
    table = as_table(frame)
    assert table["grade"].to_list() == [3, 1, None]
    assert table["grade"].levels == (1, 3)
    assert table["range"].levels == ("(0, 2]", "(2, 3]")
    assert table.names[-1] == "4"


def test_categories_of_chunks_are_one():
    chunks = [pa.array(cells).dictionary_encode() for cells in (["b", None], ["a", "b"])]
    assert as_table(pa.table({"a": pa.chunked_array(chunks)})).to_dict() == {
        "a": ["b", None, "a", "b"]
    }


def test_arrays():
    structured = np.array([(1, "a", 2.5)], [("n", "<i4"), ("s", "U3"), ("f", ">f4")])
    table = as_table(structured)
    assert table.to_dict() == {"n": [1], "s": ["a"], "f": [2.5]}
    assert [column.dtype for column in table] == ["int32", "float64", "float32"]
    assert as_table(np.eye(2)).to_dict() == {"x0": [1, 0], "x1": [0, 1]}
    assert as_table([[1, "a"], [2, "b"]]).to_dict() == {"x0": [1, 2], "x1": ["a", "b"]}


def test_masked_cells_are_missing():
    array = np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [0, 0]])
    assert as_table(array).to_dict() == {"x0": [1, 3], "x1": [None, 4]}


def test_a_row_of_a_frame():
    row = pd.DataFrame({"a": [1], "b": ["x"]}).iloc[0]
    assert as_table(row).to_dict() == {"a": [1], "b": ["x"]}


def test_years_that_nanoseconds_cannot_hold():
    for frame in ({"d": [dt.date(9999, 12, 31)]}, pl.DataFrame({"d": [dt.date(9999, 12, 31)]})):
        with pytest.raises(ValueError, match="'d' must hold dates of the years 1678 to 2261; got"):
            as_table(frame)


@pytest.mark.parametrize(("data", "sentence"), [
    ({"a": [1, "x"]}, "column 'a' must hold values of one type; got numbers such as 1, texts"),
    ({"a": [object()]}, "column 'a' must hold numbers, booleans, dates or texts; got <object"),
    ({"a": [1, 2], "b": [1]}, "same length; 'a' has 2 rows and 'b' has 1"),
    ({"a": [1, 2], "b": 3}, "column 'b' must be a sequence of cells, as the others are; got 3"),
    ({}, "at least one column"),
    (5, "data must be a data frame"),
    ([1, 2], "data must have shape"),
    (np.zeros(3), "data must have shape"),
    (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a' occurs more than once"),
    (pd.DataFrame({"a": [1j]}), "column 'a' must hold numbers"),
    (pl.DataFrame({"a": [[1]]}), "column 'a' must hold numbers"),
    (pl.DataFrame({"a": [1]}).lazy(), "of a lazy one, its"),
])  # fmt: skip
def test_mistakes(data, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        as_table(data)


def test_rows_and_columns():
    table = Table([Column("a", "number", [1, 2, NAN]), Column("b", "boolean", [1, 0, -1])], "t")
    assert table.take([2, 0]).to_dict() == {"a": [None, 1], "b": [None, True]}
    assert table.take(np.array([True, False, False])).place(0, "a").startswith("row 0")
    assert table.take([2, 0]).take([0]).place(0, "a") == "row 2 (counted from 0), column 'a'"
    assert table.drop(["a"]).names == ("b",)
    assert "a" in table and "c" not in table
    with pytest.raises(KeyError, match="there is no column 'c'; the columns are 'a', 'b'"):
        table["c"]
    assert repr(table) == "Table('t': 3 rows, 2 columns: a, b)"


@pytest.mark.parametrize(("arguments", "sentence"), [
    (("a", "digit", [1]), "kind must be one of number, boolean"),
    (("a", ["number"], [1]), r"kind must be one of number, .*; got \['number'\]"),
    (("a", "number", [[1]]), "values must have shape"),
    (("a", "number", [1], ["x"]), "levels go with kind 'category'"),
    (("a", "category", [1], ["x"]), "values of a category must lie in -1..0"),
])  # fmt: skip
def test_columns_are_checked(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        Column(*arguments)
