"""Make a `Table` of a frame, a dictionary of columns, rows or an array."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._internal import frames, interop
from .columns import NO_TIME, Column, Level, Table, check_unique
from .dataset import Dataset

LARGEST_TIME = np.iinfo(np.int64).max
UNITS = {"D": 86_400 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}  # in nanoseconds


def as_table(data: Any, name: str = "") -> Table:
    """Make a table of named columns of data in any usual form.

    Numbers become float64. Texts and categories become categories with sorted levels, and dates
    become nanoseconds. None, NaN, NaT, `pandas.NA` and masked cells are missing.

    Parameters
    ----------
    data : table-like
        A `Table`, a `Dataset`, a data frame of pandas, polars, pyarrow or another library that
        narwhals knows, a record batch of pyarrow, a mapping from names to columns (or to the cells
        of one row), a sequence of such rows, or a NumPy array: structured, or plain of shape
        (m, n), whose columns are called x0, x1, ....
    name : str, optional
        Name of the table.

    Returns
    -------
    Table

    Raises
    ------
    ValueError, TypeError
        If a column holds values of several types, or `data` is not a table; the error names the
        column.
    ImportError
        If `data` is a frame and narwhals is not installed.

    Examples
    --------
    >>> table = as_table({"color": ["red", None, "blue"], "size": [1, 2, 3]})
    >>> table["color"].levels, table["size"].kind, table["size"].dtype
    (('blue', 'red'), 'number', 'int64')
    >>> as_table({"color": "red", "size": 1})
    Table(1 row, 2 columns: color, size)
    >>> as_table(np.array([[1.5, 2.0]])).to_dict()
    {'x0': [1.5], 'x1': [2.0]}
    """
    columns: list[Column]
    if isinstance(data, Table):
        return data
    if isinstance(data, Dataset):
        return table_of_dataset(data)
    if isinstance(data, np.ndarray):
        columns = _columns_of_array(data)
    elif isinstance(data, Mapping):
        columns = _columns_of_mapping(data)
    elif frames.library_of(data, frames.COLUMNS) == "pandas":  # one row of a pandas frame
        columns = _columns_of_mapping({str(key): data[key] for key in data.index})
    elif _is_rows(data):
        columns = _columns_of_rows(data)
    elif isinstance(data, list | tuple):
        columns = _columns_of_array(_array_of_lists(data))
    elif frames.library_of(data) is None and hasattr(data, "__array__"):
        columns = _columns_of_array(interop.array_of("data", data))
    else:
        columns = _columns_of_frame(data)
    return Table(columns, name)


def table_of_dataset(data: Dataset) -> Table:
    """Return the features of a data set and its target, which is called "target" if it has no name.

    Labels become the names of their classes.

    >>> table_of_dataset(Dataset([[1.5], [2.0]], ["off", "on"], ["volt"])).to_dict()
    {'volt': [1.5, 2.0], 'target': ['off', 'on']}
    """
    columns = [
        _column_of_array(name, column)
        for name, column in zip(data.feature_names, data.X.T, strict=True)
    ]
    name = data.target_name or "target"
    if data.y is not None and data.is_classification:
        columns.append(sorted_category(name, data.y, data.class_names))
    elif data.y is not None:
        rows = data.y.reshape(len(data), -1)
        names = [name] if rows.shape[1] == 1 else [f"{name}{k}" for k in range(rows.shape[1])]
        columns += [
            _column_of_array(each, column) for each, column in zip(names, rows.T, strict=True)
        ]
    return Table(columns, data.name)


def column_of(name: str, values: Any) -> Column:
    """Make a column of an array, a series or a sequence of Python objects.

    >>> column_of("when", [date(1970, 1, 2), None]).values.tolist() == [UNITS["D"], NO_TIME]
    True
    """
    if isinstance(values, Column):
        return values.renamed(name)
    if isinstance(values, np.ndarray):
        return _column_of_array(name, values)
    if frames.library_of(values, frames.COLUMNS) is not None:
        return _column_of_series(name, _narwhals().from_native(values, series_only=True))
    if isinstance(values, Sequence) and not isinstance(values, str | bytes):
        return _column_of_objects(name, values)
    return _column_of_array(name, np.asarray(values))


def _is_rows(data: Any) -> bool:
    return isinstance(data, list | tuple) and bool(data) and isinstance(data[0], Mapping)


def _columns_of_mapping(data: Mapping[Any, Any]) -> list[Column]:
    if not any(_is_column(values) for values in data.values()):
        return [column_of(str(name), [cell]) for name, cell in data.items()]
    for name, values in data.items():
        if not _is_column(values):
            raise TypeError(
                f"column {str(name)!r} must be a sequence of cells, as the others are; "
                f"got {values!r:.60}"
            )
    return [column_of(str(name), values) for name, values in data.items()]


def _is_column(values: object) -> bool:
    if isinstance(values, str | bytes) or values is None:
        return False
    return isinstance(values, Column) or (hasattr(values, "__len__") and np.ndim(values) != 0)  # type: ignore[arg-type]


def _columns_of_rows(rows: Sequence[Mapping[Any, Any]]) -> list[Column]:
    names = list(dict.fromkeys(key for row in rows for key in row))
    return [column_of(str(name), [row.get(name) for row in rows]) for name in names]


def _array_of_lists(rows: Any) -> NDArray[Any]:
    """Return lists of cells as an array; as objects if they hold more than numbers."""
    array: NDArray[Any] = interop.array_of("data", rows)
    return np.array(rows, object) if array.dtype.kind not in "biuf" else array


def _columns_of_array(array: NDArray[Any]) -> list[Column]:
    if array.dtype.names is not None:
        if array.ndim != 1:
            raise ValueError(f"a structured array must have shape (m,); got shape {array.shape}")
        return [_column_of_array(name, array[name]) for name in array.dtype.names]
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(
            "data must have shape (samples, features), with at least one feature; "
            f"got shape {array.shape}"
        )
    return [_column_of_array(f"x{k}", array[:, k]) for k in range(array.shape[1])]


def _column_of_array(name: str, array: NDArray[Any]) -> Column:
    if array.ndim != 1:
        raise ValueError(f"column {name!r} must have shape (m,); got shape {array.shape}")
    if isinstance(array, np.ma.MaskedArray):
        return _column_of_array(name, array.data).without(np.ma.getmaskarray(array))
    kind = array.dtype.kind
    if kind == "b":
        return Column(name, "boolean", array)
    if kind in "iuf":
        return Column(name, "number", array, dtype=array.dtype.newbyteorder("=").name)
    if kind == "M":
        return Column(name, "datetime", _nanoseconds(name, array))
    if kind == "m":
        seconds = array / np.timedelta64(1, "s")
        return Column(name, "number", seconds)
    if kind in "UT":
        levels, codes = np.unique(array, return_inverse=True)
        return Column(name, "category", codes, levels.tolist())
    if kind == "O":
        return _column_of_objects(name, array.tolist())
    raise TypeError(
        f"column {name!r} must hold numbers, booleans, dates or texts; got dtype {array.dtype}"
    )


def _nanoseconds(name: str, dates: NDArray[Any]) -> NDArray[np.int64]:
    """Return dates as nanoseconds since 1970, or raise ValueError if they are out of range."""
    unit, count = np.datetime_data(dates.dtype)
    if (
        unit not in UNITS
    ):  # years, months, weeks, hours, minutes; picoseconds lose their last digits
        finer = {"ps": "ns", "fs": "ns", "as": "ns"}.get(unit, "s")
        return _nanoseconds(name, dates.astype(f"datetime64[{finer}]"))
    return to_nanoseconds(name, dates.view(np.int64), UNITS[unit] * count, dates == np.datetime64())


def to_nanoseconds(
    name: str, times: NDArray[np.int64], unit: int, missing: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return times in a unit of so many nanoseconds in nanoseconds.

    Raises
    ------
    ValueError
        If a time lies outside the years 1678 to 2261.
    """
    missing = missing | (times == NO_TIME)
    limit = LARGEST_TIME // unit
    outside = ~missing & ((times > limit) | (times < -limit))
    if outside.any():
        row = int(outside.argmax())
        shown = np.datetime64(int(times[row]) * unit // 10**9, "s")
        raise ValueError(
            f"column {name!r} must hold dates of the years 1678 to 2261; got {shown} in row {row} "
            "(counted from 0)"
        )
    return np.where(missing, NO_TIME, np.where(missing, 0, times) * unit)


def is_missing(cell: object) -> bool:
    """Return True for None, NaN, NaT and `pandas.NA`.

    >>> [is_missing(cell) for cell in (None, float("nan"), np.datetime64("NaT"), 0, "")]
    [True, True, True, False, False]
    """
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    numeric = isinstance(cell, float | np.floating | np.datetime64 | np.timedelta64 | Decimal)
    return numeric and bool(cell != cell)


TYPES: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("boolean", (bool, np.bool_)),
    ("number", (int, float, np.integer, np.floating, Decimal, Fraction)),
    ("text", (str,)),
    ("date", (date, datetime, np.datetime64)),
    ("time", (time,)),
    ("duration", (timedelta, np.timedelta64)),
)
"""The types of Python objects that a column may hold; a bool is an int too, so it comes first."""


