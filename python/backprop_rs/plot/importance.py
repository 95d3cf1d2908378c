"""The importance of columns as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .style import Paper, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def importance(
    names: Sequence[str],
    means: ArrayLike,
    deviations: ArrayLike,
    ax: Axes | None = None,
    *,
    label: str = "importance",
) -> Axes:
    """Draw one bar for each column, the first at the top, with its deviation as a line.

    Parameters
    ----------
    names : sequence of str
    means, deviations : (k,) array-like
    ax : Axes, optional
        The default is that of a new figure.
    label : str, default "importance"
        Of the horizontal axis.

    Returns
    -------
    Axes

    Examples
    --------
    >>> ax = importance(["age", "city"], [0.3, 0.1], [0.02, 0.01])
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['age', 'city']
    """
    values, errors = np.asarray(means, np.float64), np.asarray(deviations, np.float64)
    ax = new_axes(ax, (6.0, 0.9 + 0.28 * max(len(names), 2)))
    paper = Paper(ax)
    places = np.arange(len(names))
    color = paper.sequential()(0.65)
    ax.barh(places, values, xerr=errors, height=0.7, color=color, ecolor=paper.ink)
    ax.set_yticks(places, [name if len(name) <= 30 else name[:29] + "…" for name in names])
    ax.invert_yaxis()
    ax.axvline(0, color=paper.faint, linewidth=0.8)
    ax.set_xlabel(label, color=paper.ink)
    ax.tick_params(colors=paper.ink, length=0)
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(paper.faint)
    return ax
