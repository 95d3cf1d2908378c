"""Class labels: code numbers and texts as 0, 1, ..., and labels as one-hot rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._internal.stacklevel import level_of_caller
from .arrays import array_of

Classes = bool | str
"""True if a target is classes, False if it is values, or "auto" (see `is_classes`)."""

MAX_CLASSES = 20
"""With more distinct values, "auto" does not take whole numbers for classes."""

MAX_LABEL = 65_535
"""A larger label is refused: it is more likely a value given as an integer."""


def one_hot(labels: ArrayLike, n_classes: int | None = None) -> NDArray[np.float32]:
    """Code class labels as rows with a single 1.

    Parameters
    ----------
    labels : array-like of int, shape (m,)
        Labels counted from 0.
    n_classes : int, optional
        The width of a row; by default the largest label + 1.

    Returns
    -------
    ndarray of float32, shape (m, n_classes)

    Raises
    ------
    ValueError, TypeError
        If a label is not an integer in [0, n_classes).

    Examples
    --------
    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    array = array_of("labels", labels)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"labels must have shape (m,), m at least 1; got shape {array.shape}")
    if array.dtype.kind not in "biu":
        raise TypeError(f"labels must be integers; got dtype {array.dtype}")
    if n_classes is None:
        n_classes = len(default_class_names(array))
    elif isinstance(n_classes, bool) or not isinstance(n_classes, int | np.integer):
        raise TypeError(f"n_classes must be an integer >= 1; got {n_classes!r}")
    elif n_classes < 1:
        raise ValueError(f"n_classes must be an integer >= 1; got {n_classes}")
    check_labels(array, int(n_classes))
    return one_hot_rows(array.astype(np.intp), int(n_classes), np.float32)


def one_hot_rows(labels: NDArray[Any], n_classes: int, dtype: Any = np.float64) -> NDArray[Any]:
    """Code checked class labels (m,) as rows with a single 1, (m, n_classes)."""
    rows = np.zeros((len(labels), n_classes), dtype)
    rows[np.arange(len(labels)), labels] = 1
    return rows


def check_labels(labels: NDArray[Any], n_classes: int) -> None:
    """Raise ValueError that names the first row with a label outside [0, n_classes)."""
    outside = (labels < 0) | (labels >= n_classes)
    if outside.any():
        row = int(outside.argmax())
        raise ValueError(
            f"labels must lie in 0..{n_classes - 1}; got {labels[row]} in row {row} "
            "(counted from 0)"
        )


def default_class_names(labels: NDArray[Any]) -> tuple[str, ...]:
    """Return "0", "1", ... up to the largest label."""
    largest = int(labels.max())
    if largest > MAX_LABEL:
        raise ValueError(
            f"labels must lie in 0..{MAX_LABEL} (give other targets as floats); got {largest}"
        )
    check_labels(labels, max(largest, 0) + 1)
    return tuple(str(label) for label in range(largest + 1))


def warn_of_labels_from_1(labels: NDArray[Any]) -> None:
    """Warn if labels are 1, 2, ..., n: class 0 would have no sample.

    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_of_labels_from_1(np.array([2, 1, 3]))
    >>> str(caught[0].message).split(";")[0]
    'labels are 1 to 3, but classes count from 0, so class 0 has no sample'
    """
    if labels.dtype.kind == "b" or labels.size < 2 or labels.min() != 1:
        return
    largest = int(labels.max())
    if largest > 1 and len(np.unique(labels)) == largest:
        warnings.warn(
            f"labels are 1 to {largest}, but classes count from 0, so class 0 has no sample; "
            "subtract 1, give the labels as texts, or name class 0 too with class_names",
            UserWarning,
            stacklevel=level_of_caller(),
        )


def is_classes(values: NDArray[np.float64], classes: Classes) -> bool:
    """Return True if a numeric target is classes.

    "auto" takes whole numbers for classes if they have at most 20 distinct values that occur at
    least twice on average. This accepts 0/1 and 1..7, and excludes prices, counts and years.
    """
    if isinstance(classes, bool):
        return classes
    if (values != np.floor(values)).any():
        return False
    n_distinct = len(np.unique(values))
    return n_distinct <= MAX_CLASSES and 2 * n_distinct <= len(values)


