"""What models saw in pictures, and which of these pictures people or rules rejected since."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from moderation.domain.ids import Digest, PostId
from moderation.domain.post import PostState
from moderation.domain.rejected_picture import RejectedChange, RejectedPicture
from moderation.domain.signal import Features, Score
from moderation.domain.verdict import Screening
from moderation.storage.engine import Database
from moderation.storage.rows import AnySelect
from moderation.storage.tables import audit_events, audit_head, picture_features, posts

REJECTED = (PostState.REJECTED, PostState.WITHDRAWN)
"""The states of posts whose pictures later ones are compared with."""
CHUNK = 500
MAX_EVENTS = 5_000
"""With more events than this since the last look, everything is read anew."""


class PictureFeatureStore:
    """The features of one database's pictures."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def number(self) -> int:
        """The number of the newest audit event: nothing becomes or stops being a reference without one. Cheap."""
        with self._database.read() as connection:
            return _head(connection)

    def changes(self, after: int | None, *, most: int) -> RejectedChange:
        """What became, or stopped being, a reference since event `after`; None: the newest `most` references.

        Pictures of rejected and withdrawn posts are references, whoever decided so.
        """
        with self._database.snapshot() as connection:
            head = _head(connection)
            if after is None or head - after > MAX_EVENTS:
                newest = _references().order_by(posts.c.received_at.desc(), posts.c.id.desc()).limit(most)
                return RejectedChange(head, _read(connection, newest), (), whole=True)
            touched = _touched(connection, after, head)
            added: list[RejectedPicture] = []
            for start in range(0, len(touched), CHUNK):
                chunk = touched[start : start + CHUNK]
                added += _read(connection, _references().where(picture_features.c.post_id.in_(chunk)))
        kept = {reference.post_id for reference in added}
        return RejectedChange(head, tuple(added), tuple(post for post in touched if post not in kept))

    def count(self) -> int:
        """How many features are stored."""
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(picture_features)).scalar_one()


def store(connection: Connection, done: Iterable[Screening], *, now: datetime) -> None:
    """Keep the features that the screenings' results carry."""
    rows = {
        (screening.post_id, result.features.model): result.features.values
        for screening in done
        for result in screening.results
        if isinstance(result, Score) and result.features is not None
    }
    if rows:
        connection.execute(
            insert(picture_features),
            [
                {"post_id": post_id, "model": model, "vector": vector, "at": now}
                for (post_id, model), vector in rows.items()
            ],
        )


def forget(connection: Connection, post_ids: Sequence[str]) -> None:
    """Delete what was kept of these posts' pictures."""
    connection.execute(delete(picture_features).where(picture_features.c.post_id.in_(post_ids)))


def _head(connection: Connection) -> int:
    return connection.execute(select(audit_head.c.number)).scalar_one()


def _references() -> AnySelect:
    return (
        select(picture_features.c.post_id, picture_features.c.model, picture_features.c.vector)
        .join_from(picture_features, posts, posts.c.id == picture_features.c.post_id)
        .where(posts.c.state.in_(REJECTED))
    )


def _read(connection: Connection, query: AnySelect) -> tuple[RejectedPicture, ...]:
    return tuple(
        RejectedPicture(PostId(row.post_id), Features(Digest(row.model), bytes(row.vector)))
        for row in connection.execute(query)
    )


def _touched(connection: Connection, after: int, head: int) -> list[PostId]:
    """The posts that events in (after, head] are about, and those whose image was deleted by one."""
    columns = audit_events.c
    query = select(columns.kind, columns.subject, columns.payload).where(columns.number > after, columns.number <= head)
    found: dict[PostId, None] = {}
    for kind, subject, payload in connection.execute(query):
        if subject.startswith("post:"):
            found[PostId(subject.removeprefix("post:"))] = None
        elif kind == "image.deleted":
            found |= dict.fromkeys(PostId(str(post_id)) for post_id in json.loads(payload)["posts"])
    return list(found)
