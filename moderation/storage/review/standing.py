"""In which queues and under which categories posts were ever judged: what decides who may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CompoundSelect, Connection, select, union_all

from moderation.domain.ids import PostId
from moderation.domain.job import JobKind
from moderation.storage.engine import Database
from moderation.storage.review.decision_rows import undone
from moderation.storage.tables import decisions, job_posts, jobs, verdicts


@dataclass(frozen=True, slots=True)
class Standing:
    """Every queue in which a post waits or waited, and every category that a verdict, a job or a decision named.

    What was undone was never said, and an answer to a gold item says something of the person, not of the post.
    """

    queues: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()


class StandingStore:
    """Reads standings of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, ids: Sequence[PostId]) -> dict[PostId, Standing]:
        """The standing of each post, empty where nothing judged it yet. One statement."""
        with self._database.read() as connection:
            return standings(connection, ids)


def standings(connection: Connection, ids: Sequence[PostId]) -> dict[PostId, Standing]:
    """The standing of each post of `ids`, in their order; one statement, none for no post."""
    queues: dict[str, set[str]] = {post_id: set() for post_id in ids}
    categories: dict[str, set[str]] = {post_id: set() for post_id in ids}
    if ids:
        for row in connection.execute(_judged(ids)):
            queues[row.post_id].add(row.queue)
            categories[row.post_id].add(row.category)
    return {
        post_id: Standing(frozenset(queues[post_id] - {""}), frozenset(categories[post_id] - {""})) for post_id in ids
    }


def _judged(ids: Sequence[PostId]) -> CompoundSelect[*tuple[Any, ...]]:
    waited = (
        select(job_posts.c.post_id, jobs.c.queue, jobs.c.category)
        .join_from(job_posts, jobs, jobs.c.id == job_posts.c.job_id)
        .where(job_posts.c.post_id.in_(ids))
    )
    first = select(jobs.c.post_id, jobs.c.queue, jobs.c.category).where(jobs.c.post_id.in_(ids))
    judged = select(verdicts.c.post_id, verdicts.c.queue, verdicts.c.category).where(verdicts.c.post_id.in_(ids))
    decided = select(decisions.c.post_id, decisions.c.queue, decisions.c.category)
    decided = decided.where(decisions.c.post_id.in_(ids), decisions.c.kind != JobKind.GOLD, ~undone())
    return union_all(waited, first, judged, decided)
