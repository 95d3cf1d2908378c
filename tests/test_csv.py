"""Tables from CSV files: the data that are read, and the errors."""

import csv
import gzip
import io

import numpy as np
import pytest
from backprop_rs.data import load_csv, train_test_split
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FRUIT = "weight,color,kind\n150,red,apple\n8,red,cherry\n170,green,apple\n"


@pytest.fixture
def read(tmp_path):
    """Write a file and read it with `load_csv`."""

    def write_and_load(text, **arguments):
        path = tmp_path / "table.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_csv(path, **arguments)

    return write_and_load


@pytest.mark.parametrize(
    "text",
    [
        "a,b,y\n1,2,0.5\n3,4,1.5\n",
        "a,b,y\n1,2,0.5\n3,4,1.5",
        "a,b,y\r\n1,2,0.5\r\n3,4,1.5\r\n",
        "a,b,y\r1,2,0.5\r3,4,1.5\r",
        "\ufeffa,b,y\n1,2,0.5\n3,4,1.5\n",
        "\n\na,b,y\n\n1,2,0.5\n   \n3,4,1.5\n\n",
        '"a","b","y"\n"1","2","0.5"\n3,"4",1.5\n',
        "a, b, y\n 1, 2, 0.5\n+3 ,4e0, 15e-1\n",
        "a;b;y\n1;2;0.5\n3;4;1.5\n",
        "a\tb\ty\n1\t2\t0.5\n3\t4\t1.5\n",
        "a|b|y\n1|2|0.5\n3|4|1.5\n",
        "a b y\n 1   2 0.5\n3  4    1.5  \n",
        gzip.compress(b"a,b,y\n1,2,0.5\n3,4,1.5\n", mtime=0),
    ],
)
def test_spellings_of_one_table_give_the_same_data(read, text):
    data = read(text)
    assert data.X.tolist() == [[1, 2], [3, 4]]
    assert data.y.tolist() == [0.5, 1.5]
    assert data.feature_names == ("a", "b")
    assert data.name == "table"


def test_other_encoding(read):
    assert read("a,b\n1,é\n2,f\n".encode("latin-1"), encoding="latin-1").class_names == ("f", "é")
    assert read("a,b\n1,é\n2,f\n".encode("utf-16"), encoding="utf-16").class_names == ("f", "é")


class TestHeader:
    def test_none_if_a_cell_of_the_first_line_is_a_number(self, read):
        data = read("5.1,3.5,setosa\n4.9,3.0,versicolor\n")
        assert data.feature_names == ("column_1", "column_2")
        assert len(data) == 2

    def test_as_told(self, read):
        assert read("2019,2020\n1,2\n", header=True).feature_names == ("2019",)
        assert len(read("a,b\nc,d\n", header=False)) == 2

    def test_a_name_left_out(self, read):
        assert read("a,,b\n0,1,2\n1,3,4\n").feature_names == ("a", "column_2")

    @pytest.mark.parametrize("first", ["", "Unnamed: 0", "__index_level_0__"])
    def test_row_numbers_that_pandas_wrote_are_left_out_with_a_warning(self, read, first):
        with pytest.warns(UserWarning, match="is left out: it looks like the index") as caught:
            assert read(f"{first},a,b\n7,1,2\n3,3,4\n").feature_names == ("a",)
        assert caught[0].filename == __file__

    def test_row_numbers_stay_if_they_are_asked_for(self, read):
        text = "Unnamed: 0,a,b\n7,1,2\n3,3,4\n"
        assert read(text, features=["Unnamed: 0", "a"]).feature_names == ("Unnamed: 0", "a")
        assert read(text, target="Unnamed: 0").y.tolist() == [7, 3]
        assert read(text, ignore=[0]).feature_names == ("a",)


