"""Saved models are restored bit for bit; truncated, edited or foreign files are refused."""

import json
import os
import stat
import subprocess
import sys
import tracemalloc
from hashlib import sha256
from pathlib import Path

import backprop_rs as bp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def network(backend="numpy", dtype="float32"):
    net = bp.Network(
        [3, 5, 4], "tanh", "softmax", "cross_entropy", seed=2**64 - 1, dtype=dtype, backend=backend
    )
    random = np.random.default_rng(0)
    net.biases = [random.normal(size=b.shape) for b in net.biases]
    net.fit(random.normal(size=(20, 3)), random.integers(4, size=20), 2, learning_rate=0.1)
    net.metadata = {"class_names": ["a", "b", "ç", "d"], "mean": [0.1, 0.2, 0.3]}
    return net


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """Return the bytes of a valid file."""
    path = tmp_path_factory.mktemp("model") / "net.safetensors"
    network().save(path)
    return path.read_bytes()


def refusal(path, content):
    """Return the error message for a file of these bytes."""
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        bp.Network.load(path, backend="numpy")
    sentence = str(caught.value)
    assert sentence.startswith(f"path must name a model saved by backprop_rs; {str(path)!r} ")
    return sentence


def parts(content):
    """Return the header and the numbers."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def joined(header, data):
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_bits(dtype, backend, tmp_path):
    net = network(backend, dtype)
    net.save(tmp_path / "net.safetensors")
    loaded = bp.Network.load(str(tmp_path / "net.safetensors"), backend=backend)
    for name in ("weights", "biases"):
        for left, right in zip(getattr(net, name), getattr(loaded, name), strict=True):
            assert left.dtype == right.dtype == dtype
            assert left.tobytes() == right.tobytes()
    for name in ("sizes", "activation", "output", "cost", "dtype", "seed", "backend"):
        assert getattr(net, name) == getattr(loaded, name)
    assert loaded.epochs_trained == 2
    assert loaded.metadata == net.metadata


def test_training_continues_as_if_it_had_never_been_saved(backend, tmp_path):
    net = network(backend)
    net.save(tmp_path / "net")
    loaded = bp.Network.load(tmp_path / "net", backend=backend)
    X, y = np.eye(3)[[0, 1, 2, 0, 1]], [0, 1, 2, 3, 0]
    for one in (net, loaded):
        one.fit(X, y, epochs=3, batch_size=2, learning_rate=0.1)
    for left, right in zip(net.weights, loaded.weights, strict=True):
        assert left.tobytes() == right.tobytes()


def test_safetensors_reads_the_same(content, tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    arrays = safetensors.load(content)
    net = network()
    assert sorted(arrays) == [f"layer.{n}.{kind}" for n in (1, 2) for kind in ("biases", "weights")]
    for layer, (w, b) in enumerate(zip(net.weights, net.biases, strict=True), 1):
        assert arrays[f"layer.{layer}.weights"].tobytes() == w.tobytes()
        assert arrays[f"layer.{layer}.biases"].tobytes() == b.tobytes()


def test_numbers_begin_at_a_multiple_of_eight(content):
    assert int.from_bytes(content[:8], "little") % 8 == 0


def test_files_of_safetensors_are_foreign(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    foreign = safetensors.save({"layer.1.weights": np.zeros((2, 3), np.float32)})
    assert "is a safetensors file of another program" in refusal(tmp_path / "net", foreign)


@pytest.mark.parametrize("foreign", [b"", b"{}", b"PK\x03\x04" * 20, b"sizes: [2, 3]\n" * 9])
def test_foreign_files_are_refused(foreign, tmp_path):
    refusal(tmp_path / "net", foreign)


@settings(deadline=None)
@given(data=st.data())
def test_truncated_files_are_refused(content, tmp_path_factory, data):
    length = data.draw(st.integers(0, len(content) - 1))
    sentence = refusal(tmp_path_factory.mktemp("truncated") / "net", content[:length])
    assert "is truncated" in sentence or "is too short" in sentence


@settings(deadline=None)
@given(data=st.data())
def test_a_changed_byte_is_refused(content, tmp_path_factory, data):
    """Except for the spaces between the items of the header, which have no meaning."""
    place = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255))
    changed = content[:place] + bytes([byte]) + content[place + 1 :]
    path = tmp_path_factory.mktemp("changed") / "net"
    try:
        same = parts(changed) == parts(content)
    except ValueError:
        same = False
    if same:
        path.write_bytes(changed)
        bp.Network.load(path, backend="numpy")
    else:
        refusal(path, changed)


def test_further_bytes_are_refused(content, tmp_path):
    refusal(tmp_path / "net", content + b"\0")


def edit_settings(change):
    def edit(header):
        metadata = header["__metadata__"]
        settings = json.loads(metadata["settings"])
        change(settings)
        metadata["settings"] = json.dumps(settings)

    return edit


def swap(header):
    first, second = header["layer.1.biases"], header["layer.2.biases"]
    first["data_offsets"], second["data_offsets"] = second["data_offsets"], first["data_offsets"]


def overlap(header):
    header["layer.2.biases"]["data_offsets"] = header["layer.2.weights"]["data_offsets"]


def edit(name, **more):
    return lambda header: header[name].update(more)


def shift(header):
    for name in ("layer.2.weights", "layer.2.biases"):
        header[name]["data_offsets"] = [place + 4 for place in header[name]["data_offsets"]]


EDITS = {
    "a hole": shift,
    "a shape that overflows": edit("layer.1.weights", shape=[2**32, 2**32 + 1]),
    "a shape and offsets beyond the file": edit(
        "layer.2.biases", shape=[2**40], data_offsets=[160, 160 + 2**42]
    ),
    "a negative shape": edit("layer.1.weights", shape=[-5, -3]),
    "a shape of zero": edit("layer.1.weights", shape=[0, 3]),
    "a shape of fractions": edit("layer.1.weights", shape=[5.0, 3.0]),
    "a shape of truths": edit("layer.1.weights", shape=[True, 15]),
    "no shape": edit("layer.1.biases", shape=[]),
    "three dimensions": edit("layer.1.weights", shape=[5, 3, 1]),
    "offsets that go back": edit("layer.1.weights", data_offsets=[60, 0]),
    "a dtype of half": edit("layer.1.weights", dtype="F16"),
    "a dtype that is none": edit("layer.1.weights", dtype=["F32"]),
    "a further key": edit("layer.1.weights", order="F"),
    "a hundred thousand arrays": lambda header: header.update({str(i): 5 for i in range(100_000)}),
    "another activation": edit_settings(lambda settings: settings.update(activation=["relu"])),
    "other sizes": edit_settings(lambda settings: settings.update(sizes=[3, 4, 5])),
    "no sizes": edit_settings(lambda settings: settings.pop("sizes")),
    "a transposed shape": lambda header: header["layer.1.weights"].update(shape=[3, 5]),
    "another dtype": lambda header: header["layer.1.weights"].update(dtype="F64"),
    "an array less": lambda header: header.pop("layer.2.biases"),
    "an array more": lambda header: header.update(extra=header["layer.2.biases"]),
    "an entry that is not an object": lambda header: header.update({"layer.1.weights": 5}),
    "offsets that are not numbers": lambda header: header["layer.1.weights"].update(
        data_offsets="a"
    ),
    "huge offsets": lambda header: header["layer.1.weights"].update(data_offsets=[0, 10**30]),
    "swapped offsets": swap,
    "overlapping offsets": overlap,
    "a later format": lambda header: header["__metadata__"].update(format_version="2"),
    "another format": lambda header: header["__metadata__"].update(format="pt"),
    "no checksum": lambda header: header["__metadata__"].pop("sha256"),
    "no metadata": lambda header: header.pop("__metadata__"),
    "metadata that is not an object": lambda header: header.update(__metadata__=[1]),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_header_is_refused(name, content, tmp_path):
    header, data = parts(content)
    EDITS[name](header)
    refusal(tmp_path / "net", joined(header, data))


SETTINGS = {
    "another cost": {"cost": "poisson"},
    "a wrong number of activations": {"activation": ["relu", "relu"]},
    "a seed that is not a number": {"seed": "x"},
    "negative epochs": {"epochs_trained": -1},
    "metadata that is not an object": {"metadata": 5},
    "too few sizes": {"sizes": [3]},
    "sizes that are not numbers": {"sizes": [3, "5", 4]},
    "sizes beyond the numbers": {"sizes": [3, 10**12, 4]},
    "dtype of another kind": {"dtype": ["float32"]},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_wrong_settings_with_a_right_checksum_are_refused(name, content, tmp_path):
    header, data = parts(content)
    edit_settings(lambda settings: settings.update(SETTINGS[name]))(header)
    metadata = header["__metadata__"]
    metadata["sha256"] = sha256(metadata["settings"].encode() + data).hexdigest()
    refusal(tmp_path / "net", joined(header, data))


def test_a_name_that_stands_twice_is_refused(content, tmp_path):
    header, data = parts(content)
    text = json.dumps(header).encode()[:-1] + b', "layer.1.weights": {}}'
    assert "not JSON" in refusal(tmp_path / "net", len(text).to_bytes(8, "little") + text + data)


def diverged():
    net = bp.Network([1, 2, 1], output="identity", seed=0, backend="numpy")
    net.weights = [[[1e30], [1e30]], [[1e30, 1e30]]]
    with np.errstate(all="ignore"):
        for _ in range(3):
            net.step([[1e30]], [[0.0]], 1e30)
    assert not all(np.isfinite(array).all() for array in net.weights + net.biases)
    return net


def test_numbers_that_are_not_finite_are_neither_saved_nor_loaded(content, tmp_path):
    header, data = parts(content)
    data = np.float32(np.nan).tobytes() + data[4:]
    metadata = header["__metadata__"]
    metadata["sha256"] = sha256(metadata["settings"].encode() + data).hexdigest()
    assert "not finite in layer.1.weights" in refusal(tmp_path / "net", joined(header, data))
    with pytest.raises(ValueError, match=r"must hold finite float32 numbers; got (nan|-?inf) in"):
        diverged().save(tmp_path / "diverged")
    assert not (tmp_path / "diverged").exists()


def test_numbers_that_are_not_finite_are_kept_if_asked_for(backend, tmp_path):
    net = diverged()
    net.save(tmp_path / "net", allow_nonfinite=True)
    loaded = bp.Network.load(tmp_path / "net", backend=backend, allow_nonfinite=True)
    for left, right in zip(net.weights + net.biases, loaded.weights + loaded.biases, strict=True):
        assert left.tobytes() == right.tobytes()


# A model of each version of the format, and its content.


MODELS = sorted((Path(__file__).parent / "models").glob("*.safetensors"))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_models_of_every_version_load_for_ever(path, backend, tmp_path):
    net = bp.Network.load(path, backend=backend)
    header, data = parts(path.read_bytes())
    for layer, pair in enumerate(zip(net.weights, net.biases, strict=True), 1):
        for name, array in zip(("weights", "biases"), pair, strict=True):
            start, end = header[f"layer.{layer}.{name}"]["data_offsets"]
            assert array.tobytes() == data[start:end]
    expected = json.loads(path.with_suffix(".json").read_text())
    for name, value in expected["settings"].items():
        assert getattr(net, name) == value, name
    assert [layer.dropout for layer in net.layers] == expected["dropout"]
    predicted = net.predict(expected["X"])
    eps = np.finfo(net.dtype).eps
    np.testing.assert_allclose(predicted, expected["predict"], rtol=0, atol=32 * eps)


def test_every_version_has_a_model():
    from backprop_rs._internal.model_file import MODEL

    assert {path.stem.partition("-")[0] for path in MODELS} == set(MODEL.versions)


def test_a_failed_save_leaves_the_old_file_and_no_other(content, tmp_path, monkeypatch):
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)

    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        network().save(path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_false_header_takes_no_memory(content, tmp_path):
    """A missing terabyte is refused before memory is allocated for it."""
    header, data = parts(content)
    header["layer.2.biases"].update(shape=[2**38], data_offsets=[160, 160 + 2**40])
    path = tmp_path / "net"
    path.write_bytes(joined(header, data))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="is truncated: it holds 176 of 1099511627936 bytes"):
            bp.Network.load(path, backend="numpy")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def in_a_child(program, *arguments):
    """Return what a separate Python process prints."""
    run = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


FULL = """
import resource, sys
import backprop_rs as bp
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    bp.Network([200, 200], backend="numpy").save(sys.argv[1])
except OSError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_full_disk_leaves_the_old_file_and_no_other(content, tmp_path):
    path = tmp_path / "net"
    path.write_bytes(content)
    assert in_a_child(FULL, path) == f"[Errno 27] File too large: {str(path)!r}\n"
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