def type_of(name: str, cell: object) -> str:
    """Return the type of a cell of a column, of those in `TYPES`, or raise TypeError."""
    # NumPy derives timedelta64 from its integers.
    for kind, types in (TYPES[-1], *TYPES[:-1]):
        if isinstance(cell, types):
            return kind
    raise TypeError(
        f"column {name!r} must hold numbers, booleans, dates or texts; got {cell!r:.60} of type "
        f"{type(cell).__name__}"
    )


def _column_of_objects(name: str, cells: Sequence[Any]) -> Column:
    missing = np.array([is_missing(cell) for cell in cells], np.bool_)
    known = [cell for cell, absent in zip(cells, missing.tolist(), strict=True) if not absent]
    examples = {type_of(name, cell): cell for cell in known}
    kinds = set(examples)
    if kinds == {"boolean", "number"}:
        kinds = {"number"}
    elif kinds == {"time", "duration"}:
        kinds = {"duration"}
    if len(kinds) > 1:
        types = ", ".join(f"{kind}s such as {cell!r:.40}" for kind, cell in examples.items())
        raise TypeError(f"column {name!r} must hold values of one type; got {types}")
    kind = next(iter(kinds), "number")
    if kind == "text":
        return category(name, [None if absent else str(cell) for cell, absent
                               in zip(cells, missing.tolist(), strict=True)])  # fmt: skip
    if kind == "boolean":
        return Column(name, "boolean", _scattered(np.int8, -1, missing, known))
    if kind == "number":
        whole = bool(known) and all(isinstance(cell, int | np.integer) for cell in known)
        dtype = "int64" if whole and not missing.any() else "float64"
        values = _scattered(np.float64, np.nan, missing, [float(cell) for cell in known])
        return Column(name, "number", values, dtype=dtype)
    if kind == "date":
        return Column(name, "datetime", _times_of_objects(name, known, missing))
    seconds = [_seconds(name, cell) for cell in known]
    return Column(name, "number", _scattered(np.float64, np.nan, missing, seconds))


