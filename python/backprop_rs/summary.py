"""Summaries of a network: one line, a text table and an HTML table."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        (str(number), str(shape), f"{activation}{NORM * options['layer_norm']}", f"{count:,}")
        for number, (shape, activation, options, count) in enumerate(layers, 1)
    ]
    if network.input_scale:
        n = network._widths[0]
        layer, shape, activation, _ = table[0]
        table[0] = (layer, shape, activation, f"{network._counts()[0] - n:,}")
        table.insert(0, ("scales", str((n,)), "", f"{n:,}"))
    if network.embedding:
        kinds = ", ".join(dict.fromkeys(each.kind for each in network.embedding))
        table.insert(0, ("embedding", str((network.sizes[0], network._widths[0])), kinds, "0"))
    return [*table, ("total", "", "", f"{network.n_parameters:,}")]


def text(network: BaseNetwork) -> str:
    """Return a plain-text table of the layers."""
    table = [HEADER, *rows(network)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for layer, shape, activation, count in table:
        left = f"{layer:>{widths[0]}}  {shape:<{widths[1]}}  {activation:<{widths[2]}}"
        lines.append(f"{left}  {count:>{widths[3]}}")
    return "\n".join([line(network), "", *lines])


def html(network: BaseNetwork) -> str:
    """Return an HTML table of the layers."""
    body = "".join(html_row("td", row) for row in rows(network))
    caption = line(network).replace("->", "&rarr;")
    return f"<table><caption>{caption}</caption>{html_row('th', HEADER)}{body}</table>"


def html_row(tag: str, cells: tuple[str, ...]) -> str:
    """Return one row of an HTML table."""
    return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"
