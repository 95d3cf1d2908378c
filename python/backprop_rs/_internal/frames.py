"""Data frames of pandas, polars and pyarrow: the names of their columns, and arrays of numbers.

A library is looked up only if it has been imported: this package needs none of them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import NotNumbers

FRAMES = {"pandas": ("DataFrame",), "polars": ("DataFrame",), "pyarrow": ("Table", "RecordBatch")}
COLUMNS = {"pandas": ("Series",), "polars": ("Series",), "pyarrow": ("Array", "ChunkedArray")}
NUMBERS = "biuf"  # kinds of dtype
PLAIN = (np.ndarray, list, tuple)  # the most common types, which are not frames


def library_of(data: object, kinds: dict[str, tuple[str, ...]] = FRAMES) -> str | None:
    """Return the name of the library that a frame, or a column, belongs to."""
    if type(data) in PLAIN:
        return None
    for library, classes in kinds.items():
        module = sys.modules.get(library)
        if module is None:
            continue
        known = [getattr(module, name, None) for name in classes]
        if isinstance(data, tuple(filter(None, known))):
            return library
    return None


def names_of(data: object) -> tuple[str, ...] | None:
    """Return the names of a frame's columns if all are texts, otherwise None, as scikit-learn does.

    A frame in which a name occurs twice has no names either.
    """
    library = library_of(data)
    if library is None:
        return None
    frame: Any = data
    names = frame.schema.names if library == "pyarrow" else list(frame.columns)
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        return None
    return tuple(map(str, names))


def in_order(argument: str, data: Any, known: Sequence[str]) -> Any:
    """Return a frame with the columns `known`, in this order; anything without names as it is.

    Raises
    ------
    ValueError
        If a column is missing, or there is another one.
    """
    if library_of(data, COLUMNS) == "pandas":
        return row_in_order(argument, data, known)
    names = names_of(data)
    if names is None or names == tuple(known):
        return data
    check_names(argument, names, known)
    chosen = list(known)
    return data[chosen] if library_of(data) == "pandas" else data.select(chosen)


def row_in_order(argument: str, row: Any, known: Sequence[str]) -> Any:
    """Return one row of a pandas frame, whose index has the names, in the order of `known`."""
    names = list(row.index)
    if len(names) != len(known) or not all(isinstance(name, str) for name in names):
        return row
    check_names(argument, names, known)
    cells = [row[name] for name in known]
    if all(isinstance(cell, bool | int | float | np.bool_ | np.number) for cell in cells):
        return np.array(cells)  # of columns of different types, pandas makes objects
    return row[list(known)]


def check_names(argument: str, names: Sequence[str], known: Sequence[str]) -> None:
    """Raise ValueError unless the names are those known, in any order."""
    missing = [name for name in known if name not in names]
    if missing:
        raise ValueError(
            f"{argument} must have the columns that the network was trained on "
            f"({shown(known)}); it lacks {shown(missing)}"
        )
    others = [name for name in names if name not in known]
    if others:
        raise ValueError(
            f"{argument} must have only the columns that the network was trained on "
            f"({shown(known)}); it also has {shown(others)}"
        )


def shown(names: Sequence[str]) -> str:
    """Return up to ten names as text."""
    several = ", ".join(repr(name) for name in names[:10])
    return several + (f", ... ({len(names)} in all)" if len(names) > 10 else "")


def array_of_frame(argument: str, frame: Any) -> NDArray[Any]:
    """Return a frame as an array (m, n) of the common type of its columns.

    A missing number is NaN.

    Raises
    ------
    NotNumbers
        If a column does not hold numbers; it is named.
    """
    library = library_of(frame)
    if library == "pandas":
        columns = [(name, frame.iloc[:, k]) for k, name in enumerate(frame.columns)]
        plain: NDArray[Any]
        if all(is_plain(column.dtype) for _, column in columns):
            plain = np.asarray(frame)
            if plain.dtype.kind in NUMBERS:
                return plain
    elif library == "polars":
        columns = [(name, frame[name]) for name in frame.columns]
    else:
        columns = [(name, frame.column(k)) for k, name in enumerate(frame.schema.names)]
    arrays = []
    for name, column in columns:
        array = array_of_column(column)
        if array.dtype.kind not in NUMBERS:
            raise NotNumbers(
                f"{argument} must hold bools, integers or floats; column {name!r} has dtype "
                f"{getattr(column, 'dtype', None) or column.type}{example(array)}: "
                "bp.data.from_frame codes texts as features and classes"
            )
        arrays.append(array)
    if not arrays:
        return np.empty((len(frame), 0))
    dtype = np.result_type(*{array.dtype for array in arrays})
    rows = np.empty((len(arrays[0]), len(arrays)), dtype)
    for k, array in enumerate(arrays):
        rows[:, k] = array
    return rows


def is_plain(dtype: object) -> bool:
    """Return True for a NumPy dtype of numbers."""
    return isinstance(dtype, np.dtype) and dtype.kind in NUMBERS


def example(array: NDArray[Any]) -> str:
    """Return the first element of a column of objects, for the error."""
    return f", such as {array[0]!r}" if array.dtype == object and len(array) else ""


def array_of_column(column: Any) -> NDArray[Any]:
    """Return a column as an array; a missing number is NaN, and texts are objects."""
    library = library_of(column, COLUMNS)
    if library == "pandas":
        return array_of_pandas(column)
    return array_of_polars(column) if library == "polars" else array_of_arrow(column)


def array_of_pandas(column: Any) -> NDArray[Any]:
    """Return a pandas column as an array."""
    array: NDArray[Any] = np.asarray(column)
    kind = getattr(column.dtype, "numpy_dtype", None)  # of pandas' own nullable types, and Arrow's
    if array.dtype.kind in NUMBERS or kind is None or kind.kind not in NUMBERS:
        return array
    missing = bool(column.isna().any())
    return column.to_numpy(np.float64 if missing else kind, na_value=np.nan)  # type: ignore[no-any-return]


def array_of_polars(column: Any) -> NDArray[Any]:
    """Return a polars column as an array."""
    import polars as pl

    dtype = column.dtype
    if dtype.is_decimal() or (column.null_count() and (dtype.is_integer() or dtype == pl.Boolean)):
        column = column.cast(pl.Float64)
    return column.to_numpy()  # type: ignore[no-any-return]


def array_of_arrow(column: Any) -> NDArray[Any]:
    """Return an Arrow column as an array."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    missing = column.null_count and (pa.types.is_integer(kind) or pa.types.is_boolean(kind))
    if missing or pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    chunked = isinstance(column, pa.ChunkedArray)
    return column.to_numpy() if chunked else column.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
