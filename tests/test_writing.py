"""Every file is written completely or not at all, with the mode of the file that it replaces."""

import ast
import os
import stat
import subprocess
import sys
from pathlib import Path

import backprop_rs as bp
import numpy as np
import pytest
from backprop_rs._internal import writing

PACKAGE = Path(bp.__file__).parent
posix = pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
NET = bp.Network([2, 3, 2], seed=0, backend="numpy")
X, Y = np.eye(2), np.eye(2)


def checkpoint(path):
    net = bp.Network([2, 3, 2], seed=0, backend="numpy")
    net.fit(X, Y, 2, batch_size=2, learning_rate=0.1, checkpoint=path, progress=False)


def film(path):
    pytest.importorskip("matplotlib").use("Agg")
    net = bp.Network([2, 3, 2], seed=0, backend="numpy")
    made = net.record(X, Y, epochs=1, batch_size=2, learning_rate=0.1, progress=False)
    made.animate(points=5).save(path)


def command(*arguments):
    from backprop_rs.cli import main

    def write(path):
        model = path.with_name("model")
        if not model.exists():
            train(model)
        words = [str(model) if word == "MODEL" else word for word in arguments]
        assert main([*words, str(path)]) == 0

    return write


def train(path):
    from backprop_rs.cli import main

    assert main(["train", "iris", "--epochs", "1", "--no-progress", "--out", str(path)]) == 0


def figure(path):
    pytest.importorskip("matplotlib").use("Agg")
    command("plot", "weights", "MODEL", "--out")(path)


WRITERS = {
    "a.safetensors": NET.save,
    "a.checkpoint": checkpoint,
    "a.onnx": NET.export,
    "a.c": NET.export,
    "a.py": NET.export,
    "a.html": lambda path: NET.explain(X, Y).save(path),
    "a.md": lambda path: NET.explain(X, Y).save(path),
    "a.txt": lambda path: NET.explain(X, Y).save(path),
    "a.gif": film,
    "film.html": film,
    "a.png": figure,
    "a.svg": figure,
    "a.csv": command("predict", "MODEL", "iris", "--out"),
    "train.safetensors": train,
}


@posix
@pytest.mark.parametrize("name", WRITERS)
def test_a_private_file_stays_private(name, tmp_path):
    path = tmp_path / name
    WRITERS[name](path)
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    for mode in (0o600, 0o640):
        path.write_bytes(b"old")
        path.chmod(mode)
        WRITERS[name](path)
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert path.read_bytes() != b"old"
    assert not list(tmp_path.glob("*.tmp"))


@posix
@pytest.mark.parametrize("name", WRITERS)
def test_a_link_stays_a_link(name, tmp_path):
    target, link = tmp_path / f"target-{name}", tmp_path / name
    link.symlink_to(target.name)
    for _ in range(2):  # to nothing yet, then to a file
        WRITERS[name](link)
        assert link.is_symlink() and target.stat().st_size > 0


def test_no_file_is_opened_to_write_elsewhere():
    """Every file is written by `_internal.writing`."""
    places = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            modes = [one.value for one in node.args[1:2] if isinstance(one, ast.Constant)]
            writes = name == "open" and any(set("wxa+") & set(str(mode)) for mode in modes)
            devnull = "devnull" in ast.dump(node)
            if (writes and not devnull) or name in ("write_text", "write_bytes", "savez"):
                places.append(path.name)
    assert sorted(places) == ["writing.py", "writing.py"]


READ_ONLY = """
import os, tempfile
import backprop_rs as bp
net = bp.Network([2, 3], backend="numpy")
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "net")
    net.save(path)
    before = open(path, "rb").read()
    os.chmod(folder, 0o777)
    os.chmod(path, 0o444)
    child = os.fork()
    if not child:
        if not os.geteuid():
            os.setuid(65534)
        try:
            bp.Network([2, 3], backend="numpy").save(path)
        except PermissionError as error:
            os._exit(error.filename == path)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert open(path, "rb").read() == before
    assert os.listdir(folder) == ["net"]
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="users of POSIX")
def test_a_file_that_may_not_be_written_is_refused_as_open_refuses_it():
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@posix
def test_other_objects_than_files_are_refused(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    with pytest.raises(OSError, match=r"symbolic links.*loop"):
        NET.save(loop)
    with pytest.raises(IsADirectoryError):
        NET.save(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        NET.save(tmp_path / "nowhere" / "net")
    assert list(tmp_path.iterdir()) == [loop]


FULL = """
import resource, sys
from backprop_rs import cli
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
sys.exit(cli.main(sys.argv[1:]))
"""


@posix
def test_predictions_are_written_all_or_nothing(tmp_path):
    model, path = tmp_path / "model", tmp_path / "out.csv"
    train(model)
    path.write_bytes(b"old")
    arguments = ["predict", str(model), "iris", "--out", str(path)]
    done = subprocess.run(
        [sys.executable, "-c", FULL, *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"backprop-rs: {path}: File too large\n"
    assert path.read_bytes() == b"old"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["model", "out.csv"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_device_is_written_directly(tmp_path):
    train(tmp_path / "model")
    command = [sys.executable, "-m", "backprop_rs", "predict", str(tmp_path / "model"), "iris"]
    options = {"capture_output": True, "text": True, "check": False}
    full = subprocess.run([*command, "--out", "/dev/full"], **options)
    assert (full.returncode, full.stdout) == (2, "")
    assert full.stderr == "backprop-rs: /dev/full: No space left on device\n"
    out = subprocess.run([*command, "--out", "/dev/stdout"], **options)
    assert out.returncode == 0 and out.stdout.startswith("prediction,setosa")


def test_a_failure_while_writing_leaves_nothing(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(KeyError), writing.writing(path) as file:
        file.write(b"new")
        raise KeyError
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
