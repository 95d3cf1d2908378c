"""The table of embeddings: functions from one input to several numbers for the first layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .._internal import error, random
from .._internal.types import Array

Numbers: TypeAlias = Sequence[float]
Parts: TypeAlias = Sequence[tuple[int, str, Numbers]]
"""For each embedding the input that it takes, its name, and its numbers."""


def identity(x: Array, numbers: Numbers, theta: Array | None = None) -> Array:
    """Return x (m,) as the only column."""
    return x[:, None]


def piecewise_linear(x: Array, edges: Numbers, theta: Array | None = None) -> Array:
    """Return the encoding of x (m,) by bins, (m, bins).

    The column of the bin from b to c is clip((x - b) / (c - b), 0, 1), but the first is not
    clipped below and the last not above.

    >>> piecewise_linear(np.array([-1.0, 0.5, 2.0, 9.0]), [0, 1, 3])
    array([[-1. ,  0. ],
           [ 0.5,  0. ],
           [ 1. ,  0.5],
           [ 1. ,  4. ]])
    """
    starts, widths = bins(edges, x.dtype)
    e = (x[:, None] - starts) / widths
    e[:, 1:] = np.maximum(e[:, 1:], 0)
    e[:, :-1] = np.minimum(e[:, :-1], 1)
    return e


def bins(edges: Numbers, dtype: Any) -> tuple[Array, Array]:
    """Return the starts and the widths of bins, or raise ValueError if edges do not grow."""
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.asarray(edges, np.float64).astype(dtype)
        widths = rounded[1:] - rounded[:-1]
    if len(widths) == 0 or not ((widths > 0) & np.isfinite(widths)).all():
        raise error.edges()
    return rounded[:-1], widths


def phases(x: Array, numbers: Numbers, theta: Array) -> Array:
    """Return 2 pi w1 x + b1, (m, frequencies)."""
    waves = Waves.of(theta, numbers)
    turned: Array = x.dtype.type(2 * np.pi) * x[:, None]
    return turned * waves.frequencies + waves.phases


def periodic(x: Array, numbers: Numbers, theta: Array) -> Array:
    """Return W2 cos(2 pi w1 x + b1) + b2, (m, outputs)."""
    waves = Waves.of(theta, numbers)
    return np.cos(phases(x, numbers, theta)) @ waves.weights.T + waves.biases


def periodic_gradient(x: Array, numbers: Numbers, theta: Array, delta: Array) -> Array:
    """Return the gradient of theta for each sample, (m, parameters)."""
    waves, phase = Waves.of(theta, numbers), phases(x, numbers, theta)
    of_phase = -np.sin(phase) * (delta @ waves.weights)
    of_frequency = x.dtype.type(2 * np.pi) * x[:, None] * of_phase
    of_weights = delta[:, :, None] * np.cos(phase)[:, None, :]
    parts = [of_frequency, of_phase, of_weights.reshape(len(x), -1), delta]
    return np.concatenate(parts, axis=1)


def periodic_start(numbers: Numbers, seed: int, part: int) -> Array:
    """Return initial parameters: w1 normal, b1 within pi, W2 and b2 within 1 / sqrt(frequencies).

    Source: Holzmüller et al. 2024, Better by Default (RealMLP), the embedding PBLD.
    """
    count, outputs, deviation = int(numbers[0]), int(numbers[1]), numbers[2]
    even = count + count % 2
    uniform = random.uniform(seed, random.EMBED, part, even + count + outputs * (count + 1))
    w1 = deviation * random.normal(seed, random.EMBED, part, even)[:count]
    b1, others = np.split(2 * uniform[even:] - 1, [count])
    return np.concatenate([w1, np.pi * b1, others / np.sqrt(count)])


def periodic_sizes(x: Array, numbers: Numbers, theta: Array) -> Array:
    """Return the sum of the |terms| of each column, where a term counts its phase, too."""
    waves = Waves.of(np.abs(theta), numbers)
    phase = 2 * np.pi * np.abs(x[:, None]) * waves.frequencies + waves.phases
    return (1 + phase) @ waves.weights.T + waves.biases


def check_periodic(numbers: Numbers, dtype: Any) -> None:
    """Raise ValueError for numbers that are not frequencies, outputs and a deviation."""
    if len(numbers) != 3 or min(numbers[:2]) < 1:
        raise error.frequencies()


class Waves(NamedTuple):
    """The parameters of a periodic embedding, or their gradients.

    Attributes
    ----------
    frequencies, phases : (frequencies,) arrays
        w1 and b1.
    weights : (outputs, frequencies) array
        W2.
    biases : (outputs,) array
        b2.
    """

    frequencies: Array
    phases: Array
    weights: Array
    biases: Array

    @classmethod
    def of(cls, theta: Array, numbers: Numbers) -> Waves:
        """Return views of the parameters of one part."""
        count, outputs = int(numbers[0]), int(numbers[1])
        w1, b1, w2, b2 = np.split(theta, np.cumsum([count, count, count * outputs]))
        return cls(w1, b1, w2.reshape(outputs, count), b2)


@dataclass(frozen=True)
class Embedding:
    """One entry of the table.

    Attributes
    ----------
    name : str
    n_out : function of the numbers
        How many columns replace the input.
    forward : function of x (m,), the numbers and the parameters
        The columns, (m, n_out).
    check : function of the numbers and the dtype
        Raises ValueError for numbers that it does not accept.
    n_parameters : function of the numbers
        How many numbers it learns.
    start : function of the numbers, a seed and the number of the part
        The initial parameters.
    gradient : function of x, the numbers, the parameters and dC/d(columns) (m, n_out)
        The gradient of the parameters for each sample, (m, n_parameters).
    sizes : function of x, the numbers and the parameters, optional
        The sums of the |terms| of which each column is rounded; by default its |value|.
    """

    name: str
    n_out: Callable[[Numbers], int]
    forward: Callable[[Array, Numbers, Array], Array]
    check: Callable[[Numbers, Any], Any] = lambda numbers, dtype: None
    n_parameters: Callable[[Numbers], int] = lambda numbers: 0
    start: Callable[[Numbers, int, int], Array] = lambda numbers, seed, part: np.zeros(0)
    gradient: Callable[[Array, Numbers, Array, Array], Array] = lambda x, numbers, theta, delta: (
        delta[:, :0]
    )
    sizes: Callable[[Array, Numbers, Array], Array] | None = None


EMBEDDINGS = (
    Embedding("identity", lambda numbers: 1, identity),
    Embedding("piecewise_linear", lambda edges: len(edges) - 1, piecewise_linear, bins),
    Embedding(
        "periodic",
        lambda numbers: int(numbers[1]),
        periodic,
        check_periodic,
        lambda numbers: int(numbers[0]) * (int(numbers[1]) + 2) + int(numbers[1]),
        periodic_start,
        periodic_gradient,
        periodic_sizes,
    ),
)


def embedding(name: str) -> Embedding:
    """Return an entry of the table."""
    for row in EMBEDDINGS:
        if row.name == name:
            return row
    raise error.unknown_name("embedding", name, [row.name for row in EMBEDDINGS])


def n_outputs(parts: Parts) -> int:
    """Return how many columns replace all inputs."""
    return sum(embedding(name).n_out(numbers) for _, name, numbers in parts)


def n_parameters(parts: Parts) -> int:
    """Return how many numbers all parts learn."""
    return sum(embedding(name).n_parameters(numbers) for _, name, numbers in parts)


class Place(NamedTuple):
    """One part: its input, its entry of the table, and its places among columns and parameters."""

    column: int
    row: Embedding
    numbers: Numbers
    outputs: slice
    parameters: slice


def places(parts: Parts) -> list[Place]:
    """Return the places of all parts."""
    found, output, parameter = [], 0, 0
    for column, name, numbers in parts:
        row = embedding(name)
        ends = output + row.n_out(numbers), parameter + row.n_parameters(numbers)
        found.append(Place(column, row, numbers, slice(output, ends[0]), slice(parameter, ends[1])))
        output, parameter = ends
    return found


def embedded(parts: Parts, X: Array, theta: Array) -> Array:
    """Return the columns (m, k) that replace the inputs X (m, n_in)."""
    columns = [
        place.row.forward(X[:, place.column], place.numbers, theta[place.parameters])
        for place in places(parts)
    ]
    return np.concatenate(columns, axis=1)


def sizes(parts: Parts, X: Array, theta: Array) -> Array:
    """Return the sum of the |terms| of each column, (m, k)."""
    columns = []
    for place in places(parts):
        given = (X[:, place.column], place.numbers, theta[place.parameters])
        own = place.row.sizes
        columns.append(np.abs(place.row.forward(*given)) if own is None else own(*given))
    return np.concatenate(columns, axis=1)


def gradients(parts: Parts, X: Array, theta: Array, delta: Array) -> Array:
    """Return the gradient of theta for each sample, from dC/d(columns) (m, k)."""
    columns = [
        place.row.gradient(
            X[:, place.column], place.numbers, theta[place.parameters], delta[:, place.outputs]
        )
        for place in places(parts)
    ]
    return np.concatenate(columns, axis=1)


def start(parts: Parts, seed: int) -> Array:
    """Return the initial parameters of all parts, each from a stream of its own."""
    drawn = [
        embedding(name).start(numbers, seed, part) for part, (_, name, numbers) in enumerate(parts)
    ]
    return np.concatenate(drawn) if drawn else np.zeros(0)
