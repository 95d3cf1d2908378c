"""A CSV file as a source has the same samples, names and classes as in `load_csv`, bit for bit."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs.commands.source_set import SourceSet
from backprop_rs.data import load_csv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BIG = 12_000_000_000_000_000_000
FILES = {
    "plain": "a,b\n1,x\n2,y\n3,x\n",
    "floats for classes": "a,b\n1,1.0\n2,2.0\n3,1.0\n4,2.0\n",
    "integers beyond int64": f"a,b\n1,{BIG}\n2,1\n3,{BIG}\n4,1\n",
    "large integers": "a,b\n1,9007199254740992\n2,1\n3,9007199254740992\n4,1\n",
    "blanks after commas": "a, b, y\n1, 2, yes\n3, 4, no\n5, 6, yes\n",
    "blanks around": "a ,b\t, y \n 1 , 2 ,  yes  \n3,4,no\n",
    "truth": "a,b,y\n1,True,0.5\n2,False,0.25\n3,True,0.125\n",
    "truth as a target": "a,y\n1,True\n2,False\n3,True\n",
    "lower truth": "a,b,y\n1,true,0.5\n2,false,0.25\n3,true,0.125\n",
    "texts": "color,size,y\nred,1,u\nblue,2,v\nred,3,u\n",
    "quotes after blanks": 'a, b, y\n1, "x, y", "u"\n2, "z", "v"\n3, "z", "u"\n',
    "quoted": '"a","b"\n"1","x"\n"2","say ""hello"""\n"3","x"\n',
    "quoted newline": 'a,b\n1,"x\ny"\n2,z\n3,z\n',
    "blank lines": "a,b\n1,x\n\n   \n2,y\n\n3,x\n",
    "signs": "a,b\n+1.5,x\n-2e3,y\n.5,x\n",
    "mark": "\ufeffa,b\n1,x\n2,y\n",
    "returns": "a,b\r\n1,x\r\n2,y\r\n3,x\r\n",
    "no header": "1,2,0.5\n3,4,1.5\n",
    "semicolons": "a;b\n1;x,1\n2;y,2\n3;x,1\n",
    "no name": "a,,y\n1,2,x\n3,4,y\n",
    "one text among numbers": "a,b\nx,1\ny,2\n3,3\n",
    "wide": "a,b\n" + "".join(f"{k / 7},{k % 3}\n" for k in range(3000)),
    "letters": "a,b\n1,\u00e9\u00df\n2,\u00fc\n3,\u00e9\u00df\n",
    "decimal commas": "a;b\n8,1;x\n9,5;y\n7;x\n",
    "decimal commas below": "a;b\n" + "8;x\n" * 99 + "9,5;y\n",
    "thousands and signs": 'a;b;y\n"1,200";5%;x\n"3,400";7.5%;y\n',
    "delimiters at the ends": "a;b;\n1;x;\n2;y;\n;;\n",
    "times": "at,y\n9:30,x\n10:45:30.5,y\n",
    "white space": "a b y\n1\t2  x\n 3 4 y\n",
    "separator line": "sep=;\na;y\n1;x\n2;y\n",
    "numbers below texts": "a,y\n" + "x,1\n" * 60 + "2,2\n" * 50,
    "last value wide": "a,b\n" + "1,x\n" * 40 + "2.5,  y\n",
}


def of_source(source: SourceSet) -> dict[str, Any]:
    blocks = list(source.source.blocks(1000))
    y = [block.y for block in blocks if block.y is not None]
    return {
        "features": source.feature_names,
        "classes": source.class_names,
        "X": np.concatenate([block.X for block in blocks]),
        "y": np.concatenate(y) if y else None,
    }


def same(path: Path, classes: bool | str = "auto") -> None:
    """Check that the source equals the data in memory, or that neither can be read."""
    try:
        data = load_csv(path, classes=classes)
    except ValueError:
        with pytest.raises(ValueError):
            of_source(SourceSet(bp.data.source(str(path)), classes))
        return
    result = of_source(SourceSet(bp.data.source(str(path)), classes))
    assert (result["features"], result["classes"]) == (data.feature_names, data.class_names)
    assert result["X"].dtype == data.X.dtype == np.float64 and (result["X"] == data.X).all()
    assert data.y is not None and (result["y"].astype(data.y.dtype) == data.y).all()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", list(FILES))
def test_a_source_equals_the_data_in_memory(kind: str, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / ("t.csv.gz" if packed else "t.csv")
    text = FILES[kind].encode()
    path.write_bytes(gzip.compress(text, mtime=0) if packed else text)
    load_csv(path)
    same(path)
    same(path, True)


CELLS = st.sampled_from(
    ["1", "2", "1.0", " 2", "-3e2", "+4", "x", " x", "x ", "True", "False", "NA", "nUlL", "", "?",
     '"x"', ' "x"', '"1"', '"x,y"', str(BIG), "0x1F", "1_0", "inf", "nan", "1e400", "\u00e9"]
)  # fmt: skip


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12))
def test_random_cells_are_read_the_same(tmp_path: Path, rows: list[Any]) -> None:
    path = tmp_path / "any.csv"
    path.write_text("a,b,c\n" + "".join(",".join(row) + "\n" for row in rows))
    same(path)


