"""Which gold item a person gets, and the job that hides it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, exists, func, or_, select, true

from moderation.domain.audit import AuditDraft
from moderation.domain.job import Job, JobKind
from moderation.domain.worker import Worker
from moderation.storage import audit
from moderation.storage.review.decision_rows import undone
from moderation.storage.review.grounds import look_of
from moderation.storage.review.opening import Opening, open_jobs
from moderation.storage.review.standing import Standing, standings
from moderation.storage.rows import POST_COLUMNS, AnyRow, job_of, post_of
from moderation.storage.tables import ASSIGNED_SQL, OFFERED_SQL, decisions, gold_items, job_exclusions, jobs, posts

ACTOR = "system:gold"
DRAWN = 50
"""Items that are drawn and then looked at: so few that no planner reads whole tables to tell which the person knows.
Who knows all of the drawn ones gets none this time.
"""


def candidate(connection: Connection, worker: Worker) -> AnyRow | None:
    """A gold item for the person, drawn by chance; None while they have one open, or when they know what was drawn.

    Somebody who decided the post itself knows it.
    """
    has_one = select(jobs.c.id).where(ASSIGNED_SQL, jobs.c.assigned_to == worker.account, jobs.c.kind == JobKind.GOLD)
    if connection.execute(has_one.limit(1)).first() is not None:
        return None
    avoided = gold_items.c.category.not_in(sorted(worker.avoid)) if worker.avoid else true()
    query = (
        select(gold_items)
        .join_from(gold_items, posts, posts.c.id == gold_items.c.post_id)
        .where(gold_items.c.retired_at.is_(None), gold_items.c.queue.in_(sorted(worker.queues)))
        .where(posts.c.image_deleted_at.is_(None), avoided)
        .order_by(func.random())
        .limit(DRAWN)
    )
    drawn = connection.execute(query).all()
    known = _known(connection, worker, [row.post_id for row in drawn])
    return next((row for row in drawn if row.post_id not in known), None)


def offer(
    connection: Connection, worker: Worker, *, now: datetime, may_show: Callable[[Standing], bool] | None = None
) -> Job | None:
    """Open the job; the audit log's lock keeps two requests of one person from opening two."""
    audit.lock(connection)
    item = candidate(connection, worker)
    if item is None:
        return None
    look = look_of(connection, item.post_id)
    if look.category in worker.avoid:
        return None
    if may_show is not None and not may_show(standings(connection, [item.post_id])[item.post_id]):
        return None
    opened_at, due_at = _clock(connection, item.queue, now) or (
        now,
        now + timedelta(seconds=look.route.service_seconds),
    )
    post = post_of(connection.execute(select(*POST_COLUMNS).where(posts.c.id == item.post_id)).one())
    audit.append(connection, [AuditDraft(now, "gold.asked", f"gold:{item.id}", ACTOR, {"account": worker.account})])
    opening = Opening(
        post=post,
        queue=item.queue,
        category=look.category,
        reason=look.reason,
        route=replace(look.route, queue=item.queue, service_seconds=(due_at - opened_at).total_seconds()),
        kind=JobKind.GOLD,
        origin=item.id,
        assigned_to=worker.account,
        opened_at=opened_at,
    )
    (job_id,) = open_jobs(connection, [opening], now=now)
    return job_of(connection.execute(select(jobs).where(jobs.c.id == job_id)).one())


def _clock(connection: Connection, queue: str, now: datetime) -> tuple[datetime, datetime] | None:
    """Since when the queue's next job waits, and until when: a job that was just opened would stand out beside it."""
    query = select(jobs.c.opened_at, jobs.c.due_at).where(
        OFFERED_SQL, jobs.c.queue == queue, jobs.c.kind != JobKind.GOLD
    )
    row = connection.execute(query.order_by(jobs.c.rank.desc(), jobs.c.id.desc()).limit(1)).one_or_none()
    if row is None or row.due_at is None or row.opened_at > now:
        return None
    return row.opened_at, row.due_at


def _known(connection: Connection, worker: Worker, post_ids: Sequence[str]) -> set[str]:
    """The posts about which the person was asked as gold, whatever became of it, or which they decided."""
    if not post_ids:
        return set()
    answered = exists().where(decisions.c.job_id == jobs.c.id, decisions.c.account_id == worker.account)
    left = exists().where(job_exclusions.c.job_id == jobs.c.id, job_exclusions.c.account_id == worker.account)
    asked = select(jobs.c.post_id).where(
        jobs.c.post_id.in_(post_ids),
        jobs.c.kind == JobKind.GOLD,
        or_(jobs.c.assigned_to == worker.account, answered, left),
    )
    decided = select(decisions.c.post_id).where(
        decisions.c.post_id.in_(post_ids), decisions.c.account_id == worker.account, ~undone()
    )
    return {*connection.execute(asked).scalars(), *connection.execute(decided).scalars()}
