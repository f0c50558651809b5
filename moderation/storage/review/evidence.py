"""Evidence holds: a held post and its image stay as they are, whatever retention asks for.

There is no way to end a hold here: how long evidence is kept is a question of law, not of a retention setting.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, insert, select

from moderation.domain.audit import AuditDraft
from moderation.domain.errors import NotFoundError
from moderation.domain.ids import Digest, PostId
from moderation.domain.people import Person
from moderation.storage.audit import append, lock
from moderation.storage.engine import Database
from moderation.storage.rows import AnyRow
from moderation.storage.tables import evidence_holds, posts

MAX_REASON_CHARS = 500


@dataclass(frozen=True, slots=True)
class EvidenceHold:
    """That a post is preserved, why, since when, and by whose act (an audit actor such as `account:name`)."""

    post_id: PostId
    image: Digest
    reason: str
    placed_by: str
    placed_at: datetime


class EvidenceStore:
    """The evidence holds of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def place(self, post_ids: Collection[PostId], reason: str, *, person: Person, now: datetime) -> list[PostId]:
        """Hold the posts, audited; those that are held already stay so. Returns the newly held ones.

        Raises `NotFoundError` when one of them does not exist.
        """
        if self._all_held(post_ids):
            return []
        with self._database.write() as connection:
            # Posts before the audit log, as everywhere: a hold refers to its post, which retention may have locked.
            mine = select(posts.c.id).where(posts.c.id.in_(set(post_ids))).order_by(posts.c.id)
            connection.execute(mine.with_for_update()).all()
            return hold(connection, post_ids, reason, actor=person.actor, now=now)

    def held(self, image: Digest) -> bool:
        """Whether any held post has this image."""
        with self._database.read() as connection:
            return is_held(connection, image)

    def of_post(self, post_id: PostId) -> EvidenceHold | None:
        """The post's hold, or None."""
        return self.of_posts([post_id]).get(post_id)

    def of_posts(self, post_ids: Collection[PostId]) -> dict[PostId, EvidenceHold]:
        """The holds of those posts that have one, by post."""
        query = select(evidence_holds).where(evidence_holds.c.post_id.in_(list(post_ids)))
        with self._database.read() as connection:
            return {PostId(row.post_id): _of(row) for row in connection.execute(query)}

    def newest(self, limit: int) -> list[EvidenceHold]:
        """Up to `limit` holds, newest first."""
        query = select(evidence_holds).order_by(evidence_holds.c.placed_at.desc(), evidence_holds.c.post_id)
        with self._database.read() as connection:
            return [_of(row) for row in connection.execute(query.limit(limit))]

    def _all_held(self, post_ids: Collection[PostId]) -> bool:
        """Spares a writing transaction each time that a restricted job is looked at again."""
        return self.of_posts(post_ids).keys() == set(post_ids)


def hold(
    connection: Connection, post_ids: Collection[PostId], reason: str, *, actor: str, now: datetime
) -> list[PostId]:
    """`EvidenceStore.place` inside another transaction, which has locked its jobs and posts before this.

    The audit lock comes first, so that no retention pass can be between its look at the holds and its deletion.
    """
    lock(connection)
    wanted = sorted(set(post_ids))
    known = connection.execute(select(evidence_holds.c.post_id).where(evidence_holds.c.post_id.in_(wanted))).scalars()
    held = set(known)
    query = select(posts.c.id, posts.c.image, posts.c.image_deleted_at).where(posts.c.id.in_(wanted))
    found = {row.id: row for row in connection.execute(query)}
    missing = [post_id for post_id in wanted if post_id not in found]
    if missing:
        raise NotFoundError(f"There is no post {missing[0]}.")
    new = [found[post_id] for post_id in wanted if post_id not in held]
    if not new:
        return []
    why = reason[:MAX_REASON_CHARS]
    append(connection, [_draft(row, why, actor, now) for row in new])
    connection.execute(
        insert(evidence_holds),
        [{"post_id": row.id, "image": row.image, "reason": why, "placed_by": actor, "placed_at": now} for row in new],
    )
    return [PostId(row.id) for row in new]


def is_held(connection: Connection, image: Digest) -> bool:
    """Whether any held post has this image."""
    return bool(connection.execute(select(exists().where(evidence_holds.c.image == image))).scalar_one())


def _draft(row: AnyRow, reason: str, actor: str, now: datetime) -> AuditDraft:
    payload = {"image": row.image, "reason": reason, "image_kept": row.image_deleted_at is None}
    return AuditDraft(now, "evidence.held", f"post:{row.id}", actor, payload)


def _of(row: AnyRow) -> EvidenceHold:
    return EvidenceHold(PostId(row.post_id), Digest(row.image), row.reason, row.placed_by, row.placed_at)
