"""Read the tables and targets of the estimators, and check them as scikit-learn does."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._internal import checks, frames
from .._internal.stacklevel import level_of_caller
from ..data import Dataset, Table, as_table
from ..data.column_statistics import ColumnStatistics
from ..data.columns import Column
from ..data.files import file_table, training_table
from ..data.preprocessor import Preprocessor, is_unnamed
from ..data.target_encoder import TargetEncoder
from ..model import columns_of_target, is_name, is_path

FEW_NAMES = 5
"""Errors name at most so many columns of each kind, as scikit-learn's do."""


def checked_table(X: Any) -> Table:
    """Return a table of columns with names, or raise an error that says what is wrong."""
    if isinstance(X, np.ndarray) and X.dtype.names is None:
        if X.dtype.kind == "c":
            raise ValueError("Complex data not supported: X must hold real numbers or texts")
        if X.ndim == 1:
            raise ValueError(
                "X must have shape (m, n); got a 1D array. Reshape your data: X.reshape(1, -1) is "
                "one row, X.reshape(-1, 1) is one column"
            )
        if X.ndim == 2 and X.shape[1] == 0:
            raise ValueError(
                f"X must have columns; got 0 feature(s) (shape={X.shape}) while a minimum of 1 is "
                "required."
            )
    if "scipy" in type(X).__module__ and hasattr(X, "toarray"):
        raise TypeError(
            "X must be a table in memory or a dense array; got a sparse matrix: convert it with "
            "X.toarray()"
        )
    return as_table(X)


def are_named(X: Any) -> bool:
    """Return True if the columns of data have names: those of an array do not."""
    if isinstance(X, Table | Dataset | Mapping) or is_path(X):
        return True
    if is_unnamed(X):
        return False
    if frames.library_of(X) is None:
        # Rows as dictionaries, structured arrays and one row of a frame.
        return not hasattr(X, "__array__") or isinstance(X, np.ndarray)
    return frames.names_of(X) is not None


def is_of_frame_library(values: Any) -> bool:
    """Return True for a frame or one of its columns."""
    return any(frames.library_of(values, kinds) for kinds in (frames.FRAMES, frames.COLUMNS))


def split_target(X: Any, y: Any) -> tuple[Table, list[Column], bool]:
    """Return the features, the columns of the target, and True if y names them."""
    if y is None:
        raise ValueError("fit requires y to be passed, but the target y is None")
    table = training_table(X, {}) if is_path(X) else checked_table(X)
    if (are_named(X) or frames.library_of(X) is not None) and is_name(y, table):
        names = [str(y)] if isinstance(y, str | int) else list(map(str, y))
        for name in names:
            if name not in table:
                raise ValueError(
                    f"y must name a column of X or be its values; got {name!r}, and X has "
                    f"{', '.join(map(repr, table.names[:10]))}"
                )
        if len(names) == len(table.columns):
            raise ValueError("X must have columns besides the target; got none")
        return table.drop(names), [table[name] for name in names], True
    if isinstance(y, str):
        raise ValueError(f"y must be the values of the target if X has no names; got {y!r}")
    if not isinstance(y, list | tuple) and not is_of_frame_library(y):
        y = np.asarray(y)
    columns = columns_of_target(y, table.names)
    if len(columns[0]) != len(table):
        raise ValueError(f"y must have as many rows as X ({len(table)}); got {len(columns[0])}")
    return table, columns, False


def fit_target(columns: Sequence[Column], classes: bool, owner: str) -> TargetEncoder:
    """Return the encoder of a target of classes and labels, or of values."""
    statistics = []
    for column in columns:
        each = ColumnStatistics(column.name)
        each.add(column)
        if not each.n_missing:
            check_kind(each, classes, owner, len(columns) > 1)
        statistics.append(each)
    return TargetEncoder.fit(statistics, classes, "standard")


def check_kind(column: ColumnStatistics, classes: bool, owner: str, several: bool) -> None:
    """Raise an error if values are given as classes, or the other way round."""
    if not classes:
        if column.kind not in ("number", "boolean"):
            raise ValueError(
                f"{owner} must have numbers as target; {column.name!r} holds others: "
                "TabularClassifier predicts classes"
            )
        return
    if column.kind != "number":
        return
    values = column.numbers.values
    if not (values % 1 == 0).all() or not column.numbers.is_exact:
        raise ValueError(
            f"Unknown label type: continuous. {owner} must have classes as target; "
            f"{column.name!r} holds values such as {values[values % 1 != 0][:1]}: TabularRegressor "
            "predicts values"
        )
    if several and not set(values.tolist()) <= {0.0, 1.0}:
        raise ValueError(
            "Unknown label type: multiclass-multioutput. Several columns of a target must be labels"
            f" of 0 and 1; {column.name!r} holds {values[-1]:g}"
        )


