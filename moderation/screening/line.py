"""A bounded hand-over between two threads, where the giver waits while the taker is behind."""

import queue
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

WAIT_SECONDS = 0.2


class Line(Generic[T]):
    """Items go in at one end and come out in order; `close` lets the taker finish what is in it.

    `aborted` is asked while waiting: once it is true, `put` drops its item and `take` returns None.
    """

    def __init__(self, size: int, aborted: Callable[[], bool]) -> None:
        self._items: queue.Queue[T | None] = queue.Queue(maxsize=size)
        self._aborted = aborted

    def put(self, item: T) -> None:
        """Hand `item` over, waiting while the line is full."""
        self._put(item)

    def close(self) -> None:
        """No more items will come."""
        self._put(None)

    def take(self) -> T | None:
        """The next item, or None when the line was closed or aborted."""
        while not self._aborted():
            try:
                return self._items.get(timeout=WAIT_SECONDS)
            except queue.Empty:
                continue
        return None

    def _put(self, item: T | None) -> None:
        while not self._aborted():
            try:
                self._items.put(item, timeout=WAIT_SECONDS)
            except queue.Full:
                continue
            return
