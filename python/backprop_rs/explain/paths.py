"""The chain rule of one weight or bias, along every path from it to the cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._internal.expression import Expression, Number, Omitted, Product, Series, Symbol
from . import notation
from .backward import terms
from .document import Group, Line, Section
from .layer_norm import slopes as slopes_of_norm
from .notation import by
from .sample import Sample
from .selection import added, times
from .update import mean, mean_of

if TYPE_CHECKING:
    from .layer_norm_values import Floats, Normalized
    from .quantities import Quantities
    from .selection import Shown

LETTERS = "pqrstuvxyz"


@dataclass(frozen=True)
class Parameter:
    """Weight jk of a layer, or bias j if k is None."""

    layer: int
    j: int
    k: int | None

    @property
    def symbol(self) -> Symbol:
        """The symbol of the parameter."""
        if self.k is None:
            return notation.b(self.j, self.layer)
        return notation.w(self.j, self.k, self.layer)

    @property
    def title(self) -> str:
        """The title of its chain rule."""
        place = f"layer {self.layer}, j = {self.j}"
        if self.k is None:
            return f"The chain rule of one bias: {place}"
        return f"The chain rule of one weight: {place}, k = {self.k}"

    def slope(self, sample: Sample) -> float:
        """Return dz/dw or dz/db."""
        return 1.0 if self.k is None else float(sample.inputs(self.layer)[self.k])


@dataclass(frozen=True)
class Paths:
    """The largest paths from z_j of a layer to the cost.

    A row of `neurons` has the neurons of layer, layer + 1, ..., L. A layer with layer
    normalization has two, for z and for the input of the activation. Softmax has one more, the
    output through which it acts on the cost. `products` are the parts of dC/dz_j.
    """

    neurons: NDArray[np.int64]
    products: Floats
    count: int  # of all paths


def largest_paths(sample: Sample, layer: int, j: int, max_paths: int) -> Paths:
    """Return the paths with the largest |product|, in the order of their neurons.

    The search goes back from the cost and keeps the `max_paths` largest for each neuron.
    """
    batch = sample.batch
    values, neurons = heads(sample)
    count = prod(batch.net.sizes[layer + 1 :]) * values.shape[1]
    for number in range(sample.last, layer - 1, -1):
        if number < sample.last:
            # From u of layer `number` through its activation and the weights of the next layer.
            weights = batch.weights[number].astype(float)  # (n_{l+1}, n_l)
            values, neurons = back_by(
                weights * batch.slopes[number - 1][sample.i], values, neurons, max_paths
            )
        norm = sample.norm(number)
        if norm is not None:
            values, neurons = back_by(seen_by_z(sample, norm), values, neurons, max_paths)
            count *= batch.net.sizes[number]
    best = np.argsort(-np.abs(values[j]), kind="stable")[:max_paths]
    order = sorted(best.tolist(), key=lambda i: tuple(neurons[j, i]))
    return Paths(neurons[j, order], values[j, order], count)


def back_by(
    slopes: Floats, values: Floats, neurons: NDArray[np.int64], max_paths: int
) -> tuple[Floats, NDArray[np.int64]]:
    """Extend the largest paths by one step back with `slopes` (n_after, n_before)."""
    every = values[None] * slopes.T[:, :, None]
    n, width = len(every), values.shape[1]
    flat = every.reshape(n, -1)
    best = np.argsort(-np.abs(flat), axis=1, kind="stable")[:, :max_paths]
    start = np.broadcast_to(np.arange(n)[:, None, None], (*best.shape, 1))
    longer = np.concatenate([start, neurons[best // width, best % width]], axis=2)
    return np.take_along_axis(flat, best, axis=1), longer


def seen_by_z(sample: Sample, norm: Normalized) -> Floats:
    """Return du/dz of a layer with layer normalization, (n, n)."""
    slopes: Floats = norm.gains[:, None] * norm.slopes(sample.i)
    return slopes


def heads(sample: Sample) -> tuple[Floats, NDArray[np.int64]]:
    """Return the paths from the output's activation inputs to the cost.

    Their values are (n_L, heads), their neurons (n_L, heads, 1) or (n_L, heads, 2).
    """
    batch = sample.batch
    n = batch.net.sizes[-1]
    outputs = np.arange(n)
    grad_a, slopes = batch.grad_a[-1][sample.i], batch.slopes[-1][sample.i]
    if by_delta(sample):
        return terms(sample, sample.last)[:, None], outputs[:, None, None]
    if batch.net.output != "softmax":
        return (grad_a * slopes)[:, None], outputs[:, None, None]
    pairs = np.stack(np.broadcast_arrays(outputs[:, None], outputs[None, :]), axis=2)
    return slopes.T * grad_a, pairs


def by_delta(sample: Sample) -> bool:
    """Return True if the paths start at u or z of the output because dC/da is not finite."""
    return not np.isfinite(sample.batch.grad_a[-1][sample.i]).all()


def steps(sample: Sample, layer: int, path: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Return a path as (layer, neuron of z, neuron of u), from the output back."""
    steps, at = [], 0
    for number in range(layer, sample.last + 1):
        seen = at + (sample.norm(number) is not None)
        steps.append((number, path[at], path[seen]))
        at = seen + 1
    return steps[::-1]


