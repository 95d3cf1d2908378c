"""A thread that reads ahead."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread, current_thread
from typing import Generic, TypeVar

from ..._internal.backends import alone

T = TypeVar("T")
AHEAD = 2
LOOK = 0.05  # seconds between two looks at whether it is still wanted
NAME = "backprop-reader"


def reads_ahead() -> bool:
    """Whether this is a thread that reads ahead, while others have the processors."""
    return current_thread().name == NAME


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
        self.thread = Thread(target=self.read, args=(items,), daemon=True, name=NAME)
        self.thread.start()

    def read(self, items: Iterator[T]) -> None:
        try:
            with alone():  # the core's threads are those of the training
                for item in items:
                    if not self.put((item, None)):
                        return
            self.put((None, StopIteration()))
        except BaseException as error:  # it belongs to whoever waits for the item
            self.put((None, error))

    def put(self, item: tuple[T | None, BaseException | None]) -> bool:
        while not self.unwanted.is_set():
            try:
                self.queue.put(item, timeout=LOOK)
                return True
            except Full:
                continue
        return False

    def __iter__(self) -> Ahead[T]:
        return self

    def __next__(self) -> T:
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
