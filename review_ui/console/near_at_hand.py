"""Near pictures for pages that cannot wait until all hashes were read: a minute's work for millions, once a process."""

import threading
from collections.abc import Sequence
from typing import Protocol

import structlog

from moderation.domain.errors import ModerationError
from moderation.matching.hashes.pdq import Code
from moderation.review.near_pictures import NearPost

WAIT_SECONDS = 1.0
"""How long a page waits for the first reading."""


class Near(Protocol):
    """What `NearPictures` offers."""

    def refresh(self) -> int:
        """Read what is new; returns how many hashes are in memory."""
        ...

    def search(self, codes: Sequence[Code], *, radius: int) -> list[NearPost]:
        """Posts within `radius` bits, nearest first."""
        ...


class NearAtHand:
    """Searches near pictures once they were read for the first time, which happens beside the pages that ask."""

    def __init__(self, near: Near, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._near = near
        self._wait_seconds = wait_seconds
        self._turn = threading.Lock()
        self._reading: threading.Thread | None = None
        self._read = threading.Event()

    def search(self, codes: Sequence[Code], *, radius: int) -> list[NearPost] | None:
        """Near posts, nearest first; None while they are still being read. Raises `UnavailableError`."""
        if not self._read.is_set():
            self._start()
            if not self._read.wait(self._wait_seconds):
                return None
        return self._near.search(codes, radius=radius)

    def warm(self) -> None:
        """Read what is new, or begin the first reading. Only who begins it waits for it, and not for long."""
        if self._read.is_set():
            self._near.refresh()
        elif self._start():
            self._read.wait(self._wait_seconds)

    def _start(self) -> bool:
        """Begin the first reading unless somebody else did; returns whether it did."""
        with self._turn:
            if self._reading is not None and self._reading.is_alive():
                return False
            self._reading = threading.Thread(target=self._work, name="near-pictures", daemon=True)
            self._reading.start()
            return True

    def _work(self) -> None:
        try:
            self._near.refresh()
        except ModerationError as error:
            structlog.get_logger(__name__).warning("near_pictures_unread", reason=error.message)
        else:
            self._read.set()
