"""The table of groups of parameters, which may have factors of the learning rate and the decay.

A group is one kind of parameters; in each layer it may have a factor of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .._internal import error
from .._internal.checks import nonnegative, shown

Factors: TypeAlias = dict[str, list[tuple[float, float]]]
"""(factor of the learning rate, factor of the decay) of each group, layer by layer."""

NTP = "ntp"


class Group(NamedTuple):
    """One entry of the table.

    Attributes
    ----------
    name : str
        As in the state of a network.
    decay : float
        The factor of the decay by default.
    ntp : bool
        True if "ntp" is a factor of the learning rate.
    """

    name: str
    decay: float
    ntp: bool = False


GROUPS = (
    Group("weights", 1.0, ntp=True),
    Group("biases", 0.0),
    Group("gains", 0.0),
    Group("shifts", 0.0),
    Group("scales", 0.0),
    Group("embeddings", 0.0),
    Group("alphas", 0.0),
)


def factors_of(
    sizes: Sequence[int], lr_factors: Any = None, decay_factors: Any = None
) -> Factors | None:
    """Return the factors of all groups of a network, or None if all are the defaults.

    >>> factors_of([4, 2, 1], {"weights": "ntp", "biases": 0.1})["weights"]
    [(0.5, 1.0), (0.7071067811865475, 1.0)]
    """
    rates = checked("lr_factors", lr_factors, sizes)
    decays = checked("decay_factors", decay_factors, sizes)
    n_layers = len(sizes) - 1
    defaults = {group.name: [(1.0, group.decay)] * n_layers for group in GROUPS}
    factors = {
        name: [
            (
                rates.get(name, [default[0]] * n_layers)[l],
                decays.get(name, [default[1]] * n_layers)[l],
            )
            for l, default in enumerate(values)  # noqa: E741 (l as in the derivation)
        ]
        for name, values in defaults.items()
    }
    return None if factors == defaults else factors


def checked(argument: str, given: Any, sizes: Sequence[int]) -> dict[str, list[float]]:
    """Return the factors of the groups that are given, one for each layer."""
    if given is None:
        return {}
    names = [group.name for group in GROUPS]
    if not isinstance(given, Mapping):
        raise TypeError(
            f"{argument} must be a mapping from {', '.join(names)} to factors; got {shown(given)}"
        )
    for name in given:
        if name not in names:
            raise error.unknown_name(f"a key of {argument}", name, names)
    with_ntp = [group.name for group in GROUPS if group.ntp and argument == "lr_factors"]
    return {
        name: layers_of(f"{argument}[{name!r}]", factor, sizes, name in with_ntp)
        for name, factor in given.items()
    }


def layers_of(name: str, factor: Any, sizes: Sequence[int], ntp: bool) -> list[float]:
    """Return the factor of each layer."""
    n_layers = len(sizes) - 1
    if ntp and isinstance(factor, str) and factor == NTP:
        return [1 / sqrt(n_in) for n_in in sizes[:-1]]
    if isinstance(factor, np.ndarray):
        factor = factor.tolist()
    if not isinstance(factor, (list, tuple)):
        if isinstance(factor, str):
            accepted = "a finite number >= 0, one per layer" + (" or 'ntp'" if ntp else "")
            raise ValueError(f"{name} must be {accepted}; got {factor!r}")
        return [nonnegative(name, factor)] * n_layers
    if len(factor) != n_layers:
        raise ValueError(
            f"{name} must be one number or one per layer ({n_layers}); got {len(factor)}"
        )
    return [nonnegative(f"{name}[{i}]", one) for i, one in enumerate(factor)]
