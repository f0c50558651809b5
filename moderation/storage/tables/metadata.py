"""The collection of all tables, and how their constraints are named."""

from sqlalchemy import MetaData

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

APPEND_ONLY = (
    "screenings",
    "signal_results",
    "verdicts",
    "audit_events",
    "outbox_messages",
    "bank_changes",
    "policies",
    "idempotency_keys",
    "decisions",
    "decision_fates",
    "review_plans",
    "evidence_holds",
    "picture_hashes",
    "model_roles",
    "shadow_results",
    "sweep_posts",
)
"""Tables that refuse updates and deletes: the migration that makes one gives it triggers."""
