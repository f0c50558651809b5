"""Posts about which somebody is asked, or could be asked, without being told what others decided."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, exists, or_, select

from moderation.domain.ids import PostId
from moderation.domain.job import JobKind, JobState
from moderation.domain.people import Capability, Person
from moderation.storage.engine import Database
from moderation.storage.tables import decisions, job_posts, jobs, posts

BLIND_KINDS = frozenset({JobKind.REVIEW, JobKind.SECOND, JobKind.GOLD, JobKind.AUDIT})
"""Jobs whose decision must not know of others': all of these look like an ordinary review."""


class BlindStore:
    """Asks one database which posts somebody is to look at blind."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def among(self, ids: Collection[PostId], person: Person) -> frozenset[PostId]:
        """Those of `ids` of which the person may not be told what became of them. One statement at most."""
        if not ids or not is_asked(person):
            return frozenset()
        query = select(posts.c.id).where(posts.c.id.in_(list(ids)), blind_to(person))
        with self._database.read() as connection:
            return frozenset(PostId(post_id) for post_id in connection.execute(query).scalars())


def is_asked(person: Person) -> bool:
    """Whether the person decides anything at all."""
    return person.may(Capability.DECIDE) and bool(person.queues)


def blind_to(person: Person) -> ColumnElement[bool]:
    """Of a row of `posts`: a job about it is not over that the person could get, and they have not decided on it."""
    asked = exists().where(
        job_posts.c.post_id == posts.c.id,
        job_posts.c.left_at.is_(None),
        jobs.c.id == job_posts.c.job_id,
        jobs.c.state != JobState.CLOSED,
        jobs.c.kind.in_(BLIND_KINDS),
        jobs.c.queue.in_(person.queues),
        or_(jobs.c.assigned_to.is_(None), jobs.c.assigned_to == person.id),
    )
    known = exists().where(decisions.c.post_id == posts.c.id, decisions.c.account_id == person.id)
    return asked & ~known
