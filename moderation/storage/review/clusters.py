"""Near-duplicates as one job: later posts join it, or take its decision for a while, with a sampled audit.

What a person sees is what that person decides: nothing joins a job that somebody works on. Nothing here waits for a
lock; a cluster that is locked at this moment is passed over, and the post gets a job of its own.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, and_, exists, insert, or_, select, update

from moderation.domain.audit import AuditDraft, Json
from moderation.domain.cluster import bands, distance_bits
from moderation.domain.decision import CLUSTER_BITS, Decision, Fate, Source
from moderation.domain.ids import new_id
from moderation.domain.job import JobKind, JobState
from moderation.domain.priority import Urgency, rank
from moderation.domain.verdict import SystemQueue
from moderation.storage.audit import append
from moderation.storage.review.decision_rows import decision_of, decisions_query, is_pending
from moderation.storage.review.follow_up import FollowUp, dump
from moderation.storage.review.leasing import NO_LEASE
from moderation.storage.rows import AnyRow
from moderation.storage.tables import (
    cluster_bands,
    decision_fates,
    decisions,
    job_posts,
    jobs,
    pending_decisions,
    picture_hashes,
    review_plans,
)

if TYPE_CHECKING:  # `opening` imports this module
    from moderation.storage.review.opening import Opening

ACTOR = "system:clusters"
CANDIDATES = 500
"""Clusters compared with one picture: should an index's entry be that crowded, some are not found."""
MOST_POSTS = 500
"""Posts that one job takes in: one decision on them stays a short transaction. What comes then begins another job."""


@dataclass(frozen=True, slots=True)
class _Near:
    """A cluster within reach of a picture."""

    job_id: str
    bits: int


def absorb(connection: Connection, openings: "Sequence[Opening]", *, now: datetime) -> "list[Opening]":
    """Let posts join a cluster or take its decision; returns the openings that still need a job of their own.

    A post joins when it was held on the same grounds, waits in the same queue with the same needs, and looks like the
    cluster more than like any of its exceptions. Of those that would take a decision a sampled share is returned as
    audits: held, for somebody else to decide blindly.
    """
    left = []
    for opening in openings:
        kept = _absorbed(connection, opening, now) if _may_join(opening) else opening
        if kept is not None:
            left.append(kept)
    return left


def drawn(post_id: str, rate: float) -> bool:
    """Whether a post belongs to the sampled share; always the same for the same post."""
    digest = hashlib.sha256(post_id.encode()).digest()
    return int.from_bytes(digest[:8]) < rate * 2**64


def _may_join(opening: "Opening") -> bool:
    return opening.clusters and opening.queue not in set(SystemQueue) and opening.route.queue not in set(SystemQueue)


def _absorbed(connection: Connection, opening: "Opening", now: datetime) -> "Opening | None":
    """None when the post went to a cluster, else the opening that it still needs."""
    for near in _near(connection, opening, now):
        row = _locked(connection, opening, near, now)
        if row is None or _looks_like_an_exception(connection, opening, near):
            continue
        if row.state is JobState.OPEN:
            _join(connection, row, opening, near, now)
            return None
        decision = _carried(connection, row)
        if decision is None:
            continue
        if drawn(opening.post.id, row.audit_rate):
            return _audit(opening, decision)
        _carry(connection, row, opening, near, decision, now)
        return None
    return opening


def _same_case(opening: "Opening", now: datetime) -> ColumnElement[bool]:
    """The job takes in this post: open, not full and nobody's at the moment, or decided for later posts too.

    A decision taken before the newest review plan was saved is carried no more: it was taken on other terms.
    """
    route = opening.route
    free = and_(jobs.c.posts < MOST_POSTS, or_(jobs.c.lease_expires_at.is_(None), jobs.c.lease_expires_at <= now))
    return and_(
        jobs.c.kind == JobKind.REVIEW,
        jobs.c.basis == opening.basis,
        jobs.c.queue == route.queue,
        jobs.c.category == opening.category,
        jobs.c.language == route.language,
        jobs.c.skill == route.skill,
        or_(
            and_(jobs.c.state == JobState.OPEN, free),
            and_(jobs.c.state != JobState.OPEN, jobs.c.carry_until > now, _on_these_terms()),
        ),
    )


def _on_these_terms() -> ColumnElement[bool]:
    return ~exists().where(review_plans.c.at >= jobs.c.decided_at).correlate(jobs)


def _near(connection: Connection, opening: "Opening", now: datetime) -> list[_Near]:
    """Clusters that the post may go to, the nearest first, then the oldest."""
    assert opening.pdq is not None
    shared = or_(
        *(
            and_(cluster_bands.c.band == band, cluster_bands.c.value == value)
            for band, value in enumerate(bands(opening.pdq))
        )
    )
    found = select(cluster_bands.c.job_id).where(shared)
    query = select(jobs.c.id, jobs.c.pdq).where(jobs.c.id.in_(found), jobs.c.pdq.is_not(None))
    rows = connection.execute(query.where(_same_case(opening, now)).limit(CANDIDATES)).all()
    near = [_Near(row.id, distance_bits(row.pdq, opening.pdq)) for row in rows]
    return sorted((one for one in near if one.bits <= CLUSTER_BITS), key=lambda one: (one.bits, one.job_id))


