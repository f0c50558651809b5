"""Bank entries, read out of the log of changes."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, case, func, literal_column, select, true

from moderation.domain.bank import BankEntry
from moderation.domain.ids import EntryId
from moderation.storage.bank_rows import entry_of
from moderation.storage.rows import AnySelect
from moderation.storage.tables import bank_changes

Item = TypeVar("Item")

CHUNK = 1_000
"""Names in one query; databases limit how many a statement may hold."""

_ADD: ColumnElement[str] = literal_column("'add'")
_AMEND: ColumnElement[str] = literal_column("'amend'")
_REMOVE: ColumnElement[str] = literal_column("'remove'")
"""Written out in queries: a partial index is used only where its condition is in the statement itself."""


def live(as_of: int | None = None) -> AnySelect:
    """Additions that no removal follows, with the payload of the newest state, as of a change (None: now)."""
    added, amended, removed = bank_changes, bank_changes.alias("amended"), bank_changes.alias("removed")
    newest = (
        select(func.max(amended.c.number))
        .where(amended.c.entry_id == added.c.entry_id, amended.c.operation == _AMEND, _until(amended.c.number, as_of))
        .correlate(added)
        .scalar_subquery()
    )
    gone = select(removed.c.number).where(
        removed.c.entry_id == added.c.entry_id, removed.c.operation == _REMOVE, _until(removed.c.number, as_of)
    )
    state = bank_changes.alias("state")
    return (
        select(
            added.c.number,
            added.c.at,
            added.c.bank,
            added.c.entry_id,
            added.c.pdq,
            func.coalesce(state.c.payload, added.c.payload).label("payload"),
        )
        .select_from(added.outerjoin(state, state.c.number == newest))
        .where(added.c.operation == _ADD, _until(added.c.number, as_of), ~gone.exists())
    )


def read(connection: Connection, query: AnySelect) -> list[BankEntry]:
    """The entries of a query made from `live`."""
    return [entry_of(row, row.payload) for row in connection.execute(query)]


def page(connection: Connection, as_of: int | None, after: int, limit: int | None) -> list[BankEntry]:
    """Up to `limit` entries numbered above `after`, by number."""
    query = live(as_of).where(bank_changes.c.number > after)
    return read(connection, query.order_by(bank_changes.c.number).limit(limit))


def newest_of(connection: Connection, bank: str, before: int | None, limit: int) -> list[BankEntry]:
    """Up to `limit` entries of a bank numbered below `before` (None: any), newest first."""
    query = live().where(bank_changes.c.bank == bank, true() if before is None else bank_changes.c.number < before)
    return read(connection, query.order_by(bank_changes.c.number.desc()).limit(limit))


def entry(connection: Connection, entry_id: EntryId) -> BankEntry | None:
    """The entry, or None when no bank has it now."""
    return next(iter(read(connection, live().where(bank_changes.c.entry_id == entry_id))), None)


def by_id(connection: Connection, entry_ids: Iterable[EntryId]) -> list[BankEntry]:
    """Those of the entries that a bank has now, by number."""
    found = [
        one
        for some in chunks(list(dict.fromkeys(entry_ids)))
        for one in read(connection, live().where(bank_changes.c.entry_id.in_(some)))
    ]
    return sorted(found, key=lambda one: one.number)


def by_number(connection: Connection, numbers: Iterable[int], as_of: int | None) -> dict[int, BankEntry]:
    """Those of the entries that a bank has as of a change."""
    return {
        one.number: one
        for some in chunks(list(dict.fromkeys(numbers)))
        for one in read(connection, live(as_of).where(bank_changes.c.number.in_(some)))
    }


def with_hashes(connection: Connection, bank: str, pdqs: Sequence[str]) -> dict[str, BankEntry]:
    """The bank's entries with these PDQ hashes, by hash."""
    return {
        one.pdq: one
        for some in chunks(pdqs)
        for one in read(connection, live().where(bank_changes.c.bank == bank, bank_changes.c.pdq.in_(some)))
    }


def everywhere(connection: Connection, pdq: str) -> list[BankEntry]:
    """The entries of every bank with this hash, by number."""
    return read(connection, live().where(bank_changes.c.pdq == pdq).order_by(bank_changes.c.number))


def sizes(connection: Connection) -> dict[str, int]:
    """The number of entries by bank: additions less removals."""
    sign = case((bank_changes.c.operation == _ADD, 1), else_=-1)
    query = (
        select(bank_changes.c.bank, func.sum(sign).label("size"))
        .where(bank_changes.c.operation.in_((_ADD, _REMOVE)))
        .group_by(bank_changes.c.bank)
    )
    return {row.bank: int(row.size) for row in connection.execute(query)}


def chunks(items: Sequence[Item], size: int = CHUNK) -> Iterator[Sequence[Item]]:
    """The items in order, at most `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _until(number: ColumnElement[int], as_of: int | None) -> ColumnElement[bool]:
    return true() if as_of is None else number <= as_of
