"""Tables as sources, by pyarrow: Parquet and CSV files, folders of them, Arrow's record batches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...threads import processors
from ..csv_file import CsvFile
from ..csv_rows import MISSING_WORDS
from ..recipe import left_out_index, listed, position
from .base import Block
from .columns import ColumnRows
from .csv_faults import fault
from .near import CAN_ASK, bring
from .reader import reads_ahead
from .stream import Segment, Stream

ROWS = 65_536  # of a record batch, at most
BATCH_BYTES = 2**25  # of one, where its numbers have four bytes
FORMS = (str, str.upper, str.title)
NULLS = sorted({form(word) for word in MISSING_WORDS for form in FORMS} | {"NaN"})
FOOTER_BYTES = 2**23  # of the footers of files that are kept; in memory they take some more


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are what."""

    names: tuple[str, ...]
    features: tuple[str, ...]
    targets: tuple[str, ...]
    weight: str | None = None

    @property
    def used(self) -> list[str]:
        return [*self.features, *self.targets, *([self.weight] if self.weight else [])]


def columns_of(
    names: Sequence[str],
    target: Any = None,
    features: Sequence[str] | None = None,
    ignore: Sequence[str | int] = (),
    weight: str | int | None = None,
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
    X: Any = ColumnRows([numbers(batch, name) for name in columns.features])
    y: NDArray[Any] | None = None
    if len(columns.targets) == 1:
        y = values(batch, columns.targets[0])
    elif columns.targets:
        y = np.column_stack([numbers(batch, name) for name in columns.targets])
    weights = None if columns.weight is None else numbers(batch, columns.weight)
    return Block(X, y, weights)


def numbers(batch: Any, name: str) -> NDArray[Any]:
    """A column of numbers without gaps."""
    found = values(batch, name)
    if found.dtype.kind not in "biuf":
        raise ValueError(
            f"column {name!r} must hold numbers; got {batch.schema.field(name).type}; "
            "leave it out with ignore, or code it as numbers"
        )
    return found


def values(batch: Any, name: str) -> NDArray[Any]:
    """A column as an array: numbers, or objects where it is text."""
    import pyarrow as pa

    at = batch.schema.get_field_index(name)
    if at < 0:
        raise ValueError(
            f"column {name!r} is missing; the columns are {listed(batch.schema.names)}"
        )
    column = batch.column(at)
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


def csv(paths: Sequence[Path], name: str, choices: dict[str, Any], **settings: Any) -> Any:
    """CSV files, also compressed ones, laid out as `load_csv` finds them; a segment is a file."""
    columns: Columns | None = None
    types: dict[str, Any] = {}
    segments = []
    for path in paths:
        layout = CsvFile.examine(path, "utf-8", "auto", "auto")
        if layout.delimiter == " ":
            raise ValueError(
                f"{path} must have commas, semicolons, tabs or bars between its cells to be read "
                "as it is needed; got white space"
            )
        columns = columns or columns_of(layout.names, **choices, unnamed=layout.unnamed)
        same_columns(path, layout.names, columns)
        schema, called = csv_schema(layout)
        types = types or csv_types(schema, columns)
        read = csv_reader(layout, columns, types, (schema, called))
        segments.append(Segment(str(path), read))
    assert columns is not None
    return TableSource(segments, name, columns, **settings)


def open_csv(layout: CsvFile, **options: Any) -> Any:
    """The record batches of a file; without a header its columns get the names of the layout."""
    module = arrow("csv")
    names = None if layout.has_header else layout.names
    return module.open_csv(
        layout.path,
        read_options=module.ReadOptions(column_names=names),
        parse_options=module.ParseOptions(delimiter=layout.delimiter),
        convert_options=module.ConvertOptions(
            null_values=NULLS, strings_can_be_null=True, **options
        ),
    )


def csv_schema(layout: CsvFile) -> tuple[Any, dict[str, str]]:
    """What the first rows make of the types of the columns, and what Arrow calls these."""
    try:
        with open_csv(layout) as batches:
            schema = batches.schema
    except (OSError, ValueError) as error:
        raise csv_error(layout, error, (), ()) from None
    called = dict(zip(layout.names, schema.names, strict=True))
    return arrow("lib").schema(list(zip(layout.names, schema.types, strict=True))), called


def csv_error(
    layout: CsvFile, error: Exception, used: Sequence[str], numeric: Sequence[str]
) -> ValueError:
    """One line of what is wrong, by file and line where the line can be found."""
    first, *_ = str(error).splitlines() or [type(error).__name__]
    found = fault(layout, used, numeric)
    return ValueError(found or f"{layout.path} cannot be read as CSV: {first}")


def is_whole(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind))


def csv_types(schema: Any, columns: Columns) -> dict[str, Any]:
    """Numbers may have a point further on than the first rows."""
    import pyarrow as pa

    return {
        name: pa.float64()
        for name in columns.used
        if pa.types.is_integer(schema.field(name).type)
        or pa.types.is_floating(schema.field(name).type)
        or pa.types.is_null(schema.field(name).type)
    }


def csv_numeric(schema: Any, columns: Columns, types: dict[str, Any]) -> list[str]:
    """The columns that must hold numbers: all but a single target of texts, and truth values."""
    import pyarrow as pa

    texts = columns.targets if len(columns.targets) == 1 else ()
    others = (name for name in columns.used if name not in types and name not in texts)
    return [*types, *(one for one in others if not pa.types.is_boolean(schema.field(one).type))]


def csv_reader(
    layout: CsvFile, columns: Columns, types: dict[str, Any], found: tuple[Any, dict[str, str]]
) -> Callable[[], Iterator[Block]]:
    """Batch after batch of one file; no more of it is in memory than a block of about 1 MB."""
    schema, called = found
    whole_target = any(is_whole(schema.field(name).type) for name in columns.targets)
    options = {
        "column_types": {called[name]: kind for name, kind in types.items()},
        "include_columns": [called[name] for name in columns.used],
    }

    def read() -> Iterator[Block]:
        try:
            with open_csv(layout, **options) as batches:
                for batch in batches:
                    block = block_of_batch(batch.rename_columns(columns.used), columns)
                    if whole_target and block.y is not None and not (block.y % 1).any():
                        block.y = block.y.astype(np.int64)
                    yield block
        except ValueError as error:
            numeric = csv_numeric(schema, columns, types)
            raise csv_error(layout, error, columns.used, numeric) from None

    return read


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


def arrow(module: str) -> Any:
    """A module of pyarrow."""
    from importlib import import_module

    try:
        return import_module(f"pyarrow.{module}")
    except ImportError as error:
        raise ImportError(
            "Parquet, CSV and Arrow sources need pyarrow: pip install 'backprop-rs[arrow]'"
        ) from error
