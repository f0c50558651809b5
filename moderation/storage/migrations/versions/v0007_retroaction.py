"""Sweeps over posts that were judged before, and the further hashes by which they find pictures."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLE = "sweep_posts"


def upgrade() -> None:
    create_tables()
    keep_more_hashes()
    if op.get_bind().dialect.name == "postgresql":
        protect_postgresql()
    else:
        protect_sqlite()


def create_tables() -> None:
    op.create_table(
        "sweeps",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("cap", sa.BigInteger(), nullable=False),
        sa.Column("withdraw", sa.Boolean(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweeps")),
    )
    op.create_index("ix_sweeps_created_at", "sweeps", ["created_at"])
    op.create_table(
        "sweep_days",
        sa.Column("sweep_id", sa.String(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("scanned", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("found", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("later", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_sweep_days_sweep_id_sweeps")),
        sa.PrimaryKeyConstraint("sweep_id", "day", name=op.f("pk_sweep_days")),
    )
    op.create_table(
        "sweep_posts",
        sa.Column("sweep_id", sa.String(), nullable=False),
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("result", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(result IN ('withdraw', 'reject', 'hold', 'review', 'evidence')) = (number IS NOT NULL)",
            name=op.f("ck_sweep_posts_number"),
        ),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_sweep_posts_post_id_posts")),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_sweep_posts_sweep_id_sweeps")),
        sa.PrimaryKeyConstraint("sweep_id", "post_id", name=op.f("pk_sweep_posts")),
    )
    op.create_index("ix_sweep_posts_day", "sweep_posts", ["sweep_id", "day", "result"])
    op.create_index("ix_sweep_posts_post_id", "sweep_posts", ["post_id"])


def keep_more_hashes() -> None:
    empty = sa.text("''")
    op.add_column("picture_hashes", sa.Column("trimmed", sa.String(length=64), server_default=empty, nullable=False))
    op.add_column("picture_hashes", sa.Column("trimmed_quality", sa.Integer(), server_default="0", nullable=False))
    op.add_column("picture_hashes", sa.Column("phash", sa.String(length=16), server_default=empty, nullable=False))
    op.add_column("picture_hashes", sa.Column("dhash", sa.String(length=16), server_default=empty, nullable=False))


def protect_postgresql() -> None:
    op.execute(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(f"ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER append_only")


def protect_sqlite() -> None:
    refusal = f"BEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END"
    known = f"EXISTS (SELECT 1 FROM {TABLE} WHERE sweep_id = NEW.sweep_id AND post_id = NEW.post_id)"  # noqa: S608
    op.execute(f"CREATE TRIGGER {TABLE}_no_update BEFORE UPDATE ON {TABLE} {refusal}")
    op.execute(f"CREATE TRIGGER {TABLE}_no_delete BEFORE DELETE ON {TABLE} {refusal}")
    op.execute(f"CREATE TRIGGER {TABLE}_no_replace BEFORE INSERT ON {TABLE} WHEN {known} {refusal}")
