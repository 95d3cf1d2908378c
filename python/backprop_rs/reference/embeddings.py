"""The embeddings of the inputs: each input becomes one or more columns for the first layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._internal import error
from .._internal.types import Array
from ..tables.embedding import (
    Parts,
    embedded,
    embedding,
    gradients,
    n_outputs,
    n_parameters,
    start,
)


class Embeddings:
    """The embeddings of the inputs of a network, in the order of their columns.

    `theta` holds what they learn, part after part.
    """

    def __init__(self, n_in: int, parts: Parts, dtype: Any) -> None:
        """Check the parts for n_in inputs; their parameters are zero."""
        for column, name, numbers in parts:
            if column >= n_in:
                raise error.embedded(column, n_in)
            embedding(name).check(numbers, dtype)
        self.parts, self.n_out = parts, n_outputs(parts)
        self.theta: Array = np.zeros(n_parameters(parts), dtype)

    def initialize(self, seed: int) -> None:
        """Draw the parameters."""
        self.theta[...] = start(self.parts, seed)

    def forward(self, X: Array) -> Array:
        """Return the columns (m, n_out) that replace the inputs X (m, n_in)."""
        return embedded(self.parts, X, self.theta)

    def backward(self, X: Array, delta: Array, m: float) -> Array:
        """Return the averaged gradient of theta for dC/d(columns) (m, n_out)."""
        gradient: Array = gradients(self.parts, X, self.theta, delta).sum(axis=0) / m
        return gradient
