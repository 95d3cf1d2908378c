"""The record of the health of a training, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Each measure: its label on an axis, and its meaning.
MEASURES = {
    "mean_delta": ("mean |δ|", "the mean of |δ| over samples and neurons"),
    "gradient_norm": ("gradient norm", "the norm of ∂C/∂w and ∂C/∂b"),
    "update_ratio": (
        "update / weight",
        "the norm of the change of w in the epoch's last full batch, divided by that of w",
    ),
    "saturated": ("saturated", "the share of neurons with a slope below 5 % of the steepest"),
    "dead": ("dead", "the share of neurons whose slope is 0 for every sample"),
}


@dataclass(frozen=True)
class LayerHealth:
    """The measures of one layer over the samples of a probe.

    Attributes
    ----------
    mean_delta : float
        The mean of |δ| over samples and neurons.
    gradient_norm : float
        The norm of ∂C/∂w and ∂C/∂b together.
    saturated : float
        The share of neurons whose mean slope |σ'(z)| is below 5 % of the steepest, without the
        dead ones; NaN for softmax.
    dead : float
        The share of neurons whose slope is 0 for every sample: no sample changes them.
    """

    mean_delta: float
    gradient_norm: float
    saturated: float
    dead: float


class HealthRecord:
    """The measures of each layer, one row per measured position.

    Attributes
    ----------
    epochs : list of float
        The measured positions, counted like `History.epoch`: 2 is the end of the second epoch,
        and 1.5 is half of it.
    rows : int
        The number of samples.
    mean_delta, gradient_norm, update_ratio, saturated, dead : (len(epochs), L) arrays
        Column l - 1 is layer l. See `MEASURES` for their meaning.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> net = bp.Network([2, 3, 1], seed=0)
    >>> history = net.fit([[0, 1], [1, 0]], [0, 1], epochs=3, health=1)
    >>> history.health.epochs, history.health.mean_delta.shape
    ([1, 2, 3], (3, 2))
    """

    def __init__(self) -> None:
        self.epochs: list[float] = []
        self.rows = 0
        self._columns: dict[str, list[list[float]]] = {name: [] for name in MEASURES}

    def add(self, epoch: float, layers: list[LayerHealth], ratios: list[float]) -> None:
        """Add the measures of one position."""
        self.epochs.append(epoch)
        for name, rows in self._columns.items():
            rows.append(
                ratios if name == "update_ratio" else [getattr(layer, name) for layer in layers]
            )

    def drop_every_other(self, count: int) -> None:
        """Remove the first, the third, ... of the last `count` positions."""
        first = len(self) - count
        del self.epochs[first::2]
        for rows in self._columns.values():
            del rows[first::2]

    def drop_last(self) -> None:
        """Remove the last position."""
        del self.epochs[-1]
        for rows in self._columns.values():
            del rows[-1]

    def values(self, name: str) -> NDArray[Any]:
        """Return a measure of each layer, (epochs, L)."""
        if name not in MEASURES:
            raise ValueError(f"what must be one of {', '.join(MEASURES)}; got {name!r}")
        rows = self._columns[name]
        return np.array(rows, float).reshape(len(rows), len(rows[0]) if rows else 0)

    def __getattr__(self, name: str) -> NDArray[Any]:
        if name in MEASURES:
            return self.values(name)
        raise AttributeError(f"a HealthRecord has no {name!r}; it has {', '.join(MEASURES)}")

    def label(self, name: str) -> str:
        """Return the axis label of a measure."""
        return MEASURES[name][0]

    def to_dict(self) -> dict[str, list[Any]]:
        """Return columns with one row per epoch and layer, for example for `pandas.DataFrame`."""
        n = len(self._columns["dead"][0]) if self.epochs else 0
        columns: dict[str, list[Any]] = {
            "epoch": [epoch for epoch in self.epochs for _ in range(n)],
            "layer": [layer for _ in self.epochs for layer in range(1, n + 1)],
        }
        return columns | {name: self.values(name).ravel().tolist() for name in MEASURES}

    def __len__(self) -> int:
        return len(self.epochs)

    def plot(self, what: str = "mean_delta", ax: Any = None) -> Any:
        """Draw one measure of each layer over the epochs; see `plot.flow`."""
        from .plot import flow

        return flow(self, what, ax)

    # Text and HTML.

    def table(self) -> list[list[str]]:
        """Return a header and a row per layer with the first and the last measures."""
        header = ["layer", *(label for label, _ in MEASURES.values())]
        first, last = ([self._columns[name][i] for name in MEASURES] for i in (0, -1))
        rows = []
        for layer in range(len(last[0])):
            pairs = zip(first, last, strict=True)
            cells = [change(before[layer], after[layer]) for before, after in pairs]
            rows.append([str(layer + 1), *cells])
        return [header, *rows]

    def title(self) -> str:
        """Return the number of measurements, their epochs and the number of samples."""
        count = f"{len(self)} measurement{'s' if len(self) > 1 else ''}"
        span = f"epoch {self.epochs[0]:.3g}"
        span += f" -> {self.epochs[-1]:.10g}" if len(self) > 1 else ""
        return f"Health({count}, {span}, {self.rows:,} rows)"

    def __repr__(self) -> str:
        if not self.epochs:
            return "Health(0 measurements)"
        table = self.table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
            for row in table
        ]
        return "\n".join([self.title(), *lines])

    def _repr_html_(self) -> str:
        if not self.epochs:
            return "<p>Health(0 measurements)</p>"
        from ._internal.html_table import html_table

        header, *rows = self.table()
        return html_table(header, rows, self.title())


def change(before: float, after: float) -> str:
    """Return the text of a change from the first to the last value.

    >>> change(0.5, 0.012345), change(0.0, 0.0)
    ('0.5 -> 0.0123', '0')
    """
    texts = ["-" if np.isnan(value) else f"{value:.3g}" for value in (before, after)]
    return texts[0] if texts[0] == texts[1] else " -> ".join(texts)
