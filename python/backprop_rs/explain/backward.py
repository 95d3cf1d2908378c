"""The backward pass: the error terms of each layer, and the gradients of one sample."""

from __future__ import annotations

import numpy as np

from .._internal.expression import Cases, Condition, Expression, Negative, Number, Series, Symbol
from . import notation
from .document import Group, Line, Section
from .formulas import a as of_a
from .formulas import y as of_y
from .forward import choose
from .inputs import through_inputs
from .layer_norm import through_norm
from .layer_norm_values import Floats
from .notation import Index, by
from .quantities import activation_rows
from .sample import Sample
from .selection import sums, times


def backward(sample: Sample) -> Section:
    """Return the backward pass of one sample, from the output layer to the first hidden one."""
    layers = range(sample.last, 0, -1)
    sections = [layer_backward(sample, layer) for layer in layers]
    if sample.batch.trace.input_deltas is not None:
        sections.append(through_inputs(sample))
    return Section("Backward", sections=sections)


def layer_backward(sample: Sample, layer: int) -> Section:
    """Return the error terms and the gradients of one layer."""
    if layer == sample.last:
        groups = [cost_slope(sample), slope(sample, layer), output_delta(sample)]
        title = f"Layer {layer}: output"
    else:
        groups = [through_weights(sample, layer), slope(sample, layer), hidden_delta(sample, layer)]
        title = f"Layer {layer}: hidden"
    norm = sample.norm(layer)
    if norm is not None:
        groups += through_norm(sample, layer, norm)
    groups += [weight_gradient(sample, layer), bias_gradient(sample, layer)]
    if sample.batch.alphas[layer - 1] is not None:
        groups.append(alpha_gradient(sample, layer))
    return Section(title, groups)


def alpha_gradient(sample: Sample, layer: int) -> Group:
    """Return dC_i/dr = dC_i/da (sigma(z) - z) of a parametric layer."""
    cost, gradient = notation.cost(sample.i), sample.batch.alpha_gradients(layer)[sample.i]

    def part(j: Index) -> Expression:
        u = sample.u(j, layer)
        return by_a(sample, j, layer) * (notation.sigma(u) - u)

    lines = []
    for j in sample.shown.neurons[layer]:
        u, grad_a = sample.seen(layer)[j], sample.batch.grad_a[layer - 1][sample.i, j]
        sigma = activation_rows(sample.batch.net)[layer - 1].sigma(np.array([u]))[0]
        numbers = Number(float(grad_a)) * (Number(float(sigma)) - Number(float(u)))
        name = by(cost, notation.r(j, layer))
        lines.append(Line(name, (part(j), numbers), float(gradient[j])))
    chain = [by(cost, notation.r("j", layer)), part("j")]
    notes = ["r is the learned alpha of a parametric activation.", *sample.shown.note(layer)]
    return Group("Gradient of the alphas", [chain], lines, notes=notes)


def term(sample: Sample, j: notation.Index, layer: int) -> Expression:
    """Return the error term of a neuron; with layer normalization dC/du."""
    if sample.norm(layer) is None:
        return notation.delta(j, layer)
    return by(notation.cost(sample.i), notation.u(j, layer))


def terms(sample: Sample, layer: int) -> Floats:
    """Return the numbers of the error terms of a layer; see `term`."""
    norm = sample.norm(layer)
    return sample.delta(layer) if norm is None else norm.seen_gradients[sample.i]


def term_title(sample: Sample, layer: int) -> str:
    """Return the title of the error terms; those of u come before the normalization's."""
    return "Error term" if sample.norm(layer) is None else "Error term of u"


def cost_slope(sample: Sample) -> Group:
    """Return dC/da of the output layer."""
    layer, batch = sample.last, sample.batch
    formula = batch.cost_formula.slope
    general = [by_a(sample, "j", layer), formula.put(sample.symbols("j", layer))]
    lines = []
    for j in sample.shown.neurons[layer]:
        symbols, numbers = (
            formula.put(values(j, layer)) for values in (sample.symbols, sample.numbers)
        )
        value = float(batch.grad_a[-1][sample.i, j])
        lines.append(Line(by_a(sample, j, layer), (symbols, numbers), value))
    number = 4 if batch.net.cost == "squared_error" else None
    notes = sample.shown.note(layer)
    if not np.isfinite(batch.grad_a[-1][sample.i]).all():
        notes.append(
            "If it is not finite, a has been rounded to 0 or 1; the core computes δ from z."
        )
    return Group("Slope of the cost", [general], lines, number, notes)


