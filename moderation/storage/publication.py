"""From approved to published, and the feed of what is published."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from moderation.domain.audit import AuditDraft
from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import MessageId, PostId, new_id
from moderation.domain.outbox import Message
from moderation.domain.post import Post, PostState, check_transition
from moderation.storage.approval import approval
from moderation.storage.audit import append
from moderation.storage.messages import send
from moderation.storage.rows import POST_COLUMNS, AnySelect, post_of
from moderation.storage.tables import posts

MAX_PAGE = 200
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class FeedItem:
    """A published post and the moment it was published."""

    post: Post
    published_at: datetime


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Published posts, newest first; `next_cursor` is None on the last page."""

    items: tuple[FeedItem, ...]
    next_cursor: str | None


def any_approved(connection: Connection) -> bool:
    """Whether a post waits to be published."""
    query = select(posts.c.id).where(posts.c.state == PostState.APPROVED, approval()).limit(1)
    return connection.execute(query).first() is not None


def publish_approved(connection: Connection, *, limit: int, now: datetime) -> list[PostId]:
    """Publish up to `limit` approved posts, oldest first; rows that another publisher has are passed over."""
    query = (
        select(*POST_COLUMNS)
        .where(posts.c.state == PostState.APPROVED, approval())
        .order_by(posts.c.received_at, posts.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=posts, key_share=True)
    )
    ready = [post_of(row) for row in connection.execute(query)]
    if not ready:
        return []
    for post in ready:
        check_transition(post.state, PostState.PUBLISHED)
    events = append(
        connection,
        [
            AuditDraft(now, "post.published", f"post:{post.id}", "system:publisher", {"image": post.image})
            for post in ready
        ],
    )
    connection.execute(
        update(posts)
        .where(posts.c.id == bindparam("post"), posts.c.state == PostState.APPROVED)
        .values(state=PostState.PUBLISHED, published_at=now, publication=bindparam("event")),
        [{"post": post.id, "event": event.number} for post, event in zip(ready, events, strict=True)],
    )
    send(connection, [(event, _message(post, now)) for post, event in zip(ready, events, strict=True)], now=now)
    return [post.id for post in ready]


def feed(connection: Connection, *, cursor: str | None, limit: int) -> FeedPage:
    """A page of published posts. Raises `InvalidInputError` for a cursor that no page gave out."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInputError(f"A page has 1 to {MAX_PAGE} posts.")
    before = _LARGEST if cursor is None else _number(cursor)
    rows = connection.execute(published_before(before).limit(limit + 1)).all()
    items = tuple(FeedItem(post_of(row), row.published_at) for row in rows[:limit])
    return FeedPage(items, _cursor(rows[limit - 1].publication) if len(rows) > limit else None)


def published_before(publication: int) -> AnySelect:
    """Published posts whose publication's number is lower, newest first."""
    return (
        select(*POST_COLUMNS, posts.c.published_at, posts.c.publication)
        .where(posts.c.state == PostState.PUBLISHED, posts.c.publication < publication)
        .order_by(posts.c.publication.desc())
    )


def published_without_verdict(connection: Connection, limit: int) -> list[PostId]:
    """Published posts behind which no approval stands; there must never be one."""
    query = select(posts.c.id).where(posts.c.state == PostState.PUBLISHED, ~approval()).limit(limit)
    return [PostId(post_id) for post_id in connection.execute(query).scalars()]


def _message(post: Post, now: datetime) -> Message:
    payload = {"post_id": post.id, "state": PostState.PUBLISHED, "image": post.image, "published_at": now.isoformat()}
    return Message(MessageId(new_id(now)), "post.published", post.id, payload, now)


def _cursor(publication: int) -> str:
    return base64.urlsafe_b64encode(f"feed:{publication}".encode()).decode().rstrip("=")


def _number(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        text = ""
    kind, _, digits = text.partition(":")
    if kind != "feed" or not (digits.isascii() and digits.isdigit()) or len(digits) > len(str(_LARGEST)):
        raise InvalidInputError("This is not a cursor of the feed.", hint="Use `next_cursor` of a page as it is.")
    return min(int(digits), _LARGEST)
