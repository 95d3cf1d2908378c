"""Models as safetensors files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

import numpy as np

from . import safetensors
from .checks import DTYPES
from .custom_base import CustomFunction
from .safetensors import Kind, Refused

if TYPE_CHECKING:
    from .types import Array, Path

MODEL = Kind("backprop_rs", versions=("1",), means="a model saved by backprop_rs")

F = TypeVar("F", bound=CustomFunction)
Parameters = Mapping[str, Sequence["Array | None"]]


@dataclass(frozen=True)
class Part:
    """A kind of parameter: its shape in a layer, and the layers that have it."""

    name: str
    shape: Callable[[int, int, Mapping[str, Any]], tuple[int, ...]]  # of (n_in, n_out, settings)
    has: Callable[[Mapping[str, Any]], bool] = lambda options: True  # from the settings of a layer


def has_norm(options: Mapping[str, Any]) -> bool:
    """Return True if a layer has layer normalization."""
    return options.get("layer_norm", False) is True


def is_parametric(options: Mapping[str, Any]) -> bool:
    """Return True if the activation of a layer is parametric."""
    return options.get("parametric", False) is True


def has_scales(options: Mapping[str, Any]) -> bool:
    """Return True if the inputs of a layer have learned factors."""
    return options.get("input_scale", False) is True


def learns_embeddings(options: Mapping[str, Any]) -> bool:
    """Return True if the embeddings of the inputs of a layer learn."""
    return options.get("parameters", 0) > 0  # type: ignore[no-any-return]


PARTS = (
    Part("weights", lambda n_in, n_out, own: (n_out, n_in)),
    Part("biases", lambda n_in, n_out, own: (n_out,)),
    *(Part(name, lambda n_in, n_out, own: (n_out,), has_norm) for name in ("gains", "shifts")),
    Part("scales", lambda n_in, n_out, own: (n_in,), has_scales),
    Part("alphas", lambda n_in, n_out, own: (n_out,), is_parametric),
    Part("embeddings", lambda n_in, n_out, own: (own["parameters"],), learns_embeddings),
)


def write(path: Path, settings: Mapping[str, Any], parameters: Parameters) -> None:
    """Write settings and the parameters of each layer, by the names of `PARTS`."""
    arrays = arrays_of(settings, parameters)
    try:
        text = safetensors.as_json(settings, MODEL)
    except (TypeError, ValueError) as error:  # the other settings are plain
        raise type(error)(f"metadata must hold what JSON can; got {error}") from None
    safetensors.write(path, MODEL, text, arrays)


def arrays_of(settings: Mapping[str, Any], parameters: Parameters) -> dict[str, Array]:
    """Return the arrays of a file by name."""
    arrays = {}
    for layer in range(1, len(settings["sizes"])):
        for part in PARTS:
            array = parameters[part.name][layer - 1] if part.name in parameters else None
            if array is not None:
                arrays[f"layer.{layer}.{part.name}"] = array
    return arrays


def refused(path: Path, reason: Exception | str) -> ValueError:
    """Return the error for a file that is not a model."""
    return safetensors.refused(path, MODEL, reason)


def parameters_of(
    settings: dict[str, Any], arrays: dict[str, Array]
) -> dict[str, list[Array | None]]:
    """Return the arrays by part, which must be exactly those that `write` writes."""
    sizes, dtype = settings.get("sizes"), settings.get("dtype")
    if not isinstance(dtype, str) or dtype not in DTYPES or not is_sizes(sizes):
        raise Refused("has settings without sizes and dtype")
    left = dict(arrays)
    parameters: dict[str, list[Array | None]] = {part.name: [] for part in PARTS}
    widths = [embedded_size(settings, sizes[0]), *sizes[1:]]
    for layer, (n_in, n_out) in enumerate(pairwise(widths), 1):
        options = options_of(settings, layer)
        for part in PARTS:
            array = None
            if part.has(options):
                name, shape = f"layer.{layer}.{part.name}", part.shape(n_in, n_out, options)
                array = left.pop(name, None)
                if array is None or array.shape != shape or array.dtype != dtype:
                    raise Refused(f"must hold {name} of shape {shape} in {dtype}")
            parameters[part.name].append(array)
    if left:
        raise Refused(f"holds more than the model: {', '.join(left)}")
    return parameters


def options_of(settings: dict[str, Any], layer: int) -> Mapping[str, Any]:
    """Return the settings of layer 1, 2, ..., if the file has any, and that of its inputs."""
    of_inputs: dict[str, Any] = {}
    if layer == 1:
        embedding = settings.get("embedding") or {"parameters": 0}
        of_inputs = {"input_scale": settings.get("input_scale", False)}
        of_inputs["parameters"] = embedding["parameters"]
    layers = settings.get("layers")
    if not layers:
        return of_inputs
    if not isinstance(layers, list) or not isinstance(dict(enumerate(layers, 1)).get(layer), dict):
        raise Refused("has settings of layers that are not one object for each")
    return layers[layer - 1] | of_inputs  # type: ignore[no-any-return]


def embedded_size(settings: dict[str, Any], n_in: int) -> int:
    """Return the number of inputs of the first layer, after their embedding if there is one."""
    embedding = settings.get("embedding")
    if embedding is None:
        return n_in
    given = embedding if isinstance(embedding, dict) else {}
    size, parameters = given.get("size"), given.get("parameters")
    if type(size) is not int or type(parameters) is not int or min(size - 1, parameters) < 0:
        raise Refused("has an embedding without size and parameters")
    return size


def is_sizes(sizes: object) -> TypeGuard[list[int]]:
    """Return True for a list of at least two positive integers."""
    return (
        isinstance(sizes, list)
        and len(sizes) >= 2
        and all(type(n) is int and n >= 1 for n in sizes)
    )


def refuse_nonfinite(arrays: Mapping[str, Array]) -> None:
    """Raise Refused if an array has NaN or infinity."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise Refused(
                f"has numbers that are not finite in {name}; allow_nonfinite=True takes them"
            )


def function_names(path: Path, settings: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the kinds and the names of the custom functions of a file."""
    names = settings.get("functions", [])
    if not isinstance(names, list) or not all(map(is_pair, names)):
        raise refused(path, "has functions that are not pairs of a kind and a name")
    return [(kind, name) for kind, name in names]


def is_pair(value: object) -> bool:
    """Return True for a list of two texts."""
    return isinstance(value, list) and list(map(type, value)) == [str, str]


def wanted(names: Sequence[tuple[str, str]], functions: Sequence[F]) -> list[F]:
    """Return the custom functions that a file names."""
    known = {(function.kind, function.name): function for function in functions}
    if set(known) != set(names):
        raise ValueError(f"functions must be {listed(names)}, as when saved; got {listed(known)}")
    return [known[key] for key in names]


def listed(keys: Iterable[tuple[str, str]]) -> str:
    """Return kinds and names as text."""
    return ", ".join(f"{kind} {name!r}" for kind, name in keys) or "none"
