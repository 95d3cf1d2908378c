"""`read_table`: every format gives the values that were written, or says what the file is."""

import datetime as dt
import gzip
import io
import json
import pickle
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import backprop_rs as bp
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from backprop_rs.data import as_table, read_table
from backprop_rs.data.file_formats import format_of
from backprop_rs.data.files import library
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import dump_svmlight_file
from tables import customers
from workbooks import write_ods, write_xlsx

QUICK = {"epochs": 3, "progress": False}
DAY = np.datetime64("2023-03-15", "ns")
NOON = np.datetime64("2023-03-15T12:00", "ns")

VALUES = {
    "id": [1, 2, 3],
    "height": [8.5, None, -0.25],
    "kind": ["oak", "größe, 雪", None],
    "on": [True, False, True],
    "when": [NOON, None, DAY],
}
FRAME = pd.DataFrame(
    {
        "id": [1, 2, 3],
        "height": [8.5, None, -0.25],
        "kind": ["oak", "größe, 雪", None],
        "on": [True, False, True],
        "when": pd.to_datetime(["2023-03-15 12:00", None, "2023-03-15 00:00"]),
    }
)
ROWS = [
    ["id", "height", "kind", "on", "when"],
    [1, 8.5, "oak", True, ("datetime", 45000.5)],
    [2, None, "größe, 雪", False, None],
    [3, -0.25, None, True, ("date", 45000)],
]
ODS_ROWS = [
    ROWS[0],
    [1, 8.5, "oak", True, ("date", "2023-03-15T12:00:00")],
    ROWS[2],
    [3, -0.25, None, True, ("date", "2023-03-15")],
]
ARFF = """% trees
@relation trees
@attribute id integer
@attribute height real
@attribute kind {oak, 'größe, 雪'}
@attribute on {True, False}
@attribute when date 'yyyy-MM-dd HH:mm'
@data
1, 8.5, oak, True, '2023-03-15 12:00'
2, ?, 'größe, 雪', False, ?
3, -0.25, ?, True, '2023-03-15 00:00'
"""


def write_stream(frame, path):
    table = pa.Table.from_pandas(frame)
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write(table)


def write_file(frame, path):
    table = pa.Table.from_pandas(frame)
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write(table)


WRITERS = {
    "xlsx": lambda path: write_xlsx(path, {"trees": ROWS}),
    "ods": lambda path: write_ods(path, {"trees": ODS_ROWS}),
    "parquet": lambda path: FRAME.to_parquet(path),
    "orc": lambda path: FRAME.to_orc(path),
    "feather": lambda path: FRAME.to_feather(path),
    "lz4": lambda path: FRAME.to_feather(path, compression="lz4"),
    "arrow": lambda path: write_file(FRAME, path),
    "arrows": lambda path: write_stream(FRAME, path),
    "csv": lambda path: FRAME.to_csv(path, index=False),
    "arff": lambda path: path.write_text(ARFF, "utf-8"),
}


@pytest.mark.parametrize("suffix", ["own", ".csv", ".txt", ".gz", ""])
@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_has_its_values_whatever_its_suffix_is(kind, suffix, tmp_path):
    path = tmp_path / f"trees.{kind}"
    WRITERS[kind](path)
    if suffix == ".gz":
        path.with_name("packed").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        path = path.with_name("packed")
    elif suffix != "own":
        path = path.rename(tmp_path / f"trees{suffix}")
    table = read_table(path)
    expected = dict(VALUES)
    if kind == "arff":  # its values are texts
        expected["on"] = ["True", "False", "True"]
    assert table.to_dict() == expected
    assert table["id"].dtype == "int64"
    assert table.name == path.stem


