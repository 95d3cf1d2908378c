"""The network as the derivation draws it: neurons, weights, and δ next to each neuron."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal import checks
from ..explain.names import input_names
from ..explain.notation import NOTATIONS
from ..explain.selection import RULE, RULE_OF_WEIGHTS, importance
from .drawing import Names, Values, drawing_of
from .style import new_axes
from .style import require as require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._internal.types import AnyArray, Data
    from ..base_network import BaseNetwork

EDGES = ("weight", "gradient")


def network(
    net: BaseNetwork,
    x: Data | None = None,
    y: Data | None = None,
    ax: Axes | None = None,
    *,
    edges: str = "weight",
    labels: bool | None = None,
    max_neurons: int = 8,
    notation: str = "number",
    feature_names: Sequence[str] = (),
    class_names: Sequence[str] = (),
) -> Axes:
    """Draw the network: neurons by activation, edges by weight or by gradient.

    Parameters
    ----------
    net : BaseNetwork
    x : (n_0,) or (m, n_0) array-like, optional
        A sample, or several samples whose mean is shown. Without it neurons have no color.
    y : targets of x, as for `BaseNetwork.backward`; optional
        With them δ stands next to each neuron, and C above.
    ax : Axes, optional
        The default is that of a new figure.
    edges : "weight" or "gradient", default "weight"
        The values that set the color and width of an edge; dashed is negative. A gradient needs
        x and y.
    labels : bool, optional
        Write symbols and numbers. The default is True if they fit.
    max_neurons : int, default 8
        The number of positions of a layer, at least 3. Of a wider layer the most important neurons
        and dots are drawn: those with the largest |δ|, and the largest inputs; without y those with
        the largest sum of |w| of their outgoing weights (of the output: incoming ones).
    notation : "number" or "from_output", default "number"
        How layers are written: (0), (1), (2) or (L-2), (L-1), (L).
    feature_names, class_names : sequence of str, optional
        The names of the inputs and of the outputs; those of a single output may be two.

    Returns
    -------
    Axes

    Raises
    ------
    ImportError
        If Matplotlib is not installed (``pip install matplotlib``).

    Examples
    --------
    >>> import backprop_rs as bp
    >>> ax = network(bp.Network([2, 3, 2], seed=0), [0.05, 0.1], [0.01, 0.99])
    >>> ax.get_title()
    'C = 0.9696'
    """
    require_matplotlib()
    if max_neurons < 3:
        raise ValueError(f"max_neurons must be an integer >= 3; got {max_neurons}")
    checks.choice("notation", notation, NOTATIONS)
    values = values_of(net, x, y, edges)
    names = names_of(net, values, feature_names, class_names)
    drawing = drawing_of(net, values, labels, max_neurons, notation, ax, names)
    drawing.draw(new_axes(ax, drawing.size))
    return drawing.ax


def names_of(
    net: BaseNetwork, values: Values, inputs: Sequence[str], outputs: Sequence[str]
) -> Names:
    """Return the names of a drawing, and the importance of each neuron."""
    n_in, n_out = net.sizes[0], net.sizes[-1]
    for argument, names, n in (("feature_names", inputs, n_in), ("class_names", outputs, n_out)):
        accepted = (0, n, 2) if n == 1 and argument == "class_names" else (0, n)
        if len(names) not in accepted:
            raise ValueError(f"{argument} must have {n} names; got {len(names)}")
    inputs = input_names(net, inputs)
    outputs = outputs[1:] if len(outputs) > n_out else outputs  # the output means the second class
    if values.importance is not None:
        return Names(inputs, outputs, values.importance, RULE)
    sums = [np.abs(w).sum(axis=0) for w in net.weights]
    return Names(inputs, outputs, [*sums, np.abs(net.weights[-1]).sum(axis=1)], RULE_OF_WEIGHTS)


def values_of(net: BaseNetwork, x: Data | None, y: Data | None, edges: str) -> Values:
    """Return the numbers of a drawing."""
    checks.choice("edges", edges, EDGES)
    for name, array in (("x", x), ("y", y)):
        if array is None and edges == "gradient":
            raise ValueError(f"edges='gradient' needs {name}; got none")
    if x is None:
        if y is not None:
            raise ValueError("y needs x; got none")
        return Values(net.weights, edges, net.biases)
    if y is None:
        activations = means(net.activations(x))
        activations[0] = net.embed(x).mean(axis=0)
        first = activations[0] if net.scales is None else net.scales * activations[0]
        layers = zip(net.weights, net.biases, [first, *activations[1:-1]], strict=True)
        z = [w @ a + b for w, b, a in layers]  # the mean, because z is linear in a
        off = off_neurons(net, activations) if one_row(net, x) else None
        return Values(net.weights, edges, net.biases, activations, z, off=off)
    trace = net.backward(x, y)
    one = len(trace.deltas[0]) == 1
    return Values(
        trace.weight_gradients if edges == "gradient" else net.weights,
        edges,
        net.biases,
        activations=means([trace.unscaled_inputs, *trace.activations[1:]]),
        z=means(trace.weighted_inputs),
        deltas=means(trace.deltas),
        target=target_of(net, x, y),
        cost=trace.cost,
        importance=importance(trace.unscaled_inputs, trace.deltas),
        off=off_neurons(net, means(trace.activations)) if one else None,
    )


def one_row(net: BaseNetwork, x: Data) -> bool:
    """Return True if x is one sample."""
    return len(np.atleast_2d(np.asarray(net.activations(x)[0]))) == 1


def off_neurons(net: BaseNetwork, activations: list[AnyArray]) -> list[AnyArray]:
    """Return True for each neuron of each layer that is a relu with the slope 0."""
    names = [*net.activation, net.output]
    pairs = zip(names, activations[1:], strict=True)
    return [(a == 0) & name.startswith("relu") for name, a in pairs]


def means(arrays: list[Any]) -> list[AnyArray]:
    """Return the mean of each array over the samples."""
    return [array.mean(axis=0) for array in arrays]


def target_of(net: BaseNetwork, x: Data, y: Data) -> AnyArray:
    """Return the mean target, (n_L,)."""
    _, checked = net._samples(x, y)
    if checked.ndim == 1:  # class labels: the mean of their one-hot rows
        return np.bincount(checked.astype(np.int64), minlength=net.sizes[-1]) / len(checked)
    mean: AnyArray = checked.mean(axis=0)
    return mean
