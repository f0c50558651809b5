"""Posts, banks and sweeps for the tests of the pages of sweeps: the application's own policy judges."""

import time
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI

from moderation.assembly import retroaction
from moderation.domain.bank import Bank, BankEffect, BankEntry, EntryDraft
from moderation.domain.ids import PostId
from moderation.domain.post import PostState
from moderation.domain.retroaction import Sweep
from moderation.domain.signal import PictureHash
from moderation.domain.verdict import Judgement
from moderation.matching.hits import Matched
from moderation.screening.rematching import match_result
from moderation.storage.banks import BankStore
from moderation.storage.retroaction import SweepStore
from review_ui.console.desk import Desk
from tests.factories import a_digest, a_new_post, a_score, a_screening, accept, an_approval, an_author, claim_all
from tests.review_ui.console.floor import HTML
from tests.review_ui.console.listed import desk_of
from tests.review_ui.console.people import Visitor

PATH = "/console/sweeps"
PATIENCE_SECONDS = 60.0


class Swept:
    """The application's database with published posts, and a bank that blocks."""

    def __init__(self, app: FastAPI, bank: str = "BANNED") -> None:
        self.desk: Desk = desk_of(app)
        self.banks, self.sweeps = BankStore(self.desk.database), SweepStore(self.desk.database)
        self.bank = bank
        self.banks.create(Bank(bank, BankEffect.BLOCK), actor="test", now=self.desk.clock())

    def published(self, pdq: str, caption: str = "A quiet lake") -> PostId:
        """A post in the feed whose picture was hashed, and matched nothing."""
        post = self.judged(pdq, caption, an_approval())
        self.desk.site.posts.publish_approved(limit=10, now=self.desk.clock())
        return post

    def judged(self, pdq: str, caption: str, judgement: Judgement) -> PostId:
        """A post with a verdict."""
        posts, now = self.desk.site.posts, self.desk.clock()
        new = a_new_post(caption=caption, image=a_digest(caption + pdq), author=an_author("author-1"))
        post = accept(posts, new, now=now)
        (claim,) = claim_all(posts, now=now)
        hashes = (PictureHash(0, pdq, 90),)
        results = (a_score("image_nsfw", {"image_nsfw": 0.1}), match_result(Matched((), "0"), hashes))
        posts.commit([(claim, a_screening(claim, judgement, results=results, started_at=now))], now=now)
        return post.id

    def entry(self, pdq: str) -> BankEntry:
        """A picture that is banked now."""
        return self.banks.add(self.bank, EntryDraft(pdq=pdq, quality=90), actor="test", now=self.desk.clock())

    def run(self, sweep_id: str) -> Sweep:
        """Dagster's work."""
        return retroaction(self.desk.settings, self.desk.database).run(sweep_id)

    def state(self, post_id: PostId) -> PostState:
        """Where a post is now."""
        post = self.desk.site.posts.get(post_id)
        assert post is not None
        return post.state

    def made(self) -> Sequence[Sweep]:
        """The sweeps that there are, newest first."""
        return self.sweeps.newest()


def send(who: Visitor, path: str, **fields: object) -> Any:
    return who.client.post(f"{PATH}{path}", data={"csrf": who.csrf, **fields}, headers=HTML)


def previewed(who: Visitor, **fields: object) -> str:
    """The path of a preview that is over."""
    begun = send(who, "/preview", **{"what": "bank", "bank": "BANNED", "withdraw": "yes", **fields})
    assert begun.status_code == 303, begun.text
    path = str(begun.headers["location"])
    until = time.monotonic() + PATIENCE_SECONDS
    while "Looking through posts" in who.client.get(path, headers=HTML).text:
        assert time.monotonic() < until
        time.sleep(0.02)
    return path
