"""Import pyarrow only when a table is read."""

from __future__ import annotations

from typing import Any


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
        raise ImportError("Parquet and Arrow sources need pyarrow: pip install pyarrow") from error
