"""Named columns of numbers and texts, and the `Dataset` that a recipe makes of them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .._internal import backends
from ..exceptions import MissingCell
from .arrays import warn_of_rounding
from .dataset import Dataset
from .labels import code_numbers, code_texts
from .table_options import Recipe, Roles, listed

MOST_CATEGORIES = 1000
FEW_CATEGORIES = 20

Place = Callable[[int, int], str]
"""Words for the position of a cell, from its row and column (counted from 0)."""


@dataclass(frozen=True, eq=False)
class Column:
    """One column: numbers, or positions in `categories`; NaN is a missing cell."""

    values: NDArray[np.float64]
    categories: tuple[str, ...] | None = None

    @property
    def missing(self) -> NDArray[np.bool_]:
        return np.isnan(self.values)

    def texts(self) -> list[str]:
        """Return the cells of a text column; none may be missing."""
        assert self.categories is not None
        return [self.categories[int(code)] for code in self.values]

    def take(self, rows: NDArray[np.intp]) -> Column:
        return Column(self.values[rows], self.categories)


@dataclass(frozen=True)
class Table:
    """The columns that a recipe uses, by position."""

    names: Sequence[str]
    columns: dict[int, Column]
    roles: Roles
    place: Place
    title: str

    def dataset(self, recipe: Recipe) -> Dataset:
        """Return the data set that `recipe` makes of the table."""
        table = self._without_missing(recipe)
        names, features = table._features(recipe)
        means = table._means(names, features, recipe)
        y, class_names = table._target(recipe)
        X = np.empty((len(features[0]), len(features)), np.float32)
        gaps = np.zeros(X.shape, bool) if recipe.missing == "mean" else None
        for j, (name, values) in enumerate(zip(names, features, strict=True)):
            if name in means:
                missing = np.isnan(values)
                values = np.where(missing, means[name], values)
                if gaps is not None:
                    gaps[:, j] = missing
            warn_of_rounding(name, values)
            with np.errstate(over="ignore"):  # Dataset reports what overflows
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

    def _without_missing(self, recipe: Recipe) -> Table:
        """Return the table after `missing`; features that get a mean still hold NaN."""
        used, target = self.roles.used, self.roles.target
        missing = {k: self.columns[k].missing for k in used}
        if recipe.missing == "drop":
            rest = self._take(np.flatnonzero(~np.logical_or.reduce(list(missing.values()))))
            if target is not None and missing[target].any():
                warnings.warn(
                    f"the target {self.names[target]!r} is missing in {missing[target].sum():,} of "
                    f"{len(missing[target]):,} rows, which are left out",
                    stacklevel=backends.level_of_caller(),
                )
            return rest
        strict = [
            k
            for k in used
            if k == target or not (recipe.missing == "mean" or recipe.fills(self._coded(k, recipe)))
        ]
        gaps = [(int(missing[k].argmax()), k) for k in strict if missing[k].any()]
        if gaps:
            row, k = min(gaps)
            only = k == target and recipe.missing != "error"
            accepted = "'drop' (a target has no mean)" if only else "'drop' or 'mean'"
            raise MissingCell(self.place(row, k), k == target, accepted)
        return self

    def _coded(self, k: int, recipe: Recipe) -> list[str]:
        """Return the features that a column becomes, as far as they are known beforehand."""
        if self.columns[k].categories is None:
            return [self.names[k]]
        return recipe.coded(self.names[k]) or self._present(k)

    def _present(self, k: int) -> list[str]:
        """Return the features for the texts of a column, sorted."""
        column = self.columns[k]
        assert column.categories is not None
        codes = np.unique(column.values[~column.missing])
        return sorted(f"{self.names[k]}={column.categories[int(code)]}" for code in codes)

    def _means(
        self, names: Sequence[str], features: Sequence[NDArray[np.float64]], recipe: Recipe
    ) -> dict[str, float]:
        """Return what fills the missing cells of each feature."""
        if isinstance(recipe.missing, Mapping):
            return {name: float(recipe.missing[name]) for name in names if name in recipe.missing}
        if recipe.missing != "mean":
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

    def _features(self, recipe: Recipe) -> tuple[list[str], list[NDArray[np.float64]]]:
        blocks: dict[str, NDArray[np.float64]] = {}
        coded: dict[str, Sequence[str]] = {}
        for k in self.roles.features:
            column, name = self.columns[k], self.names[k]
            self._check_cells(k, column, recipe)
            if column.categories is None:
                more = {name: column.values}
            else:
                more = self._one_hot(k, column, recipe.coded(name))
                coded[name] = list(more)
            blocks |= more
        check_features_apart([self.names[k] for k in self.roles.features], coded)
        if recipe.features is None:
            return list(blocks), list(blocks.values())
        return list(recipe.features), [blocks[feature] for feature in recipe.features]

    def _one_hot(
        self, k: int, column: Column, coded: Sequence[str]
    ) -> dict[str, NDArray[np.float64]]:
        """Return a column of 0 and 1 for each category, by its name ("colour=red")."""
        assert column.categories is not None
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
                raise ValueError(f"{self.place(row, k)}: {feature!r} is none of {listed(coded)}")
        if not coded:
            check_categories(self.names[k], len(present), len(column.values))

    def _check_cells(self, k: int, column: Column, recipe: Recipe) -> None:
        if recipe.missing == "mean" and column.missing.all():
            raise ValueError(
                f"column {self.names[k]!r} has no cell to take a mean of; "
                f"give ignore=[{self.names[k]!r}] to leave it out"
            )

    def _target(
        self, recipe: Recipe
    ) -> tuple[NDArray[np.float32] | NDArray[np.int64] | None, tuple[str, ...]]:
        k = self.roles.target
        if k is None:
            return None, ()

        def place(row: int) -> str:
            return self.place(row, k)

        column = self.columns[k]
        if column.categories is None:
            return code_numbers(column.values, recipe.classes, recipe.class_names, place)
        if recipe.classes is False:
            raise ValueError(
                f"{place(0)}: classes=False needs a target of numbers; got {column.texts()[0]!r}"
            )
        texts = column.texts()
        if not (recipe.classes is True or recipe.class_names):
            check_texts(self.names[k], set(texts))
            check_classes(self.names[k], len(set(texts)), len(texts))
        return code_texts(texts, recipe.class_names, place)


def check_features_apart(names: Sequence[str], coded: Mapping[str, Sequence[str]]) -> None:
    """Refuse a feature that two columns make, or that another one might make of another text.

    `names` are the columns, and `coded` are the features of those that are text.
    """
    for name in names:
        for feature in coded.get(name, [name]):
            others = [one for one in coded if one != name and feature.startswith(f"{one}=")]
            if others:
                first, second = sorted([others[0], name])
                raise ValueError(
                    f"the columns {first!r} and {second!r} cannot be told apart by their features, "
                    f"such as {feature!r}; rename one, or give ignore=[{name!r}] to leave it out"
                )


DISGUISED = {
    re.compile(r"[-+]?\d+,\d+"): "decimal commas; write them with points",
    re.compile(r"\d+:[-+.\deE]+"): "the cells of a LIBSVM file, which is no CSV",
}


def check_texts(name: str, texts: Collection[str]) -> None:
    """Refuse texts that are all numbers in another notation: as categories they mean nothing."""
    for pattern, what in DISGUISED.items():
        if texts and all(pattern.fullmatch(text) for text in texts):
            raise ValueError(
                f"column {name!r} holds texts such as {min(texts)!r}, which look like {what}"
            )


def check_categories(name: str, n_texts: int, n_rows: int) -> None:
    """Refuse a feature of so many texts; without rows, only one of too many for any."""
    if n_texts > MOST_CATEGORIES or (n_rows and _too_many(n_texts, n_rows)):
        rows = f"in {n_rows} rows, " if n_rows else "so far, "
        raise ValueError(
            f"column {name!r} holds {n_texts} different texts {rows}too many to code as features; "
            f"give ignore=[{name!r}] to leave it out"
        )


def check_classes(name: str, n_texts: int, n_rows: int) -> None:
    """Refuse a target of so many texts that they are hardly classes."""
    if _too_many(n_texts, n_rows):
        raise ValueError(
            f"column {name!r} holds {n_texts} different texts in {n_rows} rows, too many to be "
            "classes; give classes=True if they are"
        )


def _too_many(n_texts: int, n_rows: int) -> bool:
    """Whether the texts of a column look like names or remarks rather than categories."""
    return n_texts > FEW_CATEGORIES and 2 * n_texts > n_rows
