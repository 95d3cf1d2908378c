"""Read data sets from NumPy's .npz files."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._internal.printable import printable
from .._internal.stacklevel import level_of_caller
from .dataset import Dataset
from .idx_file import image_rows, read_array
from .io import Path, title
from .labels import MAX_CLASSES, Classes, code_numbers, code_texts
from .table_options import one_of

MAX_IMAGE_CLASSES = 1000
"""Integers with more distinct values are not taken for the labels of images."""


def load_npz(
    path: Path,
    labels: Path | None = None,
    *,
    classes: Classes = "auto",
    transpose: bool = False,
) -> Dataset:
    """Read the arrays X and y.

    Parameters
    ----------
    path : str or path-like
        An .npz file with X (m, ...) and, for a target, y (m,) or (m, k); the case of names does
        not matter. Images, which have 3 axes or more, become rows; those of unsigned bytes become
        pixels in [0, 1]. The arrays feature_names and class_names are optional. A file with arr_0
        alone, as those of KMNIST, holds X.
    labels : str or path-like, optional
        Another .npz file, whose only array is y, as those of KMNIST.
    classes : "auto", True or False, default "auto"
        True if the target is classes. "auto" decides as in `load_csv`, and takes integers for
        labels of images too: 1..26 of letters, or 0..99. A warning names integers that count from
        0 or 1 without a gap and are taken as values.
    transpose : bool, default False
        Exchange the rows and columns of each image: the images of EMNIST become upright.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError, TypeError
        If the file or an array does not fit.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "lamp.npz")
    >>> np.savez(path, X=[[0.0, 1.0], [1.0, 1.0]], y=["off", "on"])
    >>> load_npz(path)
    Dataset('lamp': 2 samples, 2 features, 2 classes: off, on)
    """
    one_of("classes", classes, ("auto", True, False))
    arrays = _arrays(path)
    if "x_train" in arrays and "x" not in arrays:
        raise ValueError(f"path must hold X; {printable(path)} holds x_train: use load_npz_split")
    if list(arrays) == ["arr_0"]:
        arrays = {"x": arrays["arr_0"]}
    _check_present(path, arrays, "x")
    if labels is not None:
        if "y" in arrays:
            raise ValueError(f"labels must be None, because {printable(path)} holds y")
        arrays["y"] = read_array(labels)
    (dataset,) = _datasets(path, arrays, [("x", "y")], classes, transpose)
    return dataset


def load_npz_split(
    path: Path, *, classes: Classes = "auto", transpose: bool = False
) -> tuple[Dataset, Dataset]:
    """Read the arrays x_train, y_train, x_test and y_test.

    Parameters
    ----------
    path : str or path-like
        An .npz file with these arrays (or with a capital X); see `load_npz`.
    classes : "auto", True or False, default "auto"
        True if the target is classes; "auto" decides as in `load_npz`.
    transpose : bool, default False
        As in `load_npz`.

    Returns
    -------
    train, test : Dataset
        Data sets with the same classes.

    Raises
    ------
    ValueError, TypeError
        If the file or an array does not fit.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "line.npz")
    >>> np.savez(path, x_train=[[1.0], [2.0]], y_train=[3.5, 4.5], x_test=[[3.0]], y_test=[5.5])
    >>> train, test = load_npz_split(path)
    >>> test
    Dataset('line': 1 sample, 1 feature, 1 target value)
    """
    one_of("classes", classes, ("auto", True, False))
    arrays = _arrays(path)
    pairs = [("x_train", "y_train"), ("x_test", "y_test")]
    _check_present(path, arrays, *(name for pair in pairs for name in pair))
    train, test = _datasets(path, arrays, pairs, classes, transpose)
    return train, test


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    from .npz_members import read_npz  # imports zipfile

    return read_npz(path)


def _check_present(path: Path, arrays: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if name not in arrays:
            raise ValueError(
                f"path must hold the arrays {', '.join(names)}; {printable(path)} holds "
                f"{', '.join(arrays) or 'none'}"
            )


def _datasets(
    path: Path,
    arrays: Mapping[str, NDArray[Any]],
    pairs: list[tuple[str, str]],
    classes: Classes,
    transpose: bool,
) -> list[Dataset]:
    """Return a data set for each pair of names, all with the same coding of classes."""
    known = _names(arrays, "class_names")
    targets = [arrays[y] for _, y in pairs if y in arrays]
    if targets and classes == "auto":
        classes = _rule(targets, all(_are_images(arrays[x]) for x, _ in pairs), known)
    coded, class_names = _coded(targets, classes, known) if targets else ([None], ())
    names = _names(arrays, "feature_names")
    return [
        Dataset(_rows(x, arrays[x], transpose), y, names, class_names, title(path))
        for (x, _), y in zip(pairs, coded, strict=True)
    ]


def _coded(
    targets: list[NDArray[Any]], classes: Classes, known: tuple[str, ...]
) -> tuple[list[NDArray[Any]], tuple[str, ...]]:
    """Return the targets with classes as labels, and the names of the classes."""
    targets = [y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 else y for y in targets]
    if any(y.ndim != 1 for y in targets):
        return targets, ()
    together = np.concatenate(targets)
    if together.dtype.kind == "U":
        coded: NDArray[Any]
        coded, known = code_texts(together.tolist(), known)
    elif together.dtype.kind not in "biuf" or not np.isfinite(together).all():
        return targets, ()  # `Dataset` reports the fault
    elif known:
        coded = _labels(together, known)
    else:
        coded, known = code_numbers(together.astype(np.float64), classes)
    return np.split(coded, np.cumsum([len(y) for y in targets])[:-1]), known


def _are_images(X: NDArray[Any]) -> bool:
    return X.ndim > 2 or X.dtype == np.uint8


def _rule(targets: list[NDArray[Any]], are_images: bool, known: tuple[str, ...]) -> Classes:
    """Return True for integers that are labels of images, otherwise "auto"."""
    together = np.concatenate([y.reshape(-1) for y in targets])
    is_column = all(y.size == len(y) for y in targets)
    if known or not is_column or together.dtype.kind not in "iu" or not together.size:
        return "auto"
    distinct = np.unique(together)
    n = len(distinct)
    if n <= MAX_CLASSES or n > MAX_IMAGE_CLASSES or 2 * n > len(together):
        return "auto"
    if are_images:
        return True
    if distinct[0] in (0, 1) and distinct[-1] - distinct[0] == n - 1:
        warnings.warn(
            f"y holds the integers {distinct[0]}..{distinct[-1]}, which are taken as values: give "
            "classes=True if they are labels, or classes=False",
            stacklevel=level_of_caller(),
        )
    return "auto"


def _labels(values: NDArray[Any], known: tuple[str, ...]) -> NDArray[np.int64]:
    """Return whole numbers as labels of the known names."""
    wrong = (values != np.floor(values)) | (values < 0) | (values >= len(known))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"y must hold labels from 0 to {len(known) - 1}, the positions of class_names; got "
            f"{values[row]} in row {row} (counted from 0)"
        )
    return values.astype(np.int64)


def _names(arrays: Mapping[str, NDArray[Any]], key: str) -> tuple[str, ...]:
    if key not in arrays:
        return ()
    if arrays[key].ndim != 1:
        raise ValueError(f"array {key!r} must hold a list of names; got shape {arrays[key].shape}")
    return tuple(map(str, arrays[key].tolist()))


def _rows(name: str, X: NDArray[Any], transpose: bool) -> NDArray[Any]:
    if X.ndim < 2 or X.size == 0:
        raise ValueError(f"array {name!r} must have shape (m, ...), m at least 1; got {X.shape}")
    if X.ndim == 2 and not transpose:
        return X
    return image_rows(f"array {name!r}", X, transpose)
