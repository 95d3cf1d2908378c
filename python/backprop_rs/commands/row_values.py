"""The values of a row in the user's units, beside those of the network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..data.preparation import Preparation
from ..model import Model
from .saved_model import Labeled

MAX_FEATURES = 12
MAX_OF_COLUMN = 3
NEGLIGIBLE = 1e-12


def describe_row(samples: Labeled, rows: slice) -> str:
    """Return the cells of a row, the inputs that they become, and the answer.

    Of many inputs only the largest are listed.
    """
    row = rows.start
    inputs, answer = (of_model if isinstance(samples.saved, Model) else of_network)(samples, row)
    names = [name for name, _ in inputs]
    width = max(map(len, names), default=0)
    lines = [f"row {row}"]
    lines += [f"  {name:<{width}}  {text}".rstrip() for name, text in inputs]
    return "\n".join([*lines, answer, ""])


def of_model(samples: Labeled, row: int) -> tuple[list[tuple[str, str]], str]:
    """Return the cells of a row of a table with their features, and the answer."""
    model, table = samples.saved, samples.table
    assert isinstance(model, Model) and table is not None
    one = table.take([row])
    lines, start = [], 0
    for encoder in model.preprocessor.encoders:
        stop = start + len(encoder.features)
        cell = one[encoder.name].to_list()[0]
        numbers = samples.X[row, start:stop]
        features = features_of(encoder.features, numbers.tolist(), start)
        lines.append((encoder.name, f"{shown_cell(cell)} -> {features}"))
        start = stop
    names = model.preprocessor.target_names
    truth = ", ".join(f"{name} = {shown_cell(one[name].to_list()[0])}" for name in names)
    answers = model.preprocessor.inverse_transform(
        samples.network.predict(samples.X[row : row + 1])
    )
    predicted = ", ".join(shown_cell(value) for value in np.ravel(answers).tolist())
    return lines, f"  {truth}; predicted: {predicted}"


def features_of(features: Sequence[str], numbers: Sequence[float], start: int) -> str:
    """Return the inputs of a column by their places, the largest ones if there are many.

    >>> features_of(["city=Bonn", "city=Ulm"], [0.0, 1.0], 3)
    'x4 = 1 (city=Ulm)'
    >>> features_of(["age"], [-0.5], 0)
    'x0 = -0.5'
    """
    order = sorted(range(len(numbers)), key=lambda k: -abs(numbers[k]))[:MAX_OF_COLUMN]
    shown = sorted(k for k in order if abs(numbers[k]) > NEGLIGIBLE)
    if not shown:
        last = start + len(features) - 1
        return f"x{start} = 0" if last == start else f"x{start} to x{last} = 0"
    texts = [f"x{start + k} = {numbers[k]:.6g}" for k in shown]
    if len(features) > 1 and len(shown) == 1:
        texts[0] += f" ({features[shown[0]]})"
    if len(features) > MAX_OF_COLUMN:
        texts.append(f"... of {len(features)} inputs")
    return ", ".join(texts)


def of_network(samples: Labeled, row: int) -> tuple[list[tuple[str, str]], str]:
    """Return the raw features of a sample with the inputs that they become, and the answer."""
    net, dataset = samples.network, samples.dataset
    assert dataset is not None
    preparation = Preparation.from_metadata(net.metadata, net.sizes)
    x = samples.X[row]
    order = np.argsort(-np.abs(x), kind="stable")[:MAX_FEATURES]
    lines = []
    for k in sorted(order.tolist()):
        raw = dataset.X[row, k]
        scaled = "" if preparation.scaling is None else f" -> x{k} = {x[k]:.6g}"
        lines.append((dataset.feature_names[k], f"{raw:.6g}{scaled}"))
    if len(x) > len(order):
        lines.append((f"{len(x) - len(order):,} other features", ""))
    a = net.predict(samples.X[row : row + 1])
    assert dataset.y is not None
    y = dataset.y[row]
    if dataset.is_classification:
        from ..data.labels import predicted_classes

        names = preparation.class_names or dataset.class_names
        best = int(predicted_classes(a, net._threshold())[0])
        return lines, f"  class {names[int(y)]}; predicted: {names[best]}"
    values = np.ravel(preparation.values(a)).tolist()
    truth = ", ".join(f"{value:.6g}" for value in np.ravel(y).tolist())
    return lines, f"  target {truth}; predicted: {', '.join(f'{v:.6g}' for v in values)}"


def shown_cell(cell: object) -> str:
    """Return a cell as text; a missing one is "missing".

    >>> shown_cell(1.5), shown_cell(None), shown_cell("a")
    ('1.5', 'missing', 'a')
    """
    if cell is None:
        return "missing"
    if isinstance(cell, np.datetime64):
        return str(cell).rstrip("0").rstrip(".")
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)
