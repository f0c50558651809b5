"""Which jobs are offered to a person, and the best of them: an index keeps each queue in the order of priority.

A job that waits for nobody by name must be in a language that the person has, and ask for a skill that they have.
"""

from collections.abc import Collection
from datetime import datetime
from itertools import product

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    Subquery,
    and_,
    column,
    exists,
    or_,
    select,
    true,
    union_all,
    values,
)

from moderation.domain.job import JobKind
from moderation.domain.worker import Worker
from moderation.storage.review.decision_rows import ANSWERS, undone
from moderation.storage.review.submissions import BY_OTHERS
from moderation.storage.rows import AnyRow, AnySelect
from moderation.storage.tables import ASSIGNED_SQL, OFFERED_SQL, decisions, job_exclusions, jobs

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
        rows += _locked(connection, _named(found, worker, now), count - len(rows))
        seen.update(found)
    return rows


def any_offered(connection: Connection, worker: Worker, now: datetime) -> bool:
    """Whether there is a job for the person, without locking anything."""
    if connection.execute(_mine(worker, now).limit(1)).first() is not None:
        return True
    return bool(_candidates(connection, worker, now, ()))


def _named(job_ids: Collection[str], worker: Worker, now: datetime) -> AnySelect:
    return select(jobs).where(jobs.c.id.in_(sorted(job_ids)), _everybodys(worker, now))


def _mine(worker: Worker, now: datetime) -> AnySelect:
    """Jobs that wait for this person by name; whoever handed them over knew their languages and skills."""
    unlapsed = or_(jobs.c.assigned_until.is_(None), jobs.c.assigned_until > now)
    named = and_(ASSIGNED_SQL, jobs.c.assigned_to == worker.account, unlapsed)
    return select(jobs).where(named, jobs.c.queue.in_(sorted(worker.queues)), _suits(worker, now))


def _everybodys(worker: Worker, now: datetime) -> ColumnElement[bool]:
    """Jobs that wait for nobody by name, or did for long enough."""
    return and_(OFFERED_SQL, or_(jobs.c.assigned_to.is_(None), jobs.c.assigned_until <= now), _suits(worker, now))


def _suits(worker: Worker, now: datetime) -> ColumnElement[bool]:
    """Free now, of a kind and category that the person may have, and not one that they left or decided."""
    left = exists().where(job_exclusions.c.job_id == jobs.c.id, job_exclusions.c.account_id == worker.account)
    return and_(
        or_(jobs.c.available_at.is_(None), jobs.c.available_at <= now),
        jobs.c.category.not_in(sorted(worker.avoid)) if worker.avoid else true(),
        true() if worker.senior else jobs.c.kind != JobKind.DISAGREEMENT,
        ~left,
        or_(jobs.c.kind.not_in(BY_OTHERS), _never_answered(worker)),
    )


def _never_answered(worker: Worker) -> ColumnElement[bool]:
    """The person did not answer about the post either, not even since the job was opened.

    One look into an index for each job that is asked about: written as EXISTS, PostgreSQL might hash all that the
    person ever decided.
    """
    said = (decisions.c.post_id == jobs.c.post_id, decisions.c.account_id == worker.account)
    counts = (decisions.c.action.in_(ANSWERS), decisions.c.kind != JobKind.GOLD, ~undone())
    return select(decisions.c.id).where(*said, *counts).correlate(jobs).limit(1).scalar_subquery().is_(None)


def _locked(connection: Connection, query: AnySelect, count: int) -> list[AnyRow]:
    ordered = query.order_by(jobs.c.rank.desc(), jobs.c.id.desc()).limit(count)
    return list(connection.execute(ordered.with_for_update(skip_locked=True, of=jobs)))


def _candidates(connection: Connection, worker: Worker, now: datetime, seen: Collection[str]) -> list[str]:
    """The best jobs for the person, merged: a few index rows for each queue, however long the queues are."""
    if not worker.queues:
        return []
    fits = _everybodys(worker, now)
    if seen:
        fits = and_(fits, jobs.c.id.not_in(sorted(seen)))
    merged = _by_queue(worker, fits) if connection.dialect.name == "sqlite" else _by_wanted(worker, fits)
    query = select(merged.c.id).order_by(merged.c.rank.desc(), merged.c.id.desc()).limit(CANDIDATES)
    return list(connection.execute(query).scalars())


def _by_queue(worker: Worker, fits: ColumnElement[bool]) -> Subquery:
    spoken = jobs.c.language.in_(_or_any(worker.languages))
    skilled = jobs.c.skill.in_(_or_any(worker.skills))
    tops = [_top(fits, jobs.c.queue == queue, spoken, skilled).subquery() for queue in sorted(worker.queues)]
    return union_all(*(select(top.c.id, top.c.rank) for top in tops)).subquery()


def _by_wanted(worker: Worker, fits: ColumnElement[bool]) -> Subquery:
    """Every queue with every language and skill apart, so that a backlog for others is not even looked at."""
    columns = (column("queue", String), column("language", String), column("skill", String))
    rows = list(product(sorted(worker.queues), _or_any(worker.languages), _or_any(worker.skills)))
    wanted = values(*columns, name="wanted").data(rows)
    same = [jobs.c[name] == wanted.c[name] for name in ("queue", "language", "skill")]
    top = _top(fits, *same).lateral("top")
    return select(top.c.id, top.c.rank).select_from(wanted.join(top, true())).subquery()


def _top(*where: ColumnElement[bool]) -> AnySelect:
    query = select(jobs.c.id, jobs.c.rank).where(*where)
    return query.order_by(jobs.c.rank.desc(), jobs.c.id.desc()).limit(CANDIDATES)


def _or_any(wanted: Collection[str]) -> list[str]:
    """What a job may ask for so that the person can have it: nothing, or something that they have."""
    return sorted({"", *wanted})
