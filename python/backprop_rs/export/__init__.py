"""Export networks to files that run without this package: ONNX, C99 source and NumPy source.

>>> import backprop_rs as bp
>>> net = bp.Network([2, 3, 2], seed=0)
>>> net.export("xor.onnx"), net.export("xor.c"), net.export("xor.py")
(None, None, None)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .._internal import checks

if TYPE_CHECKING:
    from .._internal.types import Path
    from ..base_network import BaseNetwork
    from ..data import Preprocessor

__all__ = ["write", "write_table_model"]

# The suffix of a file, and the module whose `content` returns its bytes.
FORMATS = {".onnx": "onnx_file", ".c": "c_source", ".py": "numpy_source"}
TABLE_FORMATS = {".onnx": "onnx_table", ".c": "c_table", ".py": "numpy_table"}


def __dir__() -> list[str]:
    return __all__


def write(
    net: BaseNetwork,
    path: Path,
    classes: Sequence[Any] | None = None,
    preparation: bool = True,
    float_only: bool = False,
) -> None:
    """Write a network in the format that the suffix of `path` names; an error leaves no file."""
    from .model import model_of

    check_float_only(path, float_only)
    write_as(path, FORMATS, lambda: model_of(net, classes, preparation, float_only))


def write_table_model(
    path: Path,
    title: str,
    preprocessor: Preprocessor,
    networks: Sequence[BaseNetwork],
    preprocessors: Sequence[Preprocessor],
    weights: tuple[float, ...] | None = None,
    temperature: float = 1.0,
    float_only: bool = False,
) -> None:
    """Write networks with the preparations of their tables; an error leaves no file."""
    from .table_model import table_model_of

    check_float_only(path, float_only)
    parts = (title, preprocessor, networks, preprocessors, weights, temperature, float_only)
    write_as(path, TABLE_FORMATS, lambda: table_model_of(*parts))


def check_float_only(path: Path, float_only: bool) -> None:
    """Raise ValueError if `float_only` is given for another format than C."""
    if checks.boolean("float_only", float_only) and not os.fspath(path).lower().endswith(".c"):
        raise ValueError(f"float_only goes with a .c file; got {os.fspath(path)!r}")


def write_as(path: Path, formats: Mapping[str, str], make: Callable[[], Any]) -> None:
    """Write what `make` returns by the module for the suffix of `path`."""
    from .._internal.writing import replace

    stem, suffix = os.path.splitext(os.path.basename(os.fspath(path)))
    if suffix.lower() not in formats:
        raise ValueError(f"path must end in {', '.join(formats)}; got {os.fspath(path)!r}")
    module = import_module(f".{formats[suffix.lower()]}", __name__)
    replace(path, [module.content(make(), stem)])
