"""Bank entries that are amended, banks that are deleted, and keypoints of entries."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OPERATIONS = "operation IN ('create', 'update', 'delete', 'add', 'amend', 'remove')"


def upgrade() -> None:
    widen_bank_changes()
    op.create_table(
        "bank_keypoints",
        sa.Column("entry_id", sa.String(length=36), nullable=False),
        sa.Column("keypoints", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_bank_keypoints")),
    )


def widen_bank_changes() -> None:
    """Let an entry be amended more than once and a bank be deleted. Rows stay as they are."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_bank_changes_operation"), "bank_changes", type_="check")
        op.drop_constraint(op.f("uq_bank_changes_entry_id_operation"), "bank_changes", type_="unique")
        op.create_check_constraint(op.f("ck_bank_changes_operation"), "bank_changes", OPERATIONS)
    else:
        rebuild_on_sqlite()
    index_entries("ix_bank_changes_added", ["entry_id"], "operation = 'add'", unique=True)
    index_entries("ix_bank_changes_amended", ["entry_id", "number"], "operation = 'amend'", unique=False)
    index_entries("ix_bank_changes_removed", ["entry_id"], "operation = 'remove'", unique=True)


def index_entries(name: str, columns: list[str], condition: str, *, unique: bool) -> None:
    only = sa.text(condition)
    op.create_index(name, "bank_changes", columns, unique=unique, sqlite_where=only, postgresql_where=only)


def rebuild_on_sqlite() -> None:
    """SQLite cannot change a table's constraints. Dropping the old one takes its indexes and triggers with it."""
    op.create_table(
        "bank_changes_wide",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("operation", sa.String(length=16), nullable=False),
        sa.Column("bank", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(length=36), nullable=True),
        sa.Column("pdq", sa.String(length=64), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.CheckConstraint(OPERATIONS, name=op.f("ck_bank_changes_operation")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_bank_changes")),
    )
    columns = "number, at, actor, operation, bank, entry_id, pdq, payload"
    op.execute(f"INSERT INTO bank_changes_wide ({columns}) SELECT {columns} FROM bank_changes")  # noqa: S608
    op.drop_table("bank_changes")
    op.rename_table("bank_changes_wide", "bank_changes")
    op.create_index("ix_bank_changes_bank", "bank_changes", ["bank", "operation", "number"])
    op.create_index("ix_bank_changes_pdq", "bank_changes", ["pdq", "bank", "operation"])
    refusal = "BEGIN SELECT RAISE(ABORT, 'bank_changes is append-only'); END"
    known = "WHEN EXISTS (SELECT 1 FROM bank_changes WHERE number = NEW.number)"
    op.execute(f"CREATE TRIGGER bank_changes_no_update BEFORE UPDATE ON bank_changes {refusal}")
    op.execute(f"CREATE TRIGGER bank_changes_no_delete BEFORE DELETE ON bank_changes {refusal}")
    op.execute(f"CREATE TRIGGER bank_changes_no_replace BEFORE INSERT ON bank_changes {known} {refusal}")
