"""What people looked at and for how long, their working time and their breaks."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, Named, String, Table, TypedColumns

from moderation.domain.exposure import BreakReason
from moderation.storage.columns import UtcTime, choice
from moderation.storage.tables.metadata import METADATA


class ExposureColumns(TypedColumns):
    """One time that a person saw a picture unconcealed. `seconds` grows while it is shown, by the browser's reports,
    within what the server's clock allows; without `ended_at` it is still shown. `view` is the browser's name for it.
    """

    id: Named[str] = Column(String(36), primary_key=True)
    view: Named[str] = Column(String(36))
    shift_id: Named[str] = Column(ForeignKey("shifts.id"))
    account_id: Named[str] = Column(String(36))
    job_id: Named[str | None] = Column(String(36))
    post_id: Named[str] = Column(ForeignKey("posts.id"))
    category: Named[str]
    started_at: Named[datetime] = Column(UtcTime)
    seconds: Named[float]
    ended_at: Named[datetime | None] = Column(UtcTime)


exposures = Table(
    "exposures",
    METADATA,
    ExposureColumns,
    Index("ix_exposures_account", "account_id", "started_at"),
    Index("ix_exposures_post_id", "post_id", "account_id"),
    Index("ix_exposures_shift_id", "shift_id"),
)


class ShiftColumns(TypedColumns):
    """A person's working time, in which exposure is counted."""

    id: Named[str] = Column(String(36), primary_key=True)
    account_id: Named[str] = Column(String(36))
    started_at: Named[datetime] = Column(UtcTime)
    seen_at: Named[datetime] = Column(UtcTime)
    working_since: Named[datetime] = Column(UtcTime)


shifts = Table(
    "shifts",
    METADATA,
    ShiftColumns,
    Index("ix_shifts_account", "account_id", "started_at"),
    Index("ix_shifts_seen_at", "seen_at"),
)


class BreakColumns(TypedColumns):
    """A break: until its end the person gets no job."""

    id: Named[str] = Column(String(36), primary_key=True)
    account_id: Named[str] = Column(String(36))
    reason: Named[BreakReason] = Column(choice(BreakReason))
    started_at: Named[datetime] = Column(UtcTime)
    ends_at: Named[datetime] = Column(UtcTime)


breaks = Table(
    "breaks",
    METADATA,
    BreakColumns,
    Index("ix_breaks_account", "account_id", "ends_at"),
    Index("ix_breaks_started_at", "started_at"),
)
