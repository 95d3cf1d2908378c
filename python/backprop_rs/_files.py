"""Models as safetensors files (https://github.com/huggingface/safetensors#format).

8 bytes for the length of the header, a header in JSON, then the numbers. The settings and a
checksum over settings and numbers stand in the header's `__metadata__`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from ._check import DTYPES

if TYPE_CHECKING:
    from ._types import Array, Path

FORMAT = "backprop_rs"
FORMAT_VERSION = "1"
LARGEST_HEADER = 100_000_000  # bytes, as in the reference implementation


def write(path: Path, settings: dict[str, Any], layers: Sequence[tuple[Array, Array]]) -> None:
    """Write settings and the weights and biases of each layer, all or nothing."""
    import json

    arrays = {
        name: np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        for layer, pair in enumerate(layers, 1)
        for name, array in zip(names(layer), pair, strict=True)
    }
    try:
        text = json.dumps(settings, allow_nan=False)
    except (TypeError, ValueError) as error:  # the other settings are plain
        raise type(error)(f"metadata must hold what JSON can; got {error}") from None
    data = b"".join(array.tobytes() for array in arrays.values())
    header: dict[str, Any] = {
        "__metadata__": {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "settings": text,
            "sha256": checksum(text, data),
        }
    }
    start = 0
    for name, array in arrays.items():
        header[name] = entry(array.dtype.name, array.shape, start)
        start += array.nbytes
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)  # so that the numbers are aligned
    replace(path, len(encoded).to_bytes(8, "little") + encoded + data)


def names(layer: int) -> tuple[str, str]:
    return f"layer.{layer}.weights", f"layer.{layer}.biases"


def entry(dtype: str, shape: tuple[int, ...], start: int) -> dict[str, Any]:
    """What the header says of an array whose bytes begin at `start`."""
    itemsize = np.dtype(dtype).itemsize
    size = int(np.prod(shape, dtype=object)) * itemsize
    return {
        "dtype": f"F{8 * itemsize}",
        "shape": list(shape),
        "data_offsets": [start, start + size],
    }


def checksum(settings: str, data: bytes) -> str:
    from hashlib import sha256

    digest = sha256(settings.encode())
    digest.update(data)
    return digest.hexdigest()


def replace(path: Path, content: bytes) -> None:
    """Write a file beside `path` and rename it: no reader ever sees half of a model."""
    target = os.path.realpath(path)  # a link stays a link
    temporary = f"{target}.{os.urandom(4).hex()}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def read(path: Path) -> tuple[dict[str, Any], list[tuple[Array, Array]]]:
    """The settings and the layers of a model file.

    Raises
    ------
    ValueError
        If the file is truncated, was edited, or is not a model of this package.
    """
    with open(path, "rb") as file:
        content = file.read()
    try:
        header, data = split(content)
        settings = settings_of(header, data)
        return settings, arrays_of(header, data, settings)
    except Refused as reason:
        raise refused(path, reason) from None


class Refused(ValueError):
    """Why a file is not a model."""


def refused(path: Path, reason: Exception | str) -> ValueError:
    return ValueError(f"path must name a model saved by backprop_rs; {os.fspath(path)!r} {reason}")


def split(content: bytes) -> tuple[dict[str, Any], bytes]:
    """The header and the bytes after it."""
    if len(content) < 8:
        raise Refused(f"is too short, with {len(content)} bytes")
    length = int.from_bytes(content[:8], "little")
    if length > LARGEST_HEADER:
        raise Refused("is not a safetensors file")
    if length > len(content) - 8:
        raise Refused(f"is truncated: its header has {len(content) - 8} of {length} bytes")
    return parse(content[8 : 8 + length], "header"), content[8 + length :]


def parse(text: str | bytes, what: str) -> dict[str, Any]:
    import json

    try:
        parsed = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        raise Refused(f"has a {what} that is not JSON") from None
    if not isinstance(parsed, dict):
        raise Refused(f"has a {what} that is not a JSON object")
    return parsed


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def settings_of(header: dict[str, Any], data: bytes) -> dict[str, Any]:
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise Refused("is a safetensors file of another program")
    if metadata.get("format_version") != FORMAT_VERSION:
        version = metadata.get("format_version")
        raise Refused(f"has format version {version!r}, and this release reads {FORMAT_VERSION!r}")
    text = metadata.get("settings")
    if not isinstance(text, str):
        raise Refused("has no settings")
    expected = max((tensor_end(tensor) for tensor in header.values()), default=0)
    if len(data) < expected:
        raise Refused(f"is truncated: it holds {len(data)} of {expected} bytes of numbers")
    if metadata.get("sha256") != checksum(text, data):
        raise Refused("was changed after it was saved: its checksum differs")
    return parse(text, "list of settings")


def tensor_end(tensor: Any) -> int:
    try:
        return int(tensor["data_offsets"][1])
    except (LookupError, TypeError, ValueError):
        raise Refused("has an array without data_offsets in its header") from None


def arrays_of(
    header: dict[str, Any], data: bytes, settings: dict[str, Any]
) -> list[tuple[Array, Array]]:
    """The layers; the header must say just what `write` says for these settings.

    This leaves no room for holes, overlaps, other shapes, and missing or further arrays.
    """
    sizes, dtype = settings.get("sizes"), settings.get("dtype")
    if not isinstance(dtype, str) or dtype not in DTYPES or not is_sizes(sizes):
        raise Refused("has settings without sizes and dtype")
    layers, start = [], 0
    for layer, (n_in, n_out) in enumerate(pairwise(sizes), 1):
        pair = []
        for name, shape in zip(names(layer), ((n_out, n_in), (n_out,)), strict=True):
            expected = entry(dtype, shape, start)
            if header.pop(name, None) != expected:
                raise Refused(f"must hold {name} of shape {shape} in {dtype}, from byte {start}")
            end = expected["data_offsets"][1]
            pair.append(array_of(data[start:end], dtype, shape, name))
            start = end
        layers.append((pair[0], pair[1]))
    if header or len(data) != start:
        raise Refused(f"holds more than the model: {', '.join(header) or 'further bytes'}")
    return layers


def is_sizes(sizes: object) -> TypeGuard[list[int]]:
    return (
        isinstance(sizes, list)
        and len(sizes) >= 2
        and all(type(n) is int and n >= 1 for n in sizes)
    )


def array_of(data: bytes, dtype: str, shape: tuple[int, ...], name: str) -> Array:
    if len(data) != int(np.prod(shape, dtype=object)) * np.dtype(dtype).itemsize:
        raise Refused(f"is truncated in {name}")
    array = np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).astype(dtype).reshape(shape)
    if not np.isfinite(array).all():
        raise Refused(f"has numbers that are not finite in {name}")
    return array
