"""Rows that stand in columns, as tables hold them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

STRIP = 2048  # rows that NumPy turns from columns into rows together


class ColumnRows:
    """Rows (m, n) in n columns (m,), which become rows where they are to stay, and not before.

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
        """Put the rows into `out`, (m, n)."""
        columns = self.columns
        kinds = {column.dtype for column in columns}
        plain = kinds == {out.dtype} and out.dtype in (np.float32, np.float64)
        if plain and out.flags.c_contiguous and all(one.flags.c_contiguous for one in columns):
            writer()(list(columns), out)
        else:
            rows_of_columns(columns, out)


@cache
def writer() -> Callable[[list[NDArray[Any]], NDArray[Any]], None]:
    """What puts columns of floats into rows: the core where it is."""
    try:
        from ..._core import rows_of_columns as put
    except ImportError:
        return rows_of_columns
    return put


def rows_of_columns(columns: Sequence[NDArray[Any]], out: NDArray[Any]) -> None:
    """Put columns into the rows of `out`, (m, n), in strips that stay in the cache."""
    for start in range(0, len(out), STRIP):
        strip = slice(start, start + STRIP)
        for k, column in enumerate(columns):
            out[strip, k] = column[strip]
