"""Taking a decision: everything that happens at once, inside one transaction.

Locks are taken in one order everywhere (jobs, posts, the audit log), so that writers never wait in a circle.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from moderation.domain.audit import AuditDraft, AuditEvent, Json
from moderation.domain.cluster import covers_words
from moderation.domain.decision import Action, Fate, Source, Submission
from moderation.domain.errors import ConflictError
from moderation.domain.ids import AccountId, BatchId, PostId, new_id
from moderation.domain.job import JobKind, JobState, LeaseRef, Route
from moderation.domain.people import Person
from moderation.domain.post import Post
from moderation.domain.priority import Urgency, rank
from moderation.storage.audit import append
from moderation.storage.review import counters, leasing
from moderation.storage.review.decision_rows import by_person, of_batch
from moderation.storage.review.follow_up import dump
from moderation.storage.review.opening import Opening, open_jobs
from moderation.storage.review.rulings import Ruling, ruling
from moderation.storage.review.submissions import check_batch, check_fits, check_form, check_person, handling_seconds
from moderation.storage.review.terms import Decided, Terms
from moderation.storage.rows import POST_COLUMNS, AnyRow, post_of
from moderation.storage.tables import decisions, job_exclusions, job_posts, jobs, pending_decisions, posts


@dataclass(frozen=True, slots=True)
class _Case:
    """A decision on its way: by whom, on what, and what it means."""

    row: AnyRow
    submission: Submission
    person: Person
    ruled: Ruling
    decided: Sequence[Post]
    left: Sequence[Post]
    now: datetime
    effective_at: datetime

    @property
    def category(self) -> str:
        """The category that is kept: an approval has none."""
        kept = self.submission.action in {Action.REJECT, Action.ESCALATE}
        return self.submission.category if kept else ""


def decide(connection: Connection, submission: Submission, terms: Terms, *, person: Person, now: datetime) -> Decided:
    """Decide the job; see `DecisionStore.decide`."""
    check_form(submission)
    row = leasing.locked_row(connection, submission.job_id)
    earlier = replayed(connection, submission, person)
    if earlier is not None:
        return earlier
    leasing.locked_job(connection, LeaseRef(submission.job_id, submission.token), person.id)
    members = members_of(connection, row.id)
    check_person(connection, row, person, members)
    check_fits(row, submission, members, terms)
    found = shared_posts(connection, members)
    case = _Case(
        row=row,
        submission=submission,
        person=person,
        ruled=ruling(connection, row, submission, terms),
        decided=[found[post_id] for post_id in members if post_id not in submission.exceptions],
        left=[found[post_id] for post_id in members if post_id in submission.exceptions],
        now=now,
        effective_at=now + timedelta(seconds=terms.undo_seconds),
    )
    _record(connection, case)
    _move(connection, case, terms)
    _take_out(connection, case)
    _count(connection, case)
    return Decided(submission.batch, tuple(of_batch(connection, submission.batch)), case.effective_at)


def members_of(connection: Connection, job_id: str) -> list[PostId]:
    """The job's posts that were not taken out, in the order of ids."""
    query = select(job_posts.c.post_id).where(job_posts.c.job_id == job_id, job_posts.c.left_at.is_(None))
    return [PostId(post_id) for post_id in connection.execute(query.order_by(job_posts.c.post_id)).scalars()]


def shared_posts(connection: Connection, post_ids: Sequence[PostId]) -> dict[PostId, Post]:
    """The posts, locked in id order against removal only: rows that refer to them are about to be written."""
    query = select(*POST_COLUMNS).where(posts.c.id.in_(post_ids)).order_by(posts.c.id)
    rows = connection.execute(query.with_for_update(read=True, key_share=True))
    return {PostId(row.id): post_of(row) for row in rows}


def excluded(connection: Connection, job_id: str) -> tuple[AccountId, ...]:
    """The people to whom the job is not offered."""
    query = select(job_exclusions.c.account_id).where(job_exclusions.c.job_id == job_id)
    return tuple(AccountId(account) for account in connection.execute(query).scalars())


def replayed(connection: Connection, submission: Submission, person: Person) -> Decided | None:
    """What the same submission did when it came before.

    Raises `ConflictError` when its id was another's, or when what it did was undone: then nothing is decided.
    """
    earlier = by_person(of_batch(connection, submission.batch))
    if not earlier:
        return None
    first = earlier[0]
    check_batch(submission, person, account=first.account, job_id=first.job_id, action=first.action)
    if all(decision.fate is Fate.UNDONE for decision in earlier):
        raise ConflictError("This decision was taken back.", hint="Open the job again to decide it anew.")
    return Decided(submission.batch, tuple(earlier), first.effective_at, replayed=True)


def _record(connection: Connection, case: _Case) -> None:
    drafts = [_draft(case, post) for post in case.decided]
    if case.left:
        payload: dict[str, Json] = {"batch": case.submission.batch, "exceptions": [post.id for post in case.left]}
        drafts.append(AuditDraft(case.now, "job.split", f"job:{case.row.id}", case.person.actor, payload))
    events = append(connection, drafts)[: len(case.decided)]
    _check_new(connection, case.submission.batch)
    rows = [_decision_row(case, post, event) for post, event in zip(case.decided, events, strict=True)]
    connection.execute(insert(decisions), rows)
    waiting = [
        {
            "decision_id": row["id"],
            "batch": case.submission.batch,
            "effective_at": case.effective_at,
            "follow_up": dump(case.ruled.follow_up),
        }
        for row in rows
    ]
    connection.execute(insert(pending_decisions), waiting)


