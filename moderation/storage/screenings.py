"""Reading screenings and verdicts: evidence for one post, and sums over many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Integer, case, exists, func, select, true

from moderation.domain.ids import PostId, ScreeningId
from moderation.domain.verdict import Screening, Verdict
from moderation.storage.documents import screening_of
from moderation.storage.engine import Database
from moderation.storage.rows import AnyRow
from moderation.storage.tables import screenings, signal_results, verdicts

SWEEPS = "retroaction:"
"""How the lane of a screening begins that a sweep made."""


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """How many posts ended with this verdict by this rule ("": no rule) in this queue ("": not held)."""

    verdict: Verdict
    rule: str
    queue: str
    posts: int


class ScreeningStore:
    """The screenings of one database; they are written by `PostStore.commit` and never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, post_id: PostId) -> Screening | None:
        """The newest screening of a post, exactly as it was committed, or None."""
        found = self.history(post_id)
        return found[-1] if found else None

    def history(self, post_id: PostId) -> list[Screening]:
        """Every screening of a post, oldest first."""
        query = select(screenings).where(screenings.c.post_id == post_id)
        with self._database.read() as connection:
            return _screenings(
                connection, connection.execute(query.order_by(screenings.c.finished_at, screenings.c.id)).all()
            )

    def verdict_at(self, post_id: PostId) -> datetime | None:
        """When the newest verdict on a post was stored, or None."""
        query = select(verdicts.c.at).where(verdicts.c.post_id == post_id).order_by(verdicts.c.number.desc()).limit(1)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def outcome_counts(self, since: datetime | None) -> list[OutcomeCount]:
        """Verdicts stored at or after `since` (None: ever) by verdict, deciding rule and queue; most frequent first."""
        keys = (verdicts.c.verdict, verdicts.c.rule, verdicts.c.queue)
        query = select(*keys, func.count().label("posts")).group_by(*keys)
        query = query.where(true() if since is None else verdicts.c.at >= since)
        with self._database.read() as connection:
            found = [OutcomeCount(*row) for row in connection.execute(query)]
        return sorted(found, key=lambda count: (-count.posts, count.verdict.strictness, count.rule, count.queue))

    def latencies(self, since: datetime | None, limit: int) -> list[float]:
        """Seconds from reception to verdict of the newest `limit` verdicts at or after `since`, newest first.

        Those of sweeps do not count.
        """
        query = select(verdicts.c.received_at, verdicts.c.at).order_by(verdicts.c.number.desc()).limit(limit)
        query = query.where(true() if since is None else verdicts.c.at >= since)
        swept = exists().where(screenings.c.id == verdicts.c.screening_id, screenings.c.lane.startswith(SWEEPS))
        query = query.where(~swept.correlate(verdicts))
        with self._database.read() as connection:
            return [(at - received_at).total_seconds() for received_at, at in connection.execute(query)]

    def failure_rates(self, since: datetime | None) -> dict[str, tuple[int, int]]:
        """For each signal how many of its results at or after `since` were failures, and how many there were.

        Sweeps repeat what was measured long ago: theirs do not count.
        """
        failed = func.sum(case((signal_results.c.kind == "failure", 1), else_=0), type_=Integer)
        query = (
            select(signal_results.c.signal, failed, func.count())
            .join_from(signal_results, screenings, screenings.c.id == signal_results.c.screening_id)
            .where(true() if since is None else screenings.c.finished_at >= since)
            .where(~screenings.c.lane.startswith(SWEEPS))
            .group_by(signal_results.c.signal)
            .order_by(signal_results.c.signal)
        )
        with self._database.read() as connection:
            return {signal: (int(failures), total) for signal, failures, total in connection.execute(query)}


def latest_of(connection: Connection, post_ids: Sequence[PostId]) -> dict[PostId, Screening]:
    """The newest screening of each post that has one."""
    query = select(screenings).where(screenings.c.post_id.in_(list(post_ids)))
    newest = {row.post_id: row for row in connection.execute(query.order_by(screenings.c.finished_at, screenings.c.id))}
    return {found.post_id: found for found in _screenings(connection, list(newest.values()))}


def _screenings(connection: Connection, rows: Sequence[AnyRow]) -> list[Screening]:
    query = (
        select(signal_results.c.screening_id, signal_results.c.document)
        .where(signal_results.c.screening_id.in_([row.id for row in rows]))
        .order_by(signal_results.c.screening_id, signal_results.c.position)
    )
    results: dict[str, list[str]] = {row.id: [] for row in rows}
    for screening_id, document in connection.execute(query):
        results[screening_id].append(document)
    return [
        screening_of(
            row.document,
            row.version,
            results[row.id],
            columns=(
                ScreeningId(row.id),
                PostId(row.post_id),
                row.lane,
                row.attempt,
                row.started_at,
                row.finished_at,
            ),
        )
        for row in rows
    ]
