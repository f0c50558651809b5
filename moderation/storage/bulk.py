"""Filling a database quickly with rows that are already right, for measurements: COPY, and indexes built at the end."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import psycopg
from sqlalchemy import Connection, Table, insert, text, update

from moderation.domain.audit import AuditDraft, canonical_json, link
from moderation.domain.ids import Digest
from moderation.storage.audit import lock
from moderation.storage.engine import Database
from moderation.storage.tables import METADATA, audit_head

CHUNK = 5_000
_SECONDARY = """
SELECT indexname AS name, indexdef AS definition FROM pg_indexes
WHERE schemaname = 'public' AND NOT EXISTS (
    SELECT 1 FROM pg_constraint WHERE conindid = (quote_ident(schemaname) || '.' || quote_ident(indexname))::regclass)
"""


class BulkLoad:
    """Rows for one transaction of filling. The caller brings the audit events that tell of them, too."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def next_number(self) -> int:
        """The number that the first of `events` will have."""
        return int(lock(self._connection).number) + 1

    def events(self, drafts: Iterable[AuditDraft]) -> int:
        """Append to the audit chain, in order; returns how many events there were."""
        head = lock(self._connection)
        chain = _Chain(head.number, Digest(head.digest))
        columns = ("number", "at", "kind", "subject", "actor", "payload", "previous", "digest")
        count = self.rows("audit_events", columns, (chain.row(draft) for draft in drafts))
        self._connection.execute(update(audit_head).values(number=chain.number, digest=chain.digest))
        return count

    def rows(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        """Insert `rows`, each with a value for every one of `columns`, in order; returns how many there were.

        Values are what the columns hold in the database: times aware, enumerations as text.
        """
        target = METADATA.tables[table]
        if self._connection.dialect.name == "postgresql":
            return self._copied(target, columns, rows)
        return self._inserted(target, columns, rows)

    def _copied(self, table: Table, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        count = 0
        with (
            _driver(self._connection).cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)
                count += 1
        return count

    def _inserted(self, table: Table, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        source, count = iter(rows), 0
        while chunk := [dict(zip(columns, row, strict=True)) for row in islice(source, CHUNK)]:
            self._connection.execute(insert(table), chunk)
            count += len(chunk)
        return count


@dataclass(slots=True)
class _Chain:
    """The newest event so far."""

    number: int
    digest: Digest

    def row(self, draft: AuditDraft) -> tuple[object, ...]:
        """The row of the next event."""
        event = link(draft, self.number + 1, self.digest)
        self.number, self.digest = event.number, event.digest
        payload = canonical_json(event.payload)
        return event.number, event.at, event.kind, event.subject, event.actor, payload, event.previous, event.digest


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


@contextmanager
def bulk_load(database: Database) -> Iterator[BulkLoad]:
    """One transaction that fills a migrated database; at its end every index is there again, with statistics.

    On PostgreSQL it needs a superuser, and other connections wait: foreign keys are not checked row by row. Nothing
    of it stays when it fails.
    """
    with database.write() as connection:
        if database.dialect != "postgresql":
            yield BulkLoad(connection)
            connection.execute(text("ANALYZE"))
            return
        for setting in (
            "statement_timeout = 0",
            "session_replication_role = replica",
            "maintenance_work_mem = '512MB'",
        ):
            connection.execute(text(f"SET LOCAL {setting}"))
        found = connection.execute(text(_SECONDARY)).all()
        for index in found:
            connection.execute(text(f'DROP INDEX "{index.name}"'))
        yield BulkLoad(connection)
        for index in found:
            _driver(connection).execute(index.definition)
        connection.execute(text("ANALYZE"))
