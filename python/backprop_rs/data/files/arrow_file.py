"""Parquet, Feather, Arrow and ORC files, by pyarrow."""

from __future__ import annotations

from typing import Any

from ..._internal.printable import printable
from ..as_table import as_table
from ..columns import Table, place_in
from ..file_formats import FileFormat
from ..io import Path, title
from ..sources.table import index_of
from ..table_options import check_unique, left_out_index
from .contents import opened
from .library import library

MODULES = {
    "parquet": "parquet",
    "arrow": "ipc",
    "arrow stream": "ipc",
    "feather 1": "feather",
    "orc": "orc",
}


def read_arrow(path: Path, found: FileFormat) -> Table:
    """Read a file of Arrow's family, without the columns that hold the index of a frame."""
    module = library(f"pyarrow.{MODULES[found.key]}", "pyarrow", path, found.noun)
    library("narwhals", "narwhals", path, found.noun)
    shown = printable(path)
    try:
        frame = frame_of(module, found.key, opened(path))
    except (ValueError, OSError) as error:  # all errors of pyarrow are one of these
        reason = " ".join(str(error).split())
        raise ValueError(f"{shown} cannot be read as {found.noun}: {reason:.300}") from None
    names = list(frame.schema.names)
    check_unique(names, shown)
    index = index_of(frame.schema)
    left_out = index | {names[k] for k in left_out_index(names, index)}
    frame = frame.select([name for name in names if name not in left_out])
    return Table(as_table(frame), title(path), place_in(shown))


def frame_of(module: Any, key: str, file: Any) -> Any:
    """Return the table of a file."""
    if key == "arrow":
        with module.open_file(file) as reader:
            return reader.read_all()
    if key == "arrow stream":
        with open_stream(module, file) as reader:
            return reader.read_all()
    return module.read_table(file)


def open_stream(module: Any, file: Any) -> Any:
    """Return the reader of a stream in a file."""
    if isinstance(file, str):
        from pyarrow import memory_map

        file = memory_map(file)
    return module.open_stream(file)
