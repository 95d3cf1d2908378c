"""The options that turn a table into a `Dataset`, and the roles of its columns."""

from __future__ import annotations

import operator
import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from .._internal.printable import printable
from .._internal.stacklevel import level_of_caller
from .labels import Classes


@dataclass(frozen=True)
class TableOptions:
    """The options that `load_csv` and `from_frame` have in common."""

    target: str | int | bool | None
    missing: str | Mapping[str, float]
    classes: Classes
    ignore: Sequence[str | int]
    features: Sequence[str] | None
    class_names: Sequence[str] | None

    def __post_init__(self) -> None:
        if not isinstance(self.missing, Mapping):
            one_of("missing", self.missing, ("error", "drop", "mean"))
        elif not all(np.isfinite(value) for value in self.missing.values()):
            raise ValueError("missing must map features to finite numbers; got NaN or infinity")
        one_of("classes", self.classes, ("auto", True, False))
        if self.target is True:
            raise TypeError("target must be a column's name or position, None or False; got True")
        for argument in ("ignore", "features", "class_names"):
            if isinstance(getattr(self, argument), str):
                raise TypeError(
                    f"{argument} must be a list; got the single text {getattr(self, argument)!r}"
                )

    def roles(
        self, names: Sequence[str], unnamed: bool = False, may_hold_index: bool = True
    ) -> ColumnRoles:
        """Return the roles of the columns.

        `unnamed` tells that the first column has no name. Columns that look like the index of a
        frame are left out unless `may_hold_index` is False.
        """
        ignored = {position("ignore", column, names) for column in self.ignore}
        if self.features is None and may_hold_index:
            ignored |= left_out_index(names, {self.target}, ignored, unnamed)
        target = self._target(names, ignored)
        others = [k for k in range(len(names)) if k not in ignored and k != target]
        numbers = text = frozenset[int]()
        if self.features is not None:
            numbers = frozenset(k for k in others if names[k] in self.features)
            text = frozenset(k for k in others if self.coded(names[k])) - numbers
            others = sorted(numbers | text)
            self._check_coded(text, names)
            self._check_features([names[k] for k in others], names)
        if not others:
            raise ValueError(
                f"no column is left for the features; the columns are {listed(names)}"
                + ("" if target is None else f", the target is {names[target]!r}")
            )
        is_classes = self.classes is True or self.class_names is not None
        return ColumnRoles(tuple(others), target, numbers, text, target if is_classes else None)

    def _target(self, names: Sequence[str], ignored: set[int]) -> int | None:
        if self.target is False or (self.target is None and self.features is not None):
            return None
        if self.target is not None:
            return position("target", self.target, names)
        return max((k for k in range(len(names)) if k not in ignored), default=None)

    def _check_features(self, used: Sequence[str], names: Sequence[str]) -> None:
        available = {*used, *(feature for name in used for feature in self.coded(name))}
        absent = [feature for feature in self.features or () if feature not in available]
        if absent:
            raise ValueError(
                f"features must name columns of the data ({listed(names)}); got {absent[0]!r}"
            )

    def coded(self, name: str) -> list[str]:
        """Return the features, such as "color=red", that code the text column `name`."""
        return [feature for feature in self.features or () if feature.startswith(f"{name}=")]

    def _check_coded(self, text: Collection[int], names: Sequence[str]) -> None:
        """Raise ValueError if a feature may come from either of two columns."""
        for feature in self.features or ():
            owners = [names[k] for k in text if feature.startswith(f"{names[k]}=")]
            if len(owners) > 1 or (owners and feature in names):
                if feature in names:
                    owners.append(feature)
                columns = ", ".join(map(repr, sorted(set(owners))))
                raise ValueError(
                    f"the feature {feature!r} may be from each of the columns {columns}; rename one"
                )

    def fills(self, features: Collection[str]) -> bool:
        """Return True if `missing` maps all of these features to numbers."""
        return isinstance(self.missing, Mapping) and all(name in self.missing for name in features)


@dataclass(frozen=True)
class ColumnRoles:
    """The roles of columns, by their positions."""

    features: tuple[int, ...]
    target: int | None
    numbers: frozenset[int]
    """Features that must be numbers."""
    text: frozenset[int]
    """Features that must be text."""
    mixed: int | None
    """The target, if it is known to be classes: it may mix numbers and texts."""

    def is_text(self, k: int, n_numbers: int, n_cells: int) -> bool:
        """Return True if column k, with `n_numbers` among its `n_cells` present cells, is text."""
        if k in self.numbers | self.text:
            return k in self.text
        if k == self.mixed:
            return n_numbers < n_cells
        # A column without present cells is numbers, so that `missing` decides about it.
        return 0 < n_cells >= 2 * n_numbers

    @property
    def used(self) -> tuple[int, ...]:
        """The features and the target."""
        return self.features if self.target is None else (*self.features, self.target)


class NameOrPosition(str):
    """A column on a command line: its name or, if no column has it, its position."""


def position(argument: str, column: str | int, names: Sequence[str]) -> int:
    """Return the position of a column given by name, or by position (negative: from the end)."""
    if isinstance(column, NameOrPosition) and column not in names:
        with suppress(ValueError):
            column = int(column)
    if isinstance(column, str):
        if column not in names:
            raise ValueError(f"{argument} must be one of {listed(names)}; got {column!r}")
        return list(names).index(column)
    try:
        k = operator.index(column)
    except TypeError:
        raise TypeError(f"{argument} must be a column's name or position; got {column!r}") from None
    if not -len(names) <= k < len(names):
        raise ValueError(
            f"{argument} must be a position in {-len(names)}..{len(names) - 1}; got {k}"
        )
    return k % len(names)


INDEX = re.compile(r"__index_level_\d+__")
"""The name in Arrow of an unnamed index of pandas."""


def left_out_index(
    names: Sequence[str],
    requested: Collection[object],
    ignored: Collection[int] = (),
    unnamed: bool = False,
) -> set[int]:
    """Return the positions of columns that hold the index of a data frame, with a warning.

    These are columns with Arrow's name for an index, and a first column "Unnamed: 0" or without a
    name, because pandas and R write row numbers to CSV in this way. Columns that are `requested`
    by name are kept.
    """
    columns = {k for k, name in enumerate(names) if INDEX.fullmatch(name)}
    if names and (unnamed or names[0] == "Unnamed: 0"):
        columns.add(0)
    columns = {k for k in columns if k not in ignored and names[k] not in requested}
    for k in sorted(columns):
        column = "the first column, which has no name," if k == 0 and unnamed else repr(names[k])
        warnings.warn(
            f"{column} is left out: it looks like the index of a data frame; rename it, or name it "
            "as the target or in features, to use it",
            stacklevel=level_of_caller(),
        )
    return columns


def one_of(argument: str, value: object, accepted: Sequence[object]) -> None:
    """Raise ValueError unless `value` is one of `accepted` (1 is not True)."""
    if not any(
        value is choice or (isinstance(choice, str) and value == choice) for choice in accepted
    ):
        raise ValueError(
            f"{argument} must be one of {', '.join(map(str, accepted))}; got {value!r}"
        )


def listed(names: Sequence[str]) -> str:
    """Return the first names as text on one line."""
    shown = [printable(" ".join(name.split())) for name in names[:20]]
    return ", ".join(shown) + (f", ... ({len(names)} in all)" if len(names) > 20 else "")


def check_unique(names: Sequence[str], where: str) -> None:
    """Raise ValueError if a column name occurs twice."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{where}: column name {repeated[0]!r} occurs more than once")