def _seconds(name: str, cell: Any) -> float:
    """Return a duration, or a time of day since midnight, in seconds."""
    if not isinstance(cell, time):
        return float(np.timedelta64(cell) / np.timedelta64(1, "s"))
    if cell.tzinfo is not None:
        raise TypeError(
            f"column {name!r} must hold times of day without a time zone, which has no date; "
            f"got {cell}"
        )
    whole = 3600 * cell.hour + 60 * cell.minute + cell.second
    return (whole * 10**6 + cell.microsecond) / 1e6


def _times_of_objects(
    name: str, known: Sequence[Any], missing: NDArray[np.bool_]
) -> NDArray[np.int64]:
    times = _scattered(np.int64, NO_TIME, missing, [0] * len(known))
    exact = [np.datetime64(_in_utc(cell)) for cell in known]
    # One cell at a time: their units differ, and the finest unit may not hold all years.
    times[~missing] = [_nanoseconds(name, np.array([cell], cell.dtype))[0] for cell in exact]
    return times


def _in_utc(cell: Any) -> Any:
    """Return a date without its time zone, in UTC; pandas' own nanoseconds stay."""
    to_datetime64 = getattr(cell, "to_datetime64", None)
    if to_datetime64 is not None:
        return to_datetime64()
    if isinstance(cell, datetime) and cell.tzinfo is not None:
        return (cell - cell.utcoffset()).replace(tzinfo=None)  # type: ignore[operator]
    return cell


def _scattered(dtype: Any, empty: Any, missing: NDArray[np.bool_], known: Any) -> NDArray[Any]:
    values = np.full(len(missing), empty, dtype)
    values[~missing] = known
    return values


def category(name: str, cells: Sequence[Level | None]) -> Column:
    """Return a column of categories whose levels are sorted; None is missing.

    >>> category("size", ["m", None, "l"]).levels
    ('l', 'm')
    """
    positions: dict[Level, int] = {}
    codes = [-1 if cell is None else positions.setdefault(cell, len(positions)) for cell in cells]
    return sorted_category(name, np.array(codes, np.int32), list(positions))


