"""Everything that happened to one post, apart from what has a store of its own: screenings, decisions, appeals.

Each list is bounded: it has the newest entries, and a flag says when there are more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, func, or_, select

from moderation.domain.ids import AccountId, PostId, ScreeningId
from moderation.domain.job import Job
from moderation.domain.post import Post
from moderation.domain.verdict import Verdict
from moderation.storage.engine import Database
from moderation.storage.review.standing import Standing, standings
from moderation.storage.rows import POST_COLUMNS, AnyRow, job_of, post_of
from moderation.storage.tables import (
    deliveries,
    evidence_holds,
    exposures,
    gold_items,
    job_posts,
    jobs,
    outbox_messages,
    picture_hashes,
    posts,
    verdicts,
)

MAX_LISTED = 100
ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """What the machine decided. `screening` is None when the deadline passed before there was one."""

    number: int
    screening: ScreeningId | None
    verdict: Verdict
    complete: bool
    rule: str
    queue: str
    category: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SentTo:
    """A message on its way to an endpoint; `status` is pending, delivered or dead."""

    endpoint: str
    status: str
    attempts: int
    last_error: str
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class SentMessage:
    """What the outside was told."""

    number: int
    type: str
    created_at: datetime
    deliveries: tuple[SentTo, ...]


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person who saw the picture unconcealed: how often, for how many seconds in all, and when last."""

    account: AccountId
    times: int
    seconds: float
    last_at: datetime


@dataclass(frozen=True, slots=True)
class GoldMark:
    """That the post is a gold item of a queue."""

    id: str
    queue: str
    action: str
    category: str
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Hold:
    """That nothing may delete the post or its picture."""

    reason: str
    placed_by: str
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class PostRecord:
    """One post and what became of it. Lists are oldest first; `cut` names those that have only their newest entries."""

    post: Post
    client: str
    attempts: int
    published_at: datetime | None
    overturned_at: datetime | None
    standing: Standing
    verdicts: tuple[StoredVerdict, ...]
    jobs: tuple[Job, ...]
    messages: tuple[SentMessage, ...]
    viewers: tuple[Viewer, ...]
    gold: tuple[GoldMark, ...]
    hold: Hold | None
    cut: frozenset[str]


class PostRecordStore:
    """The records of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, post_id: PostId) -> PostRecord | None:
        """The record of a post, or None. A fixed number of statements."""
        columns = (*POST_COLUMNS, posts.c.client, posts.c.attempts, posts.c.published_at, posts.c.overturned_at)
        with self._database.read() as connection:
            row = connection.execute(select(*columns).where(posts.c.id == post_id)).one_or_none()
            return None if row is None else _record(connection, row)

    def frames(self, post_ids: Sequence[PostId]) -> dict[PostId, int]:
        """How many frames of each post's picture were measured; posts whose picture could not be read are absent."""
        if not post_ids:
            return {}
        query = select(picture_hashes.c.post_id, func.count().label("frames")).group_by(picture_hashes.c.post_id)
        with self._database.read() as connection:
            found = connection.execute(query.where(picture_hashes.c.post_id.in_(post_ids)))
            return {PostId(row.post_id): row.frames for row in found}


def _record(connection: Connection, row: AnyRow) -> PostRecord:
    post = post_of(row)
    judged = _verdicts(connection, post.id)
    waited = _jobs(connection, post.id)
    sent = _messages(connection, post.id)
    viewers = _viewers(connection, post.id)
    lists: tuple[tuple[str, Sequence[object]], ...] = (
        ("verdicts", judged),
        ("jobs", waited),
        ("messages", sent),
        ("views", viewers),
    )
    return PostRecord(
        post=post,
        client=row.client,
        attempts=row.attempts,
        published_at=row.published_at,
        overturned_at=row.overturned_at,
        standing=standings(connection, [post.id])[post.id],
        verdicts=_oldest_first(judged),
        jobs=_oldest_first(waited),
        messages=_oldest_first(sent),
        viewers=_oldest_first(viewers),
        gold=_gold(connection, post.id),
        hold=_hold(connection, post.id),
        cut=frozenset(name for name, found in lists if len(found) > MAX_LISTED),
    )


def _oldest_first(newest_first: Sequence[ItemT]) -> tuple[ItemT, ...]:
    return tuple(reversed(newest_first[:MAX_LISTED]))


def _verdicts(connection: Connection, post_id: PostId) -> list[StoredVerdict]:
    query = select(verdicts).where(verdicts.c.post_id == post_id).order_by(verdicts.c.number.desc())
    return [
        StoredVerdict(
            number=row.number,
            screening=None if row.screening_id is None else ScreeningId(row.screening_id),
            verdict=row.verdict,
            complete=row.complete,
            rule=row.rule,
            queue=row.queue,
            category=row.category,
            reason=row.reason,
            at=row.at,
        )
        for row in connection.execute(query.limit(MAX_LISTED + 1))
    ]


def _jobs(connection: Connection, post_id: PostId) -> list[Job]:
    """Every job that the post is or was in, also as a later member of a cluster."""
    member = select(job_posts.c.job_id).where(job_posts.c.post_id == post_id)
    query = select(jobs).where(or_(jobs.c.post_id == post_id, jobs.c.id.in_(member)))
    query = query.order_by(jobs.c.opened_at.desc(), jobs.c.id.desc()).limit(MAX_LISTED + 1)
    return [job_of(row) for row in connection.execute(query)]


def _messages(connection: Connection, post_id: PostId) -> list[SentMessage]:
    query = select(outbox_messages.c.number, outbox_messages.c.type, outbox_messages.c.created_at)
    query = query.where(outbox_messages.c.post_id == post_id).order_by(outbox_messages.c.number.desc())
    rows = connection.execute(query.limit(MAX_LISTED + 1)).all()
    ways: dict[int, list[SentTo]] = {row.number: [] for row in rows}
    if rows:
        sent = select(deliveries).where(deliveries.c.number.in_(list(ways))).order_by(deliveries.c.endpoint)
        for way in connection.execute(sent):
            ways[way.number].append(SentTo(way.endpoint, way.status, way.attempts, way.last_error, way.delivered_at))
    return [SentMessage(row.number, row.type, row.created_at, tuple(ways[row.number])) for row in rows]


def _viewers(connection: Connection, post_id: PostId) -> list[Viewer]:
    last = func.max(exposures.c.started_at).label("last_at")
    query = (
        select(
            exposures.c.account_id, func.count().label("times"), func.sum(exposures.c.seconds).label("seconds"), last
        )
        .where(exposures.c.post_id == post_id)
        .group_by(exposures.c.account_id)
        .order_by(last.desc(), exposures.c.account_id)
    )
    return [
        Viewer(AccountId(row.account_id), row.times, float(row.seconds), row.last_at)
        for row in connection.execute(query.limit(MAX_LISTED + 1))
    ]


def _gold(connection: Connection, post_id: PostId) -> tuple[GoldMark, ...]:
    query = select(gold_items).where(gold_items.c.post_id == post_id).order_by(gold_items.c.added_at)
    return tuple(
        GoldMark(row.id, row.queue, row.action.value, row.category, row.retired_at)
        for row in connection.execute(query.limit(MAX_LISTED))
    )


def _hold(connection: Connection, post_id: PostId) -> Hold | None:
    row = connection.execute(select(evidence_holds).where(evidence_holds.c.post_id == post_id)).one_or_none()
    return None if row is None else Hold(row.reason, row.placed_by, row.placed_at)