def test_features_of_two_columns_are_kept_apart(read):
    """Either both columns make "a=b=c", or one looks like a text of the other."""
    for rows in ("x,c,1\nx,d,2\n", "b=c,c,1\nb=d,d,2\n"):
        with pytest.raises(ValueError, match=r"the columns 'a' and 'a=b' cannot be told apart by"):
            read(f"a,a=b,y\n{rows}")
    with pytest.raises(
        ValueError, match=r"the columns 'a' and 'a=b' cannot be told apart by their"
    ):
        read("a=b,a,y\n1,b,1\n2,c,2\n")
    assert read("a=b,a,y\n1,2,1\n2,2,2\n").feature_names == ("a=b", "a")
    with pytest.raises(ValueError, match=r"'a=b=c' may be from each of the columns 'a', 'a=b'"):
        read("a,a=b,y\nx,c,1\nx,d,2\n", features=["a=b=c", "a=b=d"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 1:2 2:0\n1 1:3 2:1\n", "look like the cells of a LIBSVM file, which is not CSV"),
        (
            "d,y\n2024-01-01,1\n2024-01-02,2\n",
            r"line 2, column 1 \('d'\): the column holds dates such as '2024-01-01', "
            r"which bp\.Model uses; give ignore=",
        ),
        ("d,y\n01/02/2024,1\n", r"line 2, column 1 \('d'\): the column holds dates such as '01/02"),
        ("d,y\n1.2.99,1\n24.12.99,2\n", r"line 2, column 1 \('d'\): the column holds dates"),
        ("a;y\n1,200;3\n2,500;4\n", r"line 2, column 1 \('a'\): '1,200' can be read in two ways"),
        ("a,y\n-,1\n2,2\n3,1\n-,1\n", r"line 2, column 1 \('a'\): '-' stands among numbers; add"),
    ],
)
def test_numbers_and_dates_in_another_notation_are_not_categories(read, text, words):
    with pytest.raises(ValueError, match=words):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        "a;b\n8,1;17,2\n8,1;17,2\n9,5;20,1\n",
        "a,b\n8.1,17.2\n8.1,17.2\n9.5,20.1\n",
        'a,b\n"8,1","17,2"\n"8,1","17,2"\n"9,5","20,1"\n',
        "a;b;\n8,1 %;$17,2;\n8,1 %;$17,2;\n9,5 %;$20,1;\n;;;\n",
    ],
)
def test_other_notations_give_the_same_numbers(read, text):
    data = read(text)
    assert data.X.tolist() == [[8.1], [8.1], [9.5]]
    assert data.y.tolist() == [17.2, 17.2, 20.1]
    assert data.feature_names == ("a",)


def test_words_that_are_not_missing(read):
    text = "region,sleep\nNA,None\nEU,apnea\nNA,insomnia\n"
    data = read(text, missing_values=[])
    assert data.class_names == ("None", "apnea", "insomnia")
    assert data.feature_names == ("region=EU", "region=NA")
    names = {"class_names": data.class_names, "features": data.feature_names}
    assert read(text, target="sleep", **names).y.tolist() == [0, 1, 2]
    assert len(read("a,b\n1,2\n-,3\n4,5\n", missing_values=["-"], missing="drop")) == 2


def test_options_of_the_notation(read):
    assert read("a;y\n1,200;3\n2,500;4\n", decimal=",").X.tolist() == [[1.2], [2.5]]
    assert read("a;y\n1,200;3\n2,500;4\n", thousands=",").X.tolist() == [[1200], [2500]]
    assert read("# x\na,y\n1,2\n", comment="#").X.tolist() == [[1]]
    assert read("a,y\n01,2\n02,3\n", kinds={"a": "category"}).feature_names == ("a=01", "a=02")
    assert read("Unnamed: 0,a,y\n0,1,2\n", index=False).feature_names == ("Unnamed: 0", "a")
    assert read("id,a,y\n7,1,2\n", index=True).feature_names == ("a",)
    with pytest.raises(
        ValueError, match=r"kinds\['a'\] must be one of number, category; got 'text'"
    ):
        read("a,y\n1,2\n", kinds={"a": "text"})


@pytest.mark.parametrize("delimiter", [" ", "auto"])
def test_white_space_may_be_tabs(read, delimiter):
    data = read("1\t\t2 0\n3\t4\t 1\n5  6\t0\n7 8  1\n", delimiter=delimiter, classes=True)
    assert data.X.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert data.y.tolist() == [0, 1, 0, 1]