def by_a(sample: Sample, j: notation.Index, layer: int) -> Expression:
    """Return dC/da_j of a layer."""
    return by(notation.cost(sample.i), notation.a(j, layer))


def slope(sample: Sample, layer: int) -> Group:
    """Return sigma' of a layer."""
    name = sample.batch.names[layer - 1]
    if name == "softmax":
        return jacobian(sample, layer)
    formula = sample.batch.activation_formula(layer).sigma_prime
    left = by(notation.a("j", layer), sample.u("j", layer))
    general = formula.put(sample.symbols("j", layer))
    lines = []
    for j in sample.shown.neurons[layer]:
        parts = (
            formula.put(sample.symbols(j, layer)),
            choose(formula, sample.numbers(j, layer)),
        )
        value = float(sample.batch.slopes[layer - 1][sample.i, j])
        lines.append(Line(by(notation.a(j, layer), sample.u(j, layer)), parts, value))
    number = 5 if name == "sigmoid" else None
    notes = sample.shown.note(layer)
    return Group("Slope of the activation", [[left, general]], lines, number, notes)


def jacobian(sample: Sample, layer: int) -> Group:
    """Return the slopes of softmax: every output depends on every z."""
    a, slopes = sample.a(layer), sample.batch.slopes[layer - 1][sample.i]
    i, j = notation.a("i", layer), notation.a("j", layer)
    same = Condition(Symbol("i"), "=", Symbol("j"))
    general = Cases(((i * (1 - i), same),), Negative(i * j))
    lines = []
    for i_ in sample.shown.neurons[layer]:
        for j_ in sample.shown.neurons[layer]:
            a_i, a_j = notation.a(i_, layer), notation.a(j_, layer)
            part = a_i * (1 - a_i) if i_ == j_ else Negative(a_i * a_j)
            numbers: dict[Expression, Expression] = {
                a_i: Number(float(a[i_])),
                a_j: Number(float(a[j_])),
            }
            name = by(a_i, sample.u(j_, layer))
            lines.append(Line(name, (part, part.put(numbers)), float(slopes[i_, j_])))
    left = by(i, sample.u("j", layer))
    notes = [f"Rows and columns: {note}" for note in sample.shown.note(layer)]
    return Group("Slopes of softmax", [[left, general]], lines, notes=notes)


def output_delta(sample: Sample) -> Group:
    """Return delta = dC/da sigma'; for softmax the sum over all outputs."""
    layer, batch = sample.last, sample.batch
    short = batch.cost_formula.short
    if short is not None and batch.targets[sample.i].sum() == 1:
        short = of_a - of_y  # the factor of a, the sum of the targets, is 1
    chain = [term(sample, "j", layer), general_product(sample, layer)]
    if short is not None:
        chain.append(short.put(sample.symbols("j", layer)))
    elif batch.net.output != "softmax":
        slope = batch.cost_formula.slope
        prime = batch.activation_formula(layer).sigma_prime
        chain.append((slope * prime).put(sample.symbols("j", layer)))
    lines = []
    for j in sample.shown.neurons[layer]:
        parts = chain_parts(sample, j)
        if short is not None:
            parts = (*parts, short.put(sample.numbers(j, layer)))
        lines.append(Line(term(sample, j, layer), parts, float(terms(sample, layer)[j])))
    title = term_title(sample, layer)
    return Group(title, [chain], lines, 7, sample.shown.note(layer))


def general_product(sample: Sample, layer: int) -> Expression:
    """Return dC/da da/dz of any neuron of a layer."""
    if sample.batch.names[layer - 1] != "softmax":
        return by_a(sample, "j", layer) * by(notation.a("j", layer), sample.u("j", layer))
    body = by_a(sample, "i", layer) * by(notation.a("i", layer), sample.u("j", layer))
    return Series("i", str(sample.batch.net.sizes[-1] - 1), body)


def chain_parts(sample: Sample, j: int) -> tuple[Expression, ...]:
    """Return dC/da sigma' of output j in symbols, and with numbers if they are finite."""
    layer, batch = sample.last, sample.batch
    grad_a, slopes = batch.grad_a[-1][sample.i], batch.slopes[-1][sample.i]
    if batch.net.output == "softmax":
        neurons = [i for i in sample.shown.neurons[layer] if grad_a[i] != 0]
        symbols, numbers = sums(
            neurons,
            [
                i for i in range(len(grad_a)) if i not in neurons
            ],  # all terms except that of the class are 0
            lambda i: by_a(sample, i, layer) * by(notation.a(i, layer), sample.u(j, layer)),
            lambda i: times(grad_a[i], slopes[i, j]),
        )
        return (symbols, numbers) if np.isfinite(grad_a).all() else (symbols,)
    symbols = by_a(sample, j, layer) * by(notation.a(j, layer), sample.u(j, layer))
    return (symbols, times(grad_a[j], slopes[j])) if np.isfinite(grad_a[j]) else (symbols,)


