"""Jobs that wait, with what routing looks at; and moving them to where a new plan would put them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, exists, func, or_, select, update

from moderation.domain.audit import AuditDraft
from moderation.domain.ids import JobId, PostId
from moderation.domain.job import Job, JobKind, JobState, Route
from moderation.domain.people import Person
from moderation.domain.post import Post
from moderation.domain.priority import rank
from moderation.domain.signal import SignalResult
from moderation.storage.audit import append
from moderation.storage.documents import result_of
from moderation.storage.engine import Database
from moderation.storage.rows import POST_COLUMNS, AnyRow, AnySelect, job_of, post_of
from moderation.storage.tables import decisions, jobs, posts, screenings, signal_results, verdicts

MOST_MOVES = 2_000
"""Jobs that one request may move."""


@dataclass(frozen=True, slots=True)
class WaitingJob:
    """An open job that no person has decided anything about, its post and what the machine said of it.

    `queue`, `category`, `rule` and `complete` are the verdict's; `routed_by` is the routing rule that put the job where
    it is, or "". `results` are those of the wanted signals, none when the post was never measured.
    """

    job: Job
    post: Post
    results: tuple[SignalResult, ...]
    queue: str
    category: str
    rule: str
    complete: bool
    routed_by: str


class WaitingStore:
    """The waiting jobs of one database, as routing sees them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, limit: int, *, signals: Collection[str]) -> list[WaitingJob]:
        """Up to `limit` of the newest such jobs, newest first, with the results of the named signals."""
        query = _undecided().order_by(jobs.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            ids = [row.post_id for row in rows]
            found = {
                row.id: post_of(row) for row in connection.execute(select(*POST_COLUMNS).where(posts.c.id.in_(ids)))
            }
            said = _verdicts(connection, ids)
            results = _results(connection, [row.screening_id for row in said.values()], signals)
        return [
            _waiting(row, found[row.post_id], said[row.post_id], results)
            for row in rows
            if row.post_id in found and row.post_id in said
        ]

    def count(self) -> int:
        """How many such jobs there are."""
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(_undecided().subquery())).scalar_one()

    def move(self, routes: Mapping[JobId, Route], *, person: Person, plan: int, now: datetime) -> list[JobId]:
        """Put jobs that nobody works on at this moment where `routes` says, each audited; returns the moved ones.

        Jobs that are leased, on hold, waiting for somebody by name or decided meanwhile stay as they are. Raises
        `ValueError` for more than 2,000. `plan` is the number of the plan that says so.
        """
        if len(routes) > MOST_MOVES:
            raise ValueError(f"{len(routes)} jobs cannot be moved at once.")
        query = (
            _undecided()
            .where(jobs.c.id.in_(list(routes)), jobs.c.assigned_to.is_(None), jobs.c.held_by.is_(None))
            .where(or_(jobs.c.available_at.is_(None), jobs.c.available_at <= now))
            .order_by(jobs.c.id)
            .with_for_update(skip_locked=True, of=jobs)
        )
        with self._database.write() as connection:
            rows = [row for row in connection.execute(query) if _differs(row, routes[JobId(row.id)])]
            if rows:
                append(connection, [_draft(row, routes[JobId(row.id)], person, plan, now) for row in rows])
                connection.execute(_MOVE, [_change(row, routes[JobId(row.id)]) for row in rows])
        return [JobId(row.id) for row in rows]


def _undecided() -> AnySelect:
    """Open reviews about which nobody has said anything, so that no person's escalation is taken back by a rule."""
    decided = exists().where(decisions.c.job_id == jobs.c.id)
    return select(jobs).where(jobs.c.state == JobState.OPEN, jobs.c.kind == JobKind.REVIEW, ~decided)


def _verdicts(connection: Connection, post_ids: Sequence[str]) -> dict[str, AnyRow]:
    newest = select(func.max(verdicts.c.number)).where(verdicts.c.post_id.in_(post_ids)).group_by(verdicts.c.post_id)
    query = select(
        verdicts.c.post_id,
        verdicts.c.screening_id,
        verdicts.c.queue,
        verdicts.c.category,
        verdicts.c.rule,
        verdicts.c.complete,
    ).where(verdicts.c.number.in_(newest))
    return {row.post_id: row for row in connection.execute(query)}


def _results(
    connection: Connection, screening_ids: Sequence[str | None], signals: Collection[str]
) -> dict[str, list[SignalResult]]:
    known = [screening_id for screening_id in screening_ids if screening_id is not None]
    found: dict[str, list[SignalResult]] = defaultdict(list)
    if not known or not signals:
        return found
    query = (
        select(signal_results.c.screening_id, signal_results.c.document, screenings.c.version)
        .join_from(signal_results, screenings, screenings.c.id == signal_results.c.screening_id)
        .where(signal_results.c.screening_id.in_(known), signal_results.c.signal.in_(sorted(signals)))
    )
    for screening_id, document, version in connection.execute(query):
        found[screening_id].append(result_of(document, version))
    return found


def _waiting(row: AnyRow, post: Post, said: AnyRow, results: Mapping[str, list[SignalResult]]) -> WaitingJob:
    return WaitingJob(
        job=job_of(row),
        post=post,
        results=tuple(results.get(said.screening_id, ())),
        queue=said.queue or row.queue,
        category=said.category,
        rule=said.rule,
        complete=said.complete,
        routed_by=row.routing_rule,
    )


_MOVE = (
    update(jobs)
    .where(jobs.c.id == bindparam("job"))
    .values(
        queue=bindparam("to_queue"),
        severity=bindparam("to_severity"),
        language=bindparam("to_language"),
        skill=bindparam("to_skill"),
        routing_rule=bindparam("by_rule"),
        due_at=bindparam("to_due_at"),
        rank=bindparam("to_rank"),
    )
)


def _differs(row: AnyRow, route: Route) -> bool:
    return (row.queue, row.severity, row.language, row.skill) != (
        route.queue,
        route.severity,
        route.language,
        route.skill,
    )


def _change(row: AnyRow, route: Route) -> dict[str, object]:
    job = job_of(row)
    due_at = job.opened_at + timedelta(seconds=route.service_seconds)
    return {
        "job": job.id,
        "to_queue": route.queue,
        "to_severity": route.severity,
        "to_language": route.language,
        "to_skill": route.skill,
        "by_rule": route.rule,
        "to_due_at": due_at,
        "to_rank": rank(replace(job, severity=route.severity, due_at=due_at).urgency),
    }


def _draft(row: AnyRow, route: Route, person: Person, plan: int, now: datetime) -> AuditDraft:
    payload = {
        "post": PostId(row.post_id),
        "plan": plan,
        "from": row.queue,
        "to": route.queue,
        "severity": route.severity,
        "rule": route.rule,
    }
    return AuditDraft(now, "job.rerouted", f"job:{row.id}", person.actor, payload)
