"""Bank entries, read out of the log of changes.

Additions are selected first; then what became of them is looked up by their ids. One statement that does both would be
shorter, and databases then weigh it for the whole log to answer for a page of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, case, func, literal_column, select, true

from moderation.domain.bank import BankEntry
from moderation.domain.ids import EntryId
from moderation.storage.bank_rows import entry_of
from moderation.storage.rows import AnyRow
from moderation.storage.tables import bank_changes

Item = TypeVar("Item")

CHUNK = 1_000
"""Names in one query; databases limit how many a statement may hold."""
PAGE = 10_000
"""Additions that are read at once."""
MAX_NUMBER = 2**63 - 1
"""What a column of numbers can hold. Names and numbers that no row can have come from outside: nothing has them."""

_ADD: ColumnElement[str] = literal_column("'add'")
_AMEND: ColumnElement[str] = literal_column("'amend'")
_REMOVE: ColumnElement[str] = literal_column("'remove'")
"""Written out in queries: a partial index is used only where its condition is in the statement itself."""


def page(connection: Connection, as_of: int, after: int, limit: int) -> list[BankEntry]:
    """Up to `limit` entries as of a change, numbered above `after`, by number; fewer are the last ones."""
    found: list[BankEntry] = []
    while len(found) < limit:
        place = bank_changes.c.number > after, bank_changes.c.number <= as_of
        rows = _added(connection, *place, order=bank_changes.c.number, limit=min(PAGE, max(CHUNK, limit)))
        if not rows:
            break
        found += _resolved(connection, rows, as_of)
        after = rows[-1].number
    return found[:limit]


def everything(connection: Connection, as_of: int) -> Iterator[BankEntry]:
    """Every entry as of a change, by number."""
    after = 0
    while some := page(connection, as_of, after, PAGE):
        yield from some
        after = some[-1].number


def newest_of(connection: Connection, bank: str, before: int | None, limit: int) -> list[BankEntry]:
    """Up to `limit` entries of a bank numbered below `before` (None: any), newest first; fewer are the last ones."""
    found: list[BankEntry] = []
    newest_first = bank_changes.c.number.desc()
    before = None if before is None else max(0, min(before, MAX_NUMBER))
    while len(found) < limit:
        place = bank_changes.c.bank == bank, true() if before is None else bank_changes.c.number < before
        rows = _added(connection, *place, order=newest_first, limit=min(PAGE, max(CHUNK, limit)))
        if not rows:
            break
        found += _resolved(connection, rows, None)
        before = rows[-1].number
    return found[:limit]


def entry(connection: Connection, entry_id: EntryId) -> BankEntry | None:
    """The entry, or None when no bank has it now."""
    return next(iter(by_id(connection, (entry_id,))), None)


def by_id(connection: Connection, entry_ids: Iterable[EntryId]) -> list[BankEntry]:
    """Those of the entries that a bank has now, by number."""
    found = [
        one
        for some in chunks([one for one in dict.fromkeys(entry_ids) if one.isprintable()])
        for one in _resolved(connection, _added(connection, bank_changes.c.entry_id.in_(some)), None)
    ]
    return sorted(found, key=lambda one: one.number)


def by_number(connection: Connection, numbers: Iterable[int], as_of: int | None) -> dict[int, BankEntry]:
    """Those of the entries that a bank has as of a change (None: now)."""
    return {
        one.number: one
        for some in chunks([number for number in dict.fromkeys(numbers) if 0 < number <= MAX_NUMBER])
        for one in _resolved(connection, _added(connection, bank_changes.c.number.in_(some)), as_of)
        if as_of is None or one.number <= as_of
    }


def with_hashes(connection: Connection, bank: str, pdqs: Sequence[str]) -> dict[str, BankEntry]:
    """The bank's entries with these PDQ hashes, by hash."""
    return {
        one.pdq: one
        for some in chunks(pdqs)
        for one in _resolved(
            connection, _added(connection, bank_changes.c.bank == bank, bank_changes.c.pdq.in_(some)), None
        )
    }


def everywhere(connection: Connection, pdq: str) -> list[BankEntry]:
    """The entries of every bank with this hash, by number."""
    if not pdq.isprintable():
        return []
    rows = _added(connection, bank_changes.c.pdq == pdq, order=bank_changes.c.number)
    return _resolved(connection, rows, None)


def sizes(connection: Connection) -> dict[str, int]:
    """The number of entries by bank: additions less removals."""
    sign = case((bank_changes.c.operation == _ADD, 1), else_=-1)
    query = (
        select(bank_changes.c.bank, func.sum(sign).label("size"))
        .where(bank_changes.c.operation.in_((_ADD, _REMOVE)))
        .group_by(bank_changes.c.bank)
    )
    return {row.bank: int(row.size) for row in connection.execute(query)}


def amendments(connection: Connection, entry_ids: Sequence[str], until: int | None) -> dict[str, list[AnyRow]]:
    """The amendments of entries up to a change (None: now), in order; entries without any are absent."""
    found: dict[str, list[AnyRow]] = {}
    columns = bank_changes.c.entry_id, bank_changes.c.number, bank_changes.c.payload
    for some in chunks(entry_ids):
        query = select(*columns).where(
            bank_changes.c.operation == _AMEND, bank_changes.c.entry_id.in_(some), _until(until)
        )
        for row in connection.execute(query.order_by(bank_changes.c.number)):
            found.setdefault(row.entry_id, []).append(row)
    return found


def additions(connection: Connection, entry_ids: Sequence[str]) -> dict[str, AnyRow]:
    """The addition of each entry, whatever became of it."""
    return {
        row.entry_id: row for some in chunks(entry_ids) for row in _added(connection, bank_changes.c.entry_id.in_(some))
    }


def chunks(items: Sequence[Item], size: int = CHUNK) -> Iterator[Sequence[Item]]:
    """The items in order, at most `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _added(
    connection: Connection,
    *conditions: ColumnElement[bool],
    order: ColumnElement[int] | None = None,
    limit: int | None = None,
) -> Sequence[AnyRow]:
    query = select(bank_changes).where(bank_changes.c.operation == _ADD, *conditions)
    return connection.execute(query.order_by(order).limit(limit)).all()


def _resolved(connection: Connection, added: Sequence[AnyRow], as_of: int | None) -> list[BankEntry]:
    """The entries that were added and not removed as of a change, in their newest state, in the order of `added`."""
    entry_ids = [row.entry_id for row in added]
    removed = {
        row.entry_id
        for some in chunks(entry_ids)
        for row in connection.execute(
            select(bank_changes.c.entry_id).where(
                bank_changes.c.operation == _REMOVE, bank_changes.c.entry_id.in_(some), _until(as_of)
            )
        )
    }
    amended = amendments(connection, entry_ids, as_of)
    return [
        entry_of(row, (amended.get(row.entry_id) or [row])[-1].payload) for row in added if row.entry_id not in removed
    ]


def _until(as_of: int | None) -> ColumnElement[bool]:
    return true() if as_of is None else bank_changes.c.number <= as_of
