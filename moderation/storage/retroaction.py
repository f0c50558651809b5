"""Sweeps: why posts are judged again, how far that came, and what became of each post."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Connection, func, insert, select, update

from moderation.domain.audit import AuditDraft, Json
from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.ids import PostId, new_id
from moderation.domain.retroaction import (
    Case,
    Cause,
    Result,
    Ruling,
    Sweep,
    SweepDay,
    SweepState,
    SweepTerms,
)
from moderation.storage import retroaction_acts, retroaction_cases
from moderation.storage.audit import append
from moderation.storage.engine import Database
from moderation.storage.retroaction_acts import Acting
from moderation.storage.retroaction_rows import (
    check_cap,
    day_of_row,
    days_between,
    no_sweep,
    selection_of,
    sweep_row,
    sweeps_of,
)
from moderation.storage.review import counters
from moderation.storage.rows import AnyRow
from moderation.storage.tables import sweep_days, sweep_posts, sweeps

Judge = Callable[[Sequence[Case]], Sequence[Ruling]]
"""What a sweep makes of posts, one ruling each, in order. Called while they are locked: it must not wait."""
PAGE = 5_000
DUE = "retroaction_due"
"""The counter (result) of posts that new bank entries match."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of some posts; `stopped`: the sweep's cap was reached, and none of them was touched."""

    results: dict[PostId, Result]
    stopped: bool = False


