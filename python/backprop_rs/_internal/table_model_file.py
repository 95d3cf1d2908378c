"""Files of a `Model`: several networks and the preparation of their data."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import model_file, safetensors
from .model_file import MODEL
from .safetensors import Refused

if TYPE_CHECKING:
    from .types import Array, Path

NETWORKS = "networks"
"""The key of the settings that only files of a `Model` have."""


def write(
    path: Path,
    settings: Mapping[str, Any],
    networks: Sequence[tuple[Mapping[str, Any], model_file.Parameters]],
) -> None:
    """Write settings, and the settings and parameters of each network."""
    arrays: dict[str, Array] = {}
    for number, (own, parameters) in enumerate(networks):
        named = model_file.arrays_of(own, parameters)
        arrays |= {f"network.{number}.{name}": array for name, array in named.items()}
    text = safetensors.as_json({**settings, NETWORKS: [own for own, _ in networks]}, MODEL)
    safetensors.write(path, MODEL, text, arrays)


def read(
    path: Path, allow_nonfinite: bool
) -> tuple[dict[str, Any], list[tuple[dict[str, Any], Mapping[str, Any]]]]:
    """Return the settings of a file, and the settings and parameters of each network.

    The file of a `Network` has the same settings as its only network.

    Raises
    ------
    ValueError
        If the file is truncated, was edited, or is not a model of this package.
    """
    settings, arrays = safetensors.read(path, MODEL)
    try:
        if not allow_nonfinite:
            model_file.refuse_nonfinite(arrays)
        if NETWORKS not in settings:
            return settings, [(settings, model_file.parameters_of(settings, arrays))]
        return settings, networks_of(settings, arrays)
    except Refused as reason:
        raise model_file.refused(path, reason) from None


def networks_of(
    settings: Mapping[str, Any], arrays: Mapping[str, Array]
) -> list[tuple[dict[str, Any], Mapping[str, Any]]]:
    """Return the settings and parameters of each network."""
    each = settings[NETWORKS]
    if not isinstance(each, list) or not each or not all(isinstance(own, dict) for own in each):
        raise Refused("has networks that are not a list of settings")
    networks: list[tuple[dict[str, Any], Mapping[str, Any]]] = []
    left = dict(arrays)
    for number, own in enumerate(each):
        prefix = f"network.{number}."
        part = {
            name.removeprefix(prefix): left.pop(name)
            for name in list(left)
            if name.startswith(prefix)
        }
        networks.append((own, model_file.parameters_of(own, part)))
    if left:
        raise Refused(f"holds more than the model: {', '.join(left)}")
    return networks


def only_network(
    path: Path, settings: Mapping[str, Any], networks: Sequence[Any], bare: bool
) -> None:
    """Raise ValueError if the file is that of a `Model`, unless its only network is wanted."""
    if NETWORKS not in settings or (bare and len(networks) == 1):
        return
    name = os.fspath(path)
    if bare:
        raise ValueError(
            f"path must name one network; {name!r} holds a model of {len(networks)}: load it with "
            "bp.load"
        )
    raise ValueError(
        f"path must name a network alone; {name!r} holds a model with the preparation of its data: "
        "load it with bp.load, or take its network without the preparation with bare=True"
    )
