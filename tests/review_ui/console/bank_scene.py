"""A console with banks, drawn pictures and people who reject them: what tests of the banks' pages are written in."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
from fastapi import FastAPI

from moderation.domain.bank import Bank, BankEffect, BankEntry, EntryDraft
from moderation.domain.decision import Action
from moderation.domain.decision import Submission as Decided
from moderation.domain.ids import BatchId, JobId, PostId
from moderation.domain.people import Role
from moderation.domain.post import Author
from moderation.domain.signal import BankHit, Match
from moderation.domain.worker import Worker as Reviewer
from moderation.matching.hashes.pdq import from_hex, to_hex
from moderation.matching.stored_hashes import turned_codes
from moderation.screening.intake import Submission
from moderation.storage.banks import BankStore
from review_ui.api.matching.pictures import PictureReader
from review_ui.console.desk import Desk
from tests.factories import a_hold, a_screening, claim_all, facts
from tests.review_ui.api.matching.pictures import LocalDecoder, as_png, drawn
from tests.review_ui.console.floor import Floor, Worker
from tests.review_ui.console.listed import desk_of
from tests.storage.review.picture_rows import a_pdq, store_hashes

HTML = {"Accept": "text/html"}
BANK = "BANNED"
SETTLED = timedelta(seconds=60)


@dataclass(frozen=True)
class BankScene:
    """The application, whose pictures are decoded in this process."""

    app: FastAPI

    @classmethod
    def of(cls, app: FastAPI) -> "BankScene":
        """A scene with one empty bank that refuses."""
        app.state.matching = replace(app.state.matching, pictures=PictureReader(LocalDecoder))
        scene = cls(app)
        scene.bank(BANK)
        return scene

    @property
    def desk(self) -> Desk:
        return desk_of(self.app)

    @property
    def banks(self) -> BankStore:
        return BankStore(self.desk.database)

    def bank(self, name: str, effect: BankEffect = BankEffect.BLOCK, **facts: Any) -> Bank:
        return self.banks.create(Bank(name, effect, **facts), actor="system:test", now=self.desk.clock())

    def entry(self, seed: int = 1, *, bank: str = BANK, **said: Any) -> BankEntry:
        """An entry with a hash of its own."""
        draft = EntryDraft(a_pdq(seed), 90, phash=f"{seed:016x}", dhash=f"{seed:016x}", **said)
        return self.banks.add(bank, draft, actor="system:test", now=self.desk.clock())

    def person(self, name: str, role: Role, *, queues: Iterable[str] = ("spam",)) -> Worker:
        return Floor(self.app, self.desk).person(name, role, queues=queues)

    def held(self, seed: int = 1, *, queue: str = "spam", category: str = "spam", hit: BankHit | None = None) -> PostId:
        """A post with a drawn picture that waits for somebody; with `hit` its screening matched an entry."""
        now, posts = self.desk.clock(), self.desk.site.posts
        sent = Submission(as_png(drawn(seed)), f"Caption {seed}", "coins", Author("author-1", 3.0, 1))
        post = self.desk.site.intake.accept(sent, client="client-1", idempotency_key=None, now=now).post
        (claim,) = claim_all(posts, now=now)
        results = () if hit is None else (Match("image_match", {}, (hit,), "1"),)
        judgement = replace(a_hold(queue), category=category)
        screening = a_screening(claim, judgement, results=results, image=facts("png", 256, 256, 1))
        posts.commit([(claim, screening)], now=now)
        return post.id

    def matched(self, entry: BankEntry, seed: int = 1, *, turn: int = 0, **where: str) -> PostId:
        """A post whose screening matched the entry, and whose stored hash is near, turned by one of eight turns."""
        hit = BankHit(entry.bank, entry.id, "block", 4, entry.quality, 0)
        post = self.held(seed, hit=hit, **where)
        stored = to_hex(turned_codes(from_hex(entry.pdq)[np.newaxis])[0, turn])
        store_hashes(self.desk.database, post, 5_000_000 + seed, [stored])
        return post

    def decide(self, worker: Worker, post: PostId, action: Action = Action.REJECT, *, settle: bool = True) -> JobId:
        """The worker takes the post's job and decides it, as spam; its id."""
        desk, person = self.desk, worker.visitor.person
        job = desk.queue.take(
            Reviewer.of(person), Floor(self.app, desk).job_of(post).id, lease_seconds=90, now=desk.clock()
        )
        assert job.lease is not None
        rejects = action is Action.REJECT
        [category] = [one for one in desk.plan().rejections if one.name == "spam"]
        decision = Decided(
            batch=BatchId(str(uuid.uuid4())),
            job_id=job.id,
            token=job.lease.token,
            action=action,
            category=category.name if rejects else "",
            reasons=tuple(reason.code for reason in category.reasons[:1]) if rejects else (),
            note="what I saw",
        )
        desk.resolver.decide(person, decision, now=desk.clock())
        if settle:
            desk.decisions.settle_due(limit=100, now=desk.clock() + SETTLED)
        return job.id

    def page(self, worker: Worker, path: str) -> Any:
        return worker.client.get(path, headers=HTML)
