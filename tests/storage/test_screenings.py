from dataclasses import replace

import pytest

from moderation.domain.ids import PostId
from moderation.domain.signal import BankHit, Match, Score, Span, Surface
from moderation.domain.verdict import SystemQueue, Verdict
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.screenings import OutcomeCount, ScreeningStore
from tests.factories import (
    a_failure,
    a_hold,
    a_rejection,
    a_score,
    a_screening,
    accept,
    after,
    an_approval,
    claim_all,
    judge_all,
)


@pytest.fixture
def store(database: Database) -> ScreeningStore:
    return ScreeningStore(database)


@pytest.fixture
def posts(database: Database) -> PostStore:
    return PostStore(database)


def test_a_committed_screening_comes_back_exactly(store: ScreeningStore, posts: PostStore) -> None:
    accept(posts)
    (claim,) = claim_all(posts)
    results = (
        Score(
            "terms",
            {"caption_hate": 2, "x": None, "y": True, "z": 1e-300},
            (Span(Surface.CAPTION, 0, 3, "hate", "a\x00"),),
        ),
        Match("image_match", {"image_match_distance": 4}, (BankHit("B", "e", "block", 4, 90, 0, "né"),), "12"),
        a_failure(),
        a_score(),
    )
    screening = a_screening(claim, a_hold(complete=False), results=results)
    posts.commit([(claim, screening)], now=after(1))
    assert store.latest(claim.post.id) == screening
    assert store.history(claim.post.id) == [screening]


def test_screenings_do_not_mix(store: ScreeningStore, posts: PostStore) -> None:
    for number in range(3):
        accept(posts, now=after(number))
    claims = claim_all(posts, now=after(3))
    pairs = [(claim, a_screening(claim, results=[a_score(f"s{n}")])) for n, claim in enumerate(claims)]
    posts.commit(pairs, now=after(4))
    for claim, screening in pairs:
        assert store.latest(claim.post.id) == screening


def test_a_post_without_a_screening_has_none(store: ScreeningStore) -> None:
    assert store.latest(PostId("none")) is None
    assert store.history(PostId("none")) == []
    assert store.verdict_at(PostId("none")) is None


def test_outcomes_are_counted_by_verdict_rule_and_queue(store: ScreeningStore, posts: PostStore) -> None:
    for judgement in (an_approval(), an_approval(), an_approval(), a_hold("spam"), a_rejection(), a_rejection()):
        accept(posts)
        (claim,) = claim_all(posts)
        posts.commit([(claim, a_screening(claim, judgement))], now=after(5))
    accept(posts, now=after(6))
    posts.hold_overdue(now=after(600), limit=10)
    assert store.outcome_counts(None) == [
        OutcomeCount(Verdict.APPROVE, "", "", 3),
        OutcomeCount(Verdict.REJECT, "banned-picture", "", 2),
        OutcomeCount(Verdict.HOLD, "", SystemQueue.STALLED, 1),
        OutcomeCount(Verdict.HOLD, "adult-image", "spam", 1),
    ]
    assert store.outcome_counts(after(600)) == [OutcomeCount(Verdict.HOLD, "", SystemQueue.STALLED, 1)]
    assert store.outcome_counts(after(601)) == []


def test_latencies_run_from_reception_to_verdict(store: ScreeningStore, posts: PostStore) -> None:
    for start, end in ((0, 0.25), (10, 13), (20, 20.5)):
        accept(posts, now=after(start))
        judge_all(posts, now=after(end))
    assert store.latencies(None, 10) == [0.5, 3.0, 0.25]
    assert store.latencies(None, 1) == [0.5]
    assert store.latencies(after(13), 10) == [0.5, 3.0]
    (newest,) = posts.list(state=None, limit=1)
    assert store.verdict_at(newest.id) == after(20.5)


def test_failures_are_counted_by_signal(store: ScreeningStore, posts: PostStore) -> None:
    for failed in (True, False, False):
        accept(posts)
        (claim,) = claim_all(posts)
        results = [a_failure("nsfw") if failed else a_score("nsfw"), a_score("terms")]
        screening = a_screening(claim, a_hold(), results=results)
        posts.commit([(claim, replace(screening, finished_at=after(1 if failed else 9)))], now=after(10))
    assert store.failure_rates(None) == {"nsfw": (1, 3), "terms": (0, 3)}
    assert store.failure_rates(after(9)) == {"nsfw": (0, 2), "terms": (0, 2)}
    assert store.failure_rates(after(10)) == {}
