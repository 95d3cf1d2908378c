"""The part of a large network that is shown, and sums over the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.expression import Add, Expression, Number, Omitted

if TYPE_CHECKING:
    from .._internal.types import AnyArray
    from .quantities import Quantities


@dataclass(frozen=True)
class Shown:
    """The neurons of each layer (from the input on) and the samples that are shown."""

    neurons: list[list[int]]
    samples: list[int]
    sizes: list[int]
    m: int
    embeddings: list[int]  # the numbers of parameters of embeddings

    def rest(self, layer: int) -> list[int]:
        """Return the neurons that are not shown."""
        shown = set(self.neurons[layer])
        return [j for j in range(self.sizes[layer]) if j not in shown]

    def note(self, layer: int) -> list[str]:
        """Return a note if neurons of a layer are left out."""
        left, n = len(self.rest(layer)), self.sizes[layer]
        return [f"{left:,} of {n:,} neurons are left out here."] if left else []

    def weight_note(self, layer: int) -> list[str]:
        """Return a note if weights of a layer are left out."""
        shown = len(self.neurons[layer]) * len(self.neurons[layer - 1])
        total = self.sizes[layer] * self.sizes[layer - 1]
        return [f"{total - shown:,} of {total:,} are left out here."] if shown < total else []


RULE = "Wide layers show the neurons with the largest |δ|, wide inputs the largest |x|."
"""The rule of `importance`, which the pictures and the formulas say."""

RULE_OF_WEIGHTS = (
    "Wide layers show the neurons with the largest sum of |w| of their outgoing weights."
)
"""The rule without targets, which have no δ."""


def importance(x: AnyArray, deltas: Sequence[AnyArray]) -> list[AnyArray]:
    """Return the importance of each neuron, from the input on: the mean of |x| or of |δ|."""
    return [np.abs(rows).mean(axis=0) for rows in (x, *deltas)]


def choose(batch: Quantities, max_neurons: int, max_samples: int) -> Shown:
    """Select the most important neurons of each layer."""
    sizes = importance(batch.trace.unscaled_inputs, batch.trace.deltas)
    learned = batch.trace.embedding_gradients
    return Shown(
        [largest(size, max_neurons) for size in sizes],
        list(range(min(batch.m, max_samples))),
        batch.net._widths,
        batch.m,
        [] if learned is None else largest(np.abs(learned), max_neurons),
    )


def largest(sizes: AnyArray, count: int) -> list[int]:
    """Return the positions of the `count` largest values, in ascending order."""
    order = np.argsort(-sizes, kind="stable")[:count]
    return sorted(order.tolist())


def sums(
    shown: Sequence[int],
    rest: Sequence[int],
    symbol: Callable[[int], Expression],
    number: Callable[[int], Expression],
    last: tuple[Expression, Expression] | None = None,
) -> tuple[Expression, Expression]:
    """Return a sum in symbols and with numbers; the terms of `rest` are added up."""
    left = [Omitted(len(rest))] if rest else []
    symbols: list[Expression] = [*map(symbol, shown), *left, *([last[0]] if last else [])]
    return added(symbols), total(shown, rest, number, last[1] if last else None)


def total(
    shown: Sequence[int],
    rest: Sequence[int],
    number: Callable[[int], Expression],
    last: Expression | None = None,
) -> Expression:
    """Return the sum with numbers only."""
    parts = list(map(number, shown))
    if rest:
        parts.append(Omitted(len(rest), sum(number(i).value() for i in rest)))
    return added(parts if last is None else [*parts, last])


def added(parts: list[Expression]) -> Expression:
    """Return the sum of formulas, or the only one."""
    return Add(tuple(parts)) if len(parts) > 1 else parts[0]


def times(*numbers: Any) -> Expression:
    """Return a product of numbers."""
    product: Expression = Number(float(numbers[0]))
    for number in numbers[1:]:
        product = product * Number(float(number))
    return product
