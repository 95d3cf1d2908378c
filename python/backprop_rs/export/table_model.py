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
from ..data.scalers import QuantileScaler, RobustScaler, Scaler, StandardScaler
from ..data.target_encoder import TargetEncoder
from .model import Model, model_of
from .vectors import bound

if TYPE_CHECKING:
    from .._internal.types import Array
    from ..base_network import BaseNetwork

COUNT = 8
STEP = 37 * 86_400 * 10**9 + 5 * 3_600 * 10**9  # nanoseconds between two dates that test

MAX_NUMBER = 1e300
"""The largest number of the rows that test."""


@dataclass(frozen=True)
class TableModel:
    """A preprocessor and networks; an exported file must give what `Model.predict` gives."""

    title: str
    preprocessor: Preprocessor
    target: TargetEncoder
    networks: list[Model]

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
        bounds = [bound(network, X).astype(float) for network in self.networks]
        eps = float(np.finfo(self.dtype).eps)
        allowed: Any = sum(bounds) / len(bounds) + eps * np.abs(outputs)
        return table, outputs, allowed.astype(self.dtype)


def table_model_of(
    title: str, preprocessor: Preprocessor, networks: Sequence[BaseNetwork]
) -> TableModel:
    """Return a preprocessor and its networks, or raise an error if they cannot be exported."""
    assert preprocessor.target is not None
    models = [model_of(network, [], preparation=False) for network in networks]
    return TableModel(title, preprocessor, preprocessor.target, models)


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
