"""`Dataset`: the small record that every reader returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._internal import frames
from .arrays import array_of, finite, rows_of, warn_of_rounding
from .labels import check_labels, code_texts, default_class_names
from .scaling import Scaling


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Features, target and their names.

    Parameters
    ----------
    X : array-like, shape (m, n_0)
        One row a sample; kept as a C-contiguous float32 array (uncopied if it is one already).
    y : array-like, shape (m,) or (m, k), optional
        Integers (m,) are class labels counted from 0, kept as int64. Text (m,) is coded as labels
        of its sorted distinct values. Anything else is values, kept as float32. Without it the
        data set has no target.
    feature_names : sequence of str, optional
        n_0 names; by default those of the frame X, or x0, x1, ...
    class_names : sequence of str, optional
        The name of each label; by default "0", "1", ... up to the largest label.
    name : str, optional
        Name of the data set.
    scaling : Scaling, optional
        What `standardize` has done to `X`.
    target_name : str, optional
        The name of the column that `y` is from.
    has_feature_names : bool, optional
        Whether the names are those of the data, rather than x0, x1, ... for want of any; by default
        whether there are `feature_names`.
    fill_values : mapping from feature to number, optional
        The mean of each feature, with which a reader has filled its missing cells: what to give as
        `missing` to `load_csv` or `from_frame` for new data.
    filled : array-like of bool, shape (m, n_0), optional
        Which cells were missing and hold their mean; a split takes the mean anew.

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

    X: NDArray[np.float32]
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
        given = rows_of(X)
        features = finite("X", given)
        names = tuple(feature_names) or frames.names_of(X) or ()
        if given.dtype.itemsize > 4:
            for k, column in enumerate(given.T):
                warn_of_rounding(names[k] if len(names) > k else f"x{k}", column)
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
        """n_0, the number of columns of `X`."""
        return int(self.X.shape[1])

    @property
    def is_classification(self) -> bool:
        """Whether `y` holds class labels."""
        return self.y is not None and self.y.dtype == np.int64

    @property
    def n_outputs(self) -> int:
        """n_L of a network for it: the number of classes, or of values a sample; 0 without `y`."""
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
        [[3.0], [1.0]]
        """
        index = np.asarray(rows)
        y, filled = (None if array is None else array[index] for array in (self.y, self.filled))
        return replace(self, X=self.X[index], y=y, filled=filled)

    def __repr__(self) -> str:
        name = f"{self.name!r}: " if self.name else ""
        samples = _count(len(self), "sample")
        return f"Dataset({name}{samples}, {_count(self.n_features, 'feature')}, {self._outputs()})"

    def _outputs(self) -> str:
        if self.y is None:
            return "no target"
        if not self.is_classification:
            return _count(self.n_outputs, "target value")
        shown = ", ".join(self.class_names[:10]) + (", ..." if self.n_outputs > 10 else "")
        return f"{_count(self.n_outputs, 'class', 'classes')}: {shown}"


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _target(
    y: ArrayLike | None, class_names: tuple[str, ...], n_samples: int
) -> tuple[NDArray[Any] | None, tuple[str, ...]]:
    if y is None:
        return None, class_names
    given = array_of("y", y)
    if given.ndim not in (1, 2) or len(given) != n_samples or given.size == 0:
        raise ValueError(
            f"y must have shape ({n_samples},) or ({n_samples}, k) to go with X; "
            f"got shape {given.shape}"
        )
    if given.ndim == 1 and given.dtype.kind in "UTO":
        return code_texts([_text(value) for value in given], class_names)
    if given.dtype.kind not in "biuf":
        raise TypeError(f"y must hold real numbers or, for classes, text; got dtype {given.dtype}")
    if given.ndim == 1 and given.dtype.kind in "biu":
        names = class_names or default_class_names(given)
        check_labels(given, len(names))
        return given.astype(np.int64, copy=False), names
    if class_names:
        raise ValueError(f"class_names go with integer or text y; got y of dtype {given.dtype}")
    return finite("y", given), ()


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
