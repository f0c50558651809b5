"""Publication: people's decisions settle, approved posts appear in the feed, and the outbox tells the outside."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import structlog

from moderation.domain.errors import UnavailableError
from moderation.domain.ids import PostId

log = structlog.get_logger(__name__)

BATCH = 200
IDLE_SECONDS = 1.0


class Approved(Protocol):
    """What publication needs of the post store."""

    def publish_approved(self, *, limit: int, now: datetime) -> list[PostId]:
        """Turn approved posts into published ones, with audit event and outbox message, in one transaction."""
        ...


class Decisions(Protocol):
    """What publication needs of the decision store."""

    def settle_due(self, *, limit: int, now: datetime) -> list[PostId]:
        """Let decisions whose undo window is over take effect; a decision that fails does not stop the others."""
        ...


class Publisher:
    """Publishes approved posts as soon as it is woken, and looks for left-over ones every second.

    Before that, it settles the `decisions` whose undo window is over. Any number may run at once: a decision settles
    and a post is published by exactly one of them.
    """

    def __init__(self, posts: Approved, *, clock: Callable[[], datetime], decisions: Decisions | None = None) -> None:
        self._posts = posts
        self._decisions = decisions
        self._clock = clock
        self._wake = threading.Event()

    def wake(self) -> None:
        """Something was approved."""
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Publish until `stop` is set, and once more after that."""
        while not stop.is_set():
            self._wake.wait(IDLE_SECONDS)
            self._wake.clear()
            self.publish_all()
        self.publish_all()

    def publish_all(self) -> int:
        """Publish everything that is approved now; returns how many posts. A database that is away publishes none."""
        published = 0
        self._settle()
        try:
            while batch := self._posts.publish_approved(limit=BATCH, now=self._clock()):
                published += len(batch)
        except UnavailableError as error:
            log.warning("publication_postponed", reason=error.message)
        return published

    def _settle(self) -> None:
        """A decision that cannot be settled stays pending, and is tried again: it keeps nothing else from the feed."""
        if self._decisions is None:
            return
        try:
            while len(self._decisions.settle_due(limit=BATCH, now=self._clock())) >= BATCH:
                pass
        except UnavailableError as error:
            log.warning("settlement_postponed", reason=error.message)
        except Exception:
            log.exception("settlement_failed")
