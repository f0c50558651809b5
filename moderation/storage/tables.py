"""Every table. Documents are JSON text, not a JSON type, because they must come back exactly as they went in.

Tables named in `APPEND_ONLY` refuse updates and deletes: the first migration gives them triggers.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    MetaData,
    Named,
    String,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    text,
)

from moderation.domain.post import PostState
from moderation.domain.verdict import Verdict
from moderation.storage.columns import UtcTime, choice

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

APPEND_ONLY = (
    "screenings",
    "signal_results",
    "verdicts",
    "audit_events",
    "outbox_messages",
    "bank_changes",
    "policies",
    "idempotency_keys",
)


class PostColumns(TypedColumns):
    """A post, its state and its lease. `publication` is the audit number of its publication: the feed's order."""

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


PENDING_SQL = text("state IN ('received', 'screening')")

posts = Table(
    "posts",
    METADATA,
    PostColumns,
    CheckConstraint("state <> 'published' OR publication IS NOT NULL", name="publication"),
    CheckConstraint("(state = 'screening') = (lease_token IS NOT NULL)", name="lease"),
    Index("ix_posts_pending", "received_at", sqlite_where=PENDING_SQL, postgresql_where=PENDING_SQL),
    Index("ix_posts_deadline", "deadline_at", sqlite_where=PENDING_SQL, postgresql_where=PENDING_SQL),
    Index("ix_posts_state_received_at", "state", "received_at"),
    Index("ix_posts_publication", "publication", unique=True),
    Index("ix_posts_image", "image"),
)


class IdempotencyColumns(TypedColumns):
    """The post that a client's key made, and the digest of the request's body."""

    client: Named[str] = Column(primary_key=True)
    key: Named[str] = Column(primary_key=True)
    body: Named[str] = Column(String(64))
    post_id: Named[str] = Column(ForeignKey("posts.id"))
    at: Named[datetime] = Column(UtcTime)


idempotency_keys = Table("idempotency_keys", METADATA, IdempotencyColumns)


class ScreeningColumns(TypedColumns):
    """One pass through signals and policy; `document` holds image facts, judgement, pins and stage times."""

    id: Named[str] = Column(String(36), primary_key=True)
    post_id: Named[str] = Column(ForeignKey("posts.id"))
    lane: Named[str]
    attempt: Named[int]
    started_at: Named[datetime] = Column(UtcTime)
    finished_at: Named[datetime] = Column(UtcTime)
    version: Named[int]
    document: Named[str] = Column(Text)


screenings = Table(
    "screenings",
    METADATA,
    ScreeningColumns,
    Index("ix_screenings_post_id", "post_id"),
    Index("ix_screenings_finished_at", "finished_at"),
)


class SignalResultColumns(TypedColumns):
    """What one signal type said; `kind` is score, match or failure, `reason` the failure's or empty."""

    screening_id: Named[str] = Column(ForeignKey("screenings.id"), primary_key=True)
    position: Named[int] = Column(primary_key=True, autoincrement=False)
    signal: Named[str]
    kind: Named[str]
    reason: Named[str]
    document: Named[str] = Column(Text)


signal_results = Table("signal_results", METADATA, SignalResultColumns)


class VerdictColumns(TypedColumns):
    """What the machine decided for a post; `number` is its audit event's.

    `screening_id` is NULL when no screening led to it: the deadline passed. `rule` is the first deciding live rule,
    or "".
    """

    number: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    post_id: Named[str] = Column(ForeignKey("posts.id"))
    screening_id: Named[str | None] = Column(ForeignKey("screenings.id"))
    verdict: Named[Verdict] = Column(choice(Verdict))
    complete: Named[bool]
    rule: Named[str]
    queue: Named[str]
    category: Named[str]
    reason: Named[str] = Column(Text)
    received_at: Named[datetime] = Column(UtcTime)
    at: Named[datetime] = Column(UtcTime)


verdicts = Table(
    "verdicts",
    METADATA,
    VerdictColumns,
    CheckConstraint("verdict <> 'approve' OR (complete AND screening_id IS NOT NULL)", name="complete"),
    UniqueConstraint("screening_id"),
    Index("ix_verdicts_post_id", "post_id"),
    Index("ix_verdicts_at", "at"),
)


class JobColumns(TypedColumns):
    """A held post that waits for a human."""

    id: Named[str] = Column(String(36), primary_key=True)
    post_id: Named[str] = Column(ForeignKey("posts.id"))
    queue: Named[str]
    category: Named[str]
    reason: Named[str] = Column(Text)
    opened_at: Named[datetime] = Column(UtcTime)
    closed_at: Named[datetime | None] = Column(UtcTime)


OPEN_SQL = text("closed_at IS NULL")

jobs = Table(
    "jobs",
    METADATA,
    JobColumns,
    Index("ix_jobs_open_post_id", "post_id", unique=True, sqlite_where=OPEN_SQL, postgresql_where=OPEN_SQL),
    Index("ix_jobs_queue_opened_at", "queue", "opened_at"),
)


