"""Every table. Documents are JSON text, not a JSON type, because they must come back exactly as they went in."""

from moderation.storage.tables.evidence import screenings, signal_results, verdicts
from moderation.storage.tables.history import audit_events, audit_head, bank_changes, policies
from moderation.storage.tables.metadata import APPEND_ONLY, METADATA
from moderation.storage.tables.operation import api_keys, lanes
from moderation.storage.tables.outbox import PENDING_DELIVERY_SQL, deliveries, outbox_messages, webhook_endpoints
from moderation.storage.tables.posts import FRESH_SQL, PENDING_SQL, RETRIED_SQL, idempotency_keys, jobs, posts

__all__ = [
    "APPEND_ONLY",
    "FRESH_SQL",
    "METADATA",
    "PENDING_DELIVERY_SQL",
    "PENDING_SQL",
    "RETRIED_SQL",
    "api_keys",
    "audit_events",
    "audit_head",
    "bank_changes",
    "deliveries",
    "idempotency_keys",
    "jobs",
    "lanes",
    "outbox_messages",
    "policies",
    "posts",
    "screenings",
    "signal_results",
    "verdicts",
    "webhook_endpoints",
]
