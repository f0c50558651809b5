"""Stops calls that take too long, with one sleeping thread: a timer for each call costs a thread each time."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

MAX_TICK_SECONDS = 0.25
"""How late a call may be stopped."""
IDLE_SECONDS = 5.0
"""The thread ends after this long without a call, and starts again with the next one."""


class Watchdog:
    """Calls `stop` of everything that is watched for more than `seconds`; once, and from a thread of its own."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._tick = min(MAX_TICK_SECONDS, seconds / 4)
        self._calls: dict[int, tuple[float, Callable[[], None]]] = {}
        self._numbers = count()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, stop: Callable[[], None]) -> Iterator[None]:
        """Watch the block. `stop` may still come in the moment that the block ends.

        Raises `RuntimeError` when no thread can be started: nothing runs unwatched.
        """
        number = next(self._numbers)
        try:
            with self._lock:
                self._calls[number] = time.monotonic() + self._seconds, stop
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
                    self._thread.start()
            yield
        finally:
            with self._lock:
                self._calls.pop(number, None)

    def _watch(self) -> None:
        busy = time.monotonic()
        while True:
            time.sleep(self._tick)
            now = time.monotonic()
            with self._lock:
                if self._calls:
                    busy = now
                elif now - busy > IDLE_SECONDS:
                    self._thread = None
                    return
                late = [number for number, (due, _) in self._calls.items() if now >= due]
                stops = [self._calls.pop(number)[1] for number in late]
            for stop in stops:
                stop()
