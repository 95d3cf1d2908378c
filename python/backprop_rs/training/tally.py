"""Count correct samples block by block, for the accuracy on a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..data.labels import class_labels, has_binary_outputs, is_binary
from .metrics import predicted

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array
    from ..base_network import BaseNetwork


class Tally:
    """The weight of the correct samples, with one class or several labels each.

    The last block may decide which of the two the targets are, so that both are counted as long
    as both are possible.
    """

    def __init__(self, net: BaseNetwork) -> None:
        self.net, self.threshold = net, net._threshold()
        self.decides = has_binary_outputs(net.output, net.cost) and net.sizes[-1] > 1
        self.of_classes: float | None = 0.0  # None if a block has no classes
        self.of_labels: float | None = 0.0

    @property
    def is_open(self) -> bool:
        """True if later blocks can change the result."""
        return self.right is not None

    def add(self, y: AnyArray, a: Array, weights: Array | None) -> None:
        """Count the correct samples of a block."""
        if self.of_classes is not None:
            labels = class_labels(y, self.net.output, self.net.cost)
            self.of_classes = self.plus(self.of_classes, labels, a, weights)
        if self.of_labels is not None and self.decides:
            bits = y.astype(int) if y.ndim == 2 and is_binary(y) else None
            self.of_labels = self.plus(self.of_labels, bits, a, weights)

    def plus(
        self, before: float, labels: AnyArray | None, a: Array, weights: Array | None
    ) -> float | None:
        """Return the weight with that of a block; None if the block has no such labels."""
        if labels is None:
            return None
        right = predicted(a, labels, self.threshold) == labels
        right = right if right.ndim == 1 else right.all(axis=1)
        return before + float(right.sum() if weights is None else weights[right].sum(dtype=float))

    @property
    def right(self) -> float | None:
        """The weight of the correct samples; None if the targets are values."""
        several = self.decides and (self.of_classes is None or self.net._several_labels)
        return self.of_labels if several and self.of_labels is not None else self.of_classes
