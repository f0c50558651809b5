"""Why a post is not in the feed, or why it was looked at: what a job about it says later."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from moderation.domain.decision import Action, Fate
from moderation.domain.job import DEFAULT_SERVICE_SECONDS, DEFAULT_SEVERITY, JobKind, Route
from moderation.domain.verdict import Verdict
from moderation.storage.rows import AnyRow
from moderation.storage.tables import decision_fates, decisions, job_posts, jobs, verdicts


@dataclass(frozen=True, slots=True)
class Rejection:
    """The newest rejection of a post: by a person (`queue` is where) or by the machine."""

    category: str
    queue: str
    at: datetime


def newest_rejection(connection: Connection, post_id: str) -> Rejection | None:
    """The newest rejection that took effect, or None."""
    by_person = connection.execute(
        select(decisions.c.category, decisions.c.queue, decision_fates.c.at)
        .join_from(decisions, decision_fates, decision_fates.c.decision_id == decisions.c.id)
        .where(decisions.c.post_id == post_id, decisions.c.action == Action.REJECT, decisions.c.binding.is_(True))
        .where(decision_fates.c.fate == Fate.SETTLED)
        .order_by(decision_fates.c.number.desc())
        .limit(1)
    ).one_or_none()
    by_machine = connection.execute(
        select(verdicts.c.category, verdicts.c.at)
        .where(verdicts.c.post_id == post_id, verdicts.c.verdict == Verdict.REJECT)
        .order_by(verdicts.c.number.desc())
        .limit(1)
    ).one_or_none()
    if by_person is not None and (by_machine is None or by_person.at >= by_machine.at):
        return Rejection(by_person.category, by_person.queue, by_person.at)
    return None if by_machine is None else Rejection(by_machine.category, "", by_machine.at)


@dataclass(frozen=True, slots=True)
class Look:
    """How the post's own job looked, so that another one can look the same."""

    category: str
    reason: str
    queue: str
    route: Route


def look_of(connection: Connection, post_id: str) -> Look:
    """The post's newest ordinary job, else its verdict."""
    row = connection.execute(
        select(jobs)
        .join_from(jobs, job_posts, job_posts.c.job_id == jobs.c.id)
        .where(job_posts.c.post_id == post_id, jobs.c.kind == JobKind.REVIEW)
        .order_by(jobs.c.opened_at.desc(), jobs.c.id.desc())
        .limit(1)
    ).one_or_none()
    if row is not None:
        return Look(row.category, row.reason, row.queue, _route(row))
    verdict = connection.execute(
        select(verdicts.c.category, verdicts.c.reason)
        .where(verdicts.c.post_id == post_id)
        .order_by(verdicts.c.number.desc())
        .limit(1)
    ).one_or_none()
    route = Route("", DEFAULT_SEVERITY, DEFAULT_SERVICE_SECONDS)
    return Look("", "", "", route) if verdict is None else Look(verdict.category, verdict.reason, "", route)


def _route(row: AnyRow) -> Route:
    service_seconds = DEFAULT_SERVICE_SECONDS
    if row.due_at is not None:
        service_seconds = max(0.0, (row.due_at - row.opened_at).total_seconds())
    return Route(row.queue, row.severity, service_seconds, row.language, row.skill, row.routing_rule)
