"""CSV files as sources, with the same columns and cells as in `load_csv`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..csv.columns import Columns as CsvColumns
from ..csv.columns import Request
from ..csv.file_layout import Layout
from ..csv.layout import examine
from ..csv.notation import TEXT, Notation, number
from ..csv.options import CsvOptions
from ..csv.parsing import find_row, parse
from ..table import check_categories, check_features_apart
from ..table_options import ColumnRoles, TableOptions, listed
from .block import Block
from .columns import ColumnRows
from .stream import Segment
from .table import Columns, TableSource, check_columns, columns_of

if TYPE_CHECKING:
    from ..._core import CsvParser

NO_ROLES = ColumnRoles((), None, frozenset(), frozenset(), None)
INT64_BOUND = 2.0**63
BUFFER_BYTES = 2**20
MISSING = "the cell is missing"

Cells = dict[str, NDArray[Any]]
"""Columns by name: float64 with NaN for missing cells, positions among the features of a column of
texts with -1, or texts of a target with None."""


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

    def known(self, name: str) -> list[str] | None:
        """Return the accepted texts of a column, or None for any."""
        if name not in self.coded:
            return None
        return [feature.removeprefix(f"{name}=") for feature in self.coded[name]]

    def is_filled(self, name: str) -> bool:
        """Return True if the missing cells of a column have values."""
        is_feature = name in self.columns.features
        return is_feature and all(f in self.columns.fill for f in self.coded.get(name, [name]))

    def block(self, cells: Cells) -> Block:
        """Return the samples of some rows."""
        columns: dict[str, NDArray[Any]] = {}
        for name in self.columns.features:
            column = cells[name]
            if name not in self.coded:
                columns[name] = self.filled(name, column)
                continue
            for position, feature in enumerate(self.coded[name]):
                indicator = (column == position).astype(np.float64)
                indicator[column < 0] = np.nan
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


@dataclass(frozen=True)
class File:
    """A file and the notation of its columns."""

    columns: CsvColumns
    notations: Mapping[int, Notation]

    @property
    def layout(self) -> Layout:
        """The layout of the file."""
        return self.columns.layout


def csv(
    paths: Sequence[Path],
    name: str,
    choices: dict[str, Any],
    how: Mapping[str, Any] | None = None,
    **settings: Any,
) -> TableSource:
    """Return the source of CSV files, also compressed ones; a segment is a file.

    `how` are options of `read_csv`.
    """
    options = CsvOptions(**(how or {}))
    layouts = [examine(path, options, requested(choices, options)) for path in paths]
    options.check_kinds(layouts[0].names)
    files, coding = coded_files(layouts, choices)
    segments = [Segment(str(file.layout.path), reader(file, coding)) for file in files]
    source = TableSource(segments, name, coding.columns, **settings)
    source.feature_names = coding.features
    source.notes = tuple(dict.fromkeys(note for file in files for note in file.columns.notes))
    return source


def requested(choices: Mapping[str, Any], options: CsvOptions) -> list[object]:
    """Return the columns that are asked for by name."""
    target, features = choices["target"], choices["features"] or ()
    targets = target if isinstance(target, list | tuple) else [target]
    plain = [feature for feature in features if "=" not in feature]
    return [*targets, *choices["ignore"], *plain, *options.kinds]


def coded_files(layouts: Sequence[Layout], choices: dict[str, Any]) -> tuple[list[File], Coding]:
    """Decide the notation of all columns, and find the texts of the features.

    If the first rows hold nothing but plain numbers, all rows are taken to; otherwise all cells
    are read once.
    """
    first, features = layouts[0], choices["features"]
    options = TableOptions(False, "error", "auto", (), features, None)
    roles = NO_ROLES
    if features is not None:
        roles = options.roles(first.names)
        choices = choices | {"features": [first.names[k] for k in roles.features]}
    columns = columns_of(first.names, **with_index(choices, first), unnamed=is_unnamed(first))
    for layout in layouts:
        check_columns(Path(layout.path), layout.names, columns)
    coded = {first.names[k]: options.coded(first.names[k]) for k in roles.text}
    kinds = kinds_of(first, columns, roles)
    files, texts = decided(layouts, columns, kinds, coded)
    notations = {first.names[k]: notation for k, notation in files[0].notations.items()}
    text = {name for name, notation in notations.items() if notation == TEXT}
    if features is None:
        coded = {
            name: [f"{name}={cell}" for cell in sorted(texts[name])]
            for name in columns.features
            if name in text
        }
        check_features_apart(columns.features, coded)
        features = [feature for name in columns.features for feature in coded.get(name, [name])]
    is_integer = all(has_integers(first, first.names.index(name)) for name in columns.targets)
    return files, Coding(columns, frozenset(text), coded, tuple(features), is_integer)


def with_index(choices: dict[str, Any], layout: Layout) -> dict[str, Any]:
    """Return the choices of columns without the index of a frame, if the options name it."""
    if layout.options.index is True:
        return choices | {"ignore": [*choices["ignore"], 0]}
    return choices


def is_unnamed(layout: Layout) -> bool:
    """Return True if the first column has no name and may be an index."""
    return layout.unnamed and layout.options.index == "auto"


def kinds_of(layout: Layout, columns: Columns, roles: ColumnRoles) -> dict[str, str]:
    """Return the kinds of columns that are known without a look at their cells."""
    kinds = dict(layout.options.kinds)
    kinds |= {layout.names[k]: "number" for k in roles.numbers}
    kinds |= {layout.names[k]: "category" for k in roles.text}
    if len(columns.targets) > 1:
        kinds |= dict.fromkeys(columns.targets, "number")
    if columns.weight is not None:
        kinds[columns.weight] = "number"
    return kinds


def decided(
    layouts: Sequence[Layout],
    columns: Columns,
    kinds: Mapping[str, str],
    coded: Mapping[str, Sequence[str]],
) -> tuple[list[File], dict[str, set[str]]]:
    """Return the files with the notations of their columns, and the texts of each column."""
    files: list[File] = []
    texts: dict[str, set[str]] = {name: set() for name in columns.used}
    inherited: dict[str, str] = {}
    for layout in layouts:
        of_file = CsvColumns(layout, request_of(layout, columns, kinds, inherited, coded))
        notations, alternatives = of_file.choose()
        is_plain = all(notation in (number(), TEXT) for notation in notations.values())
        has_texts = any(
            notation == TEXT and layout.names[k] not in coded for k, notation in notations.items()
        )
        if not is_plain or alternatives or has_texts:
            notations = scanned(of_file, columns, coded, texts)
        files.append(File(of_file, notations))
        if not files[1:]:  # the other files have the kinds of the first one
            told = {layout.names[k]: kind_in(notation) for k, notation in notations.items()}
            inherited = {name: kind for name, kind in told.items() if kind and name not in kinds}
    return files, texts


def kind_in(notation: Notation) -> str:
    """Return the kind that other files must have in a column too; "" for times."""
    return {"text": "category", "number": "number"}.get(notation.kind, "")


def scanned(
    of_file: CsvColumns,
    columns: Columns,
    coded: Mapping[str, Sequence[str]],
    texts: dict[str, set[str]],
) -> dict[int, Notation]:
    """Return the notations that all cells of a file agree on, and add its texts."""
    names = of_file.layout.names
    features = [k for k in of_file.request.used
                if names[k] in columns.features and names[k] not in coded]  # fmt: skip

    def check(parser: CsvParser) -> None:
        for k in features:  # as soon as there are too many
            check_categories(names[k], len(parser.texts(k)[0]), 0)

    notations, found = of_file.scan(check)
    for k, some in found.items():
        texts[names[k]].update(some)
        if k in features:
            check_categories(names[k], len(texts[names[k]]), of_file.rows)
    return notations


def request_of(
    layout: Layout,
    columns: Columns,
    kinds: Mapping[str, str],
    inherited: Mapping[str, str],
    coded: Mapping[str, Sequence[str]],
) -> Request:
    """Return the columns of a file to read; the `inherited` kinds are those of the first file."""
    names = layout.names
    used = tuple(sorted(names.index(name) for name in columns.used))
    kept = {names.index(name): [feature.removeprefix(f"{name}=") for feature in some]
            for name, some in coded.items()}  # fmt: skip
    every = {**inherited, **kinds}
    told = {k: every[names[k]] for k in used if names[k] in every}
    checked = frozenset(k for k in told if names[k] in inherited)
    return Request(used, told, kept=kept, has_dates=False, inherited=checked)


def is_integral(values: NDArray[Any]) -> bool:
    """Return True if all values are integers that int64 can hold."""
    return not (values % 1).any() and bool((np.abs(values) < INT64_BOUND).all())


def has_integers(layout: Layout, k: int) -> bool:
    """Return True if the first cells of column k are written as whole numbers."""
    return all(cell.lstrip("+-").isdecimal() for cell in layout.sample_of(k))


def reader(file: File, coding: Coding) -> Callable[[], Iterator[Block]]:
    """Return the function that reads one file."""

    def read() -> Iterator[Block]:
        for cells in cells_of(file, coding):
            yield coding.block(cells)

    return read


def cells_of(file: File, coding: Coding) -> Iterator[Cells]:
    """Read a file; an error names the line and column of the first cell that does not fit."""
    names = file.layout.names
    parser = file.columns.parser(file.notations)
    done = 0
    for _ in parse(file.layout, parser, BUFFER_BYTES):
        rows, arrays = parser.rows, parser.take()
        faults: list[tuple[int, int, str]] = []
        cells: Cells = {}
        for k, notation in file.notations.items():
            values = arrays[k]
            assert values is not None
            texts = parser.texts(k)[0] if notation == TEXT else []
            fault = first_fault(values, texts, names[k], coding)
            if fault is not None:
                line, row = find_row(file.layout, done + fault[0])
                is_word = fault[1] == MISSING and row[k]
                word = f" (it is {row[k]!r}, one of missing_values)" if is_word else ""
                faults.append((line - 1, k, fault[1] + word))
            cells[names[k]] = converted(values, texts, names[k], coding) if texts else values
        check_cells(file, parser, faults)
        done += rows
        if rows:
            yield cells


def converted(
    codes: NDArray[np.int32], texts: Sequence[str], name: str, coding: Coding
) -> NDArray[Any]:
    """Return the cells of a column of texts as features or as a target."""
    known = coding.known(name)
    if known is None:
        values: NDArray[Any] = np.array([*texts, None], object)[codes]
        return values
    position = {text: k for k, text in enumerate(known)}
    return np.array([*(position.get(text, -1) for text in texts), -1], np.int32)[codes]


def first_fault(
    values: NDArray[Any], texts: Sequence[str], name: str, coding: Coding
) -> tuple[int, str] | None:
    """Return the first row of a column whose cell is missing or not known, and the message."""
    is_number = values.dtype == np.float64
    wrong = np.isnan(values) if is_number else values < 0
    if coding.is_filled(name):
        wrong = np.zeros(len(values), bool)
    known = coding.known(name)
    if known is not None and not is_number:
        wrong |= np.array([*(text not in known for text in texts), False], bool)[values]
    if not wrong.any():
        return None
    row = int(wrong.argmax())
    if is_number or values[row] < 0:
        return row, MISSING
    return row, f"{texts[values[row]]!r} is not one of {listed(known or [])}"


def check_cells(file: File, parser: CsvParser, faults: Sequence[tuple[int, int, str]]) -> None:
    """Raise ValueError for the first fault, or the first cell in another notation."""
    columns = file.columns
    errors = [
        (line, k, ValueError(f"{columns.describe(line, k)}: {what}")) for line, k, what in faults
    ]
    for k in file.notations:
        misfit = parser.misfits(k)
        if misfit is not None:
            line, cell, _ = misfit
            error = columns.misfit(line, k, cell, file.notations)
            errors = [fault for fault in errors if fault[1] != k]  # a misfit is no missing cell
            errors.append((line, k, error))
    errors += columns.oddities(parser, file.notations)
    if errors:
        raise min(errors, key=lambda error: error[:2])[2]
