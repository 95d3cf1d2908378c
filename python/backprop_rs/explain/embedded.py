"""The embedded inputs: their formulas, their slopes, and the gradient of what they learn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._internal.expression import PI, Cases, Condition, Expression, Number, Series, Symbol
from ..tables.embedding import Place, Waves, bins, places
from . import notation
from .document import Group, Line, Section
from .formulas import cos, largest, least, sin, where
from .notation import by
from .quantities import embedding_gradients
from .sample import Sample
from .selection import largest as largest_of
from .selection import sums, total

TITLE = "Inputs: embedding"
x, left, right = Symbol("x"), Symbol("p"), Symbol("q")  # of one input and one bin
SHARE = (x - left) / (right - left)
EDGES_NOTE = "p and q are the edges of a bin."
WAVES_NOTE = (
    "ω, φ, v and β are the learned frequencies, phases, weights and biases of an input. In the "
    "lines they are θ, numbered as in net.embeddings."
)
ANY_PHASE = 2 * PI * Symbol("ω", "f") * x + Symbol("φ", "f")
ANY_WAVE = Symbol("v", "kf") * cos(ANY_PHASE)


class Column(NamedTuple):
    """An embedded input: its part, and its number among the columns of the part."""

    place: Place
    number: int

    @property
    def name(self) -> str:
        """The entry of the table."""
        return self.place.row.name


class Parts(NamedTuple):
    """A formula in symbols, and with numbers."""

    symbols: Expression
    numbers: Expression


def columns(sample: Sample) -> list[Column]:
    """Return the column of each embedded input."""
    return [
        Column(place, number)
        for place in places(sample.batch.net._parts)
        for number in range(place.row.n_out(place.numbers))
    ]


# Bins.


def share_of_bin(number: int, count: int) -> Expression:
    """Return the formula of bin `number` of `count`; the ends have no limit outwards."""
    value: Expression = SHARE
    if number + 1 < count:
        value = least(1, value)
    return largest(0, value) if number > 0 else value


def slope_of_bin(number: int, count: int) -> Expression:
    """Return the slope of a bin."""
    slope: Expression = 1 / (right - left)
    cases: list[tuple[Expression, Condition]] = []
    if number > 0:
        cases.append((Number(0), where(x, "≤", left)))
    if number + 1 < count:
        cases.append((slope, where(x, "≤", right)))
        slope = Number(0)
    return Cases(tuple(cases), slope) if cases else slope


# Waves.


def indices_of(place: Place) -> Waves:
    """Return the numbers in θ of the parameters of a part."""
    return Waves.of(np.arange(place.parameters.start, place.parameters.stop), place.numbers)


def phase_of(sample: Sample, place: Place, f: int) -> Parts:
    """Return 2π ω a + φ of frequency f."""
    indices = indices_of(place)
    omega, phi = int(indices.frequencies[f]), int(indices.phases[f])
    theta, a = sample.theta(), sample.a(0)[place.column]
    return Parts(
        2 * PI * notation.theta(omega) * notation.a(place.column, 0) + notation.theta(phi),
        2 * PI * Number(float(theta[omega])) * Number(float(a)) + Number(float(theta[phi])),
    )


def waves_of(sample: Sample, column: Column) -> Parts:
    """Return β + Σ v cos(2π ω a + φ), with the terms of the largest weights."""
    place, theta = column.place, sample.theta()
    indices = indices_of(place)
    weights, bias = indices.weights[column.number], int(indices.biases[column.number])
    shown = largest_of(np.abs(theta[weights]), len(sample.shown.neurons[0]))
    rest = [f for f in range(len(weights)) if f not in shown]
    last = (notation.theta(bias), Number(float(theta[bias])))
    return Parts(
        *sums(
            shown,
            rest,
            lambda f: notation.theta(int(weights[f])) * cos(phase_of(sample, place, f).symbols),
            lambda f: Number(float(theta[weights[f]])) * cos(phase_of(sample, place, f).numbers),
            last,
        )
    )


def slope_of_waves(sample: Sample, column: Column) -> Expression:
    """Return -Σ v sin(2π ω a + φ) 2π ω with numbers."""
    place, theta = column.place, sample.theta()
    indices = indices_of(place)
    weights = indices.weights[column.number]
    shown = largest_of(np.abs(theta[weights]), len(sample.shown.neurons[0]))
    rest = [f for f in range(len(weights)) if f not in shown]

    def term(f: int) -> Expression:
        factor = Number(float(theta[weights[f]])) * sin(phase_of(sample, place, f).numbers)
        return factor * 2 * PI * Number(float(theta[indices.frequencies[f]]))

    return -total(shown, rest, term)


# Sections.


def formula_of(sample: Sample, column: Column) -> tuple[Parts, Expression]:
    """Return the formula of an embedded input, and its slope with numbers."""
    place, k = column
    a = notation.a(place.column, 0)
    number = Number(float(sample.a(0)[place.column]))
    if column.name == "identity":
        return Parts(a, number), Number(1)
    if column.name == "periodic":
        return waves_of(sample, column), slope_of_waves(sample, column)
    starts, widths = bins(place.numbers, sample.batch.net.dtype)
    start, width = float(starts[k]), float(widths[k])
    letters: dict[Expression, Expression] = {left: Number(start), right: Number(start + width)}
    letters[x] = number
    value = share_of_bin(k, len(starts))
    slope = slope_of_bin(k, len(starts))
    return Parts(value.put({x: a}), value.put(letters)), slope.put(letters)


GENERAL: dict[str, tuple[Expression, Expression]] = {
    "identity": (x, Number(1)),
    "piecewise_linear": (share_of_bin(1, 3), slope_of_bin(1, 3)),
    "periodic": (
        Symbol("β", "k") + Series("f", "F−1", ANY_WAVE),
        -Series("f", "F−1", Symbol("v", "kf") * sin(ANY_PHASE) * 2 * PI * Symbol("ω", "f")),
    ),
}


def embedded_inputs(sample: Sample) -> Section:
    """Return the embedded inputs that are shown, and their slopes."""
    every, values = columns(sample), sample.unscaled()
    shown = sample.shown.neurons[0]
    lines, slopes = [], []
    for k in shown:
        parts, slope = formula_of(sample, every[k])
        e, a = notation.e(k), notation.a(every[k].place.column, 0)
        lines.append(Line(e, parts, float(values[k])))
        slopes.append(Line(by(e, a), (slope,), slope.value()))
    kinds = list(dict.fromkeys(every[k].name for k in shown))
    symbol: dict[Expression, Expression] = {x: notation.a("j", 0)}
    equations = [[notation.e("k"), GENERAL[kind][0].put(symbol)] for kind in kinds]
    any_slope = by(notation.e("k"), notation.a("j", 0))
    derivatives = [[any_slope, GENERAL[kind][1].put(symbol)] for kind in kinds]
    notes = [EDGES_NOTE] * ("piecewise_linear" in kinds) + [WAVES_NOTE] * ("periodic" in kinds)
    left_out = sample.shown.note(0)
    return Section(
        TITLE,
        [
            Group("Embedded inputs", equations, lines, notes=[*notes, *left_out]),
            Group("Slopes of the embedding", derivatives, slopes, notes=left_out),
        ],
    )


def by_embedded(sample: Sample) -> Group:
    """Return dC/de = dC/d(scaled input) s of the columns that are shown."""
    cost, scales, deltas = notation.cost(sample.i), sample.batch.scales, sample.input_delta()
    assert scales is not None
    lines = []
    for k in sample.shown.neurons[0]:
        symbols = by(cost, notation.scaled(k)) * notation.s(k)
        numbers = Number(float(deltas[k])) * Number(float(scales[k]))
        lines.append(Line(by(cost, notation.e(k)), (symbols, numbers), numbers.value()))
    chain = [by(cost, notation.e("k")), by(cost, notation.scaled("k")) * notation.s("k")]
    return Group("Back through the scales", [chain], lines, notes=sample.shown.note(0))


def embedding_gradient(sample: Sample) -> Group:
    """Return dC_i/dθ of the parameters with the largest gradients."""
    cost = notation.cost(sample.i)
    gradient = embedding_gradients(sample.batch.net, sample.batch.trace)[sample.i]
    lines = [
        Line(by(cost, notation.theta(p)), derivative(sample, p), float(gradient[p]))
        for p in sample.shown.embeddings
    ]
    of_e = by(cost, notation.e("k"))
    letters: dict[Expression, Expression] = {x: notation.a("j", 0)}
    phi, omega = by(cost, Symbol("φ", "f")), by(cost, Symbol("ω", "f"))
    inner = Series("k", "K−1", of_e * Symbol("v", "kf"))
    chains: list[list[Expression]] = [
        [by(cost, Symbol("β", "k")), of_e],
        [by(cost, Symbol("v", "kf")), of_e * cos(ANY_PHASE).put(letters)],
        [phi, -(sin(ANY_PHASE).put(letters) * inner)],
        [omega, 2 * PI * notation.a("j", 0) * phi],
    ]
    count = len(gradient) - len(lines)
    notes = [f"{count:,} of {len(gradient):,} parameters are left out here."] if count else []
    return Group("Gradient of the embeddings", chains, lines, notes=[WAVES_NOTE, *notes])


def derivative(sample: Sample, p: int) -> Parts:
    """Return dC_i/dθ_p in symbols and with numbers."""
    (place,) = (
        place
        for place in places(sample.batch.net._parts)
        if place.parameters.start <= p < place.parameters.stop
    )
    cost, theta, indices = notation.cost(sample.i), sample.theta(), indices_of(place)
    first, deltas = place.outputs.start, sample.unscaled_delta()

    def of_e(m: int) -> Parts:
        return Parts(by(cost, notation.e(first + m)), Number(float(deltas[first + m])))

    if p in indices.biases:
        return of_e(int(p - indices.biases[0]))
    if p in indices.weights:
        ((m, f),) = np.argwhere(indices.weights == p).tolist()
        phase, delta = phase_of(sample, place, f), of_e(m)
        return Parts(delta.symbols * cos(phase.symbols), delta.numbers * cos(phase.numbers))
    of_phase = p in indices.phases
    f = int(p - (indices.phases if of_phase else indices.frequencies)[0])
    phase, weights = phase_of(sample, place, f), indices.weights[:, f]
    inner = Parts(
        *sums(
            range(len(weights)),
            [],
            lambda m: of_e(m).symbols * notation.theta(int(weights[m])),
            lambda m: of_e(m).numbers * Number(float(theta[weights[m]])),
        )
    )
    symbols = -(sin(phase.symbols) * inner.symbols)
    numbers = -(sin(phase.numbers) * inner.numbers)
    if of_phase:
        return Parts(symbols, numbers)
    a = Number(float(sample.a(0)[place.column]))
    by_phase = by(cost, notation.theta(int(indices.phases[f])))
    return Parts(2 * PI * notation.a(place.column, 0) * by_phase, 2 * PI * a * numbers)
