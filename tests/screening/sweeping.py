"""A database with judged posts, banks and a small policy: what tests of sweeps are written in."""

from collections.abc import Sequence
from dataclasses import replace

from moderation.domain.bank import Bank, BankEffect, BankEntry, EntryDraft
from moderation.domain.ids import PostId
from moderation.domain.job import Job
from moderation.domain.post import PostState
from moderation.domain.retroaction import Cause, CauseKind, Result, SweepTerms
from moderation.domain.signal import Column, ColumnKind, Match, PictureHash, SignalSpec, Surface
from moderation.domain.verdict import Verdict
from moderation.matching.hits import Matched
from moderation.matching.image_match import IMAGE_MATCH
from moderation.matching.matcher import Matcher
from moderation.policy.compile import Policy, compile_policy
from moderation.screening.rematching import match_result
from moderation.screening.retroaction import Retroaction, RetroactionParts
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.retroaction import SweepStore
from moderation.storage.retroaction_cases import SweptPosts
from tests.factories import (
    a_hit,
    a_hold,
    a_new_post,
    a_rejection,
    a_score,
    a_screening,
    accept,
    after,
    an_approval,
    an_author,
    claim_all,
)
from tests.fakes import Clock
from tests.storage.review.office import Office

NSFW = SignalSpec(
    name="image_nsfw",
    version="1",
    surface=Surface.IMAGE,
    description="A score.",
    columns=(Column("image_nsfw", ColumnKind.FLOAT, "A score.", 0, 1),),
    cost_ms=1,
)
SPECS = (NSFW, IMAGE_MATCH)
POLICY = """
version: 1
name: test
description: What the tests judge by.
rules:
  - name: banned
    status: live
    when: image_match_effect = 'block'
    verdict: reject
    category: known_image
    reason: The picture is banned.
    why: Somebody decided so.
  - name: looked_at
    status: live
    when: image_match_effect = 'review'
    verdict: hold
    queue: known-images
    category: known_image
    reason: The picture has to be looked at.
    why: It is like one that was.
  - name: adult
    status: live
    when: image_nsfw >= 0.9
    verdict: reject
    category: adult
    reason: It is adult.
    why: The model says so.
"""
STRICTER = POLICY.replace("0.9", "0.4")
BLOCK, ALLOW, REVIEW = (
    Bank("BANNED", BankEffect.BLOCK),
    Bank("HARMLESS", BankEffect.ALLOW),
    Bank("ODD", BankEffect.REVIEW),
)


class Scene:
    """Times are seconds after `NOW`; the clock says when sweeps run."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.office = Office(database)
        self.banks = BankStore(database)
        self.sweeps = SweepStore(database)
        self.clock = Clock(after(1000))
        self.policies = {one.digest: one for one in map(compiled, (POLICY, STRICTER))}
        self.matcher = Matcher(self.banks, clock=self.clock)
        self.retroaction = Retroaction(
            RetroactionParts(
                sweeps=self.sweeps,
                posts=SweptPosts(database),
                banks=self.banks,
                matcher=self.matcher,
                policy=lambda digest: self.policies[digest],
                router=None,
                clock=self.clock,
            )
        )
        for bank in (BLOCK, ALLOW, REVIEW):
            self.banks.create(bank, actor="test", now=after(0))

    def judged(
        self,
        pdq: str,
        verdict: Verdict = Verdict.APPROVE,
        at: float = 0,
        *,
        quality: int = 90,
        frames: Sequence[str] = (),
        nsfw: float = 0.5,
        author: str = "author-1",
    ) -> PostId:
        """A post whose picture was hashed and matched nothing."""
        post = accept(self.office.posts, a_new_post(author=an_author(author)), now=after(at))
        (claim,) = claim_all(self.office.posts, now=after(at))
        hashes = tuple(PictureHash(frame, one, quality) for frame, one in enumerate((pdq, *frames)))
        nothing: Match = match_result(Matched((), "3"), hashes)
        held = replace(a_hold("spam"), hits=(a_hit("links", queue="spam"),), category="spam")
        judgement = {Verdict.APPROVE: an_approval(), Verdict.HOLD: held, Verdict.REJECT: a_rejection()}[verdict]
        results = (a_score("image_nsfw", {"image_nsfw": nsfw}), nothing)
        self.office.posts.commit([(claim, a_screening(claim, judgement, results=results))], now=after(at))
        return post.id

    def published(self, pdq: str, at: float = 0, *, nsfw: float = 0.5, author: str = "author-1") -> PostId:
        post = self.judged(pdq, at=at, nsfw=nsfw, author=author)
        assert post in self.office.publish(at + 1)
        return post

    def bank(self, pdq: str, bank: Bank = BLOCK, at: float = 500, **facts: object) -> BankEntry:
        draft = replace(EntryDraft(pdq=pdq, quality=90), **facts)  # type: ignore[arg-type]  # named by the test
        return self.banks.add(bank.name, draft, actor="test", now=after(at))

    def cause(self, after_change: int = 0, **facts: object) -> Cause:
        until = int(self.banks.checkpoint())
        cause = Cause(CauseKind.BANK, compiled(POLICY).digest, after=after_change, until=until)
        return replace(cause, **facts)  # type: ignore[arg-type]  # named by the test

    def stricter(self) -> Cause:
        return Cause(CauseKind.POLICY, compiled(STRICTER).digest)

    def sweep(self, cause: Cause | None = None, *, withdraw: bool = False, cap: int = 100) -> str:
        """Start a sweep and run it to its end; returns its id."""
        sweep = self.retroaction.start(cause or self.cause(), SweepTerms(cap, withdraw), by="test")
        self.retroaction.run(sweep.id)
        return sweep.id

    def counted(self, cause: Cause | None = None, *, withdraw: bool = False) -> dict[Result, int]:
        """What a preview says, by result."""
        return self.retroaction.preview(cause or self.cause(), SweepTerms(withdraw=withdraw)).by_result()

    def results(self, sweep_id: str) -> dict[Result, int]:
        return dict(self.sweeps.get(sweep_id).results)

    def state(self, post_id: PostId) -> PostState:
        return self.office.state(post_id)

    def job(self, post_id: PostId) -> Job:
        return self.office.job(post_id)


def compiled(text: str) -> Policy:
    return compile_policy(text, SPECS, source="test.yaml")
