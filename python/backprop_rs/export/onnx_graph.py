"""Build an ONNX graph; onnx.proto3 of the ONNX project lists the numbers of fields."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from .protobuf import message

if TYPE_CHECKING:
    from .._internal.types import AnyArray

INT, INTS, STRINGS = 2, 7, 8  # AttributeProto.AttributeType
# TensorProto.DataType
FLOAT, INT64, STRING, BOOL, DOUBLE = 1, 7, 8, 9, 11
TYPES = {"float32": FLOAT, "float64": DOUBLE, "int64": INT64, "str": STRING, "bool": BOOL}


class Graph:
    """Nodes and constants; `dtype` is the type of all arithmetic.

    All names begin with `prefix`, so that they differ from those of inputs and outputs.
    """

    def __init__(self, dtype: str, prefix: str = "") -> None:
        self.dtype, self.prefix = dtype, prefix
        self.scope = ""
        self.nodes: list[bytes] = []
        self.initializers: dict[str, bytes] = {}
        self._constants: dict[Any, Value] = {}
        self._numbers = count(1)

    def node(
        self,
        op: str,
        *inputs: Value,
        name: str = "",
        domain: str = "",
        **attributes: int | list[int] | list[str],
    ) -> Value:
        """Add a node with one output, and return the output; `domain` is that of the operator."""
        name = self.prefix + (name or f"{self.scope}{op.lower()}_{next(self._numbers)}")
        fields: list[tuple[int, Any]] = [(1, value.name) for value in inputs]
        fields += [(2, name), (3, name), (4, op)]
        fields += [(5, attribute(key, value)) for key, value in attributes.items()]
        if domain:
            fields.append((7, domain))
        self.nodes.append(message(*fields))
        return Value(self, name)

    def array(self, name: str, array: AnyArray) -> Value:
        """Add a constant array, and return it."""
        name = self.prefix + name
        self.initializers[name] = tensor(name, array)
        return Value(self, name)

    def constant(self, array: AnyArray) -> Value:
        """Return a constant array; equal ones are written once."""
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self._constants:
            self._constants[key] = self.array(f"constant_{len(self._constants) + 1}", array)
        return self._constants[key]

    def exact(self, op: str, x: Value, values: AnyArray) -> Value:
        """Return x (batch, n) + - * / constants (n,) in float64, exactly.

        ONNX Runtime leaves out an operation with a single constant that is 0 (or 1) in float, even
        if it is not in float64. There the constant is used twice, and the first result is taken.
        """
        neutral = 0.0 if op in ("Add", "Sub") else 1.0
        with np.errstate(over="ignore"):
            is_neutral = values.size == 1 and np.float32(values[0]) == neutral != values[0]
        if not is_neutral:
            return self.node(op, x, self.constant(values))
        both = self.node(op, x, self.constant(np.repeat(values, 2)))
        return self.node("Gather", both, self.constant(np.array([0], np.int64)), axis=1)

    def number(self, value: float) -> Value:
        """Add a constant of the graph's type, and return it."""
        name = f"{value:.17g}"
        if self.prefix + name not in self.initializers:
            self.array(name, np.array(value, self.dtype))
        return Value(self, self.prefix + name)


class Value:
    """The output of a node; arithmetic with values adds nodes to the graph."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph, self.name = graph, name

    def _pair(self, op: str, left: Value | float, right: Value | float) -> Value:
        values = [
            side if isinstance(side, Value) else self.graph.number(side) for side in (left, right)
        ]
        return self.graph.node(op, *values)

    def __add__(self, other: Value | float) -> Value:
        return self._pair("Add", self, other)

    def __radd__(self, other: float) -> Value:
        return self._pair("Add", other, self)

    def __sub__(self, other: Value | float) -> Value:
        return self._pair("Sub", self, other)

    def __rsub__(self, other: float) -> Value:
        return self._pair("Sub", other, self)

    def __mul__(self, other: Value | float) -> Value:
        return self._pair("Mul", self, other)

    def __rmul__(self, other: float) -> Value:
        return self._pair("Mul", other, self)

    def __truediv__(self, other: Value | float) -> Value:
        return self._pair("Div", self, other)

    def __rtruediv__(self, other: float) -> Value:
        return self._pair("Div", other, self)

    def __neg__(self) -> Value:
        return self.graph.node("Neg", self)

    def __abs__(self) -> Value:
        return self.graph.node("Abs", self)

    def positive(self) -> Value:
        """Return True if the value is > 0, elementwise."""
        return self._pair("Greater", self, 0.0)

    def at_least(self, other: float) -> Value:
        """Return the larger of the value and a number."""
        return self._pair("Max", self, other)

    def at_most(self, other: float) -> Value:
        """Return the smaller of the value and a number."""
        return self._pair("Min", self, other)


def attribute(name: str, value: int | list[int] | list[str]) -> bytes:
    """Return an AttributeProto of an integer, or of a list of integers or texts."""
    if isinstance(value, list) and value and isinstance(value[0], str):
        return message((1, name), *((9, text) for text in value), (20, STRINGS))
    if isinstance(value, list):
        return message((1, name), *((8, number) for number in value), (20, INTS))
    return message((1, name), (3, value), (20, INT))


def tensor(name: str, array: AnyArray) -> bytes:
    """Return a TensorProto; text has its own field, numbers are raw bytes."""
    fields: list[tuple[int, Any]] = [(1, n) for n in array.shape]
    if array.dtype.kind in "OU":
        fields += [(2, STRING), *((6, str(text)) for text in array.ravel())]
    else:
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        fields += [(2, TYPES[array.dtype.name]), (9, little.tobytes())]
    return message(*fields, (8, name))


def value_info(name: str, kind: int, *shape: int | str) -> bytes:
    """Return a ValueInfoProto of a tensor; a dimension with a name may have any size."""
    dims = [message((1 if isinstance(size, int) else 2, size)) for size in shape]
    tensor_type = message((1, kind), (2, message(*((1, dim) for dim in dims))))
    return message((1, name), (2, message((1, tensor_type))))


def class_array(classes: list[Any]) -> Any:
    """Return the classes as an array of texts, int64, float64 or booleans."""
    if any(isinstance(level, str) for level in classes):
        return np.array(list(map(str, classes)))
    if all(isinstance(level, bool) for level in classes):
        return np.array(classes, bool)
    whole = all(isinstance(level, int) for level in classes)
    return np.array(classes, np.int64 if whole else np.float64)


def kind_of_array(array: AnyArray) -> int:
    """Return the type of an array."""
    return STRING if array.dtype.kind in "OU" else TYPES[array.dtype.name]
