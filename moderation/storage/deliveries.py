"""Deliveries of messages to endpoints, inside the caller's transaction."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, literal, or_, select, update

from moderation.domain.errors import NotFoundError
from moderation.domain.ids import MessageId, PostId
from moderation.domain.outbox import Delivery, Endpoint, Message
from moderation.storage.columns import UtcTime
from moderation.storage.messages import delivery_row
from moderation.storage.rows import AnyRow, AnySelect
from moderation.storage.tables import PENDING_DELIVERY_SQL, deliveries, outbox_messages, webhook_endpoints

MAX_ERROR_CHARS = 500
MAX_SILENCE = timedelta(days=3)
"""What has waited for so long for an endpoint that has been silent for so long is a dead letter."""

_COLUMNS = (
    outbox_messages,
    deliveries.c.attempts,
    deliveries.c.endpoint,
    webhook_endpoints.c.url,
    webhook_endpoints.c.secret,
    webhook_endpoints.c.silent_since,
    webhook_endpoints.c.paused_until,
)


def rooms(connection: Connection, *, limit: int, busy: Sequence[str], now: datetime) -> dict[str, int]:
    """How many more deliveries each endpoint can take now, of the endpoints that have one due and can take any.

    That is `limit`, or 1 where the endpoint is silent, less the times that `busy` names it; 0 during a pause.
    """
    waiting = (
        select(deliveries.c.number)
        .where(PENDING_DELIVERY_SQL)
        .where(deliveries.c.endpoint == webhook_endpoints.c.name, deliveries.c.due_at <= now)
    )
    query = (
        select(webhook_endpoints.c.name, webhook_endpoints.c.silent_since)
        .where(webhook_endpoints.c.disabled_at.is_(None), waiting.exists())
        .where(or_(webhook_endpoints.c.paused_until.is_(None), webhook_endpoints.c.paused_until <= now))
    )
    taken = Counter(busy)
    found = {
        row.name: (limit if row.silent_since is None else 1) - taken[row.name] for row in connection.execute(query)
    }
    return {name: room for name, room in found.items() if room > 0}


def claim(
    connection: Connection, worker: str, *, limit: int, busy: Sequence[str], lease_seconds: float, now: datetime
) -> list[Delivery]:
    """Take what each endpoint has room for; the raised number of attempts is the proof of the lease."""
    rows: list[AnyRow] = []
    for name, room in rooms(connection, limit=limit, busy=busy, now=now).items():
        query = _all().where(PENDING_DELIVERY_SQL, deliveries.c.endpoint == name, deliveries.c.due_at <= now)
        query = query.order_by(deliveries.c.due_at, deliveries.c.number).limit(room)
        rows += connection.execute(query.with_for_update(skip_locked=True, of=deliveries)).all()
    taken = []
    for row in sorted(rows, key=lambda row: (row.number, row.endpoint)):
        connection.execute(
            update(deliveries)
            .where(deliveries.c.number == row.number, deliveries.c.endpoint == row.endpoint)
            .values(attempts=row.attempts + 1, due_at=now + timedelta(seconds=lease_seconds), worker=worker)
        )
        taken.append(_delivery(row, row.attempts + 1))
    return taken


def settle(connection: Connection, delivery: Delivery, values: dict[str, object]) -> None:
    """Write a try's result, unless another worker has taken the delivery since."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.number.in_(_numbers(delivery.message.id)))
        .where(deliveries.c.endpoint == delivery.endpoint.name)
        .where(deliveries.c.attempts == delivery.attempt, deliveries.c.status == "pending")
        .values(**values)
    )


def answered(connection: Connection, endpoint: str) -> None:
    """End an endpoint's silence. Before its deliveries are touched: whoever locks both locks the endpoint first."""
    connection.execute(
        update(webhook_endpoints)
        .where(webhook_endpoints.c.name == endpoint, webhook_endpoints.c.silent_since.is_not(None))
        .values(silent_since=None, paused_until=None)
    )


def silent(connection: Connection, endpoint: Endpoint, *, paused_until: datetime, now: datetime) -> None:
    """Pause an endpoint, once for tries that ran at the same time. Like `answered`, before its deliveries."""
    since = func.coalesce(webhook_endpoints.c.silent_since, literal(now, UtcTime))
    connection.execute(
        update(webhook_endpoints)
        .where(webhook_endpoints.c.name == endpoint.name)
        .where(webhook_endpoints.c.paused_until.is_not_distinct_from(endpoint.paused_until))
        .values(silent_since=since, paused_until=paused_until)
    )


