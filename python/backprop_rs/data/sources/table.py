"""Tables as sources, by pyarrow: Parquet files, folders of them, Arrow's record batches."""

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
from .base import Block
from .columns import ColumnRows
from .prefetch import reads_ahead
from .readahead import CAN_ASK, bring
from .stream import Segment, Stream

ROWS = 65_536  # of a record batch, at most
BATCH_BYTES = 2**25  # of one, where its numbers have four bytes
FOOTER_BYTES = 2**23  # of the footers of files that are kept; in memory they take some more


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are what."""

    names: tuple[str, ...]
    features: tuple[str, ...]
    targets: tuple[str, ...]
    weight: str | None = None
    fill: Mapping[str, float] = field(default_factory=dict)
    """What stands in the place of a feature's missing cells."""

    @property
    def used(self) -> list[str]:
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
    """The roles of columns; the target is the last where none is named, none where it is False.

    Columns of the `index` are left out unless they are named, and do not count in positions.
    """
    several = target if isinstance(target, list | tuple) else [target]
    asked = {weight, *several, *(features or ())}
    names = [name for name in names if name not in index or name in asked]
    left_out = {position("ignore", one, names) for one in ignore if one not in index}
    if features is None:
        left_out |= left_out_index(names, asked, left_out, unnamed)
    place = None if weight is None else position("weight", weight, names)
    free = [k for k in range(len(names)) if k not in left_out and k != place]
    if target is None:
        targets = [] if features is not None or not free else [free[-1]]
    elif target is False:
        targets = []
    else:
        targets = [position("target", one, names) for one in several]
    chosen = [k for k in free if k not in targets]
    if features is not None:
        chosen = [position("features", one, names) for one in features]
    if not chosen:
        raise ValueError(f"no column is left for the features; the columns are {listed(names)}")
    return Columns(
        tuple(names),
        tuple(names[k] for k in chosen),
        tuple(names[k] for k in targets),
        None if place is None else names[place],
        dict(missing or {}),
    )


def index_of(schema: Any) -> set[str]:
    """Return the columns that hold the index of a pandas frame, by the metadata of the schema."""
    described = (schema.pandas_metadata or {}).get("index_columns") or []
    return {one for one in described if isinstance(one, str)}  # a range is no column


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
    """Rows from Arrow's columns."""
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
    """A column of numbers without gaps, or with a number in their place."""
    found = values(batch, name, fill)
    if found.dtype.kind not in "biuf":
        raise ValueError(
            f"column {name!r} must hold numbers; got {batch.schema.field(name).type}; "
            "leave it out with ignore, or code it as numbers"
        )
    return found if fill is None else np.where(np.isnan(found), fill, found)


def values(batch: Any, name: str, fill: float | None = None) -> NDArray[Any]:
    """A column as an array: numbers, or objects where it is text."""
    import pyarrow as pa

    at = batch.schema.get_field_index(name)
    if at < 0:
        raise ValueError(
            f"column {name!r} is missing; the columns are {listed(batch.schema.names)}"
        )
    column = batch.column(at)
    if fill is not None and column.null_count:
        column = column.cast(pa.float64()).fill_null(fill)
    if column.is_null().true_count:
        row = int(np.asarray(column.is_null().to_numpy(zero_copy_only=False)).argmax())
        raise ValueError(f"column {name!r} has a missing cell in row {row} of a batch")
    if pa.types.is_dictionary(column.type):  # Arrow cannot decode all that polars writes
        categories: NDArray[Any] = column.dictionary.to_numpy(zero_copy_only=False)
        chosen: NDArray[Any] = categories[column.indices.to_numpy(zero_copy_only=False)]
        return chosen
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    found: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return found


def parquet(paths: Sequence[Path], name: str, choices: dict[str, Any], **settings: Any) -> Any:
    """Parquet files; a segment is a row group."""
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
            same_columns(path, names, columns)
            metadata = file.metadata
            footers += metadata.serialized_size
            kept = metadata if footers <= FOOTER_BYTES else None
            for group in range(metadata.num_row_groups):
                rows = metadata.row_group(group).num_rows
                place = f"{path}, row group {group}"
                read = group_reader(path, group, columns, kept)
                near = group_bringer(path, group, columns, kept) if CAN_ASK else None
                segments.append(Segment(place, read, rows, near))
    assert columns is not None
    return TableSource(segments, name, columns, **settings)


def group_reader(
    path: Path, group: int, columns: Columns, footer: Any
) -> Callable[[], Iterator[Block]]:
    rows = min(max(BATCH_BYTES // (4 * len(columns.used)), 1024), ROWS)
    stamp = path.stat().st_mtime_ns

    def read() -> Iterator[Block]:
        known = footer if path.stat().st_mtime_ns == stamp else None
        beside = reads_ahead()
        # Beside a training on two processors, threads of Arrow's would take from it.
        options = {"columns": columns.used, "use_threads": processors() > 2 or not beside}
        # In turn with a training a map saves a copy: who reads ahead can wait for the disk.
        with arrow("parquet").ParquetFile(
            path, metadata=known, memory_map=not beside, pre_buffer=not beside
        ) as file:
            if file.metadata.row_group(group).num_rows <= 2 * rows:  # saves Arrow some work
                batches = iter(file.read_row_group(group, **options).to_batches())
            else:
                batches = file.iter_batches(rows, row_groups=[group], **options)
            for batch in batches:
                yield block_of_batch(batch, columns)

    return read


def group_bringer(path: Path, group: int, columns: Columns, footer: Any) -> Callable[[], None]:
    used = set(columns.used)

    def near() -> None:
        try:
            metadata = footer or arrow("parquet").read_metadata(path)
            bring(path, ranges_of(metadata.row_group(group), used))
        except (OSError, ValueError, RuntimeError):
            return  # whoever reads the file hears of it

    return near


def ranges_of(group: Any, used: set[str]) -> list[tuple[int, int]]:
    """Where the columns that are used lie in a file: ranges (first byte, how many)."""
    ranges: list[tuple[int, int]] = []
    for k in range(group.num_columns):
        column = group.column(k)
        if column.path_in_schema not in used:
            continue
        places = (column.dictionary_page_offset, column.data_page_offset)
        first, size = min(place for place in places if place), column.total_compressed_size
        if ranges and sum(ranges[-1]) == first:
            ranges[-1] = ranges[-1][0], ranges[-1][1] + size
        else:
            ranges.append((first, size))
    return ranges


def record_batches(data: Any, name: str, choices: dict[str, Any], **settings: Any) -> Any:
    """A RecordBatchReader, or what exports Arrow's stream, such as tables and frames."""
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


def same_columns(path: Path, names: Sequence[str], columns: Columns) -> None:
    for name in columns.used:
        if name not in names:
            raise ValueError(f"{path} must have the column {name!r}; it has {listed(names)}")
