"""Samples that a training is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..reference.random import SPLIT, raw

if TYPE_CHECKING:
    from .._types import AnyArray, Array


@dataclass
class Samples:
    """Checked samples, ready for the core; labels are the classes of y, where it has any."""

    X: Array
    y: AnyArray
    labels: AnyArray | None
    weights: Array | None = None

    def __len__(self) -> int:
        return len(self.X)

    def rows(self, chosen: AnyArray) -> Samples:
        """Some of them, copied."""
        part: list[Any] = [
            None if array is None else np.ascontiguousarray(array[chosen])
            for array in (self.X, self.y, self.labels, self.weights)
        ]
        return Samples(*part)


def hold_back(samples: Samples, fraction: float, seed: int) -> tuple[Samples, Samples]:
    """Split off a share of the samples, of each class alike, by the seed alone."""
    order = np.argsort(raw(seed, SPLIT, 1, len(samples)), kind="stable")
    held = np.zeros(len(samples), bool)
    for group in groups(samples.labels, len(samples)):
        rows = order[np.isin(order, group, assume_unique=True)]
        held[rows[: round(fraction * len(rows))]] = True
    if not held.any() or held.all():
        raise ValueError(
            "validation_fraction must leave samples on both sides; "
            f"got {fraction} of {len(samples)} samples"
        )
    return samples.rows(~held), samples.rows(held)


def groups(labels: AnyArray | None, n: int) -> list[AnyArray]:
    """The rows of each class, or all rows."""
    if labels is None:
        return [np.arange(n)]
    return [np.flatnonzero(labels == one) for one in np.unique(labels)]
