"""What people saw unconcealed, their shifts and breaks. No audit event tells of breaks or seconds: they are for the
person's own sake. That somebody looked at a picture is audited where it is sent.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from moderation.domain.errors import ConflictError, NotFoundError
from moderation.domain.exposure import (
    REST_SECONDS,
    Break,
    BreakReason,
    Shift,
    Usage,
    break_due_at,
    sign_of_work,
)
from moderation.domain.ids import AccountId, PostId, new_id
from moderation.storage.engine import Database
from moderation.storage.review import seen_time
from moderation.storage.review.seen_time import GRACE_SECONDS, PastShift, TeamExposure
from moderation.storage.rows import AnyRow
from moderation.storage.tables import accounts, breaks, exposures, job_posts, jobs, posts, shifts

__all__ = ["GRACE_SECONDS", "ExposureStore", "PastShift", "TeamExposure"]

SLACK_SECONDS = 2.0
"""What the way of a picture to the browser, and of a report back, may take: by so much may a report fall short of the
server's clock.
"""
SIGN_SECONDS = 10.0
"""Signs of work within this time of the newest one are not written."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a browser says of one of its views: how long the picture was shown so far, and whether it is over."""

    view: str
    seconds: float
    done: bool


class ExposureStore:
    """The exposures of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self, view: str, *, account: AccountId, post: PostId, category: str, pause_seconds: float, now: datetime
    ) -> None:
        """A picture is being sent to be shown: once for all frames of a view, whether or not a report follows.

        The category is that of the job under which the person has the post, else `category`. Raises `NotFoundError` for
        no such post.
        """
        with self._database.read() as connection:
            row = _newest(connection, account, view, post, now)
        if row is not None and _is_shown(row, now):
            return
        with self._database.write() as connection:
            _lock(connection, account, post)
            row = _newest(connection, account, view, post, now)
            if row is not None and _is_shown(row, now):
                return
            shift_id = _touch(connection, account, pause_seconds=pause_seconds, now=now)
            job = _job_of(connection, account, post)
            values = {
                "id": new_id(now),
                "view": view,
                "shift_id": shift_id,
                "account_id": account,
                "job_id": None if job is None else job.id,
                "post_id": post,
                "category": category if job is None or not job.category else job.category,
                "started_at": now,
                "seconds": 0.0,
                "ended_at": None,
            }
            connection.execute(insert(exposures).values(**values))

    def report(self, account: AccountId, report: Report, *, pause_seconds: float, now: datetime) -> bool:
        """Take a browser's word within what the server's clock allows; False when there is no such view.

        The seconds never shrink and never exceed the time since the picture was sent. They fall short of it by
        `SLACK_SECONDS` at most, unless nothing was heard of the view for more than `GRACE_SECONDS`: then nobody knows,
        and that much is counted. After the end nothing changes.
        """
        with self._database.write() as connection:
            _lock(connection, account)
            row = _newest(connection, account, report.view, None, now)
            if row is None:
                return False
            if row.ended_at is not None:
                return True
            _touch(connection, account, pause_seconds=pause_seconds, now=now)
            connection.execute(
                update(exposures)
                .where(exposures.c.id == row.id)
                .values(
                    seconds=counted_seconds(
                        report.seconds, before=row.seconds, elapsed=(now - row.started_at).total_seconds()
                    ),
                    ended_at=now if report.done else None,
                )
            )
        return True

    def work(self, account: AccountId, *, pause_seconds: float, break_after_seconds: float, now: datetime) -> Usage:
        """The person asks for work, which is a sign of it. Begins the break that is due, of `pause_seconds`."""
        with self._database.write() as connection:
            _lock(connection, account)
            running = _running_break(connection, account, now)
            if running is None:
                shift_id = _touch(connection, account, pause_seconds=pause_seconds, now=now)
                shift = _shift_of(connection.execute(select(shifts).where(shifts.c.id == shift_id)).one())
                if break_due_at(shift, after_seconds=break_after_seconds) <= now:
                    _begin_break(connection, account, BreakReason.WORK, pause_seconds, now)
            return _usage(connection, account, now)

    def sign(self, account: AccountId, *, pause_seconds: float, now: datetime) -> None:
        """The person is at work."""
        with self._database.write() as connection:
            _lock(connection, account)
            _touch(connection, account, pause_seconds=pause_seconds, now=now)

    def usage(self, account: AccountId, now: datetime) -> Usage:
        """The person's shift so far; changes nothing."""
        with self._database.read() as connection:
            return _usage(connection, account, now)

    def start_break(self, account: AccountId, *, seconds: float, now: datetime) -> Break:
        """A break that the person wants. Raises `ConflictError` when one is running."""
        with self._database.write() as connection:
            _lock(connection, account)
            if _running_break(connection, account, now) is not None:
                raise ConflictError("You are on a break already.")
            return _begin_break(connection, account, BreakReason.ASKED, seconds, now)

    def end_break(self, account: AccountId, now: datetime) -> None:
        """End a break that the person wanted. Raises `ConflictError` for one that the plan asks for.

        Work is counted anew only after a break that lasted as long as a pause must.
        """
        with self._database.write() as connection:
            _lock(connection, account)
            row = _running_break(connection, account, now)
            if row is None:
                return
            if row.reason is not BreakReason.ASKED:
                raise ConflictError("This break ends by itself.", hint="It cannot be cut short.")
            connection.execute(update(breaks).where(breaks.c.id == row.id).values(ends_at=now))

    def current_break(self, account: AccountId, now: datetime) -> Break | None:
        """The break that is running."""
        with self._database.read() as connection:
            row = _running_break(connection, account, now)
        return None if row is None else _break_of(row)

    def past(self, account: AccountId, *, limit: int, now: datetime) -> list[PastShift]:
        """The person's newest shifts, oldest first, with what was seen in each."""
        with self._database.read() as connection:
            return seen_time.past(connection, account, limit, now)

    def team(self, *, since: datetime, now: datetime) -> TeamExposure:
        """What everybody whose shift ran on after `since` saw in it; `TeamExposure` says what is left out."""
        with self._database.read() as connection:
            return seen_time.team(connection, since, now)


