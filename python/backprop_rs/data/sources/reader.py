"""A thread that reads ahead."""

from __future__ import annotations

import time
from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread, get_ident
from typing import Generic, TypeVar

T = TypeVar("T")
AHEAD = 2
LOOK = 0.05  # seconds between two looks at whether it is still wanted


class Ahead(Generic[T]):
    """An iterator whose next two items are made in a thread, while the last one is used.

    What goes wrong in the thread is raised where the item would have come.

    >>> with Ahead(iter([1, 2, 3])) as numbers:
    ...     list(numbers)
    [1, 2, 3]
    """

    def __init__(self, items: Iterator[T], ahead: int = AHEAD) -> None:
        self.queue: Queue[tuple[T | None, BaseException | None]] = Queue(ahead)
        self.unwanted = Event()
        self.making = True  # an item, rather than waiting for room
        self.over = False
        self.clock: int | None = None  # of the processor's time for the thread
        self.looked: tuple[float, float] | None = None
        self.thread = Thread(target=self.read, args=(items,), daemon=True, name="backprop-reader")
        self.thread.start()

    def read(self, items: Iterator[T]) -> None:
        if hasattr(time, "pthread_getcpuclockid"):
            self.clock = time.pthread_getcpuclockid(get_ident())
        try:
            for item in items:
                if not self.put((item, None)):
                    return
                self.making = True
            self.end(StopIteration())
        except BaseException as error:  # it belongs to whoever waits for the item
            self.end(error)

    def end(self, error: BaseException) -> None:
        """Make no more items."""
        self.over = True
        self.put((None, error))

    def put(self, item: tuple[T | None, BaseException | None]) -> bool:
        self.making = False
        while not self.unwanted.is_set():
            try:
                self.queue.put(item, timeout=LOOK)
                return True
            except Full:
                continue
        return False

    def computes(self) -> bool:
        """Whether the thread is at work and has had a processor for most of the time.

        The time is that since the last call, as far as it made an item then already.
        """
        before, self.looked = self.looked, None
        if not self.making or self.clock is None:
            return False
        try:
            self.looked = time.perf_counter(), time.clock_gettime(self.clock)
        except OSError:  # the thread has ended meanwhile
            return False
        if before is None:
            return True
        passed, used = (now - then for now, then in zip(self.looked, before, strict=True))
        return used >= passed / 2

    def __iter__(self) -> Ahead[T]:
        return self

    def __next__(self) -> T:
        self.looked = None
        self.making = not self.over  # as there is room now
        item, error = self.queue.get()
        if error is not None:
            self.queue.put((None, error))  # whoever asks again hears it again
            raise error
        assert item is not None
        return item

    def close(self) -> None:
        """Let the thread end; what it has read is thrown away."""
        self.unwanted.set()
        while self.thread.is_alive():
            try:
                self.queue.get_nowait()
            except Empty:
                self.thread.join(LOOK)

    def __enter__(self) -> Ahead[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
