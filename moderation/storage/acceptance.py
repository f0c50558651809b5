"""Writing a post, once for each idempotency key of a client."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select

from moderation.domain.audit import AuditDraft, Json
from moderation.domain.errors import IdempotencyConflictError, InvalidInputError
from moderation.domain.ids import Digest, PostId, new_id
from moderation.domain.post import Author, Post, PostState
from moderation.storage.audit import append
from moderation.storage.rows import POST_COLUMNS, post_of
from moderation.storage.tables import idempotency_keys, posts

_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class NewPost:
    """A post before it is accepted; `image` names bytes that the blob store already keeps."""

    image: Digest
    image_bytes: int
    caption: str
    prompt: str
    author: Author


@dataclass(frozen=True, slots=True)
class Accepted:
    """The stored post; `created` is False when an earlier request with the same key and body made it."""

    post: Post
    created: bool


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks. `body` is the digest of everything that must be equal for the key to mean the same request."""

    client: str
    key: str | None
    body: Digest


def check_storable(new: NewPost, request: Request) -> None:
    """Raise `InvalidInputError` for text or numbers that no database can hold."""
    for name, text in (
        ("caption", new.caption),
        ("prompt", new.prompt),
        ("author", new.author.id),
        ("client", request.client),
        ("idempotency key", request.key or ""),
    ):
        if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
            raise InvalidInputError(f"The {name} has a character that is not text.")
    age, published = new.author.account_age_days, new.author.published_posts
    if age is not None and not math.isfinite(age):
        raise InvalidInputError("The author's account age is not a number.")
    if published is not None and not 0 <= published <= _LARGEST:
        raise InvalidInputError("The author's number of published posts is out of range.")


def write(
    connection: Connection, new: NewPost, request: Request, *, deadline_seconds: float, now: datetime
) -> Accepted:
    """Store the post. Raises `IntegrityError` when the client's key is in use."""
    post = Post(
        id=PostId(new_id(now)),
        image=new.image,
        image_bytes=new.image_bytes,
        caption=new.caption,
        prompt=new.prompt,
        author=new.author,
        state=PostState.RECEIVED,
        received_at=now,
        deadline_at=now + timedelta(seconds=deadline_seconds),
    )
    connection.execute(insert(posts).values(**_row(post), client=request.client, attempts=0))
    if request.key is not None:
        used = {"client": request.client, "key": request.key, "body": request.body, "post_id": post.id, "at": now}
        connection.execute(insert(idempotency_keys).values(**used))
    payload: dict[str, Json] = {"image": post.image, "image_bytes": post.image_bytes, "author": post.author.id}
    append(connection, [AuditDraft(now, "post.received", f"post:{post.id}", f"client:{request.client}", payload)])
    return Accepted(post, created=True)


def earlier(connection: Connection, request: Request) -> Accepted | None:
    """The post that the client's key made before, or None.

    Raises `IdempotencyConflictError` when that request had another body.
    """
    used = (
        connection.execute(
            select(idempotency_keys.c.body, *POST_COLUMNS)
            .join_from(idempotency_keys, posts, idempotency_keys.c.post_id == posts.c.id)
            .where(idempotency_keys.c.client == request.client, idempotency_keys.c.key == request.key)
        )
    ).one_or_none()
    if used is None:
        return None
    if used.body != request.body:
        raise IdempotencyConflictError(
            "This idempotency key was used with another request.", hint="Send a new key with a new post."
        )
    return Accepted(post_of(used), created=False)


def _row(post: Post) -> dict[str, object]:
    return {
        "id": post.id,
        "image": post.image,
        "image_bytes": post.image_bytes,
        "caption": post.caption,
        "prompt": post.prompt,
        "author_id": post.author.id,
        "author_age_days": post.author.account_age_days,
        "author_published_posts": post.author.published_posts,
        "state": post.state,
        "received_at": post.received_at,
        "deadline_at": post.deadline_at,
    }
