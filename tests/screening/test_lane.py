import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from moderation.domain.post import Claim, PostState
from moderation.domain.signal import FailureReason, SignalFailure, SignalResult
from moderation.media.subject import Subject
from moderation.screening.lane import STUCK_SECONDS, LaneOptions, LaneStuckError, run_lane
from moderation.screening.publish import Publisher
from moderation.screening.report import LaneReport
from moderation.screening.screen import ScreeningParts
from tests.fakes import Greyness, MemoryBlobs, MemoryPosts, parts, post

OPTIONS = LaneOptions("lane", lease_seconds=5, poll_seconds=0.01, idle_seconds=0.3, report_seconds=0.1)


def wall() -> datetime:
    return datetime.now(UTC)


def fresh(count: int) -> MemoryPosts:
    return MemoryPosts(post(number, received_at=wall()) for number in range(count))


def run(
    these: ScreeningParts,
    options: LaneOptions = OPTIONS,
    *,
    stop: threading.Event | None = None,
    report: Callable[[LaneReport], None] = lambda _: None,
    beats: list[tuple[int, bool]] | None = None,
) -> LaneReport:
    posts = these.posts
    assert isinstance(posts, MemoryPosts)

    def heartbeat(*, posts: int, draining: bool) -> None:
        if beats is not None:
            beats.append((posts, draining))

    return run_lane(
        these,
        options,
        publisher=Publisher(posts, clock=wall),
        heartbeat=heartbeat,
        stop=stop or threading.Event(),
        report=report,
    )


def test_a_lane_screens_everything_publishes_what_is_approved_and_ends_when_idle() -> None:
    posts = fresh(50)
    beats: list[tuple[int, bool]] = []
    total = run(parts(posts, clock=wall), beats=beats)
    assert posts.states() == {"published": 25, "rejected": 25}
    assert total.posts == 50
    assert total.verdicts == {"approve": 25, "reject": 25}
    assert beats


def test_reports_add_up_to_the_total() -> None:
    posts = fresh(40)
    reports: list[LaneReport] = []
    total = run(parts(posts, clock=wall), report=reports.append)
    assert sum(report.posts for report in reports) == total.posts == 40


def test_a_report_that_cannot_be_delivered_ends_nothing() -> None:
    posts = fresh(40)

    def away(_report: LaneReport) -> None:
        raise ConnectionError("the orchestrator's storage is away")

    options = LaneOptions("lane", idle_seconds=0.3, report_seconds=0)
    assert run(parts(posts, clock=wall), options, report=away).posts == 40


def test_a_clock_that_was_set_does_not_end_a_lane() -> None:
    posts, ahead = fresh(8), [timedelta()]

    def set_clock(batch: Sequence[Subject]) -> None:
        ahead[0] = timedelta(seconds=60 + STUCK_SECONDS)
        time.sleep(0.3)

    these = parts(posts, clock=lambda: wall() + ahead[0], signals=Greyness(set_clock))
    run(these, LaneOptions("lane", lease_seconds=1000, idle_seconds=0.3))
    assert set(posts.states()) <= {"published", "rejected", "held"}


def test_stop_finishes_what_was_claimed_and_claims_nothing_more() -> None:
    posts = fresh(200)
    stop = threading.Event()

    def slow(batch: Sequence[Subject]) -> None:
        time.sleep(0.05)
        stop.set()

    run(parts(posts, clock=wall, signals=Greyness(slow)), stop=stop)
    states = posts.states()
    assert states.get("screening", 0) == 0
    assert states["received"] > 0
    assert states["received"] + states["published"] + states["rejected"] == 200


def test_a_stage_that_fails_ends_the_lane_and_judges_nothing_wrongly() -> None:
    posts = fresh(10)

    def explode(batch: Sequence[Subject]) -> None:
        raise ZeroDivisionError("the model tore the universe")

    with pytest.raises(ZeroDivisionError):
        run(parts(posts, clock=wall, signals=Greyness(explode)))
    assert posts.screenings == {}
    assert posts.published == []


def test_a_database_that_goes_away_and_comes_back_loses_nothing() -> None:
    posts = fresh(30)

    def outage(batch: Sequence[Subject]) -> None:
        if not posts.down and len(posts.screenings) > 4:
            posts.down = True
            threading.Timer(0.3, lambda: setattr(posts, "down", False)).start()

    run(parts(posts, clock=wall, signals=Greyness(outage)), LaneOptions("lane", poll_seconds=0.01, idle_seconds=1))
    assert posts.states() == {"published": 15, "rejected": 15}
    assert all(len(screenings) == 1 for screenings in posts.screenings.values())