def test_the_index_of_a_frame_is_left_out(tmp_path):
    frame = FRAME.set_index(pd.Index(["a", "b", "c"], name="row"))
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").to_dict() == VALUES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "b": "x"}\n\n{"a": 2.5}\n', {"a": [1.0, 2.5], "b": ["x", None]}),
        ('[{"a": 1}, {"b": true, "a": 2}]', {"a": [1, 2], "b": [None, True]}),
        ('{"a": [1, null], "b": ["x", "y"]}', {"a": [1.0, None], "b": ["x", "y"]}),
        ("[[1, 2], [3, 4]]", {"x0": [1, 3], "x1": [2, 4]}),
        ('{"a": 1}', {"a": [1]}),
        ("\ufeff" + '{"größe": "雪"}', {"größe": ["雪"]}),
        (FRAME[["id", "kind"]].to_json(), {"id": [1, 2, 3], "kind": VALUES["kind"]}),
        (FRAME[["id"]].to_json(orient="split"), {"id": [1, 2, 3]}),
        (FRAME[["id"]].to_json(orient="records"), {"id": [1, 2, 3]}),
        (FRAME[["id"]].to_json(orient="records", lines=True), {"id": [1, 2, 3]}),
    ],
)
def test_json(text, expected, tmp_path):
    path = tmp_path / "t.txt"
    path.write_text(text, "utf-8")
    cells = read_table(path).to_dict()
    assert cells == expected
    assert [type(cell) for cell in cells.values()] == [type(cell) for cell in expected.values()]


@pytest.mark.parametrize("packed", [False, True])
def test_libsvm_has_the_values_that_scikit_learn_wrote(packed, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 7)) * (rng.random((20, 7)) < 0.4)
    X[:, 6] = 1.0
    y = rng.choice([-1, 1], 20)
    path = tmp_path / "a9a"
    dump_svmlight_file(X, y, str(path), zero_based=False)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    table = read_table(path)
    assert table.names == (*(f"x{k}" for k in range(1, 8)), "target")
    rows = np.stack([table[f"x{k}"].values for k in range(1, 8)], axis=1)
    assert np.allclose(rows, X, rtol=1e-15, atol=0)  # the file has 16 digits
    assert table["target"].to_list() == y.tolist()
    assert table["target"].dtype == "int64"


def test_libsvm_rows_of_zeros_and_other_lengths(tmp_path):
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("1 1:1 3:2 # first\n-1\n1 2:5\n-1 4:1\n1 1:2 4:-1\n-1 2:1\n" * 5)
    test.write_text("1 2:1\n-1 1:0.5\n")
    model = bp.Model((4,), seed=0).fit(train, "target", **QUICK)
    assert model.classes == (-1, 1)
    expected = {"x1": [0, 0.5], "x2": [1, 0], "x3": [0, 0], "x4": [0, 0]}
    assert model.predict(test).tolist() == model.predict(expected).tolist()
    assert model._outputs(test).tobytes() == model._outputs(expected).tobytes()


def test_columns_of_times_are_no_libsvm_file(tmp_path):
    path = tmp_path / "times.txt"
    path.write_text("5 10:30\n7 11:45\n9 12:00\n")
    assert format_of(path).key == "csv"


@pytest.mark.parametrize("array", [
    np.array([[1.5, 2], [3, 4]]),
    np.array([(1, 2.5), (3, 4.5)], [("a", "i8"), ("b", "f4")]),
])  # fmt: skip
def test_npy(array, tmp_path):
    np.save(tmp_path / "t.npy", array)
    assert read_table(tmp_path / "t.npy").to_dict() == as_table(array).to_dict()


def test_npz_and_idx(tmp_path):
    np.savez(tmp_path / "t", X=[[1.0, 2], [3, 4]], y=["a", "b"])
    expected = {"x0": [1, 3], "x1": [2, 4], "target": ["a", "b"]}
    assert read_table(tmp_path / "t.npz").to_dict() == expected
    header = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2])
    (tmp_path / "t").write_bytes(header + bytes([0, 255, 51, 0]))
    table = read_table(tmp_path / "t")
    assert np.allclose(np.stack([column.values for column in table], 1), [[0, 1], [0.2, 0]])