def _locked(connection: Connection, opening: "Opening", near: _Near, now: datetime) -> AnyRow | None:
    query = select(jobs).where(jobs.c.id == near.job_id, _same_case(opening, now))
    return connection.execute(query.with_for_update(skip_locked=True)).one_or_none()


def _looks_like_an_exception(connection: Connection, opening: "Opening", near: _Near) -> bool:
    """Whether a post that was taken out of the cluster is as near as the cluster itself, or cannot be compared."""
    assert opening.pdq is not None
    query = (
        select(job_posts.c.post_id, picture_hashes.c.pdq)
        .join_from(job_posts, picture_hashes, picture_hashes.c.post_id == job_posts.c.post_id, isouter=True)
        .where(job_posts.c.job_id == near.job_id, job_posts.c.left_at.is_not(None))
    )
    return any(row.pdq is None or distance_bits(row.pdq, opening.pdq) <= near.bits for row in connection.execute(query))


def _join(connection: Connection, row: AnyRow, opening: "Opening", near: _Near, now: datetime) -> None:
    """The post waits with the others. A lease that ran out ends: who held it has not seen this post."""
    _add_member(connection, row, opening, now)
    severity = max(row.severity, opening.route.severity)
    reach = max(row.reach, opening.post.author.published_posts or 0)
    due_at = row.due_at or now
    points = rank(Urgency(severity, reach, appeal=False, opened_at=row.opened_at, due_at=due_at))
    changes: dict[str, object] = {} if row.lease_token is None else dict(NO_LEASE)
    connection.execute(
        update(jobs).where(jobs.c.id == row.id).values(severity=severity, reach=reach, rank=points, **changes)
    )
    payload: dict[str, Json] = {"post": opening.post.id, "distance_bits": near.bits}
    append(connection, [AuditDraft(now, "job.joined", f"job:{row.id}", ACTOR, payload)])


def _add_member(connection: Connection, row: AnyRow, opening: "Opening", now: datetime) -> None:
    connection.execute(insert(job_posts).values(job_id=row.id, post_id=opening.post.id, joined_at=now))
    connection.execute(update(jobs).where(jobs.c.id == row.id).values(posts=jobs.c.posts + 1))


def _carried(connection: Connection, row: AnyRow) -> Decision | None:
    """The person's decision that later posts take: the one in its undo window, or the newest that settled."""
    stands = is_pending() if row.state is JobState.DECIDED else decision_fates.c.fate == Fate.SETTLED
    ours = (decisions.c.job_id == row.id, decisions.c.binding.is_(True), decisions.c.source == Source.PERSON)
    newest = decisions_query().where(*ours, stands).order_by(None).order_by(decisions.c.number.desc()).limit(1)
    found = connection.execute(newest).one_or_none()
    return None if found is None else decision_of(found)


def _audit(opening: "Opening", decision: Decision) -> "Opening":
    """A job like any other, which nobody can tell from one, for somebody who did not decide the cluster."""
    return replace(opening, kind=JobKind.AUDIT, origin=decision.batch, exclude=(decision.account,), basis="", pdq=None)


def _carry(
    connection: Connection, row: AnyRow, opening: "Opening", near: _Near, decision: Decision, now: datetime
) -> None:
    """The post takes the cluster's decision: with the cluster while that can be undone, else at once."""
    _add_member(connection, row, opening, now)
    effective_at = max(now, decision.effective_at)
    decision_id = new_id(now)
    payload: dict[str, Json] = {
        "decision": decision_id,
        "batch": decision.batch,
        "job": row.id,
        "action": decision.action,
        "category": decision.category,
        "reasons": list(decision.reasons),
        "carried_from": decision.id,
        "distance_bits": near.bits,
    }
    draft = AuditDraft(now, "decision.carried", f"post:{opening.post.id}", ACTOR, payload)
    number = append(connection, [draft])[0].number
    connection.execute(
        insert(decisions).values(
            number=number,
            id=decision_id,
            batch=decision.batch,
            job_id=row.id,
            post_id=opening.post.id,
            account_id=decision.account,
            source=Source.CARRIED,
            kind=row.kind,
            queue=row.queue,
            action=decision.action,
            category=decision.category,
            reasons=json.dumps(list(decision.reasons)),
            note="",
            seconds=0.0,
            decided_at=now,
            effective_at=effective_at,
            binding=True,
        )
    )
    connection.execute(
        insert(pending_decisions).values(
            decision_id=decision_id, batch=decision.batch, effective_at=effective_at, follow_up=dump(FollowUp())
        )
    )
