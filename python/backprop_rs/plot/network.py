"""The network as the derivation draws it: neurons, weights, and δ beside the neuron."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..training.scores import one_hot
from .style import new_axes
from .style import require as require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._internal.types import AnyArray, Data
    from ..network import Network

EDGES = ("weight", "gradient")


def network(
    net: Network,
    x: Data | None = None,
    y: Data | None = None,
    ax: Axes | None = None,
    *,
    edges: str = "weight",
    labels: bool | None = None,
    max_neurons: int = 8,
) -> Axes:
    """Draw the network: neurons by activation, edges by weight or by gradient.

    Parameters
    ----------
    net : Network
    x : (n_0,) or (m, n_0) array-like, optional
        A sample, or several, of which the mean is shown; without it neurons have no colour.
    y : targets of x, as for `Network.backward`; optional
        With them δ stands beside each neuron, and C above.
    ax : Axes, optional
        By default that of a new figure.
    edges : "weight" or "gradient", default "weight"
        What gives an edge its colour and width; dashed is negative. A gradient needs x and y.
    labels : bool, optional
        Whether to write symbols and numbers; by default where there is room for them.
    max_neurons : int, default 8
        Of a wider layer the first ones are drawn, dots, and the last.

    Returns
    -------
    Axes

    Raises
    ------
    ImportError
        If Matplotlib is missing (``pip install matplotlib``).

    Examples
    --------
    >>> import backprop_rs as bp
    >>> ax = network(bp.Network([2, 3, 2], seed=0), [0.05, 0.1], [0.01, 0.99])
    >>> ax.get_title()
    'C = 0.9696'
    """
    require_matplotlib()
    from .drawing import drawing_of

    if max_neurons < 3:
        raise ValueError(f"max_neurons must be an integer >= 3; got {max_neurons}")
    values = values_of(net, x, y, edges)
    drawing = drawing_of(net, values, labels, max_neurons, ax)
    drawing.draw(new_axes(ax, drawing.size))
    return drawing.ax


@dataclass(frozen=True)
class Values:
    """What is drawn of each layer: the means over the samples; None where it is not known."""

    edges: list[AnyArray]
    kind: str
    biases: list[AnyArray]
    activations: list[AnyArray] | None = None
    z: list[AnyArray] | None = None
    deltas: list[AnyArray] | None = None
    target: AnyArray | None = None
    cost: float | None = None


def values_of(net: Network, x: Data | None, y: Data | None, edges: str) -> Values:
    """The numbers of a drawing."""
    if edges not in EDGES:
        raise ValueError(f"edges must be one of {', '.join(EDGES)}; got {edges!r}")
    for name, given in (("x", x), ("y", y)):
        if given is None and edges == "gradient":
            raise ValueError(f"{name} must be given where edges='gradient' is; got none")
    if x is None:
        if y is not None:
            raise ValueError("x must be given where y is; got none")
        return Values(net.weights, edges, net.biases)
    if y is None:
        activations = means(net.activations(x))
        layers = zip(net.weights, net.biases, activations[:-1], strict=True)
        z = [w @ a + b for w, b, a in layers]  # the mean, as z is linear in a
        return Values(net.weights, edges, net.biases, activations, z)
    trace = net.backward(x, y)
    return Values(
        trace.weight_gradients if edges == "gradient" else net.weights,
        *(edges, net.biases, means(trace.activations)),
        *(means(trace.weighted_inputs), means(trace.deltas)),
        *(target_of(net, x, y), trace.cost),
    )


def means(arrays: list[Any]) -> list[AnyArray]:
    return [array.mean(axis=0) for array in arrays]


def target_of(net: Network, x: Data, y: Data) -> AnyArray:
    """The mean target, (n_L,)."""
    _, checked = net._samples(x, y)
    rows = one_hot(checked, net.sizes[-1]) if checked.ndim == 1 else checked
    mean: AnyArray = rows.mean(axis=0)
    return mean
