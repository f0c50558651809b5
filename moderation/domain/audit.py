"""The audit log's hash chain: pure functions over events, so that anyone can verify an export."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from moderation.domain.ids import Digest

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

GENESIS = Digest("0" * 64)
"""What the first event's `previous` holds."""


@dataclass(frozen=True, slots=True)
class AuditDraft:
    """An event before it has its place in the chain. `subject` is e.g. "post:<id>", `actor` "lane:<name>"."""

    at: datetime
    kind: str
    subject: str
    actor: str
    payload: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """A state change, numbered without gaps from 1 and bound to the event before it."""

    number: int
    at: datetime
    kind: str
    subject: str
    actor: str
    payload: Mapping[str, Json]
    previous: Digest
    digest: Digest


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """The first place at which the chain does not hold."""

    number: int
    problem: str


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def link(draft: AuditDraft, number: int, previous: Digest) -> AuditEvent:
    """`draft` as event `number`, after the event whose digest is `previous`.

    The digest is SHA-256 over the canonical JSON of every other field; times are UTC with microseconds.
    """
    digest = _digest(number, draft.at, draft.kind, draft.subject, draft.actor, draft.payload, previous)
    return AuditEvent(number, draft.at, draft.kind, draft.subject, draft.actor, draft.payload, previous, digest)


def verify_chain(
    events: Iterable[AuditEvent], *, number: int = 0, previous: Digest = GENESIS
) -> ChainBreak | AuditEvent | None:
    """Walk `events` in order, after event `number` with digest `previous`.

    Returns the first break, else the last event, else None when there was none.
    """
    last: AuditEvent | None = None
    for event in events:
        number += 1
        if event.number != number:
            return ChainBreak(number, f"event {number} is missing or out of order: found {event.number}")
        if event.previous != previous:
            return ChainBreak(number, "does not follow the event before it: one was changed, removed or moved")
        if event.digest != _digest(number, event.at, event.kind, event.subject, event.actor, event.payload, previous):
            return ChainBreak(number, "its contents do not match its digest: it was edited")
        previous, last = event.digest, event
    return last


def _digest(
    number: int, at: datetime, kind: str, subject: str, actor: str, payload: Mapping[str, Json], previous: Digest
) -> Digest:
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    body = canonical_json([number, moment, kind, subject, actor, payload, previous])
    return Digest(hashlib.sha256(body.encode()).hexdigest())
