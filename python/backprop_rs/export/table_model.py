"""A preprocessor and its networks, checked for export, with rows that test the exported file."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.averages import average
from ..data import Column, Preprocessor, Table
from ..data.columns import NO_TIME
from ..data.encoders import CategoryEncoder, DateEncoder, Encoder, NumberEncoder
from ..data.scalers import NoScaler, QuantileScaler, RobustScaler, Scaler, StandardScaler
from ..data.target_encoder import TargetEncoder
from .model import Model, check_float, model_of
from .vectors import bound

if TYPE_CHECKING:
    from .._internal.types import Array
    from ..base_network import BaseNetwork

COUNT = 8
STEP = 37 * 86_400 * 10**9 + 5 * 3_600 * 10**9  # nanoseconds between two dates that test

ROUNDINGS = 8
"""The number of operations on a feature that round."""

SECOND = 1e9  # in nanoseconds
YEARS = 3000.0  # above the year of any date

MAX_NUMBER = 1e300
"""The largest number of the rows that test."""


@dataclass(frozen=True)
class TableModel:
    """A preprocessor and networks; an exported file must give what `Model.predict` gives."""

    title: str
    preprocessor: Preprocessor
    target: TargetEncoder
    networks: list[Model]
    float_only: bool = False  # of C files: no arithmetic in double

    @property
    def dtype(self) -> str:
        """The type of the networks."""
        return self.networks[0].dtype

    @property
    def firsts(self) -> list[int]:
        """The number of the first layer of each network; numbers are not used twice."""
        firsts = [1]
        for network in self.networks[:-1]:
            firsts.append(firsts[-1] + len(network.layers))
        return firsts

    @property
    def n_features(self) -> int:
        """The number of features, n_0."""
        return self.networks[0].sizes[0]

    @property
    def n_outputs(self) -> int:
        """The number of outputs, n_L."""
        return self.networks[0].sizes[-1]

    def outputs(self, table: Table) -> Array:
        """Return the outputs (m, n_L) of the networks, averaged."""
        X = self.preprocessor.transform(table, self.dtype)
        outputs: Array = average([network.predict(X) for network in self.networks])
        return outputs

    def tests(self) -> tuple[Table, Array, Array]:
        """Return rows, their outputs, and a bound on the error of each output."""
        columns = [sample_column(encoder) for encoder in self.preprocessor.encoders]
        table = Table(columns)
        with warnings.catch_warnings():  # one level is unknown on purpose
            warnings.simplefilter("ignore")
            outputs = self.outputs(table)
            X = self.preprocessor.transform(table, self.dtype)
        error = self.errors(table, X) if self.float_only else 0.0
        bounds = [bound(network, X, error).astype(float) for network in self.networks]
        eps = float(np.finfo(self.dtype).eps)
        allowed: Any = sum(bounds) / len(bounds) + eps * np.abs(outputs)
        if self.float_only:  # the sum of the outputs is rounded, too
            allowed += len(bounds) * eps * np.abs(outputs)
        return table, outputs, allowed.astype(self.dtype)

    def errors(self, table: Table, X: Array) -> Array:
        """Return a bound on the errors of the features (m, n_0) that are computed in float.

        Cells, centers and widths are rounded, and so are the difference and the quotient. The
        slopes of the scalings multiply the error of a cell.
        """
        eps = float(np.finfo(np.float32).eps)
        bounds: Array = np.abs(X.astype(float)) * ROUNDINGS * eps
        start = 0
        for encoder, column in zip(self.preprocessor.encoders, table, strict=True):
            stop = start + len(encoder.features)
            if isinstance(encoder, NumberEncoder) and encoder.scaler is not None:
                cells = np.abs(np.where(column.missing, encoder.fill, column.values))
                bounds[:, start:stop] += rounding(encoder.scaler, cells)[:, None]
            if isinstance(encoder, DateEncoder):
                since = np.abs(column.values.astype(float) - encoder.start) / SECOND
                cells = np.where(column.missing, 0.0, since) + YEARS
                for scaler in encoder.scalers:
                    bounds[:, start:stop] += rounding(scaler, cells)[:, None]
            start = stop
        return bounds


def rounding(scaler: Scaler, cells: Array) -> Array:
    """Return a bound on the errors of scaled cells (m,) before the last operations."""
    slope, offset = slope_of(scaler)
    error: Array = slope * float(np.finfo(np.float32).eps) * (cells + offset)
    return error


def slope_of(scaler: Scaler) -> tuple[float, float]:
    """Return the largest slope of a scaling, and the size of the numbers that it subtracts."""
    if isinstance(scaler, QuantileScaler):
        knots, scores = np.array(scaler.knots), np.array(scaler.scores)
        return float((np.diff(scores) / np.diff(knots)).max()), float(np.abs(knots).max())
    if isinstance(scaler, RobustScaler):
        return 1 / scaler.distance, abs(scaler.median)
    if isinstance(scaler, StandardScaler):
        return 1 / scaler.deviation, abs(scaler.mean)
    return 1.0, 0.0


def table_model_of(
    title: str,
    preprocessor: Preprocessor,
    networks: Sequence[BaseNetwork],
    float_only: bool = False,
) -> TableModel:
    """Return a preprocessor and its networks, or raise an error if they cannot be exported."""
    assert preprocessor.target is not None
    models = [
        model_of(network, [], preparation=False, float_only=float_only) for network in networks
    ]
    if float_only:
        for encoder in preprocessor.encoders:
            check_encoder(encoder)
    return TableModel(title, preprocessor, preprocessor.target, models, float_only)


def check_encoder(encoder: Encoder) -> None:
    """Raise ValueError if float cannot tell the cells of a column apart."""
    scalers: list[Scaler] = list(getattr(encoder, "scalers", ()))
    if isinstance(encoder, NumberEncoder) and encoder.scaler is not None:
        scalers.append(encoder.scaler)
    for scaler in scalers:
        if isinstance(scaler, QuantileScaler):
            knots = np.array(scaler.knots)
            check_float(encoder.name, float(np.abs(knots).max()), float(np.diff(knots).min()))
        elif not isinstance(scaler, NoScaler):
            slope, center = slope_of(scaler)
            check_float(encoder.name, center, 1 / slope)
    if isinstance(encoder, CategoryEncoder) and encoder.kind == "category":
        numbers = [level for level in encoder.levels if not isinstance(level, str)]
        if len(numbers) == len(encoder.levels):
            with np.errstate(over="ignore"):
                rounded = np.array(numbers, np.float64).astype(np.float32)
            if len(np.unique(rounded)) < len(numbers) or not np.isfinite(rounded).all():
                raise ValueError(
                    f"float_only needs levels that float tells apart; {encoder.name!r} has others"
                )


def sample_column(encoder: Encoder) -> Column:
    """Return cells of a column: usual ones, a missing one, and an unknown level."""
    rows = np.arange(COUNT)
    if isinstance(encoder, NumberEncoder):
        values = middle(encoder.scaler, encoder.fill, rows)
        return Column(encoder.name, "number", np.where(rows == 5, np.nan, values))
    if isinstance(encoder, DateEncoder):
        values = np.where(rows == 5, NO_TIME, encoder.start + rows * STEP)
        return Column(encoder.name, "datetime", values)
    assert isinstance(encoder, CategoryEncoder)
    if encoder.kind == "boolean":
        return Column(encoder.name, "boolean", np.where(rows == 5, -1, rows % 2))
    n = len(encoder.levels)
    levels = [*encoder.levels, unknown_level(encoder.levels)]
    return Column(encoder.name, "category", np.where(rows == 5, -1, rows % (n + 1)), levels)


def unknown_level(levels: Sequence[Any]) -> Any:
    """Return a level that is not there, of the same type.

    >>> unknown_level(["a"]), unknown_level([1, 7])
    ('unknown', 8)
    """
    if all(isinstance(level, str) for level in levels):
        name = "unknown"
        while name in levels:
            name += "_"
        return name
    return max(level for level in levels if not isinstance(level, str)) + 1


def middle(scaler: Scaler | None, fill: float, rows: Any) -> Any:
    """Return usual numbers for a scaler."""
    spread = (rows - 3) * 0.7
    if isinstance(scaler, QuantileScaler):
        knots = np.array(scaler.knots)
        return knots[rows * (len(knots) - 1) // (COUNT - 1)]
    center, width = fill, 1.0
    if isinstance(scaler, RobustScaler):
        center, width = scaler.median, scaler.distance
    elif isinstance(scaler, StandardScaler):
        center, width = scaler.mean, scaler.deviation
    with np.errstate(over="ignore"):
        return np.clip(center + spread * width, -MAX_NUMBER, MAX_NUMBER)
