"""CSV files as sources, with the same columns and cells as in `load_csv`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..csv_file import CsvFile
from ..csv_rows import parsed
from ..table import check_categories, check_features_apart, check_texts
from ..table_options import ColumnRoles, TableOptions
from .arrow import arrow
from .block import Block
from .columns import ColumnRows
from .csv_cells import Cells, ColumnRequest, cells_of
from .stream import Segment
from .table import Columns, TableSource, check_columns, columns_of

NO_ROLES = ColumnRoles((), None, frozenset(), frozenset(), None)
INT64_BOUND = 2.0**63


@dataclass(frozen=True)
class Coding:
    """The coding of the columns of all files.

    Attributes
    ----------
    columns : Columns
        The columns in the files.
    texts : frozenset of str
        The text columns: each text of a feature becomes a feature of 0 and 1, and a target is
        classes.
    coded : mapping from column to its features
        The features of the text columns, such as "color=red".
    features : tuple of str
        All features.
    is_integer : bool
        True if the target is whole numbers in the first rows.
    """

    columns: Columns
    texts: frozenset[str]
    coded: Mapping[str, Sequence[str]]
    features: tuple[str, ...]
    is_integer: bool

    def request(self) -> ColumnRequest:
        """Return the columns to read."""
        fill = self.columns.fill
        features = {name: self.coded.get(name, [name]) for name in self.columns.features}
        filled = {
            name for name, names in features.items() if all(feature in fill for feature in names)
        }
        numbers = tuple(name for name in self.columns.used if name not in self.texts)
        known = {
            name: [feature.removeprefix(f"{name}=") for feature in features_of_name]
            for name, features_of_name in self.coded.items()
        }
        strict = frozenset(self.columns.used) - filled
        texts = tuple(name for name in self.columns.used if name in self.texts)
        return ColumnRequest(numbers, texts, strict, known)

    def block(self, cells: Cells) -> Block:
        """Return the samples of some rows."""
        columns: dict[str, NDArray[Any]] = {}
        for name in self.columns.features:
            column = cells[name]
            if name not in self.coded:
                columns[name] = self.filled(name, column)
                continue
            missing = np.array([cell is None for cell in column], bool)
            for feature in self.coded[name]:
                indicator = (column == feature.removeprefix(f"{name}=")).astype(np.float64)
                indicator[missing] = np.nan
                columns[feature] = self.filled(feature, indicator)
        X: Any = ColumnRows([columns[feature] for feature in self.features])
        targets = [cells[name] for name in self.columns.targets]
        y = None if not targets else targets[0] if len(targets) == 1 else np.column_stack(targets)
        if y is not None and y.dtype != object and self.is_integer and is_integral(y):
            y = y.astype(np.int64)  # `fit` takes integers for labels
        weight = self.columns.weight
        return Block(X, y, None if weight is None else cells[weight])

    def filled(self, feature: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values of a feature with its missing cells filled, if there is a value."""
        if feature not in self.columns.fill:
            return values
        return np.where(np.isnan(values), self.columns.fill[feature], values)


def csv(paths: Sequence[Path], name: str, choices: dict[str, Any], **settings: Any) -> TableSource:
    """Return the source of CSV files, also compressed ones; a segment is a file."""
    arrow("csv")  # raises now if pyarrow is missing
    layouts = [layout_of(path) for path in paths]
    coding = coding_of(layouts, choices)
    for layout in layouts:
        check_columns(Path(layout.path), layout.names, coding.columns)
    segments = [Segment(str(layout.path), reader(layout, coding)) for layout in layouts]
    source = TableSource(segments, name, coding.columns, **settings)
    source.feature_names = coding.features
    return source


def layout_of(path: Path) -> CsvFile:
    """Return the layout of a file, as `load_csv` finds it."""
    layout = CsvFile.examine(path, "utf-8", "auto", "auto")
    if layout.delimiter == " ":
        raise ValueError(
            f"{path} must have commas, semicolons, tabs or bars between its cells to be streamed; "
            "got white space"
        )
    return layout


