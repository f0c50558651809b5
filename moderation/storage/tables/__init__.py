"""Every table. Documents are JSON text, not a JSON type, because they must come back exactly as they went in."""

from moderation.storage.tables.accounts import accounts, job_drafts, login_attempts, queue_grants, sessions
from moderation.storage.tables.evidence import screenings, signal_results, verdicts
from moderation.storage.tables.history import audit_events, audit_head, bank_changes, policies
from moderation.storage.tables.metadata import APPEND_ONLY, METADATA
from moderation.storage.tables.operation import api_keys, lanes
from moderation.storage.tables.outbox import PENDING_DELIVERY_SQL, deliveries, outbox_messages, webhook_endpoints
from moderation.storage.tables.posts import (
    ASSIGNED_SQL,
    FRESH_SQL,
    HELD_SQL,
    LEASED_SQL,
    OFFERED_SQL,
    PENDING_SQL,
    RETRIED_SQL,
    idempotency_keys,
    jobs,
    posts,
)
from moderation.storage.tables.review import (
    appeals,
    cluster_bands,
    counters,
    cybertip_reports,
    decision_fates,
    decisions,
    evidence_holds,
    gold_items,
    job_exclusions,
    job_posts,
    pending_decisions,
    picture_hashes,
    review_plans,
)
from moderation.storage.tables.signals import model_roles, picture_features, shadow_results
from moderation.storage.tables.wellbeing import breaks, exposures, shifts

__all__ = [
    "APPEND_ONLY",
    "ASSIGNED_SQL",
    "FRESH_SQL",
    "HELD_SQL",
    "LEASED_SQL",
    "METADATA",
    "OFFERED_SQL",
    "PENDING_DELIVERY_SQL",
    "PENDING_SQL",
    "RETRIED_SQL",
    "accounts",
    "api_keys",
    "appeals",
    "audit_events",
    "audit_head",
    "bank_changes",
    "breaks",
    "cluster_bands",
    "counters",
    "cybertip_reports",
    "decision_fates",
    "decisions",
    "deliveries",
    "evidence_holds",
    "exposures",
    "gold_items",
    "idempotency_keys",
    "job_drafts",
    "job_exclusions",
    "job_posts",
    "jobs",
    "lanes",
    "login_attempts",
    "model_roles",
    "outbox_messages",
    "pending_decisions",
    "picture_features",
    "picture_hashes",
    "policies",
    "posts",
    "queue_grants",
    "review_plans",
    "screenings",
    "sessions",
    "shadow_results",
    "shifts",
    "signal_results",
    "verdicts",
    "webhook_endpoints",
]
