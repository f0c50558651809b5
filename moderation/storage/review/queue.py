"""The queue of jobs: who gets which job next, and everything that a person does with one but deciding it.

Each method is one transaction. Leases are not audited: who looked at a picture and who decided is, and so is every act
by which a person puts a job somewhere else.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select

from moderation.domain.errors import ConflictError, NotFoundError
from moderation.domain.ids import AccountId, JobId, PostId
from moderation.domain.job import Job, JobKind, LeaseRef
from moderation.domain.worker import Worker
from moderation.storage.engine import Database
from moderation.storage.review import counting, leasing, moving, offers
from moderation.storage.review.counting import JobPage, MyJobs, QueueCount
from moderation.storage.rows import AnyRow, job_of
from moderation.storage.tables import job_exclusions, job_posts, jobs

__all__ = ["JobPage", "JobQueue", "MyJobs", "QueueCount", "Worker"]


class JobQueue:
    """The jobs of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def next(self, worker: Worker, *, lease_seconds: float, now: datetime) -> Job | None:
        """The job to work on: the one taken longest ago that is still the person's, else the best that is offered.

        What waits for the person by name (handed over, woken from their hold) goes before the order of priority.
        Leases on jobs that the person may no longer have (a grant was taken away, a budget is spent) end. No two
        people ever get the same job. On SQLite nothing is locked while there is nothing to take.
        """
        if self._nothing(worker, now):
            return None
        with self._database.write() as connection:
            rows = _kept(connection, worker, now)[:1] or offers.best(connection, worker, 1, now)
            return next(
                iter(leasing.grant(connection, rows, worker.account, lease_seconds=lease_seconds, now=now)), None
            )

    def ahead(
        self,
        worker: Worker,
        *,
        count: int,
        lease_seconds: float,
        now: datetime,
        current: JobId | None = None,
        without: frozenset[str] = frozenset(),
    ) -> list[Job]:
        """Up to `count` jobs besides the current one, leased so that their pages can be fetched; best first.

        The person then has at most `count` + 1, unless they took more by hand. `current` is the job they are at
        (None: the one they took longest ago); its lease is left as it is. Of the queues in `without` there is none
        among them, and what the person has of those stays theirs.
        """
        if self._nothing(worker, now):
            return []
        with self._database.write() as connection:
            held = _kept(connection, worker, now, current)
            wanted = 1 + count - len(held)
            if wanted > 0:
                calm = replace(worker, queues=worker.queues - without)
                held += offers.best(connection, calm, wanted, now)
            at = current if any(row.id == current for row in held) else None
            rest = [row for row in held if row.id != at] if at else held[1:]
            rest = [row for row in rest if row.queue not in without]
            return leasing.grant(connection, rest[:count], worker.account, lease_seconds=lease_seconds, now=now)

    def take(self, worker: Worker, job_id: JobId, *, lease_seconds: float, now: datetime) -> Job:
        """Lease one job by its id; again by the same person renews the lease. Wakes the person's own hold.

        Raises `NotFoundError` when there is none that the person may see, `ConflictError` when somebody else has it or
        holds it, when it waits for somebody else by name, when it is decided, or when its category is to be avoided.
        """
        with self._database.write() as connection:
            row = leasing.locked_row(connection, job_id)
            _check_allowed(connection, row, worker)
            leasing.check_open(row)
            _check_free(row, worker, now)
            return leasing.grant(connection, [row], worker.account, lease_seconds=lease_seconds, now=now)[0]

    def heartbeat(
        self, account: AccountId, refs: Sequence[LeaseRef], *, lease_seconds: float, now: datetime
    ) -> list[JobId]:
        """Let leases run on; returns the jobs that are still the person's.

        A lease whose time is over runs again as long as nobody took the job. An extended lease is not shortened.
        """
        if not refs:
            return []
        with self._database.write() as connection:
            return leasing.renew(connection, refs, account, lease_seconds=lease_seconds, now=now)

    def extend(self, ref: LeaseRef, account: AccountId, *, seconds: float, now: datetime) -> Job:
        """Let the lease run `seconds` from now, with or without heartbeat. Raises as `leasing.locked_job`."""
        with self._database.write() as connection:
            row = leasing.locked_job(connection, ref, account)
            return leasing.grant(connection, [row], account, lease_seconds=seconds, now=now)[0]

    def release(self, ref: LeaseRef, account: AccountId, now: datetime) -> None:
        """Give the job back: it is offered again at once. Raises as `leasing.locked_job`."""
        with self._database.write() as connection:
            moving.release(connection, leasing.locked_job(connection, ref, account), account, now=now)

    def skip(self, ref: LeaseRef, account: AccountId, *, reason: str, now: datetime) -> None:
        """Leave the job to others: it is never offered to this person again. Raises as `leasing.locked_job`."""
        with self._database.write() as connection:
            moving.skip(connection, leasing.locked_job(connection, ref, account), account, reason=reason, now=now)

    def hold(self, ref: LeaseRef, account: AccountId, *, wake_at: datetime, note: str, now: datetime) -> None:
        """Put the job aside until `wake_at`; then it waits for this person for an hour, after that for everybody.

        Raises `InvalidInputError` for a time that is not in the next 14 days, and as `leasing.locked_job`.
        """
        with self._database.write() as connection:
            row = leasing.locked_job(connection, ref, account)
            moving.hold(connection, row, account, wake_at=wake_at, note=note, now=now)

    def hand_over(self, ref: LeaseRef, account: AccountId, *, to: AccountId, note: str, now: datetime) -> None:
        """Give the job to a named person: for a day it is offered to nobody else.

        Raises `InvalidInputError` when that person may not have it, and as `leasing.locked_job`.
        """
        with self._database.write() as connection:
            row = leasing.locked_job(connection, ref, account)
            moving.hand_over(connection, row, account, to=to, note=note, now=now)

    def assign(self, job_id: JobId, to: AccountId | None, *, actor: str, now: datetime) -> None:
        """What a lead does: take an open job from whoever has it, and give it to `to` (None: to everybody).

        Raises `NotFoundError`, `ConflictError` when it is decided, `InvalidInputError` when `to` may not have it.
        """
        with self._database.write() as connection:
            row = leasing.locked_row(connection, job_id)
            leasing.check_open(row)
            moving.assign(connection, row, to, actor=actor, now=now)

    def mine(self, account: AccountId, now: datetime) -> MyJobs:
        """Everything that waits for this person by name."""
        with self._database.read() as connection:
            return counting.mine(connection, account, now)

    def get(self, job_id: JobId) -> Job | None:
        """The job, or None."""
        with self._database.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
        return None if row is None else job_of(row)

    def members(self, job_id: JobId) -> list[PostId]:
        """The posts that the job decides, in the order in which they joined; exceptions are not among them."""
        query = select(job_posts.c.post_id).where(job_posts.c.job_id == job_id, job_posts.c.left_at.is_(None))
        with self._database.read() as connection:
            found = connection.execute(query.order_by(job_posts.c.joined_at, job_posts.c.post_id))
            return [PostId(post_id) for post_id in found.scalars()]

    def counts(self, queues: Collection[str] | None, now: datetime) -> list[QueueCount]:
        """What waits in each of `queues` (None: in every queue that has anything), by name."""
        with self._database.read() as connection:
            return counting.counts(connection, queues, now)

    def page(self, queue: str, *, cursor: str | None, limit: int, category: str | None = None) -> JobPage:
        """A page of a queue's open jobs in the order of priority. Raises `InvalidInputError` for a bad cursor."""
        with self._database.read() as connection:
            return counting.page(connection, queue, cursor=cursor, limit=limit, category=category)

    def _nothing(self, worker: Worker, now: datetime) -> bool:
        if self._database.dialect != "sqlite":
            return False
        with self._database.read() as connection:
            holds = counting.holds_any(connection, worker.account, now)
            return not holds and not offers.any_offered(connection, worker, now)


