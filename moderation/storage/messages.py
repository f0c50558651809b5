"""Putting a message in the outbox, inside the transaction that it tells of."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select

from moderation.domain.audit import AuditEvent, canonical_json
from moderation.domain.outbox import Message
from moderation.storage.tables import deliveries, outbox_messages, webhook_endpoints


def send(connection: Connection, messages: Sequence[tuple[AuditEvent, Message]], *, now: datetime) -> None:
    """Store each message under the number of the event it tells of, and one delivery per endpoint in use."""
    if not messages:
        return
    connection.execute(
        insert(outbox_messages),
        [
            {
                "number": event.number,
                "id": message.id,
                "type": message.type,
                "post_id": message.post_id,
                "payload": canonical_json(message.payload),
                "created_at": message.created_at,
            }
            for event, message in messages
        ],
    )
    endpoints = connection.execute(
        select(webhook_endpoints.c.name).where(webhook_endpoints.c.disabled_at.is_(None))
    ).scalars()
    rows = [delivery_row(event.number, endpoint, now) for endpoint in endpoints for event, _ in messages]
    if rows:
        connection.execute(insert(deliveries), rows)


def delivery_row(number: int, endpoint: str, due_at: datetime) -> dict[str, object]:
    """A delivery that was not tried yet."""
    return {
        "number": number,
        "endpoint": endpoint,
        "status": "pending",
        "attempts": 0,
        "queued_at": due_at,
        "due_at": due_at,
        "last_error": "",
    }
