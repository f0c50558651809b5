"""Banks and entries as the log stores them. What older rows lack has its default."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moderation.domain.audit import Json
from moderation.domain.bank import Bank, BankEffect, BankEntry, Opinion
from moderation.domain.ids import EntryId
from moderation.storage.rows import AnyRow

_SECRET = frozenset({"phash", "dhash"})
EXCHANGE = "exchange"
"""The source of entries that an exchange brought."""
UNKNOWN = "unknown"
_OF_EXCHANGES = frozenset({"exchange", "id"})


def bank_payload(bank: Bank) -> dict[str, Json]:
    """What a change stores of a bank beside its name."""
    return {
        "effect": bank.effect,
        "distance_bits": bank.distance_bits,
        "min_quality": bank.min_quality,
        "description": bank.description,
        "review_bits": bank.review_bits,
        "secondary_bits": bank.secondary_bits,
        "verify": bank.verify,
        "enabled": bank.enabled,
    }


def bank_of(row: AnyRow) -> Bank:
    """The definition in a `create`, `update` or `delete`."""
    return Bank(name=row.bank, **{**(stored := json.loads(row.payload)), "effect": BankEffect(stored["effect"])})


def entry_payload(entry: BankEntry) -> dict[str, Json]:
    """What an `add` or `amend` stores of an entry: everything beside its id, bank, PDQ hash, number and time."""
    return {
        "quality": entry.quality,
        "source": entry.source,
        "note": entry.note,
        "category": entry.category,
        "phash": entry.phash,
        "dhash": entry.dhash,
        "opinion": entry.opinion,
        "disable_until": _text(entry.disable_until),
        "expires_at": _text(entry.expires_at),
        "demoted": entry.demoted,
        "has_keypoints": entry.has_keypoints,
        "provenance": dict(entry.provenance),
        "banked_by": list(entry.banked_by),
    }


def told(payload: Mapping[str, Json]) -> dict[str, Json]:
    """What the audit log may hold of a payload: no hashes, which are secrets."""
    return {name: value for name, value in payload.items() if name not in _SECRET}


def entry_of(row: AnyRow, payload: str) -> BankEntry:
    """The entry that the `add` in `row` made, in the state that `payload` describes."""
    stored: dict[str, Any] = json.loads(payload)
    return BankEntry(
        id=EntryId(row.entry_id),
        bank=row.bank,
        pdq=row.pdq,
        quality=stored["quality"],
        added_at=row.at,
        source=stored["source"],
        note=stored["note"],
        category=stored["category"],
        number=row.number,
        phash=stored.get("phash", ""),
        dhash=stored.get("dhash", ""),
        opinion=Opinion(stored.get("opinion", Opinion.POSITIVE)),
        disable_until=_time(stored.get("disable_until")),
        expires_at=_time(stored.get("expires_at")),
        demoted=stored.get("demoted", False),
        has_keypoints=stored.get("has_keypoints", False),
        provenance=stored.get("provenance", {}),
        banked_by=tuple(stored["banked_by"]) if "banked_by" in stored else _banked_before(row, stored),
    )


def _banked_before(row: AnyRow, stored: Mapping[str, Any]) -> tuple[str, ...]:
    """Who banked an entry, in rows from before that was told: a provenance that no exchange writes is a person's."""
    if stored["source"] != EXCHANGE:
        return (row.actor,)
    return () if set(stored.get("provenance", {})) <= _OF_EXCHANGES else (UNKNOWN,)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
