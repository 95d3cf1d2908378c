"""What `Health` has seen, epoch by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .._internal.types import AnyArray
    from .measures import Layer

# Each measure: what an axis calls it, and what it is.
MEASURES = {
    "mean_delta": ("mean |δ|", "the mean of |δ| over rows and neurons"),
    "gradient_norm": ("gradient norm", "the norm of ∂C/∂w and ∂C/∂b"),
    "update_ratio": (
        "update / weight",
        "the norm of the change of w in the epoch's last whole batch, against that of w",
    ),
    "saturated": ("saturated", "the share of neurons with a slope below 5 % of the steepest"),
    "dead": ("dead", "the share of neurons whose slope is 0 for every row"),
}


class HealthRecord:
    """The measures of each layer, one row for each epoch that was looked at.

    Attributes
    ----------
    epochs : list of int
        The epochs that were looked at, counted as `History.epoch` counts them.
    rows : int
        The samples that were looked at.
    mean_delta, gradient_norm, update_ratio, saturated, dead : (len(epochs), L) arrays
        Column l - 1 is layer l; `MEASURES` says what each measure is.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> net = bp.Network([2, 3, 1], seed=0)
    >>> history = net.fit([[0, 1], [1, 0]], [0, 1], epochs=3, health=1)
    >>> history.health.epochs, history.health.mean_delta.shape
    ([1, 2, 3], (3, 2))
    """

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.rows = 0
        self._kept: dict[str, list[list[float]]] = {name: [] for name in MEASURES}

    def add(self, epoch: int, layers: list[Layer], ratios: list[float]) -> None:
        """The measures of one epoch."""
        self.epochs.append(epoch)
        for name, rows in self._kept.items():
            rows.append(
                ratios if name == "update_ratio" else [getattr(layer, name) for layer in layers]
            )

    def values(self, name: str) -> AnyArray:
        """The curves of a measure, (epochs, L)."""
        if name not in MEASURES:
            raise ValueError(f"what must be one of {', '.join(MEASURES)}; got {name!r}")
        kept = self._kept[name]
        return np.array(kept, float).reshape(len(kept), len(kept[0]) if kept else 0)

    def __getattr__(self, name: str) -> AnyArray:
        if name in MEASURES:
            return self.values(name)
        raise AttributeError(f"a HealthRecord has no {name!r}; it has {', '.join(MEASURES)}")

    def label(self, name: str) -> str:
        """What an axis of a measure is called."""
        return MEASURES[name][0]

    def to_dict(self) -> dict[str, list[Any]]:
        """One row for each epoch and layer, such as `pandas.DataFrame` takes them."""
        n = len(self._kept["dead"][0]) if self.epochs else 0
        columns: dict[str, list[Any]] = {
            "epoch": [epoch for epoch in self.epochs for _ in range(n)],
            "layer": [layer for _ in self.epochs for layer in range(1, n + 1)],
        }
        return columns | {name: self.values(name).ravel().tolist() for name in MEASURES}

    def __len__(self) -> int:
        return len(self.epochs)

    def plot(self, what: str = "mean_delta", ax: Any = None) -> Any:
        """One measure of each layer over the epochs, on a Matplotlib Axes."""
        from ..plot import flow

        return flow(self, what, ax)

    # As text and as HTML.

    def table(self) -> list[list[str]]:
        """A header, and a row for each layer: the first and the last look."""
        header = ["layer", *(label for label, _ in MEASURES.values())]
        first, last = ([self._kept[name][i] for name in MEASURES] for i in (0, -1))
        rows = []
        for layer in range(len(last[0])):
            pairs = zip(first, last, strict=True)
            cells = [change(before[layer], after[layer]) for before, after in pairs]
            rows.append([str(layer + 1), *cells])
        return [header, *rows]

    def title(self) -> str:
        looks = f"{len(self)} look{'s' if len(self) > 1 else ''}"
        span = f"epoch {self.epochs[0]}"
        span += f" -> {self.epochs[-1]}" if len(self) > 1 else ""
        return f"Health({looks}, {span}, {self.rows:,} rows)"

    def __repr__(self) -> str:
        if not self.epochs:
            return "Health(0 looks)"
        table = self.table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
            for row in table
        ]
        return "\n".join([self.title(), *lines])

    def _repr_html_(self) -> str:
        from html import escape

        if not self.epochs:
            return "<p>Health(0 looks)</p>"
        header, *rows = self.table()
        cells = "".join(f"<th>{escape(cell)}</th>" for cell in header)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
        )
        return f"<table><caption>{escape(self.title())}</caption><tr>{cells}</tr>{body}</table>"


def change(before: float, after: float) -> str:
    """From the first to the last.

    >>> change(0.5, 0.012345), change(0.0, 0.0)
    ('0.5 -> 0.0123', '0')
    """
    texts = ["-" if np.isnan(value) else f"{value:.3g}" for value in (before, after)]
    return texts[0] if texts[0] == texts[1] else " -> ".join(texts)
