"""The posts that one lane holds: claimed, kept alive, given back, and forgotten once their verdict is stored."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

import structlog

from moderation.domain.errors import UnavailableError
from moderation.domain.ids import PostId
from moderation.domain.post import Claim
from moderation.screening.ports import Posts

log = structlog.get_logger(__name__)


class Heartbeat(Protocol):
    """Tells everybody that the lane lives."""

    def __call__(self, *, posts: int, draining: bool) -> None:
        """Record that the lane lives now and has screened `posts` so far. May raise `UnavailableError`."""
        ...


class Leases:
    """Safe to use from every thread of a lane."""

    def __init__(
        self, posts: Posts, *, lane: str, seconds: float, clock: Callable[[], datetime], heartbeat: Heartbeat
    ) -> None:
        self._posts = posts
        self._lane = lane
        self._seconds = seconds
        self._clock = clock
        self._heartbeat = heartbeat
        self._held: dict[PostId, tuple[Claim, float]] = {}
        self._lock = threading.Lock()

    @property
    def interval_seconds(self) -> float:
        """How often `keep` must be called: several times within a lease, and often enough to be seen alive."""
        return min(1.0, self._seconds / 4)

    def claim(self, limit: int) -> list[Claim]:
        """Claim up to `limit` posts."""
        now = self._clock()
        claims = self._posts.claim(self._lane, limit=limit, lease_seconds=self._seconds, now=now)
        with self._lock:
            self._held.update({claim.post.id: (claim, time.monotonic()) for claim in claims})
        return claims

    def keep(self, *, posts: int, draining: bool) -> None:
        """Beat, and renew what has used a third of its lease. Posts that were lost meanwhile are forgotten."""
        self._heartbeat(posts=posts, draining=draining)
        now = self._clock()
        with self._lock:
            held = [claim for claim, _ in self._held.values()]
        due = [claim for claim in held if (claim.expires_at - now).total_seconds() < self._seconds * 2 / 3]
        if not due:
            return
        renewed = {claim.token: claim for claim in self._posts.renew(due, lease_seconds=self._seconds, now=now)}
        with self._lock:
            for claim in due:
                known = self._held.get(claim.post.id)
                if known is None or known[0].token != claim.token:
                    continue
                if claim.token in renewed:
                    self._held[claim.post.id] = (renewed[claim.token], known[1])
                else:
                    del self._held[claim.post.id]

    def give_back(self, claims: Iterable[Claim]) -> None:
        """Let other lanes have these posts at once; if even that fails, their leases run out."""
        returned = list(claims)
        if not returned:
            return
        try:
            self._posts.release(returned, now=self._clock())
        except UnavailableError as error:
            log.warning("release_failed", reason=error.message, posts=len(returned), lane=self._lane)
        self.forget(returned)

    def forget(self, claims: Iterable[Claim]) -> None:
        """These posts are no longer this lane's business."""
        with self._lock:
            for claim in claims:
                known = self._held.get(claim.post.id)
                if known is not None and known[0].token == claim.token:
                    del self._held[claim.post.id]

    def holds_any(self, claims: Iterable[Claim]) -> bool:
        """True while the lease of at least one of `claims` has not run out."""
        now = self._clock()
        with self._lock:
            known = [self._held.get(claim.post.id) for claim in claims]
        return any(entry is not None and entry[0].expires_at > now for entry in known)

    def holds_others(self, claims: Iterable[Claim]) -> bool:
        """True while the lane holds a post that is not among `claims`, whose lease has not run out."""
        own, now = {claim.post.id for claim in claims}, self._clock()
        with self._lock:
            return any(post not in own and entry[0].expires_at > now for post, entry in self._held.items())

    def empty(self) -> bool:
        """True when the lane holds nothing."""
        with self._lock:
            return not self._held

    def oldest_seconds(self) -> float:
        """How long the longest held post has been in the lane, whatever became of the clock; 0 when it holds none."""
        with self._lock:
            return max((time.monotonic() - since for _, since in self._held.values()), default=0.0)