def counted_seconds(claimed: float, *, before: float, elapsed: float) -> float:
    """How many seconds a view counts after a report of `claimed` ones, of which `before` were counted already.

    `elapsed` is the server's own time since it sent the picture. All in seconds; the result is at least `before`.
    """
    elapsed = max(elapsed, before)
    least = min(elapsed - SLACK_SECONDS, before + GRACE_SECONDS)
    return max(before, least, min(claimed, elapsed))


def _is_shown(row: AnyRow, now: datetime) -> bool:
    """Whether the view runs on as far as the server knows."""
    if row.ended_at is not None:
        return False
    return bool(now - row.started_at <= timedelta(seconds=row.seconds + GRACE_SECONDS))


def _newest(connection: Connection, account: AccountId, view: str, post: PostId | None, now: datetime) -> AnyRow | None:
    """The newest exposure of the browser's view in the last day."""
    query = select(exposures).where(
        exposures.c.account_id == account,
        exposures.c.started_at > now - timedelta(days=1),
        exposures.c.view == view,
    )
    if post is not None:
        query = query.where(exposures.c.post_id == post)
    newest = query.order_by(exposures.c.started_at.desc(), exposures.c.id.desc()).limit(1)
    return connection.execute(newest).one_or_none()


def _lock(connection: Connection, account: AccountId, post: PostId | None = None) -> None:
    """Let no other transaction count for this person. Posts come before accounts, as everywhere."""
    if post is not None:
        found = select(posts.c.id).where(posts.c.id == post).with_for_update(read=True, key_share=True)
        if connection.execute(found).first() is None:
            raise NotFoundError(f"There is no post {post}.")
    connection.execute(select(accounts.c.id).where(accounts.c.id == account).with_for_update(key_share=True))


def _touch(connection: Connection, account: AccountId, *, pause_seconds: float, now: datetime) -> str:
    """Note a sign of work; the id of the shift to which it belongs."""
    row = _newest_shift(connection, account)
    before = None if row is None else _shift_of(row)
    after = sign_of_work(before, now, pause_seconds=pause_seconds)
    if row is None or before is None or after.started_at != before.started_at:
        shift_id = new_id(now)
        values = {"started_at": after.started_at, "seen_at": after.seen_at, "working_since": after.working_since}
        connection.execute(insert(shifts).values(id=shift_id, account_id=account, **values))
        return shift_id
    if after.working_since != before.working_since or after.seen_at - before.seen_at >= timedelta(seconds=SIGN_SECONDS):
        values = {"seen_at": after.seen_at, "working_since": after.working_since}
        connection.execute(update(shifts).where(shifts.c.id == row.id).values(**values))
    return str(row.id)


def _begin_break(
    connection: Connection, account: AccountId, reason: BreakReason, seconds: float, now: datetime
) -> Break:
    """A break from now on. After one that the plan asks for, work is counted from its end."""
    begun = Break(reason, now, now + timedelta(seconds=seconds))
    connection.execute(
        insert(breaks).values(
            id=new_id(now), account_id=account, reason=reason, started_at=begun.started_at, ends_at=begun.ends_at
        )
    )
    row = _newest_shift(connection, account)
    if row is not None and reason is BreakReason.WORK:
        connection.execute(update(shifts).where(shifts.c.id == row.id).values(working_since=begun.ends_at))
    return begun


def _usage(connection: Connection, account: AccountId, now: datetime) -> Usage:
    running = _running_break(connection, account, now)
    current = None if running is None else _break_of(running)
    row = _newest_shift(connection, account)
    if row is None or now - row.seen_at >= timedelta(seconds=REST_SECONDS):
        return Usage(current_break=current)
    seen, seconds = seen_time.of_shift(connection, row.id, now)
    return Usage(_shift_of(row), seen, seconds, current)


def _newest_shift(connection: Connection, account: AccountId) -> AnyRow | None:
    query = select(shifts).where(shifts.c.account_id == account).order_by(shifts.c.started_at.desc()).limit(1)
    return connection.execute(query).one_or_none()


def _running_break(connection: Connection, account: AccountId, now: datetime) -> AnyRow | None:
    query = select(breaks).where(breaks.c.account_id == account, breaks.c.ends_at > now)
    return connection.execute(query.order_by(breaks.c.ends_at.desc()).limit(1)).one_or_none()


def _job_of(connection: Connection, account: AccountId, post: PostId) -> AnyRow | None:
    """The job under which the person has the post at this moment."""
    query = (
        select(jobs.c.id, jobs.c.category)
        .join_from(job_posts, jobs, jobs.c.id == job_posts.c.job_id)
        .where(job_posts.c.post_id == post, jobs.c.lease_holder == account)
    )
    return connection.execute(query.order_by(jobs.c.leased_at.desc()).limit(1)).one_or_none()


def _shift_of(row: AnyRow) -> Shift:
    return Shift(row.started_at, row.seen_at, row.working_since)


def _break_of(row: AnyRow) -> Break:
    return Break(row.reason, row.started_at, row.ends_at)
