"""Reading the audit log as people do: newest first, by subject, actor or kind, a page at a time."""

from dataclasses import dataclass

from sqlalchemy import select

from moderation.domain.audit import AuditEvent
from moderation.domain.errors import InvalidInputError
from moderation.storage.audit import event_of
from moderation.storage.engine import Database
from moderation.storage.review.cursors import read_cursor, write_cursor
from moderation.storage.tables import audit_events

MAX_PAGE = 200
_CURSOR = "audit"


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which events; every part that is given must be equal. `subject` is e.g. "post:<id>", `actor` "account:<name>".

    `upto`: only events numbered so or lower.
    """

    subject: str = ""
    actor: str = ""
    kind: str = ""
    upto: int | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Events, newest first; `next_cursor` is None on the last page."""

    events: tuple[AuditEvent, ...]
    next_cursor: str | None


class AuditSearch:
    """Reads the audit log of one database. Every page is one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, query: AuditQuery, *, cursor: str | None, limit: int) -> AuditPage:
        """Up to `limit` events, newest first. Raises `InvalidInputError` for a cursor of another list."""
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInputError(f"A page has 1 to {MAX_PAGE} events.")
        statement = select(audit_events).order_by(audit_events.c.number.desc()).limit(limit + 1)
        for column, value in (("subject", query.subject), ("actor", query.actor), ("kind", query.kind)):
            if value:
                statement = statement.where(audit_events.c[column] == value)
        if query.upto is not None:
            statement = statement.where(audit_events.c.number <= query.upto)
        if cursor is not None:
            (number,) = read_cursor(cursor, _CURSOR, int)
            statement = statement.where(audit_events.c.number < number)
        with self._database.read() as connection:
            events = [event_of(row) for row in connection.execute(statement)]
        more = len(events) > limit
        return AuditPage(tuple(events[:limit]), write_cursor(_CURSOR, events[limit - 1].number) if more else None)
