"""Walking the whole audit chain on request: in the background, once at a time, the last result kept."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from moderation.domain.errors import ModerationError
from moderation.storage.audit import AuditReport

log = structlog.get_logger(__name__)


class Chain(Protocol):
    """What can be walked; `AuditStore` is one."""

    def verify(self, progress: Callable[[int], None] | None = None) -> AuditReport:
        """Walk it all, telling how many events hold so far."""
        ...


@dataclass(frozen=True, slots=True)
class Walk:
    """One walk. `report` is None while it runs, and when it failed, which `problem` then explains."""

    started_at: datetime
    events: int = 0
    finished_at: datetime | None = None
    report: AuditReport | None = None
    problem: str = ""


class Verification:
    """The newest walk of this process. A second one is not begun while one runs."""

    def __init__(self, chain: Chain, clock: Callable[[], datetime]) -> None:
        self._chain = chain
        self._clock = clock
        self._turn = threading.Lock()
        self._last: Walk | None = None

    @property
    def last(self) -> Walk | None:
        """The newest walk, also while it runs."""
        return self._last

    def run(self) -> None:
        """Walk the chain in this thread, unless another does so already."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            self._walk()
        finally:
            self._turn.release()

    def _walk(self) -> None:
        started_at, walked = self._clock(), 0
        self._last = Walk(started_at)

        def progress(events: int) -> None:
            nonlocal walked
            walked = events
            self._last = Walk(started_at, events)

        try:
            report = self._chain.verify(progress)
        except ModerationError as error:
            self._last = Walk(started_at, walked, self._clock(), problem=error.message)
            return
        except Exception:
            log.exception("audit_walk_failed")
            self._last = Walk(started_at, walked, self._clock(), problem="The walk ended with an error; see the log.")
            return
        self._last = Walk(started_at, report.events, self._clock(), report)
