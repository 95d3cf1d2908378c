"""LIBSVM (SVMlight) files, by scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._internal import memory
from ..._internal.printable import printable
from ..columns import Table, place_in
from ..io import Path, open_binary, title
from .cells import column_of_numbers
from .library import library

TARGET = "target"


def read_svmlight(path: Path, noun: str) -> Table:
    """Read a LIBSVM file as dense columns x1, x2, ... and the column "target", which comes last.

    The names have the positions of the file; x0 is there if it occurs.
    """
    datasets: Any = library("sklearn.datasets", "scikit-learn", path, noun)
    shown = printable(path)
    try:
        with open_binary(path) as file:
            X, y = datasets.load_svmlight_file(file, dtype=np.float64, zero_based=True)
    except (ValueError, IndexError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{shown} cannot be read as {noun}: {reason:.300}") from None
    if not X.shape[0] or not X.shape[1]:
        raise ValueError(f"{shown} must have rows and features; got shape {X.shape}")
    memory.need(X.shape[0] * X.shape[1], "float64", f"the dense table of {shown}")
    columns = X.tocsc()
    first = 0 if columns.indptr[1] else 1
    features = [
        column_of_numbers(f"x{k}", columns[:, [k]].toarray()[:, 0])
        for k in range(first, X.shape[1])
    ]
    return Table(
        [*features, column_of_numbers(TARGET, np.asarray(y))], title(path), place_in(shown)
    )
