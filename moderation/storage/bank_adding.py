"""Adding entries to a bank, and removing them, inside the caller's transaction and under the banks' lock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection

from moderation.domain.bank import KEEP, BankEntry, EntryDraft, Opinion
from moderation.domain.ids import EntryId, new_id
from moderation.storage import bank_entries, bank_keypoints, bank_log
from moderation.storage.bank_checks import MAX_PROVENANCE, checked
from moderation.storage.bank_entries import CHUNK
from moderation.storage.bank_log import Change
from moderation.storage.bank_rows import entry_payload

GROWTH = 3
"""Statistics are made anew when this many times more entries were added than at the last time."""

MAX_BANKED_BY = 20
"""Whoever banks an entry after so many others is in the log of changes only."""


@dataclass(slots=True)
class Added:
    """What became of drafts: the entry of each, in order, and how many entries are new and how many were amended."""

    entries: list[BankEntry] = field(default_factory=list)
    new: int = 0
    amended: int = 0


def add(
    connection: Connection, bank: str, drafts: Iterable[EntryDraft], *, actor: str, now: datetime, brought: bool = False
) -> Added:
    """Add drafts to a bank that exists, a chunk at a time. Raises `InvalidInputError` for a wrong value.

    `brought`: exchanges say so; the actor stands for none of it.
    """
    added, source, counted = Added(), iter(drafts), 0
    while some := [checked(draft) for draft in islice(source, CHUNK)]:
        _add_some(connection, bank, some, added, actor=actor, now=now, brought=brought)
        if added.new >= CHUNK + counted * GROWTH:
            bank_log.count_anew(connection)
            counted = added.new
    return added


def _add_some(
    connection: Connection,
    bank: str,
    drafts: Sequence[EntryDraft],
    added: Added,
    *,
    actor: str,
    now: datetime,
    brought: bool,
) -> None:
    known = bank_entries.with_hashes(connection, bank, [draft.pdq for draft in drafts])
    number = bank_log.newest(connection)
    changes: list[Change] = []
    keypoints: dict[EntryId, bytes] = {}
    for draft in drafts:
        before = known.get(draft.pdq)
        if before is None:
            entry = _backed(_new(bank, draft, number + len(changes) + 1, now), actor, brought=brought)
            added.new += 1
        else:
            entry = _backed(merged(before, draft, now), actor, brought=brought)
            added.amended += entry != before
        if entry != before:
            changes.append(state(entry, "add" if before is None else "amend"))
        if draft.keypoints is not None and (before is None or not before.has_keypoints):
            keypoints[entry.id] = draft.keypoints
        known[draft.pdq] = entry
        added.entries.append(entry)
    bank_log.record(connection, changes, actor=actor, now=now)
    bank_keypoints.store(connection, keypoints)


def merged(entry: BankEntry, draft: EntryDraft, now: datetime) -> BankEntry:
    """The entry with what a draft of the same hash says anew; see `BankStore.add`."""
    provenance = {**entry.provenance, **draft.provenance}
    expired = entry.expires_at is not None and entry.expires_at <= now
    return replace(
        entry,
        quality=max(entry.quality, draft.quality),
        opinion=entry.opinion if draft.opinion is KEEP else draft.opinion,
        note=draft.note or entry.note,
        category=draft.category or entry.category,
        phash=entry.phash or draft.phash,
        dhash=entry.dhash or draft.dhash,
        disable_until=draft.disable_until or entry.disable_until,
        expires_at=draft.expires_at if draft.expires_at is not None or expired else entry.expires_at,
        has_keypoints=entry.has_keypoints or draft.keypoints is not None,
        provenance=provenance if len(provenance) <= MAX_PROVENANCE else entry.provenance,
    )


def _backed(entry: BankEntry, actor: str, *, brought: bool) -> BankEntry:
    """The entry with who banked it: what an exchange brought too goes with the exchange only if nobody did."""
    if brought or actor in entry.banked_by or len(entry.banked_by) >= MAX_BANKED_BY:
        return entry
    return replace(entry, banked_by=(*entry.banked_by, actor))


def remove(connection: Connection, entries: Sequence[BankEntry], *, actor: str, now: datetime) -> None:
    """Record that entries are gone, and forget their keypoints."""
    changes = [Change("remove", entry.bank, {}, entry.id, entry.pdq) for entry in entries]
    bank_log.record(connection, changes, actor=actor, now=now)
    bank_keypoints.forget(connection, [entry.id for entry in entries if entry.has_keypoints])


def state(entry: BankEntry, operation: bank_log.Operation) -> Change:
    """The change that records an entry's state."""
    return Change(operation, entry.bank, entry_payload(entry), entry.id, entry.pdq)


def _new(bank: str, draft: EntryDraft, number: int, now: datetime) -> BankEntry:
    return BankEntry(
        id=EntryId(new_id(now)),
        bank=bank,
        pdq=draft.pdq,
        quality=draft.quality,
        added_at=now,
        source=draft.source,
        note=draft.note,
        category=draft.category,
        number=number,
        phash=draft.phash,
        dhash=draft.dhash,
        opinion=Opinion.POSITIVE if draft.opinion is KEEP else draft.opinion,
        disable_until=draft.disable_until,
        expires_at=draft.expires_at,
        has_keypoints=draft.keypoints is not None,
        provenance=dict(draft.provenance),
    )
