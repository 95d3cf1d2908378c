"""The processors, between the threads that train and the one that reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

from .._backend import at_most
from ..data.sources.reader import Ahead
from ..threads import get_num_threads

PIECE = 0.002  # seconds of training between two looks at a reader that computes
WAITING = 0.01  # and at one that waits for the disk, or for a processor that others have


@contextmanager
def sharing(reader: Any) -> Iterator[float]:
    """Train in this block for the seconds that it gives, with all threads or with one less.

    Where all processors are taken, a thread that reads holds up one of those that train, and so
    all of them, which wait for each other at every step. So one stands back while the
    reader computes. How many threads there are has no influence on any bit.
    """
    threads = get_num_threads()
    if not isinstance(reader, Ahead) or not 1 < threads >= processors() or not reader.making:
        yield inf
    elif reader.computes():
        with at_most(threads - 1):
            yield PIECE
    else:
        yield WAITING


def processors() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
