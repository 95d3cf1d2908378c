"""Tables as sources, read by pyarrow: Parquet files, folders of them, Arrow record batches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...threads import processors
from ..table_options import left_out_index, listed, position
from .arrow import arrow
from .block import Block
from .columns import ColumnRows
from .prefetch import in_prefetch_thread
from .readahead import CAN_PREFETCH, prefetch
from .stream import Segment, Stream

MAX_ROWS = 65_536  # of a record batch
BATCH_BYTES = 2**25  # of a record batch whose numbers have four bytes
FOOTER_BYTES = 2**23  # of the footers that are kept; in memory they take more


@dataclass(frozen=True)
class Columns:
    """The roles of the columns of a table, by name."""

    names: tuple[str, ...]
    features: tuple[str, ...]
    targets: tuple[str, ...]
    weight: str | None = None
    fill: Mapping[str, float] = field(default_factory=dict)
    """The value of the missing cells of a feature."""

    @property
    def used(self) -> list[str]:
        """The columns that are read."""
        return [*self.features, *self.targets, *([self.weight] if self.weight else [])]


def columns_of(
    names: Sequence[str],
    target: Any = None,
    features: Sequence[str] | None = None,
    ignore: Sequence[str | int] = (),
    weight: str | int | None = None,
    missing: Mapping[str, float] | None = None,
    index: Collection[str] = (),
    unnamed: bool = False,
) -> Columns:
    """Return the roles of columns.

    The target is the last column if `target` is None, and there is none if it is False. Columns of
    the `index` are left out unless they are named, and do not count in positions. `unnamed` tells
    that the first column has no name.
    """
    named_targets = target if isinstance(target, list | tuple) else [target]
    requested = {weight, *named_targets, *(features or ())}
    names = [name for name in names if name not in index or name in requested]
    left_out = {position("ignore", column, names) for column in ignore if column not in index}
    if features is None:
        left_out |= left_out_index(names, requested, left_out, unnamed)
    weight_column = None if weight is None else position("weight", weight, names)
    free = [k for k in range(len(names)) if k not in left_out and k != weight_column]
    if target is None:
        targets = [] if features is not None or not free else [free[-1]]
    elif target is False:
        targets = []
    else:
        targets = [position("target", column, names) for column in named_targets]
    used = [k for k in free if k not in targets]
    if features is not None:
        used = [position("features", column, names) for column in features]
    if not used:
        raise ValueError(f"no column is left for the features; the columns are {listed(names)}")
    return Columns(
        tuple(names),
        tuple(names[k] for k in used),
        tuple(names[k] for k in targets),
        None if weight_column is None else names[weight_column],
        dict(missing or {}),
    )


def index_of(schema: Any) -> set[str]:
    """Return the columns that hold the index of a pandas frame, by the metadata of the schema."""
    columns = (schema.pandas_metadata or {}).get("index_columns") or []
    return {column for column in columns if isinstance(column, str)}  # a range has no column


class TableSource(Stream):
    """A stream of record batches with named columns."""

    def __init__(
        self,
        segments: Sequence[Segment],
        name: str,
        columns: Columns,
        **settings: Any,
    ) -> None:
        super().__init__(segments, name, **settings)
        self.columns, self.feature_names = columns, columns.features


def block_of_batch(batch: Any, columns: Columns) -> Block:
    """Return the samples of a record batch."""
    fill = columns.fill
    X: Any = ColumnRows([numbers(batch, name, fill.get(name)) for name in columns.features])
    y: NDArray[Any] | None = None
    if len(columns.targets) == 1:
        y = values(batch, columns.targets[0])
    elif columns.targets:
        y = np.column_stack([numbers(batch, name) for name in columns.targets])
    weights = None if columns.weight is None else numbers(batch, columns.weight)
    return Block(X, y, weights)


def numbers(batch: Any, name: str, fill: float | None = None) -> NDArray[Any]:
    """Return a column of numbers; `fill` replaces its missing cells."""
    column = values(batch, name, fill)
    if column.dtype.kind not in "biuf":
        raise ValueError(
            f"column {name!r} must hold numbers; got {batch.schema.field(name).type}; "
            "leave it out with ignore, or code it as numbers"
        )
    return column if fill is None else np.where(np.isnan(column), fill, column)


def values(batch: Any, name: str, fill: float | None = None) -> NDArray[Any]:
    """Return a column as an array of numbers, or of objects if it is text."""
    import pyarrow as pa

    k = batch.schema.get_field_index(name)
    if k < 0:
        raise ValueError(
            f"column {name!r} is missing; the columns are {listed(batch.schema.names)}"
        )
    column = batch.column(k)
    if fill is not None and column.null_count:
        column = column.cast(pa.float64()).fill_null(fill)
    if column.is_null().true_count:
        row = int(np.asarray(column.is_null().to_numpy(zero_copy_only=False)).argmax())
        raise ValueError(f"column {name!r} has a missing cell in row {row} of a batch")
    if pa.types.is_dictionary(column.type):  # Arrow cannot decode all dictionaries of polars
        categories: NDArray[Any] = column.dictionary.to_numpy(zero_copy_only=False)
        texts: NDArray[Any] = categories[column.indices.to_numpy(zero_copy_only=False)]
        return texts
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    array: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return array


def parquet(
    paths: Sequence[Path], name: str, choices: dict[str, Any], **settings: Any
) -> TableSource:
    """Return the source of Parquet files; a segment is a row group."""
    pq = arrow("parquet")
    segments: list[Segment] = []
    columns: Columns | None = None
    footers = 0
    for path in paths:
        try:
            file = pq.ParquetFile(path)
        except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
            raise ValueError(f"{path} is not a Parquet file, or is truncated: {error}") from None
        with file:
            names = file.schema_arrow.names
            index = index_of(file.schema_arrow)
            columns = columns or columns_of(names, **choices, index=index)
            check_columns(path, names, columns)
            metadata = file.metadata
            footers += metadata.serialized_size
            footer = metadata if footers <= FOOTER_BYTES else None
            for group in range(metadata.num_row_groups):
                rows = metadata.row_group(group).num_rows
                place = f"{path}, row group {group}"
                read = group_reader(path, group, columns, footer)
                ask = group_prefetcher(path, group, columns, footer) if CAN_PREFETCH else None
                segments.append(Segment(place, read, rows, ask))
    assert columns is not None
    return TableSource(segments, name, columns, **settings)


def group_reader(
    path: Path, group: int, columns: Columns, footer: Any
) -> Callable[[], Iterator[Block]]:
    """Return the function that reads a row group.

    `footer` is the metadata of the file, or None to read it again.
    """
    rows = min(max(BATCH_BYTES // (4 * len(columns.used)), 1024), MAX_ROWS)
    modified = path.stat().st_mtime_ns

    def read() -> Iterator[Block]:
        known = footer if path.stat().st_mtime_ns == modified else None
        in_background = in_prefetch_thread()
        # On two processors the threads of Arrow would slow down a training that runs now.
        options = {"columns": columns.used, "use_threads": processors() > 2 or not in_background}
        # A memory map saves a copy. A thread that reads ahead can wait for the disk instead.
        with arrow("parquet").ParquetFile(
            path, metadata=known, memory_map=not in_background, pre_buffer=not in_background
        ) as file:
            if file.metadata.row_group(group).num_rows <= 2 * rows:  # less work for Arrow
                batches = iter(file.read_row_group(group, **options).to_batches())
            else:
                batches = file.iter_batches(rows, row_groups=[group], **options)
            for batch in batches:
                yield block_of_batch(batch, columns)

    return read


def group_prefetcher(path: Path, group: int, columns: Columns, footer: Any) -> Callable[[], None]:
    """Return the function that asks the OS to prefetch the used columns of a row group."""
    used = set(columns.used)

    def ask() -> None:
        try:
            metadata = footer or arrow("parquet").read_metadata(path)
            prefetch(path, ranges_of(metadata.row_group(group), used))
        except (OSError, ValueError, RuntimeError):
            return  # reading the file reports it

    return ask


def ranges_of(group: Any, used: set[str]) -> list[tuple[int, int]]:
    """Return the ranges (first byte, number of bytes) of the used columns in a file."""
    ranges: list[tuple[int, int]] = []
    for k in range(group.num_columns):
        column = group.column(k)
        if column.path_in_schema not in used:
            continue
        offsets = (column.dictionary_page_offset, column.data_page_offset)
        first, size = min(offset for offset in offsets if offset), column.total_compressed_size
        if ranges and sum(ranges[-1]) == first:
            ranges[-1] = ranges[-1][0], ranges[-1][1] + size
        else:
            ranges.append((first, size))
    return ranges


def record_batches(data: Any, name: str, choices: dict[str, Any], **settings: Any) -> TableSource:
    """Return the source of a RecordBatchReader, or of an object that exports an Arrow stream."""
    import pyarrow as pa

    once = isinstance(data, pa.RecordBatchReader)
    schema = data.schema if once else pa.RecordBatchReader.from_stream(data).schema
    columns = columns_of(schema.names, **choices, index=index_of(schema))

    def read() -> Iterator[Block]:
        batches = data if once else pa.RecordBatchReader.from_stream(data)
        for batch in batches:
            yield block_of_batch(batch, columns)

    rows = getattr(data, "num_rows", None)
    segment = Segment(name, read, rows if isinstance(rows, int) else settings.get("length"))
    source = TableSource([segment], name, columns, **settings)
    source.repeatable = not once
    return source


def check_columns(path: Path, names: Sequence[str], columns: Columns) -> None:
    """Raise ValueError unless a file has all columns that are read."""
    for name in columns.used:
        if name not in names:
            raise ValueError(f"{path} must have the column {name!r}; it has {listed(names)}")
