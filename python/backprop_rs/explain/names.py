"""The names of inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..tables.embedding import embedding

if TYPE_CHECKING:
    from ..base_network import BaseNetwork

MAX_LETTERS = 22  # of a name in a picture


def short(name: str) -> str:
    """Return a name without its end if it is long.

    >>> short("petal length (cm)"), short("the share of customers who left")
    ('petal length (cm)', 'the share of customer…')
    """
    return name if len(name) <= MAX_LETTERS else name[: MAX_LETTERS - 1] + "…"


def input_names(net: BaseNetwork, names: Sequence[str]) -> Sequence[str]:
    """Return a name for each input: of a feature that becomes several, each has its name."""
    if not names or not net.embedding:
        return names
    return [
        names[column]
        for column, name, numbers in net._parts
        for _ in range(embedding(name).n_out(numbers))
    ]
