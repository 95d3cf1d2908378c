"""Learning curves, δ over the epochs, and the curve of the learning-rate finder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import DASHES, MARKS, Paper, curve_looks, legend, new_axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._internal.types import AnyArray
    from .records import LayerMeasures, RateSearch, TrainingCurves

FLAT = 20.0  # curves that span a larger factor are drawn on a logarithmic scale
FEW_POINTS = 30  # curves with at most so many points have marks


def curves(
    history: TrainingCurves,
    names: str | Sequence[str] = "cost",
    ax: Axes | None = None,
    *,
    log: bool | None = None,
) -> Axes:
    """Draw learning curves: one line per column of the history, validation data dashed.

    Parameters
    ----------
    history : History
    names : str or sequence of str, default "cost"
        Columns such as "cost", "accuracy" or "learning_rate"; each is drawn with its `val_` column.
    ax : Axes, optional
        The default is that of a new figure.
    log : bool, optional
        Use a logarithmic vertical axis. The default is True if the curves span a factor of 20.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import backprop_rs as bp
    >>> history = bp.Network([2, 3, 1], seed=0).fit([[0, 1], [1, 0]], [0, 1], epochs=5)
    >>> curves(history).get_ylabel()
    'cost'
    """
    chosen = columns_of(history, [names] if isinstance(names, str) else list(names))
    ax = new_axes(ax)
    paper = Paper(ax)
    colors = {name: i for i, name in enumerate(dict.fromkeys(map(plain, chosen)))}
    for name, values in chosen.items():
        i = colors[plain(name)]
        look = {"color": paper.palette[i], "linestyle": "--" if plain(name) != name else "-"}
        marks = {"marker": MARKS[i], "markersize": 3.5} if len(values) <= FEW_POINTS else {}
        epochs = history.epoch[-len(values) :]
        ax.plot(epochs, values, label=name, linewidth=1.8, **look, **marks)
    several = np.concatenate([np.asarray(values, float) for values in chosen.values()])
    if spans(several) if log is None else log:
        ax.set_yscale("log")
    if history.best_epoch is not None:
        mark_best(ax, paper, history)
    tidy(ax, paper, xlabel="epoch", ylabel=", ".join(colors) if len(colors) < 3 else "")
    whole_numbers(ax)
    if len(chosen) > 1:
        legend(ax, paper)
    return ax


def mark_best(ax: Axes, paper: Paper, history: TrainingCurves) -> None:
    """Draw a line at the epoch whose parameters early stopping has restored."""
    best, middle = history.best_epoch, (history.epoch[0] + history.epoch[-1]) / 2
    assert best is not None
    ax.axvline(best, color=paper.faint, linestyle=":", linewidth=1.2)
    side = "left" if best < middle else "right"
    place = {"xycoords": ("data", "axes fraction"), "va": "top", "ha": side}
    ax.annotate(f" best: {best} ", (best, 1.0), color=paper.ink, fontsize=9, **place)


def plain(name: str) -> str:
    """Return the name of a column without val_."""
    return name.removeprefix("val_")


def columns_of(history: TrainingCurves, names: list[str]) -> dict[str, list[float]]:
    """Return the columns of these names, each with that of the validation data."""
    columns = {name: column for name, column in history.columns().items() if name != "epoch"}
    chosen: dict[str, list[float]] = {}
    for name in names:
        present = [column for column in (name, f"val_{name}") if column in columns]
        if not present:
            known = ", ".join(columns) or "nothing"
            raise ValueError(f"names must be among the history's {known}; got {name!r}")
        chosen |= {column: columns[column] for column in present}
    return chosen


def spans(values: AnyArray) -> bool:
    """Return True if the values are positive and need a logarithmic scale."""
    finite = values[np.isfinite(values)]
    return bool(finite.size and finite.min() > 0 and finite.max() > FLAT * finite.min())


def whole_numbers(ax: Axes) -> None:
    """Put the ticks of the horizontal axis at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))


def flow(record: LayerMeasures, what: str = "mean_delta", ax: Axes | None = None) -> Axes:
    """Draw one measure of each layer over the epochs.

    Parameters
    ----------
    record : HealthRecord
        The `health` of a `History`, from `fit(..., health=True)`.
    what : str, default "mean_delta"
        The measure: "mean_delta" (the mean of |δ|), "gradient_norm", "update_ratio", "saturated"
        or "dead".
    ax : Axes, optional
        The default is that of a new figure.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import backprop_rs as bp
    >>> net = bp.Network([2, 3, 1], seed=0)
    >>> history = net.fit([[0, 1], [1, 0]], [0, 1], epochs=5, health=1)
    >>> [line.get_label() for line in flow(history.health).lines]
    ['layer 1', 'layer 2']
    """
    values = record.values(what)
    ax = new_axes(ax)
    paper = Paper(ax)
    n = values.shape[1]
    shades = paper.shades(n) if n > len(paper.palette) else None
    for layer in range(n):
        look = curve_looks(paper, layer)
        if shades:
            look = {"color": shades[layer], "linestyle": DASHES[layer % len(DASHES)]}
        few = len(values) <= FEW_POINTS
        marks = {"marker": MARKS[layer % len(MARKS)], "markersize": 3.5} if few else {}
        label = f"layer {layer + 1}"
        ax.plot(record.epochs, values[:, layer], label=label, linewidth=1.7, **look, **marks)
    if spans(values):
        ax.set_yscale("log")
    elif what in ("saturated", "dead"):
        ax.set_ylim(-0.03, 1.03)
    tidy(ax, paper, xlabel="epoch", ylabel=record.label(what))
    whole_numbers(ax)
    outside: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)} if n > 4 else {}
    legend(ax, paper, fontsize=9, **outside)
    return ax


def learning_rates(result: RateSearch, ax: Axes | None = None) -> Axes:
    """Draw the costs over the learning rate, their average and the suggested rate.

    Parameters
    ----------
    result : LearningRates
        The result of `Network.find_learning_rate`.
    ax : Axes, optional
        The default is that of a new figure.

    Returns
    -------
    Axes
    """
    ax = new_axes(ax)
    paper = Paper(ax)
    rates, suggestion = result.rates, result.suggestion
    ax.semilogx(rates, result.costs, color=paper.faint, linewidth=0.9, label="cost of a batch")
    ax.semilogx(rates, result.smooth, color=paper.palette[0], linewidth=2, label="average")
    ax.axvline(suggestion, linestyle="--", color=paper.palette[1], linewidth=1.5)
    ax.annotate(
        f" {suggestion:.2g}",
        (suggestion, 0.02),
        xycoords=("data", "axes fraction"),
        color=paper.ink,
    )
    tidy(ax, paper, xlabel="learning rate", ylabel="cost")
    legend(ax, paper, loc="upper left")
    return ax
