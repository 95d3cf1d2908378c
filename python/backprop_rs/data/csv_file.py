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
from .table_options import Recipe, Roles, check_unique, one_of

SAMPLE = 50
"""Lines that decide on the delimiter and on a first guess of each column's kind."""

LARGEST = float(np.finfo(np.float32).max)


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
    error, named by line and column. Every other column is text. A text feature becomes one
    feature of 0 and 1 for each of its texts, named like "colour=red". A column of more than 20
    different texts that occur less than twice on average is refused: these are names or remarks.
    Cells are stripped of white space; blank lines are skipped; the file may be compressed with
    gzip.

    Parameters
    ----------
    path : str or path-like
        The file.
    target : str, int, None or False, default None
        The target column by name or position (0 the first, -1 the last). None is the last column,
        or none if `features` is given; False is none, so that `y` is None.
    header : "auto", True or False, default "auto"
        Whether the first line names the columns; "auto": if none of its cells is a number.
        Without names they are column_1, column_2, ...
    delimiter : str, default "auto"
        One character; " " is any run of white space. "auto" is the first of tab, semicolon, bar,
        comma and white space that splits the first lines into equally many cells.
    missing : "error", "drop", "mean" or mapping from feature to number, default "error"
        What to do about a missing cell, which is an empty one or one of NA, N/A, #N/A, <NA>, NaN,
        null, None and ? in any case of letters. "error" names it; "drop" leaves its row out;
        "mean" gives the feature its mean over the other rows, which the data set keeps as
        `fill_values`; `train_test_split` takes the mean of the train set. For new data give the
        `fill_values` of the data set that the network was trained on.
    classes : "auto", True or False, default "auto"
        Whether the target is classes. "auto": if it is text, or whole numbers of at most 20
        different values that occur at least twice on average. Labels count from 0 in sorted order.
    ignore : sequence of str or int, optional
        Columns to leave out.
    features : sequence of str, optional
        The features to build, in this order: the `feature_names` of another data set, so that
        this file is coded like it.
    class_names : sequence of str, optional
        The classes in the order of their labels: those of another data set.
    encoding : str, default "utf-8"
        The text encoding of the file; a byte order mark is skipped.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError, TypeError
        If the file or an argument does not fit; a cell is named by line (from 1) and column.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "fruit.csv")
    >>> text = "weight,colour,kind\n150,red,apple\n8,red,cherry\n170,green,apple\n"
    >>> path.write_text(text) > 0
    True
    >>> fruit = load_csv(path)
    >>> fruit
    Dataset('fruit': 3 samples, 3 features, 2 classes: apple, cherry)
    >>> fruit.feature_names
    ('weight', 'colour=green', 'colour=red')
    >>> fruit.X.tolist()
    [[150.0, 0.0, 1.0], [8.0, 0.0, 1.0], [170.0, 1.0, 0.0]]
    >>> path.write_text(text.replace("8", "8..0")) > 0
    True
    >>> load_csv(path, ignore=["colour"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: ...fruit.csv, line 3, column 1 ('weight'): '8..0' is not a number
    """
    one_of("header", header, ("auto", True, False))
    if not isinstance(delimiter, str) or (delimiter != "auto" and len(delimiter) != 1):
        raise ValueError(f"delimiter must be 'auto' or one character; got {delimiter!r}")
    recipe = Recipe(target, missing, classes, ignore, features, class_names)
    file = CsvFile.examine(once_read(path), encoding, delimiter, header)
    roles = recipe.roles(file.names, file.unnamed)
    return (file.read_fast(roles) or file.read_exact(roles)).dataset(recipe)


@dataclass(frozen=True)
class CsvFile:
    """A file and its layout."""

    path: Path
    encoding: str
    delimiter: str
    has_header: bool
    names: list[str]
    unnamed: bool
    """Whether the header has no name for the first column."""
    sample: list[list[str]]
    """The first rows below the header."""

    @classmethod
    def examine(cls, path: Path, encoding: str, delimiter: str, header: bool | str) -> CsvFile:
        with open_text(path, encoding) as file:
            lines = list(islice((line for line in file if line.strip()), SAMPLE))
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

    def read_fast(self, roles: Roles) -> Table | None:
        """Read with NumPy's parser, or return None if the file needs `read_exact`.

        Every cell of a number column must be a finite number. The cells of a text column go
        through a function that numbers the different texts.
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
        columns = {k: Column(cells[:, k], tuple(codes[k]) if k in codes else None)
                   for k in roles.used}  # fmt: skip
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

    def read_exact(self, roles: Roles) -> Table:
        """Read cell by cell; the first cell that does not fit is named by line and column."""
        lines, rows = self._records()
        columns: dict[int, Column] = {}
        bad: list[tuple[int, int, str]] = []
        for k in roles.used:
            cells = [row[k] for row in rows]
            if self.is_text(k, cells, roles):
                codes: dict[str, float] = {}
                values = np.array(list(map(cell_coder(codes), cells)))
                columns[k] = Column(values, tuple(codes))
                continue
            columns[k] = Column(np.array(list(map(_number, cells))))
            wrong = np.abs(columns[k].values) > LARGEST
            if wrong.any():
                row = int(wrong.argmax())
                bad.append((row, k, cells[row]))
        if bad:
            row, k, cell = min(bad)
            what = "is not a number" if parsed(cell) is None else "is not a finite float32 number"
            raise ValueError(f"{self._words(lines[row], k)}: {cell!r} {what}")

        def place(row: int, k: int) -> str:
            return self._words(lines[row], k)

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

    def is_text(self, k: int, cells: Sequence[str], roles: Roles) -> bool:
        """Whether a column is text, with such cells."""
        present = [cell for cell in cells if not is_missing(cell)]
        n_numbers = sum(parsed(cell) is not None for cell in present)
        return roles.is_text(k, n_numbers, len(present))

    def _is_sound(self, k: int, column: Column, roles: Roles) -> bool:
        """Whether `read_exact` would read the column alike, and find no fault."""
        if column.categories is None:
            return bool((np.abs(column.values) <= LARGEST).all())
        if any('"' in text or "\n" in text for text in column.categories):
            return False  # perhaps a quotation mark that is not closed
        present = column.values[~column.missing].astype(np.intp)
        is_number = np.array([parsed(text) is not None for text in column.categories], bool)
        return roles.is_text(k, int(is_number[present].sum()), len(present))

    def _find_place(self, row: int, k: int) -> str:
        return self._words(self._records()[0][row], k)

    def _words(self, line: int, k: int) -> str:
        return f"{printable(self.path)}, line {line}, column {k + 1} ({self.names[k]!r})"


def _ignored(cell: str) -> float:
    return 0.0


def _number(cell: str) -> float:
    """Return the number; NaN for a missing cell, infinity for one that is not a number."""
    if is_missing(cell):
        return np.nan
    value = parsed(cell)
    return np.inf if value is None else value
