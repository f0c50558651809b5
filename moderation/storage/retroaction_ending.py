"""Ending the jobs of posts that a sweep has just withdrawn: nobody shall work on what is gone."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from moderation.domain.audit import AuditDraft, Json
from moderation.domain.ids import PostId
from moderation.domain.job import JobKind, JobState
from moderation.storage.audit import append
from moderation.storage.review import leasing
from moderation.storage.rows import AnyRow
from moderation.storage.tables import job_posts, jobs

REASON = "A sweep withdrew what it was about."
NOBODYS: dict[str, object] = {"wake_at": None, "held_by": None, "assigned_to": None, "assigned_until": None}


def leave_jobs(connection: Connection, gone: Sequence[tuple[PostId, AnyRow]], sweep: str, *, now: datetime) -> None:
    """Close the ordinary reviews, which are locked and open, in which nothing waits beside the posts that are gone.

    Of others the posts are taken out, and the rest still waits. Whoever has the job is told that it is closed when they
    decide; both are audited. Second looks and appeals ask about what somebody did, and stay.
    """
    of_job: dict[str, tuple[AnyRow, list[PostId]]] = {}
    for post_id, row in gone:
        if row.kind is JobKind.REVIEW:
            of_job.setdefault(row.id, (row, []))[1].append(post_id)
    drafts = [_left(connection, row, post_ids, sweep, now) for row, post_ids in of_job.values()]
    if drafts:
        append(connection, drafts)


def _left(connection: Connection, row: AnyRow, post_ids: Sequence[PostId], sweep: str, now: datetime) -> AuditDraft:
    in_job = (job_posts.c.job_id == row.id, job_posts.c.left_at.is_(None))
    others = (*in_job, job_posts.c.post_id.not_in(post_ids))
    query = select(func.count().label("number"), func.min(job_posts.c.post_id).label("first")).where(*others)
    rest = connection.execute(query).one()
    payload: dict[str, Json] = {"queue": row.queue, "reason": REASON, "sweep": sweep, "posts": len(post_ids)}
    if not rest.number:
        leasing.end(connection, [row.id], **NOBODYS, state=JobState.CLOSED, closed_at=now)
        return AuditDraft(now, "job.closed", f"job:{row.id}", f"sweep:{sweep}", payload)
    connection.execute(update(job_posts).where(*in_job, job_posts.c.post_id.in_(post_ids)).values(left_at=now))
    first = rest.first if row.post_id in post_ids else row.post_id
    connection.execute(update(jobs).where(jobs.c.id == row.id).values(post_id=first, posts=rest.number))
    return AuditDraft(now, "job.posts_left", f"job:{row.id}", f"sweep:{sweep}", {**payload, "left": rest.number})