def _kept(connection: Connection, worker: Worker, now: datetime, current: JobId | None = None) -> list[AnyRow]:
    """The person's live leases, without those that they may no longer have, which end.

    The job that they are at is theirs to finish, also when it was the one that used up a budget.
    """
    rows = leasing.live_leases(connection, worker.account, now)
    spent = [row.id for row in rows if row.category in worker.avoid and row.id != current]
    lost = [row.id for row in rows if row.queue not in worker.queues or row.id in spent]
    if lost:
        leasing.end(connection, lost)
    return [row for row in rows if row.id not in lost]


def _check_allowed(connection: Connection, row: AnyRow, worker: Worker) -> None:
    """Whoever may not have a job learns nothing of it, not even that there is one."""
    query = select(job_exclusions.c.job_id)
    query = query.where(job_exclusions.c.job_id == row.id, job_exclusions.c.account_id == worker.account)
    hidden = row.kind is JobKind.DISAGREEMENT and not worker.senior
    hidden = hidden or (row.kind is JobKind.GOLD and row.assigned_to != worker.account)
    if hidden or row.queue not in worker.queues or connection.execute(query).first() is not None:
        raise NotFoundError(f"There is no job {row.id}.")


def _check_free(row: AnyRow, worker: Worker, now: datetime) -> None:
    if leasing.is_live(row, now):
        if row.lease_holder != worker.account:
            raise ConflictError("Somebody else is working on this job.", hint="It returns when they leave it.")
        return
    if row.held_by not in {None, worker.account} and row.wake_at is not None and row.wake_at > now:
        raise ConflictError("Somebody else has put this job aside.", hint="A lead can assign it to you.")
    assigned = row.assigned_to is not None and (row.assigned_until is None or row.assigned_until > now)
    if assigned and row.assigned_to != worker.account:
        raise ConflictError("This job waits for somebody else.", hint="A lead can assign it to you.")
    if row.category in worker.avoid:
        raise ConflictError("You have seen enough of this category for now.", hint="Other categories are still open.")
