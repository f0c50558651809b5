"""Quarantine of bank entries that suddenly match far more than they used to: a person looks before they act again."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from moderation.domain.audit import Json
from moderation.domain.bank import Bank, BankEffect, BankEntry
from moderation.domain.errors import NotFoundError
from moderation.domain.ids import EntryId
from moderation.matching.entries.flood import (
    HISTORY_HOURS,
    QUIET_HOURS,
    RECENT_HOURS,
    MatchHistory,
    is_flood,
    probability,
)
from moderation.storage.match_counts import MatchedHour

log = structlog.get_logger(__name__)

ACTOR = "system:flood-quarantine"
HOUR = timedelta(hours=1)


class Counts(Protocol):
    """`storage.match_counts.MatchCountStore`."""

    def since(self, hour: datetime) -> list[MatchedHour]:
        """What was counted in the hours that begin at `hour` or later."""
        ...

    def flooded_since(self, hour: datetime) -> set[EntryId]:
        """Entries that were demoted in the hours that begin at `hour` or later."""
        ...

    def demote(self, entry_id: EntryId, facts: Mapping[str, Json], *, actor: str, now: datetime) -> bool:
        """Demote an entry, record the flood and count it, all or nothing; whether it was still to be demoted."""
        ...


class Entries(Protocol):
    """`storage.banks.BankStore`."""

    def entry(self, entry_id: EntryId) -> BankEntry:
        """The entry. Raises `NotFoundError`."""
        ...

    def bank(self, name: str) -> Bank:
        """The bank. Raises `NotFoundError`."""
        ...


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Demotes entries of blocking banks, none of the banks in `exempt`."""

    counts: Counts
    entries: Entries
    exempt: Collection[str]
    clock: Callable[[], datetime]

    def run(self) -> list[MatchHistory]:
        """One pass; returns what was demoted.

        An entry is demoted when `flood.is_flood` says so of the posts that it blocked, its bank blocks and is not
        exempt, it was not demoted in the last `QUIET_HOURS`, and nobody demoted or removed it meanwhile. It then
        matches in the review tier only, until a person amends it. The alarm is a line in the log and, with the demotion
        in one transaction, an audit event and a counter.
        """
        now = self.clock()
        this_hour = now.replace(minute=0, second=0, microsecond=0)
        quiet = self.counts.flooded_since(this_hour - QUIET_HOURS * HOUR)
        demoted = []
        for rows in _by_entry(self.counts.since(this_hour - (HISTORY_HOURS + RECENT_HOURS) * HOUR)):
            if rows[0].entry_id in quiet or rows[0].bank in self.exempt:
                continue
            entry = self._standing(rows[0].entry_id)
            history = None if entry is None else _history(rows, entry, this_hour)
            if entry is not None and history is not None and is_flood(history):
                demoted += [history] if self._demote(entry, history, now) else []
        return demoted

    def _standing(self, entry_id: EntryId) -> BankEntry | None:
        """The entry if it could be demoted."""
        try:
            entry = self.entries.entry(entry_id)
            blocks = self.entries.bank(entry.bank).effect is BankEffect.BLOCK
        except NotFoundError:
            return None
        return entry if blocks and not entry.demoted else None

    def _demote(self, entry: BankEntry, history: MatchHistory, now: datetime) -> bool:
        facts: dict[str, Json] = {
            "matches": history.recent,
            "hours": RECENT_HOURS,
            "before": history.before,
            "before_hours": history.hours,
            "probability": probability(history),
        }
        log.error("bank_entry_flooded", entry=entry.id, bank=entry.bank, **facts)
        return self.counts.demote(entry.id, facts, actor=ACTOR, now=now)


def _by_entry(rows: Iterable[MatchedHour]) -> list[list[MatchedHour]]:
    found: dict[EntryId, list[MatchedHour]] = {}
    for row in rows:
        found.setdefault(row.entry_id, []).append(row)
    return [found[entry] for entry in sorted(found)]


def _history(rows: Iterable[MatchedHour], entry: BankEntry, this_hour: datetime) -> MatchHistory:
    """The last hours against those before, as far as they are counted and the entry existed."""
    begun = this_hour - (RECENT_HOURS - 1) * HOUR
    recent = before = 0
    for row in rows:
        recent, before = (recent + row.posts, before) if row.hour >= begun else (recent, before + row.posts)
    hours = min(HISTORY_HOURS, max(0, (begun - entry.added_at) // HOUR))
    return MatchHistory(entry.id, entry.bank, recent, before, hours)
