"""The one matcher of the application: opened when it is first needed, refreshed before every answer."""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import Protocol

import structlog
from numpy import uint8
from numpy.typing import NDArray

from moderation.domain.errors import ModerationError, UnavailableError
from moderation.matching.hashes.frame_hashes import FrameHashes
from moderation.matching.hits import IndexStatus, LookedUp, Matched
from moderation.media.subject import Rgb

STALE_SECONDS = 65.0
"""What was last refreshed longer ago is stale: the time after which HMA says so."""
LOOK_SECONDS = 1.0
"""Whoever asks how it is causes a refresh at most this often."""


class Matches(Protocol):
    """What is needed of `moderation.matching.matcher.Matcher`."""

    def refresh(self) -> None:
        """See the newest contents of the banks."""
        ...

    def match(
        self, pictures: Sequence[Sequence[FrameHashes]], previews: Sequence[Sequence[Rgb]] | None
    ) -> list[Matched]:
        """What each picture matches."""
        ...

    def look_up(
        self,
        code: NDArray[uint8],
        *,
        quality: int | None = None,
        banks: Collection[str] = (),
        radius: int | None = None,
        limit: int = 100,
    ) -> LookedUp:
        """The entries near one hash."""
        ...

    def status(self) -> IndexStatus:
        """What is searched."""
        ...


class SearchState(StrEnum):
    """How the index is, in HMA's words."""

    ALIVE = "I-AM-ALIVE"
    NOT_LOADED = "INDEX-NOT-LOADED"
    STALE = "INDEX-STALE"


class Searcher:
    """Hands out a matcher that has seen the newest contents, or none. Safe to call from several threads."""

    def __init__(self, open_matcher: Callable[[], Matches], *, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._open = open_matcher
        self._clock_s = clock_s
        self._opening = threading.Lock()
        self._matcher: Matches | None = None
        self._refreshed_s = 0.0
        self._looked_s: float | None = None

    def fresh(self) -> Matches:
        """The matcher, refreshed. Raises `UnavailableError` while it is loaded, or when the banks cannot be seen."""
        matcher = self._matcher
        if matcher is None:
            return self._load()
        matcher.refresh()
        self._refreshed_s = self._clock_s()
        return matcher

    def state(self) -> SearchState:
        """How it is, looked at once in a while however many ask; the first who asks has it loaded."""
        now_s = self._clock_s()
        if self._looked_s is None or now_s - self._looked_s >= LOOK_SECONDS:
            self._looked_s = now_s
            try:
                self.fresh()
            except ModerationError as error:
                structlog.get_logger(__name__).warning("matching_unavailable", reason=error.message)
        if self._matcher is None:
            return SearchState.NOT_LOADED
        stale = self._clock_s() - self._refreshed_s > STALE_SECONDS
        return SearchState.STALE if stale else SearchState.ALIVE

    def _load(self) -> Matches:
        if not self._opening.acquire(blocking=False):
            raise UnavailableError("The index is being loaded.")
        try:
            if self._matcher is None:
                matcher = self._open()
                matcher.refresh()
                self._refreshed_s = self._clock_s()
                self._matcher = matcher
            return self._matcher
        finally:
            self._opening.release()
