"""`read_csv`: the values of odd files, equal to those of Python's `csv` module, and the errors."""

import csv
import gzip
import io
import math
import re
from pathlib import Path

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.data import read_csv
from backprop_rs.data.csv import parsing
from backprop_rs.data.csv.candidates import candidates
from backprop_rs.data.csv.notation import Cells, fits, number
from backprop_rs.data.csv.options import CsvOptions
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

FILES = Path(__file__).parent / "csv_files"
NAN = float("nan")


def day(text):
    """Return a date as `Column.to_list` does."""
    return np.datetime64(text, "ns")


CASES = {
    "decimal_commas.csv": (
        {},
        {
            "height": [8.1, 9.5, 7, 10.25],
            "width": [17.2, 20.1, 18, 19.75],
            "kind": ["oak", "elm", "oak", "elm"],
        },
    ),
    "quoted_decimal_commas.csv": (
        {},
        {"height": [8.1, 9.5, 7, 10.25], "kind": ["oak", "elm", "oak", "elm"]},
    ),
    "thousands.csv": (
        {},
        {
            "price": [1_250_000, 98_500, 310_000, 1_020_000],
            "area": [80.5, 41.25, 62, 120],
            "kind": ["house", "flat", "flat", "house"],
        },
    ),
    "points_for_thousands.csv": (
        {},
        {
            "price": [1_250_000, 98_500, 310_000, 1_020_000],
            "area": [80.5, 41.25, 62, 120],
            "kind": ["house", "flat", "flat", "house"],
        },
    ),
    "signs.csv": (
        {},
        {
            "share": [53, 7.5, 100, 0.5],
            "price": [12.5, 1200, 3, -2.25],
            "kind": ["a", "b", "a", "b"],
        },
    ),
    "trailing_delimiters.csv": ({}, {"a": [1, 3, 5], "b": [2, 4, 6], "kind": ["x", "y", "x"]}),
    "trailing_below_header.csv": ({}, {"a": [1, 3, 5], "b": [2, 4, 6], "kind": ["x", "y", "x"]}),
    "classes_called_none.csv": (
        {"missing_values": []},
        {
            "hours": [7.5, 5, 4.5, 8, 5.5, 4],
            "disorder": ["None", "Apnea", "Insomnia", "None", "Apnea", "Insomnia"],
        },
    ),
    "white_space.csv": (
        {},
        {
            "column_1": [15, 12.5, 14, 13],
            "column_2": [8, 4, 6, 4],
            "column_3": [3.5, 2.25, 3, 2.5],
            "column_4": ["big", "small", "big", "small"],
        },
    ),
    "dates.csv": (
        {},
        {
            "day": [day("2024-01-31"), day("2024-02-01"), None],
            "month_first": [day("2024-01-31"), day("2024-02-01"), day("2023-12-02")],
            "moment": [day("2024-01-31T08:00:00"), day("2024-02-01T00:00:00.5"), None],
            "at": [34_200, 86_399, None],
            "kind": ["x", "y", "x"],
        },
    ),
    "times_of_day.csv": ({}, {"at": [34_200, 86_399, 0], "y": [1.5, 2.5, 3.5]}),
    "utf16.csv": ({}, {"größe": [1.5, 2.5, 3.5], "sorte": ["süß", "mild", "süß"]}),
    "latin1.csv": (
        {"encoding": "latin-1"},
        {"größe": [1.5, 2.5, 3.5], "sorte": ["süß", "mild", "süß"]},
    ),
    "mark.csv": ({}, {"a": [1, 2, 3], "b": ["x", "y", "x"]}),
    "separator_line.csv": ({}, {"a": [1.5, 2.5, 3], "kind": ["x", "y", "x"]}),
    "comments.csv": ({"comment": "#"}, {"a": [1, 2, 3], "kind": ["x", "y", "x"]}),
    "index_of_a_frame.csv": ({"index": True}, {"a": [1.5, 2.5, 3.5], "kind": ["x", "y", "x"]}),
    "index_of_r.csv": ({"index": True}, {"a": [1.5, 2.5, 3.5], "kind": ["x", "y", "x"]}),
    "quoted_line_breaks.csv": (
        {},
        {
            "a": [1, 2, 3],
            "note": ["two\nlines", 'a "word"', "two\nlines"],
            "kind": ["x", "y", "x"],
        },
    ),
    "returns.csv": ({}, {"a": [1, 2, 3], "kind": ["x", "y", "x"]}),
    "truth.csv": (
        {},
        {"a": [1, 2, 3], "flag": [True, False, True], "kind": ["x", "y", "x"]},
    ),
}
"""The options and the values of each file of the folder."""


