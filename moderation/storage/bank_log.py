"""The log of bank changes, appended to inside the caller's transaction, and the banks that it defines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, insert, select, text, true

from moderation.domain.audit import AuditDraft, Json, canonical_json
from moderation.domain.bank import Bank
from moderation.domain.ids import EntryId
from moderation.storage.audit import append
from moderation.storage.bank_rows import bank_of
from moderation.storage.tables import bank_changes

LOCK = 7_229_511_480_266_193_005
"""PostgreSQL's advisory lock of whoever changes the banks; an arbitrary number, the same everywhere."""

Operation = Literal["create", "update", "delete", "add", "amend", "remove"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change; `entry_id` and `pdq` are set where it concerns an entry."""

    operation: Operation
    bank: str
    payload: Mapping[str, Json]
    entry_id: EntryId | None = None
    pdq: str | None = None


def lock(connection: Connection) -> None:
    """Wait for every other change to be committed, so that checkpoints are numbered in the order of their commits.

    It is taken before the audit log's lock, and the log is appended to last: lanes that commit verdicts need not wait
    while many entries are written. On SQLite the transaction itself is the lock.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def record(connection: Connection, changes: Sequence[Change], *, actor: str, now: datetime) -> int:
    """Append changes in order, under `lock`; returns the number of the last one."""
    number = newest(connection)
    rows = [
        {
            "number": number + position,
            "at": now,
            "actor": actor,
            "operation": change.operation,
            "bank": change.bank,
            "entry_id": change.entry_id,
            "pdq": change.pdq,
            "payload": canonical_json(change.payload),
        }
        for position, change in enumerate(changes, 1)
    ]
    if rows:
        connection.execute(insert(bank_changes), rows)
    return number + len(rows)


def tell(connection: Connection, what: str, bank: str, facts: Mapping[str, Json], *, actor: str, now: datetime) -> None:
    """Append the audit event of changes that were recorded; `facts` hold no hashes, which are secrets."""
    payload: dict[str, Json] = {**facts, "checkpoint": str(newest(connection))}
    append(connection, [AuditDraft(now, f"bank.{what}", f"bank:{bank}", actor, payload)])


def count_anew(connection: Connection) -> None:
    """Let PostgreSQL see what this transaction wrote: it would read a whole bank to look for each of many hashes."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("ANALYZE bank_changes"))


def newest(connection: Connection) -> int:
    """The number of the newest change, 0 when there was none."""
    return connection.execute(select(func.max(bank_changes.c.number))).scalar_one() or 0


def banks(connection: Connection, as_of: int | None) -> list[Bank]:
    """Every bank as of a change (None: now), by name; its newest definition counts. Reads no changes of entries."""
    query = select(bank_changes.c.operation, bank_changes.c.bank, bank_changes.c.payload).where(
        bank_changes.c.bank.in_(_names(connection)),
        bank_changes.c.operation.in_(("create", "update", "delete")),
        true() if as_of is None else bank_changes.c.number <= as_of,
    )
    newest_row = {row.bank: row for row in connection.execute(query.order_by(bank_changes.c.number))}
    return [bank_of(newest_row[name]) for name in sorted(newest_row) if newest_row[name].operation != "delete"]


def _names(connection: Connection) -> list[str]:
    """Every name that a bank ever had: one look into the index for each, where DISTINCT reads the whole log."""
    column = bank_changes.c.bank
    names = select(func.min(column).label("bank")).cte("names", recursive=True)
    following = select(func.min(column)).where(column > names.c.bank).scalar_subquery()
    names = names.union_all(select(following).where(names.c.bank.is_not(None)))
    return list(connection.execute(select(names.c.bank).where(names.c.bank.is_not(None))).scalars())


def bank(connection: Connection, name: str) -> Bank | None:
    """The bank of that name, or None."""
    if not name.isprintable():
        return None
    query = (
        select(bank_changes.c.operation, bank_changes.c.bank, bank_changes.c.payload)
        .where(bank_changes.c.bank == name, bank_changes.c.operation.in_(("create", "update", "delete")))
        .order_by(bank_changes.c.number.desc())
    )
    row = connection.execute(query.limit(1)).one_or_none()
    return None if row is None or row.operation == "delete" else bank_of(row)
