"""CSV files on the command line: odd files, in memory and streamed, and the options."""

from pathlib import Path

import backprop_rs as bp
import pytest
from backprop_rs.cli import main

FOLDER = Path(__file__).parent / "csv_files"
OPTIONS = {
    "classes_called_none.csv": ["--missing-values", ""],
    "latin1.csv": ["--encoding", "latin-1"],
    "comments.csv": ["--comment", "#"],
    "index_of_a_frame.csv": ["--index", "yes"],
    "index_of_r.csv": ["--index", "yes"],
}
ROWS = "".join(f"{k % 5},{k % 3}00;{k % 7},5;{'xy'[k % 2]}\n" for k in range(40))


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_odd_files_are_trained_alike_in_memory_and_as_a_stream(path, tmp_path, capsys):
    options = OPTIONS.get(path.name, [])
    found = []
    for stream in ([], ["--stream"]):
        model = tmp_path / "model"
        arguments = ["train", str(path), "--epochs", "2", "--test-fraction", "0", *options]
        code = main([*arguments, "--out", str(model), *stream])
        printed = capsys.readouterr()
        assert code == 0, printed.err
        preparation = bp.load(model).preprocessor.to_dict()
        found.append(preparation)
        predicted = []
        for again in ([], ["--stream"]):
            assert main(["predict", str(model), str(path), *options, *again]) == 0
            predicted.append(capsys.readouterr().out)
        assert predicted[0] == predicted[1]
    assert found[0] == found[1]


def test_options_settle_what_is_ambiguous(tmp_path, capsys):
    path, model = tmp_path / "t.csv", str(tmp_path / "model")
    path.write_text("a;b;kind\n" + ROWS.replace(",5;", ",500;"))
    assert main(["train", str(path)]) == 2
    sentence = capsys.readouterr().err
    assert "line 2, column 1 ('a'): '0,000' can be read in two ways" in sentence
    assert "give --decimal ',' or --thousands ','" in sentence
    assert main(["train", str(path), "--epochs", "2", "--decimal", ",", "--out", model]) == 0
    capsys.readouterr()
    for command in ("predict", "diagnose"):
        assert main([command, model, str(path)]) == 0  # the model keeps the notation
        capsys.readouterr()
    assert main(["train", str(path), "--stream", "--epochs", "2", "--thousands", ","]) == 0


def test_lines_above_a_table_are_skipped_in_later_files_too(tmp_path, capsys):
    path, model = tmp_path / "t.csv", str(tmp_path / "model")
    path.write_text("a title\n\na;b;kind\n" + ROWS)
    for stream in ([], ["--stream"]):
        assert main(["train", str(path), "--skip-rows", "2", "--out", model, *stream]) == 0
        assert main(["predict", model, str(path)]) == 0
        assert capsys.readouterr().err == ""
        assert bp.load(model).preprocessor.columns == ("a", "b")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n3,x\n4,5\n", "add 'x' to --missing-values if it stands for a missing cell, or "
         "give --kind b=category if the column is texts"),
        ("0,1,2\n5,6.5,7\n8,9,1\n", "give --header yes if it does, or --header no"),
        ("# x\na,b\n1,2\n", "give --comment '#' if such lines are comments, or --comment ''"),
        ("a,b\nf,1,2\ng,3,4\n", "give --index yes if the first cell names the row, or --skip-rows "
         "if the header is below"),
        ("a title\n\na,b\n1,2\n3,4\n", "give --skip-rows 2 if the table begins there"),
        (b"a,b\n1,\xe9\n", "or --encoding must name its own, such as 'latin-1'"),
    ],
)  # fmt: skip
def test_errors_name_the_options_of_the_command_line(text, words, tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main(["train", str(path)]) == 2
    assert words in capsys.readouterr().err


def test_options_go_with_csv_files(capsys):
    assert main(["train", "iris", "--decimal", ","]) == 2
    assert "--decimal goes with a CSV file; got iris" in capsys.readouterr().err
    assert main(["train", str(FOLDER / "truth.csv"), "--kind", "a"]) == 2
    assert "--kind must be COLUMN=KIND; got 'a'" in capsys.readouterr().err
