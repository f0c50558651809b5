"""How many connections stay open for one person: each asks the database again and again."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from moderation.domain.ids import AccountId

MAX_STREAMS = 12
"""Windows of one person that are pushed to at the same time, in one process."""


class Streams:
    """The open connections of one process."""

    def __init__(self) -> None:
        self._open: Counter[AccountId] = Counter()
        self._turn = threading.Lock()

    @contextmanager
    def one_of(self, account: AccountId) -> Iterator[bool]:
        """Whether there is room for one more of the person, which is taken until the end of the block."""
        with self._turn:
            room = self._open[account] < MAX_STREAMS
            self._open[account] += room
        try:
            yield room
        finally:
            with self._turn:
                self._open[account] -= room
                if not self._open[account]:
                    del self._open[account]