def test_each_file_has_its_case():
    assert {file.name for file in FILES.iterdir()} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_odd_files(name):
    options, expected = CASES[name]
    assert read_csv(FILES / name, **options).to_dict() == expected


@pytest.fixture
def read(tmp_path):
    """Write a file and read it with `read_csv`."""

    def write_and_read(text, **options):
        path = tmp_path / "table.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_csv(path, **options)

    return write_and_read


def test_a_compressed_file(read):
    assert read(gzip.compress(b"a,b\n1,x\n2,y\n", mtime=0)).to_dict() == {
        "a": [1, 2],
        "b": ["x", "y"],
    }


@pytest.mark.parametrize("text", ["a,b\n10%,1\n20 %,2\n", "a,b\n$10,1\n$20,2\n"])
def test_numbers_without_a_mark_are_not_ambiguous(read, text):
    assert read(text).to_dict()["a"] == [10, 20]


def test_kinds(read):
    table = read(
        "n,f,b,c,d,t\n1,1.5,true,red,2024-01-01,\n2,?,False,blue,,x\n",
        kinds={"t": "text"},
    )
    assert [column.kind for column in table] == [
        "number", "number", "boolean", "category", "datetime", "text"
    ]  # fmt: skip
    assert [table[name].dtype for name in ("n", "f")] == ["int64", "float64"]
    assert table["c"].levels == ("blue", "red")
    assert table["f"].missing.tolist() == [False, True]
    assert table["t"].to_list() == [None, "x"]
    names = "".join(f"n{k},{k % 2}\n" for k in range(30))
    assert read("name,y\n" + names)["name"].kind == "text"
    assert read("zip,y\n01234,1\n00501,2\n", kinds={"zip": "category"})["zip"].levels == (
        "00501", "01234"
    )  # fmt: skip
    large = read("n,y\n9007199254740993,1\n1,2\n", kinds={"n": "number"})
    assert large["n"].dtype == "float64"


def test_decisions_that_are_not_evident_are_noted(read):
    notes = read("a;d;n;\n1,5;31.12.2024;2;\n2,5;01.01.2025;3;\n;;;\n").notes
    assert notes == (
        "the lines end with a delimiter, after which nothing follows",
        "column 'a' holds numbers with decimal ','",
        "column 'd' holds dates in the order dmy",
        "1 row without any cell is left out",
    )
    assert read("a,b\n1,2\n").notes == ()