def test_a_blob_store_that_is_away_gives_posts_back_until_it_answers() -> None:
    posts, blobs = fresh(8), MemoryBlobs(down=True)
    threading.Timer(0.3, lambda: setattr(blobs, "down", False)).start()
    run(parts(posts, clock=wall, blobs=blobs), LaneOptions("lane", poll_seconds=0.01, idle_seconds=1))
    assert posts.states() == {"published": 4, "rejected": 4}


def test_what_follows_a_slow_image_is_given_back_for_others_to_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moderation.screening.lane.TARGET_SECONDS", 0.0)
    given_back = 0

    class Counting(MemoryPosts):
        def release(self, claims: Sequence[Claim], *, now: datetime) -> None:
            nonlocal given_back
            given_back += len(claims)
            super().release(claims, now=now)

    posts = Counting(post(number, received_at=wall()) for number in range(8))
    total = run(parts(posts, clock=wall))
    assert posts.states() == {"published": 4, "rejected": 4}
    assert total.batches == 8
    assert given_back > 0


def test_an_image_that_cannot_be_read_holds_up_nobody_else() -> None:
    posts, blobs = fresh(8), MemoryBlobs(unreadable={post(0).image})
    options = LaneOptions("lane", poll_seconds=0.01, idle_seconds=60, max_age_seconds=0.5)
    run(parts(posts, clock=wall, blobs=blobs), options)
    assert posts.states() == {"received": 1, "published": 3, "rejected": 4}


def test_a_post_whose_lease_was_lost_is_left_to_its_new_holder() -> None:
    posts = fresh(2)

    def stolen(batch: Sequence[Subject]) -> None:
        for subject in batch:
            posts.rows[subject.post.id].token = "somebody else's"

    total = run(parts(posts, clock=wall, signals=Greyness(stolen)))
    assert posts.screenings == {}
    assert total.posts == 0
    assert total.lost == 2


def test_an_aged_lane_ends_although_posts_wait() -> None:
    posts = fresh(500)

    def slow(batch: Sequence[Subject]) -> None:
        time.sleep(0.02)

    options = LaneOptions("lane", batch_posts=4, max_age_seconds=0.3)
    run(parts(posts, clock=wall, signals=Greyness(slow)), options)
    assert posts.states().get("screening", 0) == 0
    assert posts.states()["received"] > 0


def test_an_overdue_post_is_held() -> None:
    late = post(2, received_at=wall(), deadline_seconds=-1)
    posts = MemoryPosts([late])
    posts.claim("a dead lane", limit=1, lease_seconds=600, now=wall())
    run(parts(posts, clock=wall))
    assert posts.states() == {"held": 1}


def test_a_post_that_ends_every_lane_is_held_and_takes_no_other_post_with_it() -> None:
    posts = fresh(12)
    deadly = post(4).id

    def die(batch: Sequence[Subject]) -> None:
        if any(subject.post.id == deadly for subject in batch):
            raise ZeroDivisionError("the process is gone")

    options = LaneOptions("lane", lease_seconds=60, poll_seconds=0.01, idle_seconds=0.4)
    deaths = 0
    for _ in range(6):
        try:
            run(parts(posts, clock=wall, signals=Greyness(die)), options)
        except ZeroDivisionError:
            deaths += 1
            for row in posts.rows.values():
                row.expires_at = wall()
    assert deaths == 3
    assert posts.rows[deadly].post.state is PostState.HELD
    assert posts.states() == {"held": 1, "published": 5, "rejected": 6}


def test_a_signal_that_hangs_ends_the_lane_before_it_holds_another_batch() -> None:
    posts = fresh(40)

    class Hung(Greyness):
        def measure(self, batch: Sequence[Subject]) -> list[tuple[SignalResult, ...]]:
            return [(SignalFailure("greyness", FailureReason.UNAVAILABLE, "hung"),) for _ in batch]

    with pytest.raises(LaneStuckError, match="greyness"):
        run(parts(posts, clock=wall, signals=Hung()))
    assert posts.screenings == {}
