"""Data-parallel training on MPI: many ranks, one network, the bits of one process.

`sharding` has the tree in which the sums of all ranks meet, `exchange` sends them, `samples` makes
the steps, and `fit` does the work of `Network.fit(comm=...)`.
"""

from .fit import world

__all__ = ["world"]


def __dir__() -> list[str]:
    return __all__
