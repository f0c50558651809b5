"""What waits, in numbers and page by page. Gold items are counted nowhere: they are nobody's backlog."""

import base64
import binascii
import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, TextClause, case, func, or_, select, tuple_

from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import AccountId
from moderation.domain.job import Job, JobKind
from moderation.storage.rows import AnySelect, job_of
from moderation.storage.tables import ASSIGNED_SQL, HELD_SQL, LEASED_SQL, OFFERED_SQL, jobs

MAX_PAGE = 200
MAX_MINE = 100


@dataclass(frozen=True, slots=True)
class QueueCount:
    """A queue's open jobs: `open` counts all of them, also those that are leased or on hold at this moment."""

    queue: str
    open: int = 0
    leased: int = 0
    on_hold: int = 0
    overdue: int = 0
    oldest_opened_at: datetime | None = None
    soonest_due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class JobPage:
    """Open jobs in the order of priority; `next_cursor` is None on the last page."""

    jobs: tuple[Job, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class MyJobs:
    """What waits for one person by name: under their lease (oldest first), put aside by them, handed to them."""

    leased: tuple[Job, ...]
    on_hold: tuple[Job, ...]
    handed_to_me: tuple[Job, ...]


def counts(connection: Connection, queues: Collection[str] | None, now: datetime) -> list[QueueCount]:
    """By queue name; three statements, of which only the first grows with the open jobs, and reads an index alone."""
    overdue = func.sum(case((jobs.c.due_at <= now, 1), else_=0))
    columns = (func.count().label("open"), overdue.label("overdue"), func.min(jobs.c.opened_at).label("oldest"))
    query = select(jobs.c.queue, *columns, func.min(jobs.c.due_at).label("soonest")).where(*_waiting(queues))
    rows = connection.execute(query.group_by(jobs.c.queue)).all()
    leased = _tally(connection, queues, LEASED_SQL, jobs.c.lease_expires_at > now)
    on_hold = _tally(connection, queues, HELD_SQL, jobs.c.wake_at > now)
    found = {
        row.queue: QueueCount(
            row.queue,
            row.open,
            leased.get(row.queue, 0),
            on_hold.get(row.queue, 0),
            int(row.overdue),
            row.oldest,
            row.soonest,
        )
        for row in rows
    }
    return [found.get(queue, QueueCount(queue)) for queue in sorted(found if queues is None else set(queues))]


def page(connection: Connection, queue: str, *, cursor: str | None, limit: int, category: str | None) -> JobPage:
    """A page of one queue, by the index that `next` uses."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInputError(f"A page has 1 to {MAX_PAGE} jobs.")
    query = select(jobs).where(OFFERED_SQL, jobs.c.queue == queue, jobs.c.kind != JobKind.GOLD)
    if category is not None:
        query = query.where(jobs.c.category == category)
    if cursor is not None:
        query = query.where(tuple_(jobs.c.rank, jobs.c.id) < tuple_(*_place(cursor)))
    rows = connection.execute(query.order_by(jobs.c.rank.desc(), jobs.c.id.desc()).limit(limit + 1)).all()
    last = rows[limit - 1] if len(rows) > limit else None
    return JobPage(tuple(job_of(row) for row in rows[:limit]), None if last is None else _cursor(last.rank, last.id))


def mine(connection: Connection, account: AccountId, now: datetime) -> MyJobs:
    """Up to `MAX_MINE` jobs of each kind."""
    leased = select(jobs).where(LEASED_SQL, jobs.c.lease_holder == account, jobs.c.lease_expires_at > now)
    on_hold = select(jobs).where(HELD_SQL, jobs.c.held_by == account, jobs.c.wake_at > now)
    handed = select(jobs).where(
        ASSIGNED_SQL,
        jobs.c.assigned_to == account,
        jobs.c.kind != JobKind.GOLD,
        or_(jobs.c.assigned_until.is_(None), jobs.c.assigned_until > now),
        or_(jobs.c.available_at.is_(None), jobs.c.available_at <= now),
    )
    return MyJobs(
        _jobs(connection, leased.order_by(jobs.c.leased_at, jobs.c.id)),
        _jobs(connection, on_hold.order_by(jobs.c.wake_at, jobs.c.id)),
        _jobs(connection, handed.order_by(jobs.c.rank.desc(), jobs.c.id.desc())),
    )


def holds_any(connection: Connection, account: AccountId, now: datetime) -> bool:
    """Whether the person has a running lease."""
    query = select(jobs.c.id).where(LEASED_SQL, jobs.c.lease_holder == account, jobs.c.lease_expires_at > now)
    return connection.execute(query.limit(1)).first() is not None


def _waiting(queues: Collection[str] | None) -> list[ColumnElement[bool] | TextClause]:
    named = [] if queues is None else [jobs.c.queue.in_(sorted(queues))]
    return [OFFERED_SQL, jobs.c.kind != JobKind.GOLD, *named]


def _tally(
    connection: Connection, queues: Collection[str] | None, *where: ColumnElement[bool] | TextClause
) -> dict[str, int]:
    query = select(jobs.c.queue, func.count().label("jobs")).where(*_waiting(queues), *where).group_by(jobs.c.queue)
    return {row.queue: row.jobs for row in connection.execute(query)}


def _jobs(connection: Connection, query: AnySelect) -> tuple[Job, ...]:
    return tuple(job_of(row) for row in connection.execute(query.limit(MAX_MINE)))


def _cursor(rank: float, job_id: str) -> str:
    return base64.urlsafe_b64encode(f"jobs:{rank!r}:{job_id}".encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[float, str]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        kind, rank, job_id = text.split(":")
        place = float(rank), job_id
    except (binascii.Error, ValueError):
        kind, place = "", (math.nan, "")
    if kind != "jobs" or not math.isfinite(place[0]) or "\0" in place[1]:
        raise InvalidInputError("This is not a cursor of the queue.", hint="Use `next_cursor` of a page as it is.")
    return place
