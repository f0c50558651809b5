"""Held posts that wait for a human."""

from sqlalchemy import func, select

from moderation.domain.job import Job, JobKind
from moderation.storage.engine import Database
from moderation.storage.rows import job_of
from moderation.storage.tables import OFFERED_SQL, jobs


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
