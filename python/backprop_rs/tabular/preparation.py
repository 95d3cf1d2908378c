"""Fit the preparation of a member on its own training rows."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._internal.stacklevel import level_of_caller
from ..data import Preprocessor, Table
from ..data.column_report import ColumnSummary, looks_like
from ..data.column_statistics import ColumnStatistics, as_kind
from ..data.columns import Column, Kind
from ..data.encoders import CategoryEncoder, DateEncoder, Encoder, NumberEncoder
from ..data.piecewise import FEW_EDGES, PiecewiseEncoder
from ..data.preprocessor import summary_of
from ..data.target_codes import fit_target_codes
from ..data.target_encoder import TargetEncoder
from .folds import folds_of, random_rows
from .presets import WITH_BINS, Preset

MAX_CODES = 10
"""Categories of many levels are coded by at most so many of the classes, the most frequent."""

CODE_FOLDS = 5


@dataclass(frozen=True)
class Known:
    """What is known about all training rows: kinds of columns, the target, and its code.

    Attributes
    ----------
    kinds : dict
        The kind of each column that is used.
    target : TargetEncoder
    summaries : tuple of ColumnSummary
    """

    kinds: Mapping[str, Kind]
    target: TargetEncoder
    summaries: tuple[ColumnSummary, ...] = ()


def fit_preparation(
    table: Table,
    encoded: NDArray[Any],
    weights: NDArray[Any] | None,
    known: Known,
    preset: Preset,
    encoding: str,
    seed: int,
) -> tuple[Preprocessor, dict[str, NDArray[Any]]]:
    """Return the preparation for rows, and target codes of these rows by column.

    Parameters
    ----------
    table : Table
        The training rows of the member, whose columns have the kinds of `known`.
    encoded : array
        Their target, for the network.
    weights : (m,) array, optional
    known : Known
    preset : Preset
    encoding : str
    seed : int
        It determines the rows for statistics and the parts for target codes.
    """
    some = random_rows(len(table), preset.max_statistics_rows, seed, stream=0)
    n_numbers = sum(kind == "number" for kind in known.kinds.values())
    most = min(preset.max_bin_features, preset.max_cells // len(table))
    n_bins = min(preset.n_bins, most // max(n_numbers, 1))
    if encoding not in WITH_BINS or n_bins < FEW_EDGES - 1:
        n_bins = 0
    encoders: list[Encoder] = []
    codes: dict[str, NDArray[Any]] = {}
    means: Any = None
    for name in known.kinds:
        column = table[name]
        statistics = statistics_of(column, some)
        encoder = encoder_for(statistics, n_bins)
        if isinstance(encoder, CategoryEncoder) and len(encoder.levels) > preset.max_one_hot:
            if means is None:
                means = coded_target(encoded, known.target), parts_of_rows(encoded, known, seed)
            (values, names), parts = means
            positions = encoder.positions(column)
            encoder, codes[name] = fit_target_codes(
                encoder, positions, values, names, weights, parts, preset.smoothing
            )
        if encoder is not None and encoder.features:
            encoders.append(encoder)
    preprocessor = Preprocessor()
    preprocessor.target_names = known.target.names
    preprocessor.encoders = tuple(encoders) or (nothing(table, known),)
    preprocessor.target, preprocessor.summaries = known.target, known.summaries
    preprocessor.n_rows = len(table)
    return preprocessor, codes


def statistics_of(column: Column, some: Any) -> ColumnStatistics:
    """Return the statistics of a column: of some rows, but all levels and missing cells count."""
    statistics = ColumnStatistics(column.name, column.kind)
    if column.kind in ("category", "boolean"):
        statistics.add(column)
        return statistics
    statistics.add(column.take(some))
    statistics.n, statistics.n_missing = len(column), int(column.missing.sum())
    return statistics


def encoder_for(statistics: ColumnStatistics, n_bins: int) -> Encoder | None:
    """Return the encoder of a column, or None for one that says nothing."""
    known = statistics.levels or statistics.numbers.n or statistics.times.n
    if not known:
        return None
    if statistics.kind == "datetime":
        return DateEncoder.fit(statistics, "robust", None)
    if statistics.kind == "number":
        if n_bins and not statistics.is_constant:
            return PiecewiseEncoder.fit(statistics, "robust", n_bins)
        return NumberEncoder.fit(statistics, "robust")
    return CategoryEncoder.fit(statistics)


def nothing(table: Table, known: Known) -> Encoder:
    """Return an encoder whose only feature is 0 unless a cell is missing: no column says more."""
    name = next(iter(known.kinds), table.names[0])
    kind = known.kinds.get(name, "number")
    if kind == "number":
        return NumberEncoder(name, 0.0, None, True)
    if kind == "datetime":
        return DateEncoder(name, (), 0, (), (), True)
    return CategoryEncoder(name, (), True, kind)


def coded_target(encoded: NDArray[Any], target: TargetEncoder) -> tuple[NDArray[Any], list[str]]:
    """Return the values (m, k) whose means are target codes, and a name for each."""
    if target.kind != "classes":
        return encoded.reshape(len(encoded), -1).astype(np.float64), list(target.names)
    counts = np.bincount(encoded, minlength=len(target.classes))
    frequent = np.argsort(-counts, kind="stable")[:MAX_CODES]
    chosen = [1] if len(target.classes) == 2 else sorted(frequent.tolist())
    values = (encoded[:, None] == np.array(chosen)).astype(np.float64)
    return values, [f"share of {target.classes[k]}" for k in chosen]


def parts_of_rows(encoded: NDArray[Any], known: Known, seed: int) -> NDArray[np.intp]:
    """Return the part of each row for target codes of other parts."""
    labels = encoded if known.target.kind == "classes" else None
    return folds_of(len(encoded), min(CODE_FOLDS, len(encoded)), seed, repeat=0, labels=labels)


def features_of_training(
    preprocessor: Preprocessor, table: Table, codes: Mapping[str, NDArray[Any]], dtype: str
) -> NDArray[Any]:
    """Return the features of training rows, whose target codes come from other rows."""
    X = preprocessor.transform_counting(table, dtype, {})
    blocks = preprocessor.blocks()
    for name, code in codes.items():
        X[:, blocks[name]] = code
    return X


def known_of(table: Table, kinds: Mapping[str, Kind], target: TargetEncoder, most: int) -> Known:
    """Return what is known about all training rows; `kinds` are those that the user has chosen."""
    chosen: dict[str, Kind] = {}
    summaries = []
    some = random_rows(len(table), most, 0, stream=0)
    for column in table:
        wanted = kinds.get(column.name)
        if column.missing.all():
            summaries.append(ColumnSummary(column.name, "number", len(column), len(column), 0, 0))
            continue
        column = column if wanted is None else as_kind(column, wanted)
        if column.kind == "text":
            column = as_kind(column, "category")
        statistics = statistics_of(column, some)
        if wanted is None and column.kind == "category":
            check_look(statistics)
        summaries.append(summary_of(statistics, column.kind, 1))
        chosen[column.name] = column.kind
    return Known(chosen, target, tuple(summaries))


def check_look(column: ColumnStatistics) -> None:
    """Refuse texts, and report texts that look like numbers or dates, not categories."""
    look, name = looks_like(column.levels), column.name
    if not look:
        return
    example = min(map(str, column.levels))
    if look not in ("numbers", "dates"):
        raise ValueError(
            f"column {name!r} holds texts such as {example!r:.60}, which look like {look}; convert "
            f"them, or give categorical_features=[{name!r}] if they are categories"
        )
    warnings.warn(
        f"column {name!r} holds texts that look like {look}, such as {example!r:.60}; each is a "
        f"category: convert them, or give categorical_features=[{name!r}]",
        stacklevel=level_of_caller(),
    )


def with_features(known: Known, preprocessor: Preprocessor) -> Known:
    """Return the same with the number of features of each column in the report."""
    numbers = {encoder.name: len(encoder.features) for encoder in preprocessor.encoders}
    lines = [replace(line, n_features=numbers.get(line.name, 0)) for line in known.summaries]
    return replace(known, summaries=tuple(lines))
