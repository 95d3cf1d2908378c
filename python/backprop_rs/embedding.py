"""Embeddings of numeric inputs, as `Network(embedding=...)` takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from ._internal import checks
from .tables.embedding import Parts

if TYPE_CHECKING:
    from ._internal.types import Data


MAX_NUMBERS = 2**20
"""The largest number of frequencies or outputs of an input."""


@dataclass(frozen=True, init=False)
class PiecewiseLinear:
    """The piecewise-linear encoding of some inputs by bins with fixed edges.

    Each of these inputs is replaced by one number per bin. That of the bin from b to c is
    clip((x - b) / (c - b), 0, 1): 0 below the bin, 1 above it, and linear inside; the first is not
    clipped below and the last not above. A linear function of these numbers is any continuous
    piecewise linear function of x with its kinks at the edges. Nothing is learned. The numbers are
    computed while a batch is gathered, so that the memory of the samples does not grow.

    Parameters
    ----------
    edges : mapping from input to edges, or sequence with the edges of each input or None
        The edges of an input, at least two, are growing. Inputs are counted from 0; those without
        edges stay as they are.
    append : bool, default False
        Keep the input itself behind its encoding.

    References
    ----------
    Gorishniy, Rubachev & Babenko 2022, On Embeddings for Numerical Features in Tabular Deep
    Learning, eq. 1.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> net = bp.Network([2, 4, 1], embedding=bp.PiecewiseLinear({0: [0, 1, 3]}))
    >>> net.embed([[2.0, 7.0]])
    array([[1. , 0.5, 7. ]], dtype=float32)
    """

    kind: ClassVar[str] = "piecewise_linear"

    edges: dict[int, tuple[float, ...]]
    append: bool

    def __init__(
        self,
        edges: Mapping[int, Sequence[float]] | Sequence[Sequence[float] | None],
        append: bool = False,
    ) -> None:
        """Check and keep the edges."""
        object.__setattr__(self, "edges", edges_of(edges))
        object.__setattr__(self, "append", checks.boolean("append", append))

    def __hash__(self) -> int:
        return hash((tuple(self.edges.items()), self.append))

    @classmethod
    def from_quantiles(
        cls,
        X: Data,
        n_bins: int = 16,
        columns: Sequence[int] | None = None,
        append: bool = False,
        dtype: str = "float32",
    ) -> PiecewiseLinear:
        """Return the encoding whose edges are evenly spaced quantiles of samples.

        Equal quantiles are one edge, and an input with fewer than two edges stays as it is.

        Parameters
        ----------
        X : (m, n_0) array-like
            The samples of the training.
        n_bins : int, default 16
            The largest number of bins of an input.
        columns : sequence of int, optional
            The inputs to encode, by default all.
        append : bool, default False
            As for the class.
        dtype : "float32" or "float64", default "float32"
            That of the network. Edges must differ in it.

        Examples
        --------
        >>> PiecewiseLinear.from_quantiles([[0.0], [1.0], [2.0], [8.0]], n_bins=3).edges
        {0: (0.0, 1.0, 2.0, 8.0)}
        """
        table = checks.numbers("X", X)
        if table.ndim != 2 or not table.size:
            raise ValueError(f"X must have shape (m, n); got {table.shape}")
        table = checks.finite("X", table, checks.dtype(dtype))
        n_bins = checks.integer("n_bins", n_bins, least=1)
        n_in = table.shape[1]
        chosen = list(range(n_in)) if columns is None else columns_of(columns, n_in - 1)
        edges = {}
        for column in chosen:
            shares = np.linspace(0, 1, n_bins + 1)
            quantiles = np.quantile(table[:, column].astype(np.float64), shares)
            distinct = np.unique(quantiles.astype(dtype))
            if len(distinct) > 1:
                edges[column] = distinct.tolist()
        return cls(edges, append)

    def inputs(self, n_in: int) -> tuple[int, ...]:
        """Return the inputs that are encoded, for any number of inputs."""
        return tuple(self.edges)

    def parts(self, column: int) -> Parts:
        """Return the entries of the table that replace an input."""
        itself: Parts = [(column, "identity", ())] if self.append else []
        return [(column, self.kind, self.edges[column]), *itself]

    def to_dict(self) -> dict[str, Any]:
        """Return the settings for JSON."""
        edges = [[column, list(each)] for column, each in self.edges.items()]
        return {"kind": self.kind, "edges": edges, "append": self.append}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> PiecewiseLinear:
        """Return the embedding of such settings."""
        return cls(dict(settings["edges"]), settings["append"])


@dataclass(frozen=True)
class PBLD:
    """A learned periodic embedding of some inputs: W2 cos(2 pi w1 x + b1) + b2, and x itself.

    Each input has frequencies w1, phases b1, weights W2 (outputs, frequencies) and biases b2 of its
    own, which are trained as the biases of layers are, without penalties. At first w1 is normal, b1
    uniform from -pi to pi, and W2 and b2 within 1 / sqrt(frequencies). `Network.embeddings` has all
    of them in one array, and `Network.embedding_arrays` by their names.

    Parameters
    ----------
    columns : sequence of int, optional
        The inputs to embed, counted from 0; by default all.
    frequencies : int, default 16
    outputs : int, default 3
        How many numbers each input gives besides itself.
    deviation : float, default 0.1
        That of the initial frequencies. It suits inputs of deviation near 1.
    append : bool, default True
        Keep the input itself behind its numbers.

    References
    ----------
    Holzmüller et al. 2024, Better by Default (RealMLP), which calls it PBLD and trains it with
    ``lr_factors={"embeddings": 0.1}``; Gorishniy, Rubachev & Babenko 2022, On Embeddings for
    Numerical Features in Tabular Deep Learning, section 3.3.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> net = bp.Network([2, 8, 1], embedding=bp.PBLD([0], frequencies=4), seed=0)
    >>> net.embed([[0.5, 7.0]]).shape
    (1, 5)
    >>> net.embeddings.shape
    (23,)
    """

    kind: ClassVar[str] = "pbld"

    columns: tuple[int, ...] | None = None
    frequencies: int = 16
    outputs: int = 3
    deviation: float = 0.1
    append: bool = True

    def __post_init__(self) -> None:
        """Check the settings."""
        chosen = None if self.columns is None else tuple(columns_of(self.columns))
        object.__setattr__(self, "columns", chosen)
        for name in ("frequencies", "outputs"):
            value = checks.integer(name, getattr(self, name), least=1, most=MAX_NUMBERS)
            object.__setattr__(self, name, value)
        deviation = checks.nonnegative("deviation", self.deviation)
        object.__setattr__(self, "deviation", float(deviation))
        object.__setattr__(self, "append", checks.boolean("append", self.append))

    def inputs(self, n_in: int) -> tuple[int, ...]:
        """Return the inputs of n_in that are embedded."""
        return tuple(range(n_in)) if self.columns is None else self.columns

    def parts(self, column: int) -> Parts:
        """Return the entries of the table that replace an input."""
        itself: Parts = [(column, "identity", ())] if self.append else []
        return [(column, "periodic", (self.frequencies, self.outputs, self.deviation)), *itself]

    def to_dict(self) -> dict[str, Any]:
        """Return the settings for JSON."""
        columns = None if self.columns is None else list(self.columns)
        return {"kind": self.kind} | asdict(self) | {"columns": columns}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> PBLD:
        """Return the embedding of such settings."""
        return cls(**{name: value for name, value in settings.items() if name != "kind"})


AnyEmbedding: TypeAlias = PiecewiseLinear | PBLD
Choice: TypeAlias = AnyEmbedding | Sequence[AnyEmbedding] | None

EMBEDDINGS = (PiecewiseLinear, PBLD)
"""The embeddings; each gives entries of `tables.embedding` for some inputs."""


def edges_of(given: Any) -> dict[int, tuple[float, ...]]:
    """Return checked edges by their inputs, in growing order."""
    if isinstance(given, Mapping):
        pairs = list(given.items())
    elif isinstance(given, (Sequence, np.ndarray)) and not isinstance(given, str):
        pairs = [(column, each) for column, each in enumerate(given) if each is not None]
    else:
        raise TypeError(
            "edges must be a mapping from inputs to edges, or a sequence with the edges of each "
            f"input or None; got {checks.shown(given)}"
        )
    checked = {}
    for column, each in pairs:
        column = checks.integer("an input of edges", column, least=0)
        array = checks.numbers(f"edges of input {column}", each)
        name = f"edges of input {column}"
        if array.ndim != 1 or len(array) < 2:
            raise ValueError(f"{name} must be two numbers or more; got shape {array.shape}")
        array = checks.finite(name, array, "float64")
        if (np.diff(array) <= 0).any():
            raise ValueError(f"{name} must grow; got {checks.shown(array.tolist())}")
        checked[column] = tuple(array.tolist())
    return dict(sorted(checked.items()))


def columns_of(given: Any, most: int | None = None) -> list[int]:
    """Return checked numbers of inputs in growing order."""
    if isinstance(given, str) or not isinstance(given, (Sequence, np.ndarray)):
        raise TypeError(f"columns must be a sequence of inputs; got {checks.shown(given)}")
    each = [checks.integer("columns", column, least=0, most=most) for column in given]
    if len(set(each)) < len(each):
        raise ValueError(f"columns must be different inputs; got {checks.shown(each)}")
    return sorted(each)


def embeddings_of(given: Any) -> tuple[AnyEmbedding, ...]:
    """Return the embeddings of a network, from none, one or several."""
    several = given if isinstance(given, (list, tuple)) else () if given is None else (given,)
    for each in several:
        if not isinstance(each, EMBEDDINGS):
            names = " or ".join(kind.__name__ for kind in EMBEDDINGS)
            raise TypeError(f"embedding must be {names}, or a list of them; got {each!r}")
    return tuple(several)


def parts_of(embeddings: Sequence[AnyEmbedding], n_in: int, dtype: str) -> Parts:
    """Return the parts of all inputs in their order, or none if all stay as they are."""
    by_input: dict[int, AnyEmbedding] = {}
    for each in embeddings:
        for column in each.inputs(n_in):
            if column >= n_in:
                raise ValueError(
                    f"embedding must be of inputs 0 to {n_in - 1}; got one of input {column}"
                )
            if column in by_input:
                raise ValueError(f"embedding must have each input once; got input {column} twice")
            by_input[column] = each
    parts: list[Any] = []
    for column in range(n_in) if by_input else ():
        chosen = by_input.get(column)
        new: Parts = [(column, "identity", ())] if chosen is None else chosen.parts(column)
        check_edges(new, dtype)
        parts += new
    return parts


def check_edges(parts: Parts, dtype: str) -> None:
    """Raise ValueError for edges that are not different in the dtype of the network."""
    for column, name, numbers in parts:
        if name == PiecewiseLinear.kind:
            with np.errstate(over="ignore", invalid="ignore"):
                edges = np.array(numbers).astype(dtype)
                widths = np.diff(edges)
            wrong = np.flatnonzero(~((widths > 0) & np.isfinite(widths)))
            if len(wrong):
                pair = [float(edge) for edge in numbers[wrong[0] : wrong[0] + 2]]
                raise ValueError(
                    f"edges of input {column} must grow by finite steps in {dtype}; got "
                    f"{pair[0]!r} and {pair[1]!r}"
                )


def from_settings(settings: Any) -> tuple[AnyEmbedding, ...]:
    """Return the embeddings that a file describes."""
    kinds = {kind.kind: kind for kind in EMBEDDINGS}
    return tuple(kinds[each["kind"]].from_dict(each) for each in settings)
