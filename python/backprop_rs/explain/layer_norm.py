"""Layer normalization of one sample: from z to u, the input of the activation, and back."""

from __future__ import annotations

from .._internal.expression import (
    Call,
    Cases,
    Condition,
    Expression,
    Fraction,
    Negative,
    Number,
    Series,
    Symbol,
)
from .._internal.layer_norm import EPSILON
from . import notation
from .document import Group, Line
from .layer_norm_values import Floats, Normalized
from .notation import by
from .sample import Sample
from .selection import times, total


def normalization(sample: Sample, layer: int, norm: Normalized) -> list[Group]:
    """Return the mean and deviation of z, the normalized z, and u with gain and shift."""
    return [
        moments(sample, layer, norm),
        standard(sample, layer, norm),
        scaled(sample, layer, norm),
    ]


def mu(layer: int) -> Symbol:
    """Return the symbol of the mean of z of a layer."""
    return Symbol("μ", "", str(layer))


def deviation(layer: int) -> Symbol:
    """Return the symbol of the standard deviation of z of a layer."""
    return Symbol("s", "", str(layer))


def mean(body: Expression, n: int) -> Expression:
    """Return 1/n times a formula, usually a sum."""
    return Fraction(Number(1), Number(n)) * body


def moments(sample: Sample, layer: int, norm: Normalized) -> Group:
    """Return the mean and the standard deviation of z over the neurons of a layer."""
    z, n, shown = sample.z(layer), sample.batch.net.sizes[layer], sample.shown
    center = float(norm.means[sample.i])
    z_i, last = notation.z("i", layer), str(n - 1)
    variance = mean(Series("i", last, (z_i - mu(layer)) ** 2), n)
    chains: list[list[Expression]] = [
        [mu(layer), mean(Series("i", last, z_i), n)],
        [deviation(layer), Call("sqrt", (variance + Number(EPSILON),))],
    ]
    every = total(
        shown.neurons[layer],
        shown.rest(layer),
        lambda i: Number(float(z[i])),
    )
    squares = total(
        shown.neurons[layer],
        shown.rest(layer),
        lambda i: (Number(float(z[i])) - Number(center)) ** 2,
    )
    root = Call("sqrt", (mean(squares, n) + Number(EPSILON),))
    lines = [
        Line(mu(layer), (mean(every, n),), center),
        Line(deviation(layer), (root,), float(norm.deviations[sample.i])),
    ]
    return Group("Mean and deviation of the layer", chains, lines)


def standard(sample: Sample, layer: int, norm: Normalized) -> Group:
    """Return the normalized z, (z - mean) / deviation."""
    z, hat = sample.z(layer), norm.normalized[sample.i]
    center, width = float(norm.means[sample.i]), float(norm.deviations[sample.i])

    def part(j: notation.Index) -> Expression:
        return (notation.z(j, layer) - mu(layer)) / deviation(layer)

    lines = [
        Line(
            notation.hat(j, layer),
            (part(j), (Number(float(z[j])) - Number(center)) / Number(width)),
            float(hat[j]),
        )
        for j in sample.shown.neurons[layer]
    ]
    chain = [notation.hat("j", layer), part("j")]
    return Group("Normalized", [chain], lines, notes=sample.shown.note(layer))


def scaled(sample: Sample, layer: int, norm: Normalized) -> Group:
    """Return u, the normalized z times the gain plus the shift."""
    hat, seen = norm.normalized[sample.i], norm.seen[sample.i]

    def part(j: notation.Index) -> Expression:
        return notation.g(j, layer) * notation.hat(j, layer) + notation.h(j, layer)

    lines = [
        Line(
            notation.u(j, layer),
            (part(j), times(norm.gains[j], hat[j]) + Number(float(norm.shifts[j]))),
            float(seen[j]),
        )
        for j in sample.shown.neurons[layer]
    ]
    chain = [notation.u("j", layer), part("j")]
    return Group("With gain and shift", [chain], lines, notes=sample.shown.note(layer))


def through_norm(sample: Sample, layer: int, norm: Normalized) -> list[Group]:
    """Return the gradients of gains and shifts, and delta."""
    return [
        gain_gradient(sample, layer, norm),
        shift_gradient(sample, layer, norm),
        delta(sample, layer, norm),
    ]


def gain_gradient(sample: Sample, layer: int, norm: Normalized) -> Group:
    """Return dC_i/dg = dC_i/du times the normalized z."""
    grad, hat, cost = (
        norm.seen_gradients[sample.i],
        norm.normalized[sample.i],
        notation.cost(sample.i),
    )

    def part(j: notation.Index) -> Expression:
        return by(cost, notation.u(j, layer)) * notation.hat(j, layer)

    lines = [
        Line(
            by(cost, notation.g(j, layer)),
            (part(j), times(grad[j], hat[j])),
            float(grad[j] * hat[j]),
        )
        for j in sample.shown.neurons[layer]
    ]
    chain = [by(cost, notation.g("j", layer)), part("j")]
    return Group("Gradient of the gains", [chain], lines, notes=sample.shown.note(layer))


