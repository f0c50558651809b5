"""Taking a decision back while nothing has left the system yet."""

from datetime import datetime

from sqlalchemy import Connection, delete, exists, insert, select, update

from moderation.domain.audit import AuditDraft, Json
from moderation.domain.decision import Decision, Fate
from moderation.domain.errors import ConflictError, NotFoundError
from moderation.domain.ids import BatchId, JobId
from moderation.domain.job import JobKind, JobState
from moderation.domain.people import Capability, Person
from moderation.storage.audit import append
from moderation.storage.review import counters, leasing
from moderation.storage.review.decision_rows import by_person, of_batch
from moderation.storage.review.follow_up import FollowUp, load
from moderation.storage.rows import AnyRow
from moderation.storage.tables import decision_fates, decisions, jobs, pending_decisions

_TOO_LATE = "It is too late to undo this."


def undo(connection: Connection, batch: BatchId, *, person: Person, lease_seconds: float, now: datetime) -> list[JobId]:
    """Take the batch back; see `DecisionStore.undo`."""
    job_id = _job_of(connection, batch, person)
    row = leasing.locked_row(connection, job_id)
    taken = of_batch(connection, batch)
    own = by_person(taken)
    if all(decision.fate is Fate.UNDONE for decision in own):
        return [job_id]
    follow_up = _follow_up(connection, own, now)
    if follow_up.back is None:
        back: dict[str, object] = {"state": JobState.OPEN, "decided_at": None, "carry_until": None, "audit_rate": 0.0}
    else:
        back = _way_back(connection, row, own, follow_up)
    _take_back(connection, row, [decision for decision in taken if decision.fate is None], person, now)
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(**back))
    if own[0].account == person.id:
        leasing.grant(connection, [row], person.id, lease_seconds=lease_seconds, now=now)
    return [job_id]


def _job_of(connection: Connection, batch: BatchId, person: Person) -> JobId:
    """The job that the batch decided. Raises `NotFoundError` when it is another person's and this one leads nobody."""
    own = by_person(of_batch(connection, batch))
    if not own or (own[0].account != person.id and not person.may(Capability.LEAD)):
        raise NotFoundError("There is no such decision of yours.")
    return own[0].job_id


def _follow_up(connection: Connection, own: list[Decision], now: datetime) -> FollowUp:
    """What was to follow. Raises `ConflictError` once the window is over or the settlement was quicker."""
    query = select(pending_decisions.c.follow_up, pending_decisions.c.effective_at)
    rows = connection.execute(query.where(pending_decisions.c.decision_id.in_([one.id for one in own]))).all()
    if len(rows) != len(own) or any(now >= row.effective_at for row in rows):
        raise ConflictError(_TOO_LATE, hint="It has taken effect. A lead can have the post decided again.")
    return load(rows[0].follow_up)


def _way_back(connection: Connection, row: AnyRow, own: list[Decision], follow_up: FollowUp) -> dict[str, object]:
    """The columns that put an escalated job back. Raises `ConflictError` when somebody above has it."""
    assert follow_up.back is not None
    newer = exists().where(decisions.c.job_id == row.id, decisions.c.number > own[-1].number)
    taken = row.lease_token is not None or row.assigned_to is not None or row.held_by is not None
    if taken or row.state is not JobState.OPEN or row.queue != follow_up.target or connection.scalar(select(newer)):
        raise ConflictError(_TOO_LATE, hint="Somebody else has the job already.")
    back = follow_up.back
    return {
        "queue": back.queue,
        "severity": back.severity,
        "rank": back.rank,
        "language": back.language,
        "skill": back.skill,
        "routing_rule": back.routing_rule,
        "due_at": back.due_at,
    }


def _take_back(connection: Connection, row: AnyRow, standing: list[Decision], person: Person, now: datetime) -> None:
    payload: dict[str, Json] = {"batch": standing[0].batch, "posts": [decision.post_id for decision in standing]}
    event = append(connection, [AuditDraft(now, "decision.undone", f"job:{row.id}", person.actor, payload)])[0]
    fates = [
        {"decision_id": decision.id, "fate": Fate.UNDONE, "number": event.number, "at": now} for decision in standing
    ]
    connection.execute(insert(decision_fates), fates)
    connection.execute(delete(pending_decisions).where(pending_decisions.c.batch == standing[0].batch))
    if row.kind is not JobKind.GOLD:
        counters.add(connection, now, {("undone", standing[0].queue, ""): 1})
