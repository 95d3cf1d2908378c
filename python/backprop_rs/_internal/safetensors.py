"""Write arrays and settings to a safetensors file atomically, and read them with limits.

8 bytes for the length of the header, a header in JSON, then the numbers
(https://github.com/huggingface/safetensors#format). The settings, as JSON, and a checksum over
settings and numbers stand in the header's `__metadata__`. See docs/guide/files.md.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from .printable import printable
from .writing import replace

if TYPE_CHECKING:
    from .types import AnyArray, Array, Path

DTYPES = {"F32": "float32", "F64": "float64"}
LARGEST_HEADER = 100_000_000  # bytes, as in the reference implementation
MAX_ARRAYS = 100_000
MAX_AXES = 8
PIECE = 1 << 23  # bytes between two checks for Ctrl-C


@dataclass(frozen=True)
class Kind:
    """A kind of file: its format, and the versions that this release reads."""

    format: str
    versions: Sequence[str]  # the last one is written
    means: str  # the words for it in errors
    finite: bool = True  # settings hold neither NaN nor infinity


# The errors from settings that no version has written.
UNFIT = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class Refused(ValueError):
    """The reason why a file is not of a kind."""


def refused(path: Path, kind: Kind, reason: Exception | str) -> ValueError:
    """Return the error for a file that is not of a kind."""
    return ValueError(f"path must name {kind.means}; {os.fspath(path)!r} {printable(reason):.1000}")


def digest(array: AnyArray) -> str:
    """Return type, shape and SHA-256 of an array."""
    from hashlib import sha256

    hashed = sha256()
    rows = max(PIECE // max(array[:1].nbytes, 1), 1)
    for start in range(0, len(array), rows):
        hashed.update(array[start : start + rows].tobytes())
    return f"{array.dtype} of shape {array.shape}, {hashed.hexdigest()}"


# Writing.


def write(path: Path, kind: Kind, settings: str, arrays: Mapping[str, Array]) -> None:
    """Write settings, which are JSON, and arrays of float32 or float64."""
    from hashlib import sha256

    arrays = {
        name: np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        for name, array in arrays.items()
    }
    digest = sha256(settings.encode())
    for piece in pieces(arrays.values()):
        digest.update(piece)
    header: dict[str, Any] = {
        "__metadata__": {
            "format": kind.format,
            "format_version": kind.versions[-1],
            "settings": settings,
            "sha256": digest.hexdigest(),
        }
    }
    start = 0
    for name, array in arrays.items():
        end = start + array.nbytes
        dtype = f"F{8 * array.itemsize}"
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [start, end]}
        start = end
    replace(path, (*head(header), *pieces(arrays.values())))


def head(header: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return the length of the header, and the header."""
    import json

    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)  # so that the numbers are aligned
    return len(encoded).to_bytes(8, "little"), encoded


def pieces(arrays: Iterable[AnyArray]) -> Iterator[memoryview]:
    """Yield the bytes of contiguous arrays, some at a time."""
    for array in arrays:
        view = array.reshape(-1).view(np.uint8).data
        for start in range(0, len(view), PIECE):
            yield view[start : start + PIECE]


def as_json(settings: Mapping[str, Any], kind: Kind) -> str:
    """Return settings as JSON."""
    import json

    return json.dumps(settings, allow_nan=not kind.finite)


# Reading.


@dataclass(frozen=True)
class Entry:
    """The description of one array in a header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def read(path: Path, kind: Kind) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the settings and the arrays of a file.

    Nothing is allocated before the header has been checked against the size of the file.

    Raises
    ------
    ValueError
        If the file is truncated, was edited, or is not of this kind.
    """
    try:
        size = size_of(path)
        with open(path, "rb") as file:
            return content_of(file, size, kind)
    except Refused as reason:
        raise refused(path, kind, reason) from None


def size_of(path: Path) -> int:
    """Return the size of a file, which must be a regular one."""
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(status.st_mode):
        raise Refused("is not a regular file")
    return status.st_size


