"""Sums over banks and their entries, for whoever looks after them. No answer holds a hash."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, exists, func, literal_column, select

from moderation.domain.audit import Json
from moderation.domain.ids import EntryId, PostId
from moderation.storage.bank_entries import chunks
from moderation.storage.bank_rows import told
from moderation.storage.engine import Database
from moderation.storage.match_counts import FLOODED, MATCHED
from moderation.storage.tables import bank_changes
from moderation.storage.tables import counters as counter_table

DEMOTED = '"demoted":true'
"""How a payload says that an entry is demoted; in a text its quotes would be escaped."""
MAX_AMENDMENTS = 100
POST = "post"
"""The word of a provenance that names a post here."""

_ADD: ColumnElement[str] = literal_column("'add'")
_AMEND: ColumnElement[str] = literal_column("'amend'")
_REMOVE: ColumnElement[str] = literal_column("'remove'")
"""Written out, as the partial indexes have it; see `bank_entries`."""


@dataclass(frozen=True, slots=True)
class BankSummary:
    """What a bank came to: entries, those of them that are demoted, and posts refused and floods since a time.

    The last change is of the bank or of an entry, `changed_by` as the audit log names people and clients.
    """

    entries: int = 0
    demoted: int = 0
    refused: int = 0
    floods: int = 0
    changed_at: datetime | None = None
    changed_by: str = ""


@dataclass(frozen=True, slots=True)
class EntryChange:
    """One change of an entry; `state` is what was said of it afterwards, without hashes, empty for a removal."""

    number: int
    at: datetime
    actor: str
    operation: str
    state: Mapping[str, Json]


class BankOverviewStore:
    """Reads the banks of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def summaries(self, since: datetime) -> dict[str, BankSummary]:
        """By bank, deleted ones too; posts and floods are counted in the hours that begin at `since` or later."""
        with self._database.snapshot() as connection:
            sizes, last = _sizes(connection)
            demoted = _demoted(connection)
            refused = _counted(connection, MATCHED, since)
            floods = _counted(connection, FLOODED, since)
            changed = _changed(connection, last.values())
        return {
            bank: BankSummary(
                size, demoted.get(bank, 0), refused.get(bank, 0), floods.get(bank, 0), *changed[last[bank]]
            )
            for bank, size in sizes.items()
        }

    def refused(self, entry_ids: Collection[EntryId], since: datetime) -> dict[EntryId, int]:
        """How many posts each of the entries made be rejected in the hours that begin at `since` or later."""
        columns, found = counter_table.c, dict[EntryId, int]()
        query = select(columns.label, func.sum(columns.value)).where(columns.name == MATCHED, columns.hour >= since)
        with self._database.read() as connection:
            for some in chunks(list(entry_ids)):
                rows = connection.execute(query.where(columns.label.in_(some)).group_by(columns.label))
                found |= {EntryId(entry): int(posts) for entry, posts in rows}
        return found

    def posts(self, entry_ids: Collection[EntryId]) -> dict[EntryId, frozenset[PostId]]:
        """The posts that each of the entries was ever said to come from; entries that came from none are absent.

        The newest provenance names one of them, while a note may be about any.
        """
        columns, found = bank_changes.c, dict[EntryId, set[PostId]]()
        query = select(columns.entry_id, columns.payload).where(columns.payload.contains(f'"{POST}":'))
        with self._database.read() as connection:
            for some in chunks(list(entry_ids)):
                for operation in (_ADD, _AMEND):
                    rows = query.where(columns.operation == operation, columns.entry_id.in_(some))
                    for row in connection.execute(rows):
                        post = json.loads(row.payload).get("provenance", {}).get(POST)
                        if post is not None:
                            found.setdefault(EntryId(row.entry_id), set()).add(PostId(post))
        return {entry: frozenset(posts) for entry, posts in found.items()}

    def history(self, entry_id: EntryId) -> list[EntryChange]:
        """How the entry came, and its newest `MAX_AMENDMENTS` amendments, oldest first."""
        columns = bank_changes.c
        query = select(columns.number, columns.at, columns.actor, columns.operation, columns.payload)
        query = query.where(columns.entry_id == entry_id)
        with self._database.snapshot() as connection:
            added = connection.execute(query.where(columns.operation == _ADD)).all()
            amended = query.where(columns.operation == _AMEND).order_by(columns.number.desc()).limit(MAX_AMENDMENTS)
            rows = [*added, *reversed(connection.execute(amended).all())]
        return [
            EntryChange(row.number, row.at, row.actor, row.operation, told(json.loads(row.payload))) for row in rows
        ]


def _sizes(connection: Connection) -> tuple[dict[str, int], dict[str, int]]:
    """The number of entries, and of the last change, by bank."""
    columns = bank_changes.c
    query = select(
        columns.bank, columns.operation, func.count().label("changes"), func.max(columns.number).label("last")
    )
    sizes: dict[str, int] = {}
    last: dict[str, int] = {}
    for row in connection.execute(query.group_by(columns.bank, columns.operation)):
        sign = {"add": 1, "remove": -1}.get(row.operation, 0)
        sizes[row.bank] = sizes.get(row.bank, 0) + sign * row.changes
        last[row.bank] = max(last.get(row.bank, 0), row.last)
    return sizes, last


def _demoted(connection: Connection) -> dict[str, int]:
    """Entries whose newest amendment left them demoted, by bank: nothing comes into a bank demoted."""
    columns, gone = bank_changes.c, bank_changes.alias("gone")
    newest = select(func.max(columns.number)).where(columns.operation == _AMEND).group_by(columns.entry_id)
    removed = exists().where(gone.c.entry_id == columns.entry_id, gone.c.operation == _REMOVE)
    query = select(columns.bank, func.count()).where(
        columns.operation == _AMEND,
        columns.number.in_(newest),
        columns.payload.contains(DEMOTED),
        ~removed.correlate(bank_changes),
    )
    return {bank: int(entries) for bank, entries in connection.execute(query.group_by(columns.bank))}


def _counted(connection: Connection, name: str, since: datetime) -> dict[str, int]:
    """What a counter of entries came to, by bank."""
    columns = counter_table.c
    query = select(columns.detail, func.sum(columns.value)).where(columns.name == name, columns.hour >= since)
    return {bank: int(value) for bank, value in connection.execute(query.group_by(columns.detail))}


def _changed(connection: Connection, numbers: Collection[int]) -> dict[int, tuple[datetime, str]]:
    """When and by whom, for each change."""
    columns, found = bank_changes.c, dict[int, tuple[datetime, str]]()
    for some in chunks(list(numbers)):
        query = select(columns.number, columns.at, columns.actor).where(columns.number.in_(some))
        found |= {row.number: (row.at, row.actor) for row in connection.execute(query)}
    return found