def test_sheets(tmp_path):
    path = tmp_path / "book.xlsx"
    write_xlsx(path, {"a": [["x"], [1]], "empty": [], "old": [["z"], [3]]}, hidden=["old"])
    assert read_table(path).to_dict() == {"x": [1]}
    assert read_table(path, sheet="old").to_dict() == {"z": [3]}
    assert read_table(path, sheet=0).to_dict() == {"x": [1]}
    assert read_table(path, sheet=-1).to_dict() == {"z": [3]}
    with pytest.raises(ValueError, match="must have a sheet with cells; empty is empty"):
        read_table(path, sheet="empty")
    with pytest.raises(ValueError, match="sheet must be one of a, empty, old; got 'b'"):
        read_table(path, sheet="b")
    with pytest.raises(ValueError, match=r"sheet must be a position in -3..2; got 3"):
        read_table(path, sheet=3)
    with pytest.raises(TypeError, match=r"sheet must be a name or a position; got 1.5"):
        read_table(path, sheet=1.5)
    write_xlsx(path, {"a": [["x"], [1]], "b": [["z"], [3]]})
    with pytest.raises(ValueError, match=r"several sheets \(a, b\); give sheet= the name of one"):
        read_table(path)


def test_cells_of_a_workbook(tmp_path):
    path = tmp_path / "t.xlsx"
    rows = [
        [None, "a", "", 2020, "b", "code"],
        [0, 1.0, None, ("time", 0.75), "NA", "007"],
        [None] * 6,
        [1, 2.0, None, ("time", 0.5), "x", "12"],
    ]
    write_xlsx(path, {"s": rows})
    with pytest.warns(UserWarning, match="looks like the index"):
        table = read_table(path, header=True)
    expected = {"a": [1, 2], "2020": [64_800, 43_200], "b": [None, "x"], "code": ["007", "12"]}
    assert table.to_dict() == expected
    kept = read_table(path, header=True, index=False, missing_values=[])
    assert kept["b"].to_list() == ["NA", "x"]
    assert kept["column_1"].to_list() == [0, 1]
    write_xlsx(path, {"s": [[1, "x"], [2, "y"]]})
    assert read_table(path).to_dict() == {"column_1": [1, 2], "column_2": ["x", "y"]}
    write_xlsx(path, {"s": [["p", "q"], ["x", "y"]]})
    expected = {"column_1": ["p", "x"], "column_2": ["q", "y"]}
    assert read_table(path, header=False).to_dict() == expected


def test_a_cell_of_another_type_is_named(tmp_path):
    path = tmp_path / "t.xlsx"
    write_xlsx(path, {"s": [["a", "b"], [1, "x"], [None, "y"], ["many", "z"], [3, "z"]]})
    with pytest.raises(TypeError, match=r"sheet 's', cell A4: column 'a' must hold values of one "
                       r"type, as the numbers in the other cells; got 'many'"):  # fmt: skip
        read_table(path)


def arff(*attributes, rows):
    return "@relation r\n" + "".join(f"@attribute {a}\n" for a in attributes) + "@data\n" + rows


@pytest.mark.parametrize(("text", "expected"), [
    (arff("'a b' string", "c {x,'y z'}", rows="'it\\'s, so',x\n?,'y z'\n"),
     {"a b": ["it's, so", None], "c": ["x", "y z"]}),
    (arff("a numeric", "b {no, yes}", "c REAL", rows="{0 5, 2 1.5}\n{1 yes}\n{}\n"),
     {"a": [5, 0, 0], "b": ["no", "yes", "no"], "c": [1.5, 0, 0]}),
    (arff("d date", rows="'2000-02-29T23:59:59'\n"),
     {"d": [np.datetime64("2000-02-29T23:59:59", "ns")]}),
    (arff('d date "dd.MM.yy"', rows="29.02.24\n"), {"d": [np.datetime64("2024-02-29", "ns")]}),
    (arff("a {'?', b}", rows="'?'\n?\nb\n"), {"a": ["?", None, "b"]}),
    ("% c\n\n" + arff("a numeric", rows="% c\n\n1e3\n"), {"a": [1000]}),
])  # fmt: skip
def test_arff(text, expected, tmp_path):
    (tmp_path / "t").write_text(text)
    assert read_table(tmp_path / "t").to_dict() == expected


