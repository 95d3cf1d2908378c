"""Weights and biases by name, as PyTorch's modules keep them.

A `Linear` called fc1 has `fc1.weight` (n_out, n_in), as weights are here, and `fc1.bias` (n_out,).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal import checks
from .._internal.checks import shown

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Choice, Names
    from ..network import Network

KINDS = ("weight", "bias")


def network_of(
    cls: type[Network],
    arrays: Any,
    activation: Names,
    output: Choice,
    cost: Choice,
    layers: Sequence[str] | None,
    dtype: str | None,
    backend: str,
) -> Network:
    """See `Network.from_state_dict`."""
    from_file = isinstance(arrays, (str, os.PathLike))
    if from_file:
        from .foreign_file import read

        arrays = read(arrays)
    if not isinstance(arrays, Mapping):
        raise TypeError(
            "arrays must be a mapping of names to arrays, or the path of a safetensors file; "
            f"got {type(arrays).__name__}"
        )
    found = by_layer(arrays)
    names = in_order(found, layers, from_file)
    weights = [found[name]["weight"] for name in names]
    biases = [found[name].get("bias", np.zeros(len(found[name]["weight"]))) for name in names]
    check_chain(names, weights)
    if dtype is None:
        wide = any(w.dtype == np.float64 for w in weights)
        dtype = "float64" if wide else "float32"
    sizes = [weights[0].shape[1], *(len(w) for w in weights)]
    net = cls(sizes, activation, output, cost, init=weights, dtype=dtype, backend=backend)
    net.biases = biases
    return net


def by_layer(arrays: Mapping[str, Any]) -> dict[str, dict[str, AnyArray]]:
    """The arrays of each layer, in the order in which they stand."""
    found: dict[str, dict[str, AnyArray]] = {}
    for name, given in arrays.items():
        layer, _, kind = str(name).rpartition(".")
        if kind not in KINDS:
            raise ValueError(f"arrays must have names that end in weight or bias; got {name!r}")
        array = array_of(name, given)
        if array.ndim != 2 - KINDS.index(kind) or array.size == 0:
            raise ValueError(
                "arrays must be weights (n_out, n_in) and biases (n_out,) of dense layers; "
                f"got {name!r} of shape {array.shape}"
            )
        found.setdefault(layer, {})[kind] = array
    for layer, kinds in found.items():
        if "weight" not in kinds:
            raise ValueError(f"arrays must have a weight for each bias; {layer!r} has none")
        if len(kinds.get("bias", kinds["weight"])) != len(kinds["weight"]):
            shapes = " and ".join(str(kinds[kind].shape) for kind in KINDS)
            raise ValueError(f"arrays of a layer must go together; {layer!r} has {shapes}")
    if not found:
        raise ValueError("arrays must hold at least one weight; got none")
    return found


def array_of(name: str, given: Any) -> AnyArray:
    """An array, of a tensor as well, wherever it is."""
    for method in ("detach", "cpu"):
        given = getattr(given, method)() if hasattr(given, method) else given
    return checks.numbers(f"arrays[{name!r}]", given)


def in_order(found: Mapping[str, Any], given: Sequence[str] | None, from_file: bool) -> list[str]:
    """The names of the layers, from the first to the last."""
    names = list(found)
    if given is not None:
        if isinstance(given, str) or sorted(given) != sorted(names):
            raise ValueError(
                f"layers must be {', '.join(names)} in their order; got {shown(given)}"
            )
        return list(given)
    if len({re.sub(r"\d+", "#", name) for name in names}) == 1:  # such as 0, 2, 10 and fc1, fc2
        return sorted(names, key=lambda name: [int(digits) for digits in re.findall(r"\d+", name)])
    if from_file:  # which keeps no order
        raise ValueError(f"layers must say in which order {', '.join(names)} follow each other")
    return names


def check_chain(names: Sequence[str], weights: Sequence[AnyArray]) -> None:
    """Whether each layer takes what the one before it gives."""
    for (one, w), (other, after) in pairwise(zip(names, weights, strict=True)):
        if after.shape[1] != len(w):
            raise ValueError(
                f"layers must follow each other; {one!r} gives {len(w)} activations and "
                f"{other!r} takes {after.shape[1]}"
            )
