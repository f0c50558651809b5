"""With a candidate beside it, whatever it does, screening reaches the verdicts that it reaches without."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.ids import Digest, PostId
from moderation.domain.model_role import ModelPin, ShadowResult
from moderation.domain.signal import Score, SignalFailure
from moderation.domain.verdict import Judgement, Pins
from moderation.media.subject import SignalType, Subject
from moderation.screening.screen import commit, judge, prepare, screen
from moderation.signals.shadows import Candidate, Shadows
from tests.fakes import GREYNESS, START, MemoryPosts, parts, post

PIN = ModelPin("second", Digest("2" * 64))
Measure = Callable[[Sequence[Subject]], object]


class Tried:
    """A candidate for `greyness` that does what it is told."""

    def __init__(self, measure: Measure) -> None:
        self.spec = replace(GREYNESS, time_limit_s=0.2)
        self._measure = measure

    def measure(self, batch: Sequence[Subject]) -> list[Score]:
        return self._measure(batch)  # type: ignore[return-value]  # some lie about it


def hangs(_: Sequence[Subject]) -> object:
    return threading.Event().wait(1)


def leaves(_: Sequence[Subject]) -> object:
    raise SystemExit(3)


def spoils(batch: Sequence[Subject]) -> object:
    """Writes over the pixels that it was given."""
    for subject in batch:
        for frame in getattr(subject.picture, "frames", ()):
            frame.rgb[:] = 255
    return []


CONDUCT: tuple[Measure, ...] = (
    lambda batch: [Score("greyness", {"greyness": 255.0}) for _ in batch],
    lambda batch: [Score("greyness", {"lies": True}) for _ in batch],
    lambda batch: [Score("image_nsfw", {"image_nsfw": 1.0})] * 99,
    lambda batch: 1 / 0,
    lambda batch: time.sleep(0.05),
    hangs,
    leaves,
    spoils,
)


def outcome(posts: MemoryPosts) -> dict[PostId, list[tuple[Judgement, Pins, object]]]:
    return {
        post_id: [(one.judgement, one.pins, one.results) for one in history]
        for post_id, history in posts.screenings.items()
    }


def screened(numbers: Sequence[int], sizes: Sequence[int], shadows: Shadows | None) -> MemoryPosts:
    """Posts of these brightnesses, screened in batches of these sizes."""
    posts = MemoryPosts(post(number) for number in numbers)
    made = replace(parts(posts), shadows=shadows)
    for size in [*sizes, len(numbers)]:
        screen(made, posts.claim("lane", limit=max(1, size), lease_seconds=60, now=START))
    return posts


@given(
    st.lists(st.integers(0, 300) | st.just(666), max_size=12, unique=True),
    st.lists(st.integers(1, 5), max_size=4),
    st.sampled_from(CONDUCT),
)
@settings(max_examples=40, deadline=None)
def test_verdicts_are_the_same_with_a_candidate(numbers: list[int], sizes: list[int], conduct: Measure) -> None:
    shadows = Shadows(lambda found, skipped: None, seconds=0.05)
    shadows.use([Candidate("greyness", PIN, lambda: Tried(conduct))])
    with_one, without = screened(numbers, sizes, shadows), screened(numbers, sizes, None)
    shadows.close(seconds=0)
    assert outcome(with_one) == outcome(without)
    assert with_one.states() == without.states()


class Desk:
    def __init__(self) -> None:
        self.found: list[ShadowResult] = []

    def __call__(self, found: Sequence[ShadowResult], skipped: object) -> None:
        self.found += found


def trying(desk: Desk, load: Callable[[], SignalType]) -> Shadows:
    shadows = Shadows(desk)
    shadows.use([Candidate("greyness", PIN, load)])
    return shadows


def grey() -> Tried:
    return Tried(lambda batch: [Score("greyness", {"greyness": 7.0}) for _ in batch])


def test_what_the_candidate_says_belongs_to_the_stored_screening() -> None:
    posts, desk = MemoryPosts([post(2)]), Desk()
    shadows = trying(desk, grey)
    screen(replace(parts(posts), shadows=shadows), posts.claim("lane", limit=9, lease_seconds=60, now=START))
    shadows.close(seconds=5)
    [screening] = posts.screenings[post(2).id]
    [found] = desk.found
    assert (found.screening_id, found.model, found.result) == (screening.id, PIN, Score("greyness", {"greyness": 7.0}))
    assert screening.results == (Score("greyness", {"greyness": 2.0}),)


def test_a_post_whose_lease_was_lost_is_not_asked_about() -> None:
    posts, desk = MemoryPosts([post(2), post(4)]), Desk()
    shadows = trying(desk, grey)
    made = replace(parts(posts), shadows=shadows)
    claims = posts.claim("lane", limit=9, lease_seconds=60, now=START)
    done = judge(made, prepare(made, claims))
    posts.rows[post(2).id].token = "another's"
    posts.rows[post(4).id].token = "another's"
    commit(made, done)
    shadows.close(seconds=5)
    assert desk.found == []


def test_a_post_that_was_tried_before_is_not_shown_to_a_candidate() -> None:
    posts, desk = MemoryPosts([post(2)]), Desk()
    shadows = trying(desk, grey)
    posts.rows[post(2).id].attempt = 1
    screen(replace(parts(posts), shadows=shadows), posts.claim("lane", limit=9, lease_seconds=60, now=START))
    shadows.close(seconds=5)
    assert len(posts.screenings[post(2).id]) == 1
    assert desk.found == []


@pytest.mark.parametrize("conduct", [hangs, leaves])
def test_a_batch_takes_no_longer_for_a_candidate_that_does_not_answer(conduct: Measure) -> None:
    desk = Desk()
    shadows = trying(desk, lambda: Tried(conduct))
    started = time.monotonic()
    posts = screened(range(0, 40, 2), [2] * 9, shadows)
    assert time.monotonic() - started < 1
    shadows.close(seconds=0)
    assert posts.states() == {"approved": 20}
    assert all(isinstance(one.result, SignalFailure) for one in desk.found)
