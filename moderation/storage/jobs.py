"""Held posts that wait for a human."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select

from moderation.domain.job import Job, JobKind
from moderation.storage.engine import Database
from moderation.storage.review.stranded import stranded
from moderation.storage.rows import job_of
from moderation.storage.tables import OFFERED_SQL, jobs, pending_decisions


class JobStore:
    """The open jobs of one database, for the command line and the API. Gold items are nobody's backlog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, queue: str | None, limit: int) -> list[Job]:
        """Up to `limit` open jobs of a queue (None: of all), oldest first."""
        query = select(jobs).where(OFFERED_SQL, jobs.c.kind != JobKind.GOLD).order_by(jobs.c.opened_at, jobs.c.id)
        query = query.limit(limit)
        if queue is not None:
            query = query.where(jobs.c.queue == queue)
        with self._database.read() as connection:
            return [job_of(row) for row in connection.execute(query)]

    def depths(self) -> dict[str, int]:
        """The number of open jobs by queue, of queues that have any."""
        query = select(jobs.c.queue, func.count().label("depth")).where(OFFERED_SQL, jobs.c.kind != JobKind.GOLD)
        with self._database.read() as connection:
            return {row.queue: row.depth for row in connection.execute(query.group_by(jobs.c.queue))}

    def overdue(self, now: datetime) -> dict[str, int]:
        """The number of open jobs past their deadline by queue, of queues that have any."""
        query = select(jobs.c.queue, func.count().label("late")).where(OFFERED_SQL, jobs.c.kind != JobKind.GOLD)
        query = query.where(jobs.c.due_at <= now).group_by(jobs.c.queue)
        with self._database.read() as connection:
            return {row.queue: row.late for row in connection.execute(query)}

    def stranded(self, *, lead_only: Collection[str] = ()) -> dict[str, int]:
        """The number of open jobs that no account can take by queue, of queues that have any.

        `lead_only` are the queues that the plan keeps for senior people.
        """
        with self._database.read() as connection:
            return stranded(connection, lead_only=lead_only)

    def oldest_unsettled_at(self) -> datetime | None:
        """Since when the oldest decision could have taken effect, or None when none is pending.

        When that is long ago, nothing settles decisions: a lane does.
        """
        with self._database.read() as connection:
            return connection.execute(select(func.min(pending_decisions.c.effective_at))).scalar_one_or_none()
