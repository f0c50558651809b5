"""How long a cluster's decision is carried to later posts: ended when somebody doubts it, and by the clock."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, or_, select, update

from moderation.domain.job import JobState
from moderation.storage.rows import AnyRow
from moderation.storage.tables import cluster_bands, decisions, jobs

BATCH = 100


def stop_carrying(connection: Connection, row: AnyRow, post_ids: Sequence[str]) -> None:
    """End the carrying of every settled cluster that decided one of these posts, or that led to the job in `row`.

    Locks those jobs; call it before posts are locked.
    """
    about = select(decisions.c.job_id).where(or_(decisions.c.post_id.in_(post_ids), decisions.c.batch == row.origin))
    query = (
        select(jobs.c.id)
        .where(jobs.c.id.in_(about), jobs.c.carry_until.is_not(None))
        .where(jobs.c.state == JobState.CLOSED, jobs.c.id != row.id)
    )
    end_carrying(connection, list(connection.execute(query.order_by(jobs.c.id).with_for_update()).scalars()))


def end_carrying(connection: Connection, job_ids: Sequence[str]) -> None:
    """No later post joins these jobs or takes their decision any more."""
    if not job_ids:
        return
    ended = update(jobs).where(jobs.c.id.in_(job_ids), jobs.c.carry_until.is_not(None)).values(carry_until=None)
    connection.execute(ended)
    connection.execute(delete(cluster_bands).where(cluster_bands.c.job_id.in_(job_ids)))


def any_expired(connection: Connection, now: datetime) -> bool:
    """Whether a cluster's time is over."""
    return connection.execute(select(jobs.c.id).where(*_expired(now)).limit(1)).first() is not None


def end_expired(connection: Connection, now: datetime) -> None:
    """End the carrying of up to `BATCH` clusters whose time is over."""
    query = select(jobs.c.id).where(*_expired(now)).order_by(jobs.c.id).limit(BATCH)
    end_carrying(connection, list(connection.execute(query.with_for_update(skip_locked=True)).scalars()))


def _expired(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return jobs.c.carry_until <= now, jobs.c.state == JobState.CLOSED
