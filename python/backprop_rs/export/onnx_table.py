"""Export a model of raw tables as an ONNX file, without the onnx package.

Each column is an input of shape (batch, 1): numbers and booleans in float64 (NaN is missing),
categories of texts as texts, dates in int64 (nanoseconds since 1970; the smallest int64 is
missing). Missing texts are the property "missing_text".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data.columns import NO_TIME
from ..data.encoders import CategoryEncoder, DateEncoder, Encoder, NumberEncoder, waves
from ..data.scalers import CLIP, LARGEST, NoScaler, QuantileScaler, RobustScaler, Scaler, is_huge
from .onnx_file import BATCH, IR_VERSION, MAX_BYTES, OPSET, as_type, entry, forward
from .onnx_graph import (
    BOOL,
    DOUBLE,
    INT64,
    STRING,
    TYPES,
    Graph,
    Value,
    class_array,
    kind_of_array,
    value_info,
)
from .protobuf import message
from .table_columns import InputColumn, edges_of, is_one_hot, number_of
from .table_model import TableModel

PREFIX = "backprop_rs/"
OUTPUTS = ("label", "labels", "probabilities", "predictions")
ML, ML_OPSET = "ai.onnx.ml", 2
DAY, HOUR = 86_400 * 10**9, 3_600 * 10**9  # in nanoseconds


def content(model: TableModel, name: str) -> bytes:
    """Return the bytes of the file."""
    size = sum(
        array.nbytes
        for network in model.networks
        for layer in network.layers
        for array in layer.parameters.values()
    )
    if size > MAX_BYTES - 2**20:
        raise ValueError(f"an ONNX file must have less than 2 GiB of parameters; got {size} bytes")
    from .._version import __version__

    check_names([column.name for column in model.columns])
    graph = Graph("float64", PREFIX)
    cells = Cells(graph, model.columns)
    inputs = [cells.features(preparation.encoders) for preparation in model.preparations]
    missing = missing_texts(model.columns)
    graph.dtype = model.dtype
    a = average(model, graph, [as_type(graph, X) for X in inputs])
    a = tempered(model, graph, a)
    outputs = add_outputs(model, graph, a)
    fields: list[tuple[int, Any]] = [(1, node) for node in graph.nodes]
    fields += [(2, name or "model")]
    fields += [(5, tensor) for tensor in graph.initializers.values()]
    fields += [(10, model.title)]
    fields += [(11, value_info(each.name, kind_of(each), BATCH, 1)) for each in model.columns]
    fields += [(12, info) for info in outputs]
    properties = {
        "feature_names": [column.name for column in model.columns],
        "class_names": list(model.target.classes),
        "target_names": list(model.target.names),
        "missing_text": missing,
    }
    return message(
        (1, IR_VERSION),
        *((2, "backprop_rs"), (3, __version__), (6, model.title)),
        (7, message(*fields)),
        (8, message((1, ""), (2, OPSET))),
        (8, message((1, ML), (2, ML_OPSET))),
        *((14, entry(key, value)) for key, value in properties.items() if value),
    )


def check_names(names: list[str]) -> None:
    """Raise ValueError if a column has a name that the file uses for something else."""
    for name in names:
        if name in OUTPUTS or name.startswith(PREFIX) or not name:
            raise ValueError(
                f"an ONNX file cannot have an input called {name!r}; rename the column"
            )


def kind_of(column: InputColumn) -> int:
    """Return the type of the input of a column."""
    if column.kind == "datetime":
        return INT64
    return STRING if column.is_text else DOUBLE


def missing_texts(columns: Sequence[InputColumn]) -> dict[str, str]:
    """Return the text that stands for a missing cell of each column of texts."""
    return {column.name: missing_text(column) for column in columns if column.is_text}


def missing_text(column: InputColumn) -> str:
    """Return the empty text, or another one if that is a level."""
    text = ""
    while text in column.levels:
        text += "?"
    return text


class Cells:
    """The nodes that turn the inputs of columns into features, in float64.

    Encoders of several preparations that are equal share their nodes, and all encoders of a
    category share the position of its cell.
    """

    def __init__(self, graph: Graph, columns: Sequence[InputColumn]) -> None:
        self.graph = graph
        self.columns = {column.name: column for column in columns}
        self.scopes = {column.name: f"column{k}." for k, column in enumerate(columns)}
        self.positions: dict[str, Value] = {}
        self.blocks: dict[Encoder, Value] = {}

    def features(self, encoders: Sequence[Encoder]) -> Value:
        """Add the nodes of a preparation, and return the features (batch, n_0)."""
        blocks = []
        for encoder in encoders:
            if encoder not in self.blocks:
                self.graph.scope = self.scopes[encoder.name]
                self.blocks[encoder] = self.block(encoder)
                self.graph.scope = ""
            blocks.append(self.blocks[encoder])
        return self.graph.node("Concat", *blocks, axis=1) if len(blocks) > 1 else blocks[0]

    def block(self, encoder: Encoder) -> Value:
        """Add the nodes of an encoder, and return its features (batch, k)."""
        column = self.columns[encoder.name]
        nodes = Column(self.graph, column)
        if isinstance(encoder, CategoryEncoder):
            if column.name not in self.positions:
                self.positions[column.name] = nodes.position()
            return nodes.category(encoder, self.positions[column.name])
        if isinstance(encoder, DateEncoder):
            return nodes.date(encoder)
        part = number_of(encoder)
        assert part is not None
        return nodes.number(part, edges_of(encoder))


class Column:
    """The nodes for the input of one column."""

    def __init__(self, graph: Graph, column: InputColumn) -> None:
        self.graph, self.column = graph, column
        self.cell = Value(graph, column.name)

    def constant(self, value: Any, dtype: Any = np.float64) -> Value:
        """Return a constant; equal ones are written once."""
        return self.graph.constant(np.array(value, dtype))

    def cast(self, value: Value, kind: int = DOUBLE) -> Value:
        """Convert a value."""
        return self.graph.node("Cast", value, to=kind)

    def where(self, condition: Value, yes: Value, no: Value) -> Value:
        """Return `yes` if the condition holds and `no` otherwise, elementwise."""
        return self.graph.node("Where", condition, yes, no)

    def number(self, encoder: NumberEncoder, edges: Any) -> Value:
        """Return a scaled number, the indicator of missing cells, and the position in each bin."""
        missing = self.graph.node("IsNaN", self.cell)
        filled = self.cell
        if encoder.scaler is not None or edges is not None:
            filled = self.where(missing, self.constant([[encoder.fill]]), self.cell)
        blocks = []
        if encoder.scaler is not None:
            blocks.append(self.scaled(filled, encoder.scaler))
        if encoder.indicator:
            blocks.append(self.cast(missing))
        if edges is not None:
            left, width = edges[:-1] / 2, edges[1:] / 2 - edges[:-1] / 2
            share = (filled / self.constant([[2.0]]) - self.constant([left])) / self.constant(
                [width]
            )
            blocks.append(self.clipped(share, 0.0, 1.0))
        return self.graph.node("Concat", *blocks, axis=1) if len(blocks) > 1 else blocks[0]

    def scaled(self, x: Value, scaler: Scaler) -> Value:
        """Return scaled numbers."""
        if isinstance(scaler, QuantileScaler):
            return self.quantile(x, scaler)
        if isinstance(scaler, NoScaler):
            return self.clipped(x, -LARGEST, LARGEST)
        center, width = [value for key, value in scaler.to_dict().items() if key != "name"]
        if is_huge(center):  # the difference could overflow
            x, center, width = x / self.constant([[2.0]]), center / 2, width / 2
        z = self.graph.exact("Sub", x, np.array([center], np.float64))
        z = self.graph.exact("Div", z, np.array([width], np.float64))
        z = self.clipped(z, -LARGEST, LARGEST)
        if not isinstance(scaler, RobustScaler):
            return z
        share = z / self.constant([[CLIP]])
        return z / self.graph.node("Sqrt", self.constant([[1.0]]) + share * share)

    def clipped(self, x: Value, low: float, high: float) -> Value:
        """Return numbers cut off at both ends."""
        least = self.graph.node("Max", x, self.constant([[low]]))
        return self.graph.node("Min", least, self.constant([[high]]))

    def quantile(self, x: Value, scaler: QuantileScaler) -> Value:
        """Return normal scores: linear between the knots on either side."""
        knots, scores = np.array(scaler.knots), np.array(scaler.scores)
        x = self.clipped(x, knots[0], knots[-1])
        if len(knots) == 2:
            k = self.constant([[0]], np.int64)
        else:
            above = self.graph.node("GreaterOrEqual", x, self.constant([knots[1:-1]]))
            ones = self.constant(np.ones((len(knots) - 2, 1)))
            k = self.cast(self.graph.node("MatMul", self.cast(above), ones), INT64)

        def at(values: Any) -> Value:
            return self.graph.node("Gather", self.constant(values), k, axis=0)

        share = (x - at(knots[:-1])) / at(knots[1:] - knots[:-1])
        return at(scores[:-1]) + share * at(scores[1:] - scores[:-1])

    def position(self) -> Value:
        """Return the position of each cell among the levels (batch, 1), as `InputColumn` says."""
        levels, n = self.column.levels, len(self.column.levels)
        if self.column.is_text:
            return self.graph.node(
                "LabelEncoder",
                self.cell,
                domain=ML,
                keys_strings=[*self.column.texts, missing_text(self.column)],
                values_int64s=list(range(n + 1)),
                default_int64=n + 1,
            )
        missing, unknown = (self.constant([[k]], np.int64) for k in (n, n + 1))
        found = unknown
        if n:
            # Bisection: `low` is the last level that is not above the cell, if there is one.
            size = 1 << max(n - 1, 1).bit_length()
            padded = np.full(2 * size, np.nan)  # no number is at least NaN
            padded[:n] = [float(level) for level in levels]
            known, low = self.constant(padded), self.constant([[0]], np.int64)
            while size > 1:
                size //= 2
                middle = low + self.constant([[size]], np.int64)
                reached = self.graph.node("LessOrEqual", self.at(known, middle), self.cell)
                low = self.where(reached, middle, low)
            found = self.where(
                self.graph.node("Equal", self.at(known, low), self.cell), low, unknown
            )
        return self.where(self.graph.node("IsNaN", self.cell), missing, found)

    def at(self, values: Value, position: Value) -> Value:
        """Return the value at each position."""
        return self.graph.node("Gather", values, position, axis=0)

    def category(self, encoder: CategoryEncoder, position: Value) -> Value:
        """Return the features of each position."""
        width = len(encoder.features)
        if is_one_hot(encoder):
            hot = self.at(self.constant(self.column.hot(encoder), np.int64), position)
            number = self.constant([np.arange(width)], np.int64)
            return self.cast(self.graph.node("Equal", hot, number))
        codes = self.at(self.constant(self.column.codes(encoder)), position)
        return self.graph.node("Reshape", codes, self.constant([-1, width], np.int64))

    def date(self, encoder: DateEncoder) -> Value:
        """Return the parts of dates."""
        missing = self.graph.node("Equal", self.cell, self.constant([[NO_TIME]], np.int64))
        times = self.where(missing, self.constant([[encoder.start]], np.int64), self.cell)
        parts = self.parts(times, encoder.parts)
        numeric = iter(zip(encoder.fills, encoder.scalers, strict=True))
        blocks = []
        for part in encoder.parts:
            if part not in ("year", "seconds"):
                blocks += [
                    self.where(missing, self.constant([[0.0]]), self.wave(wave, parts[part]))
                    for wave in waves(part)
                ]
                continue
            fill, scaler = next(numeric)
            if part == "year":
                value = self.cast(parts["year"])
            else:
                start = self.constant([[encoder.start / 1e9]])
                value = self.cast(times) / self.constant([[1e9]]) - start
            filled = self.where(missing, self.constant([[fill]]), value)
            blocks.append(self.scaled(filled, scaler))
        if encoder.indicator:
            blocks.append(self.cast(missing))
        return self.graph.node("Concat", *blocks, axis=1) if len(blocks) > 1 else blocks[0]

    def wave(self, values: Any, k: Value) -> Value:
        """Return the sine or cosine of each part of a date."""
        return self.graph.node("Gather", self.constant(values), k, axis=0)

    def divided(self, a: Value, b: int) -> tuple[Value, Value]:
        """Return the quotient of int64 values, rounded down, and the remainder."""
        by = self.constant([[b]], np.int64)
        quotient = self.graph.node("Div", a, by)  # rounds towards 0
        below = self.graph.node("Less", a - quotient * by, self.constant([[0]], np.int64))
        quotient = quotient - self.cast(below, INT64)
        return quotient, a - quotient * by

    def parts(self, times: Value, wanted: Sequence[str]) -> dict[str, Value]:
        """Return parts of dates in nanoseconds, by arithmetic of the civil calendar."""

        def whole(value: int) -> Value:
            return self.constant([[value]], np.int64)

        days, in_day = self.divided(times, DAY)
        parts = {}
        if "hour" in wanted:
            parts["hour"], _ = self.divided(in_day, HOUR)
        if "weekday" in wanted:
            _, parts["weekday"] = self.divided(days + whole(3), 7)
        if not {"year", "month", "day"} & set(wanted):
            return parts
        era, of_era = self.divided(days + whole(719_468), 146_097)
        leaps = [self.divided(of_era, n)[0] for n in (1460, 36_524, 146_096)]
        years, _ = self.divided(of_era - leaps[0] + leaps[1] - leaps[2], 365)
        fourths, hundredths = self.divided(years, 4)[0], self.divided(years, 100)[0]
        of_year = of_era - (whole(365) * years + fourths - hundredths)
        from_march, _ = self.divided(whole(5) * of_year + whole(2), 153)
        if "day" in wanted:
            parts["day"] = of_year - self.divided(whole(153) * from_march + whole(2), 5)[0]
        if "month" in wanted or "year" in wanted:
            _, parts["month"] = self.divided(from_march + whole(2), 12)
        if "year" in wanted:
            winter = self.cast(self.graph.node("Less", parts["month"], whole(2)), INT64)
            parts["year"] = years + era * whole(400) + winter
        return parts


def average(model: TableModel, graph: Graph, inputs: Sequence[Value]) -> Value:
    """Add the networks, and return their outputs, averaged in float64."""
    outputs = [
        forward(network, graph, inputs[use], first)
        for network, use, first in zip(model.networks, model.uses, model.firsts, strict=True)
    ]
    if len(outputs) == 1:
        return outputs[0]
    terms = [graph.node("Cast", each, to=DOUBLE) for each in outputs]
    if model.weights is not None:
        terms = [
            graph.exact("Mul", term, np.full(model.n_outputs, weight, np.float64))
            for term, weight in zip(terms, model.weights, strict=True)
        ]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    if model.weights is None:
        total = total / graph.constant(np.array(len(outputs), np.float64))
    return graph.node("Cast", total, to=TYPES[model.dtype])


def tempered(model: TableModel, graph: Graph, a: Value) -> Value:
    """Add the temperature of probabilities."""
    if model.temperature == 1:
        return a
    p = graph.node("Cast", a, to=DOUBLE)
    power = graph.constant(np.array(1 / model.temperature, np.float64))
    if model.several_labels:
        rest = graph.constant(np.array(1.0, np.float64)) - p
        yes, no = graph.node("Pow", p, power), graph.node("Pow", rest, power)
        total = yes + no
    else:
        most = graph.node("ReduceMax", p, axes=[1], keepdims=1)
        yes = graph.node("Pow", p / most, power)
        axes = graph.constant(np.array([1], np.int64))
        total = graph.node("ReduceSum", yes, axes, keepdims=1)
    return graph.node("Cast", yes / total, to=TYPES[model.dtype])


def add_outputs(model: TableModel, graph: Graph, a: Value) -> list[bytes]:
    """Add the nodes of the outputs, and return their descriptions."""
    target, n = model.target, model.n_outputs
    kind = TYPES[model.dtype]
    if target.kind == "values":
        values = graph.node("Cast", a, to=DOUBLE)
        if target.scalers:
            scale = np.array([scaler.deviation for scaler in target.scalers])
            mean = np.array([scaler.mean for scaler in target.scalers])
            values = graph.exact("Add", graph.exact("Mul", values, scale), mean)
        if target.limits:
            low, high = np.array(target.limits).T
            values = graph.node("Max", values, graph.constant(low))
            values = graph.node("Min", values, graph.constant(high))
        graph.prefix = ""
        graph.node("Identity", values, name="predictions")
        return [value_info("predictions", DOUBLE, BATCH, n)]
    graph.prefix = ""
    graph.node("Identity", a, name="probabilities")
    probabilities = value_info("probabilities", kind, BATCH, n)
    if target.kind == "labels":
        half = graph.array(f"{PREFIX}half", np.array(0.5, model.dtype))
        graph.node("GreaterOrEqual", a, half, name="labels")
        return [value_info("labels", BOOL, BATCH, n), probabilities]
    index = graph.node("ArgMax", a, name=f"{PREFIX}index", axis=1, keepdims=0)
    names = class_array(list(target.classes))
    graph.node("Gather", graph.array(f"{PREFIX}classes", names), index, name="label", axis=0)
    return [value_info("label", kind_of_array(names), BATCH), probabilities]
