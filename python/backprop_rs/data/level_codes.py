"""Categories with a table of numbers for their levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encoders import CategoryEncoder


@dataclass(frozen=True)
class CodedEncoder(CategoryEncoder):
    """The numbers of a table for each level, for a missing cell, and for an unknown level.

    Parameters
    ----------
    table : tuple of tuple of float
        The features of each level, then of a missing cell, then of an unknown level.
    names : tuple of str
        The names of the features.

    Examples
    --------
    >>> from backprop_rs.data import Column
    >>> table = ((0.0,), (1.0,), (0.5,), (0.5,))
    >>> size = CodedEncoder("size", ("S", "L"), False, table=table, names=("size",))
    >>> size.encode(Column("size", "category", [0, 1, 2, -1], ["L", "S", "XL"])).tolist()
    [[1.0], [0.0], [0.5], [0.5]]
    """

    table: tuple[tuple[float, ...], ...] = ()
    names: tuple[str, ...] = ()
    label = "codes"

    @property
    def features(self) -> tuple[str, ...]:  # type: ignore[override]
        """The names of the features."""
        return self.names

    @property
    def codes(self) -> NDArray[np.float64]:
        """The features of each level, then of a missing cell, then of an unknown level."""
        return np.array(self.table, np.float64).reshape(len(self.levels) + 2, len(self.names))

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters for JSON."""
        table = [list(row) for row in self.table]
        return {**super().to_dict(), "table": table, "names": list(self.names)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CodedEncoder:
        """Return the encoder that `to_dict` has described."""
        plain = CategoryEncoder.from_dict(values)
        names = tuple(map(str, values["names"]))
        table = tuple(tuple(map(float, row)) for row in values["table"])
        if len(table) != len(plain.levels) + 2 or any(len(row) != len(names) for row in table):
            raise ValueError("codes must have a row for each level, for missing and for unknown")
        if not np.isfinite(table).all():
            raise ValueError("codes must be finite")
        return cls(plain.name, plain.levels, plain.indicator, plain.kind, table, names)
