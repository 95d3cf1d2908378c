"""`Preprocessor`: from the columns of a table to the numbers of a network, and back."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._internal.checks import choice
from .._internal.stacklevel import level_of_caller
from .as_table import as_table
from .column_report import ColumnReport, ColumnSummary, looks_like, remarks_of
from .column_statistics import DATE_PARTS, ColumnStatistics, as_kind, with_kinds
from .columns import KINDS, Column, Kind, Table, shown
from .encoder_table import encoder_of
from .encoders import CategoryEncoder, DateEncoder, Encoder, NumberEncoder
from .labels import Classes
from .scalers import SCALERS
from .sources import Source
from .sources.block import Block
from .sources.iterable import IterableSource
from .table_stream import TableStream, parts_of, table_of_block
from .target_encoder import TargetEncoder

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CATEGORIES = 1000
FEW_CATEGORIES = 20

UnknownLevels = dict[str, tuple[int, Any]]
"""The number of cells with an unknown level, and an example, for each column."""


class Preprocessor:
    """Turn the columns of a table into features for a network, and outputs into answers.

    It is fitted on the training rows alone, and computes in float64; only its results have the
    type of the network. Statistics do not depend on the order of the rows, and a stream of parts
    gives the same bits as the whole table.

    - Numbers: a missing cell becomes the median; if a training row misses the number, one more
      feature is 1 for a missing cell. Numbers are then scaled.
    - Categories and booleans: one feature of 0 and 1 for each level, or a single one of -1 and 1
      for two levels. Levels are sorted. If a training row misses the category, missing is a level
      of its own. A level that the training rows do not have is neutral: all features are 0; one
      warning counts such cells.
    - Dates: year, month, day, weekday, hour (as pairs of a sine and a cosine, except the year) and
      the seconds since the first date of the training rows; by default those that vary.
    - Texts, which have too many different values for categories, are refused.
    - Columns of one value are not used.

    Parameters
    ----------
    target : str or sequence of str, optional
        The column, or columns, to predict.
    ignore : sequence of str, optional
        Columns to leave out.
    kinds : mapping from column to kind, optional
        "number", "boolean", "category" or "datetime" for columns whose values do not tell it, such
        as numbers that are codes.
    classes : True, False or "auto", default "auto"
        Whether a target of numbers is classes. Auto takes whole numbers for classes if they have at
        most 20 distinct values that occur at least twice on average.
    scaling : {"robust", "standard", "quantile", "none"}, default "robust"
        How numbers are scaled: see `RobustScaler`, `StandardScaler` and `QuantileScaler` of
        `backprop_rs.data.scalers`.
    target_scaling : {"standard", "none"}, default "standard"
        How a target of values is scaled.
    date_parts : "auto" or sequence of str, default "auto"
        Which of year, month, day, weekday, hour and seconds to use, among those that vary.

    Attributes
    ----------
    columns : tuple of str
        The columns that `transform` needs.
    feature_names : tuple of str
    classes : tuple
        The classes of the target, sorted, in their own type; empty for values.
    n_rows : int
        The number of training rows.

    Raises
    ------
    ValueError, TypeError
        If an argument is not accepted.

    Examples
    --------
    >>> table = {
    ...     "size": [1.0, 2.0, None, 4.0],
    ...     "color": ["red", "blue", "green", "red"],
    ...     "price": [10.0, 20.0, 30.0, 40.0],
    ... }
    >>> preprocessor = Preprocessor(target="price").fit(table)
    >>> preprocessor.feature_names
    ('size', 'size is missing', 'color=blue', 'color=green', 'color=red')
    >>> preprocessor.transform({"color": ["green"], "size": [2.0]})
    array([[0., 0., 0., 1., 0.]], dtype=float32)
    >>> preprocessor.inverse_transform(preprocessor.transform_target(table))
    array([10., 20., 30., 40.])
    >>> print(preprocessor.report())
    column  kind      missing  distinct  features  remarks
    size    number          1         3         2
    color   category                  3         3  2 levels in one row only
    price   values                    4
    """

    def __init__(
        self,
        target: str | Sequence[str] | None = None,
        *,
        ignore: Sequence[str] = (),
        kinds: Mapping[str, Kind] | None = None,
        classes: Classes = "auto",
        scaling: str = "robust",
        target_scaling: str = "standard",
        date_parts: str | Sequence[str] = "auto",
    ) -> None:
        self.target_names = names_of_target(target)
        self.ignore = (ignore,) if isinstance(ignore, str) else tuple(map(str, ignore))
        self.kinds = _checked_kinds(kinds or {})
        self.class_rule = classes
        self.scaling = choice("scaling", scaling, list(SCALERS))
        self.target_scaling = choice("target_scaling", target_scaling, ["standard", "none"])
        self.date_parts = _checked_parts(date_parts)
        self.encoders: tuple[Encoder, ...] = ()
        self.target: TargetEncoder | None = None
        self.summaries: tuple[ColumnSummary, ...] = ()
        self.n_rows = 0

    def fit(self, data: Any) -> Preprocessor:
        """Learn from the training rows, in one pass.

        Parameters
        ----------
        data : table-like, `TableStream` or `Source`
            Anything that `as_table` takes, with the target's columns if there is a target; a
            stream of such tables; or a source, whose target gets the names of `target`.

        Returns
        -------
        Preprocessor
            This one.

        Raises
        ------
        ValueError, TypeError, KeyError
            If a column cannot be used; the error names it.
        """
        statistics = self._statistics(data)
        targets = [statistics.pop(name) for name in self.target_names]
        encoders, summaries = [], []
        for column in statistics.values():
            encoder = self._encoder(column)
            n_features = 0
            if encoder is not None and encoder.features:
                encoders.append(encoder)
                n_features = len(encoder.features)
            summaries.append(summary_of(column, column.kind or "number", n_features))
        if not encoders:
            raise ValueError(
                "no column is left for the features, because none holds two different values; the "
                f"columns are {shown(tuple(statistics))}"
            )
        target = None
        if targets:
            target = TargetEncoder.fit(targets, self.class_rule, self.target_scaling)
            summaries += [summary_of(column, target.kind, 0) for column in targets]
        self.encoders, self.target, self.summaries = tuple(encoders), target, tuple(summaries)
        self.n_rows = summaries[0].n
        return self

    def like(
        self,
        target: str | Sequence[str] | None,
        *,
        ignore: Sequence[str] | None = None,
        kinds: Mapping[str, Kind] | None = None,
        classes: Classes | None = None,
    ) -> Preprocessor:
        """Return a preprocessor that is not fitted, with these options instead of its own.

        >>> Preprocessor(scaling="standard").like("y", ignore=["id"]).scaling
        'standard'
        """
        return Preprocessor(
            target,
            ignore=self.ignore if ignore is None else ignore,
            kinds=self.kinds if kinds is None else kinds,
            classes=self.class_rule if classes is None else classes,
            scaling=self.scaling,
            target_scaling=self.target_scaling,
            date_parts="auto" if self.date_parts is None else self.date_parts,
        )

    def _statistics(self, data: Any) -> dict[str, ColumnStatistics]:
        statistics: dict[str, ColumnStatistics] = {}
        for table in parts_of(data, self.target_names):
            names = [name for name in table.names if name not in self.ignore]
            if not statistics:
                self._check_options(table)
                statistics = {name: ColumnStatistics(name, self.kinds.get(name)) for name in names}
            _check_present("each part of the data", names, tuple(statistics), "first part has")
            for name, column in statistics.items():
                column.add(table[name], table.place)
        if not statistics or not next(iter(statistics.values())).n:
            raise ValueError("data must have at least one row; got none")
        return statistics

    def _check_options(self, table: Table) -> None:
        options = {"target": self.target_names, "ignore": self.ignore, "kinds": tuple(self.kinds)}
        for option, names in options.items():
            for name in names:
                if name not in table:
                    raise ValueError(
                        f"{option} must name columns of the data ({shown(table.names)}); "
                        f"got {name!r}"
                    )
        for name in self.target_names:
            if name in self.ignore:
                raise ValueError(f"ignore must leave the target; got {name!r}")

    def _encoder(self, column: ColumnStatistics) -> Encoder | None:
        if column.n_known == 0:
            return None
        if column.kind == "datetime":
            return DateEncoder.fit(column, self.scaling, self.date_parts)
        if column.kind == "number":
            return NumberEncoder.fit(column, self.scaling)
        if column.kind == "category":
            self._check_levels(column)
        return CategoryEncoder.fit(column)

    def _check_levels(self, column: ColumnStatistics) -> None:
        """Refuse texts, and report texts that look like numbers or dates, not categories."""
        n, name = len(column.levels), column.name
        look = "" if column.name in self.kinds else looks_like(column.levels)
        example = min(map(str, column.levels))
        if look and look not in ("numbers", "dates"):
            raise ValueError(
                f"column {name!r} holds texts such as {example!r:.60}, which look like {look}; "
                f"convert them, or give kinds={{{name!r}: 'category'}} if they are categories"
            )
        if n > MAX_CATEGORIES or (n > FEW_CATEGORIES and 2 * n > column.n):
            advice = f"give ignore=[{name!r}] to leave it out"
            if look:
                advice = f"they look like {look}: give kinds={{{name!r}: {_KIND[look]!r}}}"
            raise ValueError(
                f"column {name!r} holds {n:,} different texts in {column.n:,} rows, too many for "
                f"categories; {advice}"
            )
        if look:
            warnings.warn(
                f"column {name!r} holds texts that look like {look}, such as {example!r:.60}; each "
                f"is a category: give kinds={{{name!r}: {_KIND[look]!r}}} or "
                f"kinds={{{name!r}: 'category'}}",
                stacklevel=level_of_caller(),
            )

    @property
    def is_fitted(self) -> bool:
        """True after `fit`."""
        return bool(self.encoders)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that `transform` needs."""
        return tuple(encoder.name for encoder in self.encoders)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features, in order."""
        return tuple(name for encoder in self.encoders for name in encoder.features)

    @property
    def classes(self) -> tuple[Any, ...]:
        """The classes of the target, sorted, in their own type; empty for values."""
        return self.target.classes if self.target is not None else ()

    def transform(self, data: Any, dtype: str = "float32") -> NDArray[Any]:
        """Return the features (m, n_0) of a table.

        Columns are found by their names, in any order. A plain array with as many columns as
        `columns` is taken in their order.

        Parameters
        ----------
        data : table-like
            Anything that `as_table` takes.
        dtype : "float32" or "float64", default "float32"

        Raises
        ------
        ValueError, TypeError
            If a column is missing or has another kind; the error names it.

        Warns
        -----
        UserWarning
            If cells hold levels that the training rows do not have, or columns are not used.
        """
        unknown: UnknownLevels = {}
        X = self.transform_counting(data, dtype, unknown)
        warn_of_unknown_levels(unknown)
        return X

    def transform_counting(self, data: Any, dtype: str, unknown: UnknownLevels) -> NDArray[Any]:
        """Return the features, as `transform` does, and count unknown levels in place of a warning.

        `unknown` has the number of cells and an example for each column; parts of a table add up.
        """
        self._check_fitted()
        table = self._table(data)
        X = np.empty((len(table), len(self.feature_names)), dtype)
        blocks = self.blocks()
        for encoder in self.encoders:
            column = as_kind(table[encoder.name], encoder.kind)
            X[:, blocks[encoder.name]] = encoder.encode(column, table.place)
            _count_unknown(encoder, column, unknown)
        return X

    def blocks(self) -> dict[str, slice]:
        """Return the positions of the features of each column."""
        widths = [len(encoder.features) for encoder in self.encoders]
        ends = accumulate(widths)
        return {
            encoder.name: slice(end - width, end)
            for encoder, width, end in zip(self.encoders, widths, ends, strict=True)
        }

    def table_counting(self, data: Any, unknown: UnknownLevels) -> Table:
        """Return the columns that are used, as a table, and count unknown levels."""
        self._check_fitted()
        categories = [each for each in self.encoders if isinstance(each, CategoryEncoder)]
        table = with_kinds(self._table(data), {each.name: each.kind for each in categories})
        for encoder in categories:
            _count_unknown(encoder, table[encoder.name], unknown)
        return table

    def _check_fitted(self) -> None:
        if not self.is_fitted:
            raise ValueError("fit must come first; the preprocessor has seen no rows")

    def _table(self, data: Any) -> Table:
        """Return the columns that are used, in order."""
        table = as_table(data)
        if is_unnamed(data) and len(table.columns) == len(self.columns):
            columns = [
                column.renamed(name)
                for column, name in zip(table.columns, self.columns, strict=True)
            ]
            return Table(columns, table.name)
        missing = [name for name in self.columns if name not in table]
        if missing:
            raise ValueError(
                f"data must have the columns of the training ({shown(self.columns)}); "
                f"it lacks {shown(missing)}"
            )
        known = {*self.ignore, *self.target_names, *(line.name for line in self.summaries)}
        others = [name for name in table.names if name not in known]
        if others:
            warnings.warn(
                f"columns that the training did not have are not used: {shown(others)}",
                stacklevel=level_of_caller(),
            )
        return table.select(self.columns)

    def transform_target(self, data: Any) -> NDArray[Any]:
        """Return the target for the network: labels (m,), or (m, n_L) in float64.

        Parameters
        ----------
        data : table-like
            With the columns of the target.

        Raises
        ------
        ValueError, KeyError
            If a column or a cell is missing, or a class is not one of the training rows.
        """
        return self._target().encode(as_table(data))

    def inverse_transform(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the answers for outputs (m, n_L) of the network, in the target's type and units.

        Returns
        -------
        ndarray
            Classes (m,), labels (m, n_L), or values (m,) or (m, n_L).
        """
        return self._target().decode(np.asarray(outputs))

    def _target(self) -> TargetEncoder:
        if self.target is None:
            self._check_fitted()
            raise ValueError("the preprocessor was fitted without a target")
        return self.target

    def source(self, data: Source | TableStream, dtype: str = "float32") -> Source:
        """Return a source of the features, and of the target if `data` have it.

        Parameters
        ----------
        data : `Source` or `TableStream`
        dtype : "float32" or "float64", default "float32"

        Raises
        ------
        ValueError, TypeError
            As in `transform`, when the source is read.
        """
        self._check_fitted()
        if isinstance(data, Source):
            return self._of_source(data, dtype)
        if not isinstance(data, TableStream):
            raise TypeError(f"data must be a Source or a TableStream; got {type(data).__name__}")
        stream = data

        def blocks() -> Iterator[Block]:
            for table in stream:
                yield self._block(table, dtype)

        samples = IterableSource(blocks if stream.repeatable else blocks(), stream.name)
        samples.feature_names = self.feature_names
        return samples

    def _of_source(self, data: Source, dtype: str) -> Source:
        samples, before = copy(data), data.change
        names = data.feature_names or self.columns

        def change(block: Block) -> Block:
            block = block if before is None else before(block)
            table = table_of_block(block, names, self.target_names, data.name)
            return replace(self._block(table, dtype), weights=block.weights)

        samples.change = change
        samples.feature_names = self.feature_names
        return samples

    def _block(self, table: Table, dtype: str) -> Block:
        y = None
        if self.target is not None and all(name in table for name in self.target_names):
            y = self.target.encode(table)
        return Block(self.transform(table, dtype), y)

    def report(self) -> ColumnReport:
        """Return a table with one line for each column: kind, missing, distinct and remarks."""
        self._check_fitted()
        return ColumnReport(self.summaries)

    @property
    def fingerprint(self) -> str:
        """A SHA-256 of the names, kinds and levels of the columns, in hexadecimal digits."""
        import json
        from hashlib import sha256

        facts: list[Any] = [
            [encoder.name, encoder.kind, list(getattr(encoder, "levels", ()))]
            for encoder in self.encoders
        ]
        if self.target is not None:
            facts.append([list(self.target.names), self.target.kind, list(self.target.classes)])
        return sha256(json.dumps(facts).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary for JSON; `from_dict` reads it back exactly.

        Examples
        --------
        >>> table = {"a": [1.0, 2.0], "y": ["no", "yes"]}
        >>> preprocessor = Preprocessor("y").fit(table)
        >>> other = Preprocessor.from_dict(preprocessor.to_dict())
        >>> other.transform(table).tolist() == preprocessor.transform(table).tolist()
        True
        """
        self._check_fitted()
        return {
            "version": 1,
            "target_names": list(self.target_names),
            "ignore": list(self.ignore),
            "kinds": self.kinds,
            "classes": self.class_rule,
            "scaling": self.scaling,
            "target_scaling": self.target_scaling,
            "date_parts": "auto" if self.date_parts is None else list(self.date_parts),
            "encoders": [encoder.to_dict() for encoder in self.encoders],
            "target": None if self.target is None else self.target.to_dict(),
            "columns": [summary.to_dict() for summary in self.summaries],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessor:
        """Return the preprocessor that `to_dict` has described.

        Raises
        ------
        ValueError
            If the dictionary is of another version, or was changed so that it cannot be used.
        """
        if not isinstance(values, Mapping) or values.get("version") != 1:
            raise ValueError("values must be a dictionary of Preprocessor.to_dict, version 1")
        options = ("ignore", "kinds", "classes", "scaling", "target_scaling", "date_parts")
        try:
            preprocessor = cls(**{name: values[name] for name in options})
            preprocessor.target_names = tuple(map(str, values["target_names"]))
            preprocessor.encoders = tuple(map(encoder_of, values["encoders"]))
            if values["target"] is not None:
                preprocessor.target = TargetEncoder.from_dict(values["target"])
            summaries = tuple(map(ColumnSummary.from_dict, values["columns"]))
            preprocessor.summaries, preprocessor.n_rows = summaries, summaries[0].n
        except (AttributeError, LookupError, OverflowError, TypeError) as error:
            raise ValueError(f"values cannot be used: {error!r:.200}") from None
        return preprocessor

    def __repr__(self) -> str:
        if not self.is_fitted:
            return "Preprocessor(not fitted)"
        counts = [(len(self.columns), "column"), (len(self.feature_names), "feature")]
        sizes = " -> ".join(f"{n:,} {noun}{'s' * (n != 1)}" for n, noun in counts)
        target = ""
        if self.target is not None:
            target = f", {self.target.kind} of {shown(self.target_names)}"
        return f"Preprocessor({sizes}{target})"

    def _repr_html_(self) -> str:
        from html import escape

        report = self.report()._repr_html_() if self.is_fitted else ""
        return f"<div>{escape(repr(self))}</div>{report}"


_KIND = {"numbers": "number", "dates": "datetime"}


def is_unnamed(data: Any) -> bool:
    """Return True if data are a plain array, or lists of cells: their columns have no names."""
    if isinstance(data, np.ndarray):
        return data.dtype.names is None
    return isinstance(data, list | tuple) and not (data and isinstance(data[0], Mapping))


def names_of_target(target: Any) -> tuple[str, ...]:
    """Return the names of the target's columns, or raise TypeError."""
    if target is None:
        return ()
    # Columns of pandas may have numbers for names.
    if isinstance(target, str | int | np.integer) and not isinstance(target, bool):
        return (str(target),)
    names = tuple(target) if isinstance(target, list | tuple) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"target must be the name of a column or a list of such; got {target!r:.60}"
        )
    if len(set(names)) < len(names):
        raise ValueError(f"target must name different columns; got {shown(names)}")
    return names


