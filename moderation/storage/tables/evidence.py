"""What was measured and decided: append-only."""

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
    UniqueConstraint,
)

from moderation.domain.verdict import Verdict
from moderation.storage.columns import UtcTime, choice
from moderation.storage.tables.metadata import METADATA


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
