"""Export a network as an ONNX file (https://onnx.ai), without the onnx package.

The input is `X` (batch, n_0). The output is `predictions` (batch, n_L); a classifier has `label`
(batch,) and `probabilities` (batch, classes).
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from .._internal.layer_norm import EPSILON
from .embeddings import in_onnx
from .model import Model
from .onnx_activations import ACTIVATIONS
from .onnx_graph import DOUBLE, INT64, TYPES, Graph, Value, class_array, kind_of_array, value_info
from .protobuf import message

IR_VERSION = 7  # IR and opset of ONNX 1.8, released at the end of 2020
OPSET = 13
BATCH = "batch"
MAX_BYTES = 2**31 - 1  # of any message of protocol buffers


def content(model: Model, name: str) -> bytes:
    """Return the bytes of the file."""
    size = sum(array.nbytes for layer in model.layers for array in layer.parameters.values())
    if size > MAX_BYTES - 2**20:
        raise ValueError(f"an ONNX file must have less than 2 GiB of parameters; got {size} bytes")
    from .._version import __version__

    graph = Graph(model.dtype)
    outputs = add_outputs(model, graph, forward(model, graph, Value(graph, "X")))
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
    """Return a StringStringEntryProto whose value is JSON."""
    return message((1, key), (2, json.dumps(value)))


def forward(model: Model, graph: Graph, X: Value, first: int = 1) -> Value:
    """Add the scaling, and z = a w^T + b and a = sigma(z) of each layer (eq. 1 and 2).

    `first` numbers the layers.
    """
    a = X
    if model.scaling is not None:
        centered = graph.exact("Sub", as_double(graph, a), model.scaling.mean)
        a = as_type(graph, graph.exact("Div", centered, model.scaling.scale))
    if model.parts:
        graph.scope = f"embedding{first}."
        a = in_onnx(graph, a, model.embeddings)
        graph.scope = ""
    for number, layer in enumerate(model.layers, first):
        arrays = {
            name: graph.array(f"{name}{number}", array) for name, array in layer.parameters.items()
        }
        if "input_scale" in arrays:
            a = a * arrays["input_scale"]
        z = graph.node("Gemm", a, arrays["w"], arrays["b"], name=f"z{number}", transB=1)
        graph.scope = f"layer{number}."
        if "gain" in arrays:
            z = normalized(z, arrays["gain"], arrays["shift"])
        a = ACTIVATIONS[layer.name](z, **layer.settings)
        if "alpha" in arrays:
            a = z + arrays["alpha"] * (a - z)
    graph.scope = ""
    if model.target_scaling is not None:
        wide = graph.exact("Mul", as_double(graph, a), model.target_scaling.scale)
        a = as_type(graph, graph.exact("Add", wide, model.target_scaling.mean))
    return a


def normalized(z: Value, gain: Value, shift: Value) -> Value:
    """Return gain (z - mean) / sqrt(variance + epsilon) + shift, over the neurons of each row."""

    def mean(values: Value) -> Value:
        return z.graph.node("ReduceMean", values, axes=[1], keepdims=1)

    centered = z - mean(z)
    deviation = z.graph.node("Sqrt", mean(centered * centered) + EPSILON)
    return gain * (centered / deviation) + shift


def as_double(graph: Graph, value: Value) -> Value:
    """Convert a value from the type of the network to float64."""
    return value if graph.dtype == "float64" else graph.node("Cast", value, to=DOUBLE)


def as_type(graph: Graph, value: Value) -> Value:
    """Convert a value from float64 to the type of the network."""
    return value if graph.dtype == "float64" else graph.node("Cast", value, to=TYPES[graph.dtype])


def add_outputs(model: Model, graph: Graph, a: Value) -> list[bytes]:
    """Add the nodes of the outputs, and return their descriptions."""
    kind, n = TYPES[model.dtype], len(model.classes)
    if not n:
        graph.node("Identity", a, name=model.outputs)
        return [value_info(model.outputs, kind, BATCH, model.sizes[-1])]
    if model.sizes[-1] < n:  # the only output decides for the second class
        second = graph.node("Gather", a, graph.array("column", np.array(0, np.int64)), axis=1)
        index = graph.node(
            "Cast", graph.node("GreaterOrEqual", second, graph.number(model.threshold)), to=INT64
        )
        if model.outputs == "probabilities":
            graph.node("Concat", 1 - a, a, name=model.outputs, axis=1)
        else:
            graph.node("Identity", a, name=model.outputs)
            n = 1
    else:
        index = graph.node("ArgMax", a, axis=1, keepdims=0)
        graph.node("Identity", a, name=model.outputs)
    names = class_array(model.classes)
    graph.node("Gather", graph.array("classes", names), index, name="label", axis=0)
    label = value_info("label", kind_of_array(names), BATCH)
    return [label, value_info(model.outputs, kind, BATCH, n)]
