"""What changed in the banks since a checkpoint: what lanes and indexes follow."""

from collections.abc import Sequence

from sqlalchemy import Connection, literal_column, select, true

from moderation.domain.bank import BankChange, BankEntry
from moderation.storage.bank_entries import chunks
from moderation.storage.bank_rows import bank_of, entry_of
from moderation.storage.rows import AnyRow
from moderation.storage.tables import bank_changes


def changes(connection: Connection, after: int, until: int | None, limit: int) -> list[BankChange]:
    """Up to `limit` changes numbered above `after`, at most `until`, in order. When there are none: one index probe."""
    query = select(bank_changes).where(
        bank_changes.c.number > after, true() if until is None else bank_changes.c.number <= until
    )
    rows = connection.execute(query.order_by(bank_changes.c.number).limit(limit)).all()
    history = _history(connection, rows)
    return [_change(row, history) for row in rows]


def _change(row: AnyRow, history: dict[str, list[AnyRow]]) -> BankChange:
    if row.entry_id is None:
        return BankChange(row.number, row.operation, bank=bank_of(row))
    return BankChange(row.number, row.operation, entry=_entry(row, history))


def _entry(row: AnyRow, history: dict[str, list[AnyRow]]) -> BankEntry:
    """The entry's state after an `add` or `amend`, before a `remove`."""
    if row.operation == "add":
        return entry_of(row, row.payload)
    states = [state for state in history[row.entry_id] if state.number <= row.number]
    return entry_of(states[0], states[-1].payload)


def _history(connection: Connection, rows: Sequence[AnyRow]) -> dict[str, list[AnyRow]]:
    """For each entry that `rows` amend or remove: its addition and amendments up to the last of the rows, in order."""
    found: dict[str, list[AnyRow]] = {row.entry_id: [] for row in rows if row.operation in {"amend", "remove"}}
    for some in chunks(list(found)):
        for words in ("'add'", "'amend'"):
            query = select(bank_changes).where(
                bank_changes.c.operation == literal_column(words),
                bank_changes.c.entry_id.in_(some),
                bank_changes.c.number <= rows[-1].number,
            )
            for row in connection.execute(query.order_by(bank_changes.c.number)):
                found[row.entry_id].append(row)
    return found
