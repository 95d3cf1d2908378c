"""A thread that reads ahead."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread, current_thread
from typing import Generic, TypeVar

from ...threads import alone

T = TypeVar("T")
QUEUE_SIZE = 2
POLL_SECONDS = 0.05  # between two checks for `close`
THREAD_NAME = "backprop-reader"


def in_prefetch_thread() -> bool:
    """Return True in a thread that reads ahead while other threads use the processors."""
    return current_thread().name == THREAD_NAME


class Prefetcher(Generic[T]):
    """An iterator that computes its next items in a thread while the last one is used.

    `__next__` raises the exceptions of the thread in place of the item.

    >>> with Prefetcher(iter([1, 2, 3])) as numbers:
    ...     list(numbers)
    [1, 2, 3]
    """

    def __init__(self, items: Iterator[T], size: int = QUEUE_SIZE) -> None:
        self.queue: Queue[tuple[T | None, BaseException | None]] = Queue(size)
        self.closed = Event()
        self.thread = Thread(target=self.read, args=(items,), daemon=True, name=THREAD_NAME)
        self.thread.start()

    def read(self, items: Iterator[T]) -> None:
        """Put all items into the queue; this runs in the thread."""
        try:
            with alone():  # the core's threads belong to the training
                for item in items:
                    if not self.put((item, None)):
                        return
            self.put((None, StopIteration()))
        except BaseException as error:  # `__next__` raises it
            self.put((None, error))

    def put(self, item: tuple[T | None, BaseException | None]) -> bool:
        """Put one item into the queue; return False if the iterator was closed."""
        while not self.closed.is_set():
            try:
                self.queue.put(item, timeout=POLL_SECONDS)
                return True
            except Full:
                continue
        return False

    def __iter__(self) -> Prefetcher[T]:
        return self

    def __next__(self) -> T:
        item, error = self.queue.get()
        if error is not None:
            self.queue.put((None, error))  # for the next call
            raise error
        assert item is not None
        return item

    def close(self) -> None:
        """End the thread and drop the items that it has read."""
        self.closed.set()
        while self.thread.is_alive():
            try:
                self.queue.get_nowait()
            except Empty:
                self.thread.join(POLL_SECONDS)

    def __enter__(self) -> Prefetcher[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