def _checked_kinds(kinds: Mapping[str, Any]) -> dict[str, Kind]:
    if not isinstance(kinds, Mapping):
        raise TypeError(f"kinds must be a mapping from columns to kinds; got {kinds!r:.60}")
    known = [kind for kind in KINDS if kind != "text"]
    for name, kind in kinds.items():
        if kind not in known:
            raise ValueError(f"kinds must be of {', '.join(known)}; got {kind!r:.60} for {name!r}")
    return {str(name): kind for name, kind in kinds.items()}


def _checked_parts(parts: Any) -> tuple[str, ...] | None:
    if parts == "auto":
        return None
    names = (parts,) if isinstance(parts, str) else tuple(parts)
    for part in names:
        if part not in DATE_PARTS:
            raise ValueError(f"date_parts must be auto or of {', '.join(DATE_PARTS)}; got {part!r}")
    return names


def _check_present(data: str, names: Sequence[str], known: Sequence[str], other: str) -> None:
    if set(names) != set(known):
        different = sorted(set(names) ^ set(known))
        raise ValueError(
            f"{data} must have the same columns; the {other} {shown(known)}, and the parts differ "
            f"in {shown(different)}"
        )


def warn_of_unknown_levels(unknown: UnknownLevels) -> None:
    """Warn, once, of cells with levels that the training rows do not have, if there are any."""
    if not unknown:
        return
    total = sum(count for count, _ in unknown.values())
    places = ", ".join(
        f"{count:,} in {name!r} (such as {cell!r:.40})" for name, (count, cell) in unknown.items()
    )
    warnings.warn(
        f"{total:,} cell{'s hold levels' if total != 1 else ' holds a level'} that the training "
        f"rows do not have, and count as unknown: {places}",
        stacklevel=level_of_caller(),
    )


def _count_unknown(encoder: Encoder, column: Column, unknown: UnknownLevels) -> None:
    cells = np.flatnonzero(encoder.unknown(column))
    if len(cells):
        first = column.take(cells[:1]).to_list()[0]
        count, example = unknown.get(encoder.name, (0, first))
        unknown[encoder.name] = count + len(cells), example


def summary_of(column: ColumnStatistics, kind: str, n_features: int) -> ColumnSummary:
    """Return the line of a column for the report."""
    return ColumnSummary(
        column.name,
        kind,
        column.n,
        column.n_missing,
        column.n_distinct,
        n_features,
        remarks_of(column),
    )