MANY = 200  # rows, more than decide the first guess


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;b\n" + "1;2\n" * MANY + "3;2,5\n", {"b": 2.5}),
        ("a;b\n" + "1,200;2\n" * MANY + "3,400;0.5\n", {"a": 3400, "b": 0.5}),
        ("a;b\n" + "1,200;2\n" * MANY + "3,400;0,5\n", {"a": 3.4, "b": 0.5}),
        ("a;b\n" + "1.234;2\n" * MANY + "1.234;0,5\n", {"a": 1234, "b": 0.5}),
        ("a;b\n" + "1.234;2\n" * MANY + "1.2345;2\n", {"a": 1.2345, "b": 2}),
        ("d,b\n" + "01/02/2024,2\n" * MANY + "12/25/2024,2\n", {"d": day("2024-12-25")}),
        ("d,b\n" + "01/02/2024,2\n" * MANY + "25/12/2024,2\n", {"d": day("2024-12-25")}),
        ("a,b\n" + "1,x\n" * 60 + "1,2\n" * 59 + "1,y\n", {"b": "y"}),
        ("a,b\n" + "1,2\n" * 60 + "1,x\n" * 40 + "1,y\n" * 40, {"b": "y"}),
        ("1;2;\n" + "1;2;\n" * MANY + "1;2;3\n", {"column_3": 3}),
    ],
)  # fmt: skip
def test_later_cells_count_as_much_as_the_first(read, text, expected):
    table = read(text, kinds={})
    last = {column.name: column.to_list()[-1] for column in table}
    assert {name: last[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("a;b\n1,200;17\n3,400;20\n", {}, "line 2, column 1 ('a'): '1,200' can be read in two ways"
         ", and no other cell decides between them; give decimal=',' or thousands=','"),
        ("a,d\n1,01/02/2024\n", {}, "line 2, column 2 ('d'): '01/02/2024' can be read in two ways, "
         "and no other cell decides between them; give dates='dmy' or dates='mdy'"),
        ("a,b\n1,2\n3,x\n4,5\n", {}, "line 3, column 2 ('b'): 'x' is not a number; add 'x' to "
         "missing_values if it stands for a missing cell, or give kinds={'b': 'category'}"),
        ("a,b\n" + "1,2\n" * MANY + "3,x\n", {}, f"line {MANY + 2}, column 2 ('b'): 'x' is not a"),
        ("a,b\n1,-\n2,3\n3,4\n4,-\n", {}, "line 2, column 2 ('b'): '-' stands among numbers; add"),
        ("d,b\n01.02.24,1\n03.04.24,2\n", {}, "'01.02.24' can be read in three ways, and "
         "no other cell decides between them; give dates='ymd', dates='dmy' or dates='mdy'"),
        ("d,b\n2024-01-01,1\n2024-02-30,2\n2024-02-01,2\n", {}, "line 3, column 1 ('d'): "
         "'2024-02-30' is not a date, as the column holds dates in the order ymd"),
        ("0,1,2\n5,6,7\n8,9,1\n", {}, "line 1, column 1: the first row may name the columns; got "
         "'0'; give header=True if it does, or header=False"),
        ("n,2019,2020\nx,5,7\ny,8,9\n", {}, "line 1, column 2: the first row may name the colum"),
        ("red,p\nblue,q\nred,p\n", {}, "line 1, column 1: the first row may be data, because 're"),
        ("a,b\nf,1,2\ng,3,4\n", {}, "line 2: each row has one cell more than the header (2); give"),
        ("# x\na,b\n1,2\n", {}, "line 1: the line begins with '#'; give comment='#' if such lines"),
        ("a,b\n1,2\n3,4,5\n", {}, "line 3: a row must have as many cells as the first row (2)"),
        ('a,b\n1,"x" y\n', {}, "line 2: the row must be CSV; got 'y' after the end of a quoted "),
        ('a,b\n1,2\n"x,3\n', {}, "line 3: the row must be CSV; got unexpected end of data in a"),
        ('"a,b\n1,2\n', {}, "line 1: the row must be CSV; got unexpected end of data in a cell"),
        ("", {}, "table.csv must have at least one row; it is empty"),
        ("a,b\n", {}, "table.csv must have at least one row; got a header only"),
        ("a,b\n,\n", {}, "table.csv must have at least one row; got none"),
        (b"a,b\n1,2\n1,\xe9\n", {}, "line 3: the file must be text in the encoding 'utf-8', or "
         "encoding must name its own, such as 'latin-1', 'cp1252' or 'utf-16'; got the byte 0xe9"),
        (b"# f\xfcr\ngr\xf6\xdfe,b\n1,2\n", {"comment": "#"}, "line 1: the file must be text in"),
        (b"a\xff,b\n1,2\n", {}, "line 1: the file must be text in the encoding 'utf-8', or "),
        ("a,b\n1,2\n1,é\n", {"encoding": "ascii"}, "text in the encoding 'ascii', or encod"),
        ("a,b\n1,2\n".encode("utf-16-le"), {}, "got bytes of 0; give encoding='utf-16-le' if"),
        (b"PK\x03\x04", {}, "must be CSV; got an Excel workbook or a zip file"),
        ("<!DOCTYPE html><p>", {}, "must be CSV; got a page of HTML or XML"),
        ("% a note\n@relation x\n@data\n1,2\n", {}, "must be CSV; got an ARFF file"),
        ("0 1:2 2:0\n1 1:3 2:1\n", {}, "look like the cells of a LIBSVM file, which is not CSV"),
        ("a,a\n1,2\n", {}, "column name 'a' occurs more than once"),
        ("a\n1\n", {"header": 1}, "header must be one of auto, True, False; got 1"),
        ("a\n1\n", {"delimiter": "::"}, "delimiter must be 'auto' or one character; got '::'"),
        ("a\n1\n", {"delimiter": "§"}, "delimiter must be an ASCII character"),
        ("a\n1\n", {"decimal": ";"}, "decimal must be one of auto, ., ,; got ';'"),
        ("a\n1\n", {"thousands": "x"}, "thousands must be one of 'auto', '', ',', '.', ' ', "),
        ("a\n1\n", {"thousands": ",", "decimal": ","}, "decimal and thousands must differ"),
        ("a\n1\n", {"missing_values": "NA"}, "missing_values must be a list; got the single text"),
        ("a\n1\n", {"kinds": {"b": "text"}}, "kinds must name columns of a; got 'b'"),
        ("a\n1\n", {"kinds": {"a": "texts"}}, "kinds['a'] must be one of number, boolean, categ"),
        ("a\nx\n", {"kinds": {"a": "number"}}, "line 2, column 1 ('a'): 'x' is not a number"),
        ("a\nx\n", {"kinds": {"a": "boolean"}}, "column 'a' must hold True and False, or yes and "),
        ("a\n1\n", {"encoding": "x"}, "encoding must be a known one; got 'x'"),
    ],
)  # fmt: skip
def test_refuses(read, text, options, words):
    with pytest.raises((ValueError, TypeError)) as caught:
        read(text, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("a;b\n1,200;17\n3,400;20\n", {"decimal": ","}, {"a": [1.2, 3.4], "b": [17, 20]}),
        ("a;b\n1,200;17\n3,400;20\n", {"thousands": ","}, {"a": [1200, 3400], "b": [17, 20]}),
        ("d\n01/02/2024\n", {"dates": "dmy"}, {"d": [day("2024-02-01")]}),
        ("d\n01/02/2024\n", {"dates": "mdy"}, {"d": [day("2024-01-02")]}),
        ("0,1,2\n5,6,7\n", {"header": True}, {"0": [5], "1": [6], "2": [7]}),
        ("p,p\nq,p\n", {"header": False}, {"column_1": ["p", "q"], "column_2": ["p", "p"]}),
        ("#a,b\n1,2\n", {"comment": ""}, {"#a": [1], "b": [2]}),
        ("a,b\n1,-\n2,3\n", {"missing_values": ["-"]}, {"a": [1, 2], "b": [None, 3]}),
        ("a,b\nNA,1\nEU,2\n", {"missing_values": []}, {"a": ["NA", "EU"], "b": [1, 2]}),
        (",b\n7,1\n8,2\n", {"index": False}, {"column_1": [7, 8], "b": [1, 2]}),
    ],
)
def test_options_settle_what_is_ambiguous(read, text, options, expected):
    assert read(text, **options).to_dict() == expected