def content_of(file: BinaryIO, size: int, kind: Kind) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the settings and the arrays of an open file."""
    from hashlib import sha256

    header, begin = header_of(file, size)
    metadata = metadata_of(header, kind)
    entries = entries_of(header, size - begin, DTYPES)
    for entry in entries:
        if len(entry.shape) not in (1, 2) or min(entry.shape) < 1:
            shape = list(entry.shape)
            raise Refused(f"has {entry.name} of shape {shape!r}, and not of one or two sizes >= 1")
    digest = sha256(metadata["settings"].encode())
    arrays = {entry.name: array_of(file, entry, digest.update) for entry in entries}
    if metadata["sha256"] != digest.hexdigest():
        raise Refused("was changed after it was saved: its checksum differs")
    return parse(metadata["settings"], "list of settings"), arrays


def read_foreign(path: Path, dtypes: Mapping[str, str]) -> dict[str, tuple[str, AnyArray]]:
    """Return the arrays of a file of any program, each with its type in the header.

    Raises
    ------
    Refused
        If it is not a safetensors file, or one of its arrays has a type that is not in `dtypes`.
    """
    size = size_of(path)
    with open(path, "rb") as file:
        header, begin = header_of(file, size)
        header.pop("__metadata__", None)
        types = {name: entry["dtype"] for name, entry in header.items() if is_entry(entry)}
        entries = entries_of(header, size - begin, dtypes)
        return {entry.name: (types[entry.name], array_of(file, entry)) for entry in entries}


def header_of(file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """Return the header, and the position of the numbers."""
    if size < 8:
        raise Refused(f"is too short, with {size} bytes")
    length = int.from_bytes(file.read(8), "little")
    if length > LARGEST_HEADER:
        raise Refused("is not a safetensors file")
    if length > size - 8:
        raise Refused(f"is truncated: its header has {size - 8} of {length} bytes")
    return parse(file.read(length), "header"), 8 + length


def parse(text: str | bytes, what: str) -> dict[str, Any]:
    """Return a JSON object without repeated names."""
    import json

    try:
        parsed = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        raise Refused(f"has a {what} that is not JSON") from None
    if not isinstance(parsed, dict):
        raise Refused(f"has a {what} that is not a JSON object")
    return parsed


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs of a JSON object, or raise ValueError if a name occurs twice."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def metadata_of(header: dict[str, Any], kind: Kind) -> dict[str, str]:
    """Return the metadata of a header, after a check of format and version."""
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or metadata.get("format") != kind.format:
        raise Refused("is a safetensors file of another program or kind")
    version = metadata.get("format_version")
    if version not in kind.versions:
        accepted = ", ".join(map(repr, kind.versions))
        raise Refused(f"has format version {version!r:.50}, and this release reads {accepted}")
    for name in ("settings", "sha256"):
        if not isinstance(metadata.get(name), str):
            raise Refused(f"has no {name}")
    return metadata


def entries_of(header: dict[str, Any], size: int, dtypes: Mapping[str, str]) -> list[Entry]:
    """Return the arrays in the order of their bytes, which must not leave holes or overlap."""
    if len(header) > MAX_ARRAYS:
        raise Refused(f"has {len(header)} arrays, and {MAX_ARRAYS} is the most")
    described = [entry_of(name, value, dtypes) for name, value in header.items()]
    entries = sorted(described, key=lambda entry: (entry.start, entry.end))
    place = 0
    for entry in entries:
        if entry.start != place:
            flaw = "a hole" if entry.start > place else "an overlap"
            raise Refused(f"has {flaw} before the numbers of {entry.name}")
        place = entry.end
    if size < place:
        raise Refused(f"is truncated: it holds {size} of {place} bytes of numbers")
    if size > place:
        raise Refused(f"holds {size - place} bytes more than its arrays")
    return entries


def is_entry(value: Any) -> bool:
    """Return True if a header describes an array."""
    return isinstance(value, dict) and value.keys() == {"dtype", "shape", "data_offsets"}


def entry_of(name: str, value: Any, dtypes: Mapping[str, str]) -> Entry:
    """Return the description of one array after all checks."""
    if not is_entry(value):
        raise Refused(f"must have dtype, shape and data_offsets of {name} in its header")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in dtypes:
        raise Refused(f"has {name} of dtype {dtype!r:.50}, and not of {' or '.join(dtypes)}")
    if not are_counts(shape) or len(shape) > MAX_AXES:
        raise Refused(f"has {name} of shape {shape!r:.50}, and not of {MAX_AXES} sizes or fewer")
    if not are_counts(offsets) or len(offsets) != 2:
        raise Refused(f"has {name} at data_offsets {offsets!r:.50}, and not at two places")
    start, end = offsets
    if end - start != prod(shape) * np.dtype(dtypes[dtype]).itemsize:
        raise Refused(f"has {name} of shape {shape} in {end - start} bytes")
    return Entry(name, dtypes[dtype], tuple(shape), start, end)


def are_counts(value: object) -> bool:
    """Return True for a list of integers >= 0."""
    return isinstance(value, list) and all(type(n) is int and n >= 0 for n in value)


def array_of(file: BinaryIO, entry: Entry, seen: Callable[[memoryview], object] = len) -> Any:
    """Return the next array of the file; `seen` receives its bytes."""
    array: AnyArray = np.empty(entry.shape, np.dtype(entry.dtype).newbyteorder("<"))
    for piece in pieces([array]):
        if file.readinto(piece) != len(piece):  # type: ignore[attr-defined]
            raise Refused(f"is truncated in {entry.name}")
        seen(piece)
    return array.astype(entry.dtype, copy=False)
