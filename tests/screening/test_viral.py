"""Hundreds of people post one harmless picture: no queue is flooded, and policy can still mark, route or limit them.

Real hashes, matcher, banks, feed and database, and the shipped policy; every other signal says what it says of an
ordinary post.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from moderation.assembly import signal_specs
from moderation.domain.bank import Bank, BankEffect
from moderation.domain.ids import PostId
from moderation.domain.post import PostState
from moderation.domain.signal import Match, Score, SignalResult
from moderation.domain.verdict import Screening, Truth
from moderation.matching.entries.entry_drafts import drafts_of
from moderation.matching.image_duplicate import CHECK_SECONDS, ImageDuplicate
from moderation.matching.image_match import ImageMatch
from moderation.matching.matcher import Matcher
from moderation.media.subject import Picture, Subject
from moderation.policy.cases import read_cases
from moderation.policy.compile import compile_policy
from moderation.policy.evaluate import Policy
from moderation.screening.screen import Prepared, ScreeningParts, commit, judge
from moderation.settings import PROJECT
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.published_pictures import PublishedPictureStore
from moderation.storage.review.queue import JobQueue
from tests.factories import a_new_post, accept, after, an_author, claim_all
from tests.fakes import Clock, MemoryBlobs, NumberDecoder
from tests.matching.entries.test_entry_drafts import drawn, picture_of

COPIES, BATCH = 200, 50
SHIPPED = (PROJECT / "policies" / "feed.yaml").read_text(encoding="utf-8")
LIMIT = "COALESCE(image_duplicate_own, 0) >= 5 AND COALESCE(image_duplicate_age_hours, 1000) < 24"
"""What the shipped policy proposes to whoever wants to limit one author's repetitions."""
POSTED_BEFORE = "COALESCE(image_duplicate_others, 0) > 0 OR COALESCE(image_duplicate_own, 0) > 0"


@pytest.fixture(scope="module")
def copies() -> list[Picture]:
    """One picture as many save and send it: each copy with noise of its own."""
    base, dice = drawn(1).astype(np.int16), np.random.default_rng(2)
    noisy = (base + dice.integers(-3, 4, base.shape, dtype=np.int16) for _ in range(COPIES))
    return [picture_of(one.clip(0, 255).astype(np.uint8)) for one in noisy]


class Measured:
    """`ports.Signals`: the two that look for known pictures are real, the others found what an ordinary post has."""

    def __init__(self, matches: ImageMatch, duplicates: ImageDuplicate, ordinary: Sequence[SignalResult]) -> None:
        self._matches, self._duplicates, self._ordinary = matches, duplicates, tuple(ordinary)
        self.versions = {spec.name: spec.version for spec in signal_specs()}
        self.models: dict[str, str] = {}

    def measure(self, batch: Sequence[Subject]) -> list[tuple[SignalResult, ...]]:
        matched = self._matches.measure(batch)
        asked = [replace(subject, earlier={found.signal: found}) for subject, found in zip(batch, matched, strict=True)]
        counted = self._duplicates.measure(asked)
        real = [{one.signal: one for one in pair} for pair in zip(matched, counted, strict=True)]
        return [tuple(found.get(one.signal, one) for one in self._ordinary) for found in real]


class Feed:
    """A feed in a database, screened by a policy. An hour passes between two batches of posts."""

    def __init__(self, database: Database, text: str = SHIPPED) -> None:
        self.posts, self.banks, self.queue = PostStore(database), BankStore(database), JobQueue(database)
        self.policy = compile_policy(text, signal_specs(), source="feed.yaml")
        self.clock = Clock(after(0))
        self._ticks = 0.0
        matches = ImageMatch(Matcher(self.banks, clock=self.clock))
        duplicates = ImageDuplicate(PublishedPictureStore(database), clock=self.clock, monotonic=lambda: self._ticks)

        def refresh() -> None:
            self._ticks += 2 * CHECK_SECONDS
            matches.refresh()
            duplicates.refresh()

        self.parts = ScreeningParts(
            posts=self.posts,
            blobs=MemoryBlobs(),
            decoder=NumberDecoder(),
            signals=Measured(matches, duplicates, ordinary(self.policy)),
            judge=lambda: self.policy,
            refresh=refresh,
            clock=self.clock,
        )

    def post(self, pictures: Sequence[Picture], authors: Sequence[str]) -> list[Screening]:
        """Send, screen and publish posts, a batch after the other."""
        found: list[Screening] = []
        for start in range(0, len(pictures), BATCH):
            found += self._batch(pictures[start : start + BATCH], authors[start : start + BATCH])
            self.clock.pass_seconds(3600)
        return found

    def _batch(self, pictures: Sequence[Picture], authors: Sequence[str]) -> list[Screening]:
        now = self.clock()
        sent: dict[PostId, Picture] = {}
        for number, (picture, author) in enumerate(zip(pictures, authors, strict=True)):
            new = a_new_post(caption=f"Look at this, says number {number}", author=an_author(author))
            sent[accept(self.posts, new, now=now).id] = picture
        claims = claim_all(self.posts, now=now)
        subjects = tuple(Subject(claim.post, sent[claim.post.id]) for claim in claims)
        screened = judge(self.parts, Prepared(tuple(claims), subjects, now, 0.0))
        assert len(commit(self.parts, screened).stored) == len(pictures)
        self.posts.publish_approved(limit=BATCH, now=now)
        return [screening for _, screening in screened.pairs]

    def states(self, screenings: Sequence[Screening]) -> dict[PostState, int]:
        found = [self.posts.get(screening.post_id) for screening in screenings]
        states = [post.state for post in found if post is not None]
        return {state: states.count(state) for state in set(states)}

    def jobs(self) -> int:
        return sum(count.open for count in self.queue.counts(None, self.clock()))


