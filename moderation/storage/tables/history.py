"""The audit chain, the log of bank changes, and policy documents: append-only."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    Named,
    String,
    Table,
    Text,
    TypedColumns,
    text,
)

from moderation.storage.columns import UtcTime
from moderation.storage.tables.metadata import METADATA


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


audit_events = Table(
    "audit_events",
    METADATA,
    AuditColumns,
    Index("ix_audit_events_subject_kind", "subject", "kind"),
    Index("ix_audit_events_actor_number", "actor", "number"),
    Index("ix_audit_events_kind_number", "kind", "number"),
)


class AuditHeadColumns(TypedColumns):
    """The newest event, in a single row: its lock orders all writers, and it betrays a chain that was cut short."""

    id: Named[int] = Column(primary_key=True, autoincrement=False)
    number: Named[int] = Column(BigInteger)
    digest: Named[str] = Column(String(64))


audit_head = Table("audit_head", METADATA, AuditHeadColumns, CheckConstraint("id = 1", name="single"))


ADDED_SQL = "operation = 'add'"
AMENDED_SQL = "operation = 'amend'"
REMOVED_SQL = "operation = 'remove'"
"""Conditions of the partial indexes; a query that is to use them says them in the same words."""


def _of_entry(name: str, condition: str, *columns: str, unique: bool = False) -> Index:
    only = text(condition)
    name = f"ix_bank_changes_{name}"
    return Index(name, *columns, unique=unique, sqlite_where=only, postgresql_where=only)


class BankChangeColumns(TypedColumns):
    """One change to the banks; `operation` is one of `BankChange`'s. Any checkpoint is a prefix of these.

    An `add` and an `amend` hold the whole state of the entry after them; a `remove` holds nothing.
    """

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
    CheckConstraint("operation IN ('create', 'update', 'delete', 'add', 'amend', 'remove')", name="operation"),
    Index("ix_bank_changes_pdq", "pdq", "bank", "operation"),
    Index("ix_bank_changes_bank", "bank", "operation", "number"),
    _of_entry("added", ADDED_SQL, "entry_id", unique=True),
    _of_entry("amended", AMENDED_SQL, "entry_id", "number"),
    _of_entry("removed", REMOVED_SQL, "entry_id", unique=True),
)


class BankKeypointColumns(TypedColumns):
    """An entry's keypoints, packed (about 20 KB), for as long as a bank has it. No picture can be made of them."""

    entry_id: Named[str] = Column(String(36), primary_key=True)
    keypoints: Named[bytes] = Column(LargeBinary)


bank_keypoints = Table("bank_keypoints", METADATA, BankKeypointColumns)


class PolicyColumns(TypedColumns):
    """The text of every policy that judged a post, by its SHA-256."""

    digest: Named[str] = Column(String(64), primary_key=True)
    text: Named[str] = Column(Text)
    at: Named[datetime] = Column(UtcTime)


policies = Table("policies", METADATA, PolicyColumns)
