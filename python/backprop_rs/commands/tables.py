"""Raw tables on the command line: read them, choose their columns, and hold out rows."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import data
from ..data import Table, TableStream, as_table
from ..data.column_statistics import ColumnStatistics
from ..data.csv.parts import csv_parts
from ..data.csv.read import column_names
from ..data.file_formats import format_of
from ..data.files import file_table
from ..data.files.library import library
from ..data.files.read import text_columns
from ..data.io import title
from ..data.preprocessing import held_out_rows
from ..data.sources.table import index_of
from ..data.table_options import NameOrPosition, left_out_index, listed, position
from ..data.table_stream import parts_of
from ..data.target_encoder import TargetEncoder
from ..model import Model
from .options import COLUMNS, given
from .report import counted
from .source import (
    BUILT_IN,
    check_csv_options,
    check_memory,
    check_stream,
    csv_options,
    kind_of,
    open_once,
)
from .source_set import is_table

Data = Table | TableStream

TABLES = ("iris",)
"""The built-in data sets that are tables; the others are images."""


def holds_table(name: str, kind: str) -> bool:
    """Return True if DATA of this kind is a table: iris, a file of one, or a folder of such."""
    if kind == "built-in":
        return name in TABLES
    return kind == "csv" or (kind == "source" and is_table(name))


def read_table(name: str, how: Mapping[str, Any] | None = None, stream: bool = False) -> Data:
    """Read DATA, a table, or return a stream of its parts.

    `how` are options of `data.read_table`.
    """
    options = dict(how or {})
    path: Any = open_once(name)
    check_is_table(path)
    kind = kind_of(path)
    if kind == "built-in":
        check_csv_options(options, name)
        check_stream(name, kind, stream)
        return as_table(BUILT_IN[name](), name)
    if Path(path).is_dir() or stream:
        return stream_of(path, options)
    check_memory(path)
    return data.read_table(path, **options)


def check_is_table(path: Any) -> None:
    """Raise ValueError if DATA is no table."""
    if not holds_table(path, kind_of(path)):
        raise ValueError(f"DATA must be a table, such as a CSV or Parquet file; got {path}")


def stream_of(path: Any, options: dict[str, Any]) -> TableStream:
    """Return the parts of a CSV or Parquet file, or of a folder of them."""
    check_stream(path, kind_of(path), True)
    files = files_of(Path(path))
    for file in files:
        found = format_of(file)
        if found.key not in ("csv", "parquet"):
            raise ValueError(f"--stream goes with CSV and Parquet files; {file} is {found.noun}")
        if found.key == "parquet":
            check_csv_options(options, str(file))
    if len(files) == 1 and files[0] == Path(path) and format_of(path).key == "csv":
        return csv_parts(path, **options)
    return TableStream(lambda: parts_of_files(files, options), title(path))


def files_of(path: Path) -> list[Path]:
    """Return a file, or the files of a folder in order, without hidden ones."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if not file.name.startswith((".", "_")))


