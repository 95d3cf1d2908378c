"""A command that mpiexec has started: all ranks train together, rank 0 prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from time import sleep
from typing import Any

LAUNCHERS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS")
"""What mpiexec of Open MPI, and of MPICH and its kin, tells the processes that it starts."""

WRONG_ARGUMENT = 2


def started_by_mpi() -> bool:
    return any(int(os.environ.get(name, 1)) > 1 for name in LAUNCHERS)


@contextmanager
def together(wanted: bool) -> Iterator[Any]:
    """The communicator of all ranks, where there are several; what ends one ends all."""
    if not (wanted or started_by_mpi()):
        yield None
        return
    from ..distributed import world
    from ..exceptions import RanksDiffer

    comm = world()
    rank = comm.Get_rank()
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere) if rank else nullcontext():
        try:
            yield comm
        except RanksDiffer:
            if rank:
                sys.exit(WRONG_ARGUMENT)
            raise  # every rank has it, and one says it
        except (ValueError, TypeError, ImportError, OSError) as error:
            if rank:
                sleep(1)  # what is wrong on all ranks, rank 0 says first
            sentence = " ".join(str(error).split())
            where = f"rank {rank}: " if rank else ""
            print(f"backprop-rs: {where}{sentence}", file=sys.stderr, flush=True)
            comm.Abort(WRONG_ARGUMENT)
