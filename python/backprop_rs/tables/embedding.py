"""The table of embeddings: functions from one input to several numbers for the first layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .._internal import error
from .._internal.types import Array

Numbers: TypeAlias = Sequence[float]
Parts: TypeAlias = Sequence[tuple[int, str, Numbers]]
"""For each embedding the input that it takes, its name, and its numbers."""


def identity(x: Array, numbers: Numbers) -> Array:
    """Return x (m,) as the only column."""
    return x[:, None]


def piecewise_linear(x: Array, edges: Numbers) -> Array:
    """Return the encoding of x (m,) by bins, (m, bins).

    The column of the bin from b to c is clip((x - b) / (c - b), 0, 1), but the first is not
    clipped below and the last not above.

    >>> piecewise_linear(np.array([-1.0, 0.5, 2.0, 9.0]), [0, 1, 3])
    array([[-1. ,  0. ],
           [ 0.5,  0. ],
           [ 1. ,  0.5],
           [ 1. ,  4. ]])
    """
    starts, widths = bins(edges, x.dtype)
    e = (x[:, None] - starts) / widths
    e[:, 1:] = np.maximum(e[:, 1:], 0)
    e[:, :-1] = np.minimum(e[:, :-1], 1)
    return e


def bins(edges: Numbers, dtype: Any) -> tuple[Array, Array]:
    """Return the starts and the widths of bins, or raise ValueError if edges do not grow."""
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.asarray(edges, np.float64).astype(dtype)
        widths = rounded[1:] - rounded[:-1]
    if len(widths) == 0 or not ((widths > 0) & np.isfinite(widths)).all():
        raise error.edges()
    return rounded[:-1], widths


@dataclass(frozen=True)
class Embedding:
    """One entry of the table.

    Attributes
    ----------
    name : str
    n_out : function of the numbers
        How many columns replace the input.
    forward : function of x (m,) and the numbers
        The columns, (m, n_out).
    check : function of the numbers and the dtype
        Raises ValueError for numbers that it does not accept.
    """

    name: str
    n_out: Callable[[Numbers], int]
    forward: Callable[[Array, Numbers], Array]
    check: Callable[[Numbers, Any], Any] = lambda numbers, dtype: None


EMBEDDINGS = (
    Embedding("identity", lambda numbers: 1, identity),
    Embedding("piecewise_linear", lambda edges: len(edges) - 1, piecewise_linear, bins),
)


def embedding(name: str) -> Embedding:
    """Return an entry of the table."""
    for row in EMBEDDINGS:
        if row.name == name:
            return row
    raise error.unknown_name("embedding", name, [row.name for row in EMBEDDINGS])


def n_outputs(parts: Parts) -> int:
    """Return how many columns replace all inputs."""
    return sum(embedding(name).n_out(numbers) for _, name, numbers in parts)