def test_arff_equals_scipy(tmp_path):
    from scipy.io import arff as scipy_arff

    rng = np.random.default_rng(0)
    numbers = zip(rng.normal(size=50).tolist(), rng.integers(-9, 9, 50), strict=True)
    rows = "".join(f"{x!r}, {n}, {'ab'[n % 2]}\n" for x, n in numbers)
    path = tmp_path / "t.arff"
    path.write_text(arff("x real", "n integer", "k {a, b}", rows=rows))
    theirs, _ = scipy_arff.loadarff(path)
    ours = read_table(path)
    assert ours["x"].values.tobytes() == theirs["x"].tobytes()
    assert ours["n"].to_list() == theirs["n"].tolist()
    assert ours["k"].to_list() == [cell.decode() for cell in theirs["k"]]


@pytest.mark.parametrize(("text", "words"), [
    (arff("a numeric", rows="x\n"), "line 4, column 1 ('a'): 'x' is not a number"),
    (arff("a {p}", rows="q\n"), "line 4, column 1 ('a'): 'q' is not one of the values p"),
    (arff("a date", rows="1/2/2024\n"), "'1/2/2024' is not a date like 2024-12-31T23:59:59"),
    (arff("a numeric", rows="1,2\n"), "as many cells as there are attributes (1); got 2"),
    (arff("a numeric", rows="{1 2}\n"), "must be a position in 0..0 and a value; got '1 2'"),
    (arff("a numeric", rows="{0 2\n"), "a sparse row must end with }"),
    (arff("a numeric", rows="'1\n"), "a quotation mark is not closed"),
    (arff("a relational", rows="1\n"), "the type of 'a' must be numeric, string, date or"),
    (arff("a {p", rows="p\n"), "must end with }"),
    (arff("a", rows="p\n"), "the type of 'a' must be"),
    (arff("a date 'EEE'", rows="p\n"), "a date may have the parts yyyy"),
    (arff("a numeric", "a numeric", rows="1,2\n"), "'a' occurs more than once"),
    (arff("a numeric", rows=""), "must have attributes and rows below @data"),
    ("@relation r\nhello\n@data\n1\n", "the line must begin with @; got 'hello'"),
])  # fmt: skip
def test_mistakes_in_arff(text, words, tmp_path):
    (tmp_path / "t").write_text(text)
    with pytest.raises(ValueError) as caught:
        read_table(tmp_path / "t")
    assert words in str(caught.value)


@pytest.mark.parametrize(("text", "words"), [
    ('{"a": 1}\n{"a": [2]}\n', "line 2, column 'a': a cell must be a number, a text, true, false"),
    ('{"a": 1}\n{"a": "x"}\n{"a": 2}\n', "line 2, column 'a': column 'a' must hold values of one"),
    ('{"a": 1}\n{"a"\n', "line 2: the line must be JSON"),
    ('{"a": [1, 2], "b": [1]}', "all of one length; got {'a': 2, 'b': 1}"),
    ('{"a": [1], "b": 2}', "'b' is no column"),
    ("[[1, 2], [3]]", "must hold rows of one length"),
    ("[{}]", "must hold one object a line"),
    ('[{"a": 1}, 2]', "must hold one object a line"),
])  # fmt: skip
def test_mistakes_in_json(text, words, tmp_path):
    (tmp_path / "t.json").write_text(text)
    with pytest.raises((ValueError, TypeError)) as caught:
        read_table(tmp_path / "t.json")
    assert words in str(caught.value)


def zipped(*names, text="a,b\n1,2\n"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), text)  # without the time
    return file.getvalue()


def tarred():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
    return file.getvalue()


OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)


