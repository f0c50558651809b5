"""Sweeps over posts that were judged before: why, how far they came, and what became of each post."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Named, String, Table, Text, TypedColumns

from moderation.domain.retroaction import CauseKind, Result, SweepState
from moderation.storage.columns import UtcTime, choice
from moderation.storage.tables.metadata import METADATA


class SweepColumns(TypedColumns):
    """One sweep; `selection` is JSON: entries and days. Its cap and state change, nothing else."""

    id: Named[str] = Column(String(36), primary_key=True)
    cause: Named[CauseKind] = Column(choice(CauseKind))
    policy: Named[str] = Column(String(64))
    selection: Named[str] = Column(Text)
    cap: Named[int] = Column(BigInteger)
    withdraw: Named[bool]
    queue: Named[str]
    by: Named[str]
    created_at: Named[datetime] = Column(UtcTime)
    state: Named[SweepState] = Column(choice(SweepState))
    ended_at: Named[datetime | None] = Column(UtcTime)


sweeps = Table("sweeps", METADATA, SweepColumns, Index("ix_sweeps_created_at", "created_at"))


class SweepDayColumns(TypedColumns):
    """The posts received on one day (UTC, as YYYY-MM-DD). `done_at` is NULL until none of them is left for later."""

    sweep_id: Named[str] = Column(ForeignKey("sweeps.id"), primary_key=True)
    day: Named[str] = Column(String(10), primary_key=True)
    scanned: Named[int] = Column(BigInteger, server_default="0")
    found: Named[int] = Column(BigInteger, server_default="0")
    later: Named[int] = Column(BigInteger, server_default="0")
    done_at: Named[datetime | None] = Column(UtcTime)


sweep_days = Table("sweep_days", METADATA, SweepDayColumns)


class SweepPostColumns(TypedColumns):
    """What a sweep made of a post, once. `number` is the audit event's, NULL where the post was left alone."""

    sweep_id: Named[str] = Column(ForeignKey("sweeps.id"), primary_key=True)
    post_id: Named[str] = Column(ForeignKey("posts.id"), primary_key=True)
    day: Named[str] = Column(String(10))
    result: Named[Result] = Column(choice(Result))
    number: Named[int | None] = Column(BigInteger)
    at: Named[datetime] = Column(UtcTime)


sweep_posts = Table(
    "sweep_posts",
    METADATA,
    SweepPostColumns,
    CheckConstraint(
        "(result IN ('withdraw', 'reject', 'hold', 'review', 'evidence')) = (number IS NOT NULL)", name="number"
    ),
    Index("ix_sweep_posts_day", "sweep_id", "day", "result"),
    Index("ix_sweep_posts_post_id", "post_id"),
)
