"""Where a time axis has its ticks: at round times of the clock and the calendar, in UTC."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

from review_ui.console.charts.scale import DAY, HOUR, MINUTE
from review_ui.console.charts.wording import Clock

STEPS_S = (
    *(MINUTE * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(HOUR * hours for hours in (1, 2, 3, 6, 12)),
    *(DAY * days for days in (1, 2, 7, 14)),
)
STEPS_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
MONTH_S = 30.44 * DAY
YEAR_MONTHS = 12
MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
"""Steps of days and weeks are counted from a Monday at midnight."""


@dataclass(frozen=True, slots=True)
class TimeTick:
    """A time on the axis, and how much of it to write."""

    time: datetime
    clock: Clock


def time_ticks(first: datetime, last: datetime, *, most: int) -> tuple[TimeTick, ...]:
    """At most about `most` round times in [first, last]; the times themselves where none falls between."""
    span = (last - first).total_seconds()
    step = next((step for step in STEPS_S if span / step <= most), None)
    if step is not None:
        found = tuple(TimeTick(time, _clock(time, step)) for time in _every(first, last, step))
        return found or (TimeTick(first, Clock.MINUTE),)
    months = next((step for step in STEPS_MONTHS if span / MONTH_S / step <= most), STEPS_MONTHS[-1])
    clock = Clock.YEAR if months >= YEAR_MONTHS else Clock.MONTH
    return tuple(TimeTick(time, clock) for time in _every_months(first, last, months))


def bucket_clock(times: Sequence[datetime]) -> Clock:
    """How to write the beginnings of periods, from how far apart they usually are."""
    steps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    usual = median(steps) if steps else DAY
    return Clock.MINUTE if usual < DAY / 2 else Clock.DAY if usual < MONTH_S * 0.9 else Clock.MONTH


def _every(first: datetime, last: datetime, step: int) -> Iterator[datetime]:
    number = math.ceil((first - MONDAY).total_seconds() / step)
    while (time := MONDAY + timedelta(seconds=number * step)) <= last:
        yield time
        number += 1


def _every_months(first: datetime, last: datetime, step: int) -> Iterator[datetime]:
    given = first.astimezone(UTC)
    month = math.ceil((given.year * YEAR_MONTHS + given.month - 1) / step) * step
    while (time := datetime(month // YEAR_MONTHS, month % YEAR_MONTHS + 1, 1, tzinfo=UTC)) <= last:
        if time >= first:
            yield time
        month += step


def _clock(time: datetime, step: int) -> Clock:
    midnight = (time.hour, time.minute) == (0, 0)
    return Clock.DAY if step >= DAY or midnight else Clock.MINUTE
