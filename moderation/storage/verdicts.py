"""Committing verdicts: evidence, verdict, audit event, outbox message and review job in one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from moderation.domain.audit import AuditDraft, AuditEvent, Json
from moderation.domain.bank import MIN_QUALITY
from moderation.domain.ids import MessageId, PostId, new_id
from moderation.domain.job import DEFAULT_SERVICE_SECONDS, DEFAULT_SEVERITY, Route
from moderation.domain.media import Refusal
from moderation.domain.outbox import Message
from moderation.domain.post import PENDING, Claim, Post, PostState, check_transition
from moderation.domain.signal import Match, PictureHash, SignalFailure
from moderation.domain.verdict import RuleStatus, Screening, SystemQueue, Verdict
from moderation.storage import match_counts, picture_features
from moderation.storage.audit import append
from moderation.storage.documents import VERSION, dump, result_document, screening_document
from moderation.storage.leases import held
from moderation.storage.messages import send
from moderation.storage.review import counters
from moderation.storage.review.opening import Opening, open_jobs
from moderation.storage.rows import POST_COLUMNS, post_of
from moderation.storage.tables import PENDING_SQL, picture_hashes, posts, screenings, signal_results, verdicts


@dataclass(frozen=True, slots=True)
class Places:
    """Where held posts wait, and which of them are the same case."""

    routes: Mapping[PostId, Route] = field(default_factory=dict)
    bases: Mapping[PostId, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one post, whatever led to it. `post` has the state that it had before.

    `route` is where it waits if it is held.
    """

    post: Post
    screening: Screening | None
    verdict: Verdict
    complete: bool
    rule: str
    queue: str
    category: str
    reason: str
    route: Route
    basis: str = ""


def check_evidence(screened: Sequence[tuple[Claim, Screening]]) -> None:
    """Raise `ValueError` where a screening is of another post or image, approves without full evidence, or holds in
    no queue.
    """
    for claim, screening in screened:
        post, judgement = claim.post, screening.judgement
        if screening.post_id != post.id or screening.pins.image != post.image:
            raise ValueError(f"screening {screening.id} is not of post {post.id}")
        failed = bool(judgement.failures) or any(isinstance(result, SignalFailure) for result in screening.results)
        if judgement.verdict is Verdict.APPROVE and (
            not judgement.complete or failed or not screening.results or isinstance(screening.image, Refusal)
        ):
            raise ValueError(f"post {post.id} must not be approved on incomplete evidence")
        if judgement.verdict is Verdict.HOLD and not judgement.queue:
            raise ValueError(f"post {post.id} must not be held in no queue")


def commit(
    connection: Connection, screened: Sequence[tuple[Claim, Screening]], places: Places, *, now: datetime
) -> tuple[list[PostId], list[PostId]]:
    """Store what is still held; returns the posts stored and the posts whose lease was lost."""
    rows = held(connection, [claim for claim, _ in screened])
    stored: dict[PostId, tuple[Claim, Screening]] = {}
    lost: list[PostId] = []
    for claim, screening in screened:
        row = rows.get(claim.post.id)
        if row is None or row.lease_token != claim.token:
            lost.append(claim.post.id)
        else:
            stored.setdefault(claim.post.id, (claim, screening))
    if stored:
        done = [screening for _, screening in stored.values()]
        insert_evidence(connection, done)
        picture_features.store(connection, done, now=now)
        outcomes = [_outcome(post_of(rows[post_id]), screening, places) for post_id, (_, screening) in stored.items()]
        _settle(connection, outcomes, kind="post.verdict", now=now)
    return list(stored), lost


def hold_overdue(connection: Connection, *, now: datetime, limit: int) -> list[PostId]:
    """Hold pending posts whose deadline passed, whoever has them; a lane's later verdict finds its lease gone."""
    query = select(*POST_COLUMNS).where(PENDING_SQL).where(posts.c.deadline_at <= now)
    query = query.order_by(posts.c.deadline_at, posts.c.id).limit(limit).with_for_update(skip_locked=True)
    reason = "No verdict before the deadline."
    outcomes = [
        Outcome(
            post_of(row),
            None,
            Verdict.HOLD,
            complete=False,
            rule="",
            queue=SystemQueue.STALLED,
            category="",
            reason=reason,
            route=default_route(SystemQueue.STALLED),
        )
        for row in connection.execute(query)
    ]
    if outcomes:
        _settle(connection, outcomes, kind="post.held", now=now)
    return [outcome.post.id for outcome in outcomes]


def deciding_rule(screening: Screening) -> str:
    """The first live rule that led to the verdict, or ""."""
    judgement = screening.judgement
    live = (hit for hit in judgement.hits if hit.status is RuleStatus.LIVE)
    return next((hit.rule for hit in live if judgement.verdict is not Verdict.APPROVE), "")


def default_route(queue: str) -> Route:
    """Where a post waits that nothing routed."""
    return Route(queue, DEFAULT_SEVERITY, DEFAULT_SERVICE_SECONDS)


def _outcome(post: Post, screening: Screening, places: Places) -> Outcome:
    judgement = screening.judgement
    return Outcome(
        post=post,
        screening=screening,
        verdict=judgement.verdict,
        complete=judgement.complete,
        rule=deciding_rule(screening),
        queue=judgement.queue,
        category=judgement.category,
        reason=judgement.reason,
        route=places.routes.get(post.id) or default_route(judgement.queue),
        basis=places.bases.get(post.id, ""),
    )


