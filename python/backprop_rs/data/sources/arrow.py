"""Import pyarrow only when a table is read."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..csv_rows import MISSING_WORDS

CASES = (str, str.upper, str.title)


def arrow(module: str) -> Any:
    """Return a module of pyarrow.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    """
    from importlib import import_module

    try:
        return import_module(f"pyarrow.{module}")
    except ImportError as error:
        raise ImportError(
            "Parquet, CSV and Arrow sources need pyarrow: pip install pyarrow"
        ) from error


@cache
def arrow_nulls() -> list[str]:
    """Return the words for a missing cell in their common cases."""
    return sorted({case(word) for word in MISSING_WORDS for case in CASES} | {"NaN"})
