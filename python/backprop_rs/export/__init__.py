"""Export networks to files that run without this package: ONNX, C99 source and NumPy source.

>>> import backprop_rs as bp
>>> net = bp.Network([2, 3, 2], seed=0)
>>> net.export("xor.onnx"), net.export("xor.c"), net.export("xor.py")
(None, None, None)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._internal.types import Path
    from ..base_network import BaseNetwork

# The suffix of a file, and the module whose `content` returns its bytes.
FORMATS = {".onnx": "onnx_file", ".c": "c_source", ".py": "numpy_source"}


def write(
    net: BaseNetwork,
    path: Path,
    classes: Sequence[str | int] | None = None,
    preparation: bool = True,
) -> None:
    """Write a network in the format that the suffix of `path` names; an error leaves no file."""
    from .._internal.writing import replace
    from .model import model_of

    stem, suffix = os.path.splitext(os.path.basename(os.fspath(path)))
    if suffix.lower() not in FORMATS:
        raise ValueError(f"path must end in {', '.join(FORMATS)}; got {os.fspath(path)!r}")
    model = model_of(net, classes, preparation)
    module = import_module(f".{FORMATS[suffix.lower()]}", __name__)
    replace(path, [module.content(model, stem)])
