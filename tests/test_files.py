"""Saved models come back bit for bit; a file that is truncated, edited or foreign is refused."""

import json
import os
import stat
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
    """The bytes of a good file."""
    path = tmp_path_factory.mktemp("model") / "net.safetensors"
    network().save(path)
    return path.read_bytes()


def refusal(path, content):
    """The sentence with which a file of these bytes is refused."""
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        bp.Network.load(path, backend="numpy")
    sentence = str(caught.value)
    assert sentence.startswith(f"path must name a model saved by backprop_rs; {str(path)!r} ")
    return sentence


def parts(content):
    """Header and numbers."""
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


def test_training_goes_on_as_if_it_had_never_been_saved(backend, tmp_path):
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
    """But for the spaces between the items of the header, which mean nothing."""
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


EDITS = {
    "another activation": edit_settings(lambda settings: settings.update(activation=["relu"])),
    "other sizes": edit_settings(lambda settings: settings.update(sizes=[3, 4, 5])),
    "no sizes": edit_settings(lambda settings: settings.pop("sizes")),
    "a transposed shape": lambda header: header["layer.1.weights"].update(shape=[3, 5]),
    "another dtype": lambda header: header["layer.1.weights"].update(dtype="F64"),
    "an array less": lambda header: header.pop("layer.2.biases"),
    "an array more": lambda header: header.update(extra=header["layer.2.biases"]),
    "an entry that is no object": lambda header: header.update({"layer.1.weights": 5}),
    "offsets that are no numbers": lambda header: header["layer.1.weights"].update(
        data_offsets="a"
    ),
    "huge offsets": lambda header: header["layer.1.weights"].update(data_offsets=[0, 10**30]),
    "swapped offsets": swap,
    "overlapping offsets": overlap,
    "a later format": lambda header: header["__metadata__"].update(format_version="2"),
    "another format": lambda header: header["__metadata__"].update(format="pt"),
    "no checksum": lambda header: header["__metadata__"].pop("sha256"),
    "no metadata": lambda header: header.pop("__metadata__"),
    "metadata that is no object": lambda header: header.update(__metadata__=[1]),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_header_is_refused(name, content, tmp_path):
    header, data = parts(content)
    EDITS[name](header)
    refusal(tmp_path / "net", joined(header, data))


SETTINGS = {
    "another cost": {"cost": "poisson"},
    "a wrong number of activations": {"activation": ["relu", "relu"]},
    "a seed that is no number": {"seed": "x"},
    "negative epochs": {"epochs_trained": -1},
    "metadata that is no object": {"metadata": 5},
    "too few sizes": {"sizes": [3]},
    "sizes that are no numbers": {"sizes": [3, "5", 4]},
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


def test_numbers_that_are_not_finite_are_kept_where_asked_for(backend, tmp_path):
    net = diverged()
    net.save(tmp_path / "net", allow_nonfinite=True)
    loaded = bp.Network.load(tmp_path / "net", backend=backend, allow_nonfinite=True)
    for left, right in zip(net.weights + net.biases, loaded.weights + loaded.biases, strict=True):
        assert left.tobytes() == right.tobytes()


# A model of each version of the format that was ever written, and what it holds.


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
    from backprop_rs._files import MODEL

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
