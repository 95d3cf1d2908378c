"""`TableStream`: a table that is read in parts, and the parts of any data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .as_table import as_table, column_of
from .columns import Column, Table
from .sources import Source
from .sources.block import Block


class TableStream:
    """A table that need not fit in memory: an iterable of its parts, one below the other.

    Parameters
    ----------
    parts : iterable of table-like, or function that returns an iterator
        Each part is anything that `as_table` takes, such as a frame or a record batch of pyarrow.
        An iterator can be read only once, which is enough for predictions but not for a training.
    name : str, optional
        Name of the table.
    notes : sequence of str, optional
        Decisions of the reader that are not evident, as `Table.notes`.

    Examples
    --------
    >>> stream = TableStream([{"a": [1, 2]}, {"a": [3]}])
    >>> [len(table) for table in stream]
    [2, 1]
    """

    def __init__(
        self,
        parts: Iterable[Any] | Callable[[], Iterator[Any]],
        name: str = "the stream",
        notes: Sequence[str] = (),
    ) -> None:
        self.parts, self.name, self.notes = parts, name, tuple(notes)
        self.repeatable = callable(parts) or iter(parts) is not parts

    def __iter__(self) -> Iterator[Table]:
        """Read the parts."""
        parts = self.parts() if callable(self.parts) else self.parts
        for part in parts:
            table = as_table(part, self.name)
            if len(table):
                yield table

    def __repr__(self) -> str:
        return f"TableStream({self.name!r})"


def parts_of(data: Any, targets: Sequence[str] = ()) -> Iterator[Table]:
    """Yield the parts of a table, a stream or a `Source`; the targets of a source get names."""
    if isinstance(data, TableStream):
        yield from data
    elif isinstance(data, Source):
        for block in data.blocks():
            yield table_of_block(block, data.feature_names, targets, data.name)
    else:
        yield as_table(data)


def table_of_block(
    block: Block, feature_names: Sequence[str], targets: Sequence[str], name: str
) -> Table:
    """Return the samples of a block as a table; features without names are x0, x1, ...."""
    X = np.asarray(block.X)
    names = feature_names or [f"x{k}" for k in range(X.shape[1])]
    columns = [column_of(name, X[:, k]) for k, name in enumerate(names)]
    if targets and block.y is not None:
        columns += target_columns(block.y, targets)
    return Table(columns, name)


def target_columns(y: Any, names: Sequence[str]) -> list[Column]:
    """Return the columns of a target array (m,) or (m, k)."""
    y = np.asarray(y)
    rows = y.reshape(len(y), -1)
    if rows.shape[1] != len(names):
        raise ValueError(
            f"the target must have {len(names)} column{'s' * (len(names) != 1)}; "
            f"got shape {y.shape}"
        )
    return [column_of(name, rows[:, k]) for k, name in enumerate(names)]
