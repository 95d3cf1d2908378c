"""Read IDX files, the format of MNIST and its successors."""

from __future__ import annotations

import math
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .._internal.printable import printable
from .dataset import Dataset
from .io import Path, open_binary, title

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""Type codes of the format, http://yann.lecun.com/exdb/mnist/ (last section)."""


CHUNK = 1 << 18  # bytes; a gzip reader allocates as many at once


def read_idx(path: Path) -> NDArray[Any]:
    """Read the array of one IDX file, compressed with gzip or not.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    ndarray
        The array in the shape and type of the file's header, in native byte order.

    Raises
    ------
    ValueError
        If the file is damaged, or not an IDX file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "labels-idx1-ubyte")
    >>> path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
    11
    >>> read_idx(path)
    array([7, 8, 9], dtype=uint8)
    """
    with open_binary(path) as file:
        magic = file.read(4)
        if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES or magic[3] == 0:
            raise ValueError(f"{printable(path)} is not an IDX file: it starts with {magic!r}")
        sizes = file.read(4 * magic[3])
        if len(sizes) < 4 * magic[3]:
            raise ValueError(f"{printable(path)} is truncated: it ends within its header")
        shape = tuple(int(n) for n in np.frombuffer(sizes, ">u4"))
        dtype = np.dtype(DTYPES[magic[2]])
        n_bytes = math.prod(shape) * dtype.itemsize
        data = read_at_most(file, n_bytes + 1)
    if len(data) != n_bytes:
        more = len(data) > n_bytes
        fault = "has bytes left over" if more else "is truncated"
        raise ValueError(
            f"{printable(path)} {fault}: shape {shape} of its header needs {n_bytes:,} bytes of "
            f"data; got {'more' if more else f'{len(data):,}'}"
        )
    try:
        array = np.frombuffer(data, dtype).reshape(shape)
    except ValueError:  # too many axes, or an axis that is too large with another of length 0
        raise ValueError(f"{printable(path)} has a header that no array fits: {shape}") from None
    return array.astype(dtype.newbyteorder("="))


def read_at_most(file: BinaryIO, n_bytes: int) -> bytes:
    """Read `n_bytes`, or all bytes if there are fewer; a false number takes no memory."""
    chunks, missing = [], n_bytes
    while missing and (chunk := file.read(min(missing, CHUNK))):
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)


def load_idx(images: Path, labels: Path | None = None) -> Dataset:
    """Read a file of images and a file of labels, such as those of MNIST's train set.

    Parameters
    ----------
    images : str or path-like
        IDX file of shape (m, ...); each image becomes a row. Unsigned bytes become pixels in
        [0, 1]; other types keep their values. Compressed with gzip or not.
    labels : str or path-like, optional
        IDX file of shape (m,): integers are class labels, floats are values. None means no target.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If a file is damaged or not an IDX file, or the two files do not fit together.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "images-idx3-ubyte")
    >>> header, pixels = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2], [0, 255, 51, 0]
    >>> path.write_bytes(bytes(header + pixels))
    20
    >>> load_idx(path).X
    array([[0. , 1. ],
           [0.2, 0. ]], dtype=float32)
    """
    X = _image_rows(images)
    y = None if labels is None else _labels(labels, len(X), images)
    return Dataset(X, y, name=title(images))


def load_mnist_folder(folder: Path) -> tuple[Dataset, Dataset]:
    """Read the four files of a folder like that of MNIST.

    Parameters
    ----------
    folder : str or path-like
        A folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
        t10k-labels-idx1-ubyte, each with or without .gz (or with a dot in place of the dash before
        "idx").

    Returns
    -------
    train, test : Dataset
        Data sets with the same classes; pixels lie in [0, 1].

    Raises
    ------
    ValueError
        If a file is absent or damaged, or the files do not fit together.

    Examples
    --------
    >>> load_mnist_folder("/nowhere")
    Traceback (most recent call last):
    ValueError: folder must hold the file train-images-idx3-ubyte or train-images-idx3-ubyte.gz; \
/nowhere does not
    """
    parts = [
        load_idx(
            _find(folder, f"{part}-images-idx3-ubyte"),
            _find(folder, f"{part}-labels-idx1-ubyte"),
        )
        for part in ("train", "t10k")
    ]
    return _with_same_classes(folder, *parts)


def pixels(values: NDArray[Any]) -> NDArray[Any]:
    """Return unsigned bytes as float32 in [0, 1], and any other array unchanged."""
    if values.dtype != np.uint8:
        return values
    scaled: NDArray[np.float32] = np.divide(values, np.float32(255), dtype=np.float32)
    return scaled


def _image_rows(path: Path) -> NDArray[Any]:
    images = read_idx(path)
    if images.ndim < 2 or images.size == 0:
        raise ValueError(
            f"images must have shape (m, ...), m at least 1; {printable(path)} has {images.shape}"
        )
    return pixels(images.reshape(len(images), -1))


def _labels(path: Path, n_samples: int, images: Path) -> NDArray[Any]:
    labels = read_idx(path)
    if labels.shape != (n_samples,):
        raise ValueError(
            f"labels must have shape ({n_samples},) to match {printable(images)}; "
            f"{printable(path)} has {labels.shape}"
        )
    return labels


def _find(folder: Path, name: str) -> str:
    from pathlib import Path as SystemPath

    for variant in (name, name.replace("-idx", ".idx")):
        for ending in ("", ".gz"):
            path = SystemPath(folder, variant + ending)
            if path.is_file():
                return str(path)
    raise ValueError(f"folder must hold the file {name} or {name}.gz; {printable(folder)} does not")


def _with_same_classes(folder: Path, train: Dataset, test: Dataset) -> tuple[Dataset, Dataset]:
    from pathlib import Path as SystemPath

    name = SystemPath(folder).resolve().name
    if train.n_features != test.n_features:
        raise ValueError(
            "train and test images must have the same size; "
            f"got {train.n_features} and {test.n_features} pixels"
        )
    classes: tuple[str, ...] = ()
    if train.is_classification and test.is_classification:
        classes = max(train.class_names, test.class_names, key=len)
    return (
        Dataset(train.X, train.y, class_names=classes, name=name),
        Dataset(test.X, test.y, class_names=classes, name=name),
    )
