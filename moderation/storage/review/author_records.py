"""An author's record, as far as it helps to decide: what became of the newest posts, and how they were measured."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, func, select

from moderation.domain.ids import PostId
from moderation.domain.people import Person
from moderation.domain.post import PostState
from moderation.domain.signal import Value
from moderation.storage.engine import Database
from moderation.storage.review.blind import blind_to, is_asked
from moderation.storage.tables import appeals, posts, screenings, signal_results

COUNTED_POSTS = 1_000
"""The newest posts of an author whose states are counted."""
MEASURED_POSTS = 24
"""The newest posts of an author whose scores are read."""


@dataclass(frozen=True, slots=True)
class EarlierPost:
    """One of the author's posts."""

    id: PostId
    state: PostState
    received_at: datetime


@dataclass(frozen=True, slots=True)
class AuthorRecord:
    """States of the newest posts, at most `COUNTED_POSTS` (`complete`: that is all of them).

    `newest` are the newest `MEASURED_POSTS`, newest first; `values` has what each signal column measured on them,
    oldest first, without those that were not measured. `overturned` counts the author's appeals that were right.
    """

    states: Mapping[PostState, int]
    complete: bool
    newest: tuple[EarlierPost, ...]
    values: Mapping[str, tuple[Value, ...]]
    overturned: int

    @property
    def posts(self) -> int:
        """How many posts were counted."""
        return sum(self.states.values())


class AuthorRecordStore:
    """The authors' records of one database. Authors are a client's own: two clients' ids may be equal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, client: str, author: str, *, without: PostId, reader: Person | None = None) -> AuthorRecord:
        """The record of an author's posts other than `without`.

        Those that `reader` is to look at blind are told as held, whatever others decided.
        """
        state = posts.c.state
        if reader is not None and is_asked(reader):
            state = case((blind_to(reader), PostState.HELD), else_=posts.c.state).label("state")  # type: ignore[assignment]
        newest = (
            select(posts.c.id, state, posts.c.received_at)
            .where(posts.c.author_id == author, posts.c.client == client, posts.c.id != without)
            .order_by(posts.c.received_at.desc(), posts.c.id.desc())
            .limit(COUNTED_POSTS)
        )
        with self._database.read() as connection:
            rows = [EarlierPost(PostId(row.id), row.state, row.received_at) for row in connection.execute(newest)]
            shown = tuple(rows[:MEASURED_POSTS])
            return AuthorRecord(
                states=Counter(row.state for row in rows),
                complete=len(rows) < COUNTED_POSTS,
                newest=shown,
                values=_values(connection, [row.id for row in reversed(shown)]),
                overturned=_overturned(connection, client, author),
            )


def _values(connection: Connection, ids: Sequence[PostId]) -> dict[str, tuple[Value, ...]]:
    query = (
        select(screenings.c.post_id, signal_results.c.document)
        .join_from(signal_results, screenings, screenings.c.id == signal_results.c.screening_id)
        .where(screenings.c.post_id.in_(list(ids)), signal_results.c.kind != "failure")
        .order_by(screenings.c.finished_at, screenings.c.id)
    )
    latest: dict[str, dict[str, Value]] = {}
    for post_id, document in connection.execute(query):
        latest.setdefault(post_id, {}).update(json.loads(document)["values"])
    found: dict[str, list[Value]] = {}
    for post_id in ids:
        for column, value in latest.get(post_id, {}).items():
            if value is not None:
                found.setdefault(column, []).append(value)
    return {column: tuple(values) for column, values in found.items()}


def _overturned(connection: Connection, client: str, author: str) -> int:
    query = (
        select(func.count())
        .select_from(appeals.join(posts, posts.c.id == appeals.c.post_id))
        .where(posts.c.author_id == author, posts.c.client == client, appeals.c.state == "overturned")
    )
    return connection.execute(query).scalar_one()
