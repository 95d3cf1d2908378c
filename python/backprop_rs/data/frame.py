"""Make a `Dataset` of a data frame of another library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .columns import row_and_column
from .dataset import Dataset
from .labels import Classes
from .table import Column, Table
from .table_options import ColumnRoles, TableOptions, check_unique


def from_frame(
    frame: Any,
    target: str | int | bool | None = None,
    *,
    missing: str | Mapping[str, float] = "error",
    classes: Classes = "auto",
    ignore: Sequence[str | int] = (),
    features: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    name: str = "",
) -> Dataset:
    """Make a data set of a frame of pandas, polars, pyarrow or another library of narwhals.

    Numbers and booleans are numbers. Strings and categories are text, even if they look like
    numbers. Nulls and NaN are missing. Everything else is as in `load_csv`. It needs narwhals
    (``pip install narwhals``).

    Parameters
    ----------
    frame : data frame
        One row per sample.
    target : str, int, None or False, default None
        The target column by name or position (0 is the first, -1 the last); an integer that is the
        name of a column of pandas is a name. None means the last column, or no target if `features`
        is given. False means no target, so that `y` is None.
    missing, classes, ignore, features, class_names : optional
        As in `load_csv`.
    name : str, optional
        Name of the data set.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError, TypeError
        If the frame or an argument does not fit; an error about a cell names its row (counted from
        0) and column.
    ImportError
        If narwhals is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"kind": ["apple", "cherry"], "weight": [150, 8]})
    >>> from_frame(frame, target="kind")
    Dataset(2 samples, 1 feature, 2 classes: apple, cherry)
    """
    options = TableOptions(target, missing, classes, ignore, features, class_names)
    table = _narwhals_frame(frame)
    names = [str(column) for column in table.columns]
    options = replace(
        options,
        target=_column_name(target, table.columns),
        ignore=[_column_name(column, table.columns) for column in ignore],
    )
    check_unique(names, "frame")
    if 0 in table.shape:
        raise ValueError(f"frame must have at least one row and column; got shape {table.shape}")
    roles = options.roles(names)
    columns = {k: _column(table[:, k], names[k], k, roles) for k in roles.used}
    return Table(names, columns, roles, _place(names), name).dataset(options)


def _column_name(column: Any, names: Sequence[Any]) -> Any:
    """Return the name of a column as text if `column` is a name that is not; otherwise `column`."""
    is_name = not isinstance(column, bool | str) and column is not None and column in list(names)
    return str(column) if is_name else column


def _narwhals_frame(frame: Any) -> Any:
    try:
        import narwhals as nw
    except ImportError:
        raise ImportError("from_frame needs narwhals: pip install narwhals") from None
    try:
        return nw.from_native(frame, eager_only=True)
    except TypeError:
        raise TypeError(
            "frame must be a data frame of pandas, polars or pyarrow (of a lazy one, its "
            f"collect()); got {type(frame).__module__}.{type(frame).__qualname__}"
        ) from None


def _column(series: Any, name: str, k: int, roles: ColumnRoles) -> Column:
    import narwhals as nw

    dtype = series.dtype
    if (dtype.is_numeric() or dtype == nw.Boolean) and k not in roles.text:
        return Column(np.asarray(series.cast(nw.Float64).to_numpy(), np.float64))
    if k in roles.numbers:
        raise TypeError(f"column {name!r} must hold numbers, as features has it; got {dtype}")
    if not isinstance(dtype, nw.String | nw.Categorical | nw.Enum | nw.Object):
        advice = "; leave it out with ignore, or train bp.Model, which uses dates"
        is_date = isinstance(dtype, nw.Date | nw.Datetime)
        raise TypeError(
            f"column {name!r} must hold numbers, booleans or text; got {dtype}"
            f"{advice if is_date else ''}"
        )
    codes: dict[str, float] = {}
    values = [
        np.nan if is_null else codes.setdefault(str(cell), float(len(codes)))
        for cell, is_null in zip(series.to_list(), series.is_null().to_list(), strict=True)
    ]
    return Column(np.array(values), tuple(codes))


def _place(names: Sequence[str]) -> Callable[[int, int], str]:
    return lambda row, k: row_and_column(row, names[k])
