"""People's work: leases and priorities of jobs, decisions, clusters, appeals, accounts, exposure, evidence."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PRIMARY_KEYS = {
    "decisions": ("number",),
    "decision_fates": ("decision_id",),
    "review_plans": ("number",),
    "picture_hashes": ("post_id", "frame"),
    "evidence_holds": ("post_id",),
}
HELD_COLUMNS = ("id", "client", "image", "image_bytes", "caption", "prompt", "author_id", "received_at")
HELD = "the post is held as evidence"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
SEVERITY = 50
SERVICE = timedelta(hours=1)


def upgrade() -> None:
    extend_posts()
    extend_jobs()
    create_account_tables()
    create_decision_tables()
    create_care_tables()
    fill_jobs()
    if op.get_bind().dialect.name == "postgresql":
        protect_postgresql()
        hold_evidence_postgresql()
    else:
        protect_sqlite()
        hold_evidence_sqlite()


def fill_jobs() -> None:
    """Jobs that wait already get a deadline, a rank and their post as the only one of its cluster."""
    jobs = sa.table(
        "jobs",
        *(sa.column(name) for name in ("id", "post_id", "state", "rank")),
        *(sa.column(name, sa.DateTime(timezone=True)) for name in ("opened_at", "closed_at", "due_at")),
    )
    connection = op.get_bind()
    connection.execute(jobs.update().where(jobs.c.closed_at.is_not(None)).values(state="closed"))
    rows = connection.execute(sa.select(jobs.c.id, jobs.c.opened_at)).all()
    changes = [_waiting(row.id, row.opened_at) for row in rows]
    if changes:
        connection.execute(
            jobs.update()
            .where(jobs.c.id == sa.bindparam("job"))
            .values(due_at=sa.bindparam("due"), rank=sa.bindparam("points")),
            changes,
        )
    op.execute("INSERT INTO job_posts (job_id, post_id, joined_at) SELECT id, post_id, opened_at FROM jobs")


def _waiting(job_id: str, opened_at: datetime) -> dict[str, object]:
    due = opened_at + SERVICE
    aware = opened_at if opened_at.tzinfo else opened_at.replace(tzinfo=UTC)
    hours = (EPOCH - aware).total_seconds() / 3600
    return {"job": job_id, "due": due, "points": SEVERITY + 10 * (hours - 1) + hours}


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


def hold_evidence_postgresql() -> None:
    """A held post stays as it is, no post's image is marked as deleted while one with the same image is held, and no
    report is deleted.
    """
    op.execute(
        "CREATE FUNCTION refuse_held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "  # noqa: S608 - text of this file
        "IF EXISTS (SELECT 1 FROM evidence_holds WHERE post_id = OLD.id OR image = OLD.image AND TG_ARGV[0] = 'image') "
        f"THEN RAISE EXCEPTION '{HELD}' USING ERRCODE = 'restrict_violation'; END IF; "
        "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
    )
    for name, event, about in (
        ("held_no_delete", "DELETE", "post"),
        ("held_no_change", f"UPDATE OF {', '.join(HELD_COLUMNS)}", "post"),
        ("held_no_image_deletion", "UPDATE OF image_deleted_at", "image"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON posts FOR EACH ROW EXECUTE FUNCTION refuse_held('{about}')"
        )
        op.execute(f"ALTER TABLE posts ENABLE ALWAYS TRIGGER {name}")
    op.execute(
        "CREATE TRIGGER no_delete BEFORE DELETE OR TRUNCATE ON cybertip_reports "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute("ALTER TABLE cybertip_reports ENABLE ALWAYS TRIGGER no_delete")


def hold_evidence_sqlite() -> None:
    """The same as on PostgreSQL."""
    refusal = f"BEGIN SELECT RAISE(ABORT, '{HELD}'); END"
    post = "WHEN EXISTS (SELECT 1 FROM evidence_holds WHERE post_id = OLD.id)"
    image = "WHEN EXISTS (SELECT 1 FROM evidence_holds WHERE image = OLD.image)"
    changed = ", ".join(HELD_COLUMNS)
    op.execute(f"CREATE TRIGGER posts_held_no_delete BEFORE DELETE ON posts {post} {refusal}")
    op.execute(f"CREATE TRIGGER posts_held_no_change BEFORE UPDATE OF {changed} ON posts {post} {refusal}")
    op.execute(
        f"CREATE TRIGGER posts_held_no_image_deletion BEFORE UPDATE OF image_deleted_at ON posts {image} {refusal}"
    )
    kept = "BEGIN SELECT RAISE(ABORT, 'cybertip_reports keeps every report'); END"
    op.execute(f"CREATE TRIGGER cybertip_reports_no_delete BEFORE DELETE ON cybertip_reports {kept}")


def extend_posts() -> None:
    op.add_column("posts", sa.Column("overturned_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("posts", sa.Column("image_deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_posts_author_id", "posts", ["author_id", "received_at"])
    op.drop_index("ix_posts_publication", table_name="posts")
    op.create_index(
        "ix_posts_publication",
        "posts",
        ["publication"],
        unique=True,
        sqlite_where=sa.text("publication IS NOT NULL"),
        postgresql_where=sa.text("publication IS NOT NULL"),
    )
    op.create_index("ix_posts_received_at", "posts", ["received_at", "id"])


def extend_jobs() -> None:
    op.add_column("jobs", sa.Column("kind", sa.String(length=32), server_default="review", nullable=False))
    op.add_column("jobs", sa.Column("state", sa.String(length=32), server_default="open", nullable=False))
    op.add_column("jobs", sa.Column("severity", sa.Integer(), server_default="50", nullable=False))
    op.add_column("jobs", sa.Column("reach", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("jobs", sa.Column("language", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("jobs", sa.Column("skill", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("jobs", sa.Column("routing_rule", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("jobs", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("rank", sa.Double(), server_default="0", nullable=False))
    op.add_column("jobs", sa.Column("posts", sa.Integer(), server_default="1", nullable=False))
    op.add_column("jobs", sa.Column("lease_holder", sa.String(length=36), nullable=True))
    op.add_column("jobs", sa.Column("lease_token", sa.String(length=64), nullable=True))
    op.add_column("jobs", sa.Column("leased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("available_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("held_by", sa.String(length=36), nullable=True))
    op.add_column("jobs", sa.Column("assigned_to", sa.String(length=36), nullable=True))
    op.add_column("jobs", sa.Column("assigned_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("origin", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("jobs", sa.Column("basis", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("jobs", sa.Column("pdq", sa.String(length=64), nullable=True))
    op.add_column("jobs", sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("carry_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("audit_rate", sa.Double(), server_default="0", nullable=False))
    op.drop_index(op.f("ix_jobs_open_post_id"), table_name="jobs", sqlite_where=sa.text("closed_at IS NULL"))
    op.create_index(
        "ix_jobs_assigned",
        "jobs",
        ["assigned_to"],
        sqlite_where=sa.text("state = 'open' AND assigned_to IS NOT NULL"),
        postgresql_where=sa.text("state = 'open' AND assigned_to IS NOT NULL"),
    )
    op.create_index(
        "ix_jobs_carry_until",
        "jobs",
        ["carry_until"],
        sqlite_where=sa.text("carry_until IS NOT NULL"),
        postgresql_where=sa.text("carry_until IS NOT NULL"),
    )
    op.create_index(
        "ix_jobs_due",
        "jobs",
        ["queue", "due_at", "opened_at", "kind"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_jobs_held",
        "jobs",
        ["held_by"],
        sqlite_where=sa.text("state = 'open' AND wake_at IS NOT NULL"),
        postgresql_where=sa.text("state = 'open' AND wake_at IS NOT NULL"),
    )
    op.create_index(
        "ix_jobs_leased",
        "jobs",
        ["lease_holder"],
        sqlite_where=sa.text("state = 'open' AND lease_holder IS NOT NULL"),
        postgresql_where=sa.text("state = 'open' AND lease_holder IS NOT NULL"),
    )
    op.create_index(
        "ix_jobs_offered",
        "jobs",
        ["queue", "rank", "id"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_jobs_post_id", "jobs", ["post_id"])
    op.create_index(
        "ix_jobs_wanted",
        "jobs",
        ["queue", "language", "skill", "rank", "id"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_jobs_review_post_id",
        "jobs",
        ["post_id"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL AND kind = 'review'"),
        postgresql_where=sa.text("closed_at IS NULL AND kind = 'review'"),
    )


def create_account_tables() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("languages", sa.String(), nullable=False),
        sa.Column("skills", sa.String(), nullable=False),
        sa.Column("preferences", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("totp_secret", sa.String(), nullable=True),
        sa.Column("totp_offered", sa.String(), nullable=True),
        sa.Column("totp_step", sa.Integer(), nullable=True),
        sa.Column("recovery_digests", sa.Text(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_accounts_issuer_subject")),
        sa.UniqueConstraint("name", name=op.f("uq_accounts_name")),
    )
    op.create_table(
        "login_attempts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_attempts")),
    )
    op.create_index("ix_login_attempts_address", "login_attempts", ["address", "at"])
    op.create_index("ix_login_attempts_name", "login_attempts", ["name", "at"])
    op.create_table(
        "queue_grants",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("granted_by", sa.String(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_queue_grants_account_id_accounts")),
        sa.PrimaryKeyConstraint("account_id", "queue", name=op.f("pk_queue_grants")),
    )
    op.create_index("ix_queue_grants_queue", "queue_grants", ["queue"])
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("secret_digest", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("browser", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_sessions_account_id_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("secret_digest", name=op.f("uq_sessions_secret_digest")),
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id", "expires_at"])
    op.create_table(
        "job_drafts",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_job_drafts_account_id_accounts")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_drafts_job_id_jobs")),
        sa.PrimaryKeyConstraint("account_id", "job_id", name=op.f("pk_job_drafts")),
    )


def create_decision_tables() -> None:
    op.create_table(
        "counters",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "name", "label", "detail", name=op.f("pk_counters")),
    )
    op.create_table(
        "review_plans",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_review_plans")),
    )
    op.create_table(
        "picture_hashes",
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("frame", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("pdq", sa.String(length=64), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_picture_hashes_post_id_posts")),
        sa.PrimaryKeyConstraint("post_id", "frame", name=op.f("pk_picture_hashes")),
    )
    op.create_index("ix_picture_hashes_number", "picture_hashes", ["number"])
    op.create_table(
        "cluster_bands",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("band", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_cluster_bands_job_id_jobs")),
        sa.PrimaryKeyConstraint("job_id", "band", name=op.f("pk_cluster_bands")),
    )
    op.create_index("ix_cluster_bands_value", "cluster_bands", ["value", "band"])
    op.create_table(
        "decisions",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("batch", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("binding", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_decisions_job_id_jobs")),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_decisions_post_id_posts")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_decisions")),
        sa.UniqueConstraint("id", name=op.f("uq_decisions_id")),
    )
    op.create_index("ix_decisions_account_id_number", "decisions", ["account_id", "number"])
    op.create_index("ix_decisions_batch", "decisions", ["batch"])
    op.create_index("ix_decisions_job_id", "decisions", ["job_id"])
    op.create_index("ix_decisions_kind_number", "decisions", ["kind", "number"])
    op.create_index("ix_decisions_post_id", "decisions", ["post_id"])
    op.create_table(
        "job_exclusions",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_exclusions_job_id_jobs")),
        sa.PrimaryKeyConstraint("job_id", "account_id", name=op.f("pk_job_exclusions")),
    )
    op.create_table(
        "job_posts",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_posts_job_id_jobs")),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_job_posts_post_id_posts")),
        sa.PrimaryKeyConstraint("job_id", "post_id", name=op.f("pk_job_posts")),
    )
    op.create_index("ix_job_posts_post_id", "job_posts", ["post_id"])
    op.create_table(
        "decision_fates",
        sa.Column("decision_id", sa.String(), nullable=False),
        sa.Column("fate", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name=op.f("fk_decision_fates_decision_id_decisions")
        ),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_decision_fates")),
    )
    op.create_table(
        "pending_decisions",
        sa.Column("decision_id", sa.String(), nullable=False),
        sa.Column("batch", sa.String(length=36), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("follow_up", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name=op.f("fk_pending_decisions_decision_id_decisions")
        ),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_pending_decisions")),
    )
    op.create_index("ix_pending_decisions_batch", "pending_decisions", ["batch"])
    op.create_index("ix_pending_decisions_effective_at", "pending_decisions", ["effective_at"])


def create_care_tables() -> None:
    op.create_table(
        "breaks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breaks")),
    )
    op.create_index("ix_breaks_account", "breaks", ["account_id", "ends_at"])
    op.create_index("ix_breaks_started_at", "breaks", ["started_at"])
    op.create_table(
        "shifts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("working_since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shifts")),
    )
    op.create_index("ix_shifts_account", "shifts", ["account_id", "started_at"])
    op.create_index("ix_shifts_seen_at", "shifts", ["seen_at"])
    op.create_table(
        "cybertip_reports",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("file_details", sa.Text(), nullable=False),
        sa.Column("report_id", sa.String(), nullable=False),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("written_by", sa.String(length=36), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_cybertip_reports_post_id_posts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cybertip_reports")),
        sa.UniqueConstraint("post_id", name=op.f("uq_cybertip_reports_post_id")),
    )
    op.create_table(
        "evidence_holds",
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("image", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_evidence_holds_post_id_posts")),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_evidence_holds")),
    )
    op.create_index("ix_evidence_holds_image", "evidence_holds", ["image"])
    op.create_table(
        "exposures",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("view", sa.String(length=36), nullable=False),
        sa.Column("shift_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=True),
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_exposures_post_id_posts")),
        sa.ForeignKeyConstraint(["shift_id"], ["shifts.id"], name=op.f("fk_exposures_shift_id_shifts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exposures")),
    )
    op.create_index("ix_exposures_account", "exposures", ["account_id", "started_at"])
    op.create_index("ix_exposures_shift_id", "exposures", ["shift_id"])
    op.create_table(
        "gold_items",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("added_by", sa.String(length=36), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_gold_items_post_id_posts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gold_items")),
    )
    op.create_index("ix_gold_items_queue", "gold_items", ["queue", "retired_at"])
    op.create_table(
        "appeals",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('open', 'upheld', 'overturned')", name=op.f("ck_appeals_state")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_appeals_job_id_jobs")),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_appeals_post_id_posts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeals")),
    )
    op.create_index(
        "ix_appeals_open_post_id",
        "appeals",
        ["post_id"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_appeals_post_id", "appeals", ["post_id"])
    op.create_index("ix_appeals_resolved_at", "appeals", ["resolved_at"])
