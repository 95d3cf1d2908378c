"""Decisions of all ranks; the failure of one rank ends the training on all.

Between two steps the ranks meet in one kind of call, which gathers the messages of all. A rank
that fails sends its failure in the next call of that kind, at whichever point the others are, and
all of them raise. So no rank waits for one that has left.
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

PATIENCE = 60.0  # seconds that a rank which has failed waits for the others
PAUSE = 0.001  # seconds between two checks whether they have come
SHORT = 248  # bytes of a message that travel with its length, in one call

T = TypeVar("T")


@dataclass(frozen=True)
class Message:
    """The value of a rank at a point of the training."""

    point: str
    value: Any


@dataclass(frozen=True)
class Failure:
    """The exception of a rank, as the other ranks need it."""

    kind: str
    base: str  # the nearest type of Python's own
    sentence: str

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Return the failure of an exception."""
        return cls(type(error).__name__, nearest_builtin(type(error)), str(error))

    @property
    def is_interrupt(self) -> bool:
        """True for Ctrl-C."""
        return self.base == KeyboardInterrupt.__name__


class Agreement:
    """The ranks of one training.

    Parameters
    ----------
    comm : mpi4py communicator
    """

    def __init__(self, comm: Any) -> None:
        self.comm = comm.Dup()  # so that calls of the user cannot mix with these
        self.rank: int = comm.Get_rank()
        self.size: int = comm.Get_size()
        self.known: BaseException | None = None  # an exception that all ranks know of
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
            message = Message(point, make())
        except BaseException as error:
            self.tell(error)
            raise
        return self.values(self.gather(message))

    def first(self, point: str, value: T) -> T:
        """Return the value of rank 0 on all ranks."""
        return self.all(point, lambda: value if self.rank == 0 else None)[0]  # type: ignore[return-value]

    def values(self, answers: list[Message | Failure]) -> list[Any]:
        """Return the values of all ranks, or raise the failure of one of them."""
        self.raise_failures(answers)
        messages = [answer for answer in answers if isinstance(answer, Message)]
        if len(messages) < len(answers):
            self.known = KeyboardInterrupt()
            raise self.known
        for rank, message in enumerate(messages):
            if message.point != messages[0].point:
                self.known = RanksDiffer(
                    f"all ranks must train alike; rank 0 has come to {messages[0].point!r} and "
                    f"rank {rank} to {message.point!r}"
                )
                raise self.known
        return [message.value for message in messages]

    def raise_failures(self, answers: list[Message | Failure]) -> None:
        """Raise the failure of the first rank that has failed, except Ctrl-C."""
        for rank, answer in enumerate(answers):
            if isinstance(answer, Failure) and not answer.is_interrupt:
                self.known = rank_failed(rank, answer.kind, answer.sentence, answer.base)
                raise self.known

    def tell(self, error: BaseException) -> None:
        """Tell all ranks of an exception of this rank, unless they know it; the caller raises it.

        This ends the job if the other ranks do not receive the message.
        """
        if error is self.known:
            return
        failure = Failure.of(error)
        answers = self.gather(failure, lambda: self.end_job(error))
        self.known = error
        if failure.is_interrupt:
            self.raise_failures(answers)  # an error elsewhere matters more than Ctrl-C

    def gather(
        self, message: Message | Failure, end: Callable[[], object] | None = None
    ) -> list[Message | Failure]:
        """Return the messages of all ranks, by rank.

        `end` is called if they have not all arrived after `PATIENCE` seconds.
        """
        mine = np.frombuffer(pickle.dumps(message, pickle.HIGHEST_PROTOCOL), np.uint8)
        # The length in 8 bytes, and the beginning of the message, which mostly is all of it.
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
        return [pickle.loads(part.tobytes()) for part in np.split(whole, ends)]

    def wait(self, request: Any, end: Callable[[], object]) -> None:
        """Wait for a request; call `end` if it takes more than `PATIENCE` seconds."""
        deadline = perf_counter() + PATIENCE
        while not request.Test():
            if perf_counter() >= deadline:
                end()
                return
            sleep(PAUSE)

    def end_job(self, error: BaseException) -> None:
        """Abort all ranks with the reason: they wait at a point that this rank cannot reach."""
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
        """End the block on all ranks if one of them raises in it."""
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
    """Mark an exception that all ranks have, so that the program need not tell them."""
    error._of_all_ranks = True  # type: ignore[attr-defined]


def is_of_all(error: BaseException) -> bool:
    """Return True if all ranks have an exception."""
    return getattr(error, "_of_all_ranks", False)
