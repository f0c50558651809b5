"""Rows as domain values. Rows never leave `storage`."""

from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import Row, Select

from moderation.domain.ids import AccountId, Digest, JobId, PostId
from moderation.domain.job import DEFAULT_SERVICE_SECONDS, Job, Lease
from moderation.domain.post import Author, Claim, Post, PostState
from moderation.storage.tables import posts

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
AnySelect: TypeAlias = Select[*tuple[Any, ...]]

POST_COLUMNS = (
    posts.c.id,
    posts.c.image,
    posts.c.image_bytes,
    posts.c.caption,
    posts.c.prompt,
    posts.c.author_id,
    posts.c.author_age_days,
    posts.c.author_published_posts,
    posts.c.state,
    posts.c.received_at,
    posts.c.deadline_at,
)
"""What `post_of` reads."""


def post_of(row: AnyRow, *, state: PostState | None = None) -> Post:
    """The post in a row that has `POST_COLUMNS`; `state` replaces the row's."""
    return Post(
        id=PostId(row.id),
        image=Digest(row.image),
        image_bytes=row.image_bytes,
        caption=row.caption,
        prompt=row.prompt,
        author=Author(row.author_id, row.author_age_days, row.author_published_posts),
        state=row.state if state is None else state,
        received_at=row.received_at,
        deadline_at=row.deadline_at,
    )


def claim_of(row: AnyRow, *, token: str, lane: str, expires_at: datetime) -> Claim:
    """The claim just taken on the post in a row that has `POST_COLUMNS` and `attempts` as it was before."""
    post = post_of(row, state=PostState.SCREENING)
    return Claim(post=post, token=token, lane=lane, attempt=row.attempts + 1, expires_at=expires_at)


def job_of(row: AnyRow) -> Job:
    """The job in a row that has every column of `jobs`."""
    lease = None
    if row.lease_token is not None:
        lease = Lease(row.lease_token, AccountId(row.lease_holder), row.leased_at, row.lease_expires_at)
    return Job(
        id=JobId(row.id),
        post_id=PostId(row.post_id),
        queue=row.queue,
        category=row.category,
        reason=row.reason,
        opened_at=row.opened_at,
        due_at=row.due_at or row.opened_at + timedelta(seconds=DEFAULT_SERVICE_SECONDS),
        kind=row.kind,
        state=row.state,
        severity=row.severity,
        reach=row.reach,
        language=row.language,
        skill=row.skill,
        posts=row.posts,
        lease=lease,
        wake_at=row.wake_at,
        held_by=None if row.held_by is None else AccountId(row.held_by),
        assigned_to=None if row.assigned_to is None else AccountId(row.assigned_to),
        origin=row.origin,
        closed_at=row.closed_at,
    )