def coding_of(layouts: Sequence[CsvFile], choices: dict[str, Any]) -> Coding:
    """Decide by the first rows which columns are text, and find the texts of the features."""
    first, features = layouts[0], choices["features"]
    roles = NO_ROLES
    if features is not None:
        roles = TableOptions(False, "error", "auto", (), features, None).roles(first.names)
        choices = choices | {"features": [first.names[k] for k in roles.features]}
    columns = columns_of(first.names, **choices, unnamed=first.unnamed)
    text = {
        name
        for k, name in enumerate(first.names)
        if name in (*columns.features, *columns.targets) and is_text(first, k, roles)
    }
    if len(columns.targets) > 1:
        text -= set(columns.targets)
    of_features = [name for name in columns.features if name in text]
    if features is not None:
        options = TableOptions(False, "error", "auto", (), features, None)
        coded = {name: options.coded(name) for name in of_features}
        feature_names = tuple(features)
    else:
        coded = features_of_texts(layouts, of_features)
        text -= set(of_features) - set(coded)
        check_features_apart(columns.features, coded)
        feature_names = tuple(
            feature for name in columns.features for feature in coded.get(name, [name])
        )
    is_integer = all(has_integers(first, first.names.index(name)) for name in columns.targets)
    return Coding(columns, frozenset(text), coded, feature_names, is_integer)


def is_integral(values: NDArray[Any]) -> bool:
    """Return True if all values are integers that int64 can hold."""
    return not (values % 1).any() and bool((np.abs(values) < INT64_BOUND).all())


def is_text(layout: CsvFile, k: int, roles: ColumnRoles) -> bool:
    """Return True if column k is text in the first rows."""
    return layout.is_text(k, layout.sample_of(k), roles)


def has_integers(layout: CsvFile, k: int) -> bool:
    """Return True if the first cells of column k are written as whole numbers."""
    return all(cell.lstrip("+-").isdecimal() for cell in layout.sample_of(k))


def features_of_texts(layouts: Sequence[CsvFile], names: Sequence[str]) -> dict[str, list[str]]:
    """Return the features of the texts of some columns, in one pass over all files."""
    if not names:
        return {}
    texts: dict[str, set[str]] = {name: set() for name in names}
    numbers = dict.fromkeys(names, 0)
    present, rows = dict.fromkeys(names, 0), 0
    for layout in layouts:
        columns = [name for name in names if name in layout.names]
        for cells in cells_of(layout, ColumnRequest((), tuple(columns))):
            for name, column in cells.items():
                block_texts, counts = count_texts(column)
                texts[name].update(block_texts)
                present[name] += sum(counts)
                numbers[name] += n_numbers(block_texts, counts)
                rows += len(column) * (name == columns[0])
                check_categories(name, len(texts[name]), 0)  # as soon as there are too many
    kept = [name for name in names if NO_ROLES.is_text(0, numbers[name], present[name])]
    for name in kept:
        check_texts(name, texts[name])
        check_categories(name, len(texts[name]), rows)
    return {name: [f"{name}={text}" for text in sorted(texts[name])] for name in kept}


def count_texts(column: NDArray[Any]) -> tuple[list[str], list[int]]:
    """Return the distinct texts of a column, and the number of times each occurs."""
    from collections import Counter

    counts = Counter(column.tolist())
    counts.pop(None, None)
    return list(counts), list(counts.values())


def n_numbers(texts: Sequence[str], counts: Sequence[int]) -> int:
    """Return the number of cells that hold numbers."""
    pairs = zip(texts, counts, strict=True)
    return sum(count for text, count in pairs if parsed(text) is not None)


def reader(layout: CsvFile, coding: Coding) -> Callable[[], Iterator[Block]]:
    """Return the function that reads one file."""
    target = next((name for name in coding.columns.targets if name in coding.texts), None)
    unsure = target is not None  # true until the whole target has been read and found to be text

    def read() -> Iterator[Block]:
        nonlocal unsure
        numbers = present = 0
        for cells in cells_of(layout, coding.request()):
            if unsure:
                texts, counts = count_texts(cells[target or ""])
                numbers, present = numbers + n_numbers(texts, counts), present + sum(counts)
            yield coding.block(cells)
        if unsure and not NO_ROLES.is_text(0, numbers, present):
            raise ValueError(
                f"{layout.path}: column {target!r} has texts in its first rows, but most of its "
                f"cells are numbers ({numbers:,} of {present:,})"
            )
        unsure = False

    return read
