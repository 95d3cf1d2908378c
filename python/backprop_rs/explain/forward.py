"""The forward pass: z and a of each layer, and the cost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .._internal.expression import Cases, Expression, Number, Series, exp
from . import notation
from .document import Group, Line, Section
from .embedded import embedded_inputs
from .formulas import ALPHA_OF_NEURON
from .formulas import z as of_z
from .inputs import scaled_inputs
from .layer_norm import normalization
from .sample import Sample
from .selection import sums, times, total


def forward(sample: Sample) -> Section:
    """Return the forward pass of one sample: all layers, and the cost."""
    layers = range(1, sample.last + 1)
    sections = [layer_forward(sample, layer) for layer in layers] + [cost_section(sample)]
    if sample.batch.scales is not None:
        sections.insert(0, scaled_inputs(sample, sample.batch.scales))
    if sample.batch.net.embedding:
        sections.insert(0, embedded_inputs(sample))
    return Section("Forward", sections=sections)


def layer_forward(sample: Sample, layer: int) -> Section:
    """Return z and a of one layer, with layer normalization in between if it has one."""
    kind = "output" if layer == sample.last else "hidden"
    name = sample.batch.names[layer - 1]
    title = f"Layer {layer}: {kind}, {sample.batch.net.sizes[layer]:,} neurons, {name}"
    groups = [weighted_inputs(sample, layer), activations(sample, layer)]
    norm = sample.norm(layer)
    if norm is not None:
        groups[1:1] = normalization(sample, layer, norm)
    return Section(title, groups)


def weighted_inputs(sample: Sample, layer: int) -> Group:
    """Return z = W a + b of a layer."""
    weights, biases = sample.batch.weights[layer - 1], sample.batch.biases[layer - 1]
    before = sample.inputs(layer)
    n_in = sample.batch.net._widths[layer - 1]
    product = notation.w("j", "k", layer) * sample.before("k", layer)
    general = Series("k", str(n_in - 1), product) + notation.b("j", layer)
    lines = []
    for j in sample.shown.neurons[layer]:
        parts = sums(
            sample.shown.neurons[layer - 1],
            sample.shown.rest(layer - 1),
            lambda k, j=j: notation.w(j, k, layer) * sample.before(k, layer),  # type: ignore[misc]
            lambda k, j=j: times(weights[j, k], before[k]),  # type: ignore[misc]
            (notation.b(j, layer), Number(float(biases[j]))),
        )
        lines.append(Line(notation.z(j, layer), parts, float(sample.z(layer)[j])))
    return Group(
        "Weighted input",
        [[notation.z("j", layer), general]],
        lines,
        1,
        sample.shown.note(layer),
    )


def activations(sample: Sample, layer: int) -> Group:
    """Return a = sigma(z) of a layer."""
    name = sample.batch.names[layer - 1]
    if name == "softmax":
        return softmax(sample, layer)
    formula = sample.batch.activation_formula(layer).sigma
    lines = []
    for j in sample.shown.neurons[layer]:
        numbers = choose(formula, sample.numbers(j, layer))
        parts = (activated(sample, j, layer), numbers)
        lines.append(Line(notation.a(j, layer), parts, float(sample.a(layer)[j])))
    u = sample.u("j", layer)
    letters: dict[Expression, Expression] = {of_z: u, ALPHA_OF_NEURON: notation.r("j", layer)}
    chain = [notation.a("j", layer), activated(sample, "j", layer), formula.put(letters)]
    return Group("Activation", [chain], lines, 2, sample.shown.note(layer))


def activated(sample: Sample, j: notation.Index, layer: int) -> Expression:
    """Return sigma(z), or z + r (sigma(z) - z) of a parametric layer, in symbols."""
    u = sample.u(j, layer)
    if sample.batch.alphas[layer - 1] is None:
        return notation.sigma(u)
    return u + notation.r(j, layer) * (notation.sigma(u) - u)


def choose(formula: Expression, values: Mapping[Expression, Expression]) -> Expression:
    """Return the formula with numbers; if it has cases, the chosen one with its reason."""
    return formula.choose(values) if isinstance(formula, Cases) else formula.put(values)


def softmax(sample: Sample, layer: int) -> Group:
    """Return the activations of softmax, whose denominator is shared by all outputs."""
    z = sample.seen(layer)
    last = str(len(z) - 1)
    top = exp(sample.u("j", layer))
    chain = [notation.a("j", layer), top / Series("i", last, exp(sample.u("i", layer)))]
    bottoms = sums(
        sample.shown.neurons[layer],
        sample.shown.rest(layer),
        lambda i: exp(sample.u(i, layer)),
        lambda i: exp(Number(z[i])),
    )
    lines = []
    for j in sample.shown.neurons[layer]:
        parts = (exp(sample.u(j, layer)) / bottoms[0], exp(Number(z[j])) / bottoms[1])
        lines.append(Line(notation.a(j, layer), parts, float(sample.a(layer)[j])))
    return Group("Activation", [chain], lines, notes=sample.shown.note(layer))


def cost_section(sample: Sample) -> Section:
    """Return C_i of this sample, with the term of each output."""
    layer, batch = sample.last, sample.batch
    formula = batch.cost_formula
    name = notation.cost(sample.i)
    if formula.is_custom:
        line = Line(name, (formula.term,), float(batch.costs[sample.i]))
        title = f"Cost of sample {sample.i}"
        return Section("Cost", [Group(title, [[name, formula.term]], [line])])
    term = formula.term.put(sample.symbols("j", layer))
    chain = [name, Series("j", str(batch.net.sizes[-1] - 1), term)]
    symbols, numbers = sums(
        sample.shown.neurons[layer],
        sample.shown.rest(layer),
        lambda j: formula.term.put(sample.symbols(j, layer)),
        lambda j: cost_term(sample, j),
    )
    terms = total(
        sample.shown.neurons[layer],
        sample.shown.rest(layer),
        lambda j: Number(float(batch.cost_terms[sample.i, j])),
    )
    line = Line(name, (symbols, numbers, terms), float(batch.costs[sample.i]))
    number = 3 if batch.net.cost == "squared_error" else None
    groups = [Group(f"Cost of sample {sample.i}: {batch.net.cost}", [chain], [line], number)]
    if sample.smoothed:
        groups.insert(0, smoothed_targets(sample))
    return Section("Cost", groups)


def cost_term(sample: Sample, j: int) -> Expression:
    """Return the part of output j, in terms of z if a has been rounded to 0 or 1."""
    formula = sample.batch.cost_formula
    values = sample.numbers(j, sample.last)
    by_a = formula.term.put(values)
    if formula.by_z is None or np.isfinite(by_a.value()):
        return by_a
    return formula.by_z.put(values)


def smoothed_targets(sample: Sample) -> Group:
    """Return the smoothed targets: a share of each is spread over the classes."""
    batch, share, n = sample.batch, sample.batch.smoothing, sample.batch.classes
    chain = [notation.y("j", True), (1 - Number(share)) * notation.y("j") + Number(share) / n]
    lines = []
    for j in sample.shown.neurons[sample.last]:
        target = Number(float(batch.y[sample.i, j]))
        part = (1 - Number(share)) * target + Number(share) / n
        lines.append(Line(notation.y(j, True), (part,), float(batch.targets[sample.i, j])))
    return Group("Smoothed targets", [chain], lines, notes=sample.shown.note(sample.last))
