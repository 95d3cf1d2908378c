"""CSV files as sources: columns and cells mean what they mean to `load_csv`."""

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
from ..table_options import Recipe, Roles
from .arrow import arrow
from .base import Block
from .columns import ColumnRows
from .csv_cells import Cells, Wanted, cells_of
from .stream import Segment
from .table import Columns, TableSource, columns_of, same_columns

ANY = Roles((), None, frozenset(), frozenset(), None)
LARGEST_WHOLE = 2.0**63


@dataclass(frozen=True)
class Coding:
    """What is made of the columns of all files.

    Attributes
    ----------
    columns : Columns
        As they stand in the files.
    texts : frozenset of str
        Those of text: each text of a feature becomes a feature of 0 and 1, and a target is classes.
    coded : mapping from column to its features
        Such as "color=red", of the features of text.
    features : tuple of str
    whole : bool
        Whether the first rows have whole numbers for a target.
    """

    columns: Columns
    texts: frozenset[str]
    coded: Mapping[str, Sequence[str]]
    features: tuple[str, ...]
    whole: bool

    def wanted(self) -> Wanted:
        fill = self.columns.fill
        features = {name: self.coded.get(name, [name]) for name in self.columns.features}
        filled = {name for name, made in features.items() if all(one in fill for one in made)}
        numbers = tuple(name for name in self.columns.used if name not in self.texts)
        known = {
            name: [feature.removeprefix(f"{name}=") for feature in made]
            for name, made in self.coded.items()
        }
        strict = frozenset(self.columns.used) - filled
        texts = tuple(name for name in self.columns.used if name in self.texts)
        return Wanted(numbers, texts, strict, known)

    def block(self, cells: Cells) -> Block:
        """Return the samples of some rows."""
        made: dict[str, NDArray[Any]] = {}
        for name in self.columns.features:
            column = cells[name]
            if name not in self.coded:
                made[name] = self.filled(name, column)
                continue
            missing = np.array([cell is None for cell in column], bool)
            for feature in self.coded[name]:
                indicator = (column == feature.removeprefix(f"{name}=")).astype(np.float64)
                indicator[missing] = np.nan
                made[feature] = self.filled(feature, indicator)
        X: Any = ColumnRows([made[feature] for feature in self.features])
        targets = [cells[name] for name in self.columns.targets]
        y = None if not targets else targets[0] if len(targets) == 1 else np.column_stack(targets)
        if y is not None and y.dtype != object and self.whole and is_integral(y):
            y = y.astype(np.int64)  # which `fit` takes for labels
        weight = self.columns.weight
        return Block(X, y, None if weight is None else cells[weight])

    def filled(self, feature: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        if feature not in self.columns.fill:
            return values
        return np.where(np.isnan(values), self.columns.fill[feature], values)


def csv(paths: Sequence[Path], name: str, choices: dict[str, Any], **settings: Any) -> TableSource:
    """CSV files, also compressed ones, laid out as `load_csv` finds them; a segment is a file."""
    arrow("csv")  # it is said now if there is none
    layouts = [layout_of(path) for path in paths]
    coding = coding_of(layouts, choices)
    for layout in layouts:
        same_columns(Path(layout.path), layout.names, coding.columns)
    segments = [Segment(str(layout.path), reader(layout, coding)) for layout in layouts]
    source = TableSource(segments, name, coding.columns, **settings)
    source.feature_names = coding.features
    return source


def layout_of(path: Path) -> CsvFile:
    layout = CsvFile.examine(path, "utf-8", "auto", "auto")
    if layout.delimiter == " ":
        raise ValueError(
            f"{path} must have commas, semicolons, tabs or bars between its cells to be read "
            "as it is needed; got white space"
        )
    return layout


def coding_of(layouts: Sequence[CsvFile], choices: dict[str, Any]) -> Coding:
    """Decide by the first rows which columns are text, and find the texts of the features."""
    first, features = layouts[0], choices["features"]
    roles = ANY
    if features is not None:
        roles = Recipe(False, "error", "auto", (), features, None).roles(first.names)
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
        recipe = Recipe(False, "error", "auto", (), features, None)
        coded = {name: recipe.coded(name) for name in of_features}
        made = tuple(features)
    else:
        coded = found_in(layouts, of_features)
        text -= set(of_features) - set(coded)
        check_features_apart(columns.features, coded)
        made = tuple(one for name in columns.features for one in coded.get(name, [name]))
    whole = all(is_whole(first, first.names.index(name)) for name in columns.targets)
    return Coding(columns, frozenset(text), coded, made, whole)


def is_integral(values: NDArray[Any]) -> bool:
    """Whether all values are integers that int64 can hold."""
    return not (values % 1).any() and bool((np.abs(values) < LARGEST_WHOLE).all())


def is_text(layout: CsvFile, k: int, roles: Roles) -> bool:
    return layout.is_text(k, layout.sample_of(k), roles)


def is_whole(layout: CsvFile, k: int) -> bool:
    """Whether the first cells are written as whole numbers."""
    return all(cell.lstrip("+-").isdecimal() for cell in layout.sample_of(k))


def found_in(layouts: Sequence[CsvFile], names: Sequence[str]) -> dict[str, list[str]]:
    """Return the features for the texts of some columns, in one pass over all files."""
    if not names:
        return {}
    texts: dict[str, set[str]] = {name: set() for name in names}
    numbers = dict.fromkeys(names, 0)
    present, rows = dict.fromkeys(names, 0), 0
    for layout in layouts:
        same = [name for name in names if name in layout.names]
        for cells in cells_of(layout, Wanted((), tuple(same))):
            for name, column in cells.items():
                more, counts = counted(column)
                texts[name].update(more)
                present[name] += sum(counts)
                numbers[name] += n_numbers(more, counts)
                rows += len(column) * (name == same[0])
                check_categories(name, len(texts[name]), 0)  # as soon as there are too many
    kept = [name for name in names if ANY.is_text(0, numbers[name], present[name])]
    for name in kept:
        check_texts(name, texts[name])
        check_categories(name, len(texts[name]), rows)
    return {name: [f"{name}={text}" for text in sorted(texts[name])] for name in kept}


def counted(column: NDArray[Any]) -> tuple[list[str], list[int]]:
    """Return the different texts of a column, and how often each occurs."""
    from collections import Counter

    counts = Counter(column.tolist())
    counts.pop(None, None)
    return list(counts), list(counts.values())


def n_numbers(texts: Sequence[str], counts: Sequence[int]) -> int:
    pairs = zip(texts, counts, strict=True)
    return sum(count for text, count in pairs if parsed(text) is not None)


def reader(layout: CsvFile, coding: Coding) -> Callable[[], Iterator[Block]]:
    """Return what reads one file."""
    target = next((name for name in coding.columns.targets if name in coding.texts), None)
    unsure = target is not None  # whether the target is text, until all of it has been read

    def read() -> Iterator[Block]:
        nonlocal unsure
        numbers = present = 0
        for cells in cells_of(layout, coding.wanted()):
            if unsure:
                more, counts = counted(cells[target or ""])
                numbers, present = numbers + n_numbers(more, counts), present + sum(counts)
            yield coding.block(cells)
        if unsure and not ANY.is_text(0, numbers, present):
            raise ValueError(
                f"{layout.path}: column {target!r} has texts in its first rows, and is mostly "
                f"numbers further on ({numbers:,} of {present:,})"
            )
        unsure = False

    return read
