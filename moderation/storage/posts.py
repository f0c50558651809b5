"""Posts: accepted once, leased to one lane at a time, judged once, published once. Each method is one transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from moderation.domain.ids import Digest, PostId
from moderation.domain.job import Route
from moderation.domain.post import Claim, Committed, Post, PostState
from moderation.domain.verdict import Screening
from moderation.storage import acceptance, leases, publication, verdicts
from moderation.storage.acceptance import Accepted, NewPost
from moderation.storage.engine import Database
from moderation.storage.publication import FeedItem, FeedPage
from moderation.storage.rows import POST_COLUMNS, post_of
from moderation.storage.tables import PENDING_SQL, posts

__all__ = ["Accepted", "FeedItem", "FeedPage", "NewPost", "PostStore"]


class PostStore:
    """The posts of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(
        self,
        new: NewPost,
        *,
        client: str,
        idempotency_key: str | None,
        body: Digest,
        deadline_seconds: float,
        now: datetime,
    ) -> Accepted:
        """Write the post, or find the one that the same client's key and body made before.

        Two requests with one key at the same moment make one post. Raises `IdempotencyConflictError` when the key was
        used with another body, `InvalidInputError` for text that cannot be stored.
        """
        request = acceptance.Request(client, idempotency_key, body)
        acceptance.check_storable(new, request)
        try:
            with self._database.write() as connection:
                return acceptance.write(connection, new, request, deadline_seconds=deadline_seconds, now=now)
        except IntegrityError:
            with self._database.read() as connection:
                earlier = acceptance.earlier(connection, request)
            if earlier is None:
                raise
            return earlier

    def get(self, post_id: PostId) -> Post | None:
        """The post, or None."""
        return self.many([post_id]).get(post_id)

    def client_of(self, post_id: PostId) -> str | None:
        """The client that sent the post, or None when there is no such post."""
        with self._database.read() as connection:
            return connection.execute(select(posts.c.client).where(posts.c.id == post_id)).scalar_one_or_none()

    def many(self, post_ids: Collection[PostId]) -> dict[PostId, Post]:
        """The posts that exist, by id."""
        query = select(*POST_COLUMNS).where(posts.c.id.in_(list(post_ids)))
        with self._database.read() as connection:
            return {PostId(row.id): post_of(row) for row in connection.execute(query)}

    def claim(self, lane: str, *, limit: int, lease_seconds: float, now: datetime) -> list[Claim]:
        """Take up to `limit` posts, oldest first: received ones, and those whose lease has expired.

        No two lanes ever get the same post. On SQLite nothing is locked while there is nothing to take.
        """
        if self._database.dialect == "sqlite":
            with self._database.read() as connection:
                if connection.execute(leases.available(now).limit(1)).first() is None:
                    return []
        with self._database.write() as connection:
            return leases.claim(connection, lane, limit=limit, lease_seconds=lease_seconds, now=now)

    def renew(self, claims: Sequence[Claim], *, lease_seconds: float, now: datetime) -> list[Claim]:
        """Extend the leases still held; returns those, with their new end."""
        with self._database.write() as connection:
            return leases.renew(connection, claims, lease_seconds=lease_seconds, now=now)

    def release(self, claims: Sequence[Claim], *, now: datetime) -> None:  # noqa: ARG002 - of the port
        """Give posts back unscreened, so that another lane takes them at once; lost leases are passed over."""
        with self._database.write() as connection:
            leases.release(connection, claims)

    def commit(
        self,
        screened: Sequence[tuple[Claim, Screening]],
        *,
        now: datetime,
        routes: Mapping[PostId, Route] | None = None,
        bases: Mapping[PostId, str] | None = None,
    ) -> Committed:
        """Store evidence, verdict, audit event, message and job for every claim still held, all or nothing.

        A claim that is no longer held (taken by another, or already judged) leaves nothing behind. A held post without
        a route waits in the judgement's queue with the default severity and deadline; one without a basis
        (`screening.basis`) never shares a job. Raises `ValueError`, and stores nothing, when a screening approves on
        incomplete evidence or is of another post.
        """
        verdicts.check_evidence(screened)
        if not screened:
            return Committed((), ())
        with self._database.write() as connection:
            places = verdicts.Places(routes or {}, bases or {})
            stored, lost = verdicts.commit(connection, screened, places, now=now)
        return Committed(tuple(stored), tuple(lost))

    def hold_overdue(self, *, now: datetime, limit: int) -> list[PostId]:
        """Hold posts in the `stalled` queue whose deadline passed without a verdict."""
        if self.overdue(now) == 0:
            return []
        with self._database.write() as connection:
            return verdicts.hold_overdue(connection, now=now, limit=limit)

    def publish_approved(self, *, limit: int, now: datetime) -> list[PostId]:
        """Publish up to `limit` posts behind which an approval stands (`approval.approval`), oldest first."""
        if self._database.dialect == "sqlite":
            with self._database.read() as connection:
                if not publication.any_approved(connection):
                    return []
        with self._database.write() as connection:
            return publication.publish_approved(connection, limit=limit, now=now)

    def feed(self, *, cursor: str | None, limit: int) -> FeedPage:
        """Published posts, newest first. Raises `InvalidInputError` for a cursor that no page gave out."""
        with self._database.read() as connection:
            return publication.feed(connection, cursor=cursor, limit=limit)

    def published_without_verdict(self, limit: int = 100) -> list[PostId]:
        """Published posts behind which no approval stands; there must never be one."""
        with self._database.read() as connection:
            return publication.published_without_verdict(connection, limit)

    def is_overturned(self, post_id: PostId) -> bool:
        """Whether people overturned a rejection of the post. No automatic rule may act on it again.

        Lanes never see such a post. Whatever applies rules to posts that were judged before (a changed policy, a new
        bank entry) has to ask this first, and leave the post alone.
        """
        query = select(posts.c.overturned_at).where(posts.c.id == post_id)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none() is not None

    def states_of_image(self, image: Digest) -> frozenset[PostState]:
        """The states of all posts with this image."""
        query = select(posts.c.state).where(posts.c.image == image).distinct()
        with self._database.read() as connection:
            return frozenset(connection.execute(query).scalars())

    def counts(self) -> dict[PostState, int]:
        """How many posts are in each state, zero included."""
        query = select(posts.c.state, func.count().label("posts")).group_by(posts.c.state)
        with self._database.read() as connection:
            found = {row.state: row.posts for row in connection.execute(query)}
        return {state: found.get(state, 0) for state in PostState}

    def oldest_pending_at(self) -> datetime | None:
        """When the oldest post without a verdict was received, or None."""
        query = select(posts.c.received_at).where(PENDING_SQL).order_by(posts.c.received_at).limit(1)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def overdue(self, now: datetime) -> int:
        """How many posts have no verdict although their deadline passed."""
        query = select(func.count()).select_from(posts).where(PENDING_SQL).where(posts.c.deadline_at <= now)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def list(self, *, state: PostState | None, limit: int) -> list[Post]:
        """Up to `limit` posts, newest first."""
        query = select(*POST_COLUMNS).order_by(posts.c.received_at.desc(), posts.c.id.desc()).limit(limit)
        if state is not None:
            query = query.where(posts.c.state == state)
        with self._database.read() as connection:
            return [post_of(row) for row in connection.execute(query)]