def sorted_category(name: str, codes: NDArray[Any], levels: Sequence[Any]) -> Column:
    """Return a column of categories with sorted levels in Python's types, those that occur.

    Levels that are not numbers, booleans or texts, such as intervals of pandas, become texts.
    Levels of several types are all texts.
    """
    plain = [level.item() if isinstance(level, np.generic) else level for level in levels]
    types = {type(level) for level in plain}
    if not (types <= {int, float} or types in ({bool}, {str})):
        plain = [str(level) for level in plain]
    used = np.unique(codes).tolist()
    distinct = sorted({plain[code] for code in used if code >= 0})
    position = {level: k for k, level in enumerate(distinct)}
    table = np.array([position.get(level, -1) for level in plain] + [-1], np.int32)  # -1 stays -1
    return Column(name, "category", table[np.asarray(codes)], distinct)


def _narwhals() -> Any:
    try:
        import narwhals
    except ImportError:
        raise ImportError("data frames need narwhals: pip install narwhals") from None
    return narwhals


def _columns_of_frame(frame: Any) -> list[Column]:
    nw = _narwhals()
    arrow = sys.modules.get("pyarrow")
    if arrow is not None and isinstance(frame, arrow.RecordBatch):
        frame = arrow.Table.from_batches([frame])
    if frames.library_of(frame) == "pandas":
        check_unique([str(name) for name in frame.columns])
    try:
        table = nw.from_native(frame, eager_only=True)
    except TypeError:
        raise TypeError(
            "data must be a data frame of pandas, polars or pyarrow (of a lazy one, its "
            "collect()), a record batch, a mapping from names to columns, or an array; got "
            f"{type(frame).__module__}.{type(frame).__qualname__}"
        ) from None
    names = [str(name) for name in table.columns]
    return [_column_of_series(name, table[:, k]) for k, name in enumerate(names)]


def _column_of_series(name: str, series: Any) -> Column:
    nw = _narwhals()
    dtype = series.dtype
    if dtype == nw.Boolean:
        missing = np.asarray(series.is_null().to_numpy(), np.bool_)
        return Column(name, "boolean", np.where(missing, -1, _numbers(series)).astype(np.int8))
    if dtype.is_numeric():
        return Column(name, "number", _numbers(series), dtype=_numpy_type(dtype, series))
    if isinstance(dtype, nw.Date | nw.Datetime):
        return Column(name, "datetime", _times_of_series(name, series))
    if isinstance(dtype, nw.Duration):
        return Column(name, "number", _numbers(series.dt.total_nanoseconds()) / 1e9)
    if isinstance(dtype, nw.String | nw.Categorical | nw.Enum):
        return sorted_category(name, *_factorize(series))
    return _column_of_objects(name, series.to_list())


def _numbers(series: Any) -> NDArray[np.float64]:
    nw = _narwhals()
    return np.asarray(series.cast(nw.Float64).to_numpy(), np.float64)


def _numpy_type(dtype: Any, series: Any) -> str:
    """Return the NumPy type of a column of numbers; integers with missing cells are floats."""
    known = str(dtype).lower()
    if dtype.is_integer() and series.null_count():
        return "float64"
    return known if known in np.sctypeDict and known != "decimal" else "float64"


def _times_of_series(name: str, series: Any) -> NDArray[np.int64]:
    nw = _narwhals()
    unit = getattr(series.dtype, "time_unit", "us")
    unit = "us" if unit == "s" else unit
    missing = np.asarray(series.is_null().to_numpy(), np.bool_)
    if series.dtype == nw.Date:
        series = series.cast(nw.Datetime("ms"))
        unit = "ms"
    times = series.dt.timestamp(unit).fill_null(0).to_numpy()
    return to_nanoseconds(name, np.asarray(times, np.int64), UNITS[unit], missing)


def _factorize(series: Any) -> tuple[NDArray[Any], list[Any]]:
    """Return the codes (-1 is missing) and the levels of a column of texts or categories."""
    native = series.to_native()
    if frames.library_of(native, frames.COLUMNS) == "pandas":
        codes, levels = native.factorize()
        return codes, list(levels)
    if "pyarrow" in sys.modules and frames.library_of(native, frames.COLUMNS) == "pyarrow":
        chunk = native.combine_chunks()
        if not hasattr(chunk, "dictionary"):
            chunk = chunk.dictionary_encode()
        codes = chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return codes, chunk.dictionary.to_pylist()
    positions: dict[Any, int] = {}
    codes = [
        -1 if cell is None else positions.setdefault(cell, len(positions))
        for cell in series.to_list()
    ]
    return np.array(codes, np.int32), list(positions)
