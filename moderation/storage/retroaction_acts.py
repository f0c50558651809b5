"""Writing what a sweep does to posts: evidence, verdict, state, job, audit event and message in one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, insert, or_, select, update

from moderation.domain.audit import AuditDraft, AuditEvent, Json
from moderation.domain.bank import MIN_QUALITY
from moderation.domain.ids import MessageId, PostId, new_id
from moderation.domain.job import JobKind, JobState, Route
from moderation.domain.outbox import Message
from moderation.domain.post import Post, PostState, check_transition
from moderation.domain.priority import Urgency, rank
from moderation.domain.retroaction import Result, Ruling
from moderation.domain.signal import Match
from moderation.domain.verdict import RuleStatus, Screening, Verdict
from moderation.storage.audit import append
from moderation.storage.messages import send
from moderation.storage.retroaction_ending import leave_jobs
from moderation.storage.review import counters
from moderation.storage.review.opening import Opening, open_jobs
from moderation.storage.rows import AnyRow, AnySelect
from moderation.storage.tables import job_posts, jobs, posts, verdicts
from moderation.storage.verdicts import insert_evidence

KIND = "post.retroaction"
COUNTER = "retroaction"
"""The counter (result, rule) of posts."""
STATES = {
    Result.WITHDRAW: PostState.WITHDRAWN,
    Result.REJECT: PostState.REJECTED,
    Result.HOLD: PostState.HELD,
}
"""The state that a post enters; with any other result it stays where it is."""
LATER_LOOKS = (JobKind.SECOND, JobKind.DISAGREEMENT, JobKind.AUDIT)
"""Jobs in which a held post waits after somebody decided on it, or on its like."""


@dataclass(frozen=True, slots=True)
class Acting:
    """A post that is acted on, as it was, with what is made of it."""

    post: Post
    ruling: Ruling
    screening: Screening
    sweep: str

    @property
    def verdict(self) -> Verdict:
        """What the machine says now: a rejection takes effect at once, anything else asks a person."""
        return Verdict.REJECT if self.ruling.result in {Result.WITHDRAW, Result.REJECT} else Verdict.HOLD

    @property
    def state(self) -> PostState:
        """The state that the post has then."""
        return STATES.get(self.ruling.result, self.post.state)

    @property
    def route(self) -> Route:
        """Where a person is asked. Raises `ValueError` when nobody was to be."""
        if self.ruling.route is None:
            raise ValueError(f"post {self.post.id} has no route")
        return self.ruling.route


def lock_jobs(connection: Connection, post_ids: Sequence[PostId]) -> dict[PostId, AnyRow]:
    """The open job in which each post waits, if it waits in one, locked. Call it before posts are locked.

    An ordinary review; else, of a held post, the second look, disagreement or sample that decides it.
    """
    query = _waiting(post_ids).order_by(jobs.c.id).with_for_update(of=jobs)
    found: dict[PostId, AnyRow] = {}
    for row in connection.execute(query):
        known = found.get(PostId(row.about))
        if known is None or row.kind is JobKind.REVIEW:
            found[PostId(row.about)] = row
    return found


def began_to_wait(connection: Connection, post_ids: Sequence[PostId], locked: Mapping[PostId, AnyRow]) -> set[PostId]:
    """Those of the posts, which are locked now, that came to wait in a job after `lock_jobs` looked."""
    waiting = {PostId(row.about) for row in connection.execute(_waiting(post_ids))}
    return waiting - locked.keys()


def _waiting(post_ids: Sequence[PostId]) -> AnySelect:
    decides = or_(jobs.c.kind == JobKind.REVIEW, and_(posts.c.state == PostState.HELD, jobs.c.kind.in_(LATER_LOOKS)))
    return (
        select(job_posts.c.post_id.label("about"), jobs)
        .join_from(job_posts, jobs, jobs.c.id == job_posts.c.job_id)
        .join(posts, posts.c.id == job_posts.c.post_id)
        .where(job_posts.c.post_id.in_(list(post_ids)), job_posts.c.left_at.is_(None))
        .where(jobs.c.state == JobState.OPEN, decides)
    )


def act(
    connection: Connection, acting: Sequence[Acting], waiting: dict[PostId, AnyRow], *, now: datetime
) -> list[AuditEvent]:
    """Do it all; returns the audit events in the order of `acting`. `waiting` is what `lock_jobs` gave.

    Raises `IllegalTransitionError` for a state that may not follow.
    """
    insert_evidence(connection, [one.screening for one in acting])
    for one in acting:
        _move(connection, one)
    events = append(connection, [_draft(one, waiting.get(one.post.id), now) for one in acting])
    told = list(zip(events, acting, strict=True))
    connection.execute(
        insert(verdicts), [_verdict_row(event, one, waiting.get(one.post.id), now) for event, one in told]
    )
    counters.add(connection, now, Counter((COUNTER, one.ruling.result.value, one.ruling.rule) for one in acting))
    asked = [one for one in acting if one.verdict is Verdict.HOLD]
    _raise_priorities(connection, [(waiting[one.post.id], one.route) for one in asked if one.post.id in waiting], now)
    open_jobs(connection, [_opening(one) for one in asked if one.post.id not in waiting], now=now)
    _end_jobs(connection, acting, waiting, now)
    send(connection, [(event, _message(one, now)) for event, one in told if one.state is not one.post.state], now=now)
    return events


def _end_jobs(
    connection: Connection, acting: Sequence[Acting], waiting: Mapping[PostId, AnyRow], now: datetime
) -> None:
    """Nobody is asked any more about what the sweep rejected, or took out of the feed, by itself."""
    gone: dict[str, list[tuple[PostId, AnyRow]]] = {}
    for one in acting:
        if one.verdict is Verdict.REJECT and one.post.id in waiting:
            gone.setdefault(one.sweep, []).append((one.post.id, waiting[one.post.id]))
    for sweep, left in gone.items():
        leave_jobs(connection, left, sweep, now=now)


def _move(connection: Connection, one: Acting) -> None:
    if one.state is one.post.state:
        return
    check_transition(one.post.state, one.state)
    same = (posts.c.id == one.post.id, posts.c.state == one.post.state)
    if connection.execute(update(posts).where(*same).values(state=one.state)).rowcount != 1:
        raise RuntimeError(f"post {one.post.id} changed although it was locked")


def _draft(one: Acting, waiting: AnyRow | None, now: datetime) -> AuditDraft:
    judgement = one.screening.judgement
    payload: dict[str, Json] = {
        "cause": "retroaction",
        "sweep": one.sweep,
        "result": one.ruling.result,
        "verdict": one.verdict,
        "from": one.post.state,
        "state": one.state,
        "complete": judgement.complete,
        "judged": judgement.verdict,
        "reason": one.ruling.reason,
        "screening": one.screening.id,
        "rules": [hit.rule for hit in judgement.hits if hit.status is RuleStatus.LIVE],
        "shadow_rules": [hit.rule for hit in judgement.hits if hit.status is RuleStatus.SHADOW],
        "failures": list(judgement.failures),
        "pins": asdict(one.screening.pins),
    }
    if one.verdict is Verdict.HOLD:
        payload |= {"job_queue": one.route.queue, "routing_rule": one.route.rule}
    if waiting is not None:
        payload |= {"job": waiting.id, "job_queue": waiting.queue, "routing_rule": waiting.routing_rule}
    return AuditDraft(now, KIND, f"post:{one.post.id}", f"sweep:{one.sweep}", payload)


def _verdict_row(event: AuditEvent, one: Acting, waiting: AnyRow | None, now: datetime) -> dict[str, object]:
    """A post that waits already keeps the queue and category of its job: a new plan reads them here, and must not move
    a job out of the queue of those who are trained for it.
    """
    asked = one.verdict is Verdict.HOLD
    route = (one.route.queue, one.ruling.category) if asked else ("", one.ruling.category)
    queue, category = route if waiting is None or not asked else (waiting.queue, waiting.category)
    return {
        "number": event.number,
        "post_id": one.post.id,
        "screening_id": one.screening.id,
        "verdict": one.verdict,
        "complete": one.screening.judgement.complete,
        "rule": one.ruling.rule,
        "queue": queue,
        "category": category,
        "reason": one.ruling.reason,
        "received_at": one.post.received_at,
        "at": now,
    }


def _raise_priorities(connection: Connection, found: Sequence[tuple[AnyRow, Route]], now: datetime) -> None:
    """Each job is as severe as the gravest of what was found, and due as soon as the most urgent; it never becomes less
    urgent, nor changes its queue.
    """
    routes: dict[str, tuple[AnyRow, list[Route]]] = {}
    for row, route in found:
        routes.setdefault(row.id, (row, []))[1].append(route)
    for row, wanted in routes.values():
        severity = max(row.severity, *(route.severity for route in wanted))
        soonest = now + timedelta(seconds=min(route.service_seconds for route in wanted))
        due_at = soonest if row.due_at is None else min(row.due_at, soonest)
        points = rank(Urgency(severity, row.reach, appeal=False, opened_at=row.opened_at, due_at=due_at))
        changes = {"severity": severity, "due_at": due_at, "rank": max(row.rank, points)}
        connection.execute(update(jobs).where(jobs.c.id == row.id).values(**changes))


def _opening(one: Acting) -> Opening:
    hashes = next((found.hashes for found in one.screening.results if isinstance(found, Match) and found.hashes), ())
    still = len(hashes) == 1 and hashes[0].quality >= MIN_QUALITY
    return Opening(
        post=one.post,
        queue=one.route.queue,
        category=one.ruling.category,
        reason=one.ruling.reason,
        route=one.route,
        basis=one.ruling.basis,
        pdq=hashes[0].pdq if still else None,
        origin=f"sweep:{one.sweep}",
    )


def _message(one: Acting, now: datetime) -> Message:
    payload: dict[str, Json] = {
        "post_id": one.post.id,
        "state": one.state,
        "verdict": one.verdict,
        "queue": one.route.queue if one.verdict is Verdict.HOLD else "",
        "category": one.ruling.category,
        "reason": one.ruling.reason,
        "cause": "retroaction",
    }
    return Message(MessageId(new_id(now)), f"post.{one.state}", one.post.id, payload, now)
