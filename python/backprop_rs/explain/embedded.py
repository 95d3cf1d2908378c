"""The embedded inputs: the formula of each, and its slope."""

from __future__ import annotations

from typing import NamedTuple

from .._internal.expression import Cases, Condition, Expression, Number, Symbol
from ..tables.embedding import Numbers, bins, embedding
from . import notation
from .document import Group, Line, Section
from .formulas import largest, least, where
from .notation import by
from .sample import Sample

TITLE = "Inputs: embedding"
x, left, right = Symbol("x"), Symbol("p"), Symbol("q")  # of one input and one bin
SHARE = (x - left) / (right - left)


class Place(NamedTuple):
    """An embedded input: the input that it comes from, and its column of an embedding."""

    column: int
    name: str
    numbers: Numbers
    number: int


class Formula(NamedTuple):
    """The formula of an embedded input, its slope, and the values of their letters."""

    value: Expression
    slope: Expression
    letters: dict[Expression, Expression]


def places(sample: Sample) -> list[Place]:
    """Return the place of each embedded input."""
    return [
        Place(column, name, numbers, number)
        for column, name, numbers in sample.batch.net._parts
        for number in range(embedding(name).n_out(numbers))
    ]


def formula_of(place: Place, dtype: str) -> Formula:
    """Return the formula of an embedded input."""
    if place.name == "identity":
        return Formula(x, Number(1), {})
    starts, widths = bins(place.numbers, dtype)
    start, width = float(starts[place.number]), float(widths[place.number])
    letters: dict[Expression, Expression] = {left: Number(start), right: Number(start + width)}
    value: Expression = SHARE
    cases: list[tuple[Expression, Condition]] = []
    if place.number + 1 < len(starts):
        value = least(1, value)
    if place.number > 0:
        value = largest(0, value)
        cases.append((Number(0), where(x, "≤", left)))
    slope: Expression = 1 / (right - left)
    if place.number + 1 < len(starts):
        cases.append((slope, where(x, "≤", right)))
        slope = Number(0)
    return Formula(value, Cases(tuple(cases), slope) if cases else slope, letters)


def embedded_inputs(sample: Sample) -> Section:
    """Return the embedded inputs that are shown, and their slopes."""
    every, inputs, values = places(sample), sample.a(0), sample.unscaled()
    shown = sample.shown.neurons[0]
    lines, slopes = [], []
    kinds: dict[str, Formula] = {}
    for k in shown:
        place = every[k]
        formula = formula_of(place, sample.batch.net.dtype)
        e, a = notation.e(k), notation.a(place.column, 0)
        kinds.setdefault(place.name, formula_of(general(place), sample.batch.net.dtype))
        symbols = formula.value.put({x: a})
        letters = formula.letters | {x: Number(float(inputs[place.column]))}
        numbers = formula.value.put(letters)
        lines.append(Line(e, (symbols, numbers), float(values[k])))
        slope = formula.slope.put(letters)
        slopes.append(Line(by(e, a), (slope,), slope.value()))
    symbol: dict[Expression, Expression] = {x: notation.a("j", 0)}
    equations = [[notation.e("k"), each.value.put(symbol)] for each in kinds.values()]
    derivatives = [
        [by(notation.e("k"), notation.a("j", 0)), each.slope.put(symbol)] for each in kinds.values()
    ]
    notes = sample.shown.note(0)
    bins_note = ["p and q are the edges of a bin."] if "piecewise_linear" in kinds else []
    groups = [
        Group("Embedded inputs", equations, lines, notes=[*bins_note, *notes]),
        Group("Slopes of the embedding", derivatives, slopes, notes=notes),
    ]
    return Section(TITLE, groups)


def general(place: Place) -> Place:
    """Return an inner bin of an embedding, whose formula has all cases."""
    return place._replace(numbers=(0.0, 1.0, 2.0, 3.0), number=1)
