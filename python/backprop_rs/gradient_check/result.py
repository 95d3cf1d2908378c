"""The result of `Network.check_gradients`."""

from __future__ import annotations

from dataclasses import dataclass

from .._internal.html_table import html_table

HEADER = ("layer", "parameters", "checked", "kinks", "worst absolute", "worst relative", "verdict")
AGREES, DIFFERS, UNDECIDED = "agrees", "differs", "undecided"


@dataclass(frozen=True)
class Worst:
    """The largest difference of a layer, and its parameter."""

    difference: float
    name: str  # a group of `tables.groups`
    index: tuple[int, ...]

    @property
    def place(self) -> str:
        """The parameter in the notation of the derivation.

        >>> Worst(1e-9, "weights", (1, 0)).place
        'w[1, 0]'
        """
        letters = {"weights": "w", "biases": "b", "gains": "g", "shifts": "h", "scales": "s"}
        letters |= {"embeddings": "θ", "alphas": "r"}
        return f"{letters[self.name]}{list(self.index)}"

    def __str__(self) -> str:
        return f"{self.difference:.1e} at {self.place}"


@dataclass(frozen=True)
class LayerCheck:
    """The comparison of one layer.

    Attributes
    ----------
    layer : int
        From 1.
    parameters, checked, excluded : int
        The number of all parameters of the layer, of those that were compared, and of those that
        were excluded because a step takes some z (or the error of an output) across a kink.
    absolute, relative : Worst or None
        The largest |backward - differences|, and the largest one divided by the larger of the
        two, among gradients that are larger than the rounding errors.
    verdict : str
        "agrees"; "differs" if rounding and steps do not explain some difference; "undecided" if
        rounding errors hide all gradients, or if no parameter was left to compare.
    """

    layer: int
    parameters: int
    checked: int
    excluded: int
    absolute: Worst | None
    relative: Worst | None
    verdict: str

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the layer's row in the table."""
        worst = ["" if w is None else str(w) for w in (self.absolute, self.relative)]
        counts = [f"{n:,}" for n in (self.parameters, self.checked, self.excluded)]
        return (str(self.layer), *counts, *worst, self.verdict)


@dataclass(frozen=True, repr=False)
class GradientCheck:
    """Back-propagation compared with central differences of the cost, in float64.

    Attributes
    ----------
    layers : list of LayerCheck
    samples : int
        The number of samples of the batch.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> net = bp.Network([2, 3, 2], seed=0)
    >>> net.check_gradients([[0.5, 0.1]], [[0.0, 1.0]]).passed
    True
    """

    layers: list[LayerCheck]
    samples: int
    network: str

    @property
    def passed(self) -> bool:
        """True if no layer differs; undecided layers do not count."""
        return not any(layer.verdict == DIFFERS for layer in self.layers)

    @property
    def title(self) -> str:
        """The heading of the table, with the number of samples and the network."""
        samples = f"{self.samples:,} sample{'' if self.samples == 1 else 's'}"
        return f"Back-propagation against differences, {samples}, {self.network}"

    def __repr__(self) -> str:
        table = [HEADER, *(layer.cells() for layer in self.layers)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(f"{cell:>{width}}" for cell, width in zip(row[:4], widths, strict=False))
            + "  "
            + "  ".join(f"{cell:<{w}}" for cell, w in zip(row[4:], widths[4:], strict=True))
            for row in table
        ]
        return "\n".join([self.title, "", *(line.rstrip() for line in lines)])

    def _repr_html_(self) -> str:
        return html_table(HEADER, [layer.cells() for layer in self.layers], self.title)
