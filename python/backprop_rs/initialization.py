"""Initial weights and biases that depend on the samples, layer by layer.

Source: Holzmüller et al. 2024, Better by Default (RealMLP). All random numbers and products are
those of the core.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._internal import checks, random

if TYPE_CHECKING:
    from ._internal.types import AnyArray, Array
    from .base_network import BaseNetwork

STD, HE_5, ZEROS = "std", "he+5", "zeros"
POINTS = 5  # samples that a bias is composed of
NORMAL = "normal(std=1)"
ROWS = (2**64 - 1, 0, 0)  # the stream of the order from which rows are chosen


def initialize(
    net: BaseNetwork, X: Array, weights: Any, biases: Any, seed: int, max_rows: int
) -> None:
    """Set the parameters of all layers; see `Network.initialize`."""
    n_layers = len(net.sizes) - 1
    entries = [
        choice if choice is None or choice == STD else net._tables.entry("init", choice)
        for choice in per_layer("weights", weights, n_layers)
    ]
    of_biases = per_layer("biases", biases, n_layers)
    for choice in of_biases:
        if choice is not None:
            checks.choice("biases", choice, (HE_5, ZEROS))
    if net.embeddings is not None:
        net.embeddings = embeddings_by(net, seed)
    a = net._core.embedded(X if len(X) <= max_rows else X[chosen_rows(net, len(X), seed, max_rows)])
    drawn = {
        entry: drawn_by(net, NORMAL if entry == STD else entry, seed)
        for entry in {*entries} - {None}
    }
    drawn[None] = net.weights, net.biases
    new: tuple[list[Array], list[Array]] = ([], [])
    for l, entry in enumerate(entries):  # noqa: E741 (l as in the derivation)
        w, b = drawn[entry][0][l], drawn[entry][1][l]
        if entry == STD:
            w = unit_deviations(w, weighted_inputs(net, l, a, w))
        if of_biases[l] == ZEROS:
            b = np.zeros_like(b)
        elif of_biases[l] == HE_5:
            b = within_samples(net, weighted_inputs(net, l, a, w), seed, l).astype(net.dtype)
        for parameters, array in zip(new, (w, b), strict=True):
            parameters.append(array)
        if l + 1 < n_layers:
            a = activations(net, l, a, w, b)
    net.weights, net.biases = new
    ones = [gain if gain is None else np.ones_like(gain) for gain in net.gains]
    net.alphas = [alpha if alpha is None else np.ones_like(alpha) for alpha in net.alphas]
    net.gains, net.shifts = ones, [gain if gain is None else 0 * gain for gain in ones]
    net.scales = np.ones(net._widths[0], net.dtype) if net.input_scale else None


def per_layer(name: str, choice: Any, n_layers: int) -> list[Any]:
    """Return the choice of each layer, from one for all or a list."""
    if not isinstance(choice, (list, tuple)):
        return [choice] * n_layers
    if len(choice) != n_layers:
        raise ValueError(
            f"{name} must be one choice or one per layer ({n_layers}); got {len(choice)}"
        )
    return list(choice)


def chosen_rows(net: BaseNetwork, n: int, seed: int, max_rows: int) -> AnyArray:
    """Return the first rows of a random order."""
    return net._tables.backend.shuffled(n, seed, ROWS)[:max_rows]


def drawn_by(net: BaseNetwork, entry: str, seed: int) -> tuple[list[Array], list[Array]]:
    """Return the weights and biases of an initializer of the table, from a twin of the network."""
    twin = net._tables.backend.Network(net._widths, net._activations, "squared_error", net.dtype)
    twin.initialize(entry, seed)
    return twin.weights(), twin.biases()


def embeddings_by(net: BaseNetwork, seed: int) -> Array:
    """Return initial parameters of the embeddings, from a twin of the network."""
    arguments = (net.sizes, net._activations, "squared_error", net.dtype, None, False, net._parts)
    twin = net._tables.backend.Network(*arguments)
    twin.initialize("zeros", seed)
    drawn = twin.embeddings()
    assert drawn is not None
    return drawn


def one_layer(
    net: BaseNetwork, w: Array, activation: Any, options: Sequence[Any] | None = None
) -> Any:
    """Return a network of one layer with these weights; its biases are zero."""
    sizes = [w.shape[1], len(w)]
    core = net._tables.backend.Network(sizes, [activation], "squared_error", net.dtype, options)
    core.set_weights([w])
    return core


def weighted_inputs(net: BaseNetwork, l: int, a: Array, w: Array) -> AnyArray:  # noqa: E741
    """Return a w^T (m, n_out) in float64, without biases."""
    with np.errstate(over="ignore", invalid="ignore"):
        z = one_layer(net, w, "identity").predict(a)
    if z is None or not np.isfinite(z).all():
        raise ValueError(
            f"X must be so small that all weighted inputs of layer {l + 1} are finite in "
            f"{net.dtype}; got others, so scale it"
        )
    return z.astype(np.float64)  # type: ignore[no-any-return]


def activations(net: BaseNetwork, l: int, a: Array, w: Array, b: Array) -> Array:  # noqa: E741
    """Return the activations of a hidden layer, (m, n_out), with gains and alphas of 1."""
    options = {**net._options[l], "dropout": 0.0, "parametric": False}
    core = one_layer(net, w, net._activations[l], [options])
    core.set_biases([b])
    return core.predict(a)  # type: ignore[no-any-return]


def unit_deviations(w: Array, z: AnyArray) -> Array:
    """Return weights whose weighted inputs have the deviation 1.

    Neurons whose weighted inputs are constant get w / sqrt(n_in).
    """
    largest = np.abs(z).max(axis=0)
    # Squares of numbers up to 1 do not overflow.
    deviations = (z / np.where(largest > 0, largest, 1)).std(axis=0)
    constant = deviations <= 8 * np.finfo(w.dtype).eps
    divisors = np.where(constant, np.sqrt(w.shape[1]), deviations * largest)
    divided: Array = (w / divisors[:, None]).astype(w.dtype)
    return divided


def within_samples(net: BaseNetwork, z: AnyArray, seed: int, l: int) -> AnyArray:  # noqa: E741
    """Return biases that move the zero of each neuron to a random mean of 5 samples.

    The weights of the samples are Exp(1) numbers divided by their sum; half the sum of the squares
    of two normal numbers is one.
    """
    m, n_out = z.shape
    numbers = random.raw(seed, random.BIASES, l, 1 + n_out * POINTS)
    twin = one_layer(net, np.zeros((n_out, 2 * POINTS), net.dtype), "identity")
    twin.initialize(NORMAL, int(numbers[0]))
    normals = twin.weights()[0].astype(np.float64)
    lengths = normals[:, :POINTS] ** 2 + normals[:, POINTS:] ** 2
    rows = ((numbers[1:] >> np.uint64(32)) * np.uint64(m) >> np.uint64(32)).astype(np.intp)
    points = z[rows.reshape(n_out, POINTS), np.arange(n_out)[:, None]]
    total = mean = np.zeros(n_out)
    for k in range(POINTS):  # one by one: the order of a sum decides its bits
        total, mean = total + lengths[:, k], mean + lengths[:, k] * points[:, k]
    biases: AnyArray = -mean / total
    return biases
