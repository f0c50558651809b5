"""What lanes and moderators found of pictures that exchanges know, gathered to be told to those that may be told.

Verdicts say that an entry was seen; people's settled decisions confirm or dispute it. This only tells: that one
moderator approved one post makes no entry weaker here, which is what `FeedbackStore.review` is for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from moderation.domain.bank import Tier
from moderation.domain.decision import Action, Fate
from moderation.domain.exchange import ExchangeKind, Outcome
from moderation.domain.ids import EntryId
from moderation.domain.signal import Match
from moderation.storage.bank_entries import chunks
from moderation.storage.documents import result_of
from moderation.storage.engine import Database
from moderation.storage.exchange_feedback import FeedbackStore
from moderation.storage.rows import AnyRow, AnySelect
from moderation.storage.tables import (
    audit_events,
    decision_fates,
    decisions,
    exchange_items,
    exchange_mark,
    exchanges,
    screenings,
    signal_results,
    verdicts,
)

SIGNAL = "image_match"
WINDOW = 2_000
"""Audit events looked at in one step."""
SURE = frozenset({Tier.AUTOMATIC.value, Tier.VERIFIED.value})
"""A wider match may be of another picture: it says nothing of the entry."""
ACTOR = "exchanges"

_DECIDED: Mapping[Action, Outcome] = {
    Action.REJECT: Outcome.CONFIRMED,
    Action.UPHOLD: Outcome.CONFIRMED,
    Action.APPROVE: Outcome.DISPUTED,
    Action.OVERTURN: Outcome.DISPUTED,
}


@dataclass(frozen=True, slots=True)
class Found:
    """A result for an entry. `category` is that of a rejection, empty for anything else."""

    entry_id: EntryId
    outcome: Outcome
    category: str = ""


class ResultStore:
    """Follows the audit log, and queues what it tells of exchanges' entries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self, *, told: Mapping[ExchangeKind, frozenset[Outcome]], now: datetime) -> int:
        """Look at everything new, and return how many results were queued. One that was interrupted looks again.

        Nothing from before the first call, nor from a time when no exchange was told anything, is looked at.
        """
        queued, feedback = 0, FeedbackStore(self._database)
        while True:
            with self._database.read() as connection:
                newest = connection.execute(select(func.max(audit_events.c.number))).scalar() or 0
                mark = connection.execute(select(exchange_mark.c.number)).scalar()
                if mark is None or not _anybody_listens(connection):
                    until, found = newest, []
                else:
                    until = min(newest, mark + WINDOW)
                    found = _found(connection, mark, until)
            for result in found:
                args = {"told": told, "actor": ACTOR, "now": now, "counts": False}
                queued += feedback.review(result.entry_id, result.outcome, **args)  # type: ignore[arg-type]
            self._move(until)
            if until >= newest:
                return queued

    def _move(self, number: int) -> None:
        with self._database.write() as connection:
            if not connection.execute(update(exchange_mark).values(number=number)).rowcount:
                connection.execute(insert(exchange_mark).values(id=1, number=number))


def _anybody_listens(connection: Connection) -> bool:
    query = select(exchanges.c.name).where(exchanges.c.write_back.is_(True), exchanges.c.enabled.is_(True)).limit(1)
    return connection.execute(query).first() is not None


def _found(connection: Connection, after: int, until: int) -> list[Found]:
    """What the events numbered above `after`, up to `until`, say of entries of exchanges that are told."""
    found = [
        Found(entry, Outcome.SEEN)
        for row in connection.execute(_matches().where(verdicts.c.number > after, verdicts.c.number <= until))
        for entry in _entries(row)
    ]
    later = verdicts.alias("later")
    newest = (
        select(func.max(later.c.number))
        .where(later.c.post_id == decisions.c.post_id)
        .correlate(decisions)
        .scalar_subquery()
    )
    settled = (
        _matches()
        .add_columns(decisions.c.action, decisions.c.category.label("decided_category"))
        .join(decisions, decisions.c.post_id == verdicts.c.post_id)
        .join(decision_fates, decision_fates.c.decision_id == decisions.c.id)
        .where(
            verdicts.c.number == newest,
            decisions.c.binding.is_(True),
            decisions.c.action.in_(list(_DECIDED)),
            decision_fates.c.fate == Fate.SETTLED,
            decision_fates.c.number > after,
            decision_fates.c.number <= until,
        )
        .order_by(decision_fates.c.number)
    )
    for row in connection.execute(settled):
        category = row.decided_category if row.action in {Action.REJECT, Action.UPHOLD} else ""
        found += [Found(entry, _DECIDED[row.action], category) for entry in _entries(row)]
    known = _categories(connection, {result.entry_id for result in found})
    return [result for result in dict.fromkeys(found) if result.entry_id in known and _agrees(result, known)]


def _matches() -> AnySelect:
    """Matches with the verdicts that they led to."""
    return (
        select(signal_results.c.document, screenings.c.version)
        .join(screenings, screenings.c.id == signal_results.c.screening_id)
        .join(verdicts, verdicts.c.screening_id == screenings.c.id)
        .where(signal_results.c.signal == SIGNAL, signal_results.c.kind == "match")
    )


def _entries(row: AnyRow) -> list[EntryId]:
    result = result_of(row.document, row.version)
    if not isinstance(result, Match):
        return []
    return [EntryId(hit.entry_id) for hit in result.hits if hit.tier in SURE]


def _categories(connection: Connection, entry_ids: Iterable[EntryId]) -> dict[EntryId, set[str]]:
    """The categories of those entries that an exchange brought which is told."""
    query = (
        select(exchange_items.c.entry_id, exchange_items.c.category, exchanges.c.category.label("general"))
        .join(exchanges, exchanges.c.name == exchange_items.c.exchange)
        .where(exchanges.c.write_back.is_(True))
    )
    found: dict[EntryId, set[str]] = {}
    for some in chunks(sorted(entry_ids)):
        for row in connection.execute(query.where(exchange_items.c.entry_id.in_(some))):
            found.setdefault(EntryId(row.entry_id), set()).add(row.category or row.general)
    return found


def _agrees(result: Found, known: Mapping[EntryId, set[str]]) -> bool:
    """Whether a rejection is for what the entry is known for; one for something else confirms nothing."""
    categories = known[result.entry_id]
    return result.outcome is not Outcome.CONFIRMED or "" in categories or result.category in categories
