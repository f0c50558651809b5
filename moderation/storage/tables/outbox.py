"""Messages, and their way to every endpoint."""

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

from moderation.storage.columns import UtcTime
from moderation.storage.tables.metadata import METADATA


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
    silent_since: Named[datetime | None] = Column(UtcTime)
    paused_until: Named[datetime | None] = Column(UtcTime)


webhook_endpoints = Table("webhook_endpoints", METADATA, EndpointColumns)


class DeliveryColumns(TypedColumns):
    """One message on its way to one endpoint; `status` is pending, delivered or dead.

    A worker that takes it moves `due_at` to the end of its lease and raises `attempts`, which then proves the lease.
    `queued_at` is when its first try was due.
    """

    number: Named[int] = Column(BigInteger, ForeignKey("outbox_messages.number"), primary_key=True, autoincrement=False)
    endpoint: Named[str] = Column(ForeignKey("webhook_endpoints.name"), primary_key=True)
    status: Named[str] = Column(String(16))
    attempts: Named[int]
    queued_at: Named[datetime] = Column(UtcTime)
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
    Index(
        "ix_deliveries_due",
        "endpoint",
        "due_at",
        "number",
        sqlite_where=PENDING_DELIVERY_SQL,
        postgresql_where=PENDING_DELIVERY_SQL,
    ),
)