def ordinary(policy: Policy) -> Sequence[SignalResult]:
    """What every signal says of an ordinary post, as the shipped policy's cases have it."""
    text = (PROJECT / "policies" / "cases" / "feed.yaml").read_text(encoding="utf-8")
    cases = read_cases(text, compile_policy(SHIPPED, signal_specs(), source="feed.yaml"), source="cases")
    return next(case.results for case in cases if case.expect.verdict == "approve" and not case.expect.shadow)


def values(screening: Screening, signal: str) -> dict[str, object]:
    [found] = [one for one in screening.results if one.signal == signal]
    assert isinstance(found, Score | Match)
    return dict(found.values)


def true_rules(screening: Screening) -> set[str]:
    return {hit.rule for hit in screening.judgement.hits if hit.truth is Truth.TRUE}


def everybody() -> list[str]:
    return [f"author-{number}" for number in range(COPIES)]


def live(condition: str) -> str:
    """The shipped policy with its rule in shadow about pictures that return made one that holds."""
    rule = f"  - name: posted_before\n    status: shadow\n    when: {POSTED_BEFORE}\n"
    assert SHIPPED.count(rule) == 1
    return SHIPPED.replace(rule, f"  - name: posted_before\n    status: live\n    when: {condition}\n")


def test_a_viral_picture_is_published_each_time_and_waits_for_nobody(
    copies: list[Picture], sqlite_database: Database
) -> None:
    feed = Feed(sqlite_database)
    found = feed.post(copies, everybody())
    assert feed.states(found) == {PostState.PUBLISHED: COPIES}
    assert feed.jobs() == 0
    others = [values(screening, "image_duplicate")["image_duplicate_others"] for screening in found]
    assert others == [number // BATCH * BATCH for number in range(COPIES)]
    noted = [screening for screening in found if "posted_before" in true_rules(screening)]
    assert noted == found[BATCH:]


@pytest.mark.long
@pytest.mark.parametrize("effect", [BankEffect.DUPLICATE, BankEffect.ALLOW])
def test_nor_does_a_bank_of_such_pictures_ask_anybody(
    copies: list[Picture], sqlite_database: Database, effect: BankEffect
) -> None:
    feed = Feed(sqlite_database)
    feed.banks.create(Bank("FAVOURITES", effect), actor="test", now=after(0))
    feed.banks.add_many("FAVOURITES", drafts_of(picture_of(drawn(1))), actor="test", now=after(0))
    found = feed.post(copies, everybody())
    assert feed.states(found) == {PostState.PUBLISHED: COPIES}
    assert feed.jobs() == 0
    matched = [values(screening, "image_match") for screening in found]
    assert {one["image_match_effect"] for one in matched} == {effect.value}
    duplicate = effect is BankEffect.DUPLICATE
    assert {one["image_match_duplicates"] for one in matched} == {int(duplicate)}
    assert all(("known_duplicate" in true_rules(screening)) is duplicate for screening in found)


@pytest.mark.long
def test_a_policy_that_holds_every_copy_asks_about_few_of_them(
    copies: list[Picture], sqlite_database: Database
) -> None:
    feed = Feed(sqlite_database, live(POSTED_BEFORE))
    found = feed.post(copies, everybody())
    assert feed.states(found) == {PostState.PUBLISHED: BATCH, PostState.HELD: COPIES - BATCH}
    assert 1 <= feed.jobs() <= 3


def test_a_policy_limits_one_authors_repetitions_and_nobody_elses(
    copies: list[Picture], sqlite_database: Database
) -> None:
    feed = Feed(sqlite_database, live(LIMIT))
    others = feed.post(copies[:BATCH], everybody()[:BATCH])
    own = [feed.post([picture], ["eager"])[0] for picture in copies[BATCH : BATCH + 8]]
    assert feed.states(others) == {PostState.PUBLISHED: BATCH}
    assert feed.states(own[:5]) == {PostState.PUBLISHED: 5}
    assert feed.states(own[5:]) == {PostState.HELD: 3}
