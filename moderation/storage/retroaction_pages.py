"""Sweeps as people read them: a page of them at a time, the posts that one touched, and where an alarm began."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_

from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import PostId
from moderation.domain.retroaction import Result, Sweep
from moderation.storage.engine import Database
from moderation.storage.retroaction_rows import sweeps_of
from moderation.storage.review.cursors import moment_cursor, read_cursor, read_moment, write_cursor
from moderation.storage.tables import bank_changes, sweep_posts, sweeps

MAX_PAGE = 200
_SWEEPS = "sweeps"
_TOUCHED = "swept"


@dataclass(frozen=True, slots=True)
class SweepPage:
    """Sweeps, newest first; `next_cursor` is None on the last page."""

    sweeps: tuple[Sweep, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class TouchedPost:
    """A post that a sweep acted on, with the day on which it was received (UTC, ISO)."""

    post_id: PostId
    day: str
    result: Result
    at: datetime


@dataclass(frozen=True, slots=True)
class TouchedPage:
    """Posts that a sweep acted on, newest first; `next_cursor` is None on the last page."""

    posts: tuple[TouchedPost, ...]
    next_cursor: str | None


class SweepPages:
    """Reads the sweeps of one database. Every method raises `InvalidInputError` for a cursor of another list."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, *, cursor: str | None, limit: int) -> SweepPage:
        """Up to `limit` sweeps, newest first."""
        _check_limit(limit)
        query = select(sweeps).order_by(sweeps.c.created_at.desc(), sweeps.c.id.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(tuple_(sweeps.c.created_at, sweeps.c.id) < tuple_(*read_moment(cursor, _SWEEPS)))
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            found = tuple(sweeps_of(connection, rows[:limit]))
        last = found[-1] if len(rows) > limit else None
        return SweepPage(found, None if last is None else moment_cursor(_SWEEPS, last.created_at, last.id))

    def touched(self, sweep_id: str, *, cursor: str | None, limit: int) -> TouchedPage:
        """Up to `limit` posts that the sweep acted on, newest first."""
        _check_limit(limit)
        columns = sweep_posts.c
        query = (
            select(columns.post_id, columns.day, columns.result, columns.at, columns.number)
            .where(columns.sweep_id == sweep_id, columns.number.is_not(None))
            .order_by(columns.number.desc())
            .limit(limit + 1)
        )
        if cursor is not None:
            (number,) = read_cursor(cursor, _TOUCHED, int)
            query = query.where(columns.number < number)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        found = tuple(TouchedPost(PostId(row.post_id), row.day, row.result, row.at) for row in rows[:limit])
        return TouchedPage(found, write_cursor(_TOUCHED, rows[limit - 1].number) if len(rows) > limit else None)

    def change_before(self, moment: datetime) -> int:
        """The number of the last change to the banks before a moment; 0 when there was none.

        Read from the newest backwards: it takes as long as there were changes since.
        """
        query = select(bank_changes.c.number).where(bank_changes.c.at < moment)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(bank_changes.c.number.desc()).limit(1)).scalar()
        return found or 0


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInputError(f"A page has 1 to {MAX_PAGE} lines.")
