"""`Scaling`: the mean and scale of each feature, to apply to new data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import array_of, check_real, rows_of

BLOCK = 4096
"""Rows that are scaled at a time, so that float64 copies stay small."""


class Stats(Protocol):
    """Statistics with the mean and scale of each feature."""

    @property
    def scaling(self) -> Scaling:
        """The mean and standard deviation of the features."""


class HasStatistics(Protocol):
    """Data that compute their own statistics, such as a `Source`."""

    def statistics(self) -> Stats:
        """Return the statistics."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """Mean and scale of each feature.

    Parameters
    ----------
    mean, scale : array-like, shape (n_0,)
        Kept as float64; every scale is positive.

    Raises
    ------
    ValueError
        If the shapes differ, or a value is not finite, or a scale is not positive.

    Examples
    --------
    >>> scaling = Scaling.fit([[0.0, 5.0], [4.0, 5.0]])
    >>> scaling
    Scaling(2 features)
    >>> scaling.apply([[0.0, 5.0], [6.0, 7.0]])
    array([[-1.,  0.],
           [ 2.,  2.]])
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    def __init__(self, mean: ArrayLike, scale: ArrayLike) -> None:
        for field, values in (("mean", mean), ("scale", scale)):
            object.__setattr__(self, field, np.array(values, np.float64))
        if self.mean.ndim != 1 or self.mean.shape != self.scale.shape:
            raise ValueError(
                "mean and scale must both have shape (features,); "
                f"got {self.mean.shape} and {self.scale.shape}"
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.scale).all()):
            raise ValueError("mean and scale must be finite; got NaN or infinity")
        if (self.scale <= 0).any():
            raise ValueError(f"scale must be positive; got {self.scale.min()}")

    @classmethod
    def fit(cls, X: ArrayLike | HasStatistics) -> Scaling:
        """Return the mean and standard deviation (over m, not m - 1) of each column of X (m, n_0).

        A constant column gets scale 1, so that it becomes zeros. X may be a `Source`; then it is
        read through once.
        """
        if hasattr(X, "statistics"):
            scaling: Scaling = X.statistics().scaling
            return scaling
        X = rows_of(X)
        mean = X.mean(axis=0, dtype=np.float64)
        squares = np.zeros_like(mean)
        for start in range(0, len(X), BLOCK):
            squares += np.square(X[start : start + BLOCK] - mean).sum(axis=0)
        # Rounding gives a constant column a tiny deviation: compare the values instead.
        constant = X.min(axis=0) == X.max(axis=0)
        deviation = np.sqrt(squares / len(X))
        return cls(np.where(constant, X[0], mean), np.where(constant, 1.0, deviation))

    def apply(self, X: ArrayLike) -> NDArray[Any]:
        """Return (X - mean) / scale, computed in float64; X is (m, n_0) or one sample (n_0,).

        The result is float32 if X is float32 or another type whose numbers float32 holds exactly
        (bools, bytes, 16-bit numbers), otherwise float64.
        """
        return self._by_blocks(X, lambda X: (X - self.mean) / self.scale)

    def invert(self, X: ArrayLike) -> NDArray[Any]:
        """Return X * scale + mean: the inverse of `apply`, up to rounding, in the same types."""
        return self._by_blocks(X, lambda X: X * self.scale + self.mean)

    def to_dict(self) -> dict[str, list[float]]:
        """Return a dictionary for JSON; `from_dict` reads it back exactly.

        Examples
        --------
        >>> Scaling([1.0], [2.0]).to_dict()
        {'mean': [1.0], 'scale': [2.0]}
        """
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scaling:
        """Return the scaling that `to_dict` wrote.

        Examples
        --------
        >>> Scaling.from_dict({"mean": [1.0], "scale": [2.0]}).apply([3.0])
        array([1.])
        """
        if not isinstance(values, Mapping) or not {"mean", "scale"} <= values.keys():
            raise ValueError(f"values must be a dictionary of mean and scale; got {values!r}")
        return cls(values["mean"], values["scale"])

    def __repr__(self) -> str:
        return f"Scaling({len(self.mean)} feature{'s' * (len(self.mean) != 1)})"

    def _by_blocks(self, X: ArrayLike, formula: Any) -> NDArray[Any]:
        rows = array_of("X", X)
        if rows.ndim not in (1, 2) or rows.shape[-1] != len(self.mean):
            n = len(self.mean)
            raise ValueError(f"X must have shape (m, {n}) or ({n},); got shape {rows.shape}")
        check_real("X", rows)
        dtype = np.promote_types(rows.dtype, np.float32)
        if rows.ndim == 1:
            return np.asarray(formula(rows), dtype)
        result = np.empty(rows.shape, dtype)
        for start in range(0, len(rows), BLOCK):
            block = slice(start, start + BLOCK)
            result[block] = formula(rows[block])
        return result
