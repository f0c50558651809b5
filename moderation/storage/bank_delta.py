"""What changed in the banks since a checkpoint: what lanes and indexes follow."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, true

from moderation.domain.bank import BankChange, BankEntry
from moderation.storage.bank_entries import MAX_NUMBER, additions, amendments
from moderation.storage.bank_rows import bank_of, entry_of
from moderation.storage.rows import AnyRow
from moderation.storage.tables import bank_changes


def changes(connection: Connection, after: int, until: int | None, limit: int) -> list[BankChange]:
    """Up to `limit` changes numbered above `after`, at most `until`, in order. When there are none: one index probe."""
    query = select(bank_changes).where(
        bank_changes.c.number > max(0, min(after, MAX_NUMBER)),
        true() if until is None else bank_changes.c.number <= until,
    )
    rows = connection.execute(query.order_by(bank_changes.c.number).limit(limit)).all()
    entries = _States(connection, rows)
    return [
        BankChange(row.number, row.operation, bank=bank_of(row))
        if row.entry_id is None
        else BankChange(row.number, row.operation, entry=entries.state(row))
        for row in rows
    ]


class _States:
    """The entries that changes are about. An amendment and a removal do not tell when the entry was added."""

    def __init__(self, connection: Connection, rows: Sequence[AnyRow]) -> None:
        changed = list({row.entry_id: None for row in rows if row.operation in {"amend", "remove"}})
        self._added = additions(connection, changed)
        self._amended = amendments(connection, changed, rows[-1].number) if changed else {}

    def state(self, row: AnyRow) -> BankEntry:
        """The entry after an `add` or `amend`, before a `remove`."""
        if row.operation == "add":
            return entry_of(row, row.payload)
        added = self._added[row.entry_id]
        before = [one for one in self._amended.get(row.entry_id, []) if one.number <= row.number]
        return entry_of(added, (before or [added])[-1].payload)
