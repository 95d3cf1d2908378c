"""The picture of a decision boundary or a surface, in the units of the user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import Column, Table
from ..data.labels import predicted_classes
from ..data.preparation import Preparation
from ..data.table_options import listed
from ..model import Model
from ..plot.regions import MARGIN, View, add_bar, draw, most_important, write_caption
from ..plot.style import new_axes
from .row_values import shown_cell
from .saved_model import Labeled

POINTS = 200
MAX_SAMPLES = 1000
MAX_ROWS = 1000  # to find the features that matter most
MAX_NAMED = 6

Outputs = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]
"""The outputs of a model for values of two features; all others are held at one value each."""


@dataclass(frozen=True)
class Plane:
    """Two features of a model, and the values at which the others are held."""

    names: tuple[str, str]
    spots: NDArray[Any]
    outputs: Outputs
    held: Sequence[tuple[str, str]]


def boundary(samples: Labeled, features: str | None, member: int | None) -> Any:
    """Draw the predictions over two features, and return the Axes.

    They are those of one network of a model, or by default the averages of all.
    """
    if isinstance(samples.saved, Model):
        plane = plane_of_model(samples, features, member)
    else:
        plane = plane_of_network(samples, features)
    labels, values, names = targets_of(samples)
    view = view_of(plane, samples, labels, values)
    ax = new_axes(None, (5.6, 4.6))
    colors = draw(ax, view, list(plane.names), names, MAX_SAMPLES)
    write_caption(ax, caption(plane))
    if colors is not None:
        add_bar(ax, colors, target_name(samples))
    return ax


def target_name(samples: Labeled) -> str:
    """Return the name of the values of a surface."""
    if isinstance(samples.saved, Model):
        return str(samples.saved.preprocessor.target_names[0])
    metadata = samples.network.metadata
    return Preparation.from_metadata(metadata, samples.network.sizes).target or "output"


def caption(plane: Plane) -> str:
    """Return a sentence with the values of the other features."""
    if not plane.held:
        return ""
    if len(plane.held) > MAX_NAMED:
        return f"the other {len(plane.held):,} features are held at typical values"
    return "held at: " + ", ".join(f"{name} = {value}" for name, value in plane.held)


def targets_of(samples: Labeled) -> tuple[NDArray[Any] | None, NDArray[Any] | None, list[str]]:
    """Return the labels, or the first values in the units of the target; and the classes."""
    if isinstance(samples.saved, Model):
        target = samples.saved.preprocessor.target
        assert target is not None
        if target.kind == "classes":
            return samples.y, None, [str(level) for level in target.classes]
        y = samples.y if target.kind == "labels" else target.unscaled(samples.y)
        return None, y[:, 0], []
    net = samples.network
    preparation = Preparation.from_metadata(net.metadata, net.sizes)
    assert samples.dataset is not None
    if samples.dataset.is_classification:
        names = preparation.class_names or samples.dataset.class_names
        return samples.y, None, list(names)
    return None, preparation.values(samples.y)[:, 0], []


def view_of(
    plane: Plane,
    samples: Labeled,
    labels: NDArray[Any] | None,
    values: NDArray[Any] | None,
) -> View:
    """Predict on a grid over the range of the samples."""
    spots = plane.spots
    low, high = spots.min(axis=0), spots.max(axis=0)
    margin = MARGIN * np.where(high > low, high - low, 1)
    low, high = low - margin, high + margin
    across, up = np.meshgrid(*(np.linspace(low[i], high[i], POINTS) for i in (0, 1)))
    outputs = plane.outputs(across.ravel(), up.ravel()).reshape(POINTS, POINTS, -1)
    net = samples.network
    threshold = net._threshold()
    predicted = predicted_classes(plane.outputs(spots[:, 0], spots[:, 1]), threshold)
    extent = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    classes = 0 if labels is None else max(outputs.shape[-1], 2)
    if labels is not None:
        labels = labels.astype(np.int64)
    return View(extent, outputs, spots, labels, predicted, values, threshold, classes, np.zeros(0))


def plane_of_network(samples: Labeled, features: str | None) -> Plane:
    """Return two features of a network; the others are held at their means."""
    net, dataset = samples.network, samples.dataset
    assert dataset is not None
    preparation = Preparation.from_metadata(net.metadata, net.sizes)
    names = preparation.feature_names or dataset.feature_names
    pair = most_important(net, samples.X) if features is None else pair_named(features, names)
    X = dataset.X.astype(np.float64)
    base = X.mean(axis=0)

    def outputs(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
        rows = np.tile(base, (len(first), 1))
        rows[:, pair[0]], rows[:, pair[1]] = first, second
        scaled = rows if preparation.scaling is None else preparation.scaling.apply(rows)
        return preparation.values(net.predict(scaled))

    held = [(names[k], f"{base[k]:.3g}") for k in range(len(names)) if k not in pair]
    return Plane((names[pair[0]], names[pair[1]]), X[:, list(pair)], outputs, held)


def pair_named(text: str, names: Sequence[str]) -> tuple[int, int]:
    """Return the positions of two features, given by name or by position."""
    positions = []
    for part in text.split(","):
        if part not in names and not (part.isdecimal() and int(part) < len(names)):
            accepted = f"{listed(names)}, or positions from 0 to {len(names) - 1}"
            raise ValueError(f"--features must be two of {accepted}; got {part!r}")
        positions.append(names.index(part) if part in names else int(part))
    if len(positions) != 2:
        raise ValueError(f"--features must be two, with a comma between; got {text!r}")
    if positions[0] == positions[1]:
        raise ValueError(f"--features must be two different ones; got {text!r}")
    return positions[0], positions[1]


def answering(model: Model, member: int | None) -> Callable[[Table], NDArray[Any]]:
    """Return the outputs of one network for a table, or those of all, averaged."""
    if member is None:
        return model._outputs
    return lambda table: model.member_outputs(member, table)


def plane_of_model(samples: Labeled, features: str | None, member: int | None) -> Plane:
    """Return two columns of numbers of a table; the others are held at typical cells.

    These are the median of a column of numbers or dates, and the most frequent level of others.
    """
    model, table = samples.saved, samples.table
    assert isinstance(model, Model) and table is not None
    used = table.select(model.preprocessor.columns)
    numbers = [column.name for column in used if column.kind == "number"]
    if len(numbers) < 2:
        raise ValueError(
            "plot boundary needs two columns of numbers that MODEL uses; it uses "
            f"{listed(numbers) or 'none'}"
        )
    answer = answering(model, member)
    typical = {column.name: typical_cell(column) for column in used}
    if features is None:
        names = two_most_important(answer, used, numbers, typical)
    else:
        first, second = pair_named(features, numbers)
        names = numbers[first], numbers[second]
    target = model.preprocessor.target
    assert target is not None

    def outputs(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
        cells = {names[0]: first, names[1]: second}
        columns = [
            Column(column.name, "number", cells[column.name], dtype=column.dtype)
            if column.name in cells
            else repeated(typical[column.name], len(first))
            for column in used
        ]
        a = answer(Table(columns))
        return target.unscaled(a) if target.kind == "values" else a

    filled = []
    for name in names:
        values = used[name].values
        fill = typical[name].values[0]
        filled.append(np.where(np.isnan(values), fill, values))
    held = [
        (name, shown_cell(cell.to_list()[0])) for name, cell in typical.items() if name not in names
    ]
    return Plane(names, np.stack(filled, axis=1), outputs, held)


def typical_cell(column: Column) -> Column:
    """Return a column of one cell: the median, or the most frequent level.

    >>> typical_cell(Column("a", "number", [1.0, 9.0, 2.0])).to_list()
    [2.0]
    """
    known = np.sort(column.values[~column.missing])
    if not len(known):
        return column.take([0])
    if column.kind in ("number", "datetime"):
        cell = known[(len(known) - 1) // 2]
    else:
        values, counts = np.unique(known, return_counts=True)
        cell = values[counts.argmax()]
    return column.take([int(np.flatnonzero(column.values == cell)[0])])


def repeated(cell: Column, n: int) -> Column:
    """Return a column of n equal cells."""
    return cell.take(np.zeros(n, np.intp))


def two_most_important(
    answer: Callable[[Table], NDArray[Any]],
    table: Table,
    numbers: Sequence[str],
    typical: dict[str, Column],
) -> tuple[str, str]:
    """Return the two columns of numbers that matter most to the outputs, in their order.

    A column matters more if its typical cell in all rows changes the outputs more, in the mean of
    the squares over at most 1,000 rows.
    """
    rows = np.unique(np.linspace(0, len(table) - 1, MAX_ROWS).round().astype(int))
    table = table.take(rows)
    outputs = answer(table)
    changes = []
    for name in numbers:
        columns = [
            repeated(typical[name], len(table)) if column.name == name else column
            for column in table
        ]
        change = answer(Table(columns)) - outputs
        changes.append(float(np.square(change, dtype=np.float64).mean()))
    first, second = sorted(np.argsort(changes, kind="stable")[-2:].tolist())
    return numbers[first], numbers[second]
