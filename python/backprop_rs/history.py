"""The record of a training, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .health_record import HealthRecord


@dataclass
class History:
    """The record of one call of `Network.fit`; every list has one entry per epoch.

    Attributes
    ----------
    epoch : list of int
        The number of the epoch, counted from 1 over all calls of `fit`.
    cost : list of float
        Mean cost of the training samples, each taken just before the update of its batch.
    val_cost, val_accuracy : list of float
        Cost and accuracy of the validation data after the epoch. They are empty without
        validation data, and `val_accuracy` also if the targets are not classes.
    learning_rate : list of float
        The rate of the first step of the epoch, after its schedule.
    metrics : dict of list of float
        The requested metrics, and those of the validation data, which begin with `val_`. Each is
        an attribute too, such as `history.r2`.
    stopped : str
        The reason for the end of the training: epochs, early_stopping, callback, interrupted (by
        Ctrl-C) or nan; of L-BFGS also converged, line_search or evaluations.
    best_epoch : int or None
        The epoch whose parameters early stopping has restored.
    health : HealthRecord or None
        The measures of each layer, with `fit(..., health=True)`.
    seconds : list of float
        Wall-clock time of the epoch with its validation. Epochs that are too short to measure
        share their time evenly.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> net = bp.Network([2, 3, 1], seed=0)
    >>> history = net.fit([[0, 1], [1, 0]], [0, 1], epochs=3, progress=False)
    >>> history.epoch
    [1, 2, 3]
    """

    epoch: list[int] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    val_cost: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    stopped: str = ""
    best_epoch: int | None = None
    health: HealthRecord | None = None

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns that are not empty, by name."""
        own = {name: value for name, value in vars(self).items() if isinstance(value, list)}
        return {name: column for name, column in (own | self.metrics).items() if column}

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the columns that are not empty, for example for `pandas.DataFrame`.

        >>> History(epoch=[1], cost=[0.5], seconds=[0.1]).to_dict()
        {'epoch': [1], 'cost': [0.5], 'seconds': [0.1]}
        """
        return self.columns()

    def plot(self, names: str | Sequence[str] = "cost", ax: Any = None) -> Any:
        """Draw learning curves on a Matplotlib Axes; see `plot.curves`."""
        from .plot import curves

        return curves(self, names, ax)

    def __getattr__(self, name: str) -> list[float]:
        """Return the column of a metric."""
        if "metrics" not in self.__dict__:  # `pickle` and `copy` look up methods before that
            raise AttributeError(name)
        metrics = self.metrics
        if name in metrics:
            return metrics[name]
        raise AttributeError(f"a History has no {name!r}; it has {', '.join(self.columns())}")

    def __len__(self) -> int:
        return len(self.epoch)

    def __repr__(self) -> str:
        if not self.epoch:
            return "History(0 epochs)"
        parts = [f"{len(self)} epoch{'s' if len(self) > 1 else ''}"]
        for name, column in self.scores().items():
            parts.append(f"{name} {column[0]:.4g} -> {column[-1]:.4g}")
        return f"History({', '.join(parts)}, {sum(self.seconds):.2g} s)"

    def _repr_html_(self) -> str:
        from html import escape

        from ._internal.html_table import html_table

        rows = [
            [name, f"{column[0]:.4g}", f"{column[-1]:.4g}"]
            for name, column in self.scores().items()
        ]
        table = html_table(["", "first epoch", "last epoch"], rows) if rows else ""
        return f"<div>{escape(repr(self))}</div>{table}"

    def scores(self) -> dict[str, list[float]]:
        """Return the columns of costs and metrics that are not empty."""
        others = ("epoch", "seconds", "learning_rate")
        return {name: column for name, column in self.columns().items() if name not in others}

    def extend(
        self, last_epoch: int, costs: list[float], seconds: float, rates: list[float]
    ) -> None:
        """Add the epochs that ended together, the last of them `last_epoch`."""
        n = len(costs)
        self.epoch.extend(range(last_epoch - n + 1, last_epoch + 1))
        self.cost.extend(costs)
        self.seconds.extend([seconds / n] * n if n else [])
        self.learning_rate.extend(rates)

    def add(self, scores: dict[str, float]) -> None:
        """Add the scores of one epoch, except its cost, which `extend` has added."""
        for name, value in scores.items():
            if name in ("val_cost", "val_accuracy"):
                getattr(self, name).append(value)
            elif name != "cost":
                self.metrics.setdefault(name, []).append(value)

    def fill(self) -> None:
        """Add NaN for all scores of the last epoch that were not measured."""
        for column in self.columns().values():
            column.extend([nan] * (len(self.epoch) - len(column)))

    def cut(self, n: int) -> None:
        """Keep only the first n epochs after the others were undone."""
        for column in self.columns().values():
            del column[n:]

    def last(self) -> dict[str, float]:
        """Return the latest cost and scores."""
        return {name: column[-1] for name, column in self.scores().items()}
