"""Models' roles, what candidates in shadow said, and pictures' features."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PRIMARY_KEYS = {"model_roles": ("number",), "shadow_results": ("screening_id", "signal")}


def upgrade() -> None:
    create_tables()
    if op.get_bind().dialect.name == "postgresql":
        protect_postgresql()
    else:
        protect_sqlite()


def create_tables() -> None:
    op.create_table(
        "model_roles",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("change", sa.String(length=32), nullable=False),
        sa.Column("live_name", sa.String(), nullable=True),
        sa.Column("live_digest", sa.String(length=64), nullable=True),
        sa.Column("candidate_name", sa.String(), nullable=True),
        sa.Column("candidate_digest", sa.String(length=64), nullable=True),
        sa.Column("former_name", sa.String(), nullable=True),
        sa.Column("former_digest", sa.String(length=64), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_model_roles")),
    )
    op.create_index("ix_model_roles_slot", "model_roles", ["slot", "number"])
    op.create_table(
        "shadow_results",
        sa.Column("screening_id", sa.String(), nullable=False),
        sa.Column("signal", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["screening_id"], ["screenings.id"], name=op.f("fk_shadow_results_screening_id_screenings")
        ),
        sa.PrimaryKeyConstraint("screening_id", "signal", name=op.f("pk_shadow_results")),
    )
    op.create_index("ix_shadow_results_digest", "shadow_results", ["signal", "digest", "screening_id", "kind"])
    op.create_table(
        "picture_features",
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_picture_features_post_id_posts")),
        sa.PrimaryKeyConstraint("post_id", "model", name=op.f("pk_picture_features")),
    )


def protect_postgresql() -> None:
    for table in PRIMARY_KEYS:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")


def protect_sqlite() -> None:
    for table, keys in PRIMARY_KEYS.items():
        refusal = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        same = " AND ".join(f"{key} = NEW.{key}" for key in keys)
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refusal}")
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refusal}")
        known = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - names of this file
        op.execute(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} {known} {refusal}")