READ_ONLY = """
import os, sys, tempfile
import backprop_rs as bp
net = bp.Network([2, 3], backend="numpy")
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "net")
    net.save(path)
    before = open(path, "rb").read()
    os.chmod(folder, 0o555)
    child = os.fork()
    if not child:
        if not os.geteuid():
            os.setuid(65534)
        try:
            bp.Network([2, 3], backend="numpy").save(path)
        except PermissionError as error:
            os._exit(error.filename == path)
        os._exit(2)
    status = os.waitpid(child, 0)[1]
    assert open(path, "rb").read() == before
    assert os.listdir(folder) == ["net"]
    os.chmod(folder, 0o755)
    print(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="users of POSIX")
def test_a_read_only_folder_keeps_the_old_file(tmp_path):
    assert in_a_child(READ_ONLY) == "1\n"


KILLED = """
import os, sys
import backprop_rs as bp
from backprop_rs._internal import safetensors, writing

path = sys.argv[1]
old, new = (bp.Network([40, 30, 2], seed=seed, backend="numpy") for seed in (1, 2))
safetensors.PIECE = 1000  # bytes in one go

def bits(net):
    return [array.tobytes() for array in net.weights + net.biases]

def count_down(function):
    def call(*arguments, **more):
        global left
        left -= 1
        if left < 0:
            os._exit(9)  # at once, with nothing flushed
        return function(*arguments, **more)
    return call

