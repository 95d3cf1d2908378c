"""A number as its position among quantiles of the training rows: piecewise-linear encoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .column_statistics import ColumnStatistics, check_finite
from .columns import Column, Kind, Place
from .encoders import Encoder, NumberEncoder
from .value_counts import ValueCounts, quantile_of

FEW_EDGES = 4
"""With fewer edges the encoding would say little more than the number itself."""


@dataclass(frozen=True)
class PiecewiseEncoder(Encoder):
    """A scaled number, and one feature for each bin between quantiles of the training rows.

    The feature of a bin from b to c is clip((x - b) / (c - b), 0, 1): 0 below the bin, 1 above it,
    and linear in between. A linear function of these features is any continuous piecewise linear
    function of the number with its kinks at the quantiles. A missing cell is the median. Source:
    Gorishniy, Rubachev and Babenko 2022, On Embeddings for Numerical Features in Tabular Deep
    Learning, section 3.2.

    Parameters
    ----------
    number : NumberEncoder
        The scaled number, and 1 if the cell is missing.
    edges : tuple of float
        The edges of the bins, growing.

    Examples
    --------
    >>> number = NumberEncoder("x", 1.0, None, indicator=False)
    >>> encoder = PiecewiseEncoder(number, (0.0, 1.0, 3.0))
    >>> encoder.encode(Column("x", "number", [0.5, 2.0, 9.0])).tolist()
    [[0.5, 0.0], [1.0, 0.5], [1.0, 1.0]]
    """

    number: NumberEncoder
    edges: tuple[float, ...]
    kind: Kind = "number"
    label = "piecewise"

    @classmethod
    def fit(cls, statistics: ColumnStatistics, scaling: str, n_bins: int) -> Encoder:
        """Return the encoder for a column, or a `NumberEncoder` if it has few distinct values."""
        number = NumberEncoder.fit(statistics, scaling)
        edges = quantile_edges(statistics.numbers, n_bins)
        return number if len(edges) < FEW_EDGES else cls(number, edges)

    @property
    def name(self) -> str:  # type: ignore[override]
        """The name of the column."""
        return self.number.name

    @property
    def features(self) -> tuple[str, ...]:  # type: ignore[override]
        """The features of the number, and one name for each bin."""
        bins = tuple(f"{self.name}, bin {k}" for k in range(1, len(self.edges)))
        return self.number.features + bins

    def encode(self, column: Column, place: Place | None = None) -> NDArray[np.float64]:
        """Return the features (m, k)."""
        check_finite(column, place)
        number = self.number.encode(column, place)
        x = np.where(column.missing, self.number.fill, column.values)
        edges = np.array(self.edges)
        # The halves cannot overflow.
        left, width = edges[:-1] / 2, edges[1:] / 2 - edges[:-1] / 2
        bins = np.clip((x[:, None] / 2 - left) / width, 0, 1)
        return np.concatenate([number, bins], axis=1)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters for JSON."""
        return {
            "label": self.label,
            "number": self.number.to_dict(),
            "edges": list(self.edges),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PiecewiseEncoder:
        """Return the encoder that `to_dict` has described."""
        edges = tuple(map(float, values["edges"]))
        if len(edges) < 2 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
            raise ValueError("bins must have 2 or more growing, finite edges")
        return cls(NumberEncoder.from_dict(values["number"]), edges)


def quantile_edges(counts: ValueCounts, n_bins: int) -> tuple[float, ...]:
    """Return the distinct values of n_bins + 1 evenly spaced quantiles.

    >>> counts = ValueCounts()
    >>> counts.add(np.array([0.0, 0.0, 0.0, 1.0, 5.0]))
    >>> quantile_edges(counts, 4)
    (0.0, 1.0, 5.0)
    """
    values, numbers = counts.values.astype(np.float64), counts.counts
    edges = {quantile_of(values, numbers, k / n_bins) for k in range(n_bins + 1)}
    distinct = sorted(edges)
    # A width must not round to 0.
    return tuple(
        edge for k, edge in enumerate(distinct) if k == 0 or edge / 2 - distinct[k - 1] / 2 > 0
    )
