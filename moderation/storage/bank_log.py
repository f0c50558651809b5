"""The log of bank changes, written and read inside the caller's transaction."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, insert, select, true

from moderation.domain.audit import AuditDraft, Json, canonical_json
from moderation.domain.bank import Bank, BankEffect, BankEntry
from moderation.domain.ids import EntryId
from moderation.storage.audit import append
from moderation.storage.rows import AnyRow, AnySelect
from moderation.storage.tables import audit_head, bank_changes


@dataclass(frozen=True, slots=True)
class Change:
    """One change; `entry_id` and `pdq` are set where it concerns an entry."""

    operation: Literal["create", "update", "add", "remove"]
    bank: str
    payload: Mapping[str, Json]
    entry_id: EntryId | None = None
    pdq: str | None = None


def lock(connection: Connection) -> None:
    """Wait for every other change to be committed, so that checkpoints are numbered in the order of their commits."""
    connection.execute(select(audit_head.c.number).with_for_update())


def record(connection: Connection, change: Change, *, actor: str, now: datetime) -> None:
    """Append a change, under `lock`. The audit event names the entry, not its hash: hashes are secrets."""
    row = {
        "number": newest(connection) + 1,
        "at": now,
        "actor": actor,
        "operation": change.operation,
        "bank": change.bank,
        "entry_id": change.entry_id,
        "pdq": change.pdq,
        "payload": canonical_json(change.payload),
    }
    connection.execute(insert(bank_changes).values(**row))
    told: dict[str, Json] = {**change.payload, "checkpoint": str(row["number"])}
    if change.entry_id is not None:
        told["entry"] = change.entry_id
    append(connection, [AuditDraft(now, f"bank.{change.operation}", f"bank:{change.bank}", actor, told)])


def newest(connection: Connection) -> int:
    """The number of the newest change, 0 when there was none."""
    return connection.execute(select(func.max(bank_changes.c.number))).scalar_one() or 0


def bank_payload(bank: Bank) -> dict[str, Json]:
    """What a change stores of a bank beside its name."""
    return {
        "effect": bank.effect,
        "distance_bits": bank.distance_bits,
        "min_quality": bank.min_quality,
        "description": bank.description,
    }


def banks(connection: Connection, as_of: int | None) -> list[Bank]:
    """Every bank as of a change (None: now), by name; its newest definition counts."""
    query = select(bank_changes.c.bank, bank_changes.c.payload).where(
        bank_changes.c.operation.in_(("create", "update")), true() if as_of is None else bank_changes.c.number <= as_of
    )
    found = {row.bank: _bank(row) for row in connection.execute(query.order_by(bank_changes.c.number))}
    return [found[name] for name in sorted(found)]


def bank(connection: Connection, name: str) -> Bank | None:
    """The bank of that name, or None."""
    query = (
        select(bank_changes.c.bank, bank_changes.c.payload)
        .where(bank_changes.c.bank == name, bank_changes.c.operation.in_(("create", "update")))
        .order_by(bank_changes.c.number.desc())
    )
    row = connection.execute(query.limit(1)).one_or_none()
    return None if row is None else _bank(row)


def sizes(connection: Connection) -> dict[str, int]:
    """The number of entries by bank, of banks that have any."""
    live = _live(None).subquery()
    query = select(live.c.bank, func.count().label("size")).group_by(live.c.bank)
    return {row.bank: row.size for row in connection.execute(query)}


def entries(
    connection: Connection, *, bank: str | None = None, as_of: int | None = None, limit: int | None = None
) -> list[BankEntry]:
    """Entries as of a change (None: now): oldest first, or the newest `limit` ones, newest first."""
    query = _live(as_of)
    if bank is not None:
        query = query.where(bank_changes.c.bank == bank)
    order = bank_changes.c.number if limit is None else bank_changes.c.number.desc()
    return [_entry(row) for row in connection.execute(query.order_by(order).limit(limit))]


def entry(connection: Connection, entry_id: EntryId) -> BankEntry | None:
    """The entry, or None when no bank has it now."""
    row = connection.execute(_live(None).where(bank_changes.c.entry_id == entry_id)).one_or_none()
    return None if row is None else _entry(row)


def entry_with(connection: Connection, bank: str, pdq: str) -> BankEntry | None:
    """The bank's entry with this hash, or None."""
    query = _live(None).where(bank_changes.c.bank == bank, bank_changes.c.pdq == pdq)
    row = connection.execute(query).first()
    return None if row is None else _entry(row)


def _live(as_of: int | None) -> AnySelect:
    """Additions that no removal follows."""
    removal = bank_changes.alias("removal")
    gone = select(removal.c.number).where(
        removal.c.entry_id == bank_changes.c.entry_id,
        removal.c.operation == "remove",
        true() if as_of is None else removal.c.number <= as_of,
    )
    return select(bank_changes).where(
        bank_changes.c.operation == "add",
        true() if as_of is None else bank_changes.c.number <= as_of,
        ~gone.exists(),
    )


def _bank(row: AnyRow) -> Bank:
    stored = json.loads(row.payload)
    return Bank(
        name=row.bank,
        effect=BankEffect(stored["effect"]),
        distance_bits=stored["distance_bits"],
        min_quality=stored["min_quality"],
        description=stored["description"],
    )


def _entry(row: AnyRow) -> BankEntry:
    stored = json.loads(row.payload)
    return BankEntry(
        id=EntryId(row.entry_id),
        bank=row.bank,
        pdq=row.pdq,
        quality=stored["quality"],
        added_at=row.at,
        source=stored["source"],
        note=stored["note"],
        category=stored["category"],
    )
