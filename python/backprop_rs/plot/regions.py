"""The outputs of a network over two features: regions of classes, or a surface of values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.labels import class_labels, predicted_classes
from .areas import View as View
from .areas import area_of
from .style import Paper, new_axes
from .style import require as require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._internal.types import Data
    from ..base_network import BaseNetwork
    from ..data.scaling import Scaling

MAX_PREDICTIONS = 1_000_000  # over all features, to find those that matter most
MIN_ROWS = 16
MAX_NAMED = 6  # features whose values are written below
CAPTION_WIDTH = 60
MARGIN = 0.08  # of the range of a feature, around the samples


def boundary(
    net: BaseNetwork,
    X: Data,
    y: Data | None = None,
    ax: Axes | None = None,
    *,
    features: tuple[int, int] | None = None,
    at: Data | None = None,
    names: Sequence[str] = (),
    class_names: Sequence[str] = (),
    points: int = 200,
    max_samples: int = 1000,
    scaling: Scaling | None = None,
    target_scaling: Scaling | None = None,
    target_name: str = "output",
) -> Axes:
    """Draw the decision boundary, or the regression surface, over two features.

    If the targets are classes, each color is a class; it is fainter if the network is less sure.
    A ring marks a sample whose class differs from that of the background at its position.
    Otherwise the color is the (first) output. All other features are fixed at the values that the
    caption names.

    Parameters
    ----------
    net : BaseNetwork
    X : (m, n_0) array-like
        The samples. They also set the ranges of the axes.
    y : targets, as for `Network.fit`; optional
    ax : Axes, optional
        The default is that of a new figure.
    features : pair of int, optional
        The two features, counted from 0. The default are those that matter most to the outputs;
        see `most_important`.
    at : (n_0,) array-like, optional
        The values of the other features. The default is the mean of X.
    names : pair of str, or n_0 of them; optional
        The names of the two features, or of all.
    class_names : sequence of str, optional
    points : int, default 200
        The number of grid points along each axis.
    max_samples : int, default 1000
        The number of samples that are drawn, evenly spaced in X.
    scaling : `data.Scaling`, optional
        That of X, such as `dataset.scaling`: the axes show the units before it.
    target_scaling : `data.Scaling`, optional
        That of y: the surface shows the units before it.
    target_name : str, default "output"
        The name of the values of a surface.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import backprop_rs as bp
    >>> net = bp.Network([2, 3, 1], seed=0)
    >>> boundary(net, [[0, 0], [1, 1]], [0, 1], names=("left", "right")).get_xlabel()
    'left'
    """
    require_matplotlib()
    pair = most_important(net, X) if features is None else features
    view = view_of(net, X, y, pair, at, points).in_units(pair, scaling, target_scaling)
    ax = new_axes(ax, (5.6, 4.6))
    every = names_of(names, net.sizes[0], pair)
    colors = draw(ax, view, [every[i] for i in pair], class_names, max_samples)
    write_caption(ax, fixed_values(view, every, pair, at is None))
    if colors is not None:
        add_bar(ax, colors, target_name)
    return ax


def most_important(net: BaseNetwork, X: Data) -> tuple[int, int]:
    """Return the two features that matter most to the outputs, the smaller number first.

    Each feature in turn is replaced by its mean. A feature matters more if this changes the
    outputs more, in the mean of the squares over at most 1000 rows of X.

    Examples
    --------
    >>> from backprop_rs import Network
    >>> net = Network([3, 1], output="identity", init=[[[0.1, -2.0, 1.0]]])
    >>> most_important(net, [[0, 0, 0], [1, 1, 1]])
    (1, 2)
    """
    n_in = net.sizes[0]
    if n_in < 2:
        raise ValueError(f"a boundary needs a network with 2 features or more; got {n_in}")
    if n_in == 2:
        return 0, 1
    X = np.atleast_2d(np.asarray(net.activations(X)[0]))
    max_rows = max(MAX_PREDICTIONS // n_in, MIN_ROWS)
    rows = X[np.unique(np.linspace(0, len(X) - 1, min(max_rows, 1000)).round().astype(int))]
    outputs, mean = net.predict(rows), X.mean(axis=0)
    changes = []
    for i in range(n_in):
        without = rows.copy()
        without[:, i] = mean[i]
        changes.append(float(np.square(net.predict(without) - outputs, dtype=np.float64).mean()))
    first, second = sorted(np.argsort(changes, kind="stable")[-2:].tolist())
    return first, second


def names_of(names: Sequence[str], n_in: int, features: tuple[int, int]) -> list[str]:
    """Return a name for each feature from names of all features, of the two, or of none."""
    if len(names) not in (0, 2, n_in):
        raise ValueError(f"names must be 2, or {n_in}, one per feature; got {len(names)}")
    if len(names) == n_in:
        return list(names)
    every = [f"$x_{{{i}}}$" for i in range(n_in)]
    for i, name in zip(features, names, strict=False):
        every[i] = name
    return every


def fixed_values(view: View, names: Sequence[str], features: tuple[int, int], mean: bool) -> str:
    """Return a sentence with the values of the other features."""
    others = [i for i in range(len(names)) if i not in features]
    if not others:
        return ""
    if len(others) > MAX_NAMED:
        fixed = "their means" if mean else "the given values"
        return f"the other {len(others):,} features are fixed at {fixed}"
    values = ", ".join(f"{names[i]} = {view.base[i]:.3g}" for i in others)
    return f"fixed at the mean: {values}" if mean else f"fixed: {values}"


def write_caption(ax: Axes, sentence: str) -> None:
    """Write a sentence below the picture."""
    if sentence:
        from textwrap import fill

        look: dict[str, Any] = {"ha": "center", "va": "top", "fontsize": 8}
        ax.annotate(
            fill(sentence, CAPTION_WIDTH),
            (0.5, 0.0),
            (0, -4),
            xycoords=ax.xaxis.label,
            textcoords="offset points",
            color=Paper(ax).ink,
            **look,
        )


def draw(
    ax: Axes,
    view: View,
    names: Sequence[str],
    class_names: Sequence[str],
    max_samples: int,
) -> Any:
    """Draw regions or a surface with the samples; return the contours of a surface, or None."""
    area = area_of(ax, view, names, class_names, max_samples)
    area.update(view)
    return area.colors


def view_of(
    net: BaseNetwork,
    X: Data,
    y: Data | None,
    features: tuple[int, int],
    at: Data | None,
    points: int,
) -> View:
    """Predict on a grid over the range of the samples."""
    n_in, n_out = net.sizes[0], net.sizes[-1]
    if len(set(features)) != 2 or not all(0 <= i < n_in for i in features):
        raise ValueError(f"features must be two different numbers below {n_in}; got {features}")
    X = np.atleast_2d(np.asarray(net.activations(X)[0]))
    labels = values = None
    if y is not None:
        _, checked = net._samples(X, y)
        labels = class_labels(checked, net.output, net.cost)
        values = checked[:, 0] if labels is None else None
        labels = None if labels is None else labels.astype(np.int64)
    spots = X[:, list(features)]
    low, high = spots.min(axis=0), spots.max(axis=0)
    margin = MARGIN * np.where(high > low, high - low, 1)
    low, high = low - margin, high + margin
    base = X.mean(axis=0) if at is None else np.asarray(at, float)
    grid = np.empty((points, points, n_in))
    grid[...] = base
    across, up = (np.linspace(low[i], high[i], points) for i in (0, 1))
    grid[..., features[0]], grid[..., features[1]] = np.meshgrid(across, up)
    outputs = net.predict(grid.reshape(-1, n_in)).reshape(points, points, n_out)
    is_class = labels is not None or (y is None and (n_out > 1 or net.output == "sigmoid"))
    background_inputs = np.tile(base, (len(X), 1))
    background_inputs[:, list(features)] = spots
    predicted = predicted_classes(net.predict(background_inputs), net._threshold())
    extent = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    classes = max(n_out, 2) if is_class else 0
    threshold = net._threshold()
    return View(extent, outputs, spots, labels, predicted, values, threshold, classes, base)


def add_bar(ax: Axes, colors: Any, name: str = "output") -> None:
    """Add a color bar to the right of a surface, with the name of its values."""
    paper = Paper(ax)
    bar = ax.figure.colorbar(colors, ax=ax, pad=0.02)
    bar.set_label(name.replace("$", r"\$"), color=paper.ink)
    bar.ax.tick_params(colors=paper.ink, color=paper.faint)
    bar.outline.set_visible(False)
