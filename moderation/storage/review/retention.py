"""Which images may go, and the one transaction in which an image goes: never one that anybody still needs.

And the features of pictures that passed: they are kept in case that the post is rejected after all, and no longer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, exists, literal, or_, select, tuple_, update

from moderation.domain.audit import AuditDraft
from moderation.domain.ids import Digest, PostId
from moderation.domain.post import PostState
from moderation.storage import picture_features
from moderation.storage.audit import append, lock
from moderation.storage.engine import Database
from moderation.storage.tables import appeals, decisions, evidence_holds, gold_items, job_posts, jobs, posts, verdicts
from moderation.storage.tables import picture_features as picture_features_table

ENDED = (PostState.REJECTED, PostState.WITHDRAWN)
"""Only such posts' images are ever deleted."""
PASSED = (PostState.APPROVED, PostState.PUBLISHED)
"""Such posts' features are compared with nothing."""


@dataclass(frozen=True, slots=True)
class Due:
    """A post whose image may go."""

    post_id: PostId
    image: Digest
    received_at: datetime


class RetentionStore:
    """The images of one database's posts, as retention sees them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, before: datetime, *, limit: int, after: Due | None = None) -> list[Due]:
        """Up to `limit` posts, oldest first, that ended before `before` and whose image nothing keeps.

        `after` is the last of the page before. Posts of one image come one by one.
        """
        query = (
            select(posts.c.id, posts.c.image, posts.c.received_at)
            .where(posts.c.state.in_(ENDED), posts.c.received_at < before, posts.c.image_deleted_at.is_(None))
            .where(~_kept(posts.c.image, before))
            .order_by(posts.c.received_at, posts.c.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(tuple_(posts.c.received_at, posts.c.id) > tuple_(after.received_at, after.post_id))
        with self._database.read() as connection:
            return [Due(PostId(row.id), Digest(row.image), row.received_at) for row in connection.execute(query)]

    def forget(self, image: Digest, before: datetime, *, delete: Callable[[Digest], bool], now: datetime) -> bool:
        """Delete an image, once more making sure that nothing keeps it; returns whether it went now.

        `delete` is called inside the transaction, under the audit lock that a hold takes too: either the hold came
        first and the image stays, or it finds the image gone. When `delete` says no (somebody is uploading the same
        image) or raises, nothing is marked. A commit that fails afterwards is made up for by the next pass.
        """
        try:
            with self._database.write() as connection:
                return _forget(connection, image, before, delete, now)
        except _InUseError:
            return False

    def forget_features(self, before: datetime, *, limit: int, after: PostId | None = None) -> list[PostId]:
        """Delete what models saw in up to `limit` pictures that passed; the posts, in order, all after `after`.

        A post's features go when all of this holds: it is approved or published; they were stored, and people last
        decided about it, before `before`; it waits for no decision or appeal and is no gold item; its image is not
        evidence. Posts that somebody is changing at this moment are left for the next time.
        """
        stored = picture_features_table
        held = exists().where(evidence_holds.c.image == posts.c.image)
        query = (
            select(posts.c.id)
            .where(posts.c.state.in_(PASSED))
            .where(exists().where(stored.c.post_id == posts.c.id, stored.c.at < before))
            .where(~exists().where(decisions.c.post_id == posts.c.id, decisions.c.decided_at >= before))
            .where(~_worked_with(posts.c.id), ~held)
            .order_by(posts.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        if after is not None:
            query = query.where(posts.c.id > after)
        with self._database.write() as connection:
            found = [PostId(post_id) for post_id in connection.execute(query).scalars()]
            picture_features.forget(connection, found)
        return found


class _InUseError(Exception):
    """Undoes the transaction: the bytes stay."""


def _forget(
    connection: Connection, image: Digest, before: datetime, delete: Callable[[Digest], bool], now: datetime
) -> bool:
    mine = select(posts.c.id, posts.c.image_deleted_at).where(posts.c.image == image).order_by(posts.c.id)
    rows = connection.execute(mine.with_for_update()).all()
    lock(connection)
    if all(row.image_deleted_at is not None for row in rows):
        return False
    if connection.execute(select(_kept(literal(image), before))).scalar_one():
        return False
    draft = AuditDraft(now, "image.deleted", f"image:{image}", "system:retention", {"posts": [row.id for row in rows]})
    append(connection, [draft])
    connection.execute(update(posts).where(posts.c.image == image).values(image_deleted_at=now))
    picture_features.forget(connection, [row.id for row in rows])
    if not delete(image):
        raise _InUseError
    return True


def _kept(image: ColumnElement[str], before: datetime) -> ColumnElement[bool]:
    """Why an image stays: evidence, or a post with it that is not over, not old enough, or still worked with."""
    other = posts.alias("other")
    decided = exists().where(decisions.c.post_id == other.c.id, decisions.c.decided_at >= before)
    swept = exists().where(verdicts.c.post_id == other.c.id, verdicts.c.at >= before)
    recent = or_(other.c.received_at >= before, other.c.verdict_at >= before, swept)
    needed = or_(other.c.state.not_in(ENDED), recent, decided, _worked_with(other.c.id))
    return or_(
        exists().where(evidence_holds.c.image == image),
        exists().where(and_(other.c.image == image, needed)),
    )


def _worked_with(post_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a post waits for a decision or an appeal, or is a gold item."""
    appealed = exists().where(appeals.c.post_id == post_id, appeals.c.state == "open")
    waits = exists().where(job_posts.c.post_id == post_id, jobs.c.id == job_posts.c.job_id, jobs.c.closed_at.is_(None))
    gold = exists().where(gold_items.c.post_id == post_id, gold_items.c.retired_at.is_(None))
    return or_(appealed, waits, gold)
