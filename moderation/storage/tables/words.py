"""Full text over captions and prompts: an index of an expression on PostgreSQL, a table of FTS5 on SQLite.

Both cut a text at everything that is neither a letter nor a digit, keep accents, and know no language. Each exists on
one dialect only, so the migration makes them and the definitions of the tables do not name them.
"""

MAX_WORDS_CHARS = 100_000
"""Characters of a post that PostgreSQL's index holds: it refuses longer texts, and must never refuse a post."""

SEPARATORS = "-_./@:+&=?#~%*,;!|<>()[]{}"
"""Signs inside addresses and compound words that PostgreSQL's own parser would keep together."""

WORDS_SQL = (
    f"to_tsvector('simple', translate(left(posts.caption || ' ' || posts.prompt, {MAX_WORDS_CHARS}), "
    f"'{SEPARATORS}', '{' ' * len(SEPARATORS)}'))"
)
"""The expression of PostgreSQL's index `ix_posts_words`: a query must write the same one to use it."""

WORDS_TABLE = "post_words"
"""SQLite's table. Its rows are in the order in which posts came, so that its row numbers are a cursor."""
