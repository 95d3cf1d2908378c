"""What `Network.check_gradients` returns."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

HEADER = ("layer", "parameters", "checked", "kinks", "worst absolute", "worst relative", "verdict")
AGREES, DIFFERS, UNDECIDED = "agrees", "differs", "undecided"


@dataclass(frozen=True)
class Worst:
    """The largest difference of a layer, and where it is."""

    difference: float
    name: str  # "weights", "biases", "gains" or "shifts"
    index: tuple[int, ...]

    @property
    def place(self) -> str:
        """As the derivation writes it.

        >>> Worst(1e-9, "weights", (1, 0)).place
        'w[1, 0]'
        """
        letters = {"weights": "w", "biases": "b", "gains": "g", "shifts": "h"}
        return f"{letters[self.name]}{list(self.index)}"

    def __str__(self) -> str:
        return f"{self.difference:.1e} at {self.place}"


@dataclass(frozen=True)
class LayerCheck:
    """One layer.

    Attributes
    ----------
    layer : int
        From 1.
    parameters, checked, excluded : int
        All of the layer, those that were compared, and those that were not because a step in them
        takes some z (or the error of an output) over a kink, where there is no derivative.
    absolute, relative : Worst or None
        The largest |backward - differences|, and the largest one divided by the larger of the
        two, among gradients that stand out from the rounding.
    verdict : str
        "agrees"; "differs", if the difference at some place is beyond what rounding and the steps
        explain; "undecided", if all gradients vanish in the rounding, or nothing was left to check.
    """

    layer: int
    parameters: int
    checked: int
    excluded: int
    absolute: Worst | None
    relative: Worst | None
    verdict: str

    def cells(self) -> tuple[str, ...]:
        worst = ["" if one is None else str(one) for one in (self.absolute, self.relative)]
        counts = [f"{n:,}" for n in (self.parameters, self.checked, self.excluded)]
        return (str(self.layer), *counts, *worst, self.verdict)


@dataclass(frozen=True, repr=False)
class GradientCheck:
    """Back-propagation compared with central differences of the cost, in float64.

    Attributes
    ----------
    layers : list of LayerCheck
    samples : int
        Of the batch.

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
        """Whether no layer differs; undecided ones are no failure."""
        return not any(layer.verdict == DIFFERS for layer in self.layers)

    @property
    def title(self) -> str:
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
        def row(tag: str, cells: tuple[str, ...]) -> str:
            return "<tr>" + "".join(f"<{tag}>{escape(one)}</{tag}>" for one in cells) + "</tr>"

        body = "".join(row("td", layer.cells()) for layer in self.layers)
        return f"<table><caption>{escape(self.title)}</caption>{row('th', HEADER)}{body}</table>"