def table_like_training(
    X: Any, names: Sequence[str], named: bool, preprocessor: Preprocessor, owner: str
) -> Table:
    """Return rows to predict with the columns of the training, or raise scikit-learn's errors."""
    if is_path(X):
        return file_table(X, preprocessor)
    table = checked_table(X)
    targets = preprocessor.target_names
    if named and are_named(X):
        if any(name in table and name not in names for name in targets):
            table = table.drop(name for name in targets if name in table and name not in names)
        if frames.library_of(X) is not None:
            check_names(table.names, names)
        return table
    if named != are_named(X):
        text = (
            f"X does not have valid feature names, but {owner} was fitted with feature names"
            if named
            else f"X has feature names, but {owner} was fitted without feature names"
        )
        warnings.warn(text, UserWarning, stacklevel=level_of_caller())
    if len(table.columns) != len(names):
        raise ValueError(
            f"X has {len(table.columns)} features, but {owner} is expecting {len(names)} features "
            "as input"
        )
    pairs = zip(table.columns, names, strict=True)
    return Table([column.renamed(name) for column, name in pairs], table.name)


def check_names(given: Sequence[str], known: Sequence[str]) -> None:
    """Raise scikit-learn's error if the columns of a frame are others, or in another order."""
    if tuple(given) == tuple(known):
        return
    text = "The feature names should match those that were passed during fit.\n"
    unseen, missing = sorted(set(given) - set(known)), sorted(set(known) - set(given))
    for title, names in (
        ("Feature names unseen at fit time:", unseen),
        ("Feature names seen at fit time, yet now missing:", missing),
    ):
        if names:
            lines = [f"- {name}" for name in names[:FEW_NAMES]]
            lines += ["- ..."] * (len(names) > FEW_NAMES)
            text += "\n".join([title, *lines, ""])
    if not unseen and not missing:
        text += "Feature names must be in the same order as they were in fit.\n"
    raise ValueError(text)


def checked_weights(sample_weight: Any, n: int) -> NDArray[np.float32] | None:
    """Return the weight of each row (n,); at least two rows must have one above 0."""
    if sample_weight is None:
        return None
    if not is_of_frame_library(sample_weight):
        sample_weight = np.asarray(sample_weight)
    weights = np.asarray(checks.sample_weight(sample_weight, n, "float32"))
    if np.count_nonzero(weights) < 2:
        raise ValueError(
            "sample_weight must be above zero for at least 2 rows; got "
            f"{np.count_nonzero(weights)} of {n}"
        )
    return weights


def with_class_weight(
    weights: NDArray[np.float32] | None,
    class_weight: Any,
    encoded: NDArray[Any],
    target: TargetEncoder,
) -> NDArray[np.float32] | None:
    """Return the weight of each row times that of its class, or None if all are 1."""
    if class_weight is None:
        return weights
    if target.kind != "classes":
        raise ValueError("class_weight goes with one class a row; got several labels")
    factors = factors_of_classes(class_weight, encoded, weights, target)[encoded]
    product = factors if weights is None else factors * weights
    if np.count_nonzero(product) < 2:
        raise ValueError("class_weight must be above zero for the classes of at least 2 rows")
    scaled: NDArray[np.float32] = (product / product[product > 0].mean()).astype(np.float32)
    return scaled


def factors_of_classes(
    class_weight: Any,
    encoded: NDArray[Any],
    weights: NDArray[Any] | None,
    target: TargetEncoder,
) -> NDArray[np.float64]:
    """Return the weight of each class."""
    classes = target.classes
    if isinstance(class_weight, str):
        checks.choice("class_weight", class_weight, ["balanced"])
        counts = np.bincount(encoded, weights, minlength=len(classes)).astype(np.float64)
        balanced: NDArray[np.float64] = counts.sum() / (len(classes) * np.maximum(counts, 1e-9))
        return balanced
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            "class_weight must be 'balanced', a mapping from class to weight, or None; got "
            f"{checks.shown(class_weight)}"
        )
    positions = {name: k for k, name in enumerate(classes)}
    factors = np.ones(len(classes))
    for name, weight in class_weight.items():
        key = name.item() if isinstance(name, np.generic) else name
        if key not in positions:
            raise ValueError(
                f"class_weight must name classes of the target "
                f"({', '.join(map(repr, classes[:20]))}); got {key!r}"
            )
        factors[positions[key]] = checks.nonnegative("class_weight", weight)
    return factors
