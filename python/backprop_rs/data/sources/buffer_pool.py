"""Memory that is used again and again."""

from __future__ import annotations

from math import prod
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Rooms:
    """Gives arrays in memory that no array lies in any more.

    Fresh memory costs more than what is put there: the system must find, clear and map each page.

    >>> rooms = Rooms()
    >>> first, second = rooms.array((2, 3), "float32"), rooms.array((2, 3), "float32")
    >>> part, place = first[1:], first.ctypes.data
    >>> del first
    >>> rooms.array((2, 3), "float32").ctypes.data == place
    False
    >>> del part
    >>> rooms.array((3, 2), "float32").ctypes.data == place
    True
    """

    def __init__(self) -> None:
        self.rooms: list[tuple[Any, Any]] = []  # bytes, and whether anything still lies there

    def array(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array of a shape that holds anything."""
        kind = np.dtype(dtype)
        size = prod(shape) * kind.itemsize
        if size == 0:
            return np.empty(shape, kind)
        room = self.room(size)
        array = np.frombuffer(memoryview(room), kind, prod(shape)).reshape(shape)
        self.rooms.append((room, ref(array.base)))  # which all views of the array keep, too
        return array

    def room(self, size: int) -> Any:
        """Bytes that nobody uses: the others that are too few are let go."""
        free = [room for room, user in self.rooms if user() is None]
        self.rooms = [one for one in self.rooms if one[1]() is not None]
        fitting = [room for room in free if len(room) >= size]
        self.rooms += [(room, lambda: None) for room in fitting[1:]]
        return fitting[0] if fitting else np.empty(size, np.uint8)
