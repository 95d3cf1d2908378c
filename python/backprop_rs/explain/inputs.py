"""The learned factors of the inputs, and the way back to them and to the embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._internal.expression import Expression, Series
from . import notation
from .document import Group, Line, Section
from .embedded import by_embedded, embedding_gradient
from .layer_norm_values import Floats, doubled
from .notation import by
from .sample import Sample
from .selection import sums, times

if TYPE_CHECKING:
    from .._internal.types import Array

TITLE = "Inputs: learned factors"


def scaled_inputs(sample: Sample, scales: Array) -> Section:
    """Return the inputs of the first layer, each times its factor."""
    values, x, result = doubled(scales), sample.unscaled(), sample.inputs(1)

    def part(k: notation.Index) -> Expression:
        return notation.s(k) * sample.before_scale(k)

    lines = [
        Line(notation.scaled(k), (part(k), times(values[k], x[k])), float(result[k]))
        for k in sample.shown.neurons[0]
    ]
    chain = [notation.scaled("k"), part("k")]
    return Section(TITLE, [Group("Scaled inputs", [chain], lines, notes=sample.shown.note(0))])


def through_inputs(sample: Sample) -> Section:
    """Return the derivatives of the cost by the inputs of layer 1, their factors and embeddings."""
    of_scaled, batch = sample.input_delta(), sample.batch
    groups = [through_weights(sample, of_scaled)]
    if batch.scales is not None:
        groups.append(scale_gradient(sample, of_scaled))
    if batch.embeddings is not None:
        if batch.scales is not None:
            groups.append(by_embedded(sample))
        groups.append(embedding_gradient(sample))
    return Section(TITLE if batch.embeddings is None else "Inputs", groups)


def through_weights(sample: Sample, of_scaled: Floats) -> Group:
    """Return dC/d(input) of layer 1, from its error terms."""
    weights, delta, cost = sample.batch.weights[0], sample.delta(1), notation.cost(sample.i)
    body = notation.delta("j", 1) * notation.w("j", "k", 1)
    chain = [
        by(cost, sample.before("k", 1)),
        Series("j", str(sample.batch.net.sizes[1] - 1), body),
    ]
    lines = []
    for k in sample.shown.neurons[0]:
        parts = sums(
            sample.shown.neurons[1],
            sample.shown.rest(1),
            lambda j, k=k: notation.delta(j, 1) * notation.w(j, k, 1),  # type: ignore[misc]
            lambda j, k=k: times(delta[j], weights[j, k]),  # type: ignore[misc]
        )
        lines.append(Line(by(cost, sample.before(k, 1)), parts, float(of_scaled[k])))
    title = "Back through the weights of layer 1"
    return Group(title, [chain], lines, 10, sample.shown.note(0))


def scale_gradient(sample: Sample, of_scaled: Floats) -> Group:
    """Return dC_i/ds = dC_i/d(scaled input) times the input."""
    x, cost = sample.unscaled(), notation.cost(sample.i)

    def part(k: notation.Index) -> Expression:
        return by(cost, notation.scaled(k)) * sample.before_scale(k)

    lines = [
        Line(
            by(cost, notation.s(k)),
            (part(k), times(of_scaled[k], x[k])),
            float(of_scaled[k] * x[k]),
        )
        for k in sample.shown.neurons[0]
    ]
    chain = [by(cost, notation.s("k")), part("k")]
    return Group("Gradient of the scales", [chain], lines, notes=sample.shown.note(0))
