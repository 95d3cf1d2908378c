"""Rows that are stored in columns, as in tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

STRIP = 2048  # rows that NumPy transposes together


class ColumnRows:
    """Rows (m, n) in n columns (m,), which are copied into rows only at their destination.

    >>> rows = ColumnRows([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    >>> np.asarray(rows[1:])
    array([[2., 4.]])
    """

    ndim = 2

    def __init__(self, columns: Sequence[NDArray[Any]]) -> None:
        self.columns = columns
        self.shape = (len(columns[0]), len(columns))
        self.dtype: np.dtype[Any] = np.result_type(*{column.dtype for column in columns})

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> ColumnRows:
        return ColumnRows([column[rows] for column in self.columns])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        out = np.empty(self.shape, self.dtype)
        self.into(out)
        return out if dtype is None else out.astype(dtype, copy=False)

    def into(self, out: NDArray[Any]) -> None:
        """Write the rows to `out`, (m, n)."""
        columns = self.columns
        # The core takes contiguous columns of floats that need no conversion.
        is_float = out.dtype in (np.float32, np.float64)
        same_dtype = {column.dtype for column in columns} == {out.dtype}
        contiguous = all(array.flags.c_contiguous for array in (out, *columns))
        if is_float and same_dtype and contiguous:
            writer()(list(columns), out)
        else:
            rows_of_columns(columns, out)


@cache
def writer() -> Callable[[list[NDArray[Any]], NDArray[Any]], None]:
    """Return the function that writes columns of floats to rows: that of the core if it can."""
    try:
        from ..._core import rows_of_columns as write
    except ImportError:
        return rows_of_columns
    return write


def rows_of_columns(columns: Sequence[NDArray[Any]], out: NDArray[Any]) -> None:
    """Write columns to the rows of `out`, (m, n), in strips that stay in the cache."""
    for start in range(0, len(out), STRIP):
        strip = slice(start, start + STRIP)
        for k, column in enumerate(columns):
            out[strip, k] = column[strip]
