"""`n_jobs`: threads of the core for the time of a training."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..threads import num_threads, processors


def threads(n_jobs: int | None) -> AbstractContextManager[Any]:
    """As many threads; None leaves what is set, -1 stands for all processors."""
    if n_jobs is None:
        return nullcontext()
    return num_threads(processors() if n_jobs == -1 else int(n_jobs))
