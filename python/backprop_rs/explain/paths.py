"""The chain rule of a single weight or bias, along every path from it to the cost."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import names
from .expression import Expression, Number, Omitted, Product, Series, Symbol
from .names import by
from .sample import Sample
from .shown import added, times
from .statements import Group, Line, Section
from .update import mean, mean_of

if TYPE_CHECKING:
    from .norms import Floats
    from .quantities import Quantities
    from .shown import Shown

LETTERS = "pqrstuvxyz"


@dataclass(frozen=True)
class Parameter:
    """Weight jk of a layer, or bias j where k is None."""

    layer: int
    j: int
    k: int | None

    @property
    def symbol(self) -> Symbol:
        if self.k is None:
            return names.b(self.j, self.layer)
        return names.w(self.j, self.k, self.layer)

    @property
    def title(self) -> str:
        where = f"layer {self.layer}, j = {self.j}"
        if self.k is None:
            return f"The chain rule of one bias: {where}"
        return f"The chain rule of one weight: {where}, k = {self.k}"

    def slope(self, sample: Sample) -> float:
        """dz/dw, or dz/db."""
        return 1.0 if self.k is None else float(sample.a(self.layer - 1)[self.k])


@dataclass(frozen=True)
class Paths:
    """The largest paths from z_j of a layer to the cost.

    A row of `neurons` has the neurons of layer, layer + 1, ..., L; for softmax one more, the
    output through which z_L acts on the cost. `products` are the values of C by z_j along them.
    """

    neurons: NDArray[np.int64]
    products: Floats
    count: int  # of all paths


def largest_paths(sample: Sample, layer: int, j: int, most: int) -> Paths:
    """By a search that keeps the `most` largest for each neuron of each layer."""
    of = sample.of
    values, neurons = heads(sample)
    count = prod(of.net.sizes[layer + 1 :]) * values.shape[1]
    for below in range(sample.last - 1, layer - 1, -1):
        weights = of.weights[below].astype(float)  # (n_{below+1}, n_below)
        every = values[None] * weights.T[:, :, None]
        every *= of.slopes[below - 1][sample.i][:, None, None]
        n, width = len(every), values.shape[1]
        flat = every.reshape(n, -1)
        best = np.argsort(-np.abs(flat), axis=1, kind="stable")[:, :most]
        values = np.take_along_axis(flat, best, axis=1)
        start = np.broadcast_to(np.arange(n)[:, None, None], (*best.shape, 1))
        neurons = np.concatenate([start, neurons[best // width, best % width]], axis=2)
    best = np.argsort(-np.abs(values[j]), kind="stable")[:most]
    order = sorted(best.tolist(), key=lambda i: tuple(neurons[j, i]))
    return Paths(neurons[j, order], values[j, order], count)


def heads(sample: Sample) -> tuple[Floats, NDArray[np.int64]]:
    """From each z of the output layer to the cost: values (n_L, heads), neurons (n_L, heads, .)."""
    of = sample.of
    n = of.net.sizes[-1]
    outputs = np.arange(n)
    grad_a, slopes = of.grad_a[-1][sample.i], of.slopes[-1][sample.i]
    if by_delta(sample):
        return sample.delta(sample.last).astype(float)[:, None], outputs[:, None, None]
    if of.net.output != "softmax":
        return (grad_a * slopes)[:, None], outputs[:, None, None]
    pairs = np.stack(np.broadcast_arrays(outputs[:, None], outputs[None, :]), axis=2)
    return slopes.T * grad_a, pairs


def by_delta(sample: Sample) -> bool:
    """Whether the paths begin at delta of the output, as dC/da is not finite."""
    return not np.isfinite(sample.of.grad_a[-1][sample.i]).all()


def chain(
    sample: Sample, path: tuple[int, ...], parameter: Parameter
) -> tuple[Expression, Expression]:
    """The product along a path, in symbols and with numbers."""
    of, cost = sample.of, names.cost(sample.i)
    last, layer = sample.last, parameter.layer
    p = path[last - layer]
    symbols: list[Expression]
    if by_delta(sample):
        symbols, numbers = [by(cost, names.z(p, last))], [float(sample.delta(last)[p])]
    else:
        i = path[-1]  # of softmax the output, of others p itself
        slopes = of.slopes[-1][sample.i]
        symbols = [by(cost, names.a(i, last)), by(names.a(i, last), names.z(p, last))]
        numbers = [of.grad_a[-1][sample.i, i], slopes[i, p] if slopes.ndim == 2 else slopes[p]]
    for below in range(last - 1, layer - 1, -1):
        q = path[below - layer]
        a = names.a(q, below)
        symbols += [by(names.z(p, below + 1), a), by(a, names.z(q, below))]
        numbers += [of.weights[below][p, q], of.slopes[below - 1][sample.i, q]]
        p = q
    symbols.append(by(names.z(p, layer), parameter.symbol))
    return Product(tuple(symbols)), times(*numbers, parameter.slope(sample))


def general(sample: Sample, parameter: Parameter) -> Expression:
    """All paths at once, as the derivation sums them up."""
    layer, last, j = parameter.layer, sample.last, parameter.j
    end = by(names.z(j, layer), parameter.symbol)
    return back_to(sample, layer, str(j), last) * end


def back_to(sample: Sample, layer: int, j: str, last: int) -> Expression:
    """dC/dz_j of a layer."""
    cost, size = names.cost(sample.i), sample.of.net.sizes
    a, z = names.a(j, layer), names.z(j, layer)
    if layer == last:
        if by_delta(sample):
            return by(cost, z)
        if sample.of.net.output == "softmax":
            a = names.a("i", layer)
            return Series("i", str(size[-1] - 1), by(cost, a) * by(a, z))
        return by(cost, a) * by(a, z)
    letter = LETTERS[(last - layer - 1) % len(LETTERS)]
    inner = back_to(sample, layer + 1, letter, last) * by(names.z(letter, layer + 1), a)
    return Series(letter, str(size[layer + 1] - 1), inner) * by(a, z)


def of_sample(sample: Sample, parameter: Parameter, most: int) -> tuple[list[Group], Paths]:
    """The paths, and what they come to."""
    name = by(names.cost(sample.i), parameter.symbol)
    paths = largest_paths(sample, parameter.layer, parameter.j, most)
    value = float(sample.delta(parameter.layer)[parameter.j]) * parameter.slope(sample)
    lines = []
    for number, path in enumerate(paths.neurons.tolist()):
        parts = chain(sample, tuple(path), parameter)
        lines.append(Line(Symbol("P", str(number)), parts, parts[1].value()))
    left = paths.count - len(lines)
    notes = [f"{left:,} of {paths.count:,} paths, the smallest, are left out here."] if left else []
    if by_delta(sample):
        notes.append("∂C/∂a is not finite, as a has been rounded to 0 or 1; the paths begin at z.")
    group = Group("Every path", [[name, general(sample, parameter)]], lines, notes=notes)
    symbols: list[Expression] = [line.name for line in lines]
    numbers: list[Expression] = [Number(line.value) for line in lines]
    if left:
        symbols.append(Omitted(left))
        numbers.append(Omitted(left, value - sum(line.value for line in lines)))
    total = Line(name, (added(symbols), added(numbers)), value)
    return [group, Group("Their sum", [], [total]), by_error_term(sample, parameter, value)], paths


def by_error_term(sample: Sample, parameter: Parameter, value: float) -> Group:
    """The same from delta."""
    layer, j, k = parameter.layer, parameter.j, parameter.k
    delta: Expression = names.delta(j, layer)
    numbers: Expression = Number(float(sample.delta(layer)[j]))
    if k is not None:
        delta = delta * names.a(k, layer - 1)
        numbers = numbers * Number(float(sample.a(layer - 1)[k]))
    line = Line(by(names.cost(sample.i), parameter.symbol), (delta, numbers), value)
    label = "gradientBiasLayerZero" if k is None else "gradientZeroLayerWeights"
    return Group("The same by the error term", [], [line], label)


def section(
    of: Quantities, shown: Shown, parameter: Parameter, most: int
) -> tuple[Section, dict[str, Any]]:
    """The chain rule of one parameter for each sample, and their average; arrays of the same."""
    samples = [Sample(of, shown, i) for i in shown.samples]
    found = [of_sample(sample, parameter, most) for sample in samples]
    every = sample_gradients(of, parameter)
    slopes = [parameter.slope(sample) for sample in samples]
    arrays = {
        "paths": [paths.neurons for _, paths in found],
        "products": [p.products * slope for (_, p), slope in zip(found, slopes, strict=True)],
        "path_counts": [paths.count for _, paths in found],
        "sample_gradients": every,
        "gradient": averaged(of, parameter),
    }
    if of.m == 1:
        return Section(parameter.title, found[0][0]), arrays
    sections = [
        Section(f"Sample {sample.i}", groups)
        for sample, (groups, _) in zip(samples, found, strict=True)
    ]
    sections.append(Section(f"Average over {of.m:,} samples", [average(of, shown, parameter)]))
    return Section(parameter.title, sections=sections), arrays


def average(of: Quantities, shown: Shown, parameter: Parameter) -> Group:
    name = by(names.cost(), parameter.symbol)
    general = [name, mean_of(of.m, by(names.cost("i"), parameter.symbol))]
    part = mean(of, shown, sample_gradients(of, parameter))
    return Group("Gradient", [general], [Line(name, (part,), averaged(of, parameter))])


def sample_gradients(of: Quantities, parameter: Parameter) -> Floats:
    delta = of.trace.deltas[parameter.layer - 1][:, parameter.j].astype(float)
    if parameter.k is None:
        return delta
    product: Floats = delta * of.trace.activations[parameter.layer - 1][:, parameter.k]
    return product


def averaged(of: Quantities, parameter: Parameter) -> float:
    if parameter.k is None:
        return float(of.trace.bias_gradients[parameter.layer - 1][parameter.j])
    return float(of.trace.weight_gradients[parameter.layer - 1][parameter.j, parameter.k])
