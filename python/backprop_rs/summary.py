"""Summaries of a network: one line, a text table and an HTML table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ._internal.html_table import html_table
from .tables.embedding import n_parameters

if TYPE_CHECKING:
    from .base_network import BaseNetwork

NORM = " of layer norm"
HEADER = ("layer", "shape", "activation", "parameters")


def line(network: BaseNetwork) -> str:
    """Return the network in one line."""
    sizes = "-".join(map(str, network.sizes))
    hidden = network.activation
    shown = hidden[:1] if len(set(hidden)) == 1 else hidden
    activations = " -> ".join([*shown, network.output])
    count = f"{network.n_parameters:,} parameters"
    return f"Network({sizes}, {activations}, {network.cost}, {network.dtype}, {count})"


def rows(network: BaseNetwork) -> list[tuple[str, str, str, str]]:
    """Return one row per layer, and the total."""
    activations = [*network.activation, network.output]
    layers = zip(network._shapes(), activations, network._options, network._counts(), strict=True)
    table = [
        (str(number), str(shape), described(activation, options), f"{count:,}")
        for number, (shape, activation, options, count) in enumerate(layers, 1)
    ]
    layer, shape_of_first, activation, _ = table[0]
    n_out, n_in = network._shapes()[0]
    options = network._options[0]
    own = n_out * (n_in + 1 + 2 * options["layer_norm"] + options["parametric"])
    table[0] = (layer, shape_of_first, activation, f"{own:,}")
    if network.input_scale:
        table.insert(0, ("scales", str((n_in,)), "", f"{n_in:,}"))
    if network.embedding:
        kinds = ", ".join(dict.fromkeys(each.kind for each in network.embedding))
        shape, count = (network.sizes[0], network._widths[0]), n_parameters(network._parts)
        table.insert(0, ("embedding", str(shape), kinds, f"{count:,}"))
    return [*table, ("total", "", "", f"{network.n_parameters:,}")]


def described(activation: str, options: Mapping[str, Any]) -> str:
    """Return the activation of a layer with what is special about it."""
    parametric = "parametric " * options["parametric"]
    return f"{parametric}{activation}{NORM * options['layer_norm']}"


def text(network: BaseNetwork) -> str:
    """Return a plain-text table of the layers."""
    return f"{line(network)}\n\n{as_text([HEADER, *rows(network)], right={0, 3})}"


def as_text(table: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """Return lines with aligned columns, those in `right` to the right.

    >>> print(as_text([["a", "bb"], ["ccc", "1"]], right={1}))
    a    bb
    ccc   1
    """
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if k in right else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    )
    return "\n".join(line.rstrip() for line in lines)


def html(network: BaseNetwork) -> str:
    """Return an HTML table of the layers."""
    return html_table(HEADER, rows(network), line(network))


class Summary(str):
    """A text of several lines; Jupyter shows it as HTML, and other consoles as its lines."""

    page: str

    def __new__(cls, text: str, page: str) -> Summary:
        """Return the text with its page."""
        summary = super().__new__(cls, text)
        summary.page = page
        return summary

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        """Return the arguments for pickles and copies."""
        return str(self), self.page

    def __repr__(self) -> str:
        return str.__str__(self)

    def _repr_html_(self) -> str:
        return self.page


def summary(network: BaseNetwork) -> Summary:
    """Return the table of the layers as text and as HTML."""
    return Summary(text(network), html(network))