def test_an_unnamed_index_is_left_out_with_a_warning(read):
    with pytest.warns(UserWarning, match="looks like the index of a data frame") as caught:
        assert read(",a\n0,5\n1,6\n").to_dict() == {"a": [5, 6]}
    assert caught[0].filename == __file__


def test_the_place_of_a_row_is_found_in_the_file(read):
    table = read('a,b\n\n1,"x\ny"\n,\n2,z\n')
    assert [table.place(k, "b").split("table.csv, ")[1] for k in range(2)] == [
        "line 3, column 2 ('b')", "line 6, column 2 ('b')"
    ]  # fmt: skip
    assert table.take([1]).place(0, "a").endswith("line 6, column 1 ('a')")


CELL = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.text("ab é,;\"\n\r\t'#\u00a0\u2028", max_size=6),
    st.sampled_from(["", "NA", "1", "x"]),
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(2, 4).flatmap(lambda n: st.lists(st.tuples(*[CELL] * n), min_size=1, max_size=12)),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.integers(1, 200),
)
@example([("a\rb", "")], ",", "\r\n", False, 7)
@example([(";\r", "")], ",", "\n", False, 1)
@example([("\xa0\n", "0.0")], ",", "\r", False, 1)
def test_cells_equal_those_of_the_csv_module(tmp_path, rows, delimiter, end, quoted, size):
    file = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    text = file.getvalue()
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    # A line is blank if it has spaces and tabs only; other blanks, such as "\xa0", make a cell.
    expected = [
        [cell.strip() for cell in row]
        for row in reader
        if any(cell.strip() for cell in row) or (len(row) == 1 and row[0].strip(" \t"))
    ]
    assume(len({len(row) for row in expected}) == 1)  # an "\n" is not quoted if lines end with "\r"
    path = tmp_path / "cells.csv"
    path.write_bytes(text.encode())
    # A bare "\r" within a cell ends a row, so that rows may be shorter than they were written.
    names = [f"column_{k + 1}" for k in range(len(expected[0]))]
    options = {"header": False, "delimiter": delimiter, "missing_values": []}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing.parse, "__defaults__", (size,))
        try:
            table = read_csv(path, kinds=dict.fromkeys(names, "text"), comment="", **options)
        except ValueError as error:
            is_narrow = any(not row[-1] for row in expected) and "kinds must name" in str(error)
            assert is_narrow or not expected
            return
    columns = [table[name].to_list() for name in names]
    found = [[cell or "" for cell in row] for row in zip(*columns, strict=True)]
    assert found == expected


