"""Exchanges: their settings, checkpoints and what is sent back."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exchanges",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("bank", sa.String(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("credentials", sa.Text(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("write_back", sa.Boolean(), nullable=False),
        sa.Column("every_seconds", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("pass_number", sa.BigInteger(), nullable=False),
        sa.Column("sweep_below", sa.BigInteger(), nullable=True),
        sa.Column("unsupported", sa.Text(), nullable=False),
        sa.Column("malformed", sa.BigInteger(), nullable=False),
        sa.Column("last_fetch_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_exchanges")),
    )
    op.create_index("ix_exchanges_bank", "exchanges", ["bank"])
    create_items()
    create_feedback()


def create_items() -> None:
    op.create_table(
        "exchange_items",
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("pdq", sa.String(length=64), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("opinions", sa.Text(), nullable=False),
        sa.Column("own", sa.String(length=32), nullable=True),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("feedback", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.String(length=36), nullable=True),
        sa.Column("seen_pass", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["exchange"], ["exchanges.name"], name=op.f("fk_exchange_items_exchange_exchanges")),
        sa.PrimaryKeyConstraint("exchange", "item", name=op.f("pk_exchange_items")),
    )
    op.create_index("ix_exchange_items_pdq", "exchange_items", ["pdq"])
    op.create_index("ix_exchange_items_entry_id", "exchange_items", ["entry_id"])
    op.create_index("ix_exchange_items_seen", "exchange_items", ["exchange", "seen_pass"])


def create_feedback() -> None:
    op.create_table(
        "exchange_feedback",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'sent', 'dropped', 'dead')", name=op.f("ck_exchange_feedback_state")),
        sa.ForeignKeyConstraint(["exchange"], ["exchanges.name"], name=op.f("fk_exchange_feedback_exchange_exchanges")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_exchange_feedback")),
        sa.UniqueConstraint("exchange", "item", "outcome", name=op.f("uq_exchange_feedback_exchange_item_outcome")),
    )
    op.create_index("ix_exchange_feedback_due", "exchange_feedback", ["state", "due_at"])
    op.create_table(
        "exchange_mark",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_exchange_mark_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_mark")),
    )
