"""A command that mpiexec has started: all ranks train together, rank 0 prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from time import sleep
from traceback import print_exception
from typing import Any

from .._internal.printable import printable
from ..cli import INTERRUPTED, USER, WRONG_ARGUMENT
from .spelling import on_command_line

LAUNCHERS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS")
"""What mpiexec of Open MPI, and of MPICH and its kin, tells the processes that it starts."""


def started_by_mpi() -> bool:
    return any(int(os.environ.get(name, 1)) > 1 for name in LAUNCHERS)


@contextmanager
def together(wanted: bool) -> Iterator[Any]:
    """The communicator of all ranks, where there are several; what ends one ends all."""
    if not (wanted or started_by_mpi()):
        yield None
        return
    from ..distributed import world
    from ..distributed.agreement import is_of_all

    comm = world()
    rank = comm.Get_rank()
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere) if rank else nullcontext():
        try:
            yield comm
        except BaseException as error:
            if is_of_all(error):
                if rank:
                    sys.exit(INTERRUPTED if is_interrupt(error) else WRONG_ARGUMENT)
                raise  # every rank has it, and one says it
            if rank:
                sleep(1)  # what is wrong on all ranks, rank 0 says first
            end_job(comm, error)


def of_all(error: BaseException, comm: Any) -> BaseException:
    """An exception that every rank raises, if there are several."""
    if comm is not None:
        from ..distributed.agreement import mark

        mark(error)
    return error


def is_interrupt(error: BaseException) -> bool:
    return isinstance(error, KeyboardInterrupt)


def end_job(comm: Any, error: BaseException) -> None:
    """End all ranks, which may be waiting for this one, and say why."""
    if is_interrupt(error):
        comm.Abort(INTERRUPTED)
    if isinstance(error, USER):
        sentence = printable(on_command_line(" ".join(str(error).split())))
        where = f"rank {comm.Get_rank()}: " if comm.Get_rank() else ""
        print(f"backprop-rs: {where}{sentence}", file=sys.stderr, flush=True)
        comm.Abort(WRONG_ARGUMENT)
    print_exception(type(error), error, error.__traceback__)
    sys.stderr.flush()
    comm.Abort(1)
