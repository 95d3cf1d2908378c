"""Import the libraries that read other formats only when such a file is read."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..._internal.printable import printable
from ..io import Path


def library(module: str, package: str, path: Path, noun: str) -> Any:
    """Return a module of a library that may not be installed.

    Parameters
    ----------
    module, package : str
        The names in Python and for pip.
    path, noun
        The file and its format, for the error.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        raise ImportError(
            f"{printable(path)} is {noun}, and reading it needs {package}: pip install {package}"
        ) from None
