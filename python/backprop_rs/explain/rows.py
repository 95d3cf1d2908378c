"""Rows of a table in an explanation: what their cells become, and what the outputs mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.printable import printable
from ..data.column_statistics import as_kind
from ..data.columns import date_text
from ..data.encoders import CategoryEncoder, DateEncoder, Encoder
from ..data.scalers import CLIP, QuantileScaler, RobustScaler, Scaler, StandardScaler
from . import notation
from .document import Grid, Section

if TYPE_CHECKING:
    from .._internal.types import Array
    from ..data import Column, Preprocessor, Table
    from ..data.target_encoder import TargetEncoder

MAX_ZEROS = 4
"""A column with more features of 0 than that shows their number alone."""

MAX_NETWORKS = 3
"""With more networks, only the average and the explained one have columns."""


def prepared(
    table: Table, preprocessor: Preprocessor, X: Array, samples: Sequence[int], digits: int
) -> list[Section]:
    """Return for each shown row a section with its cells and the inputs that they become."""
    sections = []
    for i in samples:
        row = table.take([i])
        rows = [line for part in features_of(row, preprocessor, X[i], digits) for line in part]
        title = "Row: from cells to inputs" if len(samples) == 1 else f"Row {i}: cells and inputs"
        grid = Grid(("column", "cell", "input", "feature", "value", "because"), rows)
        sections.append(Section(title, grids=[grid]))
    return sections


def features_of(row: Table, preprocessor: Preprocessor, x: Array, digits: int) -> list[list[Any]]:
    """Return the lines of each column: its features, their symbols and values."""
    parts, start = [], 0
    for encoder in preprocessor.encoders:
        column = as_kind(row[encoder.name], encoder.kind)
        reasons = reasons_of(encoder, column, digits)
        names = encoder.features
        values = x[start : start + len(names)]
        zeros = [k for k, value in enumerate(values.tolist()) if value == 0]
        left = set(zeros) if len(zeros) > MAX_ZEROS and len(names) > len(zeros) else set()
        lines: list[Any] = []
        for k, (name, value) in enumerate(zip(names, values.tolist(), strict=True)):
            if k not in left:
                # The reason of a category is that of all its features.
                reason = reasons[0] if not lines else reasons[k]
                symbol = notation.a(start + k, 0)
                lines.append((symbol, printable(name), f"{value:.{digits}g}", reason))
        if left:
            lines.append(("", f"{len(left):,} other features", "0", ""))
        heads = [(printable(encoder.name), cell_text(encoder, column))] + [("", "")] * len(lines)
        parts.append([(*head, *line) for head, line in zip(heads, lines, strict=False)])
        start += len(names)
    return parts


def cell_text(encoder: Encoder, column: Column) -> str:
    """Return the only cell of a column as the user has it."""
    cell = column.to_list()[0]
    if cell is None:
        return "missing"
    if isinstance(cell, np.datetime64):
        text = date_text(str(cell))
    elif isinstance(cell, float):
        text = repr(cell).removesuffix(".0")
    else:
        text = printable(str(cell))
    return f"{text} (unknown)" if bool(encoder.unknown(column)[0]) else text


def reasons_of(encoder: Encoder, column: Column, digits: int) -> list[str]:
    """Return for each feature of a cell where its value comes from."""
    is_missing = bool(column.missing[0])
    n = len(encoder.features)
    if isinstance(encoder, CategoryEncoder):
        reason = "a level of the training" if not is_missing else "the cell is missing"
        if bool(encoder.unknown(column)[0]):
            reason = "no level of the training: neutral"
        return [reason] + [""] * (n - 1)
    if isinstance(encoder, DateEncoder):
        return ["the cell is missing" if is_missing else "parts of the date"] + [""] * (n - 1)
    number: Any = getattr(encoder, "number", encoder)
    reasons = []
    if number.scaler is not None:
        x = number.fill if is_missing else float(column.values[0])
        start = f"the median, {number.fill:.{digits}g}: " if is_missing else ""
        reasons.append(start + scaling_text(number.scaler, x, digits))
    if number.indicator:
        reasons.append("1 if the cell is missing")
    return reasons + ["the position in each bin"] * (n > len(reasons)) + [""] * n


def scaling_text(scaler: Scaler, x: float, digits: int) -> str:
    """Return how a number is scaled, with the numbers.

    >>> scaling_text(RobustScaler(2.0, 4.0), 5.0, 6)
    'z = (5 − 2) / 4, then z / √(1 + (z/3)²)'
    """

    def text(value: float) -> str:
        return f"{value:.{digits}g}".replace("-", "−")

    if isinstance(scaler, QuantileScaler):
        return f"the normal score of the rank of {text(x)}"
    if isinstance(scaler, RobustScaler):
        z = f"({text(x)} − {text(scaler.median)}) / {text(scaler.distance)}"
        return f"z = {z}, then z / √(1 + (z/{CLIP:g})²)".replace("− −", "+ ")
    if isinstance(scaler, StandardScaler):
        z = f"({text(x)} − {text(scaler.mean)}) / {text(scaler.deviation)}"
        return z.replace("− −", "+ ")
    return ""


def answered(
    target: TargetEncoder,
    outputs: Sequence[Array],
    averaged: Array,
    member: int | None,
    truth: Array,
    samples: Sequence[int],
    facts: Sequence[str],
    digits: int,
) -> Section:
    """Return the section that says what the outputs of the networks mean.

    Parameters
    ----------
    target : TargetEncoder
    outputs : sequence of (m, n_L) array
        The outputs of each network.
    averaged : (m, n_L) array
        Their average, with its temperature.
    member : int, optional
        The network that is explained; None for all.
    truth : array
        The encoded target.
    samples : sequence of int
        The rows that are shown.
    facts : sequence of str
        Sentences about the average.
    digits : int
    """
    numbers = list(range(len(outputs)))
    if len(outputs) > MAX_NETWORKS and member is not None:
        numbers = [member]
    of_values = target.kind == "values"
    heads = ["output of the network" if of_values else "probability"]
    if len(outputs) > 1:
        heads = [*(f"network {k + 1}" for k in numbers), "average"]
    sections = []
    for i in samples:
        shown = [outputs[k][i] for k in numbers]
        if len(outputs) > 1:
            shown.append(averaged[i])
        note, rows = lines_of(target, shown, averaged[i : i + 1], truth[i : i + 1], digits)
        ends = ["answer", "target"] if of_values else ["target"]
        first = ("output", "column") if of_values else ("output", "class")
        if target.kind == "labels":
            first = ("output", "label")
        grid = Grid((*first, *heads, *ends), rows)
        title = "Answer" if len(samples) == 1 else f"Answer of row {i}"
        sections.append(Section(title, notes=[note], grids=[grid]))
    if len(sections) == 1:
        (only,) = sections
        return Section(only.title, notes=[*only.notes, *facts], grids=only.grids)
    return Section("Answers", sections=sections, notes=list(facts))


def lines_of(
    target: TargetEncoder, shown: Sequence[Array], averaged: Array, truth: Array, digits: int
) -> tuple[str, list[tuple[Any, ...]]]:
    """Return the answer of one row as a sentence, and a line for each output."""

    def text(value: Any) -> str:
        return f"{float(value):.{digits}g}"

    answer = target.decode(averaged)[0]
    if target.kind == "classes":
        names, right = target.classes, int(truth[0])
        rows = [
            (
                str(j),
                printable(str(name)),
                *(text(outputs[j]) for outputs in shown),
                "1" if j == right else "0",
            )
            for j, name in enumerate(names)
        ]
        right_name = np.asarray(target.class_array)[right].item()
        given = np.asarray(answer).item()
        sentence = f"The model answers {shown_class(given)}; the target is "
        return sentence + f"{shown_class(right_name)}.", rows
    if target.kind == "labels":
        rows = [
            (
                str(j),
                printable(name),
                *(text(outputs[j]) for outputs in shown),
                text(truth[0, j]),
            )
            for j, name in enumerate(target.names)
        ]
        yes = [name for name, each in zip(target.names, answer.tolist(), strict=True) if each]
        return f"The model answers {', '.join(map(printable, yes)) or 'none of the labels'}.", rows
    values = np.reshape(answer, -1)
    units = target.unscaled(np.reshape(truth, (1, -1)))[0]
    rows = [
        (
            str(j),
            printable(name),
            *(text(outputs[j]) for outputs in shown),
            text(values[j]),
            text(units[j]),
        )
        for j, name in enumerate(target.names)
    ]
    sentence = f"The model answers {', '.join(map(text, values))} in the units of the target"
    if target.scalers:
        scales = [
            f"a · {scaler.deviation:.{digits}g} + {scaler.mean:.{digits}g}"
            for scaler in target.scalers
        ]
        sentence += f": {', '.join(scales)}".replace("+ -", "− ")
    if target.limits:
        ends = [f"{low:.{digits}g} and {high:.{digits}g}" for low, high in target.limits]
        sentence += f", cut off at {', '.join(ends)}"
    return f"{sentence}.", rows


def shown_class(name: Any) -> str:
    """Return a class in a sentence."""
    return repr(printable(name)) if isinstance(name, str) else str(name)