def give_up_overdue(connection: Connection, endpoint: str, now: datetime) -> None:
    """Make dead letters of what nobody tries now and has waited too long, if the endpoint has been silent as long."""
    long_silent = (
        select(webhook_endpoints.c.name)
        .where(webhook_endpoints.c.name == endpoint, webhook_endpoints.c.silent_since <= now - MAX_SILENCE)
        .exists()
    )
    connection.execute(
        update(deliveries)
        .where(deliveries.c.endpoint == endpoint, PENDING_DELIVERY_SQL, long_silent)
        .where(deliveries.c.queued_at <= now - MAX_SILENCE)
        .where(or_(deliveries.c.worker.is_(None), deliveries.c.due_at <= now))
        .values(status="dead", last_error="the endpoint gave no answer to any message", worker=None)
    )


def give_up(connection: Connection, endpoint: str) -> None:
    """Make dead letters of everything that waits for an endpoint."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.endpoint == endpoint, deliveries.c.status == "pending")
        .values(status="dead", last_error="the endpoint was removed", worker=None)
    )


def dead(connection: Connection, limit: int) -> list[Delivery]:
    """Deliveries that were given up, newest message first."""
    query = _all().where(deliveries.c.status == "dead")
    query = query.order_by(deliveries.c.number.desc(), deliveries.c.endpoint).limit(limit)
    return [_delivery(row, row.attempts) for row in connection.execute(query)]


def redeliver(
    connection: Connection, *, message_id: str | None, endpoint: str | None, dead_only: bool, now: datetime
) -> int:
    """Make deliveries to endpoints in use due again; see `OutboxStore.redeliver`."""
    names = _endpoints(connection, endpoint)
    for name in sorted(names):
        answered(connection, name)
    again = update(deliveries).where(deliveries.c.endpoint.in_(names))
    again = again.where(deliveries.c.status == "dead" if dead_only else deliveries.c.status != "pending")
    if message_id is not None:
        again = again.where(deliveries.c.number == _number(connection, message_id))
    fresh = {"status": "pending", "attempts": 0, "queued_at": now, "due_at": now, "worker": None, "delivered_at": None}
    count = connection.execute(again.values(**fresh)).rowcount
    if message_id is None or dead_only:
        return count
    number = _number(connection, message_id)
    known = select(deliveries.c.endpoint).where(deliveries.c.number == number)
    missing = set(names) - set(connection.execute(known).scalars())
    if missing:
        connection.execute(insert(deliveries), [delivery_row(number, name, now) for name in sorted(missing)])
    return count + len(missing)


def message_of(row: AnyRow) -> Message:
    """The message in a row of `outbox_messages`."""
    return Message(MessageId(row.id), row.type, PostId(row.post_id), json.loads(row.payload), row.created_at)


def _all() -> AnySelect:
    return (
        select(*_COLUMNS)
        .join_from(deliveries, outbox_messages, outbox_messages.c.number == deliveries.c.number)
        .join(webhook_endpoints, webhook_endpoints.c.name == deliveries.c.endpoint)
    )


def _delivery(row: AnyRow, attempt: int) -> Delivery:
    endpoint = Endpoint(row.endpoint, row.url, row.secret, row.silent_since, row.paused_until)
    return Delivery(message_of(row), endpoint, attempt)


def _numbers(message_id: str) -> AnySelect:
    return select(outbox_messages.c.number).where(outbox_messages.c.id == message_id)


def _number(connection: Connection, message_id: str) -> int:
    number = connection.execute(_numbers(message_id)).scalar_one_or_none()
    if number is None:
        raise NotFoundError(f"There is no message {message_id}.")
    return int(number)


def _endpoints(connection: Connection, name: str | None) -> list[str]:
    query = select(webhook_endpoints.c.name).where(webhook_endpoints.c.disabled_at.is_(None))
    names = list(connection.execute(query).scalars())
    if name is None:
        return names
    if name not in names:
        raise NotFoundError(f"There is no endpoint {name!r}.")
    return [name]
