"""Import weights and biases by name, such as a state dictionary of PyTorch.

A `Linear` called fc1 has `fc1.weight` (n_out, n_in), the layout of `BaseNetwork.weights`, and
`fc1.bias` (n_out,). They may come from a safetensors file of another program. Such a file has no
checksum and no settings, but its header is read with the limits of a model file: arrays share no
bytes and leave no holes, so that reading takes memory in proportion to the size of the file.
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
from .._internal.printable import printable
from .._internal.safetensors import Refused, read_foreign

if TYPE_CHECKING:
    from .._internal.types import AnyArray, CostChoice, DTypeChoice, Function, Names, Path
    from ..base_network import BaseNetwork

KINDS = ("weight", "bias")

# A type in the header of a safetensors file, and the NumPy type of its bytes.
TYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "uint16"}


def network_of(
    cls: type[BaseNetwork],
    arrays: Any,
    activation: Names,
    output: Function,
    cost: CostChoice,
    layers: Sequence[str] | None,
    dtype: DTypeChoice | None,
    backend: str,
) -> BaseNetwork:
    """Return the network of named arrays; see `Network.from_state_dict`."""
    from_file = isinstance(arrays, (str, os.PathLike))
    if from_file:
        arrays = read(arrays)
    if not isinstance(arrays, Mapping):
        raise TypeError(
            "arrays must be a mapping of names to arrays, or the path of a safetensors file; "
            f"got {type(arrays).__name__}"
        )
    parameters = by_layer(arrays)
    names = in_order(list(parameters), layers, from_file)
    weights = [parameters[name]["weight"] for name in names]
    biases = [
        parameters[name].get("bias", np.zeros(len(w)))
        for name, w in zip(names, weights, strict=True)
    ]
    check_chain(names, weights)
    if dtype is None:
        dtype = "float64" if any(w.dtype == np.float64 for w in weights) else "float32"
    sizes = [weights[0].shape[1], *(len(w) for w in weights)]
    net = cls(sizes, activation, output, cost, init=weights, dtype=dtype, backend=backend)
    net.biases = biases
    return net


def read(path: Path) -> dict[str, AnyArray]:
    """Return the arrays of a safetensors file by name.

    Raises
    ------
    ValueError
        If it is not a safetensors file, or has arrays of another type than floating point.
    """
    try:
        arrays = read_foreign(path, TYPES)
    except Refused as reason:
        sentence = "arrays must name a safetensors file of weights and biases"
        text = f"{printable(reason):.1000}"
        raise ValueError(f"{sentence}; {os.fspath(path)!r} {text}") from None
    return {name: floats(dtype, array) for name, (dtype, array) in arrays.items()}


def floats(dtype: str, array: AnyArray) -> AnyArray:
    """Return the numbers of an array that was read with its type in `TYPES`."""
    if dtype == "BF16":  # the upper half of a float32
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array


def by_layer(arrays: Mapping[str, Any]) -> dict[str, dict[str, AnyArray]]:
    """Return the weight and the bias of each layer, in the order of the mapping."""
    parameters: dict[str, dict[str, AnyArray]] = {}
    for name, values in arrays.items():
        layer, _, kind = str(name).rpartition(".")
        if kind not in KINDS:
            raise ValueError(f"arrays must have names that end in weight or bias; got {name!r}")
        array = array_of(name, values)
        if array.ndim != 2 - KINDS.index(kind) or array.size == 0:
            raise ValueError(
                "arrays must be weights (n_out, n_in) and biases (n_out,) of dense layers; "
                f"got {name!r} of shape {array.shape}"
            )
        parameters.setdefault(layer, {})[kind] = array
    for layer, kinds in parameters.items():
        if "weight" not in kinds:
            raise ValueError(f"arrays must have a weight for each bias; {layer!r} has none")
        if len(kinds.get("bias", kinds["weight"])) != len(kinds["weight"]):
            shapes = " and ".join(str(kinds[kind].shape) for kind in KINDS)
            raise ValueError(f"arrays of a layer must go together; {layer!r} has {shapes}")
    if not parameters:
        raise ValueError("arrays must hold at least one weight; got none")
    return parameters


def array_of(name: str, values: Any) -> AnyArray:
    """Return an array, also of a tensor that has a gradient or is on another device."""
    for method in ("detach", "cpu"):
        values = getattr(values, method)() if hasattr(values, method) else values
    return checks.numbers(f"arrays[{name!r}]", values)


def in_order(names: list[str], layers: Sequence[str] | None, from_file: bool) -> list[str]:
    """Return the names of the layers, from the first to the last."""
    if layers is not None:
        if isinstance(layers, str) or sorted(layers) != sorted(names):
            raise ValueError(
                f"layers must be {', '.join(names)} in their order; got {shown(layers)}"
            )
        return list(layers)
    if len({re.sub(r"\d+", "#", name) for name in names}) == 1:  # such as 0, 2, 10 and fc1, fc2
        return sorted(names, key=lambda name: [int(digits) for digits in re.findall(r"\d+", name)])
    if from_file:  # safetensors files have no order
        raise ValueError(f"layers must say in which order {', '.join(names)} follow each other")
    return names


def check_chain(names: Sequence[str], weights: Sequence[AnyArray]) -> None:
    """Raise ValueError if a layer does not have as many inputs as the one before has neurons."""
    for (name, w), (next_name, next_w) in pairwise(zip(names, weights, strict=True)):
        if next_w.shape[1] != len(w):
            raise ValueError(
                f"layers must follow each other; {name!r} gives {len(w)} activations and "
                f"{next_name!r} takes {next_w.shape[1]}"
            )
