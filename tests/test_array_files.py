"""IDX files (MNIST and its successors) and .npz files."""

import gzip
import io
import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from backprop_rs.data import load_idx, load_mnist_folder, load_npz, load_npz_split, read_idx
from backprop_rs.data.idx_file import DTYPES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
"""The folder of Debian's package dataset-fashion-mnist."""

ROLES = {
    "train-images-idx3-ubyte": (5, 2, 3),
    "train-labels-idx1-ubyte": (5,),
    "t10k-images-idx3-ubyte": (4, 2, 3),
    "t10k-labels-idx1-ubyte": (4,),
}


def test_no_more_is_read_than_the_header_says(tmp_path):
    """The file has 64 MB of zeros behind a header of 3 bytes."""
    path = tmp_path / "bomb-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 3]) + bytes(1 << 26), mtime=0))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"has bytes left over.* got more"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 23
    finally:
        tracemalloc.stop()


def zipped(path, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    np.save(file, np.zeros((1000, 2)))
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("X.npy", file.getvalue())
    return path


def test_members_that_share_bytes_or_grow_without_limit_are_refused(tmp_path):
    path = zipped(tmp_path / "x.npz", zipfile.ZIP_LZMA)
    with pytest.raises(ValueError, match="must be stored or deflated"):
        load_npz(path)
    content = zipped(path, zipfile.ZIP_STORED).read_bytes()
    start, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    entry, tail = content[start:end], bytearray(content[end:])
    tail[8:16] = struct.pack("<HHI", 9, 9, 9 * len(entry))  # nine names of one member
    entries = b"".join(entry.replace(b"X.npy", b"%d.npy" % i) for i in range(9))
    path.write_bytes(content[:start] + entries + tail)
    with pytest.raises(ValueError, match="its members are larger than the file"):
        load_npz(path)


def test_an_npz_file_beyond_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("backprop_rs._internal.memory.SMALL", 0)
    monkeypatch.setattr("backprop_rs._internal.memory.available", lambda: 1000)
    with pytest.raises(MemoryError, match=r"an \.npz file would need 16,128 bytes"):
        load_npz(zipped(tmp_path / "x.npz"))


def idx_bytes(values):
    """Return the array in IDX format, written from the description of the format."""
    code = next(code for code, kind in DTYPES.items() if np.dtype(kind).newbyteorder("=")
                == values.dtype)  # fmt: skip
    sizes = struct.pack(f">{values.ndim}I", *values.shape)
    return bytes([0, 0, code, values.ndim]) + sizes + values.astype(DTYPES[code]).tobytes()


IDX_ARRAYS = st.sampled_from(sorted(DTYPES.values())).flatmap(
    lambda kind: arrays(np.dtype(kind).newbyteorder("="), array_shapes(max_dims=4))
)


@given(IDX_ARRAYS, st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_written_idx_is_read_back_exactly(tmp_path, values, packed):
    path = tmp_path / "values"
    data = idx_bytes(values)
    path.write_bytes(gzip.compress(data, mtime=0) if packed else data)
    back = read_idx(path)
    assert back.dtype == values.dtype
    assert back.shape == values.shape
    assert back.tobytes() == values.tobytes()


@given(IDX_ARRAYS, st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_truncated_idx_file_is_refused(tmp_path, values, data):
    path = tmp_path / "values"
    whole = idx_bytes(values)
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(ValueError, match=r"is truncated|is not an IDX file"):
        read_idx(path)


class TestIdx:
    @pytest.fixture
    def files(self, tmp_path):
        def write(images, labels):
            paths = tmp_path / "images", tmp_path / "labels"
            for path, values in zip(paths, (images, labels), strict=True):
                path.write_bytes(idx_bytes(values))
            return paths

        return write

    def test_images_become_rows_of_pixels(self, files):
        images = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 2, 3)
        data = load_idx(*files(images, np.uint8([0, 2, 1, 2])))
        assert (images.reshape(4, 6).astype(np.float32) / np.float32(255) == data.X).all()
        assert data.y.tolist() == [0, 2, 1, 2]
        assert data.class_names == ("0", "1", "2")

    def test_other_types_keep_their_values(self, files):
        images, _ = files(np.int16([[300, -4]]), np.uint8([0]))
        assert load_idx(images).X.tolist() == [[300, -4]]
        assert load_idx(images).y is None

    def test_refuses(self, files, tmp_path):
        images, labels = files(np.zeros((2, 2, 2), np.uint8), np.uint8([0, 1, 0]))
        with pytest.raises(ValueError, match=r"labels must have shape \(2,\) to match .* \(3,\)"):
            load_idx(images, labels)
        with pytest.raises(ValueError, match=r"images must have shape \(m, ...\), m at least 1"):
            load_idx(labels)
        labels.write_bytes(labels.read_bytes() + b"!")
        with pytest.raises(ValueError, match=r"has bytes left over: .* needs 3 bytes .* got more"):
            load_idx(images, labels)
        labels.write_text("a,b\n1,2\n")
        with pytest.raises(ValueError, match="is not an IDX file: it starts with b'a,b"):
            load_idx(images, labels)
        labels.write_bytes(gzip.compress(bytes(100), mtime=0)[:-12])
        with pytest.raises(ValueError, match="is a damaged gzip file"):
            read_idx(labels)
        labels.write_bytes(bytes([0, 0, 8, 3]) + b"\xff" * 12)
        with pytest.raises(ValueError, match="is truncated: shape"):
            read_idx(labels)


class TestFolder:
    @pytest.fixture
    def folder(self, tmp_path):
        random = np.random.default_rng(0)
        for name, shape in ROLES.items():
            largest = 255 if len(shape) > 1 else len(shape) + shape[0]
            values = random.integers(0, largest, shape, dtype=np.uint8)
            (tmp_path / name).write_bytes(idx_bytes(values))
        return tmp_path

    def test_train_and_test_have_the_same_classes(self, folder):
        train, test = load_mnist_folder(folder)
        assert (len(train), len(test)) == (5, 4)
        assert train.class_names == test.class_names
        assert train.name == test.name == folder.name

    def test_names_vary(self, folder):
        expected = load_mnist_folder(folder)[0].X
        path = folder / "train-images-idx3-ubyte"
        (folder / "train-images.idx3-ubyte.gz").write_bytes(
            gzip.compress(path.read_bytes(), mtime=0)
        )
        path.unlink()
        assert (expected == load_mnist_folder(folder)[0].X).all()

    @pytest.mark.parametrize("name", ROLES)
    def test_a_file_that_is_not_there_is_named(self, folder, name):
        (folder / name).unlink()
        with pytest.raises(ValueError, match=f"folder must hold the file {name} or {name}.gz"):
            load_mnist_folder(folder)

    def test_sizes_must_agree(self, folder):
        images = idx_bytes(np.zeros((4, 2, 2), np.uint8))
        (folder / "t10k-images-idx3-ubyte").write_bytes(images)
        with pytest.raises(ValueError, match="the same size; got 6 and 4 pixels"):
            load_mnist_folder(folder)

    @pytest.mark.skipif(not FASHION_MNIST.is_dir(), reason="dataset-fashion-mnist is not installed")
    def test_fashion_mnist(self):
        train, test = load_mnist_folder(FASHION_MNIST)
        assert train.X.shape == (60_000, 784)
        assert test.X.shape == (10_000, 784)
        assert np.bincount(train.y).tolist() == [6000] * 10
        assert np.bincount(test.y).tolist() == [1000] * 10
        assert (train.X.min(), train.X.max()) == (0, 1)
        # The mean commonly used to normalize this train set.
        assert round(float(train.X.mean(dtype=float)), 4) == 0.286


class TestNpz:
    X = np.float32([[1, 2], [3, 4], [5, 6]])

    @pytest.fixture
    def saved(self, tmp_path):
        def save(**named):
            path = tmp_path / "data.npz"
            np.savez_compressed(path, **named)
            return path

        return save

    def test_values(self, saved):
        data = load_npz(saved(X=self.X, y=[0.5, 1.5, 2.5]))
        assert (data.X == self.X).all()
        assert data.y.tolist() == [0.5, 1.5, 2.5]
        assert load_npz(saved(x=self.X)).y is None
        assert load_npz(saved(x=self.X, y=self.X)).n_outputs == 2

    def test_classes(self, saved):
        assert load_npz(saved(X=self.X, y=["b", "a", "b"])).class_names == ("a", "b")
        assert load_npz(saved(X=self.X, y=[7, 5, 7]), classes=True).y.tolist() == [1, 0, 1]
        assert load_npz(saved(X=self.X, y=[[7], [5], [7]]), classes=True).y.tolist() == [1, 0, 1]

    def test_names(self, saved):
        data = load_npz(
            saved(X=self.X, y=[1, 0, 1], feature_names=["p", "q"], class_names=["no", "yes"])
        )
        assert data.feature_names == ("p", "q")
        assert data.class_names == ("no", "yes")

    @pytest.mark.parametrize("wrong", [1.7, -1.0, 2.0])
    def test_labels_with_class_names_must_be_whole_numbers(self, saved, wrong):
        names = {"class_names": ["no", "yes"]}
        assert load_npz(saved(X=self.X, y=[1.0, 0.0, 1.0], **names)).y.tolist() == [1, 0, 1]
        with pytest.raises(ValueError, match=rf"labels from 0 to 1, .*; got {wrong} in row 2"):
            load_npz(saved(X=self.X, y=[1.0, 0.0, wrong], **names))

    def test_images_become_rows_of_pixels(self, saved):
        data = load_npz(saved(X=np.full((2, 3, 3), 51, np.uint8)))
        assert data.X.shape == (2, 9)
        assert (np.float32(0.2) == data.X).all()

    def test_split_has_the_same_classes(self, saved):
        path = saved(x_train=self.X, y_train=["b", "c", "b"], x_test=self.X, y_test=["a", "b", "c"])
        train, test = load_npz_split(path)
        assert train.class_names == test.class_names == ("a", "b", "c")
        assert (train.y.tolist(), test.y.tolist()) == ([1, 2, 1], [0, 1, 2])
        with pytest.raises(ValueError, match="holds x_train: use load_npz_split"):
            load_npz(path)

    def test_refuses(self, saved, tmp_path):
        with pytest.raises(ValueError, match=r"path must hold the arrays x; .* holds z"):
            load_npz(saved(z=self.X))
        with pytest.raises(ValueError, match=r"hold the arrays x_train, y_train, x_test, y_test"):
            load_npz_split(saved(x=self.X))
        with pytest.raises(ValueError, match="array 'X' cannot be read: Object arrays"):
            load_npz(saved(X=np.array([[None]], object)))
        with pytest.raises(ValueError, match=r"array 'x' must have shape \(m, ...\)"):
            load_npz(saved(X=[1, 2]))
        with pytest.raises(ValueError, match="y must hold finite numbers; got nan at row"):
            load_npz(saved(X=self.X, y=[0, 1, np.nan]))
        path = saved(X=self.X)
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(ValueError, match=r"is not an \.npz file, or is truncated"):
            load_npz(path)
        with pytest.raises(TypeError, match="path must be a file name; got int"):
            load_npz(3)
        with pytest.raises(ValueError, match="classes must be one of auto, True, False; got 2"):
            load_npz(path, classes=2)


@pytest.mark.parametrize(
    ("labels", "n"),
    [(np.arange(1, 27).repeat(4), 26), (np.arange(47).repeat(2).astype(np.uint8), 47)],
)
def test_integers_of_images_are_labels(labels, n, tmp_path):
    path = tmp_path / "letters.npz"
    images = np.zeros((len(labels), 2, 2), np.uint8)
    np.savez(path, X=images, y=labels)
    data = load_npz(path)
    assert data.n_outputs == n and data.class_names == tuple(map(str, np.unique(labels)))
    assert load_npz(path, classes=False).class_names == ()
    np.savez(path, x_train=images, y_train=labels[:, None], x_test=images[:2], y_test=labels[:2])
    assert [part.n_outputs for part in load_npz_split(path)] == [n, n]


def test_integers_without_a_gap_that_are_values_cause_a_warning(tmp_path):
    path = tmp_path / "counts.npz"
    np.savez(path, X=np.zeros((52, 3)), y=np.arange(1, 27).repeat(2))
    with pytest.warns(UserWarning, match=r"integers 1\.\.26, which are taken as values"):
        assert not load_npz(path).is_classification
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_npz(path, classes=True).n_outputs == 26
        np.savez(path, X=np.zeros((52, 3)), y=np.arange(18, 44).repeat(2))
        assert load_npz(path).n_outputs == 1


def emnist(folder, prefix, first=1, last=3, packed=False):
    """Write a data set with EMNIST's names; images and labels are returned."""
    random = np.random.default_rng(0)
    written = {}
    for part, n in (("train", 12), ("test", 6)):
        images = random.integers(0, 255, (n, 2, 3), dtype=np.uint8)
        labels = np.uint8(first + np.arange(n) % (last - first + 1))
        for values, name in ((images, "images-idx3"), (labels, "labels-idx1")):
            data = idx_bytes(values)
            path = folder / f"{prefix}-{part}-{name}-ubyte{'.gz' * packed}"
            path.write_bytes(gzip.compress(data, mtime=0) if packed else data)
        written[part] = images, labels
    return written


@pytest.mark.parametrize("packed", [False, True])
def test_emnist(packed, tmp_path):
    written = emnist(tmp_path, "emnist-letters", last=3, packed=packed)
    train, test = load_mnist_folder(tmp_path)
    for data, (images, labels) in zip((train, test), written.values(), strict=True):
        assert data.class_names == ("1", "2", "3")
        assert [data.class_names[label] for label in data.y] == list(map(str, labels))
        assert (images.reshape(-1, 6) / np.float32(255) == data.X).all()
    upright, _ = load_mnist_folder(tmp_path, transpose=True)
    images = written["train"][0]
    expected = np.stack([image.T.ravel() for image in images]) / np.float32(255)
    assert (expected == upright.X).all()
    (tmp_path / "emnist-letters-mapping.txt").write_text("1 65 97\n2 66 98\n3 67 99\n")
    assert load_mnist_folder(tmp_path)[1].class_names == ("A", "B", "C")
    (tmp_path / "emnist-letters-mapping.txt").write_text("A 1\n")
    with pytest.raises(ValueError, match="must hold lines of a label and the code"):
        load_mnist_folder(tmp_path)


def test_26_letters_are_26_classes(tmp_path):
    written = emnist(tmp_path, "emnist-letters", last=12)
    (tmp_path / "emnist-letters-test-labels-idx1-ubyte").write_bytes(
        idx_bytes(np.uint8([26, 25, 24, 23, 22, 21]))
    )
    train, test = load_mnist_folder(tmp_path)
    assert len(train.class_names) == 18 and train.class_names == test.class_names
    assert test.class_names[test.y[0]] == "26"
    images, labels = (tmp_path / f"emnist-letters-train-{name}-ubyte"
                      for name in ("images-idx3", "labels-idx1"))  # fmt: skip
    alone = load_idx(images, labels, transpose=True)
    assert alone.class_names == tuple(str(k) for k in range(1, 13))
    assert (alone.X[0] == written["train"][0][0].T.ravel() / np.float32(255)).all()


def test_several_data_sets_in_a_folder(tmp_path):
    emnist(tmp_path, "emnist-letters", 1, 3)
    emnist(tmp_path, "emnist-digits", 0, 1)
    with pytest.raises(ValueError, match=r"several data sets \(emnist-digits, emnist-letters\); "
                       "give split= the name of one"):  # fmt: skip
        load_mnist_folder(tmp_path)
    assert load_mnist_folder(tmp_path, "digits")[0].class_names == ("0", "1")
    assert load_mnist_folder(tmp_path, "emnist-letters")[0].class_names == ("1", "2", "3")
    with pytest.raises(ValueError, match="split must be one of emnist-digits, emnist-letters; got"):
        load_mnist_folder(tmp_path, "byclass")
    with pytest.raises(TypeError, match="split must be a text"):
        load_mnist_folder(tmp_path, 1)
    (tmp_path / "emnist-digits-test-labels-idx1-ubyte").unlink()
    with pytest.raises(ValueError, match="must hold the file emnist-digits-test-labels-idx1-ubyte"):
        load_mnist_folder(tmp_path, "digits")


def test_kmnist(tmp_path):
    random = np.random.default_rng(0)
    arrays = {}
    for part, n in (("train", 9), ("test", 4)):
        arrays[part] = random.integers(0, 255, (n, 2, 2), np.uint8), np.uint8(np.arange(n) % 3)
        np.savez(tmp_path / f"kmnist-{part}-imgs", arrays[part][0])
        np.savez(tmp_path / f"kmnist-{part}-labels", arrays[part][1])
    train, test = load_mnist_folder(tmp_path)
    assert train.class_names == ("0", "1", "2")
    assert (arrays["test"][0].reshape(4, 4) / np.float32(255) == test.X).all()
    alone = load_npz(tmp_path / "kmnist-train-imgs.npz", tmp_path / "kmnist-train-labels.npz")
    assert (alone.X == train.X).all() and (alone.y == train.y).all()
    assert load_npz(tmp_path / "kmnist-train-imgs.npz").y is None


def test_whole_numbers_of_images_are_classes(tmp_path):
    images = np.zeros((130, 2, 3), np.uint8)
    images[:, 0, 1] = 255
    y = np.arange(130) % 26 + 1
    np.savez(tmp_path / "letters", X=images, y=y)
    data = load_npz(tmp_path / "letters.npz", transpose=True)
    assert data.class_names == tuple(str(k) for k in range(1, 27))
    assert data.y.tolist() == (y - 1).tolist()
    assert data.X[0].tolist() == [0, 0, 1, 0, 0, 0]
    assert load_npz(tmp_path / "letters.npz", classes=False).n_outputs == 1
    np.savez(tmp_path / "split", x_train=images, y_train=y, x_test=images[:3], y_test=y[:3])
    assert load_npz_split(tmp_path / "split.npz")[1].class_names == data.class_names
    np.savez(tmp_path / "values", X=np.zeros((130, 2)), y=y % 2)
    with pytest.raises(ValueError, match="transpose needs images"):
        load_npz(tmp_path / "values.npz", transpose=True)
    with pytest.raises(TypeError, match="transpose must be True or False; got 1"):
        load_npz(tmp_path / "values.npz", transpose=1)
    with pytest.raises(ValueError, match="labels must be None, because"):
        load_npz(tmp_path / "values.npz", tmp_path / "values.npz")
