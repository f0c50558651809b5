from collections.abc import Sequence

import pytest

from moderation.domain.errors import UnavailableError
from moderation.domain.ids import Digest
from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.post import Claim, Post, PostState
from moderation.domain.signal import SignalFailure, SignalResult
from moderation.domain.verdict import Judgement, Verdict
from moderation.screening.screen import MAX_ATTEMPTS, ScreeningParts, judge, prepare, screen
from tests.fakes import START, Greyness, MemoryBlobs, MemoryPosts, NumberDecoder, OddIsBad, parts, post


def claims_of(posts: MemoryPosts, *, limit: int = 100) -> list[Claim]:
    return posts.claim("lane", limit=limit, lease_seconds=60, now=START)


def test_each_post_gets_the_verdict_of_its_own_picture() -> None:
    posts = MemoryPosts(post(number) for number in range(6))
    committed = screen(parts(posts), claims_of(posts))
    assert len(committed.stored) == 6
    assert {row.post.id: row.post.state for row in posts.rows.values()} == {
        f"post-{number}": PostState.REJECTED if number % 2 else PostState.APPROVED for number in range(6)
    }


def test_an_undecodable_picture_is_held_and_the_others_go_on() -> None:
    posts = MemoryPosts([post(2), post(666), post(4)])
    screen(parts(posts), claims_of(posts))
    assert posts.states() == {"approved": 2, "held": 1}
    [screening] = posts.screenings[post(666).id]
    assert screening.image == Refusal(RefusalReason.CORRUPT, "the number of the beast")


def test_a_missing_blob_is_a_refusal_of_that_post_alone() -> None:
    posts = MemoryPosts([post(2), post(4)])
    screen(parts(posts, blobs=MemoryBlobs(missing={post(4).image})), claims_of(posts))
    [screening] = posts.screenings[post(4).id]
    assert isinstance(screening.image, Refusal)
    assert screening.image.reason is RefusalReason.MISSING
    assert posts.states() == {"approved": 1, "held": 1}


def test_a_blob_store_that_is_away_judges_nothing() -> None:
    posts = MemoryPosts([post(2)])
    with pytest.raises(UnavailableError):
        prepare(parts(posts, blobs=MemoryBlobs(down=True)), claims_of(posts))
    assert posts.screenings == {}


def test_what_takes_long_to_decode_does_not_keep_what_is_decoded() -> None:
    posts = MemoryPosts([post(2), post(4), post(6)])
    claims = claims_of(posts)
    assert prepare(parts(posts), claims, seconds=0).claims == tuple(claims[:1])
    assert prepare(parts(posts), claims, seconds=60).claims == tuple(claims)


def test_a_post_tried_too_often_is_held_without_being_touched_again() -> None:
    posts = MemoryPosts([post(2)])
    posts.rows[post(2).id].attempt = MAX_ATTEMPTS
    decoder = NumberDecoder()
    screen(parts(posts, decoder=decoder), claims_of(posts))
    [screening] = posts.screenings[post(2).id]
    assert decoder.batches == []
    assert screening.judgement.verdict is Verdict.HOLD
    assert all(isinstance(result, SignalFailure) for result in screening.results)


def test_every_screening_pins_what_it_rests_on() -> None:
    posts = MemoryPosts([post(2)])
    screen(parts(posts), claims_of(posts))
    [screening] = posts.screenings[post(2).id]
    assert screening.pins.policy == OddIsBad.digest
    assert screening.pins.image == post(2).image
    assert screening.pins.signals == {"greyness": "1"}


def test_banks_that_cannot_be_read_judge_nothing() -> None:
    posts = MemoryPosts([post(2)])

    def away() -> None:
        raise UnavailableError("banks are away")

    broken = parts(posts, refresh=away)
    prepared = prepare(broken, claims_of(posts))
    with pytest.raises(UnavailableError):
        judge(broken, prepared)


class ApprovesAnything:
    digest = Digest("b" * 64)

    def evaluate(self, posts: Sequence[Post], results: Sequence[Sequence[SignalResult]]) -> list[Judgement]:
        return [Judgement(Verdict.APPROVE, True, "", "", "why not", ()) for _ in results]


def test_an_approval_without_a_measurement_of_every_signal_is_not_believed() -> None:
    posts = MemoryPosts([post(666)])
    honest = parts(posts)
    lying = ScreeningParts(
        honest.posts, honest.blobs, honest.decoder, honest.signals, ApprovesAnything, honest.refresh, honest.clock
    )
    with pytest.raises(RuntimeError, match="without a measurement"):
        screen(lying, claims_of(posts))
    assert posts.screenings == {}


def test_signals_that_return_too_few_results_store_nothing() -> None:
    class TooFew(Greyness):
        def measure(self, batch: object) -> list[tuple[SignalResult, ...]]:
            return []

    posts = MemoryPosts([post(2)])
    with pytest.raises(RuntimeError, match="0 results for 1 posts"):
        screen(parts(posts, signals=TooFew()), claims_of(posts))
    assert posts.screenings == {}
