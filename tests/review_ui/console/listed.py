"""Posts and jobs for the tests of lists, and how many statements a page takes."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from sqlalchemy import event

from moderation.domain.audit import AuditDraft
from moderation.domain.ids import PostId
from moderation.domain.job import Job
from moderation.domain.people import Person
from moderation.domain.post import Post
from moderation.domain.verdict import Judgement
from review_ui.console.desk import Desk
from tests.factories import a_digest, a_hold, a_new_post, a_screening, accept, an_author
from tests.storage.review.picture_rows import a_pdq, store_hashes


def desk_of(app: FastAPI) -> Desk:
    desk = app.state.desk
    assert isinstance(desk, Desk)
    return desk


def add_post(desk: Desk, caption: str, *, author: str = "author-1") -> Post:
    """A post that has no verdict yet."""
    new = a_new_post(caption=caption, image=a_digest(caption), author=an_author(author))
    return accept(desk.site.posts, new, now=desk.clock())


def hold_all(desk: Desk, judgement: Judgement | None = None) -> list[PostId]:
    """The lane's work: every waiting post is held. Pictures have one frame each."""
    posts, now = desk.site.posts, desk.clock()
    claims = posts.claim("lane-1", limit=200, lease_seconds=20, now=now)
    screened = [(claim, a_screening(claim, judgement or a_hold(), started_at=now)) for claim in claims]
    return list(posts.commit(screened, now=now).stored)


def add_jobs(desk: Desk, count: int, *, queue: str = "adult") -> list[Job]:
    """Open jobs of a queue, one for each new post, in the order of priority."""
    known = sum(desk.site.posts.counts().values())
    for number in range(count):
        add_post(desk, f"A caption {known + number}")
    for number, post_id in enumerate(hold_all(desk, a_hold(queue)), known):
        store_hashes(desk.database, post_id, 1_000_000 + number, [a_pdq(number)])
    return list(desk.queue.page(queue, cursor=None, limit=200).jobs)


def look_at(desk: Desk, person: Person, *post_ids: PostId) -> None:
    """What the server writes when it sends somebody a picture."""
    for post_id in post_ids:
        desk.audit.record(AuditDraft(desk.clock(), "media.viewed", f"post:{post_id}", person.actor, {}))


@contextmanager
def statements(desk: Desk) -> Iterator[list[str]]:
    """The statements that run inside, apart from a look for a newer plan: that is taken once a second."""
    seen: list[str] = []

    def note(*arguments: object) -> None:
        text = str(arguments[2])
        if text != "BEGIN" and "review_plans" not in text:
            seen.append(text)

    event.listen(desk.database._engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(desk.database._engine, "before_cursor_execute", note)
