"""Read IDX files, the format of MNIST and its successors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .._internal.printable import printable
from .dataset import Dataset
from .image_folder import find_files, read_mapping
from .io import Path, open_binary, title
from .labels import MAX_LABEL, default_class_names

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


def load_idx(images: Path, labels: Path | None = None, *, transpose: bool = False) -> Dataset:
    """Read a file of images and a file of labels, such as those of MNIST's train set.

    Parameters
    ----------
    images : str or path-like
        IDX file of shape (m, ...); each image becomes a row. Unsigned bytes become pixels in
        [0, 1]; other types keep their values. Compressed with gzip or not.
    labels : str or path-like, optional
        IDX file of shape (m,): integers are class labels, floats are values. None means no target.
        The classes are the labels that occur, in order: labels 1 to 26 are 26 classes.
    transpose : bool, default False
        Exchange the rows and columns of each image: the images of EMNIST become upright.

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
    X = image_rows(images, read_idx(images), transpose)
    if labels is None:
        return Dataset(X, name=title(images))
    y, class_names = coded([_labels(labels, len(X), images)])
    return Dataset(X, y[0], class_names=class_names, name=title(images))


def load_mnist_folder(
    folder: Path, split: str | None = None, *, transpose: bool = False
) -> tuple[Dataset, Dataset]:
    """Read the four files of a folder like that of MNIST, Fashion-MNIST, KMNIST or EMNIST.

    Parameters
    ----------
    folder : str or path-like
        A folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
        t10k-labels-idx1-ubyte, each with or without .gz (or with a dot in place of the dash before
        "idx"); with EMNIST's names, such as emnist-letters-train-images-idx3-ubyte; or with
        KMNIST's .npz files, such as kmnist-train-imgs.npz.
    split : str, optional
        Which of several data sets in the folder, such as "letters" for emnist-letters-....
    transpose : bool, default False
        Exchange the rows and columns of each image: the images of EMNIST become upright.

    Returns
    -------
    train, test : Dataset
        Data sets with the same classes, which are the labels that occur in either; EMNIST's file
        emnist-letters-mapping.txt, if it is there, names them. Pixels lie in [0, 1].

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
    from pathlib import Path as SystemPath

    files = find_files(folder, split)
    X, y = [], []
    for images, labels in files.pairs:
        X.append(image_rows(images, read_array(images), transpose))
        y.append(_labels(labels, len(X[-1]), images))
    if X[0].shape[1] != X[1].shape[1]:
        raise ValueError(
            "train and test images must have the same size; "
            f"got {X[0].shape[1]} and {X[1].shape[1]} pixels"
        )
    targets, class_names = coded(y, read_mapping(files.mapping) if files.mapping else {})
    name = SystemPath(folder).resolve().name
    train, test = (
        Dataset(rows, target, class_names=class_names, name=name)
        for rows, target in zip(X, targets, strict=True)
    )
    return train, test


def read_array(path: Path) -> NDArray[Any]:
    """Read the array of an IDX file, or the only one of an .npz file."""
    if not str(path).endswith(".npz"):
        return read_idx(path)
    from .npz_members import read_npz

    arrays = read_npz(path)
    if len(arrays) != 1:
        raise ValueError(f"{printable(path)} must hold one array; it has {', '.join(arrays)}")
    return next(iter(arrays.values()))


def coded(
    targets: list[NDArray[Any]], names: Mapping[int, str] | None = None
) -> tuple[list[NDArray[Any]], tuple[str, ...]]:
    """Return labels counted from 0, and the names of the classes; values stay as they are."""
    together = np.concatenate(targets)
    if together.dtype.kind not in "biu":
        return targets, ()
    if together.size and together.max() > MAX_LABEL:
        default_class_names(together)  # raises
    distinct, labels = np.unique(together, return_inverse=True)
    class_names = tuple((names or {}).get(int(label), str(label)) for label in distinct)
    return np.split(labels, np.cumsum([len(y) for y in targets])[:-1]), class_names


def pixels(values: NDArray[Any]) -> NDArray[Any]:
    """Return unsigned bytes as float32 in [0, 1], and any other array unchanged."""
    if values.dtype != np.uint8:
        return values
    scaled: NDArray[np.float32] = np.divide(values, np.float32(255), dtype=np.float32)
    return scaled


def image_rows(path: Path, images: NDArray[Any], transpose: bool) -> NDArray[Any]:
    """Return images as rows, each transposed if asked."""
    if not isinstance(transpose, bool):
        raise TypeError(f"transpose must be True or False; got {transpose!r}")
    if images.ndim < 2 or images.size == 0:
        raise ValueError(
            f"images must have shape (m, ...), m at least 1; {printable(path)} has {images.shape}"
        )
    if transpose:
        if images.ndim < 3:
            raise ValueError(
                "transpose needs images of shape (m, rows, columns, ...); "
                f"{printable(path)} has {images.shape}"
            )
        images = images.swapaxes(1, 2)
    return pixels(images.reshape(len(images), -1))


def _labels(path: Path, n_samples: int, images: Path) -> NDArray[Any]:
    labels = read_array(path)
    if labels.shape != (n_samples,):
        raise ValueError(
            f"labels must have shape ({n_samples},) to match {printable(images)}; "
            f"{printable(path)} has {labels.shape}"
        )
    return labels
