"""Run a command on all ranks of MPI; only rank 0 prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from time import sleep
from traceback import print_exception
from typing import Any

from .errors import INTERRUPTED, USER_ERRORS, WRONG_ARGUMENT, sentence_of

LAUNCHERS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS")
"""Environment variables that mpiexec of Open MPI, MPICH and its relatives sets."""


def started_by_mpi() -> bool:
    """Return True if mpiexec has started this process and others."""
    return any(int(os.environ.get(name, 1)) > 1 for name in LAUNCHERS)


@contextmanager
def all_ranks(wanted: bool) -> Iterator[Any]:
    """Yield the communicator of all ranks, or None; an error on one rank ends all.

    MPI is used if it is `wanted` or if mpiexec has started several processes.
    """
    if not (wanted or started_by_mpi()):
        yield None
        return
    from ..distributed import world
    from ..distributed.agreement import is_of_all

    comm = world()
    rank = comm.Get_rank()
    with open(os.devnull, "w") as null, redirect_stdout(null) if rank else nullcontext():
        try:
            yield comm
        except BaseException as error:
            if is_of_all(error):
                if rank:
                    sys.exit(
                        INTERRUPTED if isinstance(error, KeyboardInterrupt) else WRONG_ARGUMENT
                    )
                raise  # every rank raises it, and rank 0 prints it
            if rank:
                sleep(1)  # if all ranks fail alike, rank 0 is the first to print
            end_job(comm, error)


def of_all(error: BaseException, comm: Any) -> BaseException:
    """Mark an exception that every rank raises, and return it."""
    if comm is not None:
        from ..distributed.agreement import mark

        mark(error)
    return error


def end_job(comm: Any, error: BaseException) -> None:
    """End all ranks, which may be waiting for this one, and print the reason."""
    if isinstance(error, KeyboardInterrupt):
        comm.Abort(INTERRUPTED)
    if isinstance(error, USER_ERRORS):
        rank = f"rank {comm.Get_rank()}: " if comm.Get_rank() else ""
        print(f"backprop-rs: {rank}{sentence_of(error)}", file=sys.stderr, flush=True)
        comm.Abort(WRONG_ARGUMENT)
    print_exception(type(error), error, error.__traceback__)
    sys.stderr.flush()
    comm.Abort(1)
