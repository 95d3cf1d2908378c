"""Memory that is used repeatedly."""

from __future__ import annotations

from math import prod
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import DTypeLike, NDArray


class BufferPool:
    """Reuses the memory of arrays that are no longer referenced.

    New memory costs more than writing to it: the OS must find, clear and map each page.

    >>> pool = BufferPool()
    >>> first, second = pool.array((2, 3), "float32"), pool.array((2, 3), "float32")
    >>> part, address = first[1:], first.ctypes.data
    >>> del first
    >>> pool.array((2, 3), "float32").ctypes.data == address
    False
    >>> del part
    >>> pool.array((3, 2), "float32").ctypes.data == address
    True
    """

    def __init__(self) -> None:
        # Bytes, and a function that returns None if no array uses them.
        self.buffers: list[tuple[Any, Any]] = []

    def array(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an uninitialized array."""
        dtype = np.dtype(dtype)
        size = prod(shape) * dtype.itemsize
        if size == 0:
            return np.empty(shape, dtype)
        buffer = self.buffer(size)
        array = np.frombuffer(memoryview(buffer), dtype, prod(shape)).reshape(shape)
        # All views of the array keep its base alive too.
        self.buffers.append((buffer, ref(array.base)))
        return array

    def buffer(self, size: int) -> Any:
        """Return at least `size` unused bytes; free the unused buffers that are smaller."""
        unused = [buffer for buffer, user in self.buffers if user() is None]
        self.buffers = [(buffer, user) for buffer, user in self.buffers if user() is not None]
        fitting = [buffer for buffer in unused if len(buffer) >= size]
        self.buffers += [(buffer, lambda: None) for buffer in fitting[1:]]
        return fitting[0] if fitting else np.empty(size, np.uint8)
