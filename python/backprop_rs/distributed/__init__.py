"""Data-parallel training on MPI: many ranks, one network, the bits of one process.

`dealing` has the tree that the sums of all ranks meet in, `exchange` how they travel, `samples` the
steps, `start` what `Network.fit(comm=...)` does.
"""

from .fit import world

__all__ = ["world"]
