"""What candidates said is kept beside the screenings, whole, and read in pages."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from moderation.domain.ids import Digest
from moderation.domain.model_role import ModelPin, ShadowResult
from moderation.domain.signal import FailureReason, SignalFailure, SignalResult
from moderation.domain.verdict import Screening
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.shadow_results import ShadowStore
from tests.factories import NOW, a_score, a_screening, accept, after, claim_all
from tests.storage import strategies

SLOT = "image_nsfw"
PIN = ModelPin("opennsfw-2", Digest("1" * 64))
OTHER = ModelPin("opennsfw-3", Digest("2" * 64))


def screened(database: Database, posts: int, *, at: float = 0.0) -> list[Screening]:
    store = PostStore(database)
    for number in range(posts):
        accept(store, now=after(at + number / 1000))
    pairs = [
        (claim, a_screening(claim, started_at=after(at + number)))
        for number, claim in enumerate(claim_all(store, now=after(at + 1)))
    ]
    store.commit(pairs, now=after(at + 2))
    return [one for _, one in pairs]


def shadow(one: Screening, result: SignalResult | None = None, pin: ModelPin = PIN) -> ShadowResult:
    return ShadowResult(one.id, pin, result or a_score(SLOT, {SLOT: 0.75}), 0.25)


def test_pairs_come_oldest_first_with_the_live_results(database: Database) -> None:
    done = screened(database, 5)
    store = ShadowStore(database)
    store.record([shadow(one) for one in reversed(done)], {}, now=NOW)
    pages = list(store.pairs(SLOT, PIN.digest, None, page=2))
    assert [len(page) for page in pages] == [2, 2, 1]
    pairs = [pair for page in pages for pair in page]
    assert [pair.candidate for pair in pairs] == [shadow(one) for one in done]
    assert [pair.post_id for pair in pairs] == [one.post_id for one in done]
    assert [pair.live for pair in pairs] == [one.results for one in done]


def test_since_and_digest_limit_what_is_read(database: Database) -> None:
    early, late = screened(database, 1), screened(database, 1, at=1000)
    store = ShadowStore(database)
    store.record([shadow(early[0]), shadow(late[0])], {}, now=NOW)
    since = NOW + timedelta(seconds=500)
    assert [pair.post_id for page in store.pairs(SLOT, PIN.digest, since) for pair in page] == [late[0].post_id]
    assert (store.count(SLOT, PIN.digest, None), store.count(SLOT, PIN.digest, since)) == (2, 1)
    assert list(store.pairs(SLOT, OTHER.digest, None)) == []
    assert store.models(SLOT) == [PIN]
    assert store.models("text_harm") == []


def test_failures_are_kept_and_do_not_count_as_measured(database: Database) -> None:
    done = screened(database, 3)
    failure = SignalFailure(SLOT, FailureReason.TIMED_OUT, "over 30 s")
    store = ShadowStore(database)
    store.record([shadow(done[0]), shadow(done[1], failure), shadow(done[2], pin=OTHER)], {}, now=NOW)
    assert store.measured(SLOT, PIN.digest) == 1
    ((_, failed),) = store.pairs(SLOT, PIN.digest, None)
    assert failed.candidate.result == failure


def test_skipped_posts_add_up(database: Database) -> None:
    store = ShadowStore(database)
    for _ in range(2):
        store.record([], {(SLOT, PIN): 7, (SLOT, OTHER): 1}, now=NOW)
    assert (store.skipped(SLOT, PIN.digest, None), store.skipped(SLOT, OTHER.digest, None)) == (14, 2)
    assert store.skipped(SLOT, PIN.digest, NOW + timedelta(hours=2)) == 0
    assert store.skipped("text_harm", PIN.digest, None) == 0


def test_a_page_is_found_without_sorting_all_that_a_candidate_said(sqlite_database: Database) -> None:
    query = (
        "EXPLAIN QUERY PLAN SELECT document FROM shadow_results WHERE signal = 'a' AND digest = 'b' "
        "AND screening_id > 'c' ORDER BY screening_id LIMIT 5"
    )
    with sqlite_database.read() as connection:
        plan = " ".join(row.detail for row in connection.exec_driver_sql(query))
    assert "ix_shadow_results_digest (signal=? AND digest=? AND screening_id>?)" in plan
    assert "ORDER BY" not in plan


@pytest.mark.parametrize("again", [1, 2])
def test_a_screening_has_one_result_of_a_slot(database: Database, again: int) -> None:
    (one,) = screened(database, 1)
    store = ShadowStore(database)
    store.record([shadow(one)], {}, now=NOW)
    with pytest.raises(Exception, match=r"append-only|unique|UNIQUE|duplicate"):
        store.record([shadow(one)] * again, {(SLOT, PIN): 1}, now=NOW)
    assert store.count(SLOT, PIN.digest, None) == 1
    assert store.skipped(SLOT, PIN.digest, None) == 0


@given(result=strategies.results)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_read_is_what_was_said(sqlite_database: Database, result: SignalResult) -> None:
    (one,) = screened(sqlite_database, 1)
    store = ShadowStore(sqlite_database)
    pin = ModelPin("any", Digest(one.id))
    store.record([ShadowResult(one.id, pin, result, 0.5)], {}, now=NOW)
    ((pair,),) = store.pairs(result.signal, pin.digest, None)
    assert pair.candidate == ShadowResult(one.id, pin, result, 0.5)