class SweepStore:
    """The sweeps of one database, and what they read of its posts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, cause: Cause, terms: SweepTerms, *, by: str, now: datetime) -> Sweep:
        """Make an open sweep over the days on which posts were received up to now, audited.

        Raises `InvalidInputError` for a cap out of range.
        """
        check_cap(terms.cap)
        sweep_id = new_id(now)
        with self._database.write() as connection:
            days = list(days_between(connection, cause, now))
            connection.execute(insert(sweeps).values(**sweep_row(sweep_id, cause, terms, by, now)))
            if days:
                rows = [{"sweep_id": sweep_id, "day": day.isoformat()} for day in days]
                connection.execute(insert(sweep_days), rows)
            payload: dict[str, Json] = {
                "cause": cause.kind,
                "policy": cause.policy,
                "selection": selection_of(cause),
                "cap": terms.cap,
                "withdraw": terms.withdraw,
                "queue": terms.queue,
                "days": len(days),
            }
            append(connection, [AuditDraft(now, "sweep.started", f"sweep:{sweep_id}", by, payload)])
            if not days:
                _end(connection, sweep_id, now)
        return self.get(sweep_id)

    def get(self, sweep_id: str) -> Sweep:
        """The sweep. Raises `NotFoundError`."""
        with self._database.read() as connection:
            row = connection.execute(select(sweeps).where(sweeps.c.id == sweep_id)).one_or_none()
            if row is None:
                raise no_sweep(sweep_id)
            return sweeps_of(connection, [row])[0]

    def newest(self, limit: int = 100, *, states: Sequence[SweepState] = tuple(SweepState)) -> list[Sweep]:
        """Up to `limit` sweeps in one of the states, newest first."""
        query = select(sweeps).where(sweeps.c.state.in_(list(states)))
        query = query.order_by(sweeps.c.created_at.desc(), sweeps.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return sweeps_of(connection, connection.execute(query).all())

    def days(self, sweep_id: str) -> list[SweepDay]:
        """The sweep's days in order, with what became of their posts."""
        query = select(sweep_days).where(sweep_days.c.sweep_id == sweep_id).order_by(sweep_days.c.day)
        counted = (
            select(sweep_posts.c.day, sweep_posts.c.result, func.count().label("posts"))
            .where(sweep_posts.c.sweep_id == sweep_id)
            .group_by(sweep_posts.c.day, sweep_posts.c.result)
        )
        with self._database.read() as connection:
            results: dict[str, dict[Result, int]] = {}
            for row in connection.execute(counted):
                results.setdefault(row.day, {})[row.result] = row.posts
            return [day_of_row(row, results.get(row.day, {})) for row in connection.execute(query)]

    def raise_cap(self, sweep_id: str, cap: int, *, by: str, now: datetime) -> Sweep:
        """Let a sweep touch more posts, audited; one that stopped at its cap is open again.

        Raises `NotFoundError`, `InvalidInputError` for a cap that is not higher, `ConflictError` when it has ended.
        """
        check_cap(cap)
        with self._database.write() as connection:
            row = _locked(connection, sweep_id)
            if row.state not in {SweepState.OPEN, SweepState.STOPPED}:
                raise ConflictError(f"The sweep {sweep_id} is {row.state}.")
            if cap <= row.cap:
                raise InvalidInputError(f"The cap is {row.cap} already.")
            payload: dict[str, Json] = {"from": row.cap, "cap": cap}
            append(connection, [AuditDraft(now, "sweep.cap_raised", f"sweep:{sweep_id}", by, payload)])
            changed = {"cap": cap, "state": SweepState.OPEN}
            connection.execute(update(sweeps).where(sweeps.c.id == sweep_id).values(**changed))
        return self.get(sweep_id)

    def cancel(self, sweep_id: str, *, by: str, now: datetime) -> Sweep:
        """End a sweep where it is, audited; what it did stays. Raises `NotFoundError`, `ConflictError`."""
        with self._database.write() as connection:
            row = _locked(connection, sweep_id)
            if row.state not in {SweepState.OPEN, SweepState.STOPPED}:
                raise ConflictError(f"The sweep {sweep_id} is {row.state}.")
            append(connection, [AuditDraft(now, "sweep.cancelled", f"sweep:{sweep_id}", by, {})])
            changed = {"state": SweepState.CANCELLED, "ended_at": now}
            connection.execute(update(sweeps).where(sweeps.c.id == sweep_id).values(**changed))
        return self.get(sweep_id)

    def apply(self, sweep_id: str, day: date, post_ids: Sequence[PostId], judge: Judge, *, now: datetime) -> Applied:
        """Judge posts as they are now, under their locks, and do what follows, in one transaction.

        A post that this sweep dealt with before is passed over, so that running twice does nothing twice. A post that
        is left for later leaves no trace. Nothing happens when another run has ended the sweep meanwhile. Raises
        `ConflictError` when it is stopped or cancelled, `NotFoundError`.
        """
        with self._database.write() as connection:
            sweep = _locked(connection, sweep_id)
            if sweep.state is SweepState.DONE:
                return Applied({})
            if sweep.state is not SweepState.OPEN:
                raise ConflictError(f"The sweep {sweep_id} is {sweep.state}.")
            left = _not_done(connection, sweep_id, post_ids)
            waiting = retroaction_acts.lock_jobs(connection, left)
            found = retroaction_cases.cases(connection, left, lock=True)
            found = _settled(found, retroaction_acts.began_to_wait(connection, left, waiting))
            ruled = list(zip(found, judge(found), strict=True))
            acting = [_acting(sweep_id, case, ruling) for case, ruling in ruled if ruling.result.acts]
            if acting and _touched(connection, sweep_id) + len(acting) > sweep.cap:
                _stop(connection, sweep, now)
                return Applied({}, stopped=True)
            events = retroaction_acts.act(connection, acting, waiting, now=now) if acting else []
            numbers = {one.post.id: event.number for one, event in zip(acting, events, strict=True)}
            _record(connection, sweep_id, day, ruled, numbers, now)
        return Applied({case.post.id: ruling.result for case, ruling in ruled})

    def finish_day(self, sweep_id: str, day: date, *, scanned: int, found: int, later: int, now: datetime) -> SweepDay:
        """Write down how far a day came; with nothing left for later it is done, and with its last day the sweep.

        A day that another run has done, or a sweep that is not open, stays as it is. Raises `NotFoundError` for a day
        that the sweep does not have.
        """
        mine = (sweep_days.c.sweep_id == sweep_id, sweep_days.c.day == day.isoformat())
        counts: dict[str, object] = {"scanned": scanned, "found": found, "later": later}
        with self._database.write() as connection:
            row = _locked(connection, sweep_id)
            if row.state is SweepState.OPEN:
                this = update(sweep_days).where(*mine, sweep_days.c.done_at.is_(None))
                connection.execute(this.values(**counts, done_at=None if later else now))
                open_days = select(sweep_days.c.day).where(
                    sweep_days.c.sweep_id == sweep_id, sweep_days.c.done_at.is_(None)
                )
                if connection.execute(open_days.limit(1)).first() is None:
                    _end(connection, sweep_id, now)
        written = next((one for one in self.days(sweep_id) if one.day == day), None)
        if written is None:
            raise NotFoundError(f"The sweep {sweep_id} has no day {day}.")
        return written

    def dealt_with(self, sweep_id: str, day: date) -> set[PostId]:
        """The posts of a day on which the sweep has a result."""
        mine = (sweep_posts.c.sweep_id == sweep_id, sweep_posts.c.day == day.isoformat())
        with self._database.read() as connection:
            return {
                PostId(post_id) for post_id in connection.execute(select(sweep_posts.c.post_id).where(*mine)).scalars()
            }

    def results(self, sweep_id: str, *, limit: int) -> list[tuple[PostId, str, Result]]:
        """Up to `limit` posts that the sweep acted on, with the day, newest first."""
        query = (
            select(sweep_posts.c.post_id, sweep_posts.c.day, sweep_posts.c.result)
            .where(sweep_posts.c.sweep_id == sweep_id, sweep_posts.c.number.is_not(None))
            .order_by(sweep_posts.c.number.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return [(PostId(row.post_id), row.day, row.result) for row in connection.execute(query)]

    def note_due(self, results: Mapping[Result, int], *, now: datetime) -> None:
        """Count what new bank entries would do, for whoever watches the installation."""
        amounts = {(DUE, result.value, ""): float(posts) for result, posts in results.items() if result.acts}
        with self._database.write() as connection:
            counters.add(connection, now, amounts)

    def due(self, since: datetime, until: datetime) -> dict[str, float]:
        """What was counted in the hours that begin in [since, until), by result."""
        found: dict[str, float] = {}
        for row in counters.CounterStore(self._database).read([DUE], since=since, until=until):
            found[row.label] = found.get(row.label, 0.0) + row.value
        return found


def _settled(found: Sequence[Case], unlocked: Collection[PostId]) -> list[Case]:
    """Posts with a job that could not be locked any more, without waiting in the wrong order, are left for later."""
    return [replace(case, settling=True) if case.post.id in unlocked else case for case in found]


def _acting(sweep_id: str, case: Case, ruling: Ruling) -> Acting:
    if ruling.screening is None:
        raise ValueError(f"post {case.post.id} is acted on without a screening")
    return Acting(case.post, ruling, ruling.screening, sweep_id)


def _locked(connection: Connection, sweep_id: str) -> AnyRow:
    row = connection.execute(select(sweeps).where(sweeps.c.id == sweep_id).with_for_update()).one_or_none()
    if row is None:
        raise no_sweep(sweep_id)
    return row


def _not_done(connection: Connection, sweep_id: str, post_ids: Sequence[PostId]) -> list[PostId]:
    mine = (sweep_posts.c.sweep_id == sweep_id, sweep_posts.c.post_id.in_(list(post_ids)))
    done = set(connection.execute(select(sweep_posts.c.post_id).where(*mine)).scalars())
    return [post_id for post_id in post_ids if post_id not in done]


def _touched(connection: Connection, sweep_id: str) -> int:
    mine = (sweep_posts.c.sweep_id == sweep_id, sweep_posts.c.number.is_not(None))
    return connection.execute(select(func.count()).select_from(sweep_posts).where(*mine)).scalar_one()


def _record(
    connection: Connection,
    sweep_id: str,
    day: date,
    ruled: Sequence[tuple[Case, Ruling]],
    numbers: dict[PostId, int],
    now: datetime,
) -> None:
    rows = [
        {
            "sweep_id": sweep_id,
            "post_id": case.post.id,
            "day": day.isoformat(),
            "result": ruling.result,
            "number": numbers.get(case.post.id),
            "at": now,
        }
        for case, ruling in ruled
        if ruling.result is not Result.LATER
    ]
    if rows:
        connection.execute(insert(sweep_posts), rows)


def _stop(connection: Connection, sweep: AnyRow, now: datetime) -> None:
    payload: dict[str, Json] = {"cap": sweep.cap, "touched": _touched(connection, sweep.id)}
    append(connection, [AuditDraft(now, "sweep.stopped", f"sweep:{sweep.id}", "system:retroaction", payload)])
    connection.execute(update(sweeps).where(sweeps.c.id == sweep.id).values(state=SweepState.STOPPED))


def _end(connection: Connection, sweep_id: str, now: datetime) -> None:
    payload: dict[str, Json] = {"touched": _touched(connection, sweep_id)}
    append(connection, [AuditDraft(now, "sweep.done", f"sweep:{sweep_id}", "system:retroaction", payload)])
    changed = {"state": SweepState.DONE, "ended_at": now}
    connection.execute(update(sweeps).where(sweeps.c.id == sweep_id).values(**changed))
