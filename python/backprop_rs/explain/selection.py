"""What of a large network is shown, and how the rest is summed up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .expression import Add, Expression, Number, Omitted

if TYPE_CHECKING:
    from .layer_norm_values import Floats
    from .quantities import Quantities


@dataclass(frozen=True)
class Shown:
    """The neurons of each layer (from the input on) and the samples that have lines."""

    neurons: list[list[int]]
    samples: list[int]
    sizes: list[int]
    m: int

    def rest(self, layer: int) -> list[int]:
        """The neurons that have no line."""
        shown = set(self.neurons[layer])
        return [j for j in range(self.sizes[layer]) if j not in shown]

    def note(self, layer: int) -> list[str]:
        """What is left out of the lines of a layer's neurons."""
        left, n = len(self.rest(layer)), self.sizes[layer]
        return [f"{left:,} of {n:,} neurons are left out here."] if left else []

    def weight_note(self, layer: int) -> list[str]:
        shown = len(self.neurons[layer]) * len(self.neurons[layer - 1])
        total = self.sizes[layer] * self.sizes[layer - 1]
        return [f"{total - shown:,} of {total:,} are left out here."] if shown < total else []


def choose(of: Quantities, most: int, most_samples: int) -> Shown:
    """Of wide layers the neurons with the largest |delta|, of the inputs those with the largest."""
    sizes = [of.x, *of.trace.deltas]
    return Shown(
        [largest(np.abs(size).max(axis=0), most) for size in sizes],
        list(range(min(of.m, most_samples))),
        of.net.sizes,
        of.m,
    )


def largest(sizes: Floats, most: int) -> list[int]:
    """The places of the largest, in ascending order; all of them if there are no more."""
    order = np.argsort(-sizes, kind="stable")[:most]
    return sorted(order.tolist())


def sums(
    shown: Sequence[int],
    rest: Sequence[int],
    symbol: Callable[[int], Expression],
    number: Callable[[int], Expression],
    last: tuple[Expression, Expression] | None = None,
) -> tuple[Expression, Expression]:
    """A sum in symbols and the same one with numbers, the terms of `rest` summed up."""
    left = [Omitted(len(rest))] if rest else []
    symbols: list[Expression] = [*map(symbol, shown), *left, *([last[0]] if last else [])]
    return added(symbols), total(shown, rest, number, last[1] if last else None)


def total(
    shown: Sequence[int],
    rest: Sequence[int],
    number: Callable[[int], Expression],
    last: Expression | None = None,
) -> Expression:
    """The sum with numbers alone."""
    parts = list(map(number, shown))
    if rest:
        parts.append(Omitted(len(rest), sum(number(i).value() for i in rest)))
    return added(parts if last is None else [*parts, last])


def added(parts: list[Expression]) -> Expression:
    return Add(tuple(parts)) if len(parts) > 1 else parts[0]


def times(*numbers: Any) -> Expression:
    """A product of numbers, plain or NumPy's."""
    product: Expression = Number(float(numbers[0]))
    for number in numbers[1:]:
        product = product * Number(float(number))
    return product
