"""NumPy's .npy and .npz files and IDX files as tables."""

from __future__ import annotations

from ..._internal.printable import printable
from ..as_table import as_table
from ..columns import Table
from ..file_formats import FileFormat
from ..idx_file import load_idx
from ..io import Path, open_binary, title
from ..npz_file import load_npz
from .contents import opened


def read_numpy(path: Path, found: FileFormat) -> Table:
    """Read the arrays of a file as columns."""
    if found.key == "idx":
        return as_table(load_idx(path))
    if found.key == "npz":
        if not isinstance(opened(path), str):
            raise ValueError(f"{printable(path)} must not be compressed again; unpack it")
        return as_table(load_npz(path))
    import numpy as np

    try:
        with open_binary(path) as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{printable(path)} cannot be read as {found.noun}: {reason:.300}"
        ) from None
    return as_table(array, title(path))
