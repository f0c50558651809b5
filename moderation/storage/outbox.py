"""The outbox: messages written with the change they tell of, and their deliveries to every endpoint, at least once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select, update

from moderation.domain.audit import AuditDraft, Json
from moderation.domain.errors import ConflictError, NotFoundError
from moderation.domain.ids import MessageId
from moderation.domain.outbox import Delivery, Endpoint, Message
from moderation.storage import deliveries
from moderation.storage.audit import append, lock
from moderation.storage.engine import Database
from moderation.storage.tables import deliveries as delivery_table
from moderation.storage.tables import outbox_messages, webhook_endpoints


class OutboxStore:
    """The outbox of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_endpoint(self, name: str, url: str, secret: str, now: datetime) -> Endpoint:
        """Send every message from now on to `url` too. A removed endpoint's name may be used again.

        Raises `ConflictError` when an endpoint in use has the name.
        """
        draft = AuditDraft(now, "webhook.added", f"webhook:{name}", "system:webhooks", {"url": url})
        mine = webhook_endpoints.c.name == name
        with self._database.write() as connection:
            append(connection, [draft])
            known = connection.execute(select(webhook_endpoints.c.disabled_at).where(mine)).one_or_none()
            if known is not None and known.disabled_at is None:
                raise ConflictError(f"There is an endpoint {name!r} already.", hint="Remove it first.")
            row = {"url": url, "secret": secret, "created_at": now}
            row |= dict.fromkeys(("disabled_at", "silent_since", "paused_until"))
            if known is None:
                connection.execute(insert(webhook_endpoints).values(name=name, **row))
            else:
                connection.execute(update(webhook_endpoints).where(mine).values(**row))
        return Endpoint(name, url, secret)

    def remove_endpoint(self, name: str, now: datetime) -> None:
        """Send nothing more to the endpoint; what still waits for it is given up. Raises `NotFoundError`."""
        draft = AuditDraft(now, "webhook.removed", f"webhook:{name}", "system:webhooks", {})
        mine = webhook_endpoints.c.name == name
        with self._database.write() as connection:
            append(connection, [draft])
            ended = connection.execute(
                update(webhook_endpoints).where(mine, webhook_endpoints.c.disabled_at.is_(None)).values(disabled_at=now)
            ).rowcount
            if ended == 0:
                raise NotFoundError(f"There is no endpoint {name!r}.")
            deliveries.give_up(connection, name)

    def endpoints(self) -> list[Endpoint]:
        """The endpoints in use, by name."""
        query = select(webhook_endpoints).where(webhook_endpoints.c.disabled_at.is_(None))
        with self._database.read() as connection:
            return [
                Endpoint(row.name, row.url, row.secret, row.silent_since, row.paused_until)
                for row in connection.execute(query.order_by(webhook_endpoints.c.name))
            ]

    def claim(
        self, *, worker: str, limit: int, busy: Sequence[str] = (), lease_seconds: float, now: datetime
    ) -> list[Delivery]:
        """Take deliveries that are due, oldest message first; each is due again when the lease ends.

        Every endpoint has its own share, so none waits for another: up to `limit`, less the times that `busy` names it
        (the worker's tries that still run). A silent endpoint gets one at a time, and none during its pause.
        """
        if self._database.dialect == "sqlite":
            with self._database.read() as connection:
                if not deliveries.rooms(connection, limit=limit, busy=busy, now=now):
                    return []
        with self._database.write() as connection:
            return deliveries.claim(connection, worker, limit=limit, busy=busy, lease_seconds=lease_seconds, now=now)

    def delivered(self, delivery: Delivery, *, status: int, now: datetime) -> None:
        """The endpoint took it, with this HTTP status, which ends a pause. A lost lease's result is not kept."""
        values = {"status": "delivered", "last_status": status, "last_error": "", "delivered_at": now, "worker": None}
        with self._database.write() as connection:
            deliveries.answered(connection, delivery.endpoint.name)
            deliveries.settle(connection, delivery, values)

    def failed(
        self,
        delivery: Delivery,
        *,
        error: str,
        retry_at: datetime | None,
        paused_until: datetime | None = None,
        now: datetime,
    ) -> None:
        """It did not: try again at `retry_at`, or never (None), which makes it a dead letter.

        Without an answer the endpoint gets nothing before `paused_until`; None: it answered, which ends a pause.
        """
        text = error.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
        values: dict[str, object] = {"last_error": text[: deliveries.MAX_ERROR_CHARS], "worker": None}
        values |= {"status": "dead"} if retry_at is None else {"due_at": retry_at}
        with self._database.write() as connection:
            if paused_until is None:
                deliveries.answered(connection, delivery.endpoint.name)
            else:
                deliveries.silent(connection, delivery.endpoint, paused_until=paused_until, now=now)
            deliveries.settle(connection, delivery, values)
            if paused_until is not None:
                deliveries.give_up_overdue(connection, delivery.endpoint.name, now)

    def dead(self, limit: int = 100) -> list[Delivery]:
        """Up to `limit` deliveries that were given up, newest message first."""
        with self._database.read() as connection:
            return deliveries.dead(connection, limit)

    def redeliver(
        self, *, message_id: str | None, endpoint: str | None, dead_only: bool, actor: str, now: datetime
    ) -> int:
        """Make deliveries due again with the same message id, tries counted anew; returns how many.

        `message_id` and `endpoint` narrow it (None: all). With a message id and not `dead_only`, an endpoint that was
        added after the message gets it too. Ends the pause of the endpoints it is for. Audited when there are any.
        Raises `NotFoundError` for an unknown message or endpoint.
        """
        with self._database.write() as connection:
            lock(connection)
            count = deliveries.redeliver(
                connection, message_id=message_id, endpoint=endpoint, dead_only=dead_only, now=now
            )
            subject = f"webhook:{endpoint or '*'}"
            payload: dict[str, Json] = {"count": count, "message": message_id, "dead_only": dead_only}
            if count:
                append(connection, [AuditDraft(now, "webhook.redelivered", subject, actor, payload)])
        return count

    def messages(self, after: MessageId | None = None, limit: int = 100) -> list[Message]:
        """Up to `limit` messages in the order of their commits, after a message (None: from the first).

        Raises `NotFoundError` when there is no such message.
        """
        with self._database.read() as connection:
            number = 0
            if after is not None:
                found = select(outbox_messages.c.number).where(outbox_messages.c.id == after)
                number = connection.execute(found).scalar_one_or_none() or 0
                if number == 0:
                    raise NotFoundError(f"There is no message {after}.")
            query = select(outbox_messages).where(outbox_messages.c.number > number)
            query = query.order_by(outbox_messages.c.number).limit(limit)
            return [deliveries.message_of(row) for row in connection.execute(query)]

    def backlog(self) -> dict[str, int]:
        """The number of deliveries that wait, by endpoint, of endpoints that have any."""
        query = select(delivery_table.c.endpoint, func.count().label("waiting"))
        query = query.where(delivery_table.c.status == "pending").group_by(delivery_table.c.endpoint)
        with self._database.read() as connection:
            return {row.endpoint: row.waiting for row in connection.execute(query)}
