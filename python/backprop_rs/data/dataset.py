"""`Dataset`: the record that every reader returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._internal import frames
from .._internal.printable import printable
from .arrays import array_of, finite, rows_of
from .labels import check_labels, code_texts, default_class_names, warn_of_labels_from_1
from .scaling import Scaling

MAX_FEATURES = 20
"""The number of features that are shown in Jupyter."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Features, target and their names.

    Parameters
    ----------
    X : array-like, shape (m, n_0)
        One row per sample; kept in its own type of numbers (bools, integers, float32, float64) as a
        C-contiguous array, and not copied if it is one already. A network rounds it to its own
        type: `standardize` large numbers first, in float64.
    y : array-like, shape (m,) or (m, k), optional
        Integers (m,) are class labels counted from 0, kept as int64. Text (m,) is coded as labels
        of its sorted distinct values. Other numbers are values, kept in their own type. None means
        no target.
    feature_names : sequence of str, optional
        n_0 names; by default those of the frame X, or x0, x1, ...
    class_names : sequence of str, optional
        The name of each label; by default "0", "1", ... up to the largest label.
    name : str, optional
        Name of the data set.
    scaling : Scaling, optional
        The scaling that `standardize` has applied to `X`.
    target_name : str, optional
        The name of the column of `y`.
    has_feature_names : bool, optional
        True if the data have named their features; by default True if `feature_names`, or names of
        the frame X, are given.
    fill_values : mapping from feature to number, optional
        The mean of each feature, with which a reader has filled its missing cells. Give it to
        `load_csv` or `from_frame` as `missing` for new data.
    filled : array-like of bool, shape (m, n_0), optional
        True for the cells that were missing and hold a mean; a split computes the mean again.

    Raises
    ------
    ValueError, TypeError
        If a shape, length, type or value does not fit.

    Examples
    --------
    >>> data = Dataset([[0, 1], [1, 1]], ["off", "on"], name="lamp")
    >>> data
    Dataset('lamp': 2 samples, 2 features, 2 classes: off, on)
    >>> data.y
    array([0, 1])
    """

    X: NDArray[Any]
    y: NDArray[Any] | None = None
    feature_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    name: str = ""
    scaling: Scaling | None = None
    target_name: str = ""
    has_feature_names: bool = False
    fill_values: Mapping[str, float] | None = None
    filled: NDArray[np.bool_] | None = None

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        feature_names: Sequence[str] = (),
        class_names: Sequence[str] = (),
        name: str = "",
        scaling: Scaling | None = None,
        *,
        target_name: str = "",
        has_feature_names: bool | None = None,
        fill_values: Mapping[str, float] | None = None,
        filled: ArrayLike | None = None,
    ) -> None:
        features = finite("X", rows_of(X))
        names = tuple(feature_names) or frames.names_of(X) or ()
        target, classes = _target(y, tuple(class_names), len(features))
        fields = {
            "X": features,
            "y": target,
            "feature_names": _feature_names(names, features.shape[1]),
            "class_names": classes,
            "name": name,
            "scaling": scaling,
            "target_name": target_name,
            "has_feature_names": bool(names) if has_feature_names is None else has_feature_names,
            "fill_values": None if fill_values is None else dict(fill_values),
            "filled": None if filled is None else _mask(filled, features.shape),
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)

    def __len__(self) -> int:
        """Return the number of samples, m."""
        return len(self.X)

    @property
    def n_features(self) -> int:
        """The number of columns of `X`, n_0."""
        return int(self.X.shape[1])

    @property
    def is_classification(self) -> bool:
        """True if `y` holds class labels."""
        return self.y is not None and self.y.ndim == 1 and self.y.dtype == np.int64

    @property
    def n_outputs(self) -> int:
        """The number of classes, or of values per sample, n_L; 0 if there is no target."""
        if self.y is None:
            return 0
        if self.is_classification:
            return len(self.class_names)
        return 1 if self.y.ndim == 1 else int(self.y.shape[1])

    def take(self, rows: ArrayLike) -> Dataset:
        """Return the data set of the given rows (indices or a mask), in that order.

        Examples
        --------
        >>> Dataset([[1], [2], [3]], [0.1, 0.2, 0.3]).take([2, 0]).X.tolist()
        [[3], [1]]
        """
        index = np.asarray(rows)
        y, filled = (None if array is None else array[index] for array in (self.y, self.filled))
        return replace(self, X=self.X[index], y=y, filled=filled)

    def __repr__(self) -> str:
        name = f"{self.name!r}: " if self.name else ""
        samples = _count(len(self), "sample")
        return f"Dataset({name}{samples}, {_count(self.n_features, 'feature')}, {self._outputs()})"

    def _repr_html_(self) -> str:
        from html import escape

        from .._internal.html_table import html_table

        shown = self.X[:, :MAX_FEATURES]
        rows = [
            [printable(name), *(f"{float(value):.6g}" for value in values)]
            for name, *values in zip(
                self.feature_names,
                *(shown.min(axis=0), shown.mean(axis=0, dtype=np.float64), shown.max(axis=0)),
                strict=False,
            )
        ]
        if self.n_features > MAX_FEATURES:
            rows.append([f"... {self.n_features - MAX_FEATURES:,} more", "", "", ""])
        table = html_table(["feature", "least", "mean", "largest"], rows)
        return f"<div>{escape(printable(repr(self)))}</div>{table}"

    def _outputs(self) -> str:
        if self.y is None:
            return "no target"
        if not self.is_classification:
            return _count(self.n_outputs, "target value")
        shown = ", ".join(self.class_names[:10]) + (", ..." if self.n_outputs > 10 else "")
        return f"{_count(self.n_outputs, 'class', 'classes')}: {shown}"


def _count(n: int, noun: str, plural: str = "") -> str:
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def _target(
    y: ArrayLike | None, class_names: tuple[str, ...], n_samples: int
) -> tuple[NDArray[Any] | None, tuple[str, ...]]:
    if y is None:
        return None, class_names
    target = array_of("y", y)
    if target.ndim not in (1, 2) or len(target) != n_samples or target.size == 0:
        raise ValueError(
            f"y must have shape ({n_samples},) or ({n_samples}, k) to match X; "
            f"got shape {target.shape}"
        )
    if target.ndim == 1 and target.dtype.kind in "UTO":
        return code_texts([_text(value) for value in target], class_names)
    if target.dtype.kind not in "biuf":
        raise TypeError(f"y must hold real numbers or, for classes, text; got dtype {target.dtype}")
    if target.ndim == 1 and target.dtype.kind in "biu":
        names = class_names or default_class_names(target)
        if not class_names:
            warn_of_labels_from_1(target)
        check_labels(target, len(names))
        return target.astype(np.int64, copy=False), names
    if class_names:
        raise ValueError(f"class_names need integer or text y; got y of dtype {target.dtype}")
    return finite("y", target), ()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"y must hold real numbers or, for classes, text; got {value!r}")
    return value


def _mask(filled: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.asarray(filled)
    if mask.dtype != np.bool_ or mask.shape != shape:
        raise ValueError(
            f"filled must be bools of the shape of X {shape}; got {mask.dtype} of {mask.shape}"
        )
    return mask


def _feature_names(names: tuple[str, ...], n_features: int) -> tuple[str, ...]:
    if not names:
        return tuple(f"x{k}" for k in range(n_features))
    if len(names) != n_features:
        raise ValueError(
            f"feature_names must have one name per column of X ({n_features}); got {len(names)}"
        )
    return names
