"""How often each bank entry made a post be rejected, by the hour, and which entries were demoted for matching too much.

Both are counters (see `review.counters`): `bank_match` (entry, bank) counts posts, in the transaction of their verdict;
`bank_flood` (entry, bank) counts demotions.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from moderation.domain.audit import AuditDraft, Json
from moderation.domain.bank import BankEffect, EntryAmendment
from moderation.domain.ids import EntryId
from moderation.domain.signal import Match
from moderation.domain.verdict import Screening
from moderation.storage import bank_entries, bank_log
from moderation.storage.audit import append
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.joined import JoinedTransaction
from moderation.storage.review import counters
from moderation.storage.tables import counters as counter_table

MATCHED = "bank_match"
FLOODED = "bank_flood"


@dataclass(frozen=True, slots=True)
class MatchedHour:
    """How many posts an entry blocked in the hour that begins at `hour`."""

    entry_id: EntryId
    bank: str
    hour: datetime
    posts: int


def blocked(screenings: Iterable[Screening]) -> Counter[counters.Key]:
    """The counters of these verdicts: each entry that blocks a post counts once for it."""
    return Counter(
        (MATCHED, entry, bank)
        for screening in screenings
        for entry, bank in {
            (hit.entry_id, hit.bank)
            for result in screening.results
            if isinstance(result, Match)
            for hit in result.hits
            if hit.effect == BankEffect.BLOCK
        }
    )


class MatchCountStore:
    """The counters of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def since(self, hour: datetime) -> list[MatchedHour]:
        """What was counted in the hours that begin at `hour` or later."""
        columns = counter_table.c
        query = select(columns.label, columns.detail, columns.hour, columns.value).where(
            columns.name == MATCHED, columns.hour >= hour
        )
        with self._database.read() as connection:
            return [MatchedHour(EntryId(row[0]), row[1], row[2], int(row[3])) for row in connection.execute(query)]

    def flooded_since(self, hour: datetime) -> set[EntryId]:
        """Entries that were demoted in the hours that begin at `hour` or later."""
        columns = counter_table.c
        query = select(columns.label).where(columns.name == FLOODED, columns.hour >= hour).distinct()
        with self._database.read() as connection:
            return {EntryId(entry) for (entry,) in connection.execute(query)}

    def demote(self, entry_id: EntryId, facts: Mapping[str, Json], *, actor: str, now: datetime) -> bool:
        """Demote an entry, record the flood and count it, all or nothing: whoever is killed leaves it to the next pass.

        Returns False, and does nothing, when the entry was removed or demoted meanwhile.
        """
        with self._database.write() as connection:
            bank_log.lock(connection)
            entry = bank_entries.entry(connection, entry_id)
            if entry is None or entry.demoted:
                return False
            payload: dict[str, Json] = {"entry": entry_id, **facts}
            append(connection, [AuditDraft(now, "bank.flood", f"bank:{entry.bank}", actor, payload)])
            counters.add(connection, now, {(FLOODED, entry_id, entry.bank): 1})
            banks = BankStore(JoinedTransaction(connection))
            banks.amend(entry_id, EntryAmendment(demoted=True), actor=actor, now=now)
        return True

    def floods(self, since: datetime) -> dict[str, float]:
        """How many entries were demoted in the hours that begin at `since` or later, by bank."""
        columns = counter_table.c
        query = (
            select(columns.detail, func.sum(columns.value))
            .where(columns.name == FLOODED, columns.hour >= since)
            .group_by(columns.detail)
        )
        with self._database.read() as connection:
            return {bank: float(count) for bank, count in connection.execute(query)}