def parts_of_files(files: Sequence[Path], options: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the parts of files, one after the other; the columns of CSV files keep their kinds."""
    kinds: dict[str, str] = dict(options.get("kinds", {}))
    for file in files:
        if format_of(file).key != "csv":
            yield from parts_of_parquet(file)
            continue
        for part in csv_parts(file, **{**options, "kinds": kinds}):
            kinds = {column.name: column.kind for column in part} | kinds
            yield part


def parts_of_parquet(file: Path) -> Iterator[Any]:
    """Yield the row groups of a Parquet file, without the columns that hold an index."""
    parquet = library("pyarrow.parquet", "pyarrow", file, "a Parquet file")
    try:
        with parquet.ParquetFile(file) as groups:
            names = list(groups.schema_arrow.names)
            left_out = index_of(groups.schema_arrow)
            left_out |= {names[k] for k in left_out_index(names, left_out)}
            used = [name for name in names if name not in left_out]
            arrow = library("pyarrow", "pyarrow", file, "a Parquet file")
            for batch in groups.iter_batches(columns=used):
                yield arrow.Table.from_batches([batch])
    except (ValueError, OSError) as error:  # all errors of pyarrow are one of these
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"{file} is not a Parquet file, or is truncated") from None


def first_part(data: Data) -> Table:
    """Return the first part of data, for the names of its columns."""
    for part in parts_of(data):
        return part
    raise ValueError("DATA must have at least one row; got none")


def table_for(model: Model, args: Namespace, stream: bool = False) -> Data:
    """Read DATA for a model, in the notation of the training unless options tell another.

    What the model knows as texts are texts, even if all are digits here.
    """
    told = csv_options(args)
    path: Any = open_once(args.data)
    check_is_table(path)
    kind = kind_of(path)
    if kind == "built-in":
        return read_table(path, told, stream)
    files = files_of(Path(path)) if Path(path).is_dir() else [path]
    if format_of(files[0]).key != "csv":
        if stream or len(files) > 1 or kind == "source":
            return read_table(path, told, stream)
        return file_table(path, model.preprocessor, **told)
    known = dict(model.info.get("csv") or {})
    kinds = dict.fromkeys(text_columns(model.preprocessor), "category") | known.pop("kinds", {})
    names = column_names(files[0], **{k: v for k, v in (known | told).items() if k != "kinds"})
    kinds = {column: kind for column, kind in kinds.items() if column in names}
    return read_table(path, known | told | {"kinds": kinds | told.get("kinds", {})}, stream)


@dataclass(frozen=True)
class Chosen:
    """The columns of a table that the options name, and the coding of its target.

    Attributes
    ----------
    targets, ignore : list of str
    weight : str or None
    target : TargetEncoder
    statistics : list of ColumnStatistics
        Of the columns of the target.
    """

    targets: list[str]
    ignore: list[str]
    weight: str | None
    target: TargetEncoder
    statistics: list[ColumnStatistics]

    @property
    def rule(self) -> bool | str:
        """The option `classes` of `Model.fit`, so that it decides alike for a part of the rows."""
        return self.target.kind == "classes" if len(self.targets) == 1 else "auto"


def choose(args: Namespace, data: Data, kinds: Mapping[str, Any]) -> Chosen:
    """Return the columns that the options name, by name or position, and check the target."""
    options = given(args, COLUMNS)
    names = first_part(data).names
    ignore, weight = ignored(args, names)
    targets = targets_of(args, names)
    if not {*names} - {*ignore, weight, *targets}:
        raise ValueError(
            f"no column is left for the features; the columns are {listed(names)}, the target is "
            f"{targets[0]!r}"
        )
    statistics = [ColumnStatistics(name, kinds.get(name)) for name in targets]
    for part in parts_of(data):
        for column in statistics:
            column.add(part[column.name], part.place)
    for column in statistics:
        check_target(column, "target" in options)
    target = TargetEncoder.fit(statistics, options.get("classes", "auto"), "none")
    return Chosen(targets, ignore, weight, target, statistics)


def ignored(args: Namespace, names: Sequence[str]) -> tuple[list[str], str | None]:
    """Return the columns of --ignore, and that of --sample-weight."""
    options = given(args, COLUMNS)
    ignore = [
        name
        for text in options.get("ignore", [])
        for name in columns_named("--ignore", text, names)
    ]
    weight = None
    if "sample_weight" in options:
        weight, *others = columns_named("--sample-weight", options["sample_weight"], names)
        if others:
            raise ValueError(f"--sample-weight must name one column; got {len(others) + 1}")
    return ignore, weight


def targets_of(args: Namespace, names: Sequence[str]) -> list[str]:
    """Return the columns of --target; by default the last one that is left."""
    ignore, weight = ignored(args, names)
    if args.target is None:
        left = [name for name in names if name not in (*ignore, weight)]
        if not left:
            raise ValueError("--ignore must leave a column for the target; it names all columns")
        return left[-1:]
    targets = columns_named("--target", args.target, names)
    for name in targets:
        if name in (*ignore, weight):
            raise ValueError(f"--target must name a column that is used; got {name!r}")
    return targets


def columns_named(option: str, text: str, names: Sequence[str]) -> list[str]:
    """Return the columns that an option names: one that has commas in its name, or several.

    >>> columns_named("--ignore", "b,0", ["a", "b"]), columns_named("--ignore", "a,b", ["a,b"])
    (['b', 'a'], ['a,b'])
    """
    parts = [text] if text in names else [part.strip() for part in text.split(",")]
    return [names[position(option, NameOrPosition(part), names)] for part in parts]


def check_target(column: ColumnStatistics, is_named: bool) -> None:
    """Raise ValueError if a target has a single value, from which nothing can be learned."""
    if column.n_missing < column.n and column.is_constant and column.kind != "datetime":
        (value,) = values_of(column)
        role = "target" if is_named else "target, the last column,"
        raise ValueError(
            f"the {role} {column.name!r} has one value only: {value!r:.60} in "
            f"{'all ' if column.n_known > 1 else ''}{counted(column.n_known, 'row')}; give "
            "--target to name another column"
        )


def values_of(column: ColumnStatistics) -> list[Any]:
    """Return the distinct values of a column."""
    if column.kind == "category":
        return list(column.levels)
    values = column.numbers.values.tolist()
    if column.kind == "boolean":
        return [bool(value) for value in values]
    return [int(value) if value % 1 == 0 else value for value in values]


def with_targets(data: Data, names: Sequence[str]) -> tuple[Data, int]:
    """Return the rows that have a target, and how many have none."""

    def rows(part: Table) -> Any:
        return ~np.logical_or.reduce([part[name].missing for name in names])

    left_out = sum(int((~rows(part)).sum()) for part in parts_of(data))
    if isinstance(data, Table):
        return (data.take(rows(data)) if left_out else data), left_out
    parts = data
    return TableStream(lambda: (part.take(rows(part)) for part in parts), data.name), left_out


def hold_out(
    data: Data, target: TargetEncoder, fraction: float, seed: int, option: str
) -> tuple[Data, Data]:
    """Return the rows to train on, and a share of the rows, of each class alike.

    The same rows are held out of a stream and of a table in memory.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"{option} must be a number between 0 and 1; got {fraction:g}")
    n, labels = 0, []
    for part in parts_of(data):
        n += len(part)
        if target.kind == "classes":
            labels.append(target.encode(part))
    mask = held_out_rows(n, fraction, seed, np.concatenate(labels) if labels else None)
    if mask.all() or not mask.any():
        raise ValueError(
            f"{option} must leave rows on both sides; got {fraction:g} of {counted(n, 'row')} (0 "
            "holds out none)"
        )
    return of_rows(data, ~mask), of_rows(data, mask)


