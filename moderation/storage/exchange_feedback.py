"""Results of our reviews of entries that exchanges brought: they count here at once, and are queued to be told."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from moderation.domain.audit import AuditDraft, Json
from moderation.domain.bank import Opinion
from moderation.domain.exchange import ExchangeKind, Feedback, Outcome
from moderation.domain.ids import EntryId
from moderation.storage import bank_log
from moderation.storage import exchange_items as items_of
from moderation.storage.audit import append
from moderation.storage.engine import Database
from moderation.storage.exchange_items import Touched
from moderation.storage.exchange_rows import item_of
from moderation.storage.rows import AnyRow
from moderation.storage.tables import exchange_feedback, exchange_items, exchanges

LEASE_SECONDS = 300.0
RETRY_SECONDS: tuple[float, ...] = (60, 300, 1_800, 7_200, 21_600, 86_400, 86_400)
"""The wait before each retry; after the last one a result is given up."""

_OWN = {Outcome.CONFIRMED: Opinion.POSITIVE, Outcome.DISPUTED: Opinion.NEGATIVE}


class FeedbackStore:
    """What was found here of exchanges' entries, and what of it is still to be told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def review(
        self,
        entry_id: EntryId,
        outcome: Outcome,
        *,
        told: Mapping[ExchangeKind, frozenset[Outcome]],
        actor: str,
        now: datetime,
        counts: bool = True,
    ) -> int:
        """Record a result for every item behind an entry, and return how many are queued to be told.

        A confirmation or a dispute counts as this installation's opinion at once: what we dispute never acts
        automatically again, whatever others say; with `counts` off it is only told. It is queued where the exchange's
        `write_back` is on and its kind can be `told` it, once, and replaces what was queued before and not yet sent.
        An entry that no exchange brought has nobody to be told: 0.
        """
        with self._database.write() as connection:
            rows = _locked_items(connection, entry_id)
            bank_log.lock(connection)
            queued = 0
            for row in rows:
                if counts:
                    _count_own(connection, row, outcome)
                if row.write_back and outcome in told.get(row.kind, frozenset()):
                    queued += _queue(connection, row, outcome, now)
            for bank in sorted({row.bank for row in rows}) if counts and outcome in _OWN else ():
                touched = Touched(pdqs={row.pdq for row in rows if row.bank == bank})
                items_of.reconcile(connection, bank, touched, actor=actor, now=now)
            if rows and (queued or (counts and outcome in _OWN)):
                told_of: dict[str, Json] = {"entry": entry_id, "outcome": outcome.value, "queued": queued}
                append(connection, [AuditDraft(now, "exchange.review", f"entry:{entry_id}", actor, told_of)])
        return queued

    def claim(self, *, limit: int, now: datetime) -> list[Feedback]:
        """Up to `limit` results that are due, oldest first, leased: whoever dies with one leaves it to be tried again.

        Those whose item is gone, or whose exchange is disabled or is not told any more, are dropped.
        """
        with self._database.write() as connection:
            query = (
                select(exchange_feedback)
                .where(exchange_feedback.c.state == "pending", exchange_feedback.c.due_at <= now)
                .order_by(exchange_feedback.c.due_at, exchange_feedback.c.number)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            rows = connection.execute(query).all()
            return [found for row in rows if (found := _claimed(connection, row, now)) is not None]

    def sent(self, feedback: Feedback, *, now: datetime) -> None:
        """It was told. Nothing happens when the lease was lost meanwhile: the other one says it."""
        self._settle(feedback, state="sent", sent_at=now, last_error="")

    def failed(self, feedback: Feedback, error: str, *, again: bool, now: datetime) -> None:
        """It was not told; it is tried again later, or given up."""
        waits = RETRY_SECONDS[feedback.attempt - 1 : feedback.attempt] if again else ()
        if waits:
            self._settle(feedback, state="pending", due_at=now + timedelta(seconds=waits[0]), last_error=error[:300])
        else:
            self._settle(feedback, state="dead", last_error=error[:300])

    def counts(self) -> dict[str, dict[str, int]]:
        """The number of results by exchange and state."""
        query = select(exchange_feedback.c.exchange, exchange_feedback.c.state, func.count().label("size"))
        found: dict[str, dict[str, int]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query.group_by(exchange_feedback.c.exchange, exchange_feedback.c.state)):
                found.setdefault(row.exchange, {})[row.state] = row.size
        return found

    def _settle(self, feedback: Feedback, **values: object) -> None:
        mine = (
            exchange_feedback.c.number == feedback.number,
            exchange_feedback.c.attempts == feedback.attempt,
            exchange_feedback.c.state == "pending",
        )
        with self._database.write() as connection:
            connection.execute(update(exchange_feedback).where(*mine).values(**values))


def _locked_items(connection: Connection, entry_id: EntryId) -> Sequence[AnyRow]:
    """The items behind an entry, their exchanges locked in the order of their names."""
    behind = select(exchange_items.c.exchange).where(exchange_items.c.entry_id == entry_id)
    locking = select(exchanges.c.name).where(exchanges.c.name.in_(behind)).order_by(exchanges.c.name)
    connection.execute(locking.with_for_update()).all()
    query = (
        select(exchange_items, exchanges.c.kind, exchanges.c.bank, exchanges.c.write_back)
        .join(exchanges, exchanges.c.name == exchange_items.c.exchange)
        .where(exchange_items.c.entry_id == entry_id)
        .order_by(exchange_items.c.exchange, exchange_items.c.item)
    )
    return connection.execute(query).all()


def _count_own(connection: Connection, row: AnyRow, outcome: Outcome) -> None:
    if outcome in _OWN:
        mine = (exchange_items.c.exchange == row.exchange, exchange_items.c.item == row.item)
        connection.execute(update(exchange_items).where(*mine).values(own=_OWN[outcome]))
        fills = select(exchanges.c.name).where(exchanges.c.bank == row.bank)
        before = (exchange_items.c.pdq == row.pdq, exchange_items.c.seen_pass == items_of.KEPT)
        connection.execute(delete(exchange_items).where(*before, exchange_items.c.exchange.in_(fills)))


def _queue(connection: Connection, row: AnyRow, outcome: Outcome, now: datetime) -> int:
    """Queue it unless it was the last that was queued; a result that says more replaces one that waits."""
    mine = (exchange_feedback.c.exchange == row.exchange, exchange_feedback.c.item == row.item)
    before = {known.outcome: known for known in connection.execute(select(exchange_feedback).where(*mine))}
    if outcome is Outcome.SEEN and before:
        return 0
    known = before.get(outcome)
    others = [other for other in before.values() if other.outcome != outcome and other.state in {"pending", "sent"}]
    if known is not None and known.state in {"pending", "sent"} and not any(_later(other, known) for other in others):
        return 0
    replaced = update(exchange_feedback).where(*mine, exchange_feedback.c.state == "pending")
    connection.execute(replaced.values(state="dropped"))
    number = (connection.execute(select(func.max(exchange_feedback.c.number))).scalar() or 0) + 1
    fresh = {"state": "pending", "attempts": 0, "created_at": now, "due_at": now, "sent_at": None, "last_error": ""}
    if known is not None:
        again = update(exchange_feedback).where(exchange_feedback.c.number == known.number)
        connection.execute(again.values(number=number, **fresh))
    else:
        told = {"number": number, "exchange": row.exchange, "item": row.item, "outcome": outcome, **fresh}
        connection.execute(insert(exchange_feedback).values(**told))
    return 1


def _later(one: AnyRow, other: AnyRow) -> bool:
    return bool(one.number > other.number)


def _claimed(connection: Connection, row: AnyRow, now: datetime) -> Feedback | None:
    query = (
        select(exchange_items)
        .join(exchanges, exchanges.c.name == exchange_items.c.exchange)
        .where(
            exchange_items.c.exchange == row.exchange,
            exchange_items.c.item == row.item,
            exchanges.c.enabled.is_(True),
            exchanges.c.write_back.is_(True),
        )
    )
    item = connection.execute(query).one_or_none()
    mine = update(exchange_feedback).where(exchange_feedback.c.number == row.number)
    if item is None:
        connection.execute(mine.values(state="dropped"))
        return None
    attempt = row.attempts + 1
    connection.execute(mine.values(attempts=attempt, due_at=now + timedelta(seconds=LEASE_SECONDS)))
    entry_id = None if item.entry_id is None else EntryId(item.entry_id)
    return Feedback(row.number, row.exchange, item_of(item), row.outcome, entry_id, attempt, row.created_at)
