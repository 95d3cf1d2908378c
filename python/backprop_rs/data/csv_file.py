"""Read a table from a CSV file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from .._internal.printable import printable
from .csv_rows import cell_coder, delimiter_of, is_missing, open_text, parsed, split_rows
from .dataset import Dataset
from .io import Path, once_read, title
from .labels import Classes
from .table import Column, Table
from .table_options import ColumnRoles, TableOptions, check_unique, one_of

SAMPLE_LINES = 50
"""Lines that decide the delimiter, the header and a first guess of the kind of each column."""

FLOAT32_MAX = float(np.finfo(np.float32).max)


def load_csv(
    path: Path,
    *,
    target: str | int | bool | None = None,
    header: bool | str = "auto",
    delimiter: str = "auto",
    missing: str | Mapping[str, float] = "error",
    classes: Classes = "auto",
    ignore: Sequence[str | int] = (),
    features: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    encoding: str = "utf-8",
) -> Dataset:
    r"""Read a table of numbers and texts.

    A column is numbers if more than half of its cells are; any other cell of it is then an
    error, which names the line and column. Every other column is text. A text feature becomes one
    feature of 0 and 1 per text, named like "color=red". A column of more than 20 distinct texts
    that occur less than twice on average is refused, because these are names or remarks.
    Cells are stripped of white space, and blank lines are skipped. The file may be compressed with
    gzip.

    Parameters
    ----------
    path : str or path-like
        The file.
    target : str, int, None or False, default None
        The target column by name or position (0 is the first, -1 the last). None means the last
        column, or no target if `features` is given. False means no target, so that `y` is None.
    header : "auto", True or False, default "auto"
        True if the first line names the columns; "auto" decides that it does if none of its cells
        is a number. Columns without names are called column_1, column_2, ...
    delimiter : str, default "auto"
        One character; " " is any run of white space. "auto" takes the first of tab, semicolon, bar,
        comma and white space that splits all first lines into the same number of cells.
    missing : "error", "drop", "mean" or mapping from feature to number, default "error"
        How to treat missing cells, which are empty or one of NA, N/A, #N/A, <NA>, NaN, null, None
        and ? in upper or lower case. "error" raises ValueError that names the first one, and
        "drop" leaves out its row. "mean" fills it with the mean of the feature over the other
        rows, which the data set keeps as `fill_values`; `train_test_split` takes the mean of the
        train set. For new data give the `fill_values` of the data set that the network was trained
        on.
    classes : "auto", True or False, default "auto"
        True if the target is classes. "auto" decides that it is if it is text, or whole numbers
        with at most 20 distinct values that occur at least twice on average. Labels count from 0
        in sorted order.
    ignore : sequence of str or int, optional
        Columns to leave out.
    features : sequence of str, optional
        The features to build, in this order. Give the `feature_names` of another data set to code
        this file in the same way.
    class_names : sequence of str, optional
        The classes in the order of their labels, such as those of another data set.
    encoding : str, default "utf-8"
        The text encoding of the file; a byte order mark is skipped.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError, TypeError
        If the file or an argument does not fit; an error about a cell names its line (counted
        from 1) and column.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "fruit.csv")
    >>> text = "weight,color,kind\n150,red,apple\n8,red,cherry\n170,green,apple\n"
    >>> path.write_text(text) > 0
    True
    >>> fruit = load_csv(path)
    >>> fruit
    Dataset('fruit': 3 samples, 3 features, 2 classes: apple, cherry)
    >>> fruit.feature_names
    ('weight', 'color=green', 'color=red')
    >>> fruit.X.tolist()
    [[150.0, 0.0, 1.0], [8.0, 0.0, 1.0], [170.0, 1.0, 0.0]]
    >>> path.write_text(text.replace("8", "8..0")) > 0
    True
    >>> load_csv(path, ignore=["color"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: ...fruit.csv, line 3, column 1 ('weight'): '8..0' is not a number
    """
    one_of("header", header, ("auto", True, False))
    if not isinstance(delimiter, str) or (delimiter != "auto" and len(delimiter) != 1):
        raise ValueError(f"delimiter must be 'auto' or one character; got {delimiter!r}")
    options = TableOptions(target, missing, classes, ignore, features, class_names)
    file = CsvFile.examine(once_read(path), encoding, delimiter, header)
    roles = options.roles(file.names, file.unnamed)
    return (file.read_fast(roles) or file.read_exact(roles)).dataset(options)


@dataclass(frozen=True)
class CsvFile:
    """A CSV file and its layout."""

    path: Path
    encoding: str
    delimiter: str
    has_header: bool
    names: list[str]
    unnamed: bool
    """True if the header has no name for the first column."""
    sample: list[list[str]]
    """The first rows below the header."""

    @classmethod
    def examine(cls, path: Path, encoding: str, delimiter: str, header: bool | str) -> CsvFile:
        """Find the layout of a file from its first lines."""
        with open_text(path, encoding) as file:
            lines = list(islice((line for line in file if line.strip()), SAMPLE_LINES))
        if delimiter == "auto":
            delimiter = delimiter_of(lines, printable(path))
        sample = [row for _, row in split_rows(lines, delimiter, printable(path), strict=False)]
        if not sample:
            raise ValueError(f"{printable(path)} must have at least one row; it is empty")
        first = sample[0]
        has_header = header is True or (header == "auto" and all(parsed(c) is None for c in first))
        if has_header and len(sample) == 1:
            raise ValueError(f"{printable(path)} must have at least one row; got a header only")
        names = [f"column_{k + 1}" for k in range(len(first))]
        if has_header:
            names = [cell or name for cell, name in zip(first, names, strict=True)]
            check_unique(names, printable(path))
        unnamed = has_header and not first[0]
        return cls(path, encoding, delimiter, has_header, names, unnamed, sample[has_header:])

    def read_fast(self, roles: ColumnRoles) -> Table | None:
        """Read with NumPy's parser, or return None if the file needs `read_exact`.

        Every cell of a number column must be a finite number. A converter codes the cells of a text
        column by their distinct texts.
        """
        codes: dict[int, dict[str, float]] = {
            k: {} for k in roles.used if self.is_text(k, self.sample_of(k), roles)
        }
        convert: dict[int | str, Callable[[str], float]] = {
            k: _ignored for k in range(len(self.names)) if k not in roles.used
        }
        convert |= {k: cell_coder(codes[k]) for k in codes}
        try:
            cells = self._parse(convert)
        except ValueError:
            return None
        if cells.shape[1] != len(self.names):
            return None
        columns = {
            k: Column(cells[:, k], tuple(codes[k]) if k in codes else None) for k in roles.used
        }
        if not all(self._is_sound(k, column, roles) for k, column in columns.items()):
            return None
        return Table(self.names, columns, roles, self._find_place, title(self.path))

    def _parse(self, convert: dict[int | str, Callable[[str], float]]) -> NDArray[np.float64]:
        with open_text(self.path, self.encoding) as file:
            if self.has_header:
                next(split_rows(file, self.delimiter, printable(self.path)))
            cells: NDArray[np.float64] = np.loadtxt(
                file,
                delimiter=None if self.delimiter == " " else self.delimiter,
                comments=None,
                quotechar='"',
                converters=convert,
                encoding=None,
                ndmin=2,
            )
        return cells

    def read_exact(self, roles: ColumnRoles) -> Table:
        """Read cell by cell; an error names the line and column of the first cell at fault."""
        lines, rows = self._records()
        columns: dict[int, Column] = {}
        faults: list[tuple[int, int, str]] = []
        for k in roles.used:
            cells = [row[k] for row in rows]
            if self.is_text(k, cells, roles):
                codes: dict[str, float] = {}
                values = np.array(list(map(cell_coder(codes), cells)))
                columns[k] = Column(values, tuple(codes))
                continue
            columns[k] = Column(np.array(list(map(_number, cells))))
            wrong = np.abs(columns[k].values) > FLOAT32_MAX
            if wrong.any():
                row = int(wrong.argmax())
                faults.append((row, k, cells[row]))
        if faults:
            row, k, cell = min(faults)
            what = "is not a number" if parsed(cell) is None else "is not a finite float32 number"
            raise ValueError(f"{self._describe(lines[row], k)}: {cell!r} {what}")

        def place(row: int, k: int) -> str:
            return self._describe(lines[row], k)

        return Table(self.names, columns, roles, place, title(self.path))

    def _records(self) -> tuple[list[int], list[list[str]]]:
        """Return the first line of each row, counted from 1, and the rows."""
        lines: list[int] = []
        rows: list[list[str]] = []
        with open_text(self.path, self.encoding) as file:
            for line, row in split_rows(file, self.delimiter, printable(self.path)):
                if len(row) != len(self.names):
                    raise ValueError(
                        f"{printable(self.path)}, line {line}: a row must have as many cells as "
                        f"the first row ({len(self.names)}); got {len(row)}"
                    )
                lines.append(line)
                rows.append(row)
        return lines[self.has_header :], rows[self.has_header :]

    def sample_of(self, k: int) -> list[str]:
        """Return the cells of a column in the first rows."""
        return [row[k] for row in self.sample if len(row) > k]

    def is_text(self, k: int, cells: Sequence[str], roles: ColumnRoles) -> bool:
        """Return True if column k, with these cells, is text."""
        present = [cell for cell in cells if not is_missing(cell)]
        n_numbers = sum(parsed(cell) is not None for cell in present)
        return roles.is_text(k, n_numbers, len(present))

    def _is_sound(self, k: int, column: Column, roles: ColumnRoles) -> bool:
        """Return True if `read_exact` returns the same column and finds no fault in it."""
        if column.categories is None:
            return bool((np.abs(column.values) <= FLOAT32_MAX).all())
        if any('"' in text or "\n" in text for text in column.categories):
            return False  # perhaps a quotation mark that is not closed
        present = column.values[~column.missing].astype(np.intp)
        is_number = np.array([parsed(text) is not None for text in column.categories], bool)
        return roles.is_text(k, int(is_number[present].sum()), len(present))

    def _find_place(self, row: int, k: int) -> str:
        return self._describe(self._records()[0][row], k)

    def _describe(self, line: int, k: int) -> str:
        return f"{printable(self.path)}, line {line}, column {k + 1} ({self.names[k]!r})"


def _ignored(cell: str) -> float:
    return 0.0


def _number(cell: str) -> float:
    """Return the number; NaN for a missing cell, infinity for one that is not a number."""
    if is_missing(cell):
        return np.nan
    value = parsed(cell)
    return np.inf if value is None else value
