"""Leases on jobs: at any moment at most one person may act on a job, and proves it with the newest lease's token."""

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select, update

from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.ids import AccountId, JobId
from moderation.domain.job import Job, JobKind, JobState, Lease, LeaseRef
from moderation.storage.rows import AnyRow, job_of
from moderation.storage.tables import LEASED_SQL, OFFERED_SQL, accounts, jobs

MAX_LEASE_SECONDS = 4 * 3600.0
"""Nobody keeps a job from everybody else for longer by one act."""

NO_LEASE: dict[str, object] = {
    "lease_holder": None,
    "lease_token": None,
    "leased_at": None,
    "lease_expires_at": None,
    "available_at": None,
}
"""What ends a lease. A hold sets `available_at` again."""


def locked_row(connection: Connection, job_id: JobId) -> AnyRow:
    """The job's row, locked to the end of the transaction. Raises `NotFoundError` when there is none."""
    row = connection.execute(select(jobs).where(jobs.c.id == job_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no job {job_id}.")
    return row


def locked_job(connection: Connection, ref: LeaseRef, account: AccountId) -> AnyRow:
    """The row of an open job that is still the person's, locked; every act on a job begins with it.

    A lease whose time is over counts for as long as nobody else took the job: then nothing can have happened to it.
    Raises `NotFoundError` when there is no such job, `ConflictError` when it is decided or somebody else's.
    """
    row = locked_row(connection, ref.job_id)
    check_open(row)
    if row.lease_token is None or row.lease_token != ref.token or row.lease_holder != account:
        taken = row.lease_holder is not None and row.lease_holder != account
        raise ConflictError(
            "Somebody else has taken this job." if taken else "This job is no longer yours.",
            hint="Nothing was changed. What you typed is kept as a draft; go on with the next job.",
        )
    return row


def check_open(row: AnyRow) -> None:
    """Raise `ConflictError` unless the job waits for a decision."""
    if row.state is JobState.DECIDED:
        raise ConflictError("This job is decided.", hint="A decision can be undone while its time runs.")
    if row.state is JobState.CLOSED:
        raise ConflictError("This job is closed.")


def is_live(row: AnyRow, now: datetime) -> bool:
    """Whether somebody's lease on the job runs at `now`."""
    return row.lease_expires_at is not None and row.lease_expires_at > now


def grant(
    connection: Connection, rows: Iterable[AnyRow], account: AccountId, *, lease_seconds: float, now: datetime
) -> list[Job]:
    """Lease locked, open jobs to the person; whoever had them before has them no more. In the order of `rows`.

    The person's own lease is renewed under its token, never shortened, so that another window of theirs keeps it. Ends
    a hold, and an assignment to somebody else.
    """
    return [_granted(connection, row, account, lease_seconds, now) for row in rows]


def _granted(connection: Connection, row: AnyRow, account: AccountId, lease_seconds: float, now: datetime) -> Job:
    check_lease_seconds(lease_seconds)
    expires_at = now + timedelta(seconds=lease_seconds)
    own = row.lease_token is not None and row.lease_holder == account
    lease = Lease(
        token=row.lease_token if own else secrets.token_hex(16),
        holder=account,
        taken_at=row.leased_at if own else now,
        expires_at=max(expires_at, row.lease_expires_at) if own else expires_at,
    )
    assigned_to = row.assigned_to if row.assigned_to == account else None
    connection.execute(
        update(jobs)
        .where(jobs.c.id == row.id)
        .values(
            lease_holder=account,
            lease_token=lease.token,
            leased_at=lease.taken_at,
            lease_expires_at=lease.expires_at,
            available_at=lease.expires_at,
            wake_at=None,
            held_by=None,
            assigned_to=assigned_to,
            assigned_until=row.assigned_until if assigned_to else None,
        )
    )
    held = None if assigned_to is None else AccountId(assigned_to)
    return replace(job_of(row), lease=lease, wake_at=None, held_by=None, assigned_to=held)


def renew(
    connection: Connection, refs: Sequence[LeaseRef], account: AccountId, *, lease_seconds: float, now: datetime
) -> list[JobId]:
    """Let the leases that are still the person's run on; returns their jobs, in the order of `refs`."""
    check_lease_seconds(lease_seconds)
    tokens = {ref.job_id: ref.token for ref in refs}
    query = select(jobs).where(LEASED_SQL, jobs.c.id.in_(list(tokens)), jobs.c.lease_holder == account)
    rows = connection.execute(query.order_by(jobs.c.id).with_for_update()).all()
    mine = {JobId(row.id): row for row in rows if row.lease_token == tokens[JobId(row.id)]}
    grant(connection, mine.values(), account, lease_seconds=lease_seconds, now=now)
    return [job_id for job_id in tokens if job_id in mine]


def live_leases(connection: Connection, account: AccountId, now: datetime) -> list[AnyRow]:
    """The person's running leases, locked: the oldest first, those taken together in the order of priority."""
    query = select(jobs).where(LEASED_SQL, jobs.c.lease_holder == account, jobs.c.lease_expires_at > now)
    rows = connection.execute(query.order_by(jobs.c.id).with_for_update()).all()
    return sorted(rows, key=lambda row: (row.leased_at, -row.rank, row.id))


def end(connection: Connection, job_ids: Sequence[str], **changes: object) -> None:
    """End the leases on jobs that are locked; `changes` are further columns to set."""
    connection.execute(update(jobs).where(jobs.c.id.in_(list(job_ids))).values(**{**NO_LEASE, **changes}))


def free(connection: Connection, account: AccountId, *, queues: Collection[str] | None = None) -> None:
    """Give everybody the open jobs that the person has, put aside or was handed, of `queues` (None: of all).

    Gold items stay: they are nobody else's. Locks jobs; call it before anything is appended to the audit log.
    """
    theirs = or_(jobs.c.lease_holder == account, jobs.c.held_by == account, jobs.c.assigned_to == account)
    query = select(jobs.c.id).where(OFFERED_SQL, jobs.c.kind != JobKind.GOLD, theirs)
    if queues is not None:
        query = query.where(jobs.c.queue.in_(sorted(queues)))
    found = list(connection.execute(query.order_by(jobs.c.id).with_for_update()).scalars())
    if found:
        end(connection, found, wake_at=None, held_by=None, assigned_to=None, assigned_until=None)


def check_lease_seconds(seconds: float) -> None:
    """Raise `InvalidInputError` unless a lease may last so long."""
    if not 0 < seconds <= MAX_LEASE_SECONDS:
        raise InvalidInputError(f"A lease lasts up to {MAX_LEASE_SECONDS / 3600:.0f} hours.")


def actor_of(connection: Connection, account: AccountId) -> str:
    """How the audit log names the person."""
    name = connection.execute(select(accounts.c.name).where(accounts.c.id == account)).scalar_one_or_none()
    return f"account:{account if name is None else name}"
