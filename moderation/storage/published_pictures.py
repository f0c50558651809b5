"""The hashes of the pictures in the feed: all of the newest, and what was published or withdrawn since an event."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from moderation.domain.bank import MIN_QUALITY
from moderation.domain.ids import PostId
from moderation.domain.post import PostState
from moderation.domain.published_picture import PublishedChange, PublishedPicture
from moderation.storage.engine import Database
from moderation.storage.rows import AnySelect
from moderation.storage.tables import audit_events, audit_head, picture_hashes, posts

KINDS = ("post.published", "post.decided", "post.retroaction")
"""Events that put a post into the feed or take it out."""
CHUNK = 500
MAX_EVENTS = 50_000
"""With more events than this since the last look, everything is read anew."""


class PublishedPictureStore:
    """The published pictures of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def changes(self, after: int | None, *, most: int) -> PublishedChange:
        """What came into the feed, or left it, since event `after`; None: the newest `most` published posts.

        Pictures without a usable hash are left out.
        """
        with self._database.snapshot() as connection:
            head = connection.execute(select(audit_head.c.number)).scalar_one()
            if after is None or head - after > MAX_EVENTS:
                newest = select(posts.c.id).where(posts.c.state == PostState.PUBLISHED)
                newest = newest.order_by(posts.c.publication.desc()).limit(most)
                found = _read(connection, _published().where(posts.c.id.in_(newest)), newest_first=True)
                return PublishedChange(head, found, whole=True)
            touched = _touched(connection, after, head)
            added: list[PublishedPicture] = []
            for start in range(0, len(touched), CHUNK):
                chunk = touched[start : start + CHUNK]
                added += _read(connection, _published().where(posts.c.id.in_(chunk)), newest_first=False)
        return PublishedChange(head, tuple(added), tuple(touched))


def _published() -> AnySelect:
    return (
        select(posts.c.id, posts.c.author_id, posts.c.published_at, posts.c.publication, picture_hashes.c.pdq)
        .join_from(posts, picture_hashes, picture_hashes.c.post_id == posts.c.id)
        .where(posts.c.state == PostState.PUBLISHED, picture_hashes.c.quality >= MIN_QUALITY)
    )


def _read(connection: Connection, query: AnySelect, *, newest_first: bool) -> tuple[PublishedPicture, ...]:
    order = posts.c.publication.desc() if newest_first else posts.c.publication
    found: dict[str, tuple[str, datetime, list[bytes]]] = {}
    for row in connection.execute(query.order_by(order, picture_hashes.c.frame)):
        kept = found.setdefault(row.id, (row.author_id, row.published_at, []))
        kept[2].append(bytes.fromhex(row.pdq))
    return tuple(
        PublishedPicture(PostId(post_id), author, at, tuple(codes)) for post_id, (author, at, codes) in found.items()
    )


def _touched(connection: Connection, after: int, head: int) -> list[PostId]:
    """The posts that events in (after, head] put into the feed or took out of it, in the order of the events."""
    columns = audit_events.c
    query = select(columns.subject).where(columns.number > after, columns.number <= head, columns.kind.in_(KINDS))
    found: Sequence[str] = connection.execute(query.order_by(columns.number)).scalars().all()
    return list(dict.fromkeys(PostId(subject.removeprefix("post:")) for subject in found))
