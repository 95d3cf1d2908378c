"""Named columns of numbers and texts, and the `Dataset` that a recipe makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .dataset import Dataset
from .labels import code_numbers, code_texts
from .recipe import Recipe, Roles, listed

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
        table = self._without_missing(recipe.missing)
        names, features = table._features(recipe)
        y, class_names = table._target(recipe)
        return Dataset(np.column_stack(features), y, names, class_names, table.title)

    def _without_missing(self, policy: str) -> Table:
        """Return the table after `policy`; with "mean", features still hold theirs as NaN."""
        used = self.roles.used
        missing = {k: self.columns[k].missing for k in used}
        if policy == "drop":
            return self._take(np.flatnonzero(~np.logical_or.reduce(list(missing.values()))))
        strict = used if policy == "error" else self.roles.used[len(self.roles.features) :]
        gaps = [(int(missing[k].argmax()), k) for k in strict if missing[k].any()]
        if gaps:
            accepted = "'drop' or 'mean'" if policy == "error" else "'drop' (a target has no mean)"
            raise ValueError(
                f"{self.place(*min(gaps))}: the cell is missing; give missing={accepted} to go on"
            )
        return self

    def _take(self, rows: NDArray[np.intp]) -> Table:
        if len(rows) == 0:
            raise ValueError("missing='drop' must leave a row; each row has a missing cell")
        columns = {k: column.take(rows) for k, column in self.columns.items()}

        def place(row: int, k: int) -> str:
            return self.place(int(rows[row]), k)

        return replace(self, columns=columns, place=place)

    def _features(self, recipe: Recipe) -> tuple[list[str], list[NDArray[np.float32]]]:
        blocks: dict[str, NDArray[np.float32]] = {}
        for k in self.roles.features:
            column = self.columns[k]
            if column.categories is None:
                blocks[self.names[k]] = self._filled(k, column.values)
            else:
                blocks |= self._one_hot(k, column, recipe.coded(self.names[k]))
        if recipe.features is None:
            return list(blocks), list(blocks.values())
        return list(recipe.features), [blocks[feature] for feature in recipe.features]

    def _one_hot(
        self, k: int, column: Column, coded: Sequence[str]
    ) -> dict[str, NDArray[np.float32]]:
        """Return a column of 0 and 1 for each category, by its name ("colour=red")."""
        assert column.categories is not None
        present = {
            f"{self.names[k]}={column.categories[int(code)]}": code
            for code in np.unique(column.values[~column.missing])
        }
        self._check_categories(k, column, present, coded)
        blocks = {}
        for feature in coded or sorted(present):
            indicator = np.where(column.missing, np.nan, column.values == present.get(feature, -1))
            blocks[feature] = self._filled(k, indicator)
        return blocks

    def _check_categories(
        self, k: int, column: Column, present: dict[str, float], coded: Sequence[str]
    ) -> None:
        for feature, code in present.items():
            if coded and feature not in coded:
                row = int((column.values == code).argmax())
                raise ValueError(f"{self.place(row, k)}: {feature!r} is none of {listed(coded)}")
        n_rows = len(column.values)
        if not coded and (_too_many(len(present), n_rows) or len(present) > MOST_CATEGORIES):
            raise ValueError(
                f"column {self.names[k]!r} holds {len(present)} different texts in "
                f"{n_rows} rows, too many to code as features; give ignore=[{self.names[k]!r}] "
                "to leave it out"
            )

    def _filled(self, k: int, values: NDArray[np.float64]) -> NDArray[np.float32]:
        gaps = np.isnan(values)
        if gaps.all():
            raise ValueError(
                f"column {self.names[k]!r} has no cell to take a mean of; "
                f"give ignore=[{self.names[k]!r}] to leave it out"
            )
        mean = values[~gaps].mean() if gaps.any() else 0.0
        with np.errstate(over="ignore"):  # Dataset reports what overflows
            return np.where(gaps, mean, values).astype(np.float32)

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
        n_classes = len(set(texts))
        if not (recipe.classes is True or recipe.class_names) and _too_many(n_classes, len(texts)):
            raise ValueError(
                f"column {self.names[k]!r} holds {n_classes} different texts in "
                f"{len(texts)} rows, too many to be classes; give classes=True if they are"
            )
        return code_texts(texts, recipe.class_names, place)


def _too_many(n_texts: int, n_rows: int) -> bool:
    """Whether the texts of a column look like names or remarks rather than categories."""
    return n_texts > FEW_CATEGORIES and 2 * n_texts > n_rows