class Dying:
    "A file whose every call may be the last."
    def __init__(self, file): self.file = file
    def __enter__(self): return self
    def __exit__(self, *error): self.file.close()
    fileno = lambda self: self.file.fileno()
    write = count_down(lambda self, piece: (self.file.write(piece), self.file.flush()))
    flush = count_down(lambda self: self.file.flush())

instants, codes = 0, []
while not codes or codes[-1] == 9:
    old.save(path)
    child = os.fork()
    if not child:
        left = instants
        for name in ("fsync", "replace", "close"):
            setattr(os, name, count_down(getattr(os, name)))
        writing.open = count_down(lambda *args, **more: Dying(open(*args, **more, buffering=0)))
        new.save(path)
        os._exit(0)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    loaded = bits(bp.Network.load(path, backend="numpy"))
    assert loaded in (bits(old), bits(new)), instants
    assert codes[-1] == 9 or loaded == bits(new)
    instants += 1
print(instants, codes[-1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")
def test_a_kill_at_any_instant_leaves_a_whole_file(tmp_path):
    """The process is killed before each system call, and between any two pieces of the file."""
    instants, last = map(int, in_a_child(KILLED, tmp_path / "net").split())
    assert instants >= 15
    assert last == 0


@pytest.mark.skipif(os.name != "posix", reason="special files of POSIX")
def test_special_files_are_neither_written_nor_read(tmp_path):
    net = network()
    with pytest.raises(OSError, match="Not a regular file: '/dev/null'"):
        net.save("/dev/null")
    with pytest.raises(ValueError, match="is not a regular file"):
        bp.Network.load("/dev/zero")
    with pytest.raises(IsADirectoryError):
        bp.Network.load(tmp_path)
    with pytest.raises(IsADirectoryError):
        net.save(tmp_path)


@pytest.mark.parametrize("metadata", [{"x": float("nan")}, {"x": object()}, {"x": {1, 2}}])
def test_metadata_must_suit_json(metadata, tmp_path):
    net = network()
    net.metadata = metadata
    with pytest.raises((ValueError, TypeError), match=r"^metadata must hold what JSON can; got"):
        net.save(tmp_path / "net")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="file modes and links of POSIX")
def test_a_saved_file_has_the_usual_mode_and_a_link_stays_a_link(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    link.symlink_to(real)
    network().save(link)
    assert link.is_symlink()
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(real.stat().st_mode) == 0o666 & ~umask


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        bp.Network.load(tmp_path / "nothing")