def chain(
    sample: Sample, path: tuple[int, ...], parameter: Parameter
) -> tuple[Expression, Expression]:
    """Return the product along a path, in symbols and with numbers."""
    batch, cost = sample.batch, notation.cost(sample.i)
    last, p = sample.last, -1
    symbols: list[Expression] = []
    numbers: list[Any] = []
    for layer, q, seen in steps(sample, parameter.layer, path):
        u, a = sample.u(seen, layer), notation.a(seen, layer)
        slopes = batch.slopes[layer - 1][sample.i]
        if layer < last:
            symbols += [by(notation.z(p, layer + 1), a), by(a, u)]
            numbers += [batch.weights[layer][p, seen], slopes[seen]]
        elif by_delta(sample):
            symbols, numbers = [by(cost, u)], [terms(sample, last)[seen]]
        else:
            i = path[-1] if slopes.ndim == 2 else seen  # softmax: any output
            symbols = [by(cost, notation.a(i, last)), by(notation.a(i, last), u)]
            numbers = [
                batch.grad_a[-1][sample.i, i],
                slopes[i, seen] if slopes.ndim == 2 else slopes[seen],
            ]
        norm = sample.norm(layer)
        if norm is not None:
            symbols += through(seen, q, layer)
            numbers += [norm.gains[seen], norm.slopes(sample.i)[seen, q]]
        p = q
    symbols.append(by(notation.z(p, parameter.layer), parameter.symbol))
    return Product(tuple(symbols)), times(*numbers, parameter.slope(sample))


def through(i: notation.Index, j: notation.Index, layer: int) -> list[Expression]:
    """Return du_i/dz_j in symbols: gain and normalization."""
    u, hat = notation.u(i, layer), notation.hat(i, layer)
    return [by(u, hat), by(hat, notation.z(j, layer))]


def general(sample: Sample, parameter: Parameter) -> Expression:
    """Return the sum over all paths as in the derivation."""
    layer, last, j = parameter.layer, sample.last, parameter.j
    # One sum over the neurons of each later layer, and one for each layer normalization.
    sums = last - layer + sum(sample.norm(number) is not None for number in range(layer, last + 1))
    letters = iter([LETTERS[i % len(LETTERS)] for i in reversed(range(sums))])
    end = by(notation.z(j, layer), parameter.symbol)
    return back_to_z(sample, layer, str(j), letters) * end


def back_to_z(sample: Sample, layer: int, j: str, letters: Iterator[str]) -> Expression:
    """Return dC/dz_j of a layer."""
    if sample.norm(layer) is None:
        return back_to_seen(sample, layer, j, letters)
    i, last = next(letters), str(sample.batch.net.sizes[layer] - 1)
    gain, hat = through(i, j, layer)
    return Series(i, last, back_to_seen(sample, layer, i, letters) * gain * hat)


def back_to_seen(sample: Sample, layer: int, j: str, letters: Iterator[str]) -> Expression:
    """Return dC/du_j of a layer (dC/dz_j without layer normalization)."""
    cost, size = notation.cost(sample.i), sample.batch.net.sizes
    a, u = notation.a(j, layer), sample.u(j, layer)
    if layer < sample.last:
        letter = next(letters)
        inner = back_to_z(sample, layer + 1, letter, letters) * by(notation.z(letter, layer + 1), a)
        return Series(letter, str(size[layer + 1] - 1), inner) * by(a, u)
    if by_delta(sample):
        return by(cost, u)
    if sample.batch.net.output == "softmax":
        a = notation.a("i", layer)
        return Series("i", str(size[-1] - 1), by(cost, a) * by(a, u))
    return by(cost, a) * by(a, u)


