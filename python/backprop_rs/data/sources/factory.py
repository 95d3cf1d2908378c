"""Make a `Source` from files, arrays, tables and iterables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..._internal.frames import names_of
from ..arrays import array_of
from .arrow import arrow
from .base import CHUNK_BYTES, SHUFFLE_ROWS, Source
from .block import Block
from .iterable import IterableSource
from .numpy_files import NpyShards, NpzShards, flat, mapped
from .rows import ArraySource, ItemSource, RandomAccess
from .stream import Segment, Stream

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

TABLES = {"parquet": (".parquet", ".pq"), "csv": (".csv", ".csv.gz")}
ACCEPTED = (
    "an .npy, .npz, Parquet or CSV file, a folder of these files, arrays, an Arrow table or "
    "reader, an iterable of batches, or an object with __getitem__ and __len__"
)


def source(
    data: Any,
    y: ArrayLike | str | PathLike[str] | None = None,
    *,
    weights: ArrayLike | None = None,
    target: str | int | bool | Sequence[str | int] | None = None,
    features: Sequence[str] | None = None,
    ignore: Sequence[str | int] = (),
    weight: str | int | None = None,
    missing: Mapping[str, float] | None = None,
    class_names: Sequence[str] | None = None,
    csv: Mapping[str, Any] | None = None,
    length: int | None = None,
    shuffle: str = "auto",
    shuffle_rows: int = SHUFFLE_ROWS,
    chunk_bytes: int = CHUNK_BYTES,
    name: str | None = None,
) -> Source:
    """Make a source of samples that need not fit in memory, for `fit`, `evaluate` and `predict`.

    Parameters
    ----------
    data
        - an .npy file with X, and `y` another (memory maps); arrays, memory maps too;
        - a folder of X*.npy with y*.npy, or of .npz files with X and y;
        - a Parquet file, or a folder of them: needs pyarrow (`pip install pyarrow`);
        - a CSV file, or a folder of them;
        - an Arrow table or record-batch reader, or an object that exports an Arrow stream;
        - an object with `__getitem__` and `__len__` whose items are (x, y), such as PyTorch's;
        - an iterable of batches (X, y) or (X, y, weights), or a function that returns an iterator.
    y, weights : array-like, or for `y` an .npy file, optional
        For arrays and .npy files.
    target : column by name or position, list of them, or False, optional
        For tables; by default the last column. False means no target.
    features : list of str, optional
        For tables; by default all other columns. A column of texts in a CSV file becomes one
        feature of 0 and 1 per text, named like "color=red".
    ignore, weight : columns of tables, optional
        The columns to leave out, and the column with the weight of each sample.
    missing : mapping from feature to number, optional
        The values of missing cells of tables, such as the `fill_values` of the data set that the
        network was trained on. Without it, a missing cell is an error.
    class_names : list of str, optional
        The classes that the targets stand for, in the order of their labels.
    csv : mapping from option to value, optional
        How CSV files are written: options of `read_csv`, such as {"decimal": ","}.
    length : int, optional
        The number of samples, if the data do not tell it; it saves a pass over the data.
    shuffle : "auto", "rows" or "blocks", default "auto"
        How to shuffle an epoch: all rows together, as `fit` does in memory, or in windows of
        `shuffle_rows` consecutive rows. "auto" is "rows" if the data have random access, and
        "blocks" otherwise.
    shuffle_rows : int, default 65536
        The size of a window.
    chunk_bytes : int, default 16 MiB
        About how many bytes are read at a time.
    name : str, optional
        The name of the source in messages.

    Returns
    -------
    Source

    Raises
    ------
    ValueError, TypeError, ImportError
        If the data or an argument do not fit; the error names a damaged file.

    Examples
    --------
    >>> import numpy as np, pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> np.save(folder / "X.npy", np.ones((5, 3), "float32"))
    >>> np.save(folder / "y.npy", np.zeros(5, "int64"))
    >>> len(source(folder))
    5
    """
    if shuffle not in ("auto", "rows", "blocks"):
        raise ValueError(f"shuffle must be auto, rows or blocks; got {shuffle!r}")
    choices = {
        "target": target,
        "features": features,
        "ignore": ignore,
        "weight": weight,
        "missing": missing,
    }
    settings = {"length": length, "shuffle_rows": shuffle_rows}
    if isinstance(data, Source):
        return data
    if isinstance(data, str | PathLike):
        result = path_source(Path(data), y, name or fspath(data), choices, settings, csv)
    else:
        result = object_source(data, y, weights, name, choices, settings)
    if shuffle == "rows" and isinstance(result, Stream):
        raise ValueError(f"shuffle must be blocks or auto: {result.name} is read as a stream")
    if shuffle == "blocks" and not isinstance(result, Stream):
        result = as_stream(result, shuffle_rows)
    if class_names is not None:
        result = result.coded(class_names)
    result.chunk_bytes = chunk_bytes
    return result


def path_source(
    path: Path,
    y: Any,
    name: str,
    choices: dict[str, Any],
    settings: dict[str, Any],
    how: Mapping[str, Any] | None,
) -> Source:
    """Return the source of a file or a folder."""
    if not path.exists():
        raise FileNotFoundError(2, "No such file or directory", str(path))
    if path.suffix == ".npy":
        target = mapped(Path(y)) if isinstance(y, str | PathLike) else y
        target = None if target is None else np.asanyarray(target)
        return ArraySource(flat(mapped(path), path), target, None, name)
    files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
    files = [file for file in files if not file.name.startswith((".", "_"))]
    kinds = {kind_of(file) for file in files}
    if len(kinds) != 1 or "" in kinds:
        others = ", ".join(sorted({file.suffix or file.name for file in files})[:6]) or "nothing"
        raise ValueError(
            f"{path} must hold files of one kind, of Parquet, CSV, .npz or .npy; got {others}"
        )
    kind = kinds.pop()
    if kind == "npy":
        return NpyShards(path)
    if kind == "npz":
        return NpzShards(files, name, **settings)
    # The modules of tables are imported only if they are needed.
    if kind == "csv":
        from .csv_table import csv

        return csv(files, name, choices, how, **settings)
    from .table import parquet

    return parquet(files, name, choices, **settings)


def kind_of(path: Path) -> str:
    """Return "npy", "npz", "parquet" or "csv", or "" for any other file."""
    if path.suffix in (".npy", ".npz"):
        return path.suffix[1:]
    kinds = (kind for kind, endings in TABLES.items() if path.name.lower().endswith(endings))
    return next(kinds, "")


def object_source(
    data: Any,
    y: Any,
    weights: Any,
    name: str | None,
    choices: dict[str, Any],
    settings: dict[str, Any],
) -> Source:
    """Return the source of an object in memory."""
    if y is not None or isinstance(data, np.ndarray) or is_rows(data):
        X = data if isinstance(data, np.ndarray) else array_of("X", data)
        if X.ndim < 2:
            raise ValueError(f"X must have shape (m, n_0); got {X.shape}")
        target, sample_weights = (
            array if array is None or isinstance(array, np.ndarray) else array_of(argument, array)
            for argument, array in (("y", y), ("weights", weights))
        )
        X = X if X.ndim == 2 else X.reshape(len(X), -1)
        rows = ArraySource(X, target, sample_weights, name or "arrays")
        rows.feature_names = names_of(data) or ()
        return rows
    if hasattr(data, "read_next_batch") or hasattr(data, "__arrow_c_stream__"):
        from .table import record_batches

        arrow("lib")  # raises if pyarrow is missing
        return record_batches(data, name or type(data).__name__, choices, **settings)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return ItemSource(data, name or type(data).__name__)
    if callable(data) or hasattr(data, "__iter__"):
        return IterableSource(data, name or type(data).__name__, **settings)
    raise TypeError(f"data must be {ACCEPTED}; got {type(data).__name__}")


def is_rows(data: Any) -> bool:
    """Return True if a list holds rows of numbers instead of samples or batches."""
    return isinstance(data, list) and bool(data) and isinstance(data[0], list)


def as_stream(samples: Source, rows: int) -> Stream:
    """Return a source with random access as a stream whose segments are consecutive rows."""
    assert isinstance(samples, RandomAccess)
    n, take, prefetch_rows = samples.length, samples.take, samples.prefetch

    def segment(first: int) -> Segment:
        last = min(first + rows, n)

        def read() -> Iterator[Block]:
            yield take(np.arange(first, last))

        name = f"{samples.name}, rows {first} to {last - 1}"
        prefetch = partial(prefetch_rows, first, last) if samples.can_prefetch_rows else None
        return Segment(name, read, last - first, prefetch)

    stream = Stream([segment(first) for first in range(0, n, rows)], samples.name, n, rows)
    stream.feature_names = samples.feature_names
    return stream
