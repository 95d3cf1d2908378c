"""The values of a row in the user's units, beside those of the network."""

from __future__ import annotations

import numpy as np

from ..data.preparation import Preparation
from ..explain import notation
from ..explain.text import Text
from .saved_model import Labeled

MAX_FEATURES = 12


def describe_row(samples: Labeled, rows: slice) -> str:
    """Return the raw features of a sample with the inputs that they become, and the answer.

    Of many inputs only the largest are listed.
    """
    row = rows.start
    inputs, answer = of_network(samples, row)
    width = max((len(name) for name, _ in inputs), default=0)
    lines = [f"row {row}"]
    lines += [f"  {name:<{width}}  {text}".rstrip() for name, text in inputs]
    return "\n".join([*lines, answer])


def input_name(k: int) -> str:
    """Return the name that the formulas give to an input.

    >>> input_name(12)
    'a₁₂⁽⁰⁾'
    """
    return Text(6)(notation.a(k, 0))


def of_network(samples: Labeled, row: int) -> tuple[list[tuple[str, str]], str]:
    """Return the features with their inputs, and the answer."""
    net, dataset = samples.network, samples.dataset
    assert dataset is not None
    preparation = Preparation.from_metadata(net.metadata, net.sizes)
    x = samples.X[row]
    order = np.argsort(-np.abs(x), kind="stable")[:MAX_FEATURES]
    lines = []
    for k in sorted(order.tolist()):
        raw = dataset.X[row, k]
        name = input_name(k)
        becomes = f"= {name}" if preparation.scaling is None else f"-> {name} = {x[k]:.6g}"
        lines.append((dataset.feature_names[k], f"{raw:.6g} {becomes}"))
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
