"""Ctrl-C and SIGTERM as a question that the main thread asks, instead of an exception anywhere."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """`stop` is set by the first signal, `hurry` by the second."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.hurry = threading.Event()

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catch the signals while the block runs. Main thread only."""

        def receive(_number: int, _frame: FrameType | None) -> None:
            (self.hurry if self.stop.is_set() else self.stop).set()

        before = {number: signal.signal(number, receive) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