def of_sample(sample: Sample, parameter: Parameter, max_paths: int) -> tuple[list[Group], Paths]:
    """Return the paths of a sample, their sum, and the same from the error term."""
    name = by(notation.cost(sample.i), parameter.symbol)
    paths = largest_paths(sample, parameter.layer, parameter.j, max_paths)
    value = float(sample.delta(parameter.layer)[parameter.j]) * parameter.slope(sample)
    lines = []
    for number, path in enumerate(paths.neurons.tolist()):
        parts = chain(sample, tuple(path), parameter)
        lines.append(Line(Symbol("P", str(number)), parts, parts[1].value()))
    left = paths.count - len(lines)
    notes = [f"{left:,} of {paths.count:,} paths, the smallest, are left out here."] if left else []
    if by_delta(sample):
        notes.append(
            "∂C/∂a is not finite because a has been rounded to 0 or 1; the paths begin at "
            f"{sample.u('j', sample.last).name}."
        )
    group = Group("Every path", [[name, general(sample, parameter)]], lines, notes=notes)
    symbols: list[Expression] = [line.name for line in lines]
    numbers: list[Expression] = [Number(line.value) for line in lines]
    if left:
        symbols.append(Omitted(left))
        numbers.append(Omitted(left, value - sum(line.value for line in lines)))
    total = Line(name, (added(symbols), added(numbers)), value)
    couplings = normalizations(sample, parameter.layer, paths)
    same = by_error_term(sample, parameter, value)
    return [group, *couplings, Group("Their sum", [], [total]), same], paths


def normalizations(sample: Sample, layer: int, paths: Paths) -> list[Group]:
    """Return the slopes of each layer normalization that the paths go through."""
    walks = [steps(sample, layer, tuple(path)) for path in paths.neurons.tolist()]
    groups = []
    for number in range(layer, sample.last + 1):
        norm = sample.norm(number)
        if norm is not None:
            pairs = {(seen, z) for walk in walks for at, z, seen in walk if at == number}
            groups.append(slopes_of_norm(sample, number, norm, sorted(pairs)))
    return groups


def by_error_term(sample: Sample, parameter: Parameter, value: float) -> Group:
    """Return the gradient from delta."""
    layer, j, k = parameter.layer, parameter.j, parameter.k
    delta: Expression = notation.delta(j, layer)
    numbers: Expression = Number(float(sample.delta(layer)[j]))
    if k is not None:
        delta = delta * sample.before(k, layer)
        numbers = numbers * Number(float(sample.inputs(layer)[k]))
    line = Line(by(notation.cost(sample.i), parameter.symbol), (delta, numbers), value)
    number = 9 if k is None else 8
    return Group("The same by the error term", [], [line], number)


def chain_rule(
    batch: Quantities, shown: Shown, parameter: Parameter, max_paths: int
) -> tuple[Section, dict[str, Any]]:
    """Return the chain rule of one parameter for each sample, their average, and the arrays."""
    samples = [Sample(batch, shown, i) for i in shown.samples]
    explained = [of_sample(sample, parameter, max_paths) for sample in samples]
    every = sample_gradients(batch, parameter)
    slopes = [parameter.slope(sample) for sample in samples]
    arrays = {
        "paths": [paths.neurons for _, paths in explained],
        "products": [p.products * slope for (_, p), slope in zip(explained, slopes, strict=True)],
        "path_counts": [paths.count for _, paths in explained],
        "sample_gradients": every,
        "gradient": averaged(batch, parameter),
    }
    if batch.m == 1:
        return Section(parameter.title, explained[0][0]), arrays
    sections = [
        Section(f"Sample {sample.i}", groups)
        for sample, (groups, _) in zip(samples, explained, strict=True)
    ]
    sections.append(
        Section(f"Average over {batch.m:,} samples", [average(batch, shown, parameter)])
    )
    return Section(parameter.title, sections=sections), arrays


def average(batch: Quantities, shown: Shown, parameter: Parameter) -> Group:
    """Return dC/dtheta as the mean over all samples."""
    name = by(notation.cost(), parameter.symbol)
    general = [name, mean_of(batch.m, by(notation.cost("i"), parameter.symbol))]
    part = mean(batch, shown, sample_gradients(batch, parameter))
    return Group("Gradient", [general], [Line(name, (part,), averaged(batch, parameter))])


def sample_gradients(batch: Quantities, parameter: Parameter) -> Floats:
    """Return dC_i/dtheta of each sample."""
    delta = batch.trace.deltas[parameter.layer - 1][:, parameter.j].astype(float)
    if parameter.k is None:
        return delta
    product: Floats = delta * batch.trace.layer_inputs[parameter.layer - 1][:, parameter.k]
    return product


def averaged(batch: Quantities, parameter: Parameter) -> float:
    """Return dC/dtheta of the batch as back-propagation computed it."""
    if parameter.k is None:
        return float(batch.trace.bias_gradients[parameter.layer - 1][parameter.j])
    return float(batch.trace.weight_gradients[parameter.layer - 1][parameter.j, parameter.k])