def test_rows_without_a_target_are_dropped_with_a_warning(read):
    """Some people write None for a class: a warning tells that the rows are dropped."""
    text = "a,sleep\n1,None\n2,apnea\n3,insomnia\n4,None\n"
    with pytest.warns(
        UserWarning, match="target 'sleep' is missing in 2 of 4 rows, which are left"
    ):
        assert read(text, missing="drop").class_names == ("apnea", "insomnia")


class TestMeans:
    """The means of the training data fill the missing cells of new data."""

    TABLE = "a,color,y\n1,red,0.5\n,blue,1.5\n4,?,2.5\n4,red,3.5\n"

    def test_they_are_kept(self, read):
        data = read(self.TABLE, missing="mean")
        assert data.fill_values == {"a": 3.0, "color=blue": 1 / 3, "color=red": 2 / 3}
        assert data.filled.tolist() == [[False] * 3, [True, False, False], [False, True, True],
                                        [False] * 3]  # fmt: skip
        assert read(self.TABLE, missing="drop").fill_values is None

    def test_they_fill_new_data(self, read):
        data = read(self.TABLE, missing="mean")
        new = read("color,a\n,7\nred,\n", features=data.feature_names, missing=data.fill_values)
        assert new.X.tolist() == [[7, 1 / 3, 2 / 3], [3, 0, 1]]
        assert new.fill_values == data.fill_values and new.filled is None

    def test_one_that_is_not_known_is_refused(self, read):
        with pytest.raises(ValueError, match=r"line 3, column 1 \('a'\): the cell is missing"):
            read(self.TABLE, missing={"color=blue": 0.5, "color=red": 0.5})
        with pytest.raises(ValueError, match="missing must map features to finite numbers"):
            read(self.TABLE, missing={"a": float("nan")})

    def test_a_split_takes_those_of_the_train_set(self, read):
        rows = "".join(f"{i if i % 5 else ''},{i}\n" for i in range(1, 41))
        data = read("a,y\n" + rows, missing="mean", classes=False)
        train, test = train_test_split(data, test_fraction=0.5, seed=3)
        known = train.X[train.y % 5 != 0]
        (mean,) = train.fill_values.values()
        assert mean == known.mean(dtype=float) != data.fill_values["a"]
        for part in (train, test):
            assert part.fill_values == {"a": mean}
            assert (part.X[part.filled] == mean).all() and part.filled.any()
            assert (part.filled[:, 0] == (part.y % 5 == 0)).all()
        assert train_test_split(train)[0].fill_values != train.fill_values
        new = read("a,y\n,1\n2,2\n", features=["a"], missing=train.fill_values)
        again, _ = train_test_split(new)
        assert again.fill_values == train.fill_values


class TestTarget:
    @pytest.mark.parametrize("target", ["color", 1, -2])
    def test_by_name_or_position(self, read, target):
        data = read(FRUIT, target=target)
        assert data.class_names == ("green", "red")
        assert data.y.tolist() == [1, 1, 0]
        assert data.feature_names == ("weight", "kind=apple", "kind=cherry")

    def test_none(self, read):
        assert read("a,b\n1,2\n", target=False).y is None

    @pytest.mark.parametrize(
        ("cells", "class_names"),
        [
            ("no yes no yes", ("no", "yes")),
            ("2 10 2 10", ("2", "10")),
            ("-1 1 1 -1", ("-1", "1")),
            ("1.0 0.0 1 0", ("0", "1")),
            ("1 2 3 4", ()),
            ("0.5 1 0.5 1", ()),
        ],
    )
    def test_classes_or_values(self, read, cells, class_names):
        table = "x,y\n" + "".join(f"{k},{cell}\n" for k, cell in enumerate(cells.split()))
        assert read(table).class_names == class_names

    def test_as_told(self, read):
        assert read("x,y\n1,5\n2,7\n", classes=True).class_names == ("5", "7")
        assert read("x,y\n1,5\n2,7A\n3,5\n", classes=True).class_names == ("5", "7A")
        data = read("x,y\n1,0\n2,1\n3,0\n4,1\n", classes=False)
        assert data.y.dtype == np.float64

    def test_classes_of_another_data_set(self, read):
        data = read("x,y\n1,b\n2,c\n", class_names=["c", "b", "a"])
        assert data.y.tolist() == [1, 0]
        assert data.class_names == ("c", "b", "a")


