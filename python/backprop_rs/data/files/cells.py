"""Columns of cells that are Python objects, such as those of a workbook or of JSON."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..as_table import column_of, is_missing, type_of
from ..columns import Column

NUMERIC = {"boolean", "number"}
TIMES = {"time", "duration"}


def column_of_cells(
    name: str, cells: Sequence[Any], place: Callable[[int], str], missing_words: Collection[str]
) -> Column:
    """Return a column whose cells are of one type.

    Texts that are one of `missing_words`, in upper or lower case, are missing. Whole floats are
    integers, because a workbook has no others.

    Raises
    ------
    TypeError
        If the cells are of several types; the error names the first cell of the type that occurs
        less.
    """
    known = [None if _is_missing(cell, missing_words) else cell for cell in cells]
    rows: dict[str, list[int]] = {}
    for row, cell in enumerate(known):
        if cell is not None:
            rows.setdefault(type_of(name, cell), []).append(row)
    if len(rows) > 1 and not (set(rows) <= NUMERIC or set(rows) <= TIMES):
        odd = min(rows, key=lambda kind: len(rows[kind]))
        main = max((kind for kind in rows if kind != odd), key=lambda kind: len(rows[kind]))
        first = rows[odd][0]
        raise TypeError(
            f"{place(first)}: column {name!r} must hold values of one type, as the {main}s in the "
            f"other cells; got {known[first]!r:.60}"
        )
    floats = [cell for cell in known if isinstance(cell, float)]
    if "number" in rows and all(cell.is_integer() and abs(cell) < 2**53 for cell in floats):
        known = [int(cell) if isinstance(cell, float) else cell for cell in known]
    return column_of(name, known)


def column_of_numbers(name: str, values: NDArray[np.float64]) -> Column:
    """Return a column of numbers, of integers if all are whole; NaN is missing."""
    whole = bool((values == np.floor(values)).all() and (np.abs(values) < 2**53).all())
    return Column(name, "number", values, dtype="int64" if whole else "float64")


def _is_missing(cell: object, missing_words: Collection[str]) -> bool:
    return is_missing(cell) or (isinstance(cell, str) and cell.strip().lower() in missing_words)


def header_of(row: Sequence[Any]) -> list[str]:
    """Return the names of columns; those without a name are called column_1, column_2, ....

    >>> header_of(["a", "", 2020.0])
    ['a', 'column_2', '2020']
    """
    names = []
    for k, cell in enumerate(row):
        whole = isinstance(cell, float) and cell.is_integer()
        text = "" if is_missing(cell) else str(int(cell) if whole else cell).strip()
        names.append(text or f"column_{k + 1}")
    return names
