"""The preparations and networks of a model, checked for export, with rows that test the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.averages import average, tempered
from ..data import Column, Preprocessor, Table
from ..data.columns import NO_TIME
from ..data.encoders import CategoryEncoder, DateEncoder, Encoder
from ..data.scalers import NoScaler, QuantileScaler, RobustScaler, Scaler, StandardScaler
from ..data.target_encoder import TargetEncoder
from .model import Model, check_float, model_of
from .table_columns import InputColumn, edges_of, input_columns, number_of, scalers_of
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

TINY = 1e-45  # below any float > 0


@dataclass(frozen=True)
class TableModel:
    """Preparations and networks; an exported file must give what `Model.predict` gives.

    Attributes
    ----------
    preprocessor : Preprocessor
        The columns and the target.
    preparations : tuple of Preprocessor
        The different preparations of inputs.
    uses : tuple of int
        Which of them each network has.
    weights : tuple of float, optional
        The weight of each network in the average; by default all are equal.
    temperature : float
    float_only : bool
        Of C files: no arithmetic in double.
    """

    title: str
    preprocessor: Preprocessor
    target: TargetEncoder
    columns: list[InputColumn]
    preparations: tuple[Preprocessor, ...]
    uses: tuple[int, ...]
    networks: list[Model]
    weights: tuple[float, ...] | None = None
    temperature: float = 1.0
    float_only: bool = False

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
    def n_outputs(self) -> int:
        """The number of outputs, n_L."""
        return self.networks[0].sizes[-1]

    @property
    def all_layers(self) -> Model:
        """A network with the layers and embeddings of all, for the functions that they need."""
        layers = [layer for network in self.networks for layer in network.layers]
        parts = [part for network in self.networks for part in network.parts]
        return replace(self.networks[0], layers=layers, parts=parts)

    @property
    def several_labels(self) -> bool:
        """True if each output is a label of its own."""
        return self.target.kind == "labels"

    @property
    def category_columns(self) -> list[InputColumn]:
        """The columns whose cells have positions."""
        return [column for column in self.columns if column.kind in ("boolean", "category")]

    def outputs(self, inputs: Sequence[Array]) -> Array:
        """Return the outputs (m, n_L) for the features of each preparation."""
        pairs = zip(self.networks, self.uses, strict=True)
        outputs = [network.predict(inputs[use]) for network, use in pairs]
        averaged = average(outputs, self.weights)
        answers: Array = tempered(averaged, self.temperature, self.several_labels)
        return answers

    def tests(self) -> tuple[Table, Array, Array]:
        """Return rows, their outputs, and a bound on the error of each output."""
        table = Table([sample_column(encoder) for encoder in self.preprocessor.encoders])
        inputs = [each.transform_counting(table, self.dtype, {}) for each in self.preparations]
        return table, self.outputs(inputs), self.bound(table, inputs).astype(self.dtype)

    def bound(self, table: Table, inputs: Sequence[Array]) -> Array:
        """Return a bound on the errors of the outputs (m, n_L) of an exported file."""
        eps, n = float(np.finfo(self.dtype).eps), len(self.networks)
        errors: list[Any] = [0.0] * len(inputs)
        if self.float_only:
            errors = [
                errors_of(encoded, table, X)
                for encoded, X in zip(self.preparations, inputs, strict=True)
            ]
        weights = [1 / n] * n if self.weights is None else self.weights
        total: Any = 0.0
        mean: Any = 0.0
        for network, use, weight in zip(self.networks, self.uses, weights, strict=True):
            outputs = network.predict(inputs[use]).astype(float)
            mean = mean + weight * outputs
            total = total + weight * bound(network, inputs[use], errors[use]).astype(float)
            if self.float_only:  # the weight, the product and the sum are rounded, too
                total = total + 3 * eps * weight * np.abs(outputs)
        if n > 1:
            total = total + eps * np.abs(mean)
        if self.temperature == 1:
            return np.asarray(total)
        return self.tempered_bound(mean, total, eps)

    def tempered_bound(self, p: Array, error: Array, eps: float) -> Array:
        """Return a bound on the errors of probabilities after the temperature.

        They grow with their own probability, and shrink with those of the other classes. The
        exponent is rounded, which changes a power by its logarithm.
        """
        high, low = np.minimum(p + error, 1.0), np.maximum(p - error, 0.0)
        t = self.temperature
        q = tempered(p, t, self.several_labels)
        if self.several_labels:
            ends = [tempered(each, t, several=True) for each in (low, high)]
        else:
            most = p.max(axis=1, keepdims=True)
            up, down = (high / most) ** (1 / t), (low / most) ** (1 / t)
            total_up, total_down = (each.sum(axis=1, keepdims=True) for each in (up, down))
            ends = [down / (total_up - up + down), up / (total_down - down + up)]
        logs = np.abs(np.log(np.clip([low, high, 1 - p], TINY, 1))).max(axis=0) / t
        share = logs.max(axis=1, keepdims=True) if not self.several_labels else logs
        spread: Array = np.maximum(q - ends[0], ends[1] - q) + ROUNDINGS * eps * q * (1 + share)
        return spread


def errors_of(preparation: Preprocessor, table: Table, X: Array) -> Array:
    """Return a bound on the errors of the features (m, n_0) that are computed in float.

    Cells, centers and widths are rounded, and so are the difference and the quotient. The slopes
    of the scalings multiply the error of a cell.
    """
    eps = float(np.finfo(np.float32).eps)
    bounds: Array = np.abs(X.astype(float)) * ROUNDINGS * eps
    start = 0
    for encoder in preparation.encoders:
        column = table[encoder.name]
        stop = start + len(encoder.features)
        number = number_of(encoder)
        if number is not None and number.scaler is not None:
            cells = np.abs(np.where(column.missing, number.fill, column.values))
            bounds[:, start] += rounding(number.scaler, cells)
            edges = edges_of(encoder)
            if edges is not None:
                bounds[:, stop - len(edges) + 1 : stop] += rounding_in_bins(edges, cells, eps)
        if isinstance(encoder, DateEncoder):
            since = np.abs(column.values.astype(float) - encoder.start) / SECOND
            cells = np.where(column.missing, 0.0, since) + YEARS
            for scaler in encoder.scalers:
                bounds[:, start:stop] += rounding(scaler, cells)[:, None]
        start = stop
    return bounds


def rounding_in_bins(edges: Array, cells: Array, eps: float) -> Array:
    """Return a bound on the errors of the position of cells (m,) in each bin, (m, k)."""
    sizes = np.abs(edges[:-1]) + np.abs(edges[1:]) + cells[:, None]
    error: Array = np.minimum(2 * eps * sizes / np.diff(edges), 1.0)
    return error


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
    preprocessors: Sequence[Preprocessor],
    weights: tuple[float, ...] | None = None,
    temperature: float = 1.0,
    float_only: bool = False,
) -> TableModel:
    """Return the parts of a model, or raise an error if they cannot be exported."""
    assert preprocessor.target is not None
    models = [
        model_of(network, [], preparation=False, float_only=float_only) for network in networks
    ]
    preparations = list({id(each): each for each in preprocessors}.values())
    positions = {id(each): k for k, each in enumerate(preparations)}
    columns = input_columns(preprocessor, preparations)
    if float_only:
        for preparation in preparations:
            for encoder in preparation.encoders:
                check_encoder(encoder)
        for column in columns:
            check_levels(column)
    return TableModel(
        title,
        preprocessor,
        preprocessor.target,
        columns,
        tuple(preparations),
        tuple(positions[id(each)] for each in preprocessors),
        models,
        weights,
        temperature,
        float_only,
    )


def check_encoder(encoder: Encoder) -> None:
    """Raise ValueError if float cannot tell the numbers of a column apart."""
    for scaler in scalers_of(encoder):
        if isinstance(scaler, QuantileScaler):
            knots = np.array(scaler.knots)
            check_float(encoder.name, float(np.abs(knots).max()), float(np.diff(knots).min()))
        elif not isinstance(scaler, NoScaler):
            slope, center = slope_of(scaler)
            check_float(encoder.name, center, 1 / slope)
    edges = edges_of(encoder)
    if edges is not None:
        for low, high in pairwise(edges.tolist()):
            check_float(encoder.name, max(abs(low), abs(high)), high - low)


def check_levels(column: InputColumn) -> None:
    """Raise ValueError if float cannot tell the levels of a category of numbers apart."""
    if column.kind != "category" or column.is_text:
        return
    with np.errstate(over="ignore"):
        rounded = np.array(column.levels, np.float64).astype(np.float32)
    if len(np.unique(rounded)) < len(rounded) or not np.isfinite(rounded).all():
        raise ValueError(
            f"float_only needs levels that float tells apart; {column.name!r} has others"
        )


def sample_column(encoder: Encoder) -> Column:
    """Return cells of a column: usual ones, a missing one, and an unknown level."""
    rows = np.arange(COUNT)
    number = number_of(encoder)
    if number is not None:
        values = middle(number.scaler, number.fill, rows)
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