def insert_evidence(connection: Connection, done: Sequence[Screening]) -> None:
    """Store screenings with their results; hashes and features are stored with the first verdict only."""
    connection.execute(
        insert(screenings),
        [
            {
                "id": screening.id,
                "post_id": screening.post_id,
                "lane": screening.lane,
                "attempt": screening.attempt,
                "started_at": screening.started_at,
                "finished_at": screening.finished_at,
                "version": VERSION,
                "document": dump(screening_document(screening)),
            }
            for screening in done
        ],
    )
    rows = [
        {
            "screening_id": screening.id,
            "position": position,
            "signal": result.signal,
            "kind": document["kind"],
            "reason": document.get("reason", ""),
            "document": dump(document),
        }
        for screening in done
        for position, result in enumerate(screening.results)
        for document in (result_document(result),)
    ]
    if rows:
        connection.execute(insert(signal_results), rows)


def _settle(connection: Connection, outcomes: Sequence[Outcome], *, kind: str, now: datetime) -> None:
    """Verdict, state, job, audit event and message for each outcome."""
    for verdict in Verdict:
        _move(connection, [outcome for outcome in outcomes if outcome.verdict is verdict], verdict.state, now)
    told = list(zip(append(connection, [_draft(outcome, kind, now) for outcome in outcomes]), outcomes, strict=True))
    connection.execute(insert(verdicts), [_verdict_row(event, outcome, now) for event, outcome in told])
    _insert_hashes(connection, told)
    blocked = match_counts.blocked(outcome.screening for outcome in outcomes if outcome.screening is not None)
    verdicts_told = Counter(("verdict", outcome.verdict.value, outcome.rule) for outcome in outcomes)
    counters.add(connection, now, verdicts_told | blocked)
    open_jobs(connection, [_opening(outcome) for outcome in outcomes if outcome.verdict is Verdict.HOLD], now=now)
    send(connection, [(event, _message(outcome, now)) for event, outcome in told], now=now)


def _move(connection: Connection, outcomes: Sequence[Outcome], state: PostState, now: datetime) -> None:
    if not outcomes:
        return
    for outcome in outcomes:
        check_transition(outcome.post.state, state)
    moved = connection.execute(
        update(posts)
        .where(posts.c.id.in_([outcome.post.id for outcome in outcomes]), posts.c.state.in_(PENDING))
        .values(state=state, verdict_at=now, lease_token=None, lease_lane=None, lease_expires_at=None)
    ).rowcount
    if moved != len(outcomes):
        raise RuntimeError(f"moved {moved} of {len(outcomes)} locked posts to {state}")


def _draft(outcome: Outcome, kind: str, now: datetime) -> AuditDraft:
    screening = outcome.screening
    payload: dict[str, Json] = {
        "verdict": outcome.verdict,
        "state": outcome.verdict.state,
        "complete": outcome.complete,
        "queue": outcome.queue,
        "reason": outcome.reason,
    }
    if outcome.verdict is Verdict.HOLD:
        payload |= {"job_queue": outcome.route.queue, "routing_rule": outcome.route.rule}
    actor = "system:deadline"
    if screening is not None:
        actor = f"lane:{screening.lane}"
        judgement = screening.judgement
        payload |= {
            "screening": screening.id,
            "attempt": screening.attempt,
            "rules": [hit.rule for hit in judgement.hits if hit.status is RuleStatus.LIVE],
            "shadow_rules": [hit.rule for hit in judgement.hits if hit.status is RuleStatus.SHADOW],
            "failures": list(judgement.failures),
            "pins": asdict(screening.pins),
        }
    return AuditDraft(now, kind, f"post:{outcome.post.id}", actor, payload)


def _verdict_row(event: AuditEvent, outcome: Outcome, now: datetime) -> dict[str, object]:
    return {
        "number": event.number,
        "post_id": outcome.post.id,
        "screening_id": None if outcome.screening is None else outcome.screening.id,
        "verdict": outcome.verdict,
        "complete": outcome.complete,
        "rule": outcome.rule,
        "queue": outcome.queue,
        "category": outcome.category,
        "reason": outcome.reason,
        "received_at": outcome.post.received_at,
        "at": now,
    }


def _insert_hashes(connection: Connection, told: Sequence[tuple[AuditEvent, Outcome]]) -> None:
    rows = [
        {
            "post_id": outcome.post.id,
            "frame": found.frame,
            "number": event.number,
            "pdq": found.pdq,
            "quality": found.quality,
            "trimmed": found.trimmed,
            "trimmed_quality": found.trimmed_quality,
            "phash": found.phash,
            "dhash": found.dhash,
        }
        for event, outcome in told
        for found in _hashes(outcome.screening)
    ]
    if rows:
        connection.execute(insert(picture_hashes), rows)


def _hashes(screening: Screening | None) -> tuple[PictureHash, ...]:
    matches = (result for result in (screening.results if screening else ()) if isinstance(result, Match))
    return next((match.hashes for match in matches if match.hashes), ())


def _opening(outcome: Outcome) -> Opening:
    """The held post's job. Only a still picture whose hash is good enough says which others are the same case."""
    hashes = _hashes(outcome.screening)
    still = len(hashes) == 1 and hashes[0].quality >= MIN_QUALITY
    return Opening(
        post=outcome.post,
        queue=outcome.queue,
        category=outcome.category,
        reason=outcome.reason,
        route=outcome.route,
        basis=outcome.basis,
        pdq=hashes[0].pdq if still else None,
    )


def _message(outcome: Outcome, now: datetime) -> Message:
    payload: dict[str, Json] = {
        "post_id": outcome.post.id,
        "state": outcome.verdict.state,
        "verdict": outcome.verdict,
        "queue": outcome.queue,
        "category": outcome.category,
        "reason": outcome.reason,
    }
    return Message(MessageId(new_id(now)), f"post.{outcome.verdict.state}", outcome.post.id, payload, now)