def through_weights(sample: Sample, layer: int) -> Group:
    """Return dC/da of a hidden layer from the error terms of the next one."""
    weights, delta = sample.batch.weights[layer], sample.delta(layer + 1)
    body = notation.delta("k", layer + 1) * notation.w("k", "j", layer + 1)
    chain = [
        by_a(sample, "j", layer),
        Series("k", str(sample.batch.net.sizes[layer + 1] - 1), body),
    ]
    lines = []
    for j in sample.shown.neurons[layer]:
        parts = sums(
            sample.shown.neurons[layer + 1],
            sample.shown.rest(layer + 1),
            lambda k, j=j: notation.delta(k, layer + 1) * notation.w(k, j, layer + 1),  # type: ignore[misc]
            lambda k, j=j: times(delta[k], weights[k, j]),  # type: ignore[misc]
        )
        value = float(sample.batch.grad_a[layer - 1][sample.i, j])
        lines.append(Line(by_a(sample, j, layer), parts, value))
    return Group(
        f"Back through the weights of layer {layer + 1}",
        [chain],
        lines,
        10,
        sample.shown.note(layer),
    )


def hidden_delta(sample: Sample, layer: int) -> Group:
    """Return delta = dC/da sigma' of a hidden layer."""
    grad_a = sample.batch.grad_a[layer - 1][sample.i]
    slopes = sample.batch.slopes[layer - 1][sample.i]

    def product(j: notation.Index) -> Expression:
        return by_a(sample, j, layer) * by(notation.a(j, layer), sample.u(j, layer))

    lines = [
        Line(
            term(sample, j, layer),
            (product(j), times(grad_a[j], slopes[j])),
            float(terms(sample, layer)[j]),
        )
        for j in sample.shown.neurons[layer]
    ]
    error_terms = notation.delta("k", layer + 1) * notation.w("k", "j", layer + 1)
    total = Series("k", str(sample.batch.net.sizes[layer + 1] - 1), error_terms)
    prime = sample.batch.activation_formula(layer).sigma_prime
    chain = [term(sample, "j", layer), product("j"), total * prime.put(sample.symbols("j", layer))]
    title = term_title(sample, layer)
    return Group(title, [chain], lines, 11, sample.shown.note(layer))


def by_z(sample: Sample, layer: int) -> Expression:
    """Return dC/dz of any neuron."""
    if sample.norm(layer) is None:
        return general_product(sample, layer)
    return by(notation.cost(sample.i), notation.z("j", layer))


def weight_gradient(sample: Sample, layer: int) -> Group:
    """Return dC_i/dw = dC_i/dz dz/dw."""
    name, delta, a = notation.cost(sample.i), sample.delta(layer), sample.inputs(layer)
    w = notation.w("j", "k", layer)
    product = by_z(sample, layer) * by(notation.z("j", layer), w)
    chain = [by(name, w), product, notation.delta("j", layer) * sample.before("k", layer)]
    gradients = sample.batch.gradients_of_samples(layer)[sample.i]
    lines = []
    for j in sample.shown.neurons[layer]:
        for k in sample.shown.neurons[layer - 1]:
            parts = (
                notation.delta(j, layer) * sample.before(k, layer),
                times(delta[j], a[k]),
            )
            lines.append(Line(by(name, notation.w(j, k, layer)), parts, float(gradients[j, k])))
    return Group(
        "Gradient of the weights",
        [chain],
        lines,
        8,
        sample.shown.weight_note(layer),
    )


def bias_gradient(sample: Sample, layer: int) -> Group:
    """Return dC_i/db = dC_i/dz, the error term."""
    name, delta = notation.cost(sample.i), sample.delta(layer)
    b = notation.b("j", layer)
    product = by_z(sample, layer) * by(notation.z("j", layer), b)
    chain = [by(name, b), product, notation.delta("j", layer)]
    lines = [
        Line(by(name, notation.b(j, layer)), (notation.delta(j, layer),), float(delta[j]))
        for j in sample.shown.neurons[layer]
    ]
    return Group(
        "Gradient of the biases",
        [chain],
        lines,
        9,
        sample.shown.note(layer),
    )
