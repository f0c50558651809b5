from dataclasses import replace

from moderation.domain.ids import Digest
from moderation.domain.signal import Match
from moderation.domain.verdict import Verdict
from moderation.screening.replay import Replay, ReplayParts, matched_at, replay
from moderation.screening.screen import screen
from tests.factories import a_score, a_screening, after
from tests.fakes import START, Greyness, MemoryBlobs, MemoryPosts, NumberDecoder, OddIsBad, parts, post


def replayed(number: int, *, blobs: MemoryBlobs | None = None, policy: Digest | None = None) -> Replay:
    posts = MemoryPosts([post(number)])
    screen(parts(posts), posts.claim("lane", limit=1, lease_seconds=9, now=START))
    [screening] = posts.screenings[post(number).id]
    if policy:
        screening = replace(screening, pins=replace(screening.pins, policy=policy))
    return replay(ReplayParts(blobs or MemoryBlobs(), NumberDecoder(), Greyness(), OddIsBad()), post(number), screening)


def test_the_same_parts_give_the_same_verdict() -> None:
    for number in (2, 3, 666):
        result = replayed(number)
        assert result.same
        assert result.changes == ()


def test_an_image_that_is_gone_is_named_and_changes_the_verdict() -> None:
    result = replayed(2, blobs=MemoryBlobs(missing={post(2).image}))
    assert not result.same
    assert result.after.verdict is Verdict.HOLD
    assert "verdict: was approve, is hold" in result.changes
    assert any(change.startswith("greyness.failure") for change in result.changes)


def test_another_version_is_named_although_the_verdict_is_the_same() -> None:
    result = replayed(2, policy=Digest("d" * 64))
    assert result.same
    assert result.changes == (f"policy: was {'d' * 64}, is {OddIsBad.digest}",)


def test_the_banks_are_matched_by_the_time_of_the_first_match() -> None:
    match = Match("image_match", {}, (), "7", at=after(3))
    assert matched_at(a_screening(results=[a_score(), match])) == after(3)
    old = a_screening(results=[a_score(), replace(match, at=None)])
    assert matched_at(old) == old.started_at
