"""Mistakes on the command line: one sentence, the exit code 2, and no new file."""

import backprop_rs as bp
import pytest
from backprop_rs.cli import main
from conftest import MISSING

BACKEND = "numpy" if MISSING else "rust"
WITH_DATA = ("predict", "explain", "check", "diagnose")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder of damaged and unsuitable files."""
    monkeypatch.chdir(tmp_path)
    net = bp.Network([4, 3], output="softmax", cost="cross_entropy", seed=0, backend=BACKEND)
    net.save("model")
    whole = (tmp_path / "model").read_bytes()
    for name, content in {
        "cut": whole[:100],
        "text.txt": b"hello\n",
        "empty.csv": b"",
        "header.csv": b"a,b,c,d\n",
        "ragged.csv": b"1,2,3,4\n5,6,7\n",
        "letters.csv": b"1,2,3,4\n1,x,3,4\n1,2,3,4\n",
        "latin.csv": b"1,2,3,\xe9\n",
        "bad.npz": b"PK\x03\x04 nonsense",
        "bad.csv.gz": b"\x1f\x8b\x08 nonsense",
    }.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "nothing").mkdir()
    return tmp_path


def mistake(capsys, *arguments):
    """Return the sentence of a call that fails."""
    try:
        code = main(arguments)
    except SystemExit as end:  # of argparse
        code = end.code
    captured = capsys.readouterr()
    assert (code, captured.out) == (2, ""), captured
    assert captured.err.startswith("backprop-rs")
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize("command", ["info", "export", *WITH_DATA])
@pytest.mark.parametrize("model", ["missing", "nothing", "text.txt", "empty.csv", "cut", "iris"])
def test_a_file_that_is_not_a_model(command, model, folder, capsys):
    more = {"info": [], "export": ["out.c"]}.get(command, ["iris"])
    assert model in mistake(capsys, command, model, *more)
    assert not (folder / "out.c").exists()


DATA = [
    *("missing.csv", "nothing", "empty.csv", "header.csv", "ragged.csv", "letters.csv"),
    *("latin.csv", "bad.npz", "bad.csv.gz"),
]


@pytest.mark.parametrize("command", ["train", *WITH_DATA])
@pytest.mark.parametrize("data", DATA)
def test_a_file_that_is_not_data(command, data, folder, capsys):
    model = [] if command == "train" else ["model"]
    mistake(capsys, command, *model, data)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "arguments are required"),
        ("trian iris", "invalid choice: 'trian'"),
        ("train", "arguments are required: DATA"),
        ("train irsi", "did you mean 'iris'?"),
        ("train iris --epochs x", "--epochs"),
        ("train iris --epochs -1", "epochs must be an integer >= 0; got -1"),
        ("train iris --hidden 0", "--hidden must be sizes >= 1, or none; got 0"),
        ("train iris --batch-size 0", "--batch-size must be an integer >= 1"),
        ("train iris --learning-rate nan", "--learning-rate must be"),
        ("train iris --optimizer adma", "optimizer must be one of"),
        ("train iris --out nowhere/model", "--out must name a file in a folder"),
        ("train iris --out nothing", "--out must name a file in a folder"),
        ("train iris --faster", "unrecognized arguments: --faster"),
        ("predict model iris --out nowhere/p.csv", "nowhere"),
        ("predict model iris --out nothing", "nothing"),
        ("predict model digits", "4 features"),
        ("explain model iris --row 150", "--row must be from 0 to 149"),
        ("explain model iris --row -1", "--row must be from 0 to 149"),
        ("explain model iris --html nothing", "--html must name a file that ends in .html"),
        ("explain model iris --html nowhere/x.html", "nowhere"),
        ("check model iris --rows 0", "--rows must be at least 1"),
        ("export model net.exe", "path must end in .onnx, .c, .py"),
        ("export model nowhere/net.c", "nowhere"),
    ],
)
def test_wrong_options(line, words, folder, capsys):
    before = sorted(path.name for path in folder.iterdir())
    assert words in mistake(capsys, *line.split())
    assert sorted(path.name for path in folder.iterdir()) == before
