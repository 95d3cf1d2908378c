"""Histograms of the weights or gradients of each layer, and the weights of a layer as images."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

from .style import Paper, new_axes, reach, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._internal.types import AnyArray, Data
    from ..base_network import BaseNetwork

OVERLAP = 0.85  # the height of a histogram, as a share of its row


def histograms(
    net: BaseNetwork,
    X: Data | None = None,
    y: Data | None = None,
    ax: Axes | None = None,
    *,
    bins: int = 60,
) -> Axes:
    """Draw a histogram of each layer's weights, or of their gradients if X and y are given.

    Parameters
    ----------
    net : BaseNetwork
    X, y : array-like, as for `BaseNetwork.backward`; optional
        With them ∂C/∂w is shown instead of w.
    ax : Axes, optional
        The default is that of a new figure.
    bins : int, default 60

    Returns
    -------
    Axes
        One row per layer, the first on top, all on the same scale.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> histograms(bp.Network([4, 8, 3], seed=0)).get_xlabel()
    'w'
    """
    if (X is None) != (y is None):
        raise ValueError("X and y must be given together, for gradients; got one of them")
    arrays = net.weights if X is None else net.backward(X, y).weight_gradients
    n = len(arrays)
    ax = new_axes(ax, (6.4, 1.2 + 0.75 * min(n, 4) + 0.42 * max(n - 4, 0)))
    paper = Paper(ax)
    largest = max(reach(w) for w in arrays)
    edges = np.linspace(-largest, largest, bins + 1)
    for layer, w in enumerate(arrays):
        counts, _ = np.histogram(w, edges)
        height = OVERLAP * counts / max(counts.max(), 1)
        foot, color = n - 1 - layer, paper.palette[0]
        ax.stairs(foot + height, edges, baseline=foot, fill=True, color=color, alpha=0.45)
        ax.stairs(foot + height, edges, baseline=None, color=color, linewidth=1.2)
        ax.plot([w.mean()] * 2, [foot, foot + OVERLAP], color=paper.palette[1], linewidth=1.2)
        words = f"layer {layer + 1}\nstd {w.std():.2g}"
        where = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "top"}
        spot = (0.995, foot + OVERLAP)
        ax.annotate(words, spot, color=paper.ink, fontsize=8.5, linespacing=1.3, **where)
    tidy(ax, paper, xlabel="w" if X is None else "∂C/∂w")
    ax.set(yticks=[], xlim=(-1.02 * largest, 1.25 * largest), ylim=(-0.08, n))
    ax.spines["left"].set_visible(False)
    return ax


def images(
    net: BaseNetwork,
    ax: Axes | None = None,
    *,
    layer: int = 1,
    shape: tuple[int, int] | None = None,
    max_neurons: int = 36,
) -> Axes:
    """Draw the incoming weights of each neuron of a layer as an image.

    Parameters
    ----------
    net : BaseNetwork
    ax : Axes, optional
        The default is that of a new figure.
    layer : int, default 1
        From 1 to L.
    shape : (height, width), optional
        The shape of an image. The default is a square, if the number of inputs allows it.
    max_neurons : int, default 36
        The number of neurons that are shown, from the first on.

    Returns
    -------
    Axes
        Each image has its own scale: its largest |weight| has the strongest color.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> images(bp.Network([64, 32, 10], seed=0)).get_title()
    'layer 1: 32 neurons, 8 x 8'
    """
    if not 1 <= layer < len(net.sizes):
        raise ValueError(f"layer must be from 1 to {len(net.sizes) - 1}; got {layer}")
    w = net.weights[layer - 1]
    height, width = shape_of(w.shape[1], shape)
    shown = w[:max_neurons].reshape(-1, height, width)
    across = int(np.ceil(np.sqrt(len(shown) * height / width)))
    sheet = montage(shown, min(max(across, 1), len(shown)))
    ax = new_axes(ax, (5.2, 0.6 + 5.2 * sheet.shape[0] / sheet.shape[1]))
    paper = Paper(ax)
    colors = paper.diverging().with_extremes(bad=(0, 0, 0, 0))
    ax.imshow(sheet, cmap=colors, vmin=-1, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    of = "" if len(shown) == len(w) else f"{len(shown)} of "
    title = f"layer {layer}: {of}{len(w):,} neurons, {height} x {width}"
    ax.set_title(title, color=paper.ink, fontsize=10)
    return ax


def shape_of(n: int, shape: tuple[int, int] | None) -> tuple[int, int]:
    """Return the height and width of an image of n weights."""
    if shape is None:
        side = isqrt(n)
        if side * side != n:
            raise ValueError(f"shape must be given because {n} inputs make no square; got none")
        return side, side
    height, width = shape
    if height * width != n:
        raise ValueError(f"shape must have {n} pixels, one per input; got {height} x {width}")
    return height, width


def montage(tiles: AnyArray, across: int) -> AnyArray:
    """Return tiles (n, height, width) side by side, each scaled to [-1, 1], NaN between them."""
    n, height, width = tiles.shape
    down = -(-n // across)
    sheet = np.full((down * (height + 1) - 1, across * (width + 1) - 1), np.nan)
    for i, tile in enumerate(tiles):
        row, column = i // across * (height + 1), i % across * (width + 1)
        sheet[row : row + height, column : column + width] = tile / reach(tile)
    return sheet
