"""Decisions of all ranks, and how the failure of one ends the training of all.

Between two steps the ranks meet in one kind of call, which gathers what each has to say. A rank
that fails says so in the next call of that kind, whichever the others are in, and all of them
raise. So nobody waits for a rank that has left.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, sleep
from traceback import print_exception
from typing import Any, TypeVar

import numpy as np

from ..exceptions import RanksDiffer, nearest_builtin, rank_failed

PATIENCE = 60.0  # seconds that a rank which fails waits for the others to hear of it
PAUSE = 0.001  # seconds between two looks at that
SHORT = 248  # bytes of a message that go with its length, in one call

T = TypeVar("T")


@dataclass(frozen=True)
class Said:
    """What a rank has to say, and at which point of the training it is."""

    point: str
    value: Any


@dataclass(frozen=True)
class Failure:
    """An exception of a rank, as the others need it."""

    kind: str
    base: str  # the nearest type of Python's own
    sentence: str

    @property
    def is_interrupt(self) -> bool:
        return self.base == KeyboardInterrupt.__name__


def failure_of(error: BaseException) -> Failure:
    return Failure(type(error).__name__, nearest_builtin(type(error)), str(error))


class Agreement:
    """The ranks of one training.

    Parameters
    ----------
    comm : mpi4py communicator
    """

    def __init__(self, comm: Any) -> None:
        self.comm = comm.Dup()  # calls of the user's own cannot mix with these
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self.known: BaseException | None = None
        self.at_end: list[Callable[[], object]] = []  # calls that all ranks must make

    def all(self, point: str, make: Callable[[], T]) -> list[T]:
        """Call `make` on every rank; return what each has made, by rank.

        Raises
        ------
        RankFailed
            If `make`, or anything before it, has failed on another rank; a rank that has failed
            raises its own exception.
        KeyboardInterrupt
            On all ranks, if one was interrupted.
        RanksDiffer
            If the ranks are not at the same point.
        """
        try:
            said = Said(point, make())
        except BaseException as error:
            self.tell(error)
            raise
        return self.values(self.gather(said))

    def first(self, point: str, value: T) -> T:
        """Return the value of rank 0 on all ranks."""
        return self.all(point, lambda: value if self.rank == 0 else None)[0]  # type: ignore[return-value]

    def values(self, messages: list[Said | Failure]) -> list[Any]:
        """Return what all ranks have said, or raise what one of them has failed with."""
        self.raise_failures(messages)
        said = [one for one in messages if isinstance(one, Said)]
        if len(said) < len(messages):
            self.known = KeyboardInterrupt()
            raise self.known
        for rank, one in enumerate(said):
            if one.point != said[0].point:
                self.known = RanksDiffer(
                    f"all ranks must train alike; rank 0 has come to {said[0].point!r} and rank "
                    f"{rank} to {one.point!r}"
                )
                raise self.known
        return [one.value for one in said]

    def raise_failures(self, messages: list[Said | Failure]) -> None:
        """Raise what the first rank has failed with, if one has."""
        for rank, one in enumerate(messages):
            if isinstance(one, Failure) and not one.is_interrupt:
                self.known = rank_failed(rank, one.kind, one.sentence, one.base)
                raise self.known

    def tell(self, error: BaseException) -> None:
        """Tell all ranks what has failed here, unless they know; the caller raises it.

        Where they do not hear of it, the job is ended.
        """
        if error is self.known:
            return
        mine = failure_of(error)
        messages = self.gather(mine, lambda: self.end_job(error))
        self.known = error
        if mine.is_interrupt:
            self.raise_failures(messages)  # which end more than an interrupt does

    def gather(
        self, message: Said | Failure, end: Callable[[], object] | None = None
    ) -> list[Said | Failure]:
        """Return the messages of all ranks, by rank.

        `end` is called if they have not all come after `PATIENCE` seconds.
        """
        mine = np.frombuffer(pickle.dumps(message, pickle.HIGHEST_PROTOCOL), np.uint8)
        head = np.zeros(8 + SHORT, np.uint8)
        head[:8] = np.array([len(mine)], "<i8").view(np.uint8)
        head[8 : 8 + min(len(mine), SHORT)] = mine[:SHORT]
        heads = np.empty((self.size, 8 + SHORT), np.uint8)
        request = self.comm.Iallgather(head, heads)
        if end is None:
            request.Wait()
        else:
            self.wait(request, end)
        lengths = heads[:, :8].copy().view("<i8")[:, 0].tolist()
        if max(lengths) <= SHORT:
            return [
                pickle.loads(row[8 : 8 + n].tobytes())
                for row, n in zip(heads, lengths, strict=True)
            ]
        whole = np.empty(sum(lengths), np.uint8)
        self.comm.Allgatherv(mine, [whole, lengths])
        ends = np.cumsum(lengths)[:-1]
        return [pickle.loads(one.tobytes()) for one in np.split(whole, ends)]

    def wait(self, request: Any, end: Callable[[], object]) -> None:
        deadline = perf_counter() + PATIENCE
        while not request.Test():
            if perf_counter() >= deadline:
                end()
                return
            sleep(PAUSE)

    def end_job(self, error: BaseException) -> None:
        """End all ranks, with the reason: they wait where this rank cannot join them."""
        print_exception(type(error), error, error.__traceback__)
        print(
            f"backprop_rs: rank {self.rank} of {self.size} ends the job: "
            f"{type(error).__name__}: {error}",
            file=sys.stderr,
            flush=True,
        )
        self.comm.Abort(1)

    @contextmanager
    def ending_all(self) -> Iterator[None]:
        """What a rank raises in the block ends the block on all ranks."""
        try:
            yield
            self.all("the end", lambda: None)
        except BaseException as error:
            self.tell(error)
            mark(error)
            raise
        finally:
            for close in self.at_end:
                close()
            self.comm.Free()


def mark(error: BaseException) -> None:
    """Note that all ranks have an exception, so that whoever ends a program need not tell them."""
    error._of_all_ranks = True  # type: ignore[attr-defined]


def is_of_all(error: BaseException) -> bool:
    """Return whether all ranks know of an exception."""
    return getattr(error, "_of_all_ranks", False)
