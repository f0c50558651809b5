"""Exchanges: their configuration, and their pages, each applied with its checkpoint in one transaction.

Whoever writes locks the exchange first and the banks next, before anything is read that the write depends on.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from moderation.domain.audit import Json
from moderation.domain.bank import Bank, BankEffect, BankEntry
from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.exchange import (
    Applied,
    Exchange,
    ExchangeKind,
    ExchangeState,
    Page,
    check_exchange,
    free_removals,
)
from moderation.storage import bank_log
from moderation.storage import exchange_items as items_of
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.exchange_items import Touched
from moderation.storage.exchange_rows import configuration_of, exchange_of
from moderation.storage.exchange_states import (
    after_page,
    audit,
    count_items,
    due_to_go,
    existing,
    fresh,
    items_told,
    locked,
    named,
    row_of,
    state_in,
    told,
)
from moderation.storage.joined import JoinedTransaction
from moderation.storage.tables import exchange_feedback, exchange_items, exchanges

SWEEP_ITEMS = 1_000
MAX_ITEMS = 5_000_000
"""An exchange that tells more is stopped before it fills the disk; its option `max_items` is another number."""
COUNT_EVERY = 100
"""Pages; counting takes as long as applying one."""
MAX_ERROR_CHARS = 300
MAX_RETRY_SECONDS = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Sweep:
    """One step of removing what a full pass did not tell: what it changed, what is left, and whether that may go."""

    applied: Applied
    left: int
    withheld: bool


class ExchangeStore:
    """The exchanges of one database. Every change of a configuration is audited; no credential comes here."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, exchange: Exchange, *, actor: str, now: datetime, new_bank: BankEffect | None = None
    ) -> ExchangeState:
        """Add an exchange; it is due at once. `new_bank` makes its bank, with that effect, where there is none.

        Raises `ConflictError` when the name is taken, `NotFoundError` for an unknown bank, `InvalidInputError` for a
        wrong value: what strangers say may not fill a bank that allows.
        """
        check_exchange(exchange)
        with self._database.write() as connection:
            if row_of(connection, exchange.name) is not None:
                raise ConflictError(f"There is an exchange {exchange.name!r} already.")
            self._check_bank(connection, exchange, new_bank, actor=actor, now=now)
            connection.execute(insert(exchanges).values(**configuration_of(exchange), **fresh(now)))
            audit(connection, "add", exchange.name, told(exchange), actor=actor, now=now)
        return self.state(exchange.name)

    def update(self, exchange: Exchange, *, actor: str, now: datetime) -> ExchangeState:
        """Replace everything of an exchange but its name, kind, bank and address. Raises `NotFoundError`."""
        check_exchange(exchange)
        with self._database.write() as connection:
            before = exchange_of(locked(connection, exchange.name))
            if (before.kind, before.bank, before.address) != (exchange.kind, exchange.bank, exchange.address):
                raise InvalidInputError(
                    "An exchange keeps its kind, bank and address.", hint="Remove it and add another."
                )
            values = {**configuration_of(exchange), "due_at": now}
            connection.execute(update(exchanges).where(named(exchange.name)).values(**values))
            audit(connection, "update", exchange.name, told(exchange), actor=actor, now=now)
        return self.state(exchange.name)

    def set_enabled(self, name: str, enabled: bool, *, actor: str, now: datetime) -> ExchangeState:  # noqa: FBT001
        """Fetch it, from now on, or fetch it no more; its entries stay. Raises `NotFoundError`."""
        with self._database.write() as connection:
            locked(connection, name)
            connection.execute(update(exchanges).where(named(name)).values(enabled=enabled, due_at=now))
            audit(connection, "enable" if enabled else "disable", name, {}, actor=actor, now=now)
        return self.state(name)

    def state(self, name: str) -> ExchangeState:
        """The exchange and how its fetches went. Raises `NotFoundError`."""
        with self._database.snapshot() as connection:
            return state_in(connection, existing(connection, name))

    def states(self) -> list[ExchangeState]:
        """Every exchange, by name."""
        with self._database.snapshot() as connection:
            rows = connection.execute(select(exchanges).order_by(exchanges.c.name)).all()
            return [state_in(connection, row) for row in rows]

    def standing_for(self, entry: BankEntry) -> list[str]:
        """The exchanges that tell an entry's hash and fill its bank, by name."""
        with self._database.read() as connection:
            return items_of.standing_for(connection, entry.bank, entry.pdq)

    def due(self, now: datetime) -> list[str]:
        """Names of the enabled exchanges whose next fetch is due, longest due first."""
        query = select(exchanges.c.name).where(exchanges.c.enabled.is_(True), exchanges.c.due_at <= now)
        with self._database.read() as connection:
            return list(connection.execute(query.order_by(exchanges.c.due_at, exchanges.c.name)).scalars())

    def apply(self, name: str, page: Page, *, revision: int, now: datetime) -> tuple[int, Applied]:
        """Apply a page and its position together; returns the new revision and what was changed.

        Raises `ConflictError` when somebody else has applied a page since `revision`, or the exchange was disabled,
        `InvalidInputError` when it holds more items than it may, which is looked at now and then, or when its bank was
        made one that allows.
        """
        actor = f"exchange:{name}"
        with self._database.write() as connection:
            row = locked(connection, name)
            if row.revision != revision or not row.enabled:
                raise ConflictError(f"The exchange {name!r} is fetched by somebody else, or was disabled.")
            if revision % COUNT_EVERY == 0:
                _check_size(connection, exchange_of(row))
            bank_log.lock(connection)
            bank = bank_log.bank(connection, row.bank)
            if bank is not None:
                _refuse_allowing(exchange_of(row), bank)
            pass_number = row.pass_number + page.begins
            touched = items_of.store(connection, name, page.items, pass_number=pass_number, now=now)
            applied = items_of.reconcile(connection, row.bank, touched, actor=actor, now=now)
            values = after_page(row, page, pass_number, now)
            connection.execute(update(exchanges).where(named(name)).values(revision=revision + 1, **values))
        return revision + 1, applied

    def sweep(self, name: str, *, now: datetime, allow: bool = False) -> Sweep:
        """Remove up to `SWEEP_ITEMS` of the items that were taken back or not told by the last full pass.

        Call it until none is left. All are withheld when they are more than `free_removals`, those not told also when
        the pass had malformed items, one of which may stand for what is missing; unless `allow`.
        """
        with self._database.write() as connection:
            row = locked(connection, name)
            bank_log.lock(connection)
            live = count_items(connection, items_told(name))
            missing = count_items(connection, due_to_go(row))
            if not missing:
                connection.execute(update(exchanges).where(named(name)).values(sweep_below=None))
                return Sweep(Applied(), 0, withheld=False)
            touched, going = Touched(), due_to_go(row, untold=allow or not row.malformed)
            some = connection.execute(select(exchange_items).where(going).limit(SWEEP_ITEMS)).all()
            if not some or (not allow and missing > free_removals(exchange_of(row), live)):
                return Sweep(Applied(), missing, withheld=True)
            items_of.forget(connection, name, some, touched)
            applied = items_of.reconcile(connection, row.bank, touched, actor=f"exchange:{name}", now=now)
            left = missing - len(some)
            if not left:
                connection.execute(update(exchanges).where(named(name)).values(sweep_below=None))
        return Sweep(applied, left, withheld=False)

    def failed(self, name: str, error: str, *, now: datetime) -> datetime:
        """Record that a fetch failed, and return when the next is due: later with every failure in a row."""
        with self._database.write() as connection:
            row = locked(connection, name)
            failures = row.failures + 1
            wait = min(60.0 * 2.0 ** min(failures - 1, 20), max(MAX_RETRY_SECONDS, row.every_seconds))
            due = now + timedelta(seconds=wait)
            values = {"failures": failures, "last_error": error[:MAX_ERROR_CHARS], "last_error_at": now, "due_at": due}
            connection.execute(update(exchanges).where(named(name)).values(last_fetch_at=now, **values))
        return due

    def succeeded(
        self, name: str, applied: Applied, *, complete: bool = True, problem: str = "", now: datetime
    ) -> None:
        """Record a fetch and what it changed; one that is not complete is due again at once.

        `problem` is told, but is no failure.
        """
        with self._database.write() as connection:
            row = locked(connection, name)
            values: dict[str, object] = {"failures": 0, "last_success_at": now, "last_fetch_at": now}
            values |= {"last_error": problem[:MAX_ERROR_CHARS], "last_error_at": now if problem else row.last_error_at}
            due = now + timedelta(seconds=row.every_seconds if complete else 0.0)
            connection.execute(update(exchanges).where(named(name)).values(due_at=due, **values))
            counts: dict[str, Json] = {"added": applied.added, "amended": applied.amended, "removed": applied.removed}
            if any(counts.values()):
                audit(connection, "fetch", name, counts, actor=f"exchange:{name}", now=now)

    def restart(self, name: str, *, actor: str, now: datetime) -> None:
        """Let the next fetch begin from the beginning. Raises `NotFoundError`."""
        with self._database.write() as connection:
            row = locked(connection, name)
            values = {"position": "{}", "revision": row.revision + 1, "sweep_below": None, "due_at": now}
            connection.execute(update(exchanges).where(named(name)).values(**values))
            audit(connection, "restart", name, {}, actor=actor, now=now)

    def remove(self, name: str, *, actor: str, now: datetime, keep_entries: bool = False) -> int:
        """Take an exchange out, with the entries that it alone stands for; returns how many of those there were.

        It is done in steps: one that was interrupted leaves the exchange disabled, and is done again by calling again.
        Raises `NotFoundError`.
        """
        self.set_enabled(name, False, actor=actor, now=now)
        removed = 0
        while True:
            with self._database.write() as connection:
                row, touched = locked(connection, name), Touched()
                bank_log.lock(connection)
                mine = select(exchange_items).where(exchange_items.c.exchange == name).limit(SWEEP_ITEMS)
                some = connection.execute(mine).all()
                items_of.forget(connection, name, some, touched, keep_own=False)
                if not keep_entries:
                    removed += items_of.reconcile(connection, row.bank, touched, actor=actor, now=now).removed
                if not some:
                    connection.execute(delete(exchange_feedback).where(exchange_feedback.c.exchange == name))
                    connection.execute(delete(exchanges).where(named(name)))
                    audit(connection, "remove", name, {"removed": removed}, actor=actor, now=now)
                    return removed

    def _check_bank(
        self, connection: Connection, exchange: Exchange, new_bank: BankEffect | None, *, actor: str, now: datetime
    ) -> None:
        banks = BankStore(JoinedTransaction(connection))
        try:
            bank = banks.bank(exchange.bank)
        except NotFoundError:
            if new_bank is None:
                raise
            description = f"Filled by the exchange {exchange.name}."
            bank = Bank(exchange.bank, new_bank, description=description)
            _refuse_allowing(exchange, bank)
            banks.create(bank, actor=actor, now=now)
        _refuse_allowing(exchange, bank)


def _check_size(connection: Connection, exchange: Exchange) -> None:
    most = int(exchange.options.get("max_items", MAX_ITEMS))
    if count_items(connection, items_told(exchange.name)) > most:
        raise InvalidInputError(
            f"The exchange {exchange.name!r} holds over {most:,} items.",
            hint="Is that right? If so, set its option max_items.",
        )


def _refuse_allowing(exchange: Exchange, bank: Bank) -> None:
    if bank.effect is BankEffect.ALLOW and exchange.kind is not ExchangeKind.FILES:
        raise InvalidInputError(f"The bank {bank.name!r} allows pictures: only files of your own may fill it.")
