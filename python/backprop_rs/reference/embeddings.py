"""The embeddings of the inputs: each input becomes one or more columns for the first layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._internal import error
from .._internal.types import Array
from ..tables.embedding import Parts, embedding, n_outputs


class Embeddings:
    """The embeddings of the inputs of a network, in the order of their columns."""

    def __init__(self, n_in: int, parts: Parts, dtype: Any) -> None:
        """Check the parts for n_in inputs."""
        for column, name, numbers in parts:
            if column >= n_in:
                raise error.embedded(column, n_in)
            embedding(name).check(numbers, dtype)
        self.parts, self.n_out = parts, n_outputs(parts)

    def forward(self, X: Array) -> Array:
        """Return the columns (m, n_out) that replace the inputs X (m, n_in)."""
        columns = [
            embedding(name).forward(X[:, column], numbers) for column, name, numbers in self.parts
        ]
        return np.concatenate(columns, axis=1)
