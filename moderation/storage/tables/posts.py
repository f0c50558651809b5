"""Posts with their state and lease, the keys that made them, and the jobs they wait as."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Named,
    String,
    Table,
    Text,
    TypedColumns,
    text,
)

from moderation.domain.job import JobKind, JobState
from moderation.domain.post import PostState
from moderation.storage.columns import UtcTime, choice
from moderation.storage.tables.metadata import METADATA


class PostColumns(TypedColumns):
    """A post, its state and its lease. `publication` is the audit number of its publication: the feed's order.

    `overturned_at`: an appeal was overturned; no automatic rule acts on the post again. `image_deleted_at`: retention
    deleted the image, or found it gone.
    """

    id: Named[str] = Column(String(36), primary_key=True)
    client: Named[str]
    image: Named[str] = Column(String(64))
    image_bytes: Named[int] = Column(BigInteger)
    caption: Named[str] = Column(Text)
    prompt: Named[str] = Column(Text)
    author_id: Named[str]
    author_age_days: Named[float | None]
    author_published_posts: Named[int | None] = Column(BigInteger)
    state: Named[PostState] = Column(choice(PostState))
    received_at: Named[datetime] = Column(UtcTime)
    deadline_at: Named[datetime] = Column(UtcTime)
    attempts: Named[int]
    lease_token: Named[str | None]
    lease_lane: Named[str | None]
    lease_expires_at: Named[datetime | None] = Column(UtcTime)
    verdict_at: Named[datetime | None] = Column(UtcTime)
    published_at: Named[datetime | None] = Column(UtcTime)
    publication: Named[int | None] = Column(BigInteger)
    overturned_at: Named[datetime | None] = Column(UtcTime)
    image_deleted_at: Named[datetime | None] = Column(UtcTime)


PENDING_SQL = text("verdict_at IS NULL")
RETRIED_SQL = text("attempts > 0")
FRESH_SQL = text("attempts = 0")
_NUMBERED_SQL = text("publication IS NOT NULL")
_PENDING_RETRIED_SQL = text("verdict_at IS NULL AND attempts > 0")
"""What the indexes of waiting posts are limited to. A check makes it mean the same as the two states, on which
SQLite would choose a worse index. The index of publications is a partial one because PostgreSQL takes the columns of a
full unique index for a key: publishing would then wait for everybody who writes a row that refers to the post.
"""

posts = Table(
    "posts",
    METADATA,
    PostColumns,
    CheckConstraint("state <> 'published' OR publication IS NOT NULL", name="publication"),
    CheckConstraint("(state = 'screening') = (lease_token IS NOT NULL)", name="lease"),
    CheckConstraint("(state IN ('received', 'screening')) = (verdict_at IS NULL)", name="verdict"),
    Index("ix_posts_pending", "received_at", "id", sqlite_where=PENDING_SQL, postgresql_where=PENDING_SQL),
    Index(
        "ix_posts_retried",
        "received_at",
        "id",
        sqlite_where=_PENDING_RETRIED_SQL,
        postgresql_where=_PENDING_RETRIED_SQL,
    ),
    Index("ix_posts_deadline", "deadline_at", sqlite_where=PENDING_SQL, postgresql_where=PENDING_SQL),
    Index("ix_posts_state_received_at", "state", "received_at"),
    Index(
        "ix_posts_publication",
        "publication",
        unique=True,
        sqlite_where=_NUMBERED_SQL,
        postgresql_where=_NUMBERED_SQL,
    ),
    Index("ix_posts_feed", "state", "publication"),
    Index("ix_posts_image", "image"),
    Index("ix_posts_author_id", "author_id", "received_at"),
    Index("ix_posts_received_at", "received_at", "id"),
)


class IdempotencyColumns(TypedColumns):
    """The post that a client's key made, and the digest of the request's body."""

    client: Named[str] = Column(primary_key=True)
    key: Named[str] = Column(primary_key=True)
    body: Named[str] = Column(String(64))
    post_id: Named[str] = Column(ForeignKey("posts.id"))
    at: Named[datetime] = Column(UtcTime)


idempotency_keys = Table("idempotency_keys", METADATA, IdempotencyColumns)


_EMPTY = text("''")


class JobColumns(TypedColumns):
    """One thing to review; see `moderation.domain.job.Job`. `rank` keeps the order of priority, see `domain.priority`.

    `available_at` is the later of the lease's end and the hold's: before it, the job is offered to nobody else.
    Until `assigned_until` (None: for ever) it is offered to nobody but `assigned_to`.
    `basis` and `pdq` say which later posts are the same case: equal grounds, and a near picture.
    """

    id: Named[str] = Column(String(36), primary_key=True)
    post_id: Named[str] = Column(ForeignKey("posts.id"))
    queue: Named[str]
    category: Named[str]
    reason: Named[str] = Column(Text)
    opened_at: Named[datetime] = Column(UtcTime)
    closed_at: Named[datetime | None] = Column(UtcTime)
    kind: Named[JobKind] = Column(choice(JobKind), server_default=JobKind.REVIEW.value)
    state: Named[JobState] = Column(choice(JobState), server_default=JobState.OPEN.value)
    severity: Named[int] = Column(server_default="50")
    reach: Named[int] = Column(BigInteger, server_default="0")
    language: Named[str] = Column(server_default=_EMPTY)
    skill: Named[str] = Column(server_default=_EMPTY)
    routing_rule: Named[str] = Column(server_default=_EMPTY)
    due_at: Named[datetime | None] = Column(UtcTime)
    rank: Named[float] = Column(server_default="0")
    posts: Named[int] = Column(server_default="1")
    lease_holder: Named[str | None] = Column(String(36))
    lease_token: Named[str | None] = Column(String(64))
    leased_at: Named[datetime | None] = Column(UtcTime)
    lease_expires_at: Named[datetime | None] = Column(UtcTime)
    available_at: Named[datetime | None] = Column(UtcTime)
    wake_at: Named[datetime | None] = Column(UtcTime)
    held_by: Named[str | None] = Column(String(36))
    assigned_to: Named[str | None] = Column(String(36))
    assigned_until: Named[datetime | None] = Column(UtcTime)
    origin: Named[str] = Column(server_default=_EMPTY)
    basis: Named[str] = Column(server_default=_EMPTY)
    pdq: Named[str | None] = Column(String(64))
    decided_at: Named[datetime | None] = Column(UtcTime)
    carry_until: Named[datetime | None] = Column(UtcTime)
    audit_rate: Named[float] = Column(server_default="0")


OPEN_SQL = text("closed_at IS NULL")
REVIEWED_SQL = text("closed_at IS NULL AND kind = 'review'")
OFFERED_SQL = text("state = 'open'")
ASSIGNED_SQL = text("state = 'open' AND assigned_to IS NOT NULL")
HELD_SQL = text("state = 'open' AND wake_at IS NOT NULL")
CARRIED_SQL = text("carry_until IS NOT NULL")
LEASED_SQL = text("state = 'open' AND lease_holder IS NOT NULL")

jobs = Table(
    "jobs",
    METADATA,
    JobColumns,
    Index("ix_jobs_review_post_id", "post_id", unique=True, sqlite_where=REVIEWED_SQL, postgresql_where=REVIEWED_SQL),
    Index("ix_jobs_post_id", "post_id"),
    Index("ix_jobs_queue_opened_at", "queue", "opened_at"),
    Index("ix_jobs_offered", "queue", "rank", "id", sqlite_where=OFFERED_SQL, postgresql_where=OFFERED_SQL),
    Index(
        "ix_jobs_wanted",
        "queue",
        "language",
        "skill",
        "rank",
        "id",
        sqlite_where=OFFERED_SQL,
        postgresql_where=OFFERED_SQL,
    ),
    Index(
        "ix_jobs_due",
        "queue",
        "due_at",
        "opened_at",
        "kind",
        sqlite_where=OFFERED_SQL,
        postgresql_where=OFFERED_SQL,
    ),
    Index("ix_jobs_held", "held_by", sqlite_where=HELD_SQL, postgresql_where=HELD_SQL),
    Index("ix_jobs_assigned", "assigned_to", sqlite_where=ASSIGNED_SQL, postgresql_where=ASSIGNED_SQL),
    Index("ix_jobs_carry_until", "carry_until", sqlite_where=CARRIED_SQL, postgresql_where=CARRIED_SQL),
    Index("ix_jobs_leased", "lease_holder", sqlite_where=LEASED_SQL, postgresql_where=LEASED_SQL),
)