class MessageColumns(TypedColumns):
    """An event for the outside; `number` is the audit event's that it tells of, so one event is told once."""

    number: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Named[str] = Column(String(36), unique=True)
    type: Named[str]
    post_id: Named[str] = Column(ForeignKey("posts.id"))
    payload: Named[str] = Column(Text)
    created_at: Named[datetime] = Column(UtcTime)


outbox_messages = Table("outbox_messages", METADATA, MessageColumns, Index("ix_outbox_messages_post_id", "post_id"))


class EndpointColumns(TypedColumns):
    """Where messages are sent. The secret signs them, so it is kept as it is."""

    name: Named[str] = Column(primary_key=True)
    url: Named[str] = Column(Text)
    secret: Named[str]
    created_at: Named[datetime] = Column(UtcTime)
    disabled_at: Named[datetime | None] = Column(UtcTime)


webhook_endpoints = Table("webhook_endpoints", METADATA, EndpointColumns)


class DeliveryColumns(TypedColumns):
    """One message on its way to one endpoint; `status` is pending, delivered or dead.

    A worker that takes it moves `due_at` to the end of its lease and raises `attempts`, which then proves the lease.
    """

    number: Named[int] = Column(BigInteger, ForeignKey("outbox_messages.number"), primary_key=True, autoincrement=False)
    endpoint: Named[str] = Column(ForeignKey("webhook_endpoints.name"), primary_key=True)
    status: Named[str] = Column(String(16))
    attempts: Named[int]
    due_at: Named[datetime] = Column(UtcTime)
    worker: Named[str | None]
    last_status: Named[int | None]
    last_error: Named[str] = Column(Text)
    delivered_at: Named[datetime | None] = Column(UtcTime)


PENDING_DELIVERY_SQL = text("status = 'pending'")

deliveries = Table(
    "deliveries",
    METADATA,
    DeliveryColumns,
    CheckConstraint("status IN ('pending', 'delivered', 'dead')", name="status"),
    Index("ix_deliveries_due", "due_at", sqlite_where=PENDING_DELIVERY_SQL, postgresql_where=PENDING_DELIVERY_SQL),
)


class AuditColumns(TypedColumns):
    """One link of the chain; see `moderation.domain.audit`."""

    number: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    at: Named[datetime] = Column(UtcTime)
    kind: Named[str]
    subject: Named[str]
    actor: Named[str]
    payload: Named[str] = Column(Text)
    previous: Named[str] = Column(String(64))
    digest: Named[str] = Column(String(64))


audit_events = Table("audit_events", METADATA, AuditColumns, Index("ix_audit_events_subject_kind", "subject", "kind"))


class AuditHeadColumns(TypedColumns):
    """The newest event, in a single row: its lock orders all writers, and it betrays a chain that was cut short."""

    id: Named[int] = Column(primary_key=True, autoincrement=False)
    number: Named[int] = Column(BigInteger)
    digest: Named[str] = Column(String(64))


audit_head = Table("audit_head", METADATA, AuditHeadColumns, CheckConstraint("id = 1", name="single"))


class BankChangeColumns(TypedColumns):
    """One change to the banks; `operation` is create, update, add or remove. Any checkpoint is a prefix of these."""

    number: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    at: Named[datetime] = Column(UtcTime)
    actor: Named[str]
    operation: Named[str] = Column(String(16))
    bank: Named[str]
    entry_id: Named[str | None] = Column(String(36))
    pdq: Named[str | None] = Column(String(64))
    payload: Named[str] = Column(Text)


bank_changes = Table(
    "bank_changes",
    METADATA,
    BankChangeColumns,
    CheckConstraint("operation IN ('create', 'update', 'add', 'remove')", name="operation"),
    UniqueConstraint("entry_id", "operation"),
    Index("ix_bank_changes_pdq", "pdq"),
    Index("ix_bank_changes_bank", "bank"),
)


class PolicyColumns(TypedColumns):
    """The text of every policy that judged a post, by its SHA-256."""

    digest: Named[str] = Column(String(64), primary_key=True)
    text: Named[str] = Column(Text)
    at: Named[datetime] = Column(UtcTime)


policies = Table("policies", METADATA, PolicyColumns)


class ApiKeyColumns(TypedColumns):
    """A client's key: only the SHA-256 of its secret is kept. `scopes` are separated by spaces."""

    name: Named[str] = Column(primary_key=True)
    prefix: Named[str] = Column(String(16), unique=True)
    secret_digest: Named[str] = Column(String(64))
    scopes: Named[str]
    per_minute: Named[int]
    created_at: Named[datetime] = Column(UtcTime)
    last_used_at: Named[datetime | None] = Column(UtcTime)
    revoked_at: Named[datetime | None] = Column(UtcTime)


api_keys = Table("api_keys", METADATA, ApiKeyColumns)


class LaneColumns(TypedColumns):
    """A lane's last heartbeat."""

    name: Named[str] = Column(primary_key=True)
    run_id: Named[str]
    host: Named[str]
    pid: Named[int]
    started_at: Named[datetime] = Column(UtcTime)
    beat_at: Named[datetime] = Column(UtcTime)
    state: Named[str] = Column(String(16))
    posts: Named[int] = Column(BigInteger)


lanes = Table("lanes", METADATA, LaneColumns)