NUMBERS = st.one_of(
    st.floats(allow_nan=False).map(repr),
    st.floats(allow_nan=False, allow_infinity=False).map("{:.17e}".format),
    st.floats(-1e9, 1e9).map("{:.6f}".format),
    st.integers(-(10**25), 10**25).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=8).map(str),
    st.from_regex(r"\A[-+]?[0-9]{1,22}(\.[0-9]{0,22})?([eE][-+]?[0-9]{1,3})?\Z"),
    st.from_regex(r"\A[-+]?\.[0-9]{1,22}([eE][-+]?[0-9]{1,2})?\Z"),
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NUMBERS, min_size=1, max_size=40))
def test_numbers_equal_those_of_python(tmp_path, cells):
    path = tmp_path / "numbers.csv"
    path.write_text("a,b\n" + "".join(f"{cell}, {cell} \n" for cell in cells))
    assume(all("inf" in cell or math.isfinite(float(cell)) for cell in cells))
    table = read_csv(path, decimal=".", kinds={"a": "number", "b": "number"})
    bits = np.array([float(cell) for cell in cells]).view(np.int64).tolist()
    assert table["a"].values.view(np.int64).tolist() == bits
    assert table["b"].values.view(np.int64).tolist() == bits
    commas = [cell.replace(".", ",") for cell in cells]
    path.write_text("a;b\n" + "".join(f"{cell};x\n" for cell in commas))
    values = read_csv(path, decimal=",", kinds={"a": "number"})["a"].values
    assert values.view(np.int64).tolist() == bits


SPELLED = re.compile(
    r"(?P<sign>[-+]?)(?P<prefix>[$]?) *(?P<sign2>[-+]?)"
    r"(?P<digits>\d+|\d{1,3}(?:[, ']\d{3})+)?(?P<decimals>\.\d*)?(?P<exponent>e5)? *(?P<suffix>%?)"
)


