"""How long something was shown: the union of the views' times, so that two tabs at once are counted once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    case,
    cast,
    extract,
    func,
    literal,
    or_,
    select,
)

from moderation.domain.exposure import Seen
from moderation.domain.ids import AccountId
from moderation.storage.rows import AnyRow, AnySelect
from moderation.storage.tables import breaks, exposures, shifts

GRACE_SECONDS = 60.0
"""So long a view counts on after it was last heard of: a browser that never reports an end gains nothing by it."""
MIN_PEOPLE = 3
"""What fewer people saw is no aggregate: it would tell of each of them."""
_UNIX_DAY = 2_440_587.5
_DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class PastShift:
    """One of a person's shifts, with what was seen in it by category and in all."""

    started_at: datetime
    seen_at: datetime
    seen: Mapping[str, Seen]
    seconds: float


@dataclass(frozen=True, slots=True)
class TeamSeen:
    """A category over several people: their number, and sums over them."""

    people: int
    items: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TeamExposure:
    """What a team saw. A category that fewer than `MIN_PEOPLE` people saw is missing from `seen` and named in
    `withheld`; with fewer people altogether everything is withheld. Breaks are counted, not who took them.
    """

    people: int
    seen: Mapping[str, TeamSeen] = field(default_factory=dict)
    withheld: frozenset[str] = frozenset()
    breaks: int = 0


def of_shift(connection: Connection, shift_id: str, now: datetime) -> tuple[dict[str, Seen], float]:
    """What was seen in a shift, by category, and the seconds in which anything was shown."""
    rows = connection.execute(_sums(connection, exposures.c.shift_id == shift_id, now)).all()
    return _seen(rows), sum(float(row.alone) for row in rows)


def past(connection: Connection, account: AccountId, limit: int, now: datetime) -> list[PastShift]:
    """The newest `limit` shifts, oldest first, in two statements."""
    query = select(shifts).where(shifts.c.account_id == account).order_by(shifts.c.started_at.desc()).limit(limit)
    found = list(reversed(connection.execute(query).all()))
    sums = connection.execute(_sums(connection, exposures.c.shift_id.in_([row.id for row in found]), now)).all()
    by_shift: dict[str, list[AnyRow]] = {}
    for row in sums:
        by_shift.setdefault(row.shift_id, []).append(row)
    return [
        PastShift(
            row.started_at,
            row.seen_at,
            _seen(by_shift.get(row.id, [])),
            sum(float(one.alone) for one in by_shift.get(row.id, [])),
        )
        for row in found
    ]


def team(connection: Connection, since: datetime, now: datetime) -> TeamExposure:
    """What everybody saw in shifts that ran on after `since`."""
    running = select(shifts.c.id).where(shifts.c.seen_at >= since)
    people = connection.execute(
        select(func.count(shifts.c.account_id.distinct())).where(shifts.c.seen_at >= since)
    ).scalar_one()
    if people < MIN_PEOPLE:
        return TeamExposure(people)
    by_person: dict[str, list[AnyRow]] = {}
    for row in connection.execute(_sums(connection, exposures.c.shift_id.in_(running), now)):
        by_person.setdefault(row.category, []).append(row)
    seen = {
        category: TeamSeen(
            len({row.account_id for row in rows}),
            sum(row.items for row in rows),
            sum(float(row.seconds) for row in rows),
        )
        for category, rows in by_person.items()
    }
    counted = select(func.count()).select_from(breaks).where(breaks.c.started_at >= since)
    taken = connection.execute(counted).scalar_one()
    told = {category: one for category, one in seen.items() if one.people >= MIN_PEOPLE}
    return TeamExposure(people, told, frozenset(seen) - frozenset(told), taken)


def _seen(rows: Iterable[AnyRow]) -> dict[str, Seen]:
    return {row.category: Seen(row.items, float(row.seconds)) for row in rows}


def _sums(connection: Connection, which: ColumnElement[bool], now: datetime) -> AnySelect:
    """By shift, person and category: different posts, seconds in which the category was shown, and `alone`, the
    seconds that no earlier view of any category covers (their sum is the time in which anything was shown).
    """
    begin = _unix_time(connection, exposures.c.started_at)
    moment = literal(now.timestamp(), Double)
    running = case(
        (exposures.c.seconds + GRACE_SECONDS < moment - begin, exposures.c.seconds + GRACE_SECONDS),
        else_=moment - begin,
    )
    shown = (
        select(
            exposures.c.id,
            exposures.c.shift_id,
            exposures.c.account_id,
            exposures.c.category,
            exposures.c.post_id,
            begin.label("begin"),
            (begin + case((exposures.c.ended_at.is_(None), running), else_=exposures.c.seconds)).label("end"),
        )
        .where(which)
        .cte("shown")
    )
    order = (shown.c.begin, shown.c.id)
    latest = func.max(shown.c.end)
    ahead = select(
        *shown.c,
        latest.over(partition_by=(shown.c.shift_id, shown.c.category), order_by=order, rows=(None, -1)).label("same"),
        latest.over(partition_by=shown.c.shift_id, order_by=order, rows=(None, -1)).label("any"),
    ).cte("ahead")
    return select(
        ahead.c.shift_id,
        ahead.c.account_id,
        ahead.c.category,
        func.count(ahead.c.post_id.distinct()).label("items"),
        func.sum(_uncovered(ahead.c.begin, ahead.c.end, ahead.c.same)).label("seconds"),
        func.sum(_uncovered(ahead.c.begin, ahead.c.end, ahead.c.any)).label("alone"),
    ).group_by(ahead.c.shift_id, ahead.c.account_id, ahead.c.category)


def _uncovered(
    begin: ColumnElement[float], end: ColumnElement[float], covered: ColumnElement[float]
) -> ColumnElement[float]:
    """The part of [begin, end) after `covered`, up to which earlier views reach (NULL: there are none)."""
    return case(
        (or_(covered.is_(None), covered <= begin), end - begin),
        (covered >= end, 0.0),
        else_=end - covered,
    )


def _unix_time(connection: Connection, column: ColumnElement[datetime]) -> ColumnElement[float]:
    """Seconds since 1970; SQLite's are exact to 0.1 ms."""
    if connection.dialect.name == "postgresql":
        return cast(extract("epoch", column), Double)
    return (func.julianday(column) - _UNIX_DAY) * _DAY_SECONDS