def class_name(value: object) -> str:
    """Return the name of a class, given as a number or a text: 3.0 is "3"."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def code_numbers(
    values: NDArray[np.float64],
    classes: Classes,
    class_names: Sequence[str] | None = None,
    place: Callable[[int], str] = "row {} (counted from 0)".format,
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return (y, class names) of a numeric target (m,); if it is not classes, y is its values."""
    if not class_names and not is_classes(values, classes):
        return values, ()
    distinct, labels = np.unique(values, return_inverse=True)
    names = [class_name(value) for value in distinct.tolist()]
    return _named(labels, names, tuple(class_names or names), place)


def code_texts(
    texts: Sequence[str],
    class_names: Sequence[str] | None = None,
    place: Callable[[int], str] = "row {} (counted from 0)".format,
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return (y, class names) of a text target; by default the names are sorted."""
    names = sorted(set(texts))
    label = {name: j for j, name in enumerate(names)}
    labels = np.fromiter((label[text] for text in texts), np.int64, len(texts))
    return _named(labels, names, tuple(class_names or names), place)


def _named(
    labels: NDArray[Any], names: list[str], known: tuple[str, ...], place: Callable[[int], str]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    position = {name: j for j, name in enumerate(known)}
    table = np.array([position.get(name, -1) for name in names], np.int64)
    coded = table[labels]
    if (table < 0).any():
        row = int((coded < 0).argmax())
        raise ValueError(
            f"{place(row)}: class {names[labels[row]]!r} is not one of {', '.join(known[:20])}"
        )
    return coded, known


def labels_among(texts: Sequence[str], known: dict[str, int]) -> NDArray[np.int64]:
    """Return the label of each text, or raise ValueError that names the first unknown one."""
    for text in texts:
        if text not in known:
            names = ", ".join(list(known)[:20])
            raise ValueError(f"the target must be one of {names}; got {text!r}")
    return np.array([known[text] for text in texts], np.int64)


def class_labels(y: NDArray[Any], output: str, cost: str) -> NDArray[Any] | None:
    """Return the classes (m,) that checked targets stand for, or None if they are not classes.

    Parameters
    ----------
    y : array, shape (m,) or (m, n_L)
        Labels, or the target of each output.
    output, cost : str
        The activation of the output layer and the cost.
    """
    if y.ndim == 1:
        return y
    if not is_binary(y):
        return None
    if y.shape[1] > 1:
        return y.argmax(axis=1) if (y.sum(axis=1) == 1).all() else None
    return y[:, 0].astype(np.int64) if has_binary_outputs(output, cost) else None


def target_labels(y: NDArray[Any], output: str, cost: str, multilabel: bool) -> NDArray[Any] | None:
    """Return classes (m,), or 0 and 1 (m, n_L) for several labels a sample; None for values.

    Rows with a single 1 may be either of the two: `multilabel` decides that they are labels.
    """
    if y.ndim == 2 and (multilabel or is_multilabel(y, output, cost)):
        return y.astype(np.int64) if is_binary(y) else None
    return class_labels(y, output, cost)


def is_multilabel(y: NDArray[Any], output: str, cost: str) -> bool:
    """Return True if targets are 0 and 1 for each of several outputs, and not one class a row."""
    if y.ndim == 1 or y.shape[1] == 1 or not has_binary_outputs(output, cost):
        return False
    return is_binary(y) and not (y.sum(axis=1) == 1).all()


def is_binary(y: NDArray[Any]) -> bool:
    """Return True if all targets are 0 or 1."""
    return bool(((y == 0) | (y == 1)).all())


def has_binary_outputs(output: str, cost: str) -> bool:
    """Return True if each output decides between 0 and 1 independently of the others."""
    return output == "sigmoid" or cost == "hinge"


def predicted_classes(a: NDArray[Any], threshold: float = 0.5) -> NDArray[np.int64]:
    """Return the classes (m,) that activations (m, n_L) of the output layer predict.

    A single output is class 1 from `threshold` on.
    """
    if a.shape[1] > 1:
        classes: NDArray[np.int64] = a.argmax(axis=1)
        return classes
    return (a[:, 0] >= threshold).astype(np.int64)
