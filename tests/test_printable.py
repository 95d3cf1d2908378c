"""Text of files is escaped before it reaches a terminal."""

import json
import os
import pty
import subprocess
import sys
from hashlib import sha256

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs._internal.printable import lines, printable
from mutations import joined, parts, sign

EVIL = "yes\x1b[2J\x1b]0;title\x07\nscaling:   none\r\u202e\x9b31m\u2028\x00"
HARMLESS = "é ü 日本 🙂 \u200d a b"
COMMAND = [sys.executable, "-m", "backprop_rs"]


def test_control_and_invisible_characters_are_escaped():
    assert printable(HARMLESS) == HARMLESS
    assert printable("a\tb\x1b\x9b\u202e\u2066\u200b") == r"a\tb\x1b\x9b\u202e\u2066\u200b"
    assert printable("a\nb") == r"a\nb" and lines("a\n\x07") == "a\n\\x07"
    assert printable("\udcff") == r"\udcff"


def is_clean(text):
    """Return True if a text has no control characters but ends of lines, and no forged line."""
    shown = all(printable(line) == line for line in text.split("\n"))
    return shown and not any(line.startswith("scaling:   none") for line in text.split("\n"))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Save a model in which every text is hostile."""
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    net = bp.Network([2, 3, 2], output="softmax", cost="cross_entropy", seed=0)
    net.metadata = {
        "data": EVIL,
        "feature_names": [EVIL + "0", EVIL + "1"],
        "class_names": [EVIL + "a", EVIL + "b"],
    }
    net.save(path)
    return path


def run(*arguments):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def data_file(folder, header=("x", "y", "class"), cell="1"):
    path = folder / "data.csv"
    path.write_text(",".join(header) + f"\n1,2,{cell}\n3,4,{cell}\n", encoding="utf-8")
    return path


def test_info_of_a_hostile_model(model):
    done = run("info", model)
    assert done.returncode == 0
    assert is_clean(done.stdout) and r"\x1b[2J" in done.stdout


@pytest.mark.parametrize("command", ["predict", "explain", "check", "diagnose"])
def test_commands_on_a_hostile_model_and_hostile_data(command, model, tmp_path):
    evil = EVIL.replace("\n", "").replace("\r", "").replace("\x00", "").replace("\u2028", "")
    for header in (("x", "y", "class"), (evil, f"{evil}1", f"{evil}2")):
        done = run(command, model, data_file(tmp_path, header, evil))
        assert done.returncode == 2
        assert is_clean(done.stderr) and done.stderr.count("\n") == 1


def test_names_of_files_and_arguments(tmp_path):
    path = tmp_path / "a\x1b[2J\nb.csv"
    path.write_text("x,y\n1,2\n3\n")
    for arguments in (("train", path), ("info", path), ("train", "iris", "--hidden", "\x1b[2J")):
        done = run(*arguments)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and is_clean(done.stderr)
    with pytest.raises(ValueError, match="must have as many cells") as caught:
        bp.data.load_csv(path)
    assert is_clean(str(caught.value)) and "\n" not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
def test_predictions_are_only_escaped_on_a_terminal(model, tmp_path):
    data = tmp_path / "X.npz"

    np.savez(data, X=np.zeros((2, 2)))
    assert "\x1b[2J" in run("predict", model, data).stdout  # a file gets the names as they are
    main, other = pty.openpty()
    subprocess.run([*COMMAND, "predict", str(model), str(data)], stdout=other, check=True)
    os.close(other)
    shown = os.read(main, 1 << 16).decode()
    assert is_clean(shown.replace("\r\n", "\n")) and r"\x1b[2J" in shown


def test_errors_escape_the_names_that_they_quote(model, tmp_path):
    header, numbers = parts(model.read_bytes())
    header[EVIL] = {}
    path = tmp_path / "m"
    path.write_bytes(joined(sign(header, numbers), numbers))
    for read in (bp.Network.load, bp.Network.from_state_dict):
        with pytest.raises(ValueError, match="x1b") as caught:
            read(path)
        assert is_clean(str(caught.value)) and "\n" not in str(caught.value)


def rewritten(model, path, **changes):
    """Return the path of a copy of a model with other settings and a right checksum."""
    header, numbers = parts(model.read_bytes())
    metadata = header["__metadata__"]
    settings = json.loads(metadata["settings"]) | changes
    metadata["settings"] = json.dumps(settings)
    metadata["sha256"] = sha256(metadata["settings"].encode() + numbers).hexdigest()
    path.write_bytes(joined(header, numbers))
    return path


ODD = [1, 0.5, None, True, "x", [1], ["x"], [["x"]], [[1, 2]], [["a", "b", "c"]], {"a": 1}, [{}]]


@pytest.mark.parametrize("value", ODD, ids=str)
@pytest.mark.parametrize("name", ["functions", "metadata", "layers", "activation", "seed"])
def test_malformed_settings_are_refused_with_the_path(name, value, model, tmp_path):
    path = rewritten(model, tmp_path / "m", **{name: value})
    try:
        bp.Network.load(path)
    except ValueError as error:
        assert str(path) in str(error) and "path must name a model" in str(error)


@pytest.mark.parametrize("value", ODD, ids=str)
@pytest.mark.parametrize(
    "name", ["functions", "metadata", "scaling", "class_names", "feature_names", "history"]
)
def test_commands_say_one_sentence_of_malformed_metadata(name, value, model, tmp_path, capsys):
    from backprop_rs.cli import main

    own = name in ("functions", "metadata")
    changes = {name: value} if own else {"metadata": {name: value}}
    path = rewritten(model, tmp_path / "m", **changes)
    for arguments in (["info", path], ["plot", "curves", path, "--out", tmp_path / "a.png"]):
        code = main(list(map(str, arguments)))
        said = capsys.readouterr().err
        assert code in (0, 2) and said.count("\n") == code // 2
        assert "is not iterable" not in said
