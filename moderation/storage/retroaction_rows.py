"""Sweeps as rows: what is written of one, and how it is read back."""

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, func, select

from moderation.domain.audit import Json, canonical_json
from moderation.domain.errors import InvalidInputError, NotFoundError
from moderation.domain.ids import Digest
from moderation.domain.retroaction import MAX_CAP, Cause, Result, Sweep, SweepDay, SweepState, SweepTerms, day_of
from moderation.storage.rows import AnyRow
from moderation.storage.tables import posts, sweep_days, sweep_posts

MAX_DAYS = 36_500


def days_between(connection: Connection, cause: Cause, now: datetime) -> Iterator[date]:
    """From the first day of any post to today, as far as the cause covers them."""
    first = connection.execute(select(func.min(posts.c.received_at)).where(posts.c.received_at <= now)).scalar()
    if first is None:
        return
    day, last = day_of(first), day_of(now)
    if cause.first_day is not None:
        day = max(day, cause.first_day)
    if cause.last_day is not None:
        last = min(last, cause.last_day)
    for _ in range(MAX_DAYS):
        if day > last:
            return
        yield day
        day += timedelta(days=1)


def sweep_row(sweep_id: str, cause: Cause, terms: SweepTerms, by: str, now: datetime) -> dict[str, object]:
    """A new sweep's row: it is open."""
    return {
        "id": sweep_id,
        "cause": cause.kind,
        "policy": cause.policy,
        "selection": canonical_json(selection_of(cause)),
        "cap": terms.cap,
        "withdraw": terms.withdraw,
        "queue": terms.queue,
        "by": by,
        "created_at": now,
        "state": SweepState.OPEN,
    }


def selection_of(cause: Cause) -> dict[str, Json]:
    """What of the cause is stored as JSON."""
    return {
        "bank": cause.bank,
        "entry": cause.entry,
        "after": cause.after,
        "until": cause.until,
        "first_day": None if cause.first_day is None else cause.first_day.isoformat(),
        "last_day": None if cause.last_day is None else cause.last_day.isoformat(),
    }


def cause_of(row: AnyRow) -> Cause:
    """The cause in a row of `sweeps`."""
    stored = json.loads(row.selection)
    for name in ("first_day", "last_day"):
        stored[name] = None if stored[name] is None else date.fromisoformat(stored[name])
    return Cause(row.cause, Digest(row.policy), **stored)


def sweeps_of(connection: Connection, rows: Sequence[AnyRow]) -> list[Sweep]:
    """The sweeps in the rows, with their progress."""
    ids = [row.id for row in rows]
    days = {
        row.sweep_id: (row.days, row.done)
        for row in connection.execute(
            select(sweep_days.c.sweep_id, func.count().label("days"), func.count(sweep_days.c.done_at).label("done"))
            .where(sweep_days.c.sweep_id.in_(ids))
            .group_by(sweep_days.c.sweep_id)
        )
    }
    results: dict[str, dict[Result, int]] = {}
    counted = select(sweep_posts.c.sweep_id, sweep_posts.c.result, func.count().label("posts"))
    counted = counted.where(sweep_posts.c.sweep_id.in_(ids)).group_by(sweep_posts.c.sweep_id, sweep_posts.c.result)
    for row in connection.execute(counted):
        results.setdefault(row.sweep_id, {})[row.result] = row.posts
    return [
        Sweep(
            id=row.id,
            cause=cause_of(row),
            terms=SweepTerms(row.cap, row.withdraw, row.queue),
            state=row.state,
            by=row.by,
            created_at=row.created_at,
            ended_at=row.ended_at,
            days=days.get(row.id, (0, 0))[0],
            days_done=days.get(row.id, (0, 0))[1],
            results=results.get(row.id, {}),
        )
        for row in rows
    ]


def day_of_row(row: AnyRow, results: dict[Result, int]) -> SweepDay:
    """The day in a row of `sweep_days`."""
    return SweepDay(date.fromisoformat(row.day), row.done_at, row.scanned, row.found, row.later, results)


def check_cap(cap: int) -> None:
    """Raise `InvalidInputError` for a cap out of range."""
    if not 1 <= cap <= MAX_CAP:
        raise InvalidInputError(f"A sweep's cap is 1 to {MAX_CAP:,} posts.")


def no_sweep(sweep_id: str) -> NotFoundError:
    """What is raised for an id that no sweep has."""
    return NotFoundError(f"There is no sweep {sweep_id!r}.", hint="`moderation retroaction list` names them.")