def value_of(cell, notation):
    """Return the number that a cell holds in a notation with decimal points, or None."""
    _, thousands, prefix, suffix, _ = notation.options
    parts = SPELLED.fullmatch(cell)
    if parts is None or (parts["prefix"], parts["suffix"]) != (prefix, suffix):
        return None
    digits, decimals = parts["digits"] or "", parts["decimals"] or ""
    if not digits and len(decimals) < 2:
        return None
    if not prefix and parts["sign2"]:
        return None
    if set(digits) - set("0123456789") - {thousands} or (parts["sign"] and parts["sign2"]):
        return None
    plain = digits.replace(thousands or ",", "") + decimals + (parts["exponent"] or "")
    return float(parts["sign"] + parts["sign2"] + plain)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.from_regex(r"\A[-+$]{0,2}[0-9]{1,4}([., '][0-9]{1,3}){0,2}(e5)? ?%?\Z"),
        min_size=1,
        max_size=3,
    )
)
def test_numbers_with_signs_and_groups(tmp_path, cells):
    for notation in candidates(Cells.of(cells), CsvOptions(decimal=".")).notations:
        if notation.kind != "number" or notation.options[1] == ".":
            continue
        path = tmp_path / "one.csv"
        path.write_text("".join(f'"{cell}"\n' for cell in cells))
        layout = parsing.Layout(path, CsvOptions(), ";", None, 0, names=["a"])
        parser = parsing.parser_of(layout, [notation], {})
        for _ in parsing.parse(layout, parser):
            pass
        (values,) = parser.take()
        expected = [value_of(cell.strip(), notation) for cell in cells]
        assert [None if math.isnan(value) else value for value in values] == expected
        assert fits(notation, [cell.strip() for cell in cells]) == [
            value is not None for value in expected
        ]


def test_a_file_of_many_buffers_is_the_same_for_any_number_of_threads(tmp_path):
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(20_000, 3))
    words = rng.choice(["red", "green", 'a "b"', "x,y", "two\nlines"], 20_000)
    path = tmp_path / "large.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "c", "word"])
        writer.writerows([*row, word] for row, word in zip(numbers.tolist(), words, strict=True))
    for threads in (1, 2, 5):
        with bp.num_threads(threads):
            table = read_csv(path)
        assert (np.column_stack([table[name].values for name in "abc"]) == numbers).all()
        assert table["word"].to_list() == words.tolist()


def test_a_record_longer_than_the_buffer(tmp_path, monkeypatch):
    monkeypatch.setattr(parsing.parse, "__defaults__", (64,))
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{k}" for k in range(500)) + "\n" + ",".join(["1.5"] * 500) + "\n")
    assert read_csv(path).to_dict() == {f"c{k}": [1.5] for k in range(500)}


def test_plain_numbers_are_the_simplest_notation():
    assert candidates(Cells.of(["1", "2.5"]), CsvOptions()).notations[0] == number()


TITLES = {
    "Sales of 2024\n\nday;n\n2024-01-01;5\n2024-01-02;7\n": 2,
    "Sales of 2024\na,b,c\n1,2,3\n4,5,6\n": 1,
    "Sales\nNorth, South\na,b,c\n1,2,3\n4,5,6\n": 2,
}


@pytest.mark.parametrize("text", TITLES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_titles_above_a_table_are_named_or_skipped(text, encoding, tmp_path):
    n_lines = TITLES[text]
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(ValueError, match=r"t\.csv, line [123]"):
        read_csv(path)
    table = read_csv(path, skip_rows=n_lines)
    path.write_bytes("".join(text.splitlines(keepends=True)[n_lines:]).encode(encoding))
    alone = read_csv(path)
    assert [column.name for column in table] == [column.name for column in alone]
    assert all(table[c.name].to_list() == c.to_list() for c in alone)
    path.write_bytes((text + "x" + text.splitlines()[-1][1:]).encode(encoding))
    with pytest.raises(ValueError, match=f"line {len(text.splitlines()) + 1}, column 1"):
        read_csv(path, skip_rows=n_lines)


def test_the_error_of_a_title_gives_the_option(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("Sales of 2024\n\nday;n\n2024-01-01;5\n2024-01-02;7\n")
    with pytest.raises(ValueError, match="the lines from line 3 on have 2; give skip_rows=2"):
        read_csv(path)
    with pytest.raises(ValueError, match="must have more than skip_rows=9 lines; got 5"):
        read_csv(path, skip_rows=9)
    with pytest.raises(ValueError, match="skip_rows must be"):
        read_csv(path, skip_rows=-1)
    path.write_text("Sales of 2024\n\nday;n\n1;5\n2;7\n")
    source = bp.data.source(path, target="n", csv={"skip_rows": 2})
    assert source.count() == 2