class TestFeatures:
    def test_text_is_one_hot(self, read):
        data = read(FRUIT)
        assert data.feature_names == ("weight", "color=green", "color=red")
        assert data.X.tolist() == [[150, 0, 1], [8, 0, 1], [170, 1, 0]]

    def test_ignored_columns_may_hold_anything(self, read):
        data = read("a,b,c\n1,x,0.5\n2,3,1.5\n3,,2.5\n", ignore=["b"])
        assert data.feature_names == ("a",)

    def test_those_of_another_data_set(self, read):
        train = read(FRUIT)
        data = read("color,code,weight\nred,?,9\n", features=train.feature_names)
        assert data.X.tolist() == [[9, 0, 1]]
        assert data.y is None

    def test_a_text_that_looks_like_a_number(self, read):
        data = read("size\n12\n", features=["size=10", "size=12"])
        assert data.X.tolist() == [[0, 1]]


class TestMissing:
    TABLE = "a,color,y\n1,red,0.5\nNA,red,1.5\n5,?,2.5\n4,blue,3.5\n"

    def test_drop(self, read):
        data = read(self.TABLE, missing="drop")
        assert data.X.tolist() == [[1, 0, 1], [4, 1, 0]]
        assert data.y.tolist() == [0.5, 3.5]

    def test_mean(self, read):
        data = read(self.TABLE, missing="mean")
        third = 1 / 3
        assert data.X[:, 0].tolist() == [1, 10 / 3, 5, 4]
        assert data.X[2, 1:].tolist() == [third, 2 / 3]

    def test_error_names_the_first(self, read):
        with pytest.raises(ValueError, match=r"line 3, column 1 \('a'\): the cell is missing"):
            read(self.TABLE)

    @pytest.mark.parametrize("word", ["", "NA", "n/a", "#N/A", "<NA>", "nan", "NULL", "None", "?"])
    def test_words(self, read, word):
        assert len(read(f"a,b\n1,2\n{word},3\n4,5\n", missing="drop")) == 2

    def test_places_hold_after_drop(self, read):
        with pytest.raises(
            ValueError, match=r"line 4, column 2 \('y'\): class 'c' is not one of a"
        ):
            read("x,y\n,a\n1,a\n2,c\n", missing="drop", class_names=["a"])


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        ("", {}, "must have at least one row; it is empty"),
        ("a,b\n", {}, "must have at least one row; got a header only"),
        ("a,b\n1,2\n3,4,5\n", {}, "line 3: a row must have as many cells as the first row (2)"),
        ("a,b\n1,2\n\n3\n", {}, "line 4: a row must have as many cells as the first row (2); got"),
        ("1,2\n3,x\n4,5\n", {}, "table.csv, line 2, column 2 ('column_2'): 'x' is not a number"),
        ("a,b\n1,2\nx,3\n4,y\n5,6\n", {}, "line 3, column 1 ('a'): 'x' is not a number"),
        ('a,b\n1,"p\nq"\n2,r\nx,r\n', {}, "line 5, column 1 ('a'): 'x' is not a number"),
        ("a,b\n1,2\n1_0,3\n4,5\n", {}, "line 3, column 1 ('a'): '1_0' is not a number"),
        ("a,b\n1,2\n3,inf\n", {}, "column 2 ('b'): 'inf' is not a finite number"),
        ("a,b\n1,2\n1e999,3\n", {}, "column 1 ('a'): '1e999' is beyond the largest float64 number"),
        ('a,b\n1,"2\n3,4\n', {}, "line 2: the row must be CSV; got unexpected end of data"),
        (
            "a,b\n1," + "2" * 140_000 + "\n",
            {},
            "line 2: the row must be CSV; got field larger than",
        ),
        ("a,a\n1,2\n", {}, "column name 'a' occurs more than once"),
        ("a\n1\n", {}, "no column is left for the features; the columns are a, the target is 'a'"),
        ("a,b\n1,\n2,3\n", {"missing": "mean"}, "give missing='drop' (a target has no mean)"),
        ("a,b\n,1\n2,\n", {"missing": "drop"}, "missing='drop' must leave a row"),
        ("a,b\n,1\n,2\n", {"missing": "mean"}, "column 'a' has no values for a mean"),
        ("a,b\n1,yes\n", {"classes": False}, "line 2, column 2 ('b'): classes=False needs a"),
        ("a,b\n1,2\n", {"target": "c"}, "target must be one of a, b; got 'c'"),
        ("a,b\n1,2\n", {"target": 2}, "target must be a position in -2..1; got 2"),
        ("a,b\n1,2\n", {"target": 1.0}, "target must be a column's name or position; got 1.0"),
        ("a,b\n1,2\n", {"target": True}, "or position, None or False; got True"),
        ("a,b\n1,2\n", {"ignore": "b"}, "ignore must be a list; got the single text 'b'"),
        ("a,b\n1,2\n", {"features": ["c"]}, "features must name columns of the data (a, b); got"),
        ("c\nx\n", {"features": ["c=y"]}, "line 2, column 1 ('c'): 'c=x' is not one of c=y"),
        ("c\nx\n", {"features": ["c"]}, "line 2, column 1 ('c'): 'x' is not a number"),
        ("a,b\n1,2\n", {"header": "yes"}, "header must be one of auto, True, False; got 'yes'"),
        ("a,b\n1,2\n", {"missing": "zero"}, "missing must be one of error, drop, mean; got 'zero'"),
        ("a,b\n1,2\n", {"classes": 3}, "classes must be one of auto, True, False; got 3"),
        ("a,b\n1,2\n", {"delimiter": "::"}, "delimiter must be 'auto' or one character; got '::'"),
        ("a,b\n1,2\n", {"encoding": "x"}, "encoding must be a known one; got 'x'"),
        (b"a,b\n1,\xe9\n", {}, "must be text in the encoding 'utf-8', or encoding must name its"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], {}, "table.csv is a damaged gzip file"),
        (
            "name,y\n" + "".join(f"n{k},{k}\n" for k in range(30)),
            {},
            "column 'name' holds 30 different texts in 30 rows, too many to code as features",
        ),
        (
            "x,y\n" + "".join(f"{k},n{k}\n" for k in range(30)),
            {},
            "column 'y' holds 30 different texts in 30 rows, too many to be classes",
        ),
    ],
)
def test_refuses(read, text, arguments, words):
    with pytest.raises((ValueError, TypeError)) as caught:
        read(text, **arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_path_must_be_a_name():
    with pytest.raises(TypeError, match="path must be a file name; got int"):
        load_csv(3)


FLOATS = st.floats(-(2.0**100), 2.0**100, width=32)


@given(
    st.integers(1, 5).flatmap(
        lambda n: st.lists(st.tuples(*[FLOATS] * n, FLOATS), min_size=1, max_size=60)
    ),
    st.sampled_from([",", ";", "\t", "|", " "]),
    st.booleans(),
    st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_written_numbers_are_read_back_exactly(read, rows, delimiter, header, quoted):
    names = [f"feature {k}" for k in range(len(rows[0]))]
    text = written([names, *rows] if header else rows, delimiter, quoted)
    data = read(text, classes=False)
    assert data.X.tolist() == [list(row[:-1]) for row in rows]
    assert data.y.tolist() == [row[-1] for row in rows]
    assert not header or data.feature_names == tuple(names[:-1])


def written(rows, delimiter, quoted):
    file = io.StringIO()
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    csv.writer(file, delimiter=delimiter, quoting=quoting).writerows(rows)
    return file.getvalue()
