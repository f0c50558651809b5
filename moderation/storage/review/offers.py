"""Which jobs are offered to a person, and the best of them: an index keeps each queue in the order of priority."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select, true, union_all

from moderation.domain.job import JobKind
from moderation.domain.worker import Worker
from moderation.storage.rows import AnyRow, AnySelect
from moderation.storage.tables import ASSIGNED_SQL, OFFERED_SQL, job_exclusions, jobs

CANDIDATES = 32
"""Jobs looked at together in each queue; when others take all of them at this moment, the next ones are."""


def best(connection: Connection, worker: Worker, count: int, now: datetime) -> list[AnyRow]:
    """Up to `count` jobs offered to the person, locked: those that wait for them by name first, then by priority.

    Jobs that another transaction is taking at this moment are passed over. A job that was taken after it was found is
    seen as taken once it is locked, for the conditions are checked again.
    """
    rows = _locked(connection, _mine(worker, now), count)
    seen = {row.id for row in rows}
    while len(rows) < count:
        found = _candidates(connection, worker, now, seen)
        if not found:
            break
        rows += _locked(connection, _offered(worker, now).where(jobs.c.id.in_(found)), count - len(rows))
        seen.update(found)
    return rows


def any_offered(connection: Connection, worker: Worker, now: datetime) -> bool:
    """Whether there is a job for the person, without locking anything."""
    if connection.execute(_mine(worker, now).limit(1)).first() is not None:
        return True
    return bool(_candidates(connection, worker, now, ()))


def assigned_to(worker: Worker, now: datetime) -> ColumnElement[bool]:
    """The job waits for this person by name."""
    return and_(jobs.c.assigned_to == worker.account, or_(jobs.c.assigned_until.is_(None), jobs.c.assigned_until > now))


def suits(worker: Worker, now: datetime) -> ColumnElement[bool]:
    """The job is for this person: free now, of a kind and category they may have, and not one they left or decided."""
    free = or_(jobs.c.assigned_to.is_(None), jobs.c.assigned_until <= now)
    spoken = jobs.c.language.in_(["", *sorted(worker.languages)])
    skilled = jobs.c.skill.in_(["", *sorted(worker.skills)])
    left = exists().where(job_exclusions.c.job_id == jobs.c.id, job_exclusions.c.account_id == worker.account)
    return and_(
        or_(jobs.c.available_at.is_(None), jobs.c.available_at <= now),
        or_(assigned_to(worker, now), and_(free, spoken, skilled)),
        jobs.c.category.not_in(sorted(worker.avoid)) if worker.avoid else true(),
        true() if worker.senior else jobs.c.kind != JobKind.DISAGREEMENT,
        ~left,
    )


def _offered(worker: Worker, now: datetime) -> AnySelect:
    return select(jobs).where(OFFERED_SQL, jobs.c.queue.in_(sorted(worker.queues)), suits(worker, now))


def _mine(worker: Worker, now: datetime) -> AnySelect:
    return _offered(worker, now).where(ASSIGNED_SQL, assigned_to(worker, now))


def _locked(connection: Connection, query: AnySelect, count: int) -> list[AnyRow]:
    ordered = query.order_by(jobs.c.rank.desc(), jobs.c.id.desc()).limit(count)
    return list(connection.execute(ordered.with_for_update(skip_locked=True, of=jobs)))


def _candidates(connection: Connection, worker: Worker, now: datetime, seen: Collection[str]) -> list[str]:
    """The best jobs of each queue, merged: reads a few rows of the index for each queue, however long the queues."""
    if not worker.queues:
        return []
    fits = suits(worker, now)
    if seen:
        fits = and_(fits, jobs.c.id.not_in(sorted(seen)))
    tops = [
        select(jobs.c.id, jobs.c.rank)
        .where(OFFERED_SQL, jobs.c.queue == queue, fits)
        .order_by(jobs.c.rank.desc(), jobs.c.id.desc())
        .limit(CANDIDATES)
        .subquery()
        for queue in sorted(worker.queues)
    ]
    merged = union_all(*(select(top.c.id, top.c.rank) for top in tops)).subquery()
    query = select(merged.c.id).order_by(merged.c.rank.desc(), merged.c.id.desc()).limit(CANDIDATES)
    return list(connection.execute(query).scalars())