def of_rows(data: Data, mask: Any) -> Data:
    """Return the rows of a table, or of a stream, for which a mask is True."""
    if isinstance(data, Table):
        return data.take(mask)
    stream = data

    def parts() -> Iterator[Table]:
        first = 0
        for part in stream:
            yield part.take(mask[first : first + len(part)])
            first += len(part)

    return TableStream(parts, data.name)


def n_rows(data: Data) -> int:
    """Return the number of rows."""
    return sum(map(len, parts_of(data)))


def in_memory(data: Data) -> Table:
    """Return a table of all rows; raise ValueError for a stream of several parts."""
    if isinstance(data, Table):
        return data
    parts = list(data)
    if len(parts) != 1:
        raise ValueError(f"DATA must fit in memory; {data.name} is read as it is needed")
    return parts[0]


def check_has_target(names: Sequence[str], rows: Data) -> None:
    """Raise ValueError if labeled rows lack a column of the target."""
    columns = first_part(rows).names
    for name in names:
        if name not in columns:
            raise ValueError(
                f"DATA must have the target {name!r}; its columns are {listed(columns)}"
            )


def check_target_option(args: Namespace, model: Model) -> None:
    """Raise ValueError if --target is not that of a model, which knows its own."""
    known = model.preprocessor.target_names
    if getattr(args, "target", None) not in (None, ",".join(known)):
        names = ", ".join(map(repr, known))
        raise ValueError(f"--target does not go with a model of tables, whose target is {names}")
