"""What candidates said in shadow, beside the screenings: no policy reads it, and no verdict rests on it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, insert, select, true

from moderation.domain.ids import Digest, PostId, ScreeningId
from moderation.domain.model_role import ModelPin, ShadowResult
from moderation.domain.signal import SignalResult
from moderation.storage.documents import dump, result_document, result_of
from moderation.storage.engine import Database
from moderation.storage.review import counters
from moderation.storage.rows import AnyRow
from moderation.storage.tables import counters as counter_table
from moderation.storage.tables import screenings, shadow_results, signal_results

PAGE = 500
SKIPPED = "shadow_skipped"
"""The counter (signal, digest) of posts that a candidate was not asked about, for it was busy."""


@dataclass(frozen=True, slots=True)
class ShadowPair:
    """One judged post: the live signals' results, in order, and the candidate's for one of them."""

    post_id: PostId
    finished_at: datetime
    live: tuple[SignalResult, ...]
    candidate: ShadowResult


class ShadowStore:
    """The candidates' results of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self, results: Sequence[ShadowResult], skipped: Mapping[tuple[str, ModelPin], int], *, now: datetime
    ) -> None:
        """Add results of screenings that are stored, and count the posts that were skipped by slot and candidate."""
        with self._database.write() as connection:
            if results:
                connection.execute(insert(shadow_results), [_row(one) for one in results])
            counters.add(
                connection, now, {(SKIPPED, slot, model.digest): posts for (slot, model), posts in skipped.items()}
            )

    def measured(self, signal: str, digest: Digest) -> int:
        """How many posts a candidate has measured; its failures do not count."""
        with self._database.read() as connection:
            return measured(connection, signal, digest)

    def skipped(self, signal: str, digest: Digest, since: datetime | None) -> int:
        """How many posts a candidate was not asked about, in the hours that begin at or after `since`."""
        columns = counter_table.c
        query = select(func.coalesce(func.sum(columns.value), 0)).where(
            columns.name == SKIPPED,
            columns.label == signal,
            columns.detail == digest,
            true() if since is None else columns.hour >= since,
        )
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def models(self, signal: str) -> list[ModelPin]:
        """Every model that was tried for a signal and said something, by name and digest."""
        columns = shadow_results.c
        query = select(columns.model, columns.digest).where(columns.signal == signal).distinct()
        with self._database.read() as connection:
            found = [ModelPin(row.model, Digest(row.digest)) for row in connection.execute(query)]
        return sorted(found, key=lambda pin: (pin.name, pin.digest))

    def count(self, signal: str, digest: Digest, since: datetime | None) -> int:
        """How many results of a candidate there are, failures too, of screenings that ended at or after `since`."""
        query = select(func.count()).select_from(shadow_results).where(*_of(signal, digest))
        if since is not None:
            query = query.join(screenings, screenings.c.id == shadow_results.c.screening_id)
            query = query.where(screenings.c.finished_at >= since)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def pairs(
        self, signal: str, digest: Digest, since: datetime | None, *, page: int = PAGE
    ) -> Iterator[list[ShadowPair]]:
        """Every judged post that the candidate was asked about, oldest first, `page` at a time."""
        after = ""
        query = (
            select(shadow_results, screenings.c.post_id, screenings.c.finished_at, screenings.c.version)
            .join_from(shadow_results, screenings, screenings.c.id == shadow_results.c.screening_id)
            .where(*_of(signal, digest), true() if since is None else screenings.c.finished_at >= since)
            .order_by(shadow_results.c.screening_id)
            .limit(page)
        )
        while True:
            with self._database.read() as connection:
                rows = connection.execute(query.where(shadow_results.c.screening_id > after)).all()
                live = _live(connection, rows)
            if not rows:
                return
            yield [_pair(row, live[row.screening_id]) for row in rows]
            after = rows[-1].screening_id


def measured(connection: Connection, signal: str, digest: Digest) -> int:
    """See `ShadowStore.measured`."""
    query = select(func.count()).select_from(shadow_results)
    query = query.where(*_of(signal, digest), shadow_results.c.kind != "failure")
    return connection.execute(query).scalar_one()


def _of(signal: str, digest: Digest) -> tuple[ColumnElement[bool], ...]:
    return shadow_results.c.signal == signal, shadow_results.c.digest == digest


def _live(connection: Connection, rows: Sequence[AnyRow]) -> dict[str, tuple[SignalResult, ...]]:
    """The live results of each row's screening, in order, by screening id."""
    versions = {row.screening_id: row.version for row in rows}
    found: dict[str, list[SignalResult]] = {screening_id: [] for screening_id in versions}
    query = (
        select(signal_results.c.screening_id, signal_results.c.document)
        .where(signal_results.c.screening_id.in_(list(versions)))
        .order_by(signal_results.c.screening_id, signal_results.c.position)
    )
    for screening_id, document in connection.execute(query):
        found[screening_id].append(result_of(document, versions[screening_id]))
    return {screening_id: tuple(results) for screening_id, results in found.items()}


def _row(one: ShadowResult) -> dict[str, object]:
    document = result_document(one.result)
    return {
        "screening_id": one.screening_id,
        "signal": one.result.signal,
        "model": one.model.name,
        "digest": one.model.digest,
        "kind": document["kind"],
        "reason": document.get("reason", ""),
        "seconds": one.seconds,
        "document": dump(document),
    }


def _pair(row: AnyRow, live: tuple[SignalResult, ...]) -> ShadowPair:
    candidate = ShadowResult(
        ScreeningId(row.screening_id),
        ModelPin(row.model, Digest(row.digest)),
        result_of(row.document, row.version),
        row.seconds,
    )
    return ShadowPair(PostId(row.post_id), row.finished_at, live, candidate)