def test_texts_after_the_first_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,y\n" + "1,x,u\n" * 60 + '2, "z",v\n' + "3,w,u\n" * 9000 + "4,nUlL,v\n")
    with pytest.raises(ValueError, match=r"line 9063, column 2 \('b'\): the cell is missing"):
        of_source(SourceSet(bp.data.source(str(path))))
    path.write_text(path.read_text().replace("nUlL", "z"))
    same(path)
    assert bp.data.source(path).feature_names == ("a", "b=w", "b=x", "b=z")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "a,y\n" + "1,x\n" * 50 + "1,2\n" * 99,
            r"line 2, column 2 \('y'\): 'x' is not a number; add 'x' to missing_values if",
        ),
        ("b,y\n" + "x,1\n" * 50 + "2,1\n" * 99, r"line 2, column 1 \('b'\): 'x' is not a number"),
        (
            "b,y\n" + "".join(f"n{k},1\n" for k in range(99)),
            "99 different texts in 99 rows, too man",
        ),
        ("b,y\n" + "".join(f"n{k},1\n" for k in range(9999)), "too many to code as features; give"),
        (
            "b,y\n" + "".join(f"1,n{k}\n" for k in range(99)),
            "'y' holds 99 different texts in 99 row",
        ),
        ("a;y\n8,125;1\n9,500;2\n", r"line 2, column 1 \('a'\): '8,125' can be read in two ways"),
        ("d,y\n2024-01-01,1\n", r"line 2, column 1 \('d'\): the column holds dates such as '2024"),
        ("b,y\n" + "1,2\n" * 99 + "x,3\n", r"line 101, column 1 \('b'\): 'x' is not a number"),
        ("a,a=b,y\nx,c,1\ny,c,2\n", "the columns 'a' and 'a=b' cannot be told apart by their feat"),
    ],
)
def test_files_whose_later_rows_contradict_the_first_are_refused(
    text: str, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=sentence):
        of_source(SourceSet(bp.data.source(str(path))))


def test_large_values_keep_their_differences(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("t,y\n" + "".join(f"{1_700_000_000 + k},{k % 7}.5\n" for k in range(400)))
    source = bp.data.source(path)
    (block,) = source.scaled(bp.data.Scaling.fit(source)).blocks()
    in_memory = bp.data.standardize(load_csv(path)).X
    assert (in_memory == block.X).all() and len(np.unique(in_memory.astype(np.float32))) == 400


def test_features_and_means_of_another_data_set(tmp_path: Path) -> None:
    path, new = tmp_path / "t.csv", tmp_path / "new.csv"
    path.write_text("color,size,y\nred,1,0.5\nblue,3,1.5\n,5,2.5\nred,,3.5\n")
    train = load_csv(path, missing="mean")
    assert train.fill_values is not None
    new.write_text("size,id,color\n2,x,blue\n,y,red\n9,z,NA\n")
    settings: dict[str, Any] = {"features": train.feature_names, "missing": train.fill_values}
    source = bp.data.source(new, **settings)
    assert source.feature_names == train.feature_names
    (block,) = source.blocks()
    assert (block.X == load_csv(new, **settings).X).all()
    new.write_text("size,color\n2,green\n")
    with pytest.raises(
        ValueError, match=r"line 2, column 2 \('color'\): 'green' is not one of blue, r"
    ):
        list(bp.data.source(new, **settings).blocks())


def test_means_fill_the_missing_cells_of_other_tables(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"a": [1.0, None, float("nan")], "b": [None, 2, 3], "c": [True, None, False]})
    pq.write_table(table, tmp_path / "t.parquet")
    fill = {"a": 10.0, "b": 20.0, "c": 0.25}
    for data in (table, tmp_path / "t.parquet"):
        (block,) = bp.data.source(data, target=False, missing=fill).blocks()
        assert block.X.tolist() == [[1, 20, 1], [10, 2, 0.25], [10, 3, 0]]


def test_models_trained_from_streams_and_memory_predict_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from backprop_rs.cli import main

    path, rng = tmp_path / "t.csv", np.random.default_rng(3)
    cells = [
        f"{x:.3f}, {flag}, {'yes' if x > 0 else 'no'}\n"
        for x, flag in zip(rng.normal(size=300), rng.random(300) < 0.5, strict=True)
    ]
    path.write_text("a, flag, y\n" + "".join(cells))
    printed = []
    for options in ([], ["--stream"]):
        model = str(tmp_path / f"model{len(options)}")
        assert main(["train", str(path), "--epochs", "3", "--out", model, *options]) == 0
        saved = bp.load(model)
        assert isinstance(saved, bp.Model) and saved.preprocessor.columns == ("a", "flag")
        assert saved.classes == ("no", "yes") and saved.preprocessor.target_names == ("y",)
        capsys.readouterr()
        for more in ([], ["--stream"]):
            assert main(["predict", model, str(path), *more]) == 0
            printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] and printed[2] == printed[3]


FOLDER = Path(__file__).parent / "csv_files"
OPTIONS: dict[str, dict[str, Any]] = {
    "classes_called_none.csv": {"missing_values": []},
    "latin1.csv": {"encoding": "latin-1"},
    "comments.csv": {"comment": "#"},
    "index_of_a_frame.csv": {"index": True},
    "index_of_r.csv": {"index": True},
}


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_odd_files_are_streamed_as_they_are_read(path: Path) -> None:
    options = OPTIONS.get(path.name, {})
    if path.name == "dates.csv":
        for read_file in (load_csv, bp.data.source):
            with pytest.raises(
                ValueError, match=r"line 2, column 1 \('day'\): the column holds dates"
            ):
                read_file(path)
        return
    data = load_csv(path, **options)
    source = bp.data.source(path, csv=options)
    blocks = list(source.blocks())
    assert source.feature_names == data.feature_names
    assert (np.concatenate([block.X for block in blocks]) == data.X).all()
    y = np.concatenate([block.y for block in blocks if block.y is not None])
    if data.class_names and y.dtype == object:
        y = np.array([data.class_names.index(text) for text in y])
    assert data.y is not None and (y.astype(data.y.dtype) == data.y).all()
