"""Exchanges, what they told, and what is told back to them."""

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

from moderation.domain.bank import Opinion
from moderation.domain.exchange import ExchangeKind, Outcome
from moderation.storage.columns import UtcTime, choice
from moderation.storage.tables.metadata import METADATA


class ExchangeColumns(TypedColumns):
    """A source of hashes and the state of its fetch. `credentials` are names of environment variables.

    `position` and `revision` change in the transaction that applies a page. `pass_number` counts passes that tell
    everything; `sweep_below` is set when such a pass is complete: items last seen in an earlier one are due to go.
    """

    name: Named[str] = Column(primary_key=True)
    kind: Named[ExchangeKind] = Column(choice(ExchangeKind))
    bank: Named[str]
    address: Named[str] = Column(Text)
    options: Named[str] = Column(Text)
    credentials: Named[str] = Column(Text)
    category: Named[str]
    enabled: Named[bool]
    write_back: Named[bool]
    every_seconds: Named[float]
    created_at: Named[datetime] = Column(UtcTime)
    position: Named[str] = Column(Text)
    revision: Named[int] = Column(BigInteger)
    pass_number: Named[int] = Column(BigInteger)
    sweep_below: Named[int | None] = Column(BigInteger)
    unsupported: Named[str] = Column(Text)
    malformed: Named[int] = Column(BigInteger)
    last_fetch_at: Named[datetime | None] = Column(UtcTime)
    last_success_at: Named[datetime | None] = Column(UtcTime)
    last_error_at: Named[datetime | None] = Column(UtcTime)
    last_error: Named[str] = Column(Text)
    failures: Named[int]
    due_at: Named[datetime] = Column(UtcTime)


exchanges = Table("exchanges", METADATA, ExchangeColumns, Index("ix_exchanges_bank", "bank"))


class ExchangeItemColumns(TypedColumns):
    """What an exchange says now of one of its items; `opinions` is the JSON of each owner's, `own` is ours.

    `entry_id` is the bank's entry for its hash, which other items may share. `seen_pass` is the last pass it was in.
    """

    exchange: Named[str] = Column(ForeignKey("exchanges.name"), primary_key=True)
    item: Named[str] = Column(primary_key=True)
    pdq: Named[str] = Column(String(64))
    quality: Named[int]
    opinions: Named[str] = Column(Text)
    own: Named[Opinion | None] = Column(choice(Opinion))
    category: Named[str]
    note: Named[str] = Column(Text)
    feedback: Named[str] = Column(Text)
    entry_id: Named[str | None] = Column(String(36))
    seen_pass: Named[int] = Column(BigInteger)
    updated_at: Named[datetime] = Column(UtcTime)


exchange_items = Table(
    "exchange_items",
    METADATA,
    ExchangeItemColumns,
    Index("ix_exchange_items_pdq", "pdq"),
    Index("ix_exchange_items_entry_id", "entry_id"),
    Index("ix_exchange_items_seen", "exchange", "seen_pass"),
)


class ExchangeFeedbackColumns(TypedColumns):
    """A result of ours on its way to an exchange; `state` is pending, sent, dropped (a later one counts) or dead.

    `due_at` is the next try, or the end of the lease of the worker that took it.
    """

    number: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    exchange: Named[str] = Column(ForeignKey("exchanges.name"))
    item: Named[str]
    outcome: Named[Outcome] = Column(choice(Outcome))
    state: Named[str] = Column(String(16))
    attempts: Named[int]
    created_at: Named[datetime] = Column(UtcTime)
    due_at: Named[datetime] = Column(UtcTime)
    sent_at: Named[datetime | None] = Column(UtcTime)
    last_error: Named[str] = Column(Text)


exchange_feedback = Table(
    "exchange_feedback",
    METADATA,
    ExchangeFeedbackColumns,
    CheckConstraint("state IN ('pending', 'sent', 'dropped', 'dead')", name="state"),
    UniqueConstraint("exchange", "item", "outcome"),
    Index("ix_exchange_feedback_due", "state", "due_at"),
)


class ExchangeMarkColumns(TypedColumns):
    """How far results were collected: the number of the newest audit event that was looked at, in a single row."""

    id: Named[int] = Column(primary_key=True, autoincrement=False)
    number: Named[int] = Column(BigInteger)


exchange_mark = Table("exchange_mark", METADATA, ExchangeMarkColumns, CheckConstraint("id = 1", name="single"))