def _check_new(connection: Connection, batch: BatchId) -> None:
    """Once more, now that nobody else can append: two jobs may have been sent one id at the same moment."""
    if of_batch(connection, batch):
        raise ConflictError("This submission's id was used before for another decision.")


def _draft(case: _Case, post: Post) -> AuditDraft:
    submission = case.submission
    payload: dict[str, Json] = {
        "decision": new_id(case.now),
        "batch": submission.batch,
        "job": case.row.id,
        "kind": case.row.kind,
        "queue": case.row.queue,
        "action": submission.action,
        "category": case.category,
        "reasons": list(submission.reasons),
        "note_sha256": hashlib.sha256(submission.note.encode()).hexdigest(),
        "seconds": handling_seconds(submission),
        "binding": case.ruled.binding,
    }
    return AuditDraft(case.now, "decision.made", f"post:{post.id}", case.person.actor, payload)


def _decision_row(case: _Case, post: Post, event: AuditEvent) -> dict[str, object]:
    submission = case.submission
    return {
        "number": event.number,
        "id": event.payload["decision"],
        "batch": submission.batch,
        "job_id": case.row.id,
        "post_id": post.id,
        "account_id": case.person.id,
        "source": Source.PERSON,
        "kind": case.row.kind,
        "queue": case.row.queue,
        "action": submission.action,
        "category": case.category,
        "reasons": json.dumps(list(submission.reasons)),
        "note": submission.note,
        "seconds": handling_seconds(submission),
        "decided_at": case.now,
        "effective_at": case.effective_at,
        "binding": case.ruled.binding,
    }


def _move(connection: Connection, case: _Case, terms: Terms) -> None:
    """The job waits for its undo window to end; an escalated one waits in another queue at once."""
    row = case.row
    nobodys: dict[str, object] = {"wake_at": None, "held_by": None}
    if case.ruled.follow_up.back is not None and terms.escalate is not None:
        leasing.end(connection, [row.id], **nobodys, **_escalated(row, terms.escalate, case.now))
        return
    carries = case.ruled.binding and row.kind is JobKind.REVIEW and row.pdq is not None and terms.carry_seconds > 0
    carries = carries and (not terms.for_words or covers_words(row.basis))
    carry_until = case.effective_at + timedelta(seconds=terms.carry_seconds) if carries else None
    leasing.end(
        connection,
        [row.id],
        **nobodys,
        state=JobState.DECIDED,
        decided_at=case.now,
        carry_until=carry_until,
        audit_rate=min(1.0, max(0.0, terms.audit_rate)) if carries else 0.0,
    )


def _escalated(row: AnyRow, route: Route, now: datetime) -> dict[str, object]:
    """Never less severe than it was, and with the time that its new queue has."""
    due_at = now + timedelta(seconds=route.service_seconds)
    severity = max(row.severity, route.severity)
    return {
        "queue": route.queue,
        "severity": severity,
        "due_at": due_at,
        "rank": rank(Urgency(severity, row.reach, row.kind is JobKind.APPEAL, row.opened_at, due_at)),
        "language": route.language,
        "skill": route.skill,
        "routing_rule": route.rule,
        "assigned_to": None,
        "assigned_until": None,
    }


def _take_out(connection: Connection, case: _Case) -> None:
    """Exceptions leave the cluster; each waits as a job like this one, with this one's deadline, and joins no other."""
    row, gone = case.row, [post.id for post in case.left]
    if not gone:
        return
    left = update(job_posts).where(job_posts.c.job_id == row.id, job_posts.c.post_id.in_(gone))
    connection.execute(left.values(left_at=case.now))
    first = row.post_id if row.post_id not in gone else case.decided[0].id
    connection.execute(update(jobs).where(jobs.c.id == row.id).values(post_id=first, posts=len(case.decided)))
    service_seconds = 0.0 if row.due_at is None else max(0.0, (row.due_at - case.now).total_seconds())
    route = Route(row.queue, row.severity, service_seconds, row.language, row.skill, row.routing_rule)
    exclude = excluded(connection, row.id)
    openings = [
        Opening(post, row.queue, row.category, row.reason, route, kind=row.kind, origin=row.origin, exclude=exclude)
        for post in case.left
    ]
    open_jobs(connection, openings, now=case.now)


def _count(connection: Connection, case: _Case) -> None:
    row = case.row
    if row.kind is JobKind.GOLD:
        return
    amounts: dict[counters.Key, float] = {
        ("decided", row.queue, case.submission.action.value): 1,
        ("handling_s", row.queue, ""): handling_seconds(case.submission),
    }
    if row.due_at is not None and case.now > row.due_at:
        amounts["breached", row.queue, ""] = 1
    counters.add(connection, case.now, amounts)
