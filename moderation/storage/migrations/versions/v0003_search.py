"""Search: full text over captions and prompts, the audit log by actor and by kind, and all that concerns one post."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SEPARATORS = "-_./@:+&=?#~%*,;!|<>()[]{}"
MAX_CHARS = 100_000


def upgrade() -> None:
    op.create_index("ix_audit_events_actor_number", "audit_events", ["actor", "number"])
    op.create_index("ix_audit_events_kind_number", "audit_events", ["kind", "number"])
    op.create_index("ix_exposures_post_id", "exposures", ["post_id", "account_id"])
    op.create_index("ix_gold_items_post_id", "gold_items", ["post_id"])
    if op.get_bind().dialect.name == "postgresql":
        index_words_postgresql()
    else:
        index_words_sqlite()


def index_words_postgresql() -> None:
    blanks = " " * len(SEPARATORS)
    shown = f"translate(left(caption || ' ' || prompt, {MAX_CHARS}), '{SEPARATORS}', '{blanks}')"
    op.execute(f"CREATE INDEX ix_posts_words ON posts USING gin (to_tsvector('simple', {shown}))")


def index_words_sqlite() -> None:
    op.execute(
        "CREATE VIRTUAL TABLE post_words USING fts5"
        "(post_id UNINDEXED, caption, prompt, tokenize = 'unicode61 remove_diacritics 0')"
    )
    op.execute(
        "INSERT INTO post_words (post_id, caption, prompt) "
        "SELECT id, caption, prompt FROM posts ORDER BY received_at, id"
    )
    op.execute(
        "CREATE TRIGGER posts_words AFTER INSERT ON posts BEGIN "
        "INSERT INTO post_words (post_id, caption, prompt) VALUES (NEW.id, NEW.caption, NEW.prompt); END"
    )
