"""Rows of exchanges: found, locked, read, and what a page does to them."""

import json
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select

from moderation.domain.audit import AuditDraft, Json, canonical_json
from moderation.domain.errors import NotFoundError
from moderation.domain.exchange import Exchange, ExchangeState, Page, kinds_counted
from moderation.storage.audit import append
from moderation.storage.exchange_items import KEPT
from moderation.storage.exchange_rows import state_of
from moderation.storage.rows import AnyRow
from moderation.storage.tables import exchange_items, exchanges


def fresh(now: datetime) -> dict[str, object]:
    """The columns of an exchange that was never fetched, beside its configuration."""
    zero = dict.fromkeys(("revision", "pass_number", "malformed", "failures"), 0)
    return {"created_at": now, "due_at": now, "position": "{}", "unsupported": "{}", "last_error": "", **zero}


def after_page(row: AnyRow, page: Page, pass_number: int, now: datetime) -> dict[str, object]:
    """The columns after a page: its position, and the counts, which start anew with the first page that tells anything.

    They stay while removals are withheld, which they may be the reason of.
    """
    told = bool(page.items or page.skipped.unsupported or page.skipped.malformed)
    fresh = page.begins or (told and row.sweep_below is None and row.last_success_at == row.last_fetch_at)
    unsupported = kinds_counted({} if fresh else json.loads(row.unsupported), page.skipped.unsupported)
    values: dict[str, object] = {
        "position": canonical_json(dict(page.position)),
        "pass_number": pass_number,
        "unsupported": canonical_json(unsupported),
        "malformed": page.skipped.malformed + (0 if fresh else row.malformed),
        "last_fetch_at": now,
    }
    if page.begins:
        values["sweep_below"] = None
    if page.full and page.complete:
        values["sweep_below"] = pass_number
    return values


def due_to_go(row: AnyRow, *, untold: bool = True) -> ColumnElement[bool]:
    """The items that an exchange took back, and, with `untold`, those that its last full pass did not tell."""
    below = 0 if row.sweep_below is None or not untold else row.sweep_below
    return and_(items_told(row.name), exchange_items.c.seen_pass < below)


def items_told(name: str) -> ColumnElement[bool]:
    """The items of an exchange."""
    return and_(exchange_items.c.exchange == name, exchange_items.c.seen_pass != KEPT)


def count_items(connection: Connection, condition: ColumnElement[bool]) -> int:
    """How many items there are."""
    return connection.execute(select(func.count()).select_from(exchange_items).where(condition)).scalar_one()


def state_in(connection: Connection, row: AnyRow) -> ExchangeState:
    """The exchange of a row, with its items counted."""
    items = count_items(connection, items_told(row.name))
    return state_of(row, items=items, removals_due=count_items(connection, due_to_go(row)))


def named(name: str) -> ColumnElement[bool]:
    """The row of that name."""
    return exchanges.c.name == name


def row_of(connection: Connection, name: str, *, lock: bool = False) -> AnyRow | None:
    """The exchange, or None."""
    query = select(exchanges).where(named(name))
    return connection.execute(query.with_for_update() if lock else query).one_or_none()


def existing(connection: Connection, name: str) -> AnyRow:
    """The exchange. Raises `NotFoundError`."""
    row = row_of(connection, name)
    if row is None:
        raise NotFoundError(f"There is no exchange {name!r}.")
    return row


def locked(connection: Connection, name: str) -> AnyRow:
    """The exchange, locked before anything else: so writers cannot wait for each other in a circle."""
    row = row_of(connection, name, lock=True)
    if row is None:
        raise NotFoundError(f"There is no exchange {name!r}.")
    return row


def told(exchange: Exchange) -> dict[str, Json]:
    """What the audit log holds of a configuration: names of variables, no value of any."""
    return {
        "kind": exchange.kind.value,
        "bank": exchange.bank,
        "address": exchange.address,
        "options": dict(exchange.options),
        "credentials": dict(exchange.credentials),
        "enabled": exchange.enabled,
        "write_back": exchange.write_back,
        "every_seconds": exchange.every_seconds,
    }


def audit(connection: Connection, what: str, name: str, payload: dict[str, Json], *, actor: str, now: datetime) -> None:
    """Append an event of an exchange."""
    append(connection, [AuditDraft(now, f"exchange.{what}", f"exchange:{name}", actor, payload)])
