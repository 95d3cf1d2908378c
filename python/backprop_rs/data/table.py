"""Named columns of numbers and texts, and the `Dataset` that is made of them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .._internal.stacklevel import level_of_caller
from ..exceptions import MissingCell
from .dataset import Dataset
from .labels import code_numbers, code_texts
from .table_options import ColumnRoles, TableOptions, listed

MAX_CATEGORIES = 1000
FEW_CATEGORIES = 20

Place = Callable[[int, int], str]
"""Describes the position of a cell, from its row and column (counted from 0)."""


def no_word(row: int, k: int) -> str:
    """Return the text of a missing cell of a table that has none."""
    return ""


@dataclass(frozen=True, eq=False)
class Column:
    """One column: numbers, or positions in `categories`; NaN is a missing cell."""

    values: NDArray[np.float64]
    categories: tuple[str, ...] | None = None
    are_checked: bool = False
    """True if the categories are known to be no numbers in another notation."""

    @property
    def missing(self) -> NDArray[np.bool_]:
        """True for missing cells."""
        return np.isnan(self.values)

    def texts(self) -> list[str]:
        """Return the cells of a text column; none may be missing."""
        assert self.categories is not None
        return [self.categories[int(code)] for code in self.values]

    def take(self, rows: NDArray[np.intp]) -> Column:
        """Return the column of the given rows."""
        return replace(self, values=self.values[rows])


@dataclass(frozen=True)
class Table:
    """The columns that the options use, by position."""

    names: Sequence[str]
    columns: dict[int, Column]
    roles: ColumnRoles
    place: Place
    title: str
    word: Place = no_word
    """Returns the text of a missing cell, which may be a word such as NA."""

    def dataset(self, options: TableOptions) -> Dataset:
        """Return the data set of the table."""
        table = self._without_missing(options)
        names, features = table._features(options)
        means = table._means(names, features, options)
        y, class_names = table._target(options)
        X = np.empty((len(features[0]), len(features)))
        gaps = np.zeros(X.shape, bool) if options.missing == "mean" else None
        for j, (name, values) in enumerate(zip(names, features, strict=True)):
            if name in means:
                missing = np.isnan(values)
                values = np.where(missing, means[name], values)
                if gaps is not None:
                    gaps[:, j] = missing
            X[:, j] = values
        target = table.roles.target
        return Dataset(
            X,
            y,
            names,
            class_names,
            table.title,
            target_name="" if target is None else self.names[target],
            fill_values=means or None,
            filled=gaps,
        )

    def _without_missing(self, options: TableOptions) -> Table:
        """Apply `missing`, except that features that get a mean still hold NaN."""
        used, target = self.roles.used, self.roles.target
        missing = {k: self.columns[k].missing for k in used}
        if options.missing == "drop":
            rest = self._take(np.flatnonzero(~np.logical_or.reduce(list(missing.values()))))
            if target is not None and missing[target].any():
                warnings.warn(
                    f"the target {self.names[target]!r} is missing in {missing[target].sum():,} of "
                    f"{len(missing[target]):,} rows, which are left out",
                    stacklevel=level_of_caller(),
                )
            return rest
        strict = [
            k
            for k in used
            if k == target
            or not (options.missing == "mean" or options.fills(self._coded(k, options)))
        ]
        gaps = [(int(missing[k].argmax()), k) for k in strict if missing[k].any()]
        if gaps:
            row, k = min(gaps)
            only = k == target and options.missing != "error"
            accepted = "'drop' (a target has no mean)" if only else "'drop' or 'mean'"
            raise MissingCell(self.place(row, k), k == target, accepted, self.word(row, k))
        return self

    def _coded(self, k: int, options: TableOptions) -> list[str]:
        """Return the features that a column becomes."""
        if self.columns[k].categories is None:
            return [self.names[k]]
        return options.coded(self.names[k]) or self._present(k)

    def _present(self, k: int) -> list[str]:
        """Return the features for the texts of a column, sorted."""
        column = self.columns[k]
        assert column.categories is not None
        codes = np.unique(column.values[~column.missing])
        return sorted(f"{self.names[k]}={column.categories[int(code)]}" for code in codes)

    def _means(
        self, names: Sequence[str], features: Sequence[NDArray[np.float64]], options: TableOptions
    ) -> dict[str, float]:
        """Return the values that fill the missing cells of each feature."""
        if isinstance(options.missing, Mapping):
            return {name: float(options.missing[name]) for name in names if name in options.missing}
        if options.missing != "mean":
            return {}
        return {
            name: float(values[~np.isnan(values)].mean())
            for name, values in zip(names, features, strict=True)
        }

    def _take(self, rows: NDArray[np.intp]) -> Table:
        if len(rows) == 0:
            raise ValueError("missing='drop' must leave a row; each row has a missing cell")
        columns = {k: column.take(rows) for k, column in self.columns.items()}

        def place(row: int, k: int) -> str:
            return self.place(int(rows[row]), k)

        return replace(self, columns=columns, place=place)

    def _features(self, options: TableOptions) -> tuple[list[str], list[NDArray[np.float64]]]:
        blocks: dict[str, NDArray[np.float64]] = {}
        coded: dict[str, Sequence[str]] = {}
        for k in self.roles.features:
            column, name = self.columns[k], self.names[k]
            self._check_cells(k, column, options)
            if column.categories is None:
                features = {name: column.values}
            else:
                features = self._one_hot(k, column, options.coded(name))
                coded[name] = list(features)
            blocks |= features
        check_features_apart([self.names[k] for k in self.roles.features], coded)
        if options.features is None:
            return list(blocks), list(blocks.values())
        return list(options.features), [blocks[feature] for feature in options.features]

    def _one_hot(
        self, k: int, column: Column, coded: Sequence[str]
    ) -> dict[str, NDArray[np.float64]]:
        """Return a column of 0 and 1 for each category, by its name ("color=red")."""
        assert column.categories is not None
        if not column.are_checked:
            check_texts(self.names[k], column.categories)
        present = {
            f"{self.names[k]}={column.categories[int(code)]}": code
            for code in np.unique(column.values[~column.missing])
        }
        self._check_categories(k, column, present, coded)
        blocks = {}
        for feature in coded or sorted(present):
            indicator = np.where(column.missing, np.nan, column.values == present.get(feature, -1))
            blocks[feature] = indicator
        return blocks

    def _check_categories(
        self, k: int, column: Column, present: dict[str, float], coded: Sequence[str]
    ) -> None:
        for feature, code in present.items():
            if coded and feature not in coded:
                row = int((column.values == code).argmax())
                raise ValueError(f"{self.place(row, k)}: {feature!r} is not one of {listed(coded)}")
        if not coded:
            check_categories(self.names[k], len(present), len(column.values))

    def _check_cells(self, k: int, column: Column, options: TableOptions) -> None:
        if options.missing == "mean" and column.missing.all():
            raise ValueError(
                f"column {self.names[k]!r} has no values for a mean; "
                f"give ignore=[{self.names[k]!r}] to leave it out"
            )

    def _target(
        self, options: TableOptions
    ) -> tuple[NDArray[np.float64] | NDArray[np.int64] | None, tuple[str, ...]]:
        k = self.roles.target
        if k is None:
            return None, ()

        def place(row: int) -> str:
            return self.place(row, k)

        column = self.columns[k]
        if column.categories is None:
            return code_numbers(column.values, options.classes, options.class_names, place)
        if options.classes is False:
            raise ValueError(
                f"{place(0)}: classes=False needs a target of numbers; got {column.texts()[0]!r}"
            )
        texts = column.texts()
        if not (options.classes is True or options.class_names):
            if not column.are_checked:
                check_texts(self.names[k], set(texts))
            check_classes(self.names[k], len(set(texts)), len(texts))
        return code_texts(texts, options.class_names, place)


def check_features_apart(names: Sequence[str], coded: Mapping[str, Sequence[str]]) -> None:
    """Raise ValueError if two columns make the same feature, or could with another text.

    `names` are the columns, and `coded` are the features of the text columns.
    """
    for name in names:
        for feature in coded.get(name, [name]):
            others = [other for other in coded if other != name and feature.startswith(f"{other}=")]
            if others:
                first, second = sorted([others[0], name])
                raise ValueError(
                    f"the columns {first!r} and {second!r} cannot be told apart by their features, "
                    f"such as {feature!r}; rename one, or give ignore=[{name!r}] to leave it out"
                )


NUMBER_NOTATIONS = {
    re.compile(r"[-+]?\d+,\d+"): "decimal commas; write them with points",
    re.compile(r"\d+:[-+.\deE]+"): "the cells of a LIBSVM file, which is not CSV",
}


def check_texts(name: str, texts: Collection[str]) -> None:
    """Raise ValueError if all texts are numbers in another notation: they are no categories."""
    for pattern, what in NUMBER_NOTATIONS.items():
        if texts and all(pattern.fullmatch(text) for text in texts):
            raise ValueError(
                f"column {name!r} holds texts such as {min(texts)!r}, which look like {what}"
            )


def check_categories(name: str, n_texts: int, n_rows: int) -> None:
    """Raise ValueError if a feature has too many texts for its rows, or for any number of rows.

    `n_rows` is 0 if it is not known yet.
    """
    if n_texts > MAX_CATEGORIES or (n_rows and _too_many(n_texts, n_rows)):
        rows = f"in {n_rows} rows, " if n_rows else "so far, "
        raise ValueError(
            f"column {name!r} holds {n_texts} different texts {rows}too many to code as features; "
            f"give ignore=[{name!r}] to leave it out"
        )


def check_classes(name: str, n_texts: int, n_rows: int) -> None:
    """Raise ValueError if a target has too many texts to be classes."""
    if _too_many(n_texts, n_rows):
        raise ValueError(
            f"column {name!r} holds {n_texts} different texts in {n_rows} rows, too many to be "
            "classes; give classes=True if they are"
        )


def _too_many(n_texts: int, n_rows: int) -> bool:
    """Return True if the texts of a column look like names or remarks, not like categories."""
    return n_texts > FEW_CATEGORIES and 2 * n_texts > n_rows