def shift_gradient(sample: Sample, layer: int, norm: Normalized) -> Group:
    """Return dC_i/dh = dC_i/du."""
    grad, cost = norm.seen_gradients[sample.i], notation.cost(sample.i)
    lines = [
        Line(by(cost, notation.h(j, layer)), (by(cost, notation.u(j, layer)),), float(grad[j]))
        for j in sample.shown.neurons[layer]
    ]
    chain: list[Expression] = [by(cost, notation.h("j", layer)), by(cost, notation.u("j", layer))]
    return Group("Gradient of the shifts", [chain], lines, notes=sample.shown.note(layer))


def delta(sample: Sample, layer: int, norm: Normalized) -> Group:
    """Return dC/dz from dC/du, through gain and normalization."""
    n, cost = sample.batch.net.sizes[layer], notation.cost(sample.i)
    hat, width = norm.normalized[sample.i], Number(float(norm.deviations[sample.i]))
    of_hat = norm.gains * norm.seen_gradients[sample.i]
    general = along_formula(cost, layer, n)
    mean_of, along = float(of_hat.mean()), float((of_hat * hat).mean())
    means = [Line(Symbol("p"), (averaged(sample, layer, of_hat),), mean_of)]
    means.append(Line(Symbol("q"), (averaged(sample, layer, of_hat * hat),), along))
    lines = []
    for j in sample.shown.neurons[layer]:
        inner = times(norm.gains[j], norm.seen_gradients[sample.i][j]) - Number(mean_of)
        numbers = (inner - times(hat[j], along)) / width
        lines.append(Line(notation.delta(j, layer), (numbers,), float(sample.delta(layer)[j])))
    return Group("Error term", general, [*means, *lines], notes=sample.shown.note(layer))


def along_formula(cost: Symbol, layer: int, n: int) -> list[list[Expression]]:
    """Return the equations of delta with the means p and q in place of sums."""
    last = str(n - 1)
    of_hat = notation.g("i", layer) * by(cost, notation.u("i", layer))
    own = notation.g("j", layer) * by(cost, notation.u("j", layer))
    p, q = Symbol("p"), Symbol("q")
    return [
        [p, mean(Series("i", last, of_hat), n)],
        [q, mean(Series("i", last, of_hat * notation.hat("i", layer)), n)],
        [notation.delta("j", layer), (own - p - notation.hat("j", layer) * q) / deviation(layer)],
    ]


def averaged(sample: Sample, layer: int, values: Floats) -> Expression:
    """Return the mean of values over the neurons of a layer, with numbers."""
    numbers = total(
        sample.shown.neurons[layer],
        sample.shown.rest(layer),
        lambda i: Number(float(values[i])),
    )
    return mean(numbers, len(values))


def slopes(sample: Sample, layer: int, norm: Normalized, pairs: list[tuple[int, int]]) -> Group:
    """Return the slopes of some pairs du_i/dz_j: gain and normalization."""
    n, matrix = sample.batch.net.sizes[layer], norm.slopes(sample.i)
    i, j = notation.hat("i", layer), notation.hat("j", layer)
    same = Condition(Symbol("i"), "=", Symbol("j"))
    below = Number(n) * deviation(layer)
    general = Cases((((n - 1 - i * j) / below, same),), Negative((1 + i * j) / below))
    chains: list[list[Expression]] = [
        [by(notation.u("i", layer), i), notation.g("i", layer)],
        [by(i, notation.z("j", layer)), general],
    ]
    lines = [
        Line(
            by(notation.u(i_, layer), notation.hat(i_, layer)),
            (notation.g(i_, layer),),
            norm.gains[i_],
        )
        for i_ in sorted({i_ for i_, _ in pairs})
    ]
    lines += [
        Line(by(notation.hat(i_, layer), notation.z(j_, layer)), part, float(matrix[i_, j_]))
        for i_, j_ in pairs
        for part in [slope(sample, layer, norm, i_, j_)]
    ]
    return Group(f"Through the normalization of layer {layer}", chains, lines)


def slope(
    sample: Sample, layer: int, norm: Normalized, i: int, j: int
) -> tuple[Expression, Expression]:
    """Return dz_hat_i/dz_j in symbols and with numbers."""
    hat, n = norm.normalized[sample.i], sample.batch.net.sizes[layer]
    product, numbers = notation.hat(i, layer) * notation.hat(j, layer), times(hat[i], hat[j])
    below, width = Number(n) * deviation(layer), times(n, norm.deviations[sample.i])
    if i == j:
        return (n - 1 - product) / below, (n - 1 - numbers) / width
    return Negative((1 + product) / below), Negative((1 + numbers) / width)
