"""Putting a case before somebody else: a second look, a disagreement, a second answer to an appeal."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, insert, or_, select, update

from moderation.domain.decision import Decision, Fate, Source
from moderation.domain.ids import PostId
from moderation.domain.job import JobKind
from moderation.domain.post import Post, PostState
from moderation.storage.review.decision_rows import deciders
from moderation.storage.review.follow_up import FollowUp
from moderation.storage.review.opening import Opening, open_jobs
from moderation.storage.review.outcomes import PostOutcome
from moderation.storage.rows import AnyRow
from moderation.storage.tables import decision_fates, decisions, job_posts, jobs

_DOUBTS = frozenset({JobKind.SECOND, JobKind.AUDIT})
MOST_CARRIED = 400
"""Posts beside those that were looked at again; one person can still look through them."""


class Settled(Protocol):
    """A decision that settles now, its post as it was before, and what became of it (None: it binds nobody)."""

    @property
    def decision(self) -> Decision:
        """The decision."""
        ...

    @property
    def post(self) -> Post:
        """Its post before."""
        ...

    @property
    def outcome(self) -> PostOutcome | None:
        """What became of it."""
        ...


def ask(connection: Connection, row: AnyRow, due: Sequence[Settled], follow_up: FollowUp, *, now: datetime) -> None:
    """Open the job that the decisions of a person call for, for everybody but those who answered already.

    Nothing is opened for posts that something else has decided meanwhile. Where somebody doubts a cluster's decision,
    the posts to which it was carried are part of the disagreement: what is settled there is settled for them too.
    """
    if follow_up.opens is None or follow_up.route is None:
        return
    asked = [one for one in due if one.decision.source is Source.PERSON and _still_asked(one)]
    if not asked:
        return
    first, batch = asked[0], asked[0].decision.batch
    about = [one.post.id for one in asked]
    if follow_up.opens is JobKind.DISAGREEMENT and row.kind in _DOUBTS:
        about += [post_id for post_id in _carried(connection, row.origin) if post_id not in about]
    origin = row.origin if follow_up.opens is JobKind.APPEAL else batch
    opening = Opening(
        post=first.post,
        queue=follow_up.route.queue,
        category=row.category,
        reason=row.reason,
        route=follow_up.route,
        kind=follow_up.opens,
        origin=origin,
        exclude=tuple(deciders(connection, about)),
    )
    (job_id,) = open_jobs(connection, [opening], now=now)
    rest = [{"job_id": job_id, "post_id": post_id, "joined_at": now} for post_id in about[1:]]
    if rest:
        connection.execute(insert(job_posts), rest)
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(posts=len(about)))


def _still_asked(one: Settled) -> bool:
    if one.outcome is not None:
        return one.outcome.fate is Fate.SETTLED
    if one.decision.kind is JobKind.REVIEW:
        return one.post.state is PostState.HELD
    return True


def _carried(connection: Connection, batch: str) -> list[PostId]:
    """The posts that a cluster's decision settled or is about to, those that took it last first."""
    stands = or_(decision_fates.c.fate.is_(None), decision_fates.c.fate == Fate.SETTLED)
    query = (
        select(decisions.c.post_id)
        .join_from(decisions, decision_fates, decision_fates.c.decision_id == decisions.c.id, isouter=True)
        .where(decisions.c.batch == batch, decisions.c.binding.is_(True), stands)
        .order_by(decisions.c.number.desc())
        .limit(MOST_CARRIED)
    )
    return [PostId(post_id) for post_id in connection.execute(query).scalars()]
