"""A lane: one long-lived worker that claims, screens and commits posts until it is told to stop or has aged.

Three threads overlap the stages (decode the next batch, measure this one, commit the last one), a fourth keeps the
leases and the heartbeat, a fifth publishes. A lane that dies at any point leaves nothing half done: its posts are
claimed again when their leases expire. A stage that fails in a way nobody foresaw ends the lane, and another starts.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from moderation.domain.errors import UnavailableError
from moderation.domain.post import Claim
from moderation.screening.batches import TARGET_SECONDS, BatchSize, in_batches, with_one_retry
from moderation.screening.leases import Heartbeat, Leases
from moderation.screening.line import Line
from moderation.screening.publish import Publisher
from moderation.screening.report import LaneReport, Tally
from moderation.screening.screen import Prepared, Screened, ScreeningParts, commit, hung_signals, judge, prepare
from moderation.screening.webhooks import Courier

log = structlog.get_logger(__name__)

TICK_SECONDS = 0.1
MAX_BACKOFF_SECONDS = 2.0
UNREAD_IMAGES = 2
"""When this many images of one claim cannot be read, it is taken for the blob store that is away."""
STUCK_SECONDS = 300.0
"""A batch that is in the lane for longer ends the lane: something hangs that has no limit of its own."""


class LaneStuckError(RuntimeError):
    """A stage has not come back; the process must end, so that another lane takes the posts."""


@dataclass(frozen=True, slots=True)
class LaneOptions:
    """How a lane works. All times are in seconds."""

    name: str
    batch_posts: int = 16
    lease_seconds: float = 20.0
    poll_seconds: float = 0.05
    idle_seconds: float = 900.0
    max_age_seconds: float = 3600.0
    report_seconds: float = 5.0


def run_lane(
    parts: ScreeningParts,
    options: LaneOptions,
    *,
    publisher: Publisher,
    courier: Courier | None = None,
    heartbeat: Heartbeat,
    stop: threading.Event,
    report: Callable[[LaneReport], None],
) -> LaneReport:
    """Work until `stop` is set, nothing came for `idle_seconds`, or `max_age_seconds` have passed.

    Then what was claimed is finished, nothing new is claimed, and the report of the whole run is returned. `report`
    gets what was done since the last one, every `report_seconds` in which something happened, on the calling thread.
    Raises whatever ended a stage; a database or blob store that is away for a while ends nothing, and neither does a
    report that cannot be delivered.
    """
    return _Lane(parts, options, publisher, courier, heartbeat).run(stop, report)


class _Lane:
    def __init__(
        self,
        parts: ScreeningParts,
        options: LaneOptions,
        publisher: Publisher,
        courier: Courier | None,
        heartbeat: Heartbeat,
    ) -> None:
        self._parts = parts
        self._options = options
        self._publisher = publisher
        self._courier = courier
        self._leases = Leases(
            parts.posts, lane=options.name, seconds=options.lease_seconds, clock=parts.clock, heartbeat=heartbeat
        )
        self._drain = threading.Event()
        self._done = threading.Event()
        self._failures: list[BaseException] = []
        self._tally = Tally()
        self._size = BatchSize(options.batch_posts)
        self._decoded: Line[Prepared] = Line(1, self._failed)
        self._judged: Line[Screened] = Line(2, self._failed)
        self._worked_at = time.monotonic()
        self._stuck: LaneStuckError | None = None

    def run(self, stop: threading.Event, report: Callable[[LaneReport], None]) -> LaneReport:
        stages = [self._thread(stage) for stage in (self._feed, self._measure, self._store)]
        others = [self._thread(other) for other in (self._keep, self._publish, self._deliver)]
        started = reported = time.monotonic()
        try:
            while any(stage.is_alive() for stage in stages):
                if stop.wait(TICK_SECONDS) or self._is_over(started):
                    self._drain.set()
                    time.sleep(TICK_SECONDS)
                if self._leases.oldest_seconds() > STUCK_SECONDS:
                    raise LaneStuckError(f"a post has been in the lane for over {STUCK_SECONDS:.0f} s")
                if time.monotonic() - reported >= self._options.report_seconds:
                    reported = time.monotonic()
                    self._send(report)
        finally:
            self._drain.set()
            self._done.set()
            self._publisher.wake()
        for thread in others:
            thread.join(timeout=MAX_BACKOFF_SECONDS)
        self._send(report)
        if self._failures:
            raise self._failures[0]
        if self._stuck is not None:
            raise self._stuck
        return self._tally.total()

    def _is_over(self, started: float) -> bool:
        now = time.monotonic()
        idle = self._leases.empty() and now - self._worked_at > self._options.idle_seconds
        return self._failed() or idle or now - started > self._options.max_age_seconds

    def _failed(self) -> bool:
        return bool(self._failures)

    def _send(self, report: Callable[[LaneReport], None]) -> None:
        interval = self._tally.cut()
        if not interval.posts and not interval.lost:
            return
        try:
            report(interval)
        except Exception:
            log.exception("report_lost", posts=interval.posts, lane=self._options.name)

    def _thread(self, stage: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                stage()
            except BaseException as error:
                log.exception("lane_stage_failed", stage=stage.__name__, lane=self._options.name)
                self._failures.append(error)

        thread = threading.Thread(target=guarded, name=f"lane{stage.__name__}", daemon=True)
        thread.start()
        return thread

    def _feed(self) -> None:
        """Claim and decode."""
        backoff = self._options.poll_seconds
        while not self._drain.is_set() and not self._failed():
            try:
                claims = self._leases.claim(self._size.limit())
            except UnavailableError as error:
                log.warning("claim_postponed", reason=error.message, lane=self._options.name)
                backoff = min(MAX_BACKOFF_SECONDS, backoff * 2)
                self._drain.wait(backoff)
                continue
            if not claims:
                backoff = self._options.poll_seconds
                self._drain.wait(backoff)
                continue
            self._worked_at = time.monotonic()
            claims, later = with_one_retry(claims)
            self._leases.give_back(later)
            if not self._prepare_apart(claims):
                backoff = min(MAX_BACKOFF_SECONDS, backoff * 2)
                self._drain.wait(backoff)
        self._decoded.close()

    def _prepare_apart(self, claims: list[Claim]) -> bool:
        """A post that was tried before is in the lane alone: if it ends the lane, no other post loses a try by it."""
        fresh = [claim for claim in claims if claim.attempt == 1]
        retried = [claim for claim in claims if claim.attempt > 1]
        done = self._prepare(fresh) if fresh else True
        if retried:
            self._wait_while(lambda: self._leases.holds_others(retried))
            done = self._prepare(retried) and done
            self._wait_while(lambda: self._leases.holds_any(retried))
        return done

    def _wait_while(self, busy: Callable[[], bool]) -> None:
        while busy() and not self._failed() and self._stuck is None:
            time.sleep(self._options.poll_seconds)

    def _prepare(self, claims: list[Claim]) -> bool:
        """Decode batch by batch; False when nothing could be read.

        Of a batch that could not be read each image is tried alone, for one that cannot be read must not hold up the
        others; after `UNREAD_IMAGES` of them the store is away, and everything is given back. So is what follows images
        that take long to decode, for other lanes to take: it must not wait until its deadline.
        """
        batches, unread, done = deque(in_batches(claims)), 0, False
        while batches:
            batch = batches.popleft()
            try:
                prepared = prepare(self._parts, batch, seconds=TARGET_SECONDS)
            except UnavailableError as error:
                if len(batch) > 1:
                    batches.extendleft([claim] for claim in reversed(batch))
                    continue
                unread += 1
                if unread == UNREAD_IMAGES:
                    batch += [claim for later in batches for claim in later]
                    batches.clear()
                self._give_back(batch, error)
            else:
                self._decoded.put(prepared)
                done = True
                if left := batch[len(prepared.claims) :]:
                    self._leases.give_back([*left, *(claim for later in batches for claim in later)])
                    batches.clear()
        return done

    def _give_back(self, claims: Sequence[Claim], error: UnavailableError) -> None:
        log.warning("batch_given_back", reason=error.message, posts=len(claims), lane=self._options.name)
        self._leases.give_back(claims)

    def _measure(self) -> None:
        while (prepared := self._decoded.take()) is not None:
            try:
                screened = judge(self._parts, prepared)
            except UnavailableError as error:
                self._give_back(prepared.claims, error)
                self._drain.wait(self._options.poll_seconds)
                continue
            if hung := hung_signals(screened):
                self._stuck = LaneStuckError(f"{', '.join(hung)} did not come back from an earlier batch")
                self._drain.set()
                while prepared is not None:
                    self._leases.give_back(prepared.claims)
                    prepared = self._decoded.take()
                break
            took = screened.seconds["signals"] + screened.seconds["policy"]
            self._size.observe(len(screened.pairs), max(screened.seconds["decode"], took))
            self._judged.put(screened)
        self._judged.close()

    def _store(self) -> None:
        while (screened := self._judged.take()) is not None:
            claims = [claim for claim, _ in screened.pairs]
            if not self._commit(claims, screened):
                log.warning("batch_lost", posts=len(claims), lane=self._options.name)
                self._tally.lose(len(claims))
            self._leases.forget(claims)
            self._worked_at = time.monotonic()

    def _commit(self, claims: list[Claim], screened: Screened) -> bool:
        """Commit, again and again while the database is away and the leases last."""
        backoff = self._options.poll_seconds
        while self._leases.holds_any(claims) and not self._failed():
            try:
                committed = commit(self._parts, screened)
            except UnavailableError as error:
                log.warning("commit_postponed", reason=error.message, posts=len(claims), lane=self._options.name)
                time.sleep(backoff)
                backoff = min(MAX_BACKOFF_SECONDS, backoff * 2)
                continue
            self._tally.add(screened, committed)
            self._publisher.wake()
            return True
        return False

    def _keep(self) -> None:
        """Leases, heartbeat and overdue posts, until every stage has ended."""
        while not self._done.is_set():
            try:
                self._leases.keep(posts=self._tally.total().posts, draining=self._drain.is_set())
                self._parts.posts.hold_overdue(now=self._parts.clock(), limit=100)
            except UnavailableError as error:
                log.warning("heartbeat_missed", reason=error.message, lane=self._options.name)
            self._done.wait(self._leases.interval_seconds)

    def _publish(self) -> None:
        self._publisher.run(self._done)

    def _deliver(self) -> None:
        if self._courier is not None:
            self._courier.run(self._done)
