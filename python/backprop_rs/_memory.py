"""Whether there is memory for what a call would allocate: asked before, as afterwards is too late.

The system grants more memory than it has, and ends a process that uses it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

SMALL = 1 << 26  # bytes that are not asked about
UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"))


def need(numbers: int, dtype: str, what: str) -> None:
    """Refuse to go on where so many numbers of a type find no room.

    Raises
    ------
    MemoryError
    """
    wanted = numbers * np.dtype(dtype).itemsize
    if wanted < SMALL:
        return
    free = available()
    if free is not None and wanted > free:
        raise MemoryError(f"{what} would need {shown(wanted)} of memory; {shown(free)} are free")


def need_parameters(sizes: Sequence[int], dtype: str) -> None:
    """Refuse a network whose parameters, which the core keeps twice, find no room."""
    count = sum(n_out * (2 * n_in + 1) for n_in, n_out in pairwise(sizes))
    need(count, dtype, f"a network of sizes {list(sizes)}")


def available() -> int | None:
    """Bytes that this process may still use, as far as the system tells."""
    found = [bytes_ for bytes_ in (free(), limit_of_group(), limit_of_process()) if bytes_ >= 0]
    return min(found, default=None)


def free() -> int:
    """What the machine has; -1 where it does not tell."""
    try:
        with open("/proc/meminfo") as file:
            lines = dict(line.split(":") for line in file)
        return sum(int(lines[name].split()[0]) << 10 for name in ("MemAvailable", "SwapFree"))
    except (OSError, LookupError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return -1


def limit_of_group() -> int:
    """What the control group of a container allows in all."""
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path) as file:
                return int(file.read())
        except (OSError, ValueError):
            continue
    return -1


def limit_of_process() -> int:
    """What `ulimit -v` leaves."""
    try:
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        if most == resource.RLIM_INFINITY:
            return -1
        with open("/proc/self/statm") as file:
            return max(most - int(file.read().split()[0]) * resource.getpagesize(), 0)
    except (ImportError, OSError, ValueError):
        return -1


def shown(size: int) -> str:
    """A number of bytes for the eye."""
    for unit, name in UNITS:
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size:,} bytes"
