"""Sources of NumPy files: memory maps of .npy files, and folders of .npy or .npz shards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .block import Block
from .rows import ArraySource, RandomAccess, take_ascending
from .stream import Segment, Stream

NUMBERS = "biuf"  # kinds of dtype


def mapped(path: Path) -> NDArray[Any]:
    """Return the memory map of an .npy file."""
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        # NumPy takes any other file for a pickle, and advises to load it.
        reason = "it is not an .npy file of numbers" if "pickle" in str(error) else error
        raise ValueError(f"{path} cannot be read: {reason}") from None
    return array


def flat(X: NDArray[Any], path: object) -> NDArray[Any]:
    """Return X as (m, n_0); each image becomes a row."""
    if X.ndim < 2:
        raise ValueError(f"{path} must hold an array of shape (m, n_0); got {X.shape}")
    return X if X.ndim == 2 else X.reshape(len(X), -1)


class NpyShards(RandomAccess):
    """The memory maps of a folder of X*.npy with y*.npy, sorted by name."""

    is_on_disk = True

    def __init__(self, folder: Path) -> None:
        names = sorted(path.name for path in folder.glob("*.npy"))
        xs = [name for name in names if name[0] in "Xx"]
        ys = [name for name in names if name[0] in "yY"]
        if not xs or {name[1:] for name in ys} not in ({name[1:] for name in xs}, set()):
            raise ValueError(
                f"{folder} must hold X*.npy, each with its y*.npy (such as X-00.npy and y-00.npy), "
                f"or no y at all; got {', '.join(names[:6])}"
            )
        targets = {name[1:]: name for name in ys}
        self.target_files = [str(folder / targets[name[1:]]) for name in xs] if targets else xs
        self.name = str(folder)
        self.shards = [
            mapped_shard(folder / name, folder / targets[name[1:]] if targets else None)
            for name in xs
        ]
        check_same_width([(shard.name, shard.all.X.shape[1]) for shard in self.shards])
        self.dtypes = [
            None if arrays[0][1] is None else common_dtype(what, arrays)
            for what, arrays in self.arrays().items()
        ]
        self.starts = np.cumsum([0, *(shard.length for shard in self.shards)])
        self.length = int(self.starts[-1])

    def arrays(self) -> dict[str, list[tuple[str, Any]]]:
        """Return the name and array of each shard, for X and for y."""
        named = zip(self.target_files, self.shards, strict=True)
        return {
            "X": [(shard.name, shard.all.X) for shard in self.shards],
            "y": [(name, shard.all.y) for name, shard in named],
        }

    def take(self, rows: NDArray[Any]) -> Block:
        """Return the samples of these rows, in this order."""
        first = self.shards[0].all
        parts: list[Any] = [
            None if array is None else np.empty((len(rows), *array.shape[1:]), dtype)
            for array, dtype in zip((first.X, first.y), self.dtypes, strict=True)
        ]
        owners = np.searchsorted(self.starts, rows, side="right") - 1
        for owner in np.unique(owners):
            at = np.flatnonzero(owners == owner)
            block = take_ascending(self.shards[owner].all, rows[at] - self.starts[owner])
            parts[0][at] = block.X
            if parts[1] is not None:
                parts[1][at] = block.y
        return Block(*parts)

    def place(self, row: int) -> str:
        """Return the file and the row in it."""
        owner = int(np.searchsorted(self.starts, row, side="right")) - 1
        return f"{self.shards[owner].name}, row {row - self.starts[owner]}"


def mapped_shard(X: Path, y: Path | None) -> ArraySource:
    """Return the source of one shard."""
    return ArraySource(flat(mapped(X), X), None if y is None else mapped(y), None, str(X))


def check_same_width(shards: Sequence[tuple[str, int]]) -> None:
    """Raise ValueError unless all shards (name, width) have as many columns as the first."""
    (first, width), *others = shards
    for name, columns in others:
        if columns != width:
            raise ValueError(f"{name} must have {width} columns, as {first} has; got {columns}")


def common_dtype(what: str, arrays: Sequence[tuple[str, NDArray[Any]]]) -> np.dtype[Any]:
    """Return the dtype that holds the values of all shards.

    Raises
    ------
    ValueError
        If the rows have different shapes, or only some of the shards hold numbers.
    """
    (first_name, first), *others = arrays
    for name, array in others:
        if array.shape[1:] != first.shape[1:]:
            raise ValueError(
                f"{name} must hold {what} of shape (m{shape_after(first)}), as {first_name} does; "
                f"got (m{shape_after(array)})"
            )
        if (array.dtype.kind in NUMBERS) != (first.dtype.kind in NUMBERS):
            raise ValueError(
                f"{name} must hold {what} of a type compatible with {first.dtype} in {first_name}; "
                f"got {array.dtype}"
            )
    try:
        return np.result_type(*{array.dtype for _, array in arrays})
    except TypeError:
        dtypes = ", ".join(sorted({str(array.dtype) for _, array in arrays}))
        raise ValueError(
            f"{first_name} and the other shards must hold {what} of one type; got {dtypes}"
        ) from None


def shape_after(array: NDArray[Any]) -> str:
    """Return the shape of a row as text that follows "(m"."""
    return "".join(f", {n}" for n in array.shape[1:]) or ","


class NpzShards(Stream):
    """A folder of .npz files with X and y; each file is a segment."""

    def __init__(self, paths: Sequence[Path], name: str, **settings: Any) -> None:
        shapes = [(path, shape_of(path)) for path in paths]
        check_same_width([(str(path), int(np.prod(shape[1:]))) for path, shape in shapes])
        segments = [Segment(str(path), reader(path), shape[0]) for path, shape in shapes]
        super().__init__(segments, name, **settings)


def reader(path: Path) -> Any:
    """Return the function that reads one .npz file."""

    def read() -> Iterator[Block]:
        from ..npz_members import read_npz  # imports zipfile

        arrays = read_npz(path)
        yield Block(flat(arrays["x"], path), arrays.get("y"), arrays.get("weights"))

    return read


def shape_of(path: Path) -> tuple[int, ...]:
    """Return the shape of X, from the header of its entry."""
    import zipfile

    from ..npz_members import HEADERS

    try:
        with zipfile.ZipFile(path) as file:
            name = next((name for name in file.namelist() if name.lower() == "x.npy"), None)
            if name is None:
                raise ValueError(f"{path} must hold the array X; got {', '.join(file.namelist())}")
            with file.open(name) as entry:
                version = np.lib.format.read_magic(entry)
                read = HEADERS.get(version, np.lib.format.read_array_header_2_0)
                shape: tuple[int, ...] = read(entry)[0]
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path} is not an .npz file, or is truncated: {error}") from None
    if len(shape) < 2:
        raise ValueError(f"{path} must hold X of shape (m, n_0); got {shape}")
    return shape
