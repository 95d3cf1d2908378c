"""The names of the inputs of the first layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..tables.embedding import embedding

if TYPE_CHECKING:
    from ..base_network import BaseNetwork


def input_names(net: BaseNetwork, names: Sequence[str]) -> Sequence[str]:
    """Return a name for each input: of a feature that becomes several, each has its name."""
    if not names or not net.embedding:
        return names
    return [
        names[column]
        for column, name, numbers in net._parts
        for _ in range(embedding(name).n_out(numbers))
    ]
