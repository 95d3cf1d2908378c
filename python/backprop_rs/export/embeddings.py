"""How exported files compute embeddings of inputs: one entry for each of `tables.embedding`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import pi, tau
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from ..tables.embedding import Numbers, Waves, bins, embedding
from .onnx_graph import Graph, Value

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array

ULPS = 4  # error of one cosine and the operations around it


class Part(NamedTuple):
    """One embedding of a network, with its numbers and its learned parameters."""

    column: int
    name: str
    numbers: Numbers
    theta: Array

    @property
    def n_out(self) -> int:
        """How many numbers replace the input."""
        return embedding(self.name).n_out(self.numbers)

    @property
    def arrays(self) -> dict[str, Array]:
        """The arrays that a file contains, by their names there."""
        return EMBEDDINGS[self.name].arrays(self.numbers, self.theta)

    def forward(self, x: Array) -> Array:
        """Return the numbers (m, n_out) for x (m,)."""
        theta = self.theta.astype(x.dtype)
        return embedding(self.name).forward(x, self.numbers, theta)

    def in_c(self, first: int, start: int) -> str:
        """Return the statement of C that writes the numbers to row z from `start` on."""
        row = EMBEDDINGS[self.name]
        arrays = ", ".join(f"{name}_{first}_{self.column}" for name in self.arrays)
        return row.c_call.format(
            **{"x": f"a[{self.column}]", "arrays": arrays, "start": start, "n_out": self.n_out},
            n=int(self.numbers[0]) if self.numbers else 1,
        )

    def in_numpy(self, first: int) -> str:
        """Return the expression of NumPy for the columns."""
        arrays = ", ".join(f"{name}_{first}_{self.column}" for name in self.arrays)
        return EMBEDDINGS[self.name].numpy_call.format(column=self.column, arrays=arrays)


Bound: TypeAlias = "Callable[[Part, Array, AnyArray, Any], AnyArray]"
Write: TypeAlias = Callable[[Graph, Value, "Sequence[Part]"], Value]


class Exported(NamedTuple):
    """One entry.

    Attributes
    ----------
    c, numpy : str
        A function of C and one of NumPy; none if the input itself is taken.
    c_call, numpy_call : str
        Their calls.
    arrays : function of the numbers and the parameters
        The arrays that both take, by their names.
    group : function of the numbers
        What must be equal for parts that ONNX computes together.
    onnx : function of the graph, the inputs and such parts
        Their columns.
    bound : function of a part, x (m,), a bound of its error, and eps
        A bound of the errors of the columns, (m, n_out).
    """

    c: str
    numpy: str
    c_call: str
    numpy_call: str
    arrays: Callable[[Numbers, Array], dict[str, Array]]
    group: Callable[[Numbers], Any]
    onnx: Write
    bound: Bound


# Inputs as they are, and bins: linear functions of which some are clipped.


def clipped(graph: Graph, a: Value, parts: Sequence[Part]) -> Value:
    """Return the columns of several parts."""
    columns: list[int] = []
    starts: list[float] = []
    widths: list[float] = []
    lows: list[float] = []
    highs: list[float] = []
    for part in parts:
        start, width, low, high = [0.0], [1.0], [-np.inf], [np.inf]
        if part.numbers:
            start, width = (each.tolist() for each in bins(part.numbers, graph.dtype))
            low = [-np.inf, *[0.0] * (len(start) - 1)]
            high = [*[1.0] * (len(start) - 1), np.inf]
        columns += [part.column] * len(start)
        for every, each in ((starts, start), (widths, width), (lows, low), (highs, high)):
            every += each
    index = integers(graph, "columns", columns)
    x = graph.node("Gather", a, index, axis=1)
    share = (x - reals(graph, "starts", starts)) / reals(graph, "widths", widths)
    above = graph.node("Max", share, reals(graph, "lows", lows))
    return graph.node("Min", above, reals(graph, "highs", highs))


def bound_of_bins(part: Part, x: Array, error: AnyArray, eps: Any) -> AnyArray:
    """Return a bound: the difference and the quotient are rounded, but not what is clipped."""
    starts, widths = (each.astype(float) for each in bins(part.numbers, part.theta.dtype))
    size = np.abs(x[:, None] - starts) / widths
    rounded = error[:, None] / widths + 2 * eps * size
    value = part.forward(x)
    errors: AnyArray = np.where((value == 0) | (value == 1), np.minimum(rounded, 1), rounded)
    return errors


# Waves.


def periodic(graph: Graph, a: Value, parts: Sequence[Part]) -> Value:
    """Return W2 cos(2 pi w1 x + b1) + b2 of several inputs, of which all have the same sizes.

    A cosine is written as a sine because runtimes do not support it in double.
    """
    waves = [Waves.of(part.theta.astype(float), part.numbers) for part in parts]
    last = integers(graph, "last", [-1])
    index = integers(graph, "columns", [part.column for part in parts])
    x = graph.node("Unsqueeze", graph.node("Gather", a, index, axis=1), last)
    w1 = reals(graph, "w1", [wave.frequencies for wave in waves])
    b1 = reals(graph, "b1", [wave.phases + pi / 2 for wave in waves])
    sines = graph.node("Unsqueeze", graph.node("Sin", x * tau * w1 + b1), last)
    w2 = reals(graph, "w2", [wave.weights for wave in waves])
    b2 = reals(graph, "b2", [wave.biases[:, None] for wave in waves])
    outputs = graph.node("MatMul", w2, sines) + b2
    shape = integers(graph, "shape", [-1, sum(part.n_out for part in parts)])
    return graph.node("Reshape", outputs, shape)


def bound_of_waves(part: Part, x: Array, error: AnyArray, eps: Any) -> AnyArray:
    """Return a bound: a phase is rounded a few times, and the sum has any order."""
    w1, b1, w2, b2 = (np.abs(each) for each in Waves.of(part.theta.astype(float), part.numbers))
    phase = tau * np.abs(x[:, None]) * w1 + b1
    of_phase = tau * error[:, None] * w1 + ULPS * eps * (phase + pi / 2)
    of_sum = np.sqrt(len(w1) + 2) * eps * (w2.sum(axis=1) + b2)
    errors: AnyArray = (of_phase + ULPS * eps) @ w2.T + of_sum
    return errors


def arrays_of_waves(numbers: Numbers, theta: Array) -> dict[str, Array]:
    """Return the arrays by their names in files."""
    names = ("wave_w1", "wave_b1", "wave_w2", "wave_b2")
    return dict(zip(names, Waves.of(theta, numbers), strict=True))


C_PIECEWISE_LINEAR = """
/* e = clip((x - b) / (c - b), 0, 1) for each of n bins; the ends are not clipped outwards */
static void piecewise_linear(real x, const real *edges, real *e, int n)
{
    for (int i = 0; i < n; i++) {
        real part = R((x - edges[i]) / R(edges[i + 1] - edges[i]));
        if (i > 0 && part < 0)
            part = 0;
        if (i + 1 < n && part > 1)
            part = 1;
        e[i] = part;
    }
}
"""

C_PERIODIC = f"""
/* e = w2 cos(2 pi w1 x + b1) + b2 with n frequencies and n_out rows of w2 */
static void periodic(real x, const real *w1, const real *b1, const real *w2, const real *b2,
                     real *e, int n, int n_out)
{{
    for (int j = 0; j < n_out; j++)
        e[j] = b2[j];
    for (int f = 0; f < n; f++) {{
        real wave = F(cos)(w1[f] * (R({tau!r}) * x) + b1[f]);
        for (int j = 0; j < n_out; j++)
            e[j] += w2[j * n + f] * wave;
    }}
}}
"""

NUMPY_PIECEWISE_LINEAR = '''

def piecewise_linear(x, edges):
    """Return clip((x - b) / (c - b), 0, 1) for each bin, but the ends are not clipped outwards."""
    e = (x[..., None] - edges[:-1]) / np.diff(edges)
    e[..., 1:] = np.maximum(e[..., 1:], 0)
    e[..., :-1] = np.minimum(e[..., :-1], 1)
    return e
'''

NUMPY_PERIODIC = f'''

def periodic(x, w1, b1, w2, b2):
    """Return w2 cos(2 pi w1 x + b1) + b2."""
    turned = (x.dtype.type({tau!r}) * x)[..., None]
    return np.cos(turned * w1 + b1) @ w2.T + b2
'''

EMBEDDINGS: Mapping[str, Exported] = {
    "identity": Exported(
        c="",
        numpy="",
        c_call="z[{start}] = {x};",
        numpy_call="a[..., {column} : {column} + 1]",
        arrays=lambda numbers, theta: {},
        group=lambda numbers: "clipped",
        onnx=clipped,
        bound=lambda part, x, error, eps: error[:, None],
    ),
    "piecewise_linear": Exported(
        c=C_PIECEWISE_LINEAR,
        numpy=NUMPY_PIECEWISE_LINEAR,
        c_call="piecewise_linear({x}, {arrays}, z + {start}, {n_out});",
        numpy_call="piecewise_linear(a[..., {column}], {arrays})",
        arrays=lambda edges, theta: {"edges": np.array(edges).astype(theta.dtype)},
        group=lambda edges: "clipped",
        onnx=clipped,
        bound=bound_of_bins,
    ),
    "periodic": Exported(
        c=C_PERIODIC,
        numpy=NUMPY_PERIODIC,
        c_call="periodic({x}, {arrays}, z + {start}, {n}, {n_out});",
        numpy_call="periodic(a[..., {column}], {arrays})",
        arrays=arrays_of_waves,
        group=lambda numbers: ("periodic", *numbers[:2]),
        onnx=periodic,
        bound=bound_of_waves,
    ),
}


def in_onnx(graph: Graph, a: Value, parts: Sequence[Part]) -> Value:
    """Return the embedded inputs: parts of one group are computed together."""
    groups: dict[Any, list[int]] = {}
    for i, part in enumerate(parts):
        groups.setdefault(EMBEDDINGS[part.name].group(part.numbers), []).append(i)
    scope, values = graph.scope, []
    for number, members in enumerate(groups.values(), 1):
        graph.scope = f"{scope}{number}."
        write = EMBEDDINGS[parts[members[0]].name].onnx
        values.append(write(graph, a, [parts[i] for i in members]))
    graph.scope = scope
    if len(values) == 1:
        return values[0]
    starts, start = {}, 0
    for i in (i for members in groups.values() for i in members):
        starts[i], start = start, start + parts[i].n_out
    order = [starts[i] + k for i, part in enumerate(parts) for k in range(part.n_out)]
    joined = graph.node("Concat", *values, axis=1)
    return graph.node("Gather", joined, integers(graph, "order", order), axis=1)


def reals(graph: Graph, name: str, values: Any) -> Value:
    """Add a constant array of the type of the graph."""
    return graph.array(f"{graph.scope}{name}", np.array(values).astype(graph.dtype))


def integers(graph: Graph, name: str, values: list[int]) -> Value:
    """Add a constant array of integers."""
    return graph.array(f"{graph.scope}{name}", np.array(values, np.int64))
