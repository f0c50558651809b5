"""The audit log: appended inside the transaction that it tells of, without gaps, each event bound to the last."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from moderation.domain.audit import GENESIS, AuditDraft, AuditEvent, ChainBreak, canonical_json, link, verify_chain
from moderation.domain.ids import Digest
from moderation.storage.audit_evidence import missing_evidence
from moderation.storage.engine import Database
from moderation.storage.rows import AnyRow
from moderation.storage.tables import audit_events, audit_head

PAGE = 1_000
"""Events held in memory at once while the chain is verified."""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What `verify` found: `events` that hold, the digest of the last of them, and the first problem if any."""

    events: int
    head: Digest
    problem: ChainBreak | None


def append(connection: Connection, drafts: Sequence[AuditDraft]) -> list[AuditEvent]:
    """Append `drafts` in order. From here to the end of the transaction no other can append.

    Lock posts before this, never after: so writers cannot wait for each other in a circle.
    """
    if not drafts:
        return []
    head = lock(connection)
    number, previous = head.number, Digest(head.digest)
    events: list[AuditEvent] = []
    for draft in drafts:
        event = link(draft, number + 1, previous)
        events.append(event)
        number, previous = event.number, event.digest
    connection.execute(insert(audit_events), [_row(event) for event in events])
    connection.execute(update(audit_head).values(number=number, digest=previous))
    return events


def lock(connection: Connection) -> AnyRow:
    """Let no other append to the end of the transaction; returns the head as it is.

    For a transaction that knows what to append only after it took locks that others take after they appended.
    """
    return connection.execute(select(audit_head.c.number, audit_head.c.digest).with_for_update()).one()


class AuditStore:
    """The audit log as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, draft: AuditDraft) -> AuditEvent:
        """Append an event that no other store's transaction tells of."""
        with self._database.write() as connection:
            return append(connection, [draft])[0]

    def events(self, after: int = 0, limit: int = 100) -> list[AuditEvent]:
        """Up to `limit` events numbered above `after`, in order."""
        with self._database.read() as connection:
            return _page(connection, after, limit)

    def about(self, subject: str, limit: int = 100) -> list[AuditEvent]:
        """Up to `limit` events about one subject such as `post:<id>`, in order."""
        query = select(audit_events).where(audit_events.c.subject == subject).order_by(audit_events.c.number)
        with self._database.read() as connection:
            return [event_of(row) for row in connection.execute(query.limit(limit))]

    def head(self) -> tuple[int, Digest]:
        """Number and digest of the newest event; 0 and `GENESIS` when there is none."""
        with self._database.read() as connection:
            return _head(connection)

    def verify(self, progress: Callable[[int], None] | None = None) -> AuditReport:
        """Walk the whole chain, and look for verdicts and publications that no event tells of.

        Finds any edit, deletion or reordering, a tail that was cut off, and a verdict row that differs from its event.
        `progress` is called with the number of events that hold so far. Memory is bounded.
        """
        with self._database.snapshot() as connection:
            number, digest = 0, GENESIS
            for page in _pages(connection):
                found = verify_chain(page, number=number, previous=digest)
                if isinstance(found, ChainBreak):
                    return AuditReport(found.number - 1, digest, found)
                if found is not None:
                    number, digest = found.number, found.digest
                if progress is not None:
                    progress(number)
            return AuditReport(
                number, digest, _cut_off(connection, number, digest) or missing_evidence(connection, number)
            )


def _cut_off(connection: Connection, number: int, digest: Digest) -> ChainBreak | None:
    head_number, head_digest = _head(connection)
    if head_number > number:
        return ChainBreak(number + 1, f"the chain ends at {number}, but {head_number} events were written: cut off")
    if (head_number, head_digest) != (number, digest):
        return ChainBreak(number, "the newest event is not the one that was written last")
    return None


def _head(connection: Connection) -> tuple[int, Digest]:
    row = connection.execute(select(audit_head.c.number, audit_head.c.digest)).one_or_none()
    return (0, Digest("")) if row is None else (row.number, Digest(row.digest))


def _pages(connection: Connection) -> Iterator[list[AuditEvent]]:
    page = _page(connection, -(2**63) + 1, PAGE)
    while page:
        yield page
        page = _page(connection, page[-1].number, PAGE)


def _page(connection: Connection, after: int, limit: int) -> list[AuditEvent]:
    query = select(audit_events).where(audit_events.c.number > after).order_by(audit_events.c.number).limit(limit)
    return [event_of(row) for row in connection.execute(query)]


def _row(event: AuditEvent) -> dict[str, object]:
    return {
        "number": event.number,
        "at": event.at,
        "kind": event.kind,
        "subject": event.subject,
        "actor": event.actor,
        "payload": canonical_json(event.payload),
        "previous": event.previous,
        "digest": event.digest,
    }


def event_of(row: AnyRow) -> AuditEvent:
    """The event in a row of `audit_events`."""
    return AuditEvent(
        number=row.number,
        at=row.at,
        kind=row.kind,
        subject=row.subject,
        actor=row.actor,
        payload=json.loads(row.payload),
        previous=Digest(row.previous),
        digest=Digest(row.digest),
    )
