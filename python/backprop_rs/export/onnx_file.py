"""A network as an ONNX file (https://onnx.ai), written without the onnx package.

The input is `X` (batch, n_0). Values leave as `predictions` (batch, n_L); a classifier has `label`
(batch,) and `probabilities` (batch, classes).
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ..reference.norm import EPSILON
from .model import Model
from .onnx_activations import ACTIVATIONS
from .onnx_graph import DOUBLE, INT64, STRING, TYPES, Graph, Value, value_info
from .protobuf import message

IR_VERSION = 7  # both of ONNX 1.8, of the end of 2020
OPSET = 13
BATCH = "batch"
LARGEST = 2**31 - 1  # bytes, of any message of protocol buffers


def content(model: Model, name: str) -> bytes:
    """The bytes of the file."""
    size = sum(array.nbytes for layer in model.layers for array in layer.parameters.values())
    if size > LARGEST - 2**20:
        raise ValueError(f"an ONNX file must have less than 2 GiB of parameters; got {size} bytes")
    from .. import __version__

    graph = Graph(model.dtype)
    outputs = answers(model, graph, forward(model, graph, Value(graph, "X")))
    fields: list[tuple[int, Any]] = [(1, node) for node in graph.nodes]
    fields += [(2, name or "network")]
    fields += [(5, tensor) for tensor in graph.initializers.values()]
    fields += [(10, model.title)]
    fields += [(11, value_info("X", TYPES[model.dtype], BATCH, model.sizes[0]))]
    fields += [(12, info) for info in outputs]
    properties = {"feature_names": list(model.feature_names), "class_names": model.classes}
    return message(
        (1, IR_VERSION),
        *((2, "backprop_rs"), (3, __version__), (6, model.title)),
        (7, message(*fields)),
        (8, message((1, ""), (2, OPSET))),
        *((14, entry(key, value)) for key, value in properties.items() if value),
    )


def entry(key: str, value: object) -> bytes:
    return message((1, key), (2, json.dumps(value)))


def forward(model: Model, graph: Graph, X: Value) -> Value:
    """The scaling, and z = a w^T + b and a = sigma(z) of each layer."""
    a = X
    if model.scaling is not None:
        wide = as_double(graph, a)
        mean = graph.array("mean", model.scaling.mean)
        a = as_type(graph, (wide - mean) / graph.array("scale", model.scaling.scale))
    for number, layer in enumerate(model.layers, 1):
        w, b, *norm = (
            graph.array(f"{name}{number}", array) for name, array in layer.parameters.items()
        )
        z = graph.node("Gemm", a, w, b, name=f"z{number}", transB=1)
        graph.scope = f"layer{number}."
        if norm:
            z = normalized(z, *norm)
        a = ACTIVATIONS[layer.name](z, **layer.settings)
    graph.scope = ""
    if model.target_scaling is not None:
        wide = as_double(graph, a) * graph.array("target_scale", model.target_scaling.scale)
        a = as_type(graph, wide + graph.array("target_mean", model.target_scaling.mean))
    return a


def normalized(z: Value, gain: Value, shift: Value) -> Value:
    """gain (z - mean) / sqrt(variance + epsilon) + shift, over the neurons of each row."""

    def mean(of: Value) -> Value:
        return z.graph.node("ReduceMean", of, axes=[1], keepdims=1)

    centred = z - mean(z)
    deviation = z.graph.node("Sqrt", mean(centred * centred) + EPSILON)
    return gain * (centred / deviation) + shift


def as_double(graph: Graph, value: Value) -> Value:
    return value if graph.dtype == "float64" else graph.node("Cast", value, to=DOUBLE)


def as_type(graph: Graph, value: Value) -> Value:
    return value if graph.dtype == "float64" else graph.node("Cast", value, to=TYPES[graph.dtype])


def answers(model: Model, graph: Graph, a: Value) -> list[bytes]:
    """The outputs of the graph."""
    kind, n = TYPES[model.dtype], len(model.classes)
    if not n:
        graph.node("Identity", a, name=model.outputs)
        return [value_info(model.outputs, kind, BATCH, model.sizes[-1])]
    if model.sizes[-1] < n:  # one probability, that of the second class
        second = graph.node("Gather", a, graph.array("column", np.array(0, np.int64)), axis=1)
        index = graph.node(
            "Cast", graph.node("GreaterOrEqual", second, graph.number(0.5)), to=INT64
        )
        graph.node("Concat", 1 - a, a, name=model.outputs, axis=1)
    else:
        index = graph.node("ArgMax", a, axis=1, keepdims=0)
        graph.node("Identity", a, name=model.outputs)
    whole = isinstance(model.classes[0], int)
    names = graph.array("classes", np.array(model.classes, np.int64 if whole else np.str_))
    graph.node("Gather", names, index, name="label", axis=0)
    label = value_info("label", INT64 if whole else STRING, BATCH)
    return [label, value_info(model.outputs, kind, BATCH, n)]
