"""Finding posts: by words, author, picture, state and time, newest first, a page at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, column, literal_column, select, table, text, tuple_

from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import PostId
from moderation.domain.post import Post, PostState
from moderation.storage.engine import Database
from moderation.storage.review.cursors import moment_cursor, read_cursor, read_moment, write_cursor
from moderation.storage.review.standing import Standing, standings
from moderation.storage.review.text_query import parse_text, postgresql_condition, sqlite_match
from moderation.storage.rows import POST_COLUMNS, AnyRow, AnySelect, post_of
from moderation.storage.tables import posts
from moderation.storage.tables.words import WORDS_TABLE

MAX_PAGE = 100
MIN_DIGEST_CHARS = 8
DIGEST_CHARS = 64
_MOMENT, _WORDS = "posts", "words"
_words = table(WORDS_TABLE, column("rowid"), column("post_id"))


@dataclass(frozen=True, slots=True)
class PostQuery:
    """What to look for; every part that is given must hold.

    `text` is words, "phrases", begin* and -without. `digest` is the picture's SHA-256 or its first characters.
    `since` is included, `until` is not.
    """

    text: str = ""
    author: str = ""
    digest: str = ""
    state: PostState | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class FoundPost:
    """A post, and in which queues and under which categories it was ever judged."""

    post: Post
    standing: Standing


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Posts in the order of the list; `next_cursor` is None on the last page."""

    items: tuple[FoundPost, ...]
    next_cursor: str | None


class PostSearch:
    """Searches one database. Every call is two statements, however many posts there are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, query: PostQuery, *, cursor: str | None, limit: int) -> FoundPage:
        """Up to `limit` posts, newest first.

        Raises `InvalidInputError` for words or a digest that cannot be looked for, and for a cursor of another list.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInputError(f"A page has 1 to {MAX_PAGE} posts.")
        by_words = bool(query.text.strip()) and self._database.dialect == "sqlite"
        statement = _by_words(query, cursor) if by_words else _by_moment(query, cursor)
        with self._database.read() as connection:
            rows = connection.execute(statement.limit(limit + 1)).all()
            items = _found(connection, rows[:limit])
        more = len(rows) > limit
        return FoundPage(items, _cursor(rows[limit - 1], by_words=by_words) if more else None)

    def named(self, ids: Sequence[PostId]) -> list[FoundPost]:
        """The posts with these ids that there are, in the order of `ids`."""
        if not ids:
            return []
        with self._database.read() as connection:
            rows = connection.execute(select(*POST_COLUMNS).where(posts.c.id.in_(ids))).all()
            found = {item.post.id: item for item in _found(connection, rows)}
        return [found[post_id] for post_id in ids if post_id in found]


def _by_moment(query: PostQuery, cursor: str | None) -> AnySelect:
    """Through an index of `posts`, or PostgreSQL's index of words."""
    wanted = list(_conditions(query, {name: posts.c[name] for name in ("author_id", "image", "state", "received_at")}))
    if query.text.strip():
        wanted.append(postgresql_condition(parse_text(query.text)))
    if cursor is not None:
        at, post_id = read_moment(cursor, _MOMENT)
        wanted.append(tuple_(posts.c.received_at, posts.c.id) < tuple_(at, post_id))
    return select(*POST_COLUMNS).where(*wanted).order_by(posts.c.received_at.desc(), posts.c.id.desc())


def _by_words(query: PostQuery, cursor: str | None) -> AnySelect:
    """Through SQLite's table of words, in the order of its rows.

    The other conditions have a plus before their column, which keeps SQLite from starting with an index of theirs and
    then asking the table of words once for every post.
    """
    hidden = {
        name: literal_column(f"+posts.{name}", posts.c[name].type)
        for name in ("author_id", "image", "state", "received_at")
    }
    wanted = list(_conditions(query, hidden))
    if cursor is not None:
        (number,) = read_cursor(cursor, _WORDS, int)
        wanted.append(_words.c.rowid < number)
    return (
        select(*POST_COLUMNS, _words.c.rowid.label("row_number"))
        .join_from(_words, posts, posts.c.id == _words.c.post_id)
        .where(text(f"{WORDS_TABLE} MATCH :words"), *wanted)
        .order_by(_words.c.rowid.desc())
        .params(words=sqlite_match(parse_text(query.text)))
    )


def _conditions(query: PostQuery, columns: Mapping[str, ColumnElement[object]]) -> Iterable[ColumnElement[bool]]:
    if query.author:
        yield columns["author_id"] == bindparam("author", query.author)
    if query.digest:
        low, high = _digests(query.digest)
        yield columns["image"].between(low, high)
    if query.state is not None:
        yield columns["state"] == query.state
    if query.since is not None:
        yield columns["received_at"] >= query.since
    if query.until is not None:
        yield columns["received_at"] < query.until


def _digests(typed: str) -> tuple[str, str]:
    """The first and the last digest that begin as typed."""
    start = typed.strip().lower()
    known = MIN_DIGEST_CHARS <= len(start) <= DIGEST_CHARS and all(sign in "0123456789abcdef" for sign in start)
    if not known:
        raise InvalidInputError(
            f"A picture's digest is {MIN_DIGEST_CHARS} to {DIGEST_CHARS} hexadecimal characters.",
            hint="Copy it from a post's page.",
        )
    return start.ljust(DIGEST_CHARS, "0"), start.ljust(DIGEST_CHARS, "f")


def _found(connection: Connection, rows: Sequence[AnyRow]) -> tuple[FoundPost, ...]:
    found = [post_of(row) for row in rows]
    known = standings(connection, [post.id for post in found])
    return tuple(FoundPost(post, known[post.id]) for post in found)


def _cursor(row: AnyRow, *, by_words: bool) -> str:
    if by_words:
        return write_cursor(_WORDS, row.row_number)
    return moment_cursor(_MOMENT, row.received_at, row.id)
