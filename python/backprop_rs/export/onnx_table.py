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
from ..data.scalers import CLIP, LARGEST, NoScaler, QuantileScaler, RobustScaler, Scaler
from .c_table import is_text
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

    encoders = model.preprocessor.encoders
    check_names([encoder.name for encoder in encoders])
    graph = Graph("float64", PREFIX)
    blocks = [
        Column(graph, encoder, f"column{k}.").features() for k, encoder in enumerate(encoders)
    ]
    missing = missing_texts(encoders)
    X = graph.node("Concat", *blocks, axis=1) if len(blocks) > 1 else blocks[0]
    graph.dtype = model.dtype
    a = average(model, graph, as_type(graph, X))
    outputs = add_outputs(model, graph, a)
    fields: list[tuple[int, Any]] = [(1, node) for node in graph.nodes]
    fields += [(2, name or "model")]
    fields += [(5, tensor) for tensor in graph.initializers.values()]
    fields += [(10, model.title)]
    fields += [(11, value_info(each.name, kind_of(each), BATCH, 1)) for each in encoders]
    fields += [(12, info) for info in outputs]
    properties = {
        "feature_names": [encoder.name for encoder in encoders],
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


def kind_of(encoder: Encoder) -> int:
    """Return the type of the input of a column."""
    if isinstance(encoder, DateEncoder):
        return INT64
    return STRING if is_text(encoder) else DOUBLE


def missing_texts(encoders: tuple[Encoder, ...]) -> dict[str, str]:
    """Return the text that stands for a missing cell of each column of texts."""
    return {encoder.name: missing_text(encoder) for encoder in encoders if is_text(encoder)}


def missing_text(encoder: Any) -> str:
    """Return the empty text, or another one if that is a level."""
    text = ""
    while text in encoder.levels:
        text += "?"
    return text


class Column:
    """The nodes that turn the input of one column into features (batch, k) in float64."""

    def __init__(self, graph: Graph, encoder: Encoder, scope: str) -> None:
        self.graph, self.encoder, self.scope = graph, encoder, scope
        self.cell = Value(graph, encoder.name)
        self.constants = 0

    def features(self) -> Value:
        """Add the nodes, and return the features."""
        self.graph.scope = self.scope
        encoder = self.encoder
        if isinstance(encoder, CategoryEncoder):
            result = self.text(encoder) if is_text(encoder) else self.numbers(encoder)
        elif isinstance(encoder, DateEncoder):
            result = self.date(encoder)
        else:
            assert isinstance(encoder, NumberEncoder)
            result = self.number(encoder)
        self.graph.scope = ""
        return result

    def constant(self, value: Any, dtype: Any = np.float64) -> Value:
        """Add a constant, and return it."""
        self.constants += 1
        return self.graph.array(f"{self.scope}constant_{self.constants}", np.array(value, dtype))

    def cast(self, value: Value, kind: int = DOUBLE) -> Value:
        """Convert a value."""
        return self.graph.node("Cast", value, to=kind)

    def where(self, condition: Value, yes: Value, no: Value) -> Value:
        """Return `yes` if the condition holds and `no` otherwise, elementwise."""
        return self.graph.node("Where", condition, yes, no)

    def joined(self, blocks: list[Value], missing: Value, indicator: bool) -> Value:
        """Return all features of the column side by side."""
        if indicator:
            blocks = [*blocks, self.cast(missing)]
        return self.graph.node("Concat", *blocks, axis=1) if len(blocks) > 1 else blocks[0]

    def number(self, encoder: NumberEncoder) -> Value:
        """Return a scaled number, and the indicator of missing cells."""
        missing = self.graph.node("IsNaN", self.cell)
        blocks = []
        if encoder.scaler is not None:
            filled = self.where(missing, self.constant([[encoder.fill]]), self.cell)
            blocks.append(self.scaled(filled, encoder.scaler))
        return self.joined(blocks, missing, encoder.indicator)

    def scaled(self, x: Value, scaler: Scaler) -> Value:
        """Return scaled numbers."""
        if isinstance(scaler, QuantileScaler):
            return self.quantile(x, scaler)
        if isinstance(scaler, NoScaler):
            return self.clipped(x, -LARGEST, LARGEST)
        center, width = [value for key, value in scaler.to_dict().items() if key != "name"]
        z = (x - self.constant([[center]])) / self.constant([[width]])
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

    def text(self, encoder: CategoryEncoder) -> Value:
        """Return the codes of texts, looked up by a LabelEncoder."""
        n = len(encoder.levels)
        code = self.graph.node(
            "LabelEncoder",
            self.cell,
            domain=ML,
            keys_strings=[*map(str, encoder.levels), missing_text(encoder)],
            values_int64s=list(range(n + 1)),
            default_int64=n + 1,
        )
        codes = self.graph.node("Gather", self.constant(encoder.codes), code, axis=0)
        shape = self.constant([-1, len(encoder.features)], np.int64)
        return self.graph.node("Reshape", codes, shape)

    def numbers(self, encoder: CategoryEncoder) -> Value:
        """Return the codes of categories that are numbers or booleans."""
        n = len(encoder.levels)
        levels = self.constant([[float(level) for level in encoder.levels]])
        equal = self.cast(self.graph.node("Equal", self.cell, levels))
        known = self.graph.node("MatMul", equal, self.constant(encoder.codes[:n]))
        missing = self.cast(self.graph.node("IsNaN", self.cell))
        return known + missing * self.constant(encoder.codes[n : n + 1])

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
        return self.joined(blocks, missing, encoder.indicator)

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


def average(model: TableModel, graph: Graph, X: Value) -> Value:
    """Add the networks, and return their outputs, averaged in float64."""
    outputs = [
        forward(network, graph, X, first)
        for network, first in zip(model.networks, model.firsts, strict=True)
    ]
    if len(outputs) == 1:
        return outputs[0]
    total = graph.node("Cast", outputs[0], to=DOUBLE)
    for each in outputs[1:]:
        total = total + graph.node("Cast", each, to=DOUBLE)
    mean = total / graph.array("members", np.array(len(outputs), np.float64))
    return graph.node("Cast", mean, to=TYPES[model.dtype])


def add_outputs(model: TableModel, graph: Graph, a: Value) -> list[bytes]:
    """Add the nodes of the outputs, and return their descriptions."""
    target, n = model.target, model.n_outputs
    graph.prefix = ""
    kind = TYPES[model.dtype]
    if target.kind == "values":
        values = graph.node("Cast", a, name=f"{PREFIX}wide", to=DOUBLE)
        if target.scalers:
            scale = np.array([scaler.deviation for scaler in target.scalers])
            mean = np.array([scaler.mean for scaler in target.scalers])
            product = graph.node(
                "Mul", values, graph.array(f"{PREFIX}deviation", scale), name=f"{PREFIX}product"
            )
            graph.node("Add", product, graph.array(f"{PREFIX}mean", mean), name="predictions")
        else:
            graph.node("Identity", values, name="predictions")
        return [value_info("predictions", DOUBLE, BATCH, n)]
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
