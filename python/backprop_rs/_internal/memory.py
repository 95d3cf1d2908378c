"""Raise MemoryError before a call that needs more memory than is free.

Linux grants more memory than it has, and kills a process that uses it. The core raises MemoryError
if the system refuses an allocation; this module estimates the rest before the call.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

SMALL = 1 << 26  # bytes below which there is no check
UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"))
CHUNK = 1024  # the rows of a batch that the core holds at once


def need(numbers: int, dtype: str, what: str) -> None:
    """Raise MemoryError if `numbers` values of a dtype do not fit in free memory."""
    wanted = numbers * np.dtype(dtype).itemsize
    if wanted < SMALL:
        return
    free = available()
    if free is not None and wanted > free:
        raise MemoryError(f"{what} would need {shown(wanted)} of memory; {shown(free)} are free")


def need_parameters(sizes: Sequence[int], dtype: str) -> None:
    """Raise MemoryError if the parameters, which the core keeps twice, do not fit in memory."""
    count = sum(n_out * (2 * n_in + 1) for n_in, n_out in pairwise(sizes))
    need(count, dtype, f"a network of sizes {list(sizes)}")


def need_training(sizes: Sequence[int], batch_size: int, dtype: str, of_inputs: int = 0) -> None:
    """Raise MemoryError if the activations and δ of a batch do not fit in memory.

    `of_inputs` counts the parameters of embeddings, whose gradients are those of each sample.
    """
    rows = min(batch_size, CHUNK)
    numbers = rows * (2 * sum(sizes) - sizes[0] + of_inputs)
    need(numbers, dtype, f"training of sizes {list(sizes)} in batches of {batch_size:,}")


def available() -> int | None:
    """Return the bytes that this process may still use, or None if the system does not say."""
    return min((max(left, 0) for left in limits()), default=None)


def limits() -> Iterator[int]:
    """Yield the free bytes of the machine, of the container's control group and of `ulimit -v`."""
    try:
        machine = table("/proc/meminfo")
        yield (machine["MemAvailable:"] + machine["SwapFree:"]) << 10
        yield from map(left_by_group, ("/sys/fs/cgroup", "/sys/fs/cgroup/memory"))
    except (OSError, LookupError, ValueError):
        if hasattr(os, "sysconf"):
            yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            yield limit - pages * resource.getpagesize()
    except (ImportError, OSError, ValueError):
        pass


def left_by_group(folder: str) -> int:
    """Return the limit of a control group minus its use; cached files do not count."""
    for limit_file, used_file, cached in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            limit, used = (int(Path(folder, name).read_text()) for name in (limit_file, used_file))
            return limit - used + table(f"{folder}/memory.stat").get(cached, 0)
        except (OSError, ValueError):
            continue
    return 1 << 62  # there is no limit


def table(path: str) -> dict[str, int]:
    """Return the names and numbers in a file of the system."""
    lines = (line.split() for line in Path(path).read_text().splitlines())
    return {name: int(number) for name, number, *_ in lines}


def shown(size: int) -> str:
    """Return a number of bytes as text."""
    for unit, name in UNITS:
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size:,} bytes"
