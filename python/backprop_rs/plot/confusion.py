"""The confusion matrix of a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..data.labels import class_labels, predicted_classes
from .style import Paper, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._internal.types import AnyArray, Data
    from ..base_network import BaseNetwork

FEW = 20  # cells have numbers up to this number of classes


def confusion(
    net: BaseNetwork,
    X: Data,
    y: Data,
    ax: Axes | None = None,
    *,
    class_names: Sequence[str] = (),
    normalize: bool = False,
) -> Axes:
    """Draw the confusion matrix: rows are the true classes, columns the predicted ones.

    Parameters
    ----------
    net : BaseNetwork
    X, y : array-like, as for `Network.evaluate`
        y must be classes.
    ax : Axes, optional
        The default is that of a new figure.
    class_names : sequence of str, optional
    normalize : bool, default False
        Write shares of the true class instead of counts.

    Returns
    -------
    Axes
        The color of a cell shows its share of the true class.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> data = bp.load_iris()
    >>> net = bp.Network([4, 8, 3], output="softmax", cost="cross_entropy", seed=0)
    >>> history = net.fit(data.X, data.y, epochs=20)
    >>> ax = confusion(net, data.X, data.y, class_names=data.class_names)
    >>> ax.get_xlabel(), len(ax.texts)
    ('predicted', 9)
    """
    counts = confusion_matrix(net, X, y)
    n = len(counts)
    names = list(class_names) or [str(i) for i in range(n)]
    if len(names) != n:
        raise ValueError(f"class_names must have {n} names; got {len(names)}")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 2.0 + 0.45 * min(n, FEW)
    ax = new_axes(ax, (side + 0.6, side))
    paper = Paper(ax)
    colors = paper.sequential()
    ax.imshow(shares, cmap=colors, vmin=0, vmax=1)
    for i, j in np.ndindex(n, n) if n <= FEW else ():
        text = f"{shares[i, j]:.2f}" if normalize else f"{counts[i, j]:,}"
        ink = paper.text_on(colors(float(shares[i, j])))
        ax.text(j, i, text, ha="center", va="center", color=ink, fontsize=9)
    if n <= FEW:
        angle = 45 if max(map(len, names)) > 4 else 0
        turn = {"rotation": angle, "ha": "right" if angle else "center"}
        ax.set_xticks(range(n), names, rotation_mode="anchor", **turn)
        ax.set_yticks(range(n), names)
    accuracy = counts.trace() / counts.sum()
    ax.set(xlabel="predicted", ylabel="true")
    ax.set_title(f"accuracy {accuracy:.4f} of {counts.sum():,}", fontsize=10, color=paper.ink)
    ax.tick_params(colors=paper.ink, length=0)
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set_color(paper.ink)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def confusion_matrix(net: BaseNetwork, X: Data, y: Data) -> AnyArray:
    """Return the number of samples of each true class (row) and predicted class (column)."""
    X, checked = net._samples(X, y)
    labels = class_labels(checked, net.output, net.cost)
    if labels is None:
        raise ValueError("y must be classes for a confusion matrix; got values")
    predicted = predicted_classes(net.predict(X), net._threshold())
    n = max(net.sizes[-1], 2)
    places = labels.astype(np.int64) * n + predicted
    counts: AnyArray = np.bincount(places, minlength=n * n).reshape(n, n)
    return counts
