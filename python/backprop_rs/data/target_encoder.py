"""Code the target of a table for a network, and outputs of the network as answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import MissingCell
from .column_statistics import WORDS, ColumnStatistics, as_kind
from .columns import Column, Kind, Level, Table
from .encoders import sorted_levels
from .labels import MAX_CLASSES, MAX_LABEL, Classes
from .scalers import StandardScaler, scaler_of

FEW_CLASSES = 20
KINDS = ("classes", "labels", "values")


@dataclass(frozen=True)
class TargetEncoder:
    """The target of a table: one class a row, several labels a row, or values.

    Parameters
    ----------
    names : tuple of str
        The columns.
    kind : {"classes", "labels", "values"}
        One column of classes, several columns of 0 and 1, or columns of numbers.
    column_kind : str
        The kind of the columns.
    classes : tuple
        The classes of one column, sorted, in their own type.
    scalers : tuple of StandardScaler
        One for each column of values, or none.
    dtypes : tuple of str
        The NumPy types that answers have.
    limits : tuple of (float, float)
        The smallest and the largest answer of each column of values, or none.

    Examples
    --------
    >>> target = TargetEncoder(("y",), "classes", "category", ("no", "yes"))
    >>> target.decode(np.array([[0.2, 0.8]]))
    array(['yes'], dtype='<U3')
    """

    names: tuple[str, ...]
    kind: str
    column_kind: Kind
    classes: tuple[Level, ...] = ()
    scalers: tuple[StandardScaler, ...] = ()
    dtypes: tuple[str, ...] = ()
    limits: tuple[tuple[float, float], ...] = ()

    @classmethod
    def fit(
        cls, columns: Sequence[ColumnStatistics], classes: Classes, scaling: str
    ) -> TargetEncoder:
        """Return the encoder for the statistics of the columns."""
        for column in columns:
            _check_target(column)
        kind = _kind_of(columns, classes)
        names = tuple(column.name for column in columns)
        column_kind = columns[0].kind
        assert column_kind is not None
        if kind == "classes":
            return _classes_of(columns[0], classes)
        dtypes = tuple(
            "bool" if column.kind == "boolean" else column.dtype or "float64" for column in columns
        )
        if kind == "labels":
            return cls(names, kind, column_kind, dtypes=dtypes)
        scalers = []
        if scaling == "standard":
            scalers = [
                StandardScaler.fit(column.numbers.values, column.numbers.counts)
                for column in columns
            ]
        dtypes = tuple(dtype if dtype == "float32" else "float64" for dtype in dtypes)
        return cls(names, kind, "number", scalers=tuple(scalers), dtypes=dtypes)

    @property
    def n_outputs(self) -> int:
        """The number of outputs of the network, n_L."""
        return len(self.classes) if self.kind == "classes" else len(self.names)

    @property
    def class_array(self) -> NDArray[Any]:
        """The classes as an array of their own type."""
        dtype = self.dtypes[0] if self.dtypes else None
        return np.array(self.classes, dtype)

    def encode(self, table: Table) -> NDArray[Any]:
        """Return labels (m,), or 0 and 1 or scaled values (m, n_L) in float64.

        Raises
        ------
        MissingCell
            If a cell of the target is missing.
        ValueError, KeyError
            If a column is missing, or a class is not one of the training rows.
        """
        columns = [as_kind(table[name], self.column_kind) for name in self.names]
        for column in columns:
            missing = column.missing
            if missing.any():
                place = table.place(int(missing.argmax()), column.name)
                raise MissingCell(place, True, "a table without such rows")
        if self.kind == "classes":
            return self._labels(columns[0], table)
        values = np.stack([column.values.astype(np.float64) for column in columns], axis=1)
        for k, scaler in enumerate(self.scalers):
            values[:, k] = scaler.apply(values[:, k])
        return values

    def _labels(self, column: Column, table: Table) -> NDArray[np.int64]:
        known = {level: k for k, level in enumerate(self.classes)}
        if column.kind in ("number", "boolean"):
            values, positions = np.unique(column.values, return_inverse=True)
            levels: Sequence[Any] = values.tolist()
        else:
            levels, positions = column.levels, column.values
        labels = np.array([known.get(level, -1) for level in levels], np.int64)[positions]
        if (labels < 0).any():
            row = int((labels < 0).argmax())
            cell = column.take([row]).to_list()[0]
            classes = ", ".join(repr(level) for level in self.classes[:20])
            raise ValueError(
                f"{table.place(row, column.name)}: class {cell!r:.60} is not one of {classes}"
            )
        return labels

    def decode(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the answers for outputs (m, n_L) of a network, in the target's type and units.

        Returns
        -------
        ndarray
            Classes (m,), labels (m, n_L) or values (m,), or (m, n_L) for several columns.
        """
        if self.kind == "classes":
            answers: NDArray[Any] = self.class_array[outputs.argmax(axis=1)]
            return answers
        if self.kind == "labels":
            return (outputs >= 0.5).astype(np.result_type(*self.dtypes))
        values = self.limited(self.unscaled(outputs))
        values = values.astype(np.result_type(*self.dtypes), copy=False)
        return values[:, 0] if len(self.names) == 1 else values

    def unscaled(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return outputs (m, n_L) in the units of the target, in float64."""
        values = outputs.astype(np.float64)
        for k, scaler in enumerate(self.scalers):
            values[:, k] = scaler.invert(values[:, k])
        return values

    def limited(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values (m, n_L) in the units of the target, cut off at the limits.

        >>> target = TargetEncoder(("y",), "values", "number", limits=((0.0, 5.0),))
        >>> target.limited(np.array([[-1.0], [3.0], [9.0]])).tolist()
        [[0.0], [3.0], [5.0]]
        """
        if not self.limits:
            return values
        low, high = np.array(self.limits).T
        return np.clip(values, low, high)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters for JSON."""
        limits = {"limits": [list(pair) for pair in self.limits]} if self.limits else {}
        return {
            **limits,
            "names": list(self.names),
            "kind": self.kind,
            "column_kind": self.column_kind,
            "classes": list(self.classes),
            "scalers": [scaler.to_dict() for scaler in self.scalers],
            "dtypes": list(self.dtypes),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TargetEncoder:
        """Return the encoder that `to_dict` has described."""
        scalers = tuple(scaler_of(scaler) for scaler in values["scalers"])
        if values["kind"] not in KINDS or values["column_kind"] not in WORDS:
            raise ValueError(f"a target must be of {', '.join(KINDS)}; got {values['kind']!r:.60}")
        if not all(isinstance(scaler, StandardScaler) for scaler in scalers):
            raise ValueError("a target must have standard scalers")
        if not all(isinstance(level, str | int | float) for level in values["classes"]):
            raise ValueError("classes must be texts and numbers")
        if len(scalers) not in (0, len(values["names"])):
            raise ValueError("a target must have a scaler for each column, or none")
        names, classes, dtypes = (tuple(values[key]) for key in ("names", "classes", "dtypes"))
        for dtype in dtypes:
            if np.dtype(dtype).kind not in "biuf":
                raise ValueError(f"a target must have a type of numbers; got {dtype!r:.60}")
        limits = tuple((float(low), float(high)) for low, high in values.get("limits", ()))
        if len(limits) not in (0, len(names)) or not all(low <= high for low, high in limits):
            raise ValueError("a target must have growing limits for each column, or none")
        kind, column_kind = values["kind"], values["column_kind"]
        return cls(names, kind, column_kind, classes, scalers, dtypes, limits)  # type: ignore[arg-type]


def _check_target(column: ColumnStatistics) -> None:
    if column.n_missing:
        raise ValueError(
            f"target {column.name!r} must have no missing cells; {column.n_missing:,} of "
            f"{column.n:,} are missing: leave these rows out"
        )
    if column.kind == "datetime":
        raise TypeError(f"target {column.name!r} must hold classes or numbers; got dates")


def _kind_of(columns: Sequence[ColumnStatistics], classes: Classes) -> str:
    if classes not in (True, False, "auto"):
        raise ValueError(f"classes must be True, False or 'auto'; got {classes!r}")
    kinds = {column.kind for column in columns}
    if len(columns) > 1:
        if "category" in kinds:
            raise TypeError(
                "several targets must all hold numbers or all hold booleans; "
                f"{next(c.name for c in columns if c.kind == 'category')!r} holds categories"
            )
        binary = all(set(column.numbers.values.tolist()) <= {0.0, 1.0} for column in columns)
        return "labels" if binary and classes is not False else "values"
    (column,) = columns
    if kinds != {"number"}:
        if classes is False:
            raise TypeError(
                f"classes=False needs a target of numbers; {column.name!r} holds "
                f"{WORDS[column.kind or 'number']}"
            )
        return "classes"
    if isinstance(classes, bool):
        return "classes" if classes else "values"
    values = column.numbers
    few = values.is_exact and values.n_distinct <= MAX_CLASSES
    whole = few and bool((values.values % 1 == 0).all())
    return "classes" if whole and 2 * values.n_distinct <= values.n else "values"


def _classes_of(column: ColumnStatistics, classes: Classes) -> TargetEncoder:
    dtypes: tuple[str, ...] = ()
    levels: list[Level]
    if column.kind == "category":
        levels = sorted_levels(column.levels)
    elif column.kind == "boolean":
        levels, dtypes = [bool(value) for value in column.numbers.values.tolist()], ("bool",)
    else:
        whole = np.dtype(column.dtype).kind in "iu"
        number: Callable[[float], Level] = int if whole else float
        levels = [number(value) for value in column.numbers.values.tolist()]
        dtypes = (column.dtype,)
    if len(levels) < 2:
        raise ValueError(
            f"target {column.name!r} must have at least 2 classes; all {column.n:,} rows are "
            f"{levels[0]!r:.60}"
        )
    if len(levels) > MAX_LABEL or (
        classes is not True
        and column.kind == "category"
        and len(levels) > FEW_CLASSES
        and 2 * len(levels) > column.n
    ):
        raise ValueError(
            f"target {column.name!r} holds {len(levels):,} different texts in {column.n:,} rows, "
            "too many to be classes; give classes=True if they are"
        )
    kind = column.kind or "category"
    return TargetEncoder((column.name,), "classes", kind, tuple(levels), (), dtypes)
