"""Averages over the samples, and the step of gradient descent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from .._internal.expression import Call, Expression, Fraction, Negative, Number, Series, Symbol
from . import notation
from .document import Group, Line, Section
from .layer_norm_values import Floats, doubled
from .notation import ALPHA, by
from .optimizer import LETTERS, TITLES
from .quantities import Quantities, embedding_gradients
from .selection import Shown, total


def averages(batch: Quantities, shown: Shown) -> Section:
    """Return C and its gradients as means over the samples."""
    chain = [notation.cost(), mean_of(batch.m, notation.cost("i"))]
    line = Line(notation.cost(), (mean(batch, shown, batch.costs),), batch.trace.cost)
    groups = [Group("Cost of the batch", [chain], [line], 12)]
    layers = range(1, len(batch.net.sizes))
    sections = [
        Section(
            f"Layer {layer}", [average(batch, shown, layer, kind) for kind in kinds(batch, layer)]
        )
        for layer in layers
    ]
    return Section(f"Average over {batch.m:,} samples", groups, sections)


def mean_of(m: int, body: Expression) -> Expression:
    """Return 1/m times the sum of a formula over all samples i."""
    return Fraction(Number(1), Number(m)) * Series("i", str(m - 1), body)


def mean(batch: Quantities, shown: Shown, values: Floats) -> Expression:
    """Return 1/m times the sum of the values of all samples."""
    rest = [i for i in range(batch.m) if i not in shown.samples]
    numbers = total(shown.samples, rest, lambda i: Number(float(values[i])))
    return Fraction(Number(1), Number(batch.m)) * numbers


class Kind:
    """Weights, biases, gains or shifts: their letter and the elements that are shown."""

    def __init__(self, plural: str, letter: Callable[..., Expression]) -> None:
        self.plural = plural
        self.letter = letter

    @property
    def weights(self) -> bool:
        """True if the parameters are weights, which have two indices."""
        return self.plural == "weights"

    def general(self, layer: int) -> Expression:
        """Return the symbol of any parameter of a layer."""
        return self.letter("j", "k", layer) if self.weights else self.letter("j", layer)

    def places(self, shown: Shown, layer: int) -> list[tuple[int, ...]]:
        """Return the indices of the parameters that are shown."""
        rows = shown.neurons[layer]
        if not self.weights:
            return [(j,) for j in rows]
        return [(j, k) for j in rows for k in shown.neurons[layer - 1]]

    def note(self, shown: Shown, layer: int) -> list[str]:
        """Return a note if parameters of a layer are left out."""
        return shown.weight_note(layer) if self.weights else shown.note(layer)

    def of_samples(self, batch: Quantities, layer: int) -> Floats:
        """Return dC_i/dtheta, one row per sample."""
        norm = batch.norms[layer - 1]
        if self.weights:
            return batch.gradients_of_samples(layer)
        if self.plural == "alphas":
            return batch.alpha_gradients(layer)
        if norm is None or self.plural == "biases":
            return doubled(batch.trace.deltas[layer - 1])
        return norm.seen_gradients * (norm.normalized if self.plural == "gains" else 1.0)

    def gradients(self, batch: Quantities, layer: int) -> Floats:
        """Return the averaged gradients of a layer."""
        return doubled(getattr(batch.trace, GRADIENTS[self.plural])[layer - 1])

    def before(self, batch: Quantities, layer: int) -> Floats:
        """Return the parameters of a layer before the step."""
        return doubled(getattr(batch.net, self.plural)[layer - 1])

    def after(self, batch: Quantities, layer: int) -> Floats:
        """Return the parameters of a layer after the step."""
        return doubled(getattr(batch, f"new_{self.plural}")[layer - 1])


class Scales(Kind):
    """The learned factors of the inputs of the first layer."""

    def general(self, layer: int) -> Expression:
        """Return the symbol of any factor."""
        return notation.s("k")

    def places(self, shown: Shown, layer: int) -> list[tuple[int, ...]]:
        """Return the indices of the factors that are shown."""
        return [(k,) for k in shown.neurons[0]]

    def note(self, shown: Shown, layer: int) -> list[str]:
        """Return a note if factors are left out."""
        return shown.note(0)

    def of_samples(self, batch: Quantities, layer: int) -> Floats:
        """Return dC_i/ds, one row per sample."""
        deltas = batch.trace.input_deltas
        assert deltas is not None
        return doubled(deltas) * doubled(batch.trace.unscaled_inputs)

    def gradients(self, batch: Quantities, layer: int) -> Floats:
        """Return the averaged gradients."""
        assert batch.trace.scale_gradients is not None
        return doubled(batch.trace.scale_gradients)

    def before(self, batch: Quantities, layer: int) -> Floats:
        """Return the factors before the step."""
        assert batch.scales is not None
        return doubled(batch.scales)

    def after(self, batch: Quantities, layer: int) -> Floats:
        """Return the factors after the step."""
        assert batch.new_scales is not None
        return doubled(batch.new_scales)


class Embeddings(Kind):
    """What the embeddings of the inputs learn."""

    def general(self, layer: int) -> Expression:
        """Return the symbol of any parameter."""
        return notation.theta("p")

    def places(self, shown: Shown, layer: int) -> list[tuple[int, ...]]:
        """Return the indices of the parameters that are shown."""
        return [(p,) for p in shown.embeddings]

    def note(self, shown: Shown, layer: int) -> list[str]:
        """Return no note: the group of the gradients has it."""
        return []

    def of_samples(self, batch: Quantities, layer: int) -> Floats:
        """Return dC_i/dtheta, one row per sample."""
        return embedding_gradients(batch.net, batch.trace)

    def gradients(self, batch: Quantities, layer: int) -> Floats:
        """Return the averaged gradients."""
        assert batch.trace.embedding_gradients is not None
        return doubled(batch.trace.embedding_gradients)

    def before(self, batch: Quantities, layer: int) -> Floats:
        """Return the parameters before the step."""
        assert batch.embeddings is not None
        return doubled(batch.embeddings)

    def after(self, batch: Quantities, layer: int) -> Floats:
        """Return the parameters after the step."""
        assert batch.new_embeddings is not None
        return doubled(batch.new_embeddings)


GRADIENTS = {
    "weights": "weight_gradients",
    "biases": "bias_gradients",
    "gains": "gain_gradients",
    "shifts": "shift_gradients",
    "alphas": "alpha_gradients",
}
KINDS = (Kind("weights", notation.w), Kind("biases", notation.b))
OF_NORM = (Kind("gains", notation.g), Kind("shifts", notation.h))
ALPHAS = Kind("alphas", notation.r)
SCALES = Scales("scales", lambda k, layer: notation.s(k))
EMBEDDINGS = Embeddings("embeddings", lambda p, layer: notation.theta(p))


def kinds(batch: Quantities, layer: int) -> tuple[Kind, ...]:
    """Return the kinds of parameters of a layer."""
    of_inputs: list[Kind] = []
    if layer == 1:
        of_inputs += [SCALES] * (batch.scales is not None)
        of_inputs += [EMBEDDINGS] * (batch.embeddings is not None)
    of_norm = OF_NORM if batch.norms[layer - 1] is not None else ()
    of_activation = () if batch.alphas[layer - 1] is None else (ALPHAS,)
    return (*KINDS, *of_norm, *of_activation, *of_inputs)


def average(batch: Quantities, shown: Shown, layer: int, kind: Kind) -> Group:
    """Return the gradients of the parameters of a layer, averaged over the samples."""
    letter = kind.general(layer)
    chain = [by(notation.cost(), letter), mean_of(batch.m, by(notation.cost("i"), letter))]
    each, result = kind.of_samples(batch, layer), kind.gradients(batch, layer)
    lines = []
    for place in kind.places(shown, layer):
        name = by(notation.cost(), kind.letter(*place, layer))
        part = mean(batch, shown, np.array([gradient[place] for gradient in each]))
        lines.append(Line(name, (part,), float(result[place])))
    title = f"Gradient of the {kind.plural}"
    number = 13 if kind in KINDS else None  # the derivation has no others
    return Group(title, [chain], lines, number, kind.note(shown, layer))


def update(batch: Quantities, shown: Shown) -> Section:
    """Return theta := theta - alpha dC/dtheta, and the cost with the new parameters."""
    sections = []
    for layer in range(1, len(batch.net.sizes)):
        groups = []
        for kind in kinds(batch, layer):
            groups += [new_moment(batch, shown, layer, kind, kept) for kept in batch.moments.kept]
            groups.append(descent(batch, shown, layer, kind))
        sections.append(Section(f"Layer {layer}", groups))
    changed = batch.new_cost - batch.trace.cost
    words = "the same" if not changed else f"{abs(changed):.3g} {'more' if changed > 0 else 'less'}"
    after = Group(
        "Cost with the new parameters",
        [],
        [Line(notation.cost(), (), batch.new_cost)],
        notes=[f"Before the update it was {batch.trace.cost:.6g}: it is now {words}."],
    )
    notes = batch.moments.sentences(batch.learning_rate)
    sections.append(Section("After", [after]))
    return Section("Update", sections=sections, notes=notes)


def new_moment(batch: Quantities, shown: Shown, layer: int, kind: Kind, kept: str) -> Group:
    """Return the new values of a moment of the parameters of a layer."""
    moments, settings = batch.moments, batch.moments.values(batch.learning_rate)
    general, theta = kind.general(layer), kind.before(batch, layer)
    name, square = symbol_of(general, kept), symbol_of(general, "square")
    slope = penalized(batch, layer, kind, general, gradient_of(batch, general))
    chain = [name, moments.new_moment(kept, name, slope, square)]
    before = moments.of(kept, kind.plural, layer, after=False)
    after = moments.of(kept, kind.plural, layer, after=True)
    squares = moments.of("square", kind.plural, layer, after=True) if kept == "largest" else after
    gradients, lines = kind.gradients(batch, layer), []
    for place in kind.places(shown, layer):
        g = penalized(batch, layer, kind, Number(theta[place]), Number(gradients[place]))
        part = moments.new_moment(kept, Number(before[place]), g, Number(squares[place]))
        letter = symbol_of(kind.letter(*place, layer), kept)
        lines.append(Line(letter, (part.put(settings),), float(after[place])))
    title = f"{TITLES[kept]}: {kind.plural}"
    return Group(title, [chain], lines, notes=kind.note(shown, layer), sign=":=")


def symbol_of(general: Expression, kept: str) -> Expression:
    """Return the symbol of a moment with the indices of a parameter."""
    assert isinstance(general, Symbol)
    return replace(general, name=LETTERS[kept])


def gradient_of(batch: Quantities, letter: Expression) -> Expression:
    """Return dC/dtheta in symbols."""
    return by(notation.cost(0 if batch.m == 1 else None), letter)


def descent(batch: Quantities, shown: Shown, layer: int, kind: Kind) -> Group:
    """Return the step of the parameters of a layer."""
    moments, settings = batch.moments, batch.moments.values(batch.learning_rate)
    letter = kind.general(layer)
    gradient = gradient_of(batch, letter)
    symbols = {kept: symbol_of(letter, kept) for kept in moments.kept}
    chain = [letter, moved(batch, layer, kind, letter, gradient, symbols)]
    number = 14 if chain[1] == letter - ALPHA * gradient else None  # penalties change it
    before, gradients = kind.before(batch, layer), kind.gradients(batch, layer)
    after = kind.after(batch, layer)
    kept_after = {kept: moments.of(kept, kind.plural, layer, after=True) for kept in moments.kept}
    lines, limited = [], False
    for place in kind.places(shown, layer):
        theta, slope = Number(before[place]), Number(gradients[place])
        numbers: dict[str, Expression] = {
            kept: Number(values[place]) for kept, values in kept_after.items()
        }
        part = moved(batch, layer, kind, theta, slope, numbers).put(settings)
        factor = norm_factor(batch, layer, kind, place[0])
        if factor != 1:
            part, limited = Number(factor) * part, True
        lines.append(Line(kind.letter(*place, layer), (part,), float(after[place])))
    notes = kind.note(shown, layer)
    if limited:
        max_norm = batch.net._options[layer - 1]["max_norm"]
        notes.append(f"The first factor scales the weights of a neuron to the norm {max_norm:g}.")
    return Group(f"New {kind.plural}", [chain], lines, number, notes, ":=")


def penalized(
    batch: Quantities, layer: int, kind: Kind, theta: Expression, slope: Expression
) -> Expression:
    """Return the gradient of the cost with the penalties of its layer."""
    options = batch.net._options[layer - 1]
    if kind.weights and options["l1"]:
        slope = slope + Number(options["l1"]) * Call("sign", (theta,))
    if kind.weights and options["l2"]:
        slope = slope + Number(2 * options["l2"]) * theta
    return slope


def moved(
    batch: Quantities,
    layer: int,
    kind: Kind,
    theta: Expression,
    slope: Expression,
    moments: Mapping[str, Expression],
) -> Expression:
    """Return the parameter after the step, with the weight decay of its layer and optimizer."""
    slope = penalized(batch, layer, kind, theta, slope)
    step = batch.moments.step(slope, moments)
    after = theta + step.part if isinstance(step, Negative) else theta - step
    decay = batch.net._options[layer - 1]["weight_decay"] + batch.moments.choice.weight_decay
    if kind.weights and decay:
        after = after - ALPHA * Number(decay) * theta
    return after


def norm_factor(batch: Quantities, layer: int, kind: Kind, j: int) -> float:
    """Return the factor by which max_norm scales the weights of neuron j."""
    max_norm = batch.net._options[layer - 1]["max_norm"]
    if not (kind.weights and max_norm):
        return 1.0
    before, gradients = kind.before(batch, layer)[j], kind.gradients(batch, layer)[j]
    moments, settings = batch.moments, batch.moments.values(batch.learning_rate)
    kept = {name: moments.of(name, kind.plural, layer, after=True)[j] for name in moments.kept}
    row = []
    for k, (w, g) in enumerate(zip(before, gradients, strict=True)):
        numbers: dict[str, Expression] = {name: Number(part[k]) for name, part in kept.items()}
        formula = moved(batch, layer, kind, Number(w), Number(g), numbers)
        row.append(formula.put(settings).value())
    norm = float(np.linalg.norm(row))
    return max_norm / norm if norm > max_norm else 1.0
