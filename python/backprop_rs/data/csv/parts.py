"""A CSV file as a `TableStream`: read in parts, with the columns that `read_csv` gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..columns import Column, Table
from ..io import Path, title
from ..table_stream import TableStream
from .columns import Columns
from .layout import examine
from .notation import TEXT, Notation
from .options import CsvOptions
from .parsing import parse
from .read import request_of, text_column

if TYPE_CHECKING:
    from ..._core import CsvParser

BUFFER_BYTES = 2**22


def csv_parts(path: Path, **how: Any) -> TableStream:
    r"""Return the parts of a CSV file; one pass over all cells decides the kinds of the columns.

    `how` are options of `read_csv`, which gives the same columns and refuses the same files.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "t.csv")
    >>> path.write_text("a,b\n1,x\n2,y\n") > 0
    True
    >>> [part.to_dict() for part in csv_parts(path)]
    [{'a': [1, 2], 'b': ['x', 'y']}]
    """
    options = CsvOptions(**(how | {"kinds": dict(how.get("kinds") or {})}))
    layout = examine(path, options, options.kinds)
    options.check_kinds(layout.names)
    columns = scanned(Columns(layout, request_of(layout, options)), options)
    return TableStream(columns.parts, title(path), columns.columns.notes)


class Scanned:
    """The columns of a file after the pass that decided their notations.

    Parameters
    ----------
    columns : Columns
    notations : mapping from position to Notation
    kinds : mapping from position to the kind of a column of texts, or the type of one of numbers
    levels : mapping from position to the sorted texts of a column of texts
    """

    def __init__(
        self,
        columns: Columns,
        notations: Mapping[int, Notation],
        kinds: Mapping[int, str],
        levels: Mapping[int, list[str]],
    ) -> None:
        self.columns, self.notations = columns, notations
        self.kinds, self.levels = kinds, levels

    def parts(self) -> Iterator[Table]:
        """Read the file."""
        columns, names = self.columns, self.columns.layout.names
        parser = columns.parser(self.notations)
        done = 0
        for _ in parse(columns.layout, parser, BUFFER_BYTES):
            rows, arrays = parser.rows, parser.take()
            if not rows:
                continue
            first = done

            def place(row: int, name: str, first: int = first) -> str:
                return columns.place(first + row, names.index(name))

            parts = [self._column(k, arrays[k], parser) for k in self.notations]
            yield Table(parts, title(columns.layout.path), place, columns.notes)
            done += rows

    def _column(self, k: int, values: Any, parser: CsvParser) -> Column:
        name, notation = self.columns.layout.names[k], self.notations[k]
        if notation.kind == "date":
            return Column(name, "datetime", values)
        if notation != TEXT:
            return Column(name, "number", values, dtype=self.kinds[k])
        texts = parser.texts(k)[0]
        if self.kinds[k] != "category":
            return text_column(name, values, texts, self.kinds[k])
        position = {level: code for code, level in enumerate(self.levels[k])}
        codes = np.array([*(position[text] for text in texts), -1], np.int32)
        return Column(name, "category", codes[values], self.levels[k])


def scanned(columns: Columns, options: CsvOptions) -> Scanned:
    """Read all cells once, and return the columns with what they agree on."""
    raw = columns.scan_columns()
    names = columns.layout.names
    kinds, levels = {}, {}
    for k, column in raw.items():
        if column.notation != TEXT:
            kinds[k] = "int64" if column.are_integers else "float64"
            continue
        codes = np.zeros(columns.rows, np.int32)
        kinds[k] = text_column(names[k], codes, column.texts, options.kinds.get(names[k])).kind
        levels[k] = sorted(column.texts)
    return Scanned(columns, {k: raw[k].notation for k in sorted(raw)}, kinds, levels)
