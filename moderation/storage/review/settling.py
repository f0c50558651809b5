"""Settlement: what was decided takes effect once its undo window is over; each job in a transaction of its own.

Locks are taken in one order: the job, jobs that shall carry no more, posts, the audit log. A job that somebody else has
locked at this moment is passed over, so that any number of settlers work side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from moderation.domain.audit import AuditDraft, AuditEvent, Json
from moderation.domain.decision import Action, Decision, Fate, Source
from moderation.domain.ids import DecisionId, JobId, MessageId, PostId, new_id
from moderation.domain.job import JobKind, JobState
from moderation.domain.outbox import Message
from moderation.domain.post import Post, PostState
from moderation.storage.audit import append
from moderation.storage.messages import send
from moderation.storage.review import asking, counters, resolving
from moderation.storage.review.carrying import end_carrying, stop_carrying
from moderation.storage.review.decision_rows import read
from moderation.storage.review.follow_up import FollowUp, load
from moderation.storage.review.outcomes import PostOutcome, post_outcome
from moderation.storage.rows import POST_COLUMNS, AnyRow, post_of
from moderation.storage.tables import decision_fates, decisions, jobs, pending_decisions, posts

ACTOR = "system:settlement"
AT_ONCE = 1_000
"""Decisions of one job that one transaction settles: all that a person takes at once, and what was carried by it."""


@dataclass(frozen=True, slots=True)
class Due:
    """A decision whose time has come, its post as it was, and what becomes of it (None: it binds nobody)."""

    decision: Decision
    post: Post
    outcome: PostOutcome | None


def due_jobs(connection: Connection, *, limit: int, now: datetime) -> list[JobId]:
    """Jobs with decisions to settle, the longest due first."""
    query = (
        select(decisions.c.job_id, func.min(pending_decisions.c.effective_at).label("since"))
        .join_from(pending_decisions, decisions, decisions.c.id == pending_decisions.c.decision_id)
        .where(pending_decisions.c.effective_at <= now)
        .group_by(decisions.c.job_id)
        .order_by("since", decisions.c.job_id)
        .limit(limit)
    )
    return [JobId(row.job_id) for row in connection.execute(query)]


def settle(connection: Connection, job_id: JobId, *, now: datetime) -> list[PostId]:
    """Settle what is due of one job, the oldest first; returns the posts it was about. Nothing when another settler
    has it. What is left of a crowd of carried decisions is still due, and settles next time.
    """
    row = connection.execute(select(jobs).where(jobs.c.id == job_id).with_for_update(skip_locked=True)).one_or_none()
    follow_ups = {} if row is None else _pending(connection, job_id, now)
    if row is None or not follow_ups:
        return []
    found = read(connection, decisions.c.id.in_(list(follow_ups)))
    passed_on = [decision for decision in found if follow_ups[decision.id].back is not None]
    answers = [decision for decision in found if follow_ups[decision.id].back is None]
    if answers:
        follow_up = next((follow_ups[one.id] for one in answers if one.source is Source.PERSON), FollowUp())
        _settle_answers(connection, row, answers, follow_up, now)
    _forget(connection, [decision.id for decision in [*passed_on, *answers]])
    return [decision.post_id for decision in found]


def _pending(connection: Connection, job_id: JobId, now: datetime) -> dict[DecisionId, FollowUp]:
    query = (
        select(pending_decisions.c.decision_id, pending_decisions.c.follow_up)
        .join_from(pending_decisions, decisions, decisions.c.id == pending_decisions.c.decision_id)
        .where(decisions.c.job_id == job_id, pending_decisions.c.effective_at <= now)
        .order_by(decisions.c.number)
        .limit(AT_ONCE)
    )
    return {DecisionId(row.decision_id): load(row.follow_up) for row in connection.execute(query)}


def _forget(connection: Connection, ids: Sequence[DecisionId]) -> None:
    connection.execute(delete(pending_decisions).where(pending_decisions.c.decision_id.in_(ids)))


def _settle_answers(
    connection: Connection, row: AnyRow, answers: Sequence[Decision], follow_up: FollowUp, now: datetime
) -> None:
    doubted = _doubted(row, answers, follow_up)
    if doubted:
        stop_carrying(connection, row, [decision.post_id for decision in answers])
    found = _locked_posts(connection, [decision.post_id for decision in answers])
    due = [_due(decision, found[decision.post_id]) for decision in answers]
    _move(connection, due, now)
    _tell(connection, row, due, now)
    resolved = resolving.resolve(connection, row, due, now=now)
    asking.ask(connection, row, due, follow_up, now=now)
    if row.state is JobState.DECIDED:
        _close(connection, row, now)
    _count(connection, row, answers, follow_up, resolved, now)


def _doubted(row: AnyRow, answers: Sequence[Decision], follow_up: FollowUp) -> bool:
    """Whether later posts shall no longer take an earlier decision on these: somebody sees the case differently."""
    overturned = any(decision.action is Action.OVERTURN and decision.binding for decision in answers)
    return overturned or follow_up.opens is JobKind.DISAGREEMENT or row.kind is JobKind.DISAGREEMENT


def _locked_posts(connection: Connection, post_ids: Sequence[PostId]) -> dict[PostId, Post]:
    """The posts, locked in id order; rows that merely refer to them may still be written."""
    query = select(*POST_COLUMNS).where(posts.c.id.in_(post_ids)).order_by(posts.c.id)
    return {PostId(row.id): post_of(row) for row in connection.execute(query.with_for_update(key_share=True))}


def _due(decision: Decision, post: Post) -> Due:
    outcome = post_outcome(decision.kind, decision.action, post.state) if decision.binding else None
    return Due(decision, post, outcome)


def _move(connection: Connection, due: Sequence[Due], now: datetime) -> None:
    for one in due:
        outcome = one.outcome
        if outcome is None or (outcome.state is None and not outcome.overturned):
            continue
        values: dict[str, object] = {} if outcome.state is None else {"state": outcome.state}
        if outcome.overturned:
            values["overturned_at"] = now
        same = (posts.c.id == one.post.id, posts.c.state == one.post.state)
        if connection.execute(update(posts).where(*same).values(**values)).rowcount != 1:
            raise RuntimeError(f"post {one.post.id} changed although it was locked")


def _tell(connection: Connection, row: AnyRow, due: Sequence[Due], now: datetime) -> None:
    """Audit events and fates of the binding decisions, messages for the posts that moved; one event for the job."""
    bound = [(one, one.outcome) for one in due if one.outcome is not None]
    closing: dict[str, Json] = {"batch": due[0].decision.batch, "posts": len(due)}
    drafts = [_draft(one, outcome, now) for one, outcome in bound]
    if row.state is JobState.DECIDED:
        drafts.append(AuditDraft(now, "job.closed", f"job:{row.id}", ACTOR, closing))
    events = append(connection, drafts)[: len(bound)]
    told = list(zip(events, bound, strict=True))
    if told:
        connection.execute(
            insert(decision_fates), [_fate_row(event, one, outcome, now) for event, (one, outcome) in told]
        )
    moved = [(event, _message(one, outcome.state, now)) for event, (one, outcome) in told if outcome.state is not None]
    send(connection, moved, now=now)


def _draft(one: Due, outcome: PostOutcome, now: datetime) -> AuditDraft:
    decision, settled = one.decision, outcome.fate is Fate.SETTLED
    payload: dict[str, Json] = {
        "decision": decision.id,
        "batch": decision.batch,
        "job": decision.job_id,
        "account": decision.account,
        "source": decision.source,
        "action": decision.action,
        "category": decision.category,
        "reasons": list(decision.reasons),
        "fate": outcome.fate,
        "from": one.post.state,
        "state": outcome.state or one.post.state,
    }
    kind = "post.decided" if settled else "post.decision_superseded"
    return AuditDraft(now, kind, f"post:{one.post.id}", ACTOR, payload)


def _fate_row(event: AuditEvent, one: Due, outcome: PostOutcome, now: datetime) -> dict[str, object]:
    return {"decision_id": one.decision.id, "fate": outcome.fate, "number": event.number, "at": now}


def _message(one: Due, state: PostState, now: datetime) -> Message:
    """What the outside learns: never the note, nor who decided."""
    payload: dict[str, Json] = {
        "post_id": one.post.id,
        "state": state,
        "decided_by": "human",
        "action": one.decision.action,
        "category": one.decision.category,
        "reasons": list(one.decision.reasons),
    }
    return Message(MessageId(new_id(now)), f"post.{state}", one.post.id, payload, now)


def _close(connection: Connection, row: AnyRow, now: datetime) -> None:
    connection.execute(update(jobs).where(jobs.c.id == row.id).values(state=JobState.CLOSED, closed_at=now))
    if row.carry_until is None:
        end_carrying(connection, [row.id])


def _count(
    connection: Connection,
    row: AnyRow,
    answers: Sequence[Decision],
    follow_up: FollowUp,
    resolved: str,
    now: datetime,
) -> None:
    amounts: dict[counters.Key, float] = {}
    if follow_up.agreed is not None and row.kind is not JobKind.APPEAL:
        outcome = "agreed" if follow_up.agreed else "disagreed"
        amounts["reviewed", f"{row.kind.value} {outcome}", row.category] = 1
    if resolved:
        amounts["appeal", resolved, row.category] = 1
    carried = [decision for decision in answers if decision.source is Source.CARRIED]
    for decision in carried:
        key = ("carried", decision.queue, decision.action.value)
        amounts[key] = amounts.get(key, 0.0) + 1
    counters.add(connection, now, amounts)