@pytest.mark.parametrize(("data", "words"), [
    (b"<!DOCTYPE html><p>Sign in", "is a page of HTML or XML, not a table; check the address"),
    (b"<?xml version='1.0'?><a/>", "is a page of HTML or XML"),
    (b"%PDF-1.7\n", "is a PDF document, not a table"),
    (b"version https://git-lfs.github.com/spec/v1\noid 1\n", "is a pointer of Git LFS to the file"),
    (pickle.dumps(FRAME), "is a pickle, which may hold a program, not a table"),
    (zipped("data/a.csv"), "is a zip archive with data/a.csv, not a table; unpack it"),
    (zipped(), "is a zip archive with nothing"),
    (zipped("word/document.xml"), "is a Word document"),
    (zipped("mimetype", text="application/vnd.oasis.opendocument.text"), "OpenDocument text"),
    (zipped("archive/data.pkl"), "is a PyTorch file"),
    (zipped("a")[:20], "is a damaged zip file"),
    (tarred(), "is a tar archive"),
    (b"BZh91AY&SY123", "is a file compressed with bzip2"),
    (b"\xfd7zXZ\0", "is a file compressed with xz"),
    (b"\x28\xb5\x2f\xfd\0", "is a file compressed with Zstandard"),
    (b"\x89HDF\r\n\x1a\n\0", "is an HDF5 file"),
    (b"\x89PNG\r\n\x1a\n\0", "is a PNG image"),
    (b"\xff\xd8\xff\xe0\0", "is a JPEG image"),
    (b"SQLite format 3\0", "is an SQLite database"),
    (b"MATLAB 5.0 MAT-file\0", "is a MATLAB file"),
    (b"<stata_dta>", "is a Stata file"),
    (OLE, "is a Word, PowerPoint or other Office document"),
    (OLE + "EncryptedPackage".encode("utf-16-le"), "with a password"),
    (gzip.compress(b"%PDF-1.7\n", mtime=0), "is a PDF document"),
    (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-4], "is a damaged gzip file"),
    (OLE + "Workbook".encode("utf-16-le"), "cannot be read as an Excel workbook"),
    (b"PAR1\0\0", "cannot be read as a Parquet file"),
    (b"ARROW1\0\0", "cannot be read as a Feather or Arrow file"),
    (b"\x93NUMPY\x01\0", "cannot be read as an .npy file"),
    (b"1 1:0.5\n1 1:x\n" * 3, "cannot be read as a LIBSVM file"),
    (b"", "must have at least one row; it is empty"),
])  # fmt: skip
def test_other_files_are_named_as_what_they_are(data, words, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(data)
    if b"1:x" in data:
        path.write_bytes(b"1 1:0.5\n" * 60 + b"1 1:x\n")
    with pytest.raises(ValueError) as caught:
        read_table(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_is_named(tmp_path):
    bp.Network([2, 2], seed=0).save(tmp_path / "net")
    with pytest.raises(ValueError, match=r"is a model or other tensors.*bp\.load"):
        read_table(tmp_path / "net")


@pytest.mark.parametrize("name", ["PAR1", "ORC", "BZh", "RDX2", "GIF8", "Obj", "FEA1", "Rar!"])
def test_a_column_may_be_called_like_a_format(name, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(f"{name},b\n1,2\n")
    assert read_table(path).names == (name, "b")


@pytest.mark.parametrize(("kind", "module", "package"), [
    ("xlsx", "python_calamine", "python-calamine"),
    ("parquet", "pyarrow.parquet", "pyarrow"),
    ("feather", "pyarrow.ipc", "pyarrow"),
    ("libsvm", "sklearn.datasets", "scikit-learn"),
])  # fmt: skip
def test_a_missing_library_is_named(kind, module, package, tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    write = WRITERS.get(kind, lambda path: path.write_text("1 1:2\n"))
    write(path)

    def missing(name):
        assert name == module
        raise ImportError

    monkeypatch.setattr(library, "import_module", missing)
    with pytest.raises(ImportError, match=f"needs {package}: pip install {package}"):
        read_table(path)


@pytest.mark.parametrize(("options", "error", "words"), [
    ({"decimal": ","}, ValueError, "decimal goes with a CSV file"),
    ({"sheet": "a"}, ValueError, "sheet goes with a workbook"),
    ({"decimals": ","}, TypeError, "unexpected keyword argument 'decimals'; did you mean decimal"),
])  # fmt: skip
def test_options_that_do_not_go_with_a_format(options, error, words, tmp_path):
    FRAME.to_parquet(tmp_path / "t")
    with pytest.raises(error, match=words):
        read_table(tmp_path / "t", **options)


def test_paths(tmp_path):
    with pytest.raises(ValueError, match=r"is a folder: use bp\.data\.source"):
        read_table(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "none.xlsx")
    with pytest.raises(TypeError, match="path must be a file name; got int"):
        read_table(1)


def test_a_pipe_is_read_once(tmp_path):
    path = tmp_path / "t.xlsx"
    WRITERS["xlsx"](path)
    code = "from backprop_rs.data import read_table; print(read_table('/dev/stdin').names)"
    cat = shutil.which("cat")
    with subprocess.Popen([cat, path], stdout=subprocess.PIPE) as source:
        run = subprocess.run([sys.executable, "-c", code], stdin=source.stdout,
                             capture_output=True, text=True, check=True)  # fmt: skip
    assert run.stdout.strip() == str(tuple(VALUES))


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_table_or_one_sentence(tmp_path_factory, data):
    path = Path(tmp_path_factory.getbasetemp(), "any")
    path.write_bytes(data)
    try:
        read_table(path)
    except (ValueError, TypeError) as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet", "json"])
def test_a_model_takes_files(kind, tmp_path):
    table = customers()
    frame = pd.DataFrame(table)
    path, new = tmp_path / f"a.{kind}", tmp_path / f"new.{kind}"
    rows = frame.drop(columns="left").iloc[:7]
    for data, file in ((frame, path), (rows, new)):
        if kind == "csv":
            data.to_csv(file, index=False)
        elif kind == "parquet":
            data.to_parquet(file)
        elif kind == "json":
            data.astype({"joined": str}).to_json(file, orient="records", lines=True)
        else:
            epoch = dt.datetime(1899, 12, 30)
            cells = [
                [None if pd.isna(cell) else ("datetime", (cell - epoch) / dt.timedelta(days=1))
                 if isinstance(cell, dt.datetime) else cell for cell in row]
                for row in data.astype(object).itertuples(index=False)
            ]  # fmt: skip
            write_xlsx(file, {"s": [list(data.columns), *cells]})
    kinds = {"joined": "datetime"} if kind == "json" else None
    model = bp.Model((8,), seed=0).fit(
        path, "left", kinds=kinds, validation_data=str(path), **QUICK
    )
    same = bp.Model((8,), seed=0).fit(frame, "left", **QUICK)
    assert model._outputs(new).tobytes() == same._outputs(rows).tobytes()
    assert model.predict(str(new)).tolist() == same.predict(rows).tolist()
    assert model.predict_proba(new).tobytes() == same.predict_proba(rows).tobytes()
    assert model.evaluate(path) == same.evaluate(frame)
    assert str(model.explain(path)) == str(same.explain(frame))


def test_texts_of_digits_stay_texts(tmp_path):
    train, new = tmp_path / "a.csv", tmp_path / "b.csv"
    train.write_text("zip,y\n" + "01067,1.5\n10115,2.5\nD-1,3\n" * 10)
    new.write_text("zip\n01067\n10115\n")
    model = bp.Model((4,), seed=0).fit(train, "y", kinds={"zip": "category"}, **QUICK)
    expected = model.predict({"zip": ["01067", "10115"]})
    assert model.predict(new).tolist() == expected.tolist()


def test_json_round_trip_of_any_table(tmp_path):
    table = {"a": [0.1, None, 1e300], "b": [2**40, -1, 0], "c": ["x", "", "\u202e"]}
    (tmp_path / "t").write_text(json.dumps(table))
    assert read_table(tmp_path / "t").to_dict() == table
